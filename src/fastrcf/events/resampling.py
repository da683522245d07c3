"""Irregular rows to regular ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice
from fastrcf._forest.inputs import as_table
from fastrcf._rows import complete_rows
from fastrcf._times import refuse_backwards
from fastrcf.events.aggregates import reduced
from fastrcf.events.filling import FILLS, fill_missing
from fastrcf.events.regular import Grid, Regular, make_grid

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, TableLike

__all__ = ["resample"]

_WITHIN = ("count", "sum", "mean", "min", "max")
_AT = ("previous", "linear")


def resample(
    times: Any,
    X: TableLike,
    interval: Any,
    how: str = "mean",
    *,
    fill: str | None = None,
    start: Any = None,
    stop: Any = None,
) -> Regular:
    """Turn rows at irregular times into rows at regular ones.

    Parameters
    ----------
    times, interval, start, stop
        As in `aggregate`.
    X : array_like or frame, shape (n,) or (n, F)
        A row for each time. NaN is missing.
    how : {'mean', 'count', 'sum', 'min', 'max', 'previous', 'linear'}, default 'mean'
        The first five aggregate the values within an interval. 'previous' and 'linear' tell the
        value at the moment when the interval begins: the last one until then, or on the line
        between its neighbours; for these, times may not go back, and of rows with equal times the
        last one counts.
    fill : {'mean', 'previous', 'linear'}, optional
        What to do about rows that are still missing: see `fill_missing`. They stay NaN by default.

    Returns
    -------
    Regular
        Columns as in `X`; ``"0"``, ``"1"``, … where it has no names.

    Raises
    ------
    TypeError, ValueError
        As in `aggregate`; or `X` has another length, is infinite somewhere, or times go back where
        they may not (the row is named).

    Examples
    --------
    >>> resample([0, 50, 130], [1.0, 3.0, 5.0], 60)["0"].tolist()
    [2.0, nan, 5.0]
    >>> resample([0, 40, 140], [0.0, 4.0, 14.0], 60, "linear")["0"].tolist()
    [0.0, 6.0, 12.0]
    """
    choice("how", how, _WITHIN + _AT)
    if fill is not None:
        choice("fill", fill, FILLS)
    table = as_table(X)
    complete_rows(table.array)
    grid = make_grid(times, interval, start, stop)
    if len(table.array) != len(grid.ticks.numbers):
        raise ValueError(
            f"X: expected a row for each of {len(grid.ticks.numbers)} times, got {len(table.array)}"
        )
    names = table.names or tuple(str(column) for column in range(table.array.shape[1]))
    if how in _AT:
        refuse_backwards(grid.ticks, "times")
        columns = [_at(grid, column, how) for column in table.array.T]
    else:
        bins = grid.bins()
        columns = [
            reduced(how, np.ascontiguousarray(column, dtype=np.float64), bins, grid.n_bins)
            for column in table.array.T
        ]
    if fill is not None:
        columns = list(fill_missing(np.column_stack(columns), fill).T)
    return Regular(grid.times, dict(zip(names, columns, strict=True)))


def _at(grid: Grid, column: Any, how: str) -> FloatArray:
    """Values of one column at the moments when the intervals begin."""
    known = ~np.isnan(column)
    values = column[known].astype(np.float64)
    ticks = (grid.ticks.numbers[known] - grid.first).astype(np.float64)
    moments = (grid.starts - grid.first).astype(np.float64)
    last_of_equals = np.append(ticks[1:] != ticks[:-1], True)[: len(ticks)]
    ticks, values = ticks[last_of_equals], values[last_of_equals]
    result = np.full(grid.n_bins, np.nan)
    if len(ticks) == 0:
        return result
    if how == "linear":
        return np.asarray(np.interp(moments, ticks, values, left=np.nan, right=np.nan))
    before = np.searchsorted(ticks, moments, side="right") - 1
    result[before >= 0] = values[before[before >= 0]]
    return result
