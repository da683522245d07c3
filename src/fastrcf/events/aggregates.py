"""Raw events to one row for each interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice, show
from fastrcf.events.regular import Bins, Regular, make_grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray

__all__ = ["AGGREGATES", "aggregate", "click_rows", "reduced"]

AGGREGATES = ("count", "distinct", "sum", "mean", "min", "max")
_DENSE = 4
"""Keys that are whole numbers within so many times their number are used as they are."""


def click_rows(
    users: ArrayLike,
    times: Any,
    interval: Any,
    *,
    pages: ArrayLike | None = None,
    start: Any = None,
    stop: Any = None,
) -> Regular:
    """Count users and clicks for each interval, and what clicks there are beyond one for a user.

    Parameters
    ----------
    users : array_like, shape (n,)
        Who clicked: numbers or text. A click of nobody (None, NaN) is a click and no user.
    times, interval, start, stop
        As in `aggregate`.
    pages : array_like, shape (n,), optional
        What was clicked; gives a column of distinct pages.

    Returns
    -------
    Regular
        Columns ``user`` (distinct users), ``click``, ``residual`` = click - user, and ``page``
        where `pages` are given. Intervals without a click are there, with zeros.

    Raises
    ------
    TypeError, ValueError
        As in `aggregate`.

    Examples
    --------
    >>> clicks = click_rows([7, 7, 8], times=[0, 30, 130], interval=60, pages=["a", "b", "a"])
    >>> clicks.times.tolist(), clicks["user"].tolist(), clicks["residual"].tolist()
    ([0, 60, 120], [1.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    """
    asked: dict[str, Any] = {"user": ("distinct", users), "click": "count"}
    if pages is not None:
        asked["page"] = ("distinct", pages)
    found = aggregate(times, interval, asked, start=start, stop=stop)
    user, click = found["user"], found["click"]
    columns = {"user": user, "click": click, "residual": click - user}
    if pages is not None:
        columns["page"] = found["page"]
    return Regular(found.times, columns)


def aggregate(
    times: Any,
    interval: Any,
    columns: Mapping[str, str | tuple[str, ArrayLike]],
    *,
    start: Any = None,
    stop: Any = None,
) -> Regular:
    """Aggregate events to one row for each interval.

    Parameters
    ----------
    times : array_like, shape (n,)
        When each event was, in any order, stamps may repeat: datetime64, `datetime.datetime`, ISO
        text, a pandas series of times, or numbers of seconds. Stamps with a time zone count as
        instants, in UTC: no hour is there twice or missing when clocks change. Local stamps
        without a zone are taken as they are.
    interval : number of seconds, str such as ``"10min"``, timedelta or timedelta64
        Length of the intervals. They begin at multiples of it since 1970, or at `start`. With
        stamps and whole seconds their edges are exact; with fractions they round as floats do.
    columns : mapping of str to str or (str, array_like)
        What to compute, by the name of the result: ``"count"`` of events, or one of ``"count"``,
        ``"distinct"``, ``"sum"``, ``"mean"``, ``"min"``, ``"max"`` with a value for each event,
        shape (n,). NaN and None are left out of all of them.
    start, stop : time, optional
        Only events from `start` until before `stop` count; by default all.

    Returns
    -------
    Regular
        One row for each interval, also where nothing happened: there counts and sums are 0, and
        mean, min and max are NaN.

    Raises
    ------
    TypeError, ValueError
        Times are missing or no times (the row is named), an array has another length, there is no
        such aggregate, or there are no events and no `start` and `stop`.

    Examples
    --------
    >>> found = aggregate([0, 10, 70, 200], 60, {"n": "count", "top": ("max", [1, 5, 2, 4])})
    >>> found["n"].tolist(), found["top"].tolist()
    ([2.0, 1.0, 0.0, 1.0], [5.0, 2.0, nan, 4.0])
    """
    grid = make_grid(times, interval, start, stop)
    asked = {name: _checked(name, what, len(grid.ticks.numbers)) for name, what in columns.items()}
    if not asked:
        raise ValueError("columns: expected at least one aggregate, got none")
    bins = grid.bins()
    found = {name: _column(*request, bins, grid.n_bins) for name, request in asked.items()}
    return Regular(grid.times, found)


def _checked(name: str, what: Any, n_events: int) -> tuple[str, NDArray[Any] | None]:
    kind, values = (what, None) if isinstance(what, str) else _pair(name, what)
    choice(f"columns[{name!r}]", kind, AGGREGATES)
    if values is None:
        if kind != "count":
            raise ValueError(f"columns[{name!r}]: expected ({kind!r}, values), got {kind!r} alone")
        return kind, None
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.shape != (n_events,):
        raise ValueError(
            f"columns[{name!r}]: expected a value for each of {n_events} events, shape "
            f"({n_events},), got {array.shape}"
        )
    if kind != "distinct":
        array = _numbers(array, f"columns[{name!r}]", is_counted=kind == "count")
    return kind, array


def _pair(name: str, what: Any) -> tuple[Any, Any]:
    if not isinstance(what, tuple) or len(what) != 2:
        raise TypeError(
            f"columns[{name!r}]: expected 'count' or a pair such as ('sum', values), "
            f"got {show(what)}"
        )
    return what[0], what[1]


def _numbers(array: NDArray[Any], name: str, *, is_counted: bool) -> FloatArray:
    if is_counted and array.dtype.kind not in "biuf":
        import pandas as pd

        return np.where(pd.isna(array), np.nan, 1.0)
    from fastrcf._rows import as_rows

    if array.size == 0:
        return np.empty(0)
    return np.ascontiguousarray(as_rows(array, name)[:, 0], dtype=np.float64)


def _column(kind: str, values: NDArray[Any] | None, bins: Bins, n_bins: int) -> FloatArray:
    if values is None:
        counted = bins.numbers[bins.numbers >= 0]
        return np.bincount(counted, minlength=n_bins).astype(np.float64)
    if kind == "distinct":
        return _distinct(values, bins, n_bins)
    return reduced(kind, values, bins, n_bins)


def reduced(kind: str, values: FloatArray, bins: Bins, n_bins: int) -> FloatArray:
    """Aggregate numbers, all kinds but distinct.

    Parameters
    ----------
    kind : str
    values : ndarray of float64, shape (n,)
        Of each event.
    bins : Bins
        Where each event belongs.
    n_bins : int

    Returns
    -------
    ndarray of float64, shape (n_bins,)
    """
    from fastrcf import _kernels

    count = np.zeros(n_bins)
    total, low, high = (
        np.full(n_bins if kind in kinds else 0, initial)
        for kinds, initial in ((("sum", "mean"), 0.0), (("min",), np.nan), (("max",), np.nan))
    )
    _kernels.reduce_bins(bins.numbers, values, count, total, low, high)
    if kind == "mean":
        total[count == 0] = np.nan
        return total / np.maximum(count, 1)
    return {"count": count, "sum": total, "min": low, "max": high}[kind]


def _distinct(keys: NDArray[Any], bins: Bins, n_bins: int) -> FloatArray:
    """Count different keys for each bin: whoever was last seen in another bin is new in this."""
    from fastrcf import _kernels

    codes, n_codes = _codes(keys)
    order = np.empty(0 if bins.never_down else len(keys), dtype=np.int64)
    if not bins.never_down:
        sizes = np.bincount(bins.numbers + 1, minlength=n_bins + 1)
        _kernels.order_by_bin(bins.numbers, np.cumsum(sizes) - sizes, order)
    counts = np.zeros(n_bins)
    seen = np.full(n_codes, -1, dtype=np.int32)
    _kernels.distinct_in_bins(bins.numbers, codes, order, seen, counts)
    return counts


def _codes(keys: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Give each key a number from 0 on, -1 to a missing one."""
    if keys.dtype.kind in "iu" and keys.size > 0:
        low, high = int(keys.min()), int(keys.max())
        if high - low < _DENSE * keys.size:
            return np.asarray(keys - keys.dtype.type(low)).astype(np.int64), high - low + 1
    import pandas as pd

    codes, found = pd.factorize(keys)
    return codes, len(found)
