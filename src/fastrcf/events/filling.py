"""Filling of missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastrcf._affine import as_numbers
from fastrcf._forest.checks import choice, integer
from fastrcf._rows import as_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastrcf._typing import FloatArray, TableLike

__all__ = ["FILLS", "fill_missing"]

FILLS = ("mean", "previous", "linear")


def fill_missing(
    X: TableLike, how: str, *, means: ArrayLike | None = None, limit: int | None = None
) -> FloatArray:
    """Fill missing values, column by column.

    Parameters
    ----------
    X : array_like or frame, shape (n,) or (n, F)
        Rows at even times. NaN and None are missing.
    how : {'mean', 'previous', 'linear'}
        'mean': the column's mean; 'previous': the last value before, nothing from later rows;
        'linear': on the line between the values before and after.
    means : array_like, shape (F,), optional
        For 'mean': those of the training rows, so that the rows to be judged do not leak into
        themselves. By default of the rows at hand.
    limit : int, optional
        Longer runs of missing values stay as they are.

    Returns
    -------
    ndarray of float64, shape (n, F)
        A new array. NaN stays where there is nothing to fill with: before the first value for
        'previous', before the first and after the last for 'linear', in empty columns.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or `X` is infinite somewhere.

    Examples
    --------
    >>> X = [1.0, None, None, 4.0, None]
    >>> (
    ...     fill_missing(X, "linear")[:, 0].tolist(),
    ...     fill_missing(X, "previous", limit=1)[:, 0].tolist(),
    ... )
    ([1.0, 2.0, 3.0, 4.0, nan], [1.0, nan, nan, 4.0, 4.0])
    """
    rows = as_rows(X)
    choice("how", how, FILLS)
    longest = len(rows) if limit is None else integer("limit", limit, 1, 2**62)
    known_means = None if means is None else as_numbers("means", means, rows.shape[1])
    if means is not None and how != "mean":
        raise ValueError(f"means: expected only with how='mean', got how={how!r}")
    result = np.array(rows, dtype=np.float64, order="F")
    for column in range(rows.shape[1]):
        mean = None if known_means is None else float(known_means[column])
        _fill(result[:, column], how, longest, mean)
    return np.ascontiguousarray(result)


def _fill(values: FloatArray, how: str, longest: int, mean: float | None) -> None:
    """Fill one column in place."""
    present = ~np.isnan(values)
    known = np.flatnonzero(present)
    if len(known) == 0:
        if mean is not None and len(values) <= longest:
            values[:] = mean
        return
    # What lies before and after each missing value: -1 and n where nothing does.
    missing = np.flatnonzero(~present)
    after = np.searchsorted(known, missing)
    before_row = np.append(-1, known)[after]
    after_row = np.append(known, len(values))[after]
    short = after_row - before_row - 1 <= longest
    if how == "mean":
        values[missing[short]] = values[known].mean() if mean is None else mean
        return
    usable = short & (before_row >= 0)
    if how == "previous":
        values[missing[usable]] = values[before_row[usable]]
        return
    usable &= after_row < len(values)
    places = missing[usable]
    values[places] = np.interp(places, known, values[known])
