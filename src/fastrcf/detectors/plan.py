"""Which views a series is given: estimated from its own past, never from what is to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastrcf.detectors.period import find_period
from fastrcf.detectors.views import ColumnsView, ShapeView, View

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["HISTORY", "LONGEST_PERIOD", "VIEWS", "Plan", "make_plan", "same_views"]

VIEWS = ("values", "shape", "change", "rest", "path")
"""Names of views. One column: its values, its shape and its change over half a period and a whole
one. Several: their values, what of each the others do not foretell (the rest), and the path of four
rows, of the values and of the rest."""

HISTORY = 8192
"""Latest rows that are kept, and that a plan is made from."""

LONGEST_PERIOD = HISTORY // 3
"""Rows; what is expected is told from the same row in the three periods before."""

_STRENGTH = 0.35
"""Autocorrelation from which on a series counts as periodic."""

_EXPLAINED = 0.9
"""Share of the variance of scaled columns that counts as their common movement."""

_FLOOR = 0.1
"""Least standard deviation, as a share of what is usual: dividing by less would blow up noise."""

_COLUMN_FLOOR = 0.05
"""The same for columns, as a share of level and extent."""

_PATH = 4
_MEAN_OF_VALUES = 5


class Plan(NamedTuple):
    """Views, and the period they are made for."""

    period: int
    """In rows; 0 if there is none."""

    views: tuple[View, ...]


def make_plan(rows: FloatArray, wanted: tuple[str, ...], period: int | None) -> Plan:
    """Choose views for a series.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Its past, NaN where nothing is known; at least one row.
    wanted : tuple of str
        Names of `VIEWS`; those that do not suit the number of columns, or need a period where there
        is none, are left out.
    period : int or None
        Rows; 0 for none. None is estimated. One column must have come twice as far.

    Returns
    -------
    Plan
        With one view at least.
    """
    if rows.shape[1] == 1:
        return _of_series(rows, wanted, period)
    return Plan(period or 0, _of_columns(rows, wanted))


def _of_series(rows: FloatArray, wanted: tuple[str, ...], period: int | None) -> Plan:
    known = rows[~np.isnan(rows[:, 0])]
    if period is not None and len(known) < 2 * period:
        period = 0
    if period is None:
        found = find_period(known[-HISTORY:, 0])
        period = found.rows if found and found.strength >= _STRENGTH else 0
    views: list[View] = []
    for window in (period // 2, period):
        if window >= 4 and "shape" in wanted:
            views.append(_floored(ShapeView(window, differences=False), known))
        if window >= 4 and "change" in wanted:
            views.append(ShapeView(window, differences=True))
    if "values" in wanted or not views:
        values = ColumnsView(np.zeros(1), np.ones(1), mean_of=_MEAN_OF_VALUES)
        views.insert(0, values)
    return Plan(period, tuple(views))


def _floored(view: ShapeView, known: FloatArray) -> ShapeView:
    """Give a view its floor: a share of the usual deviation of its windows."""
    size = view.lookback
    latest = known[-HISTORY:, 0]
    if len(latest) < size:
        return view
    windows = np.lib.stride_tricks.sliding_window_view(latest, size)[:: view.hop]
    usual = float(np.median(windows.std(axis=1)))
    return ShapeView(view.window, differences=False, floor=_FLOOR * usual)


def _of_columns(rows: FloatArray, wanted: tuple[str, ...]) -> tuple[View, ...]:
    centre = _known(np.nanmean, rows)
    spread = _known(np.nanstd, rows)
    extent = _known(np.nanmax, rows) - _known(np.nanmin, rows)
    scale = np.maximum(spread, _COLUMN_FLOOR * np.maximum(np.abs(centre), extent))
    scale[scale <= 0.0] = 1.0
    views: list[View] = []
    if "values" in wanted:
        views.append(ColumnsView(centre, scale))
    basis = _common(rows, centre, scale) if "rest" in wanted else None
    if basis is not None:
        views.append(ColumnsView(centre, scale, basis))
    if "path" in wanted:
        views.append(ColumnsView(centre, scale, shingle=_PATH))
        if basis is not None:
            views.append(ColumnsView(centre, scale, basis, shingle=_PATH))
    return tuple(views) or (ColumnsView(centre, scale),)


def _known(statistic: object, rows: FloatArray) -> FloatArray:
    """Compute a statistic of each column, 0 for a column without values."""
    empty = np.isnan(rows).all(axis=0)
    result: FloatArray = statistic(np.where(empty, 0.0, rows), axis=0)  # type: ignore[operator]
    return result


def _common(rows: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Find the directions in which the columns move together (principal components)."""
    scaled = np.nan_to_num((rows - centre) / scale)
    variances, directions = np.linalg.eigh(scaled.T @ scaled)
    shares = np.cumsum(variances[::-1]) / max(float(variances.sum()), 1e-300)
    count = min(int(np.searchsorted(shares, _EXPLAINED)) + 1, len(variances) - 1)
    result: FloatArray = np.ascontiguousarray(directions[:, ::-1][:, :count].T)
    return result


def same_views(old: Plan, new: Plan) -> bool:
    """Whether a new plan shows nothing that the old one does not: about the same period."""
    if old.period == 0 or new.period == 0:
        return old.period == new.period
    return abs(new.period - old.period) <= 0.1 * old.period
