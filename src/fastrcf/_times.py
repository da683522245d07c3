"""Times that users have (stamps of any kind, or numbers of seconds) as plain numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf._forest.checks import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ticks", "as_step", "as_ticks", "find_breaks", "refuse_backwards"]

_MICROS = 1_000_000
_LARGEST = 2**63 - 1


class Ticks(NamedTuple):
    """Times as numbers.

    Attributes
    ----------
    numbers : ndarray of int64 or float64, shape (n,)
        Microseconds since 1970 for stamps; else the numbers as they were given, seconds.
    stamped : bool
        Whether they were stamps.
    """

    numbers: NDArray[Any]
    stamped: bool

    def restore(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Turn numbers of this kind back into what the user has, stamps as datetime64[us]."""
        return numbers.astype("datetime64[us]") if self.stamped else numbers


def as_ticks(times: Any, name: str = "times") -> Ticks:
    """Read times.

    Parameters
    ----------
    times : array_like, shape (n,)
        datetime64, `datetime.datetime`, ISO text, a pandas series or index of times, or numbers of
        seconds. Stamps with a time zone count as instants, in UTC.
    name : str
        Of the caller's argument, for error messages.

    Returns
    -------
    Ticks

    Raises
    ------
    TypeError, ValueError
        They are not times, or one is missing; the row is named.

    Examples
    --------
    >>> as_ticks(["2024-01-01T00:00:01"]).numbers.tolist()
    [1704067201000000]
    >>> as_ticks([0.5, 2]).numbers.tolist()
    [0.5, 2.0]
    """
    array = times if isinstance(times, np.ndarray) else _as_array(times, name)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected shape (n,), got {array.shape}")
    if array.dtype.kind in "OU" and array.size > 0:
        array = _parsed(array, name)
    if array.dtype.kind == "M":
        micros = array.astype("datetime64[us]")
        _refuse(name, array, np.isnat(micros), "is missing")
        return Ticks(micros.astype(np.int64), stamped=True)
    if array.dtype.kind in "iuf" or array.size == 0:
        if array.dtype.kind == "u":
            _refuse(name, array, array > _LARGEST, "is beyond what is taken")
        values = array.astype(np.float64 if array.dtype.kind == "f" else np.int64, copy=False)
        if values.dtype == np.float64:
            _refuse(name, array, ~np.isfinite(values), "is no time")
        return Ticks(np.ascontiguousarray(values), stamped=False)
    raise TypeError(f"{name}: expected time stamps or numbers of seconds, got {array.dtype}")


def as_step(step: Any, ticks: Ticks, name: str = "interval") -> Any:
    """Read a length of time, in the unit of `ticks`: int where they are, else float.

    Parameters
    ----------
    step : number, str, timedelta or timedelta64
        Numbers are seconds; text is as pandas has it, for example ``"10min"``.
    ticks : Ticks
        The times that it goes with.
    name : str
        Of the caller's argument, for error messages.

    Returns
    -------
    int or float
        More than 0.

    Raises
    ------
    TypeError, ValueError
        It is no length of time, or not more than 0, or less than a microsecond for stamps.

    Examples
    --------
    >>> as_step("10min", as_ticks([0, 5]))
    600
    """
    seconds = _seconds(step, name)
    if not (np.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{name}: expected a length of time above 0, got {show(step)}")
    if not ticks.stamped:
        is_whole = ticks.numbers.dtype == np.int64 and float(seconds).is_integer()
        return int(seconds) if is_whole else float(seconds)
    micros = round(seconds * _MICROS)
    if micros < 1:
        raise ValueError(f"{name}: expected at least a microsecond, got {show(step)}")
    return micros


def find_breaks(times: Any, max_step: Any = None) -> NDArray[np.int64]:
    """Find the gaps in time stamps.

    Parameters
    ----------
    times : array_like, shape (n,)
        datetime64, `datetime.datetime`, ISO text, a pandas series or index of times, or numbers of
        seconds; one for each row, never going back.
    max_step : number of seconds, str such as ``"5min"``, timedelta or timedelta64, optional
        The largest step between two rows that is no gap; half as much again as the median step by
        default.

    Returns
    -------
    ndarray of int64, shape (k,)
        Numbers of the rows before which there is a gap: the ``breaks`` of `segments`.

    Raises
    ------
    TypeError, ValueError
        `times` are not times, one is missing or earlier than the one before it (the row is named);
        `max_step` is no length of time above 0.

    Examples
    --------
    >>> find_breaks([0, 60, 120, 600, 660]).tolist()
    [3]
    >>> find_breaks(["2024-01-01T00:00", "2024-01-01T00:05", "2024-01-01T00:15"], "5min").tolist()
    [2]
    """
    ticks = as_ticks(times)
    refuse_backwards(ticks, "times")
    steps = np.diff(ticks.numbers)
    if max_step is not None:
        largest = as_step(max_step, ticks, "max_step")
    elif len(steps) > 0:
        largest = 1.5 * float(np.median(steps))
    else:
        largest = 0.0
    return np.flatnonzero(steps > largest).astype(np.int64) + 1


def refuse_backwards(ticks: Ticks, name: str) -> None:
    """Raise when a time is earlier than the one before it; the row is named."""
    backwards = np.zeros(len(ticks.numbers), dtype=bool)
    backwards[1:] = ticks.numbers[1:] < ticks.numbers[:-1]
    _refuse(name, ticks.restore(ticks.numbers), backwards, "is earlier than the one before it")


def _as_array(times: Any, name: str) -> NDArray[Any]:
    if getattr(getattr(times, "dtype", None), "tz", None) is not None:  # pandas, with a zone
        import pandas as pd

        return pd.DatetimeIndex(times).tz_convert("UTC").tz_localize(None).to_numpy()
    try:
        return np.asarray(times.to_numpy() if hasattr(times, "to_numpy") else times)
    except ValueError:
        raise ValueError(f"{name}: expected shape (n,), got ragged data") from None


def _parsed(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Read ISO text, datetimes and pandas' own stamps."""
    import pandas as pd

    try:
        stamps = pd.to_datetime(array, utc=True, format="ISO8601")
    except (ValueError, TypeError):
        stamps = pd.to_datetime(array, utc=True, format="ISO8601", errors="coerce")
        empty = pd.isna(array)
        wrong = np.asarray(stamps.isna()) & ~empty
        _refuse(name, array, wrong, "is no time stamp such as 2024-01-31T23:59")
        raise TypeError(f"{name}: expected time stamps or numbers of seconds") from None
    return stamps.tz_localize(None).to_numpy()


def _seconds(step: Any, name: str) -> float:
    if isinstance(step, bool | np.bool_):
        raise TypeError(f"{name}: expected a length of time, got {show(step)}")
    if isinstance(step, timedelta | str | np.timedelta64):
        import pandas as pd

        try:
            return float(pd.Timedelta(step) / pd.Timedelta(seconds=1))
        except ValueError:
            raise ValueError(f"{name}: expected a length of time, got {show(step)}") from None
    if isinstance(step, int | float | np.integer | np.floating):
        return float(step)
    raise TypeError(f"{name}: expected seconds, a timedelta or text like '10min', got {show(step)}")


def _refuse(name: str, values: NDArray[Any], wrong: NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{name}: row {row}, {values[row]}, {what}")
