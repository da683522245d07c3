"""Filling gaps in a table from the table alone: what `impute` offers beside the forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["check_fill_value", "fill_constant", "fill_linear", "fill_previous"]


def fill_previous(table: FloatArray) -> None:
    """Put the last value before a gap into it, and the first one into a gap at the start.

    Parameters
    ----------
    table : ndarray of shape (n, d)
        Changed in place. A column without any value stays as it is.
    """
    for column in table.T:
        missing = np.isnan(column)
        if missing.all():
            continue
        latest = np.maximum.accumulate(np.where(missing, -1, np.arange(len(column))))
        latest[latest < 0] = np.argmin(missing)
        column[missing] = column[latest[missing]]


def fill_linear(table: FloatArray) -> None:
    """Draw a straight line over each gap; a gap at an edge gets the nearest value.

    Parameters
    ----------
    table : ndarray of shape (n, d)
        Changed in place. A column without any value stays as it is.
    """
    for column in table.T:
        missing = np.isnan(column)
        if missing.all() or not missing.any():
            continue
        known = np.flatnonzero(~missing)
        column[missing] = np.interp(np.flatnonzero(missing), known, column[known])


def fill_constant(table: FloatArray, values: FloatArray) -> None:
    """Put one value per column into its gaps.

    Parameters
    ----------
    table : ndarray of shape (n, d)
        Changed in place.
    values : ndarray of shape () or (d,)
        From `check_fill_value`.
    """
    missing = np.isnan(table)
    table[missing] = np.broadcast_to(values, table.shape)[missing]


def check_fill_value(value: ArrayLike | None, n_columns: int) -> FloatArray:
    """Check `fill_value`.

    Parameters
    ----------
    value : object
        What the user gave.
    n_columns : int
        Columns of the table.

    Returns
    -------
    ndarray of shape () or (n_columns,)
        The finite value for all columns or for each.

    Raises
    ------
    TypeError, ValueError
        It is None, not a number, not finite, or of another length.
    """
    expected = f"expected a finite number, or {n_columns} of them"
    if value is None:
        raise ValueError(f"fill_value: {expected}, for method='constant'; got None")
    values = np.asarray(value)
    if values.dtype.kind not in "iuf":
        raise TypeError(f"fill_value: {expected}, got {value!r}")
    if values.shape not in ((), (n_columns,)):
        raise ValueError(f"fill_value: {expected}, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"fill_value: {expected}, got {value!r}")
    return values.astype(np.float64)
