"""Time stamps of rows: what the interval between two of them stands for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf._forest.checks import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray, RealArray

__all__ = ["Clock", "Timed", "as_times", "read_times"]

_LONGEST = 100.0
_SLOWEST = 0.01
_START = 10


class Clock(NamedTuple):
    """What is known of the times of the rows so far."""

    kind: str
    """``"number"``, or ``"datetime"`` in nanoseconds."""

    last: float | int
    """Time of the newest row that had one."""

    n_rows: int
    """Rows that the forest had taken then; later ones came without a time."""

    mean: float
    """Mean interval between rows. A long one counts as two."""

    n: int
    """Intervals that the mean rests on."""

    def plain(self) -> list[Any]:
        """Turn it into what JSON holds.

        Returns
        -------
        list
            The fields in order.
        """
        return list(self)

    @classmethod
    def read(cls, fields: Any) -> Clock | None:
        """Read what `plain` gave.

        Parameters
        ----------
        fields : object
            Anything.

        Returns
        -------
        Clock or None
            None for None.

        Raises
        ------
        ValueError
            It is not what `plain` gives.
        """
        if fields is None:
            return None
        kinds: tuple[Any, ...] = (str, (int, float), int, (int, float), int)
        if (
            not isinstance(fields, list)
            or len(fields) != len(kinds)
            or not all(isinstance(value, kind) for value, kind in zip(fields, kinds, strict=True))
            or fields[0] not in ("number", "datetime")
            or not all(math.isfinite(value) for value in fields[1:])
            or min(fields[2:]) < 0
        ):
            raise ValueError(f"clock is {fields!r}")
        return cls(*fields)


class Timed(NamedTuple):
    """Rows with times, as a forest takes them."""

    rows: RealArray
    """The rows given, and those put between them."""

    intervals: tuple[FloatArray, ...]
    """The intervals before the rows, in mean intervals, if the forest takes them; or nothing."""

    places: IntArray
    """Where the rows given are among the rows."""

    clock: Clock
    """What is known of the times then."""


def as_times(time: object, n_rows: int) -> tuple[str, NDArray[Any]]:
    """Turn user data into times.

    Parameters
    ----------
    time : array_like of shape (n_rows,)
        Numbers or datetime64, strictly increasing.
    n_rows : int
        How many there must be.

    Returns
    -------
    kind : str
        As in `Clock`.
    times : ndarray of shape (n_rows,)
        float64 for numbers, int64 nanoseconds for datetimes.

    Raises
    ------
    TypeError, ValueError
        They are of another type or number, not finite, or do not increase; the message names the
        row.
    """
    times = np.asarray(time)
    if times.shape != (n_rows,):
        raise ValueError(f"time: expected one per row, shape ({n_rows},), got shape {times.shape}")
    if times.dtype.kind == "M":
        kind, missing = "datetime", np.isnat(times)
        values: NDArray[Any] = times.astype("datetime64[ns]").astype(np.int64)
    elif times.dtype.kind in "iuf":
        values = times.astype(np.float64)
        kind, missing = "number", ~np.isfinite(values)
    else:
        raise TypeError(f"time: expected numbers or datetime64, got {show(times.dtype)}")
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(f"time: row {row} is {times[row]}; every row needs a time")
    _check_order(values, 1, values[:-1], times)
    return kind, values


def read_times(
    rows: RealArray,
    time: object,
    clock: Clock | None,
    n_taken: int,
    *,
    irregular: str,
    shingle_size: int,
) -> Timed:
    """Tell what the times of rows mean to a forest.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        The rows.
    time : array_like of shape (n,)
        Their times.
    clock : Clock or None
        What is known from the rows before.
    n_taken : int
        Rows that the forest has taken so far.
    irregular : {"gap", "augment"}
        Whether rows of NaN are put where long intervals stand for missing rows, or the intervals
        are handed over.
    shingle_size : int
        Rows of a window.

    Returns
    -------
    Timed
        What the forest takes.

    Raises
    ------
    TypeError, ValueError
        As in `as_times`; or the times do not go on from the last ones.
    """
    kind, times = as_times(time, len(rows))
    if clock is not None:
        if kind != clock.kind:
            raise TypeError(f"time: expected {clock.kind}s as before, got {kind}s")
        _check_order(times[:1], 0, [clock.last], np.asarray(time))
    ratios, mean, n = _ratios(times, clock, n_taken)
    last = times[-1].item()
    if irregular == "augment":
        clock = Clock(kind, last, n_taken + len(rows), mean, n)
        return Timed(rows, (np.clip(ratios, 0.0, _LONGEST),), np.arange(len(rows)), clock)
    spread, places = _with_gaps(rows, ratios, shingle_size)
    return Timed(spread, (), places, Clock(kind, last, n_taken + len(spread), mean, n))


def _ratios(
    times: NDArray[Any], clock: Clock | None, n_taken: int
) -> tuple[FloatArray, float, int]:
    """Measure each interval in mean intervals before it, 1.0 while that is not known; move on."""
    ratios = np.ones(len(times))
    mean, n = (clock.mean, clock.n) if clock is not None else (0.0, 0)
    for row in range(len(times)):
        if row > 0:
            interval, untimed = float(times[row] - times[row - 1]), 0
        elif clock is not None:
            interval, untimed = float(times[0] - clock.last), n_taken - clock.n_rows
        else:
            continue
        interval -= untimed * mean  # rows without a time came regularly
        if n >= _START:
            ratios[row] = interval / mean
        if untimed == 0:
            n += 1
            usual = min(interval, 2.0 * mean) if n > 1 else interval
            mean += max(1.0 / n, _SLOWEST) * (usual - mean)
    return ratios, mean, n


def _with_gaps(
    rows: RealArray, ratios: FloatArray, shingle_size: int
) -> tuple[RealArray, IntArray]:
    """Put rows of NaN where 1.5 intervals and more passed; tell where the rows given are then."""
    most = 3.0 * shingle_size
    n_missing = np.floor(np.clip(ratios, 1.0, most) - 0.5).astype(np.int64)
    n_missing[ratios >= most] = shingle_size  # the window has ended
    places = np.arange(len(rows)) + np.cumsum(n_missing)
    spread = np.full((len(rows) + int(n_missing.sum()), rows.shape[1]), np.nan, rows.dtype)
    spread[places] = rows
    return spread, places


def _check_order(later: Any, first: int, earlier: Any, shown: NDArray[Any]) -> None:
    """Refuse times that are not later than those before them."""
    wrong = np.flatnonzero(later[first:] <= np.asarray(earlier)) + first
    if len(wrong) > 0:
        row = int(wrong[0])
        before = "the newest row learned" if row == 0 else f"row {row - 1}"
        raise ValueError(f"time: row {row}, {shown[row]}, is not later than {before}")
