"""Stamps that name an interval, such as ``20170131_2355-0000``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_stamp", "parse_stamps"]

_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)-(\d\d)(\d\d)", re.ASCII)
_DAY = 24 * 60


def is_stamp(text: object) -> bool:
    """Whether this looks like such a stamp."""
    return isinstance(text, str) and _STAMP.fullmatch(text.strip()) is not None


def parse_stamps(stamps: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read stamps of the form ``YYYYMMDD_HHmm-HHmm``.

    Parameters
    ----------
    stamps : array_like of str, shape (n,)
        A day, and when an interval begins and ends. An end that is not later than the beginning
        lies on the next day; ``2400`` is the end of the day.

    Returns
    -------
    starts, stops : ndarray of datetime64[m], shape (n,)
        As written: the stamps have no time zone.

    Raises
    ------
    TypeError, ValueError
        A stamp is missing, of another form, or no such day or time exists; the row is named.

    Examples
    --------
    >>> starts, stops = parse_stamps(["20170101_0000-0005", "20170131_2355-0000"])
    >>> [str(stop) for stop in stops]
    ['2017-01-01T00:05', '2017-02-01T00:00']
    """
    array = np.asarray(stamps, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"stamps: expected shape (n,), got {array.shape}")
    days = np.empty(len(array), dtype="datetime64[D]")
    minutes = np.empty((2, len(array)), dtype=np.int64)
    for row, text in enumerate(array):
        days[row], minutes[0, row], minutes[1, row] = _parse(text, row)
    minutes[1] += np.where(minutes[1] <= minutes[0], _DAY, 0)
    starts, stops = (days.astype("datetime64[m]") + part for part in minutes)
    return starts, stops


def _parse(text: object, row: int) -> tuple[np.datetime64, int, int]:
    if not isinstance(text, str):
        raise TypeError(f"stamps: row {row}: expected text, got {text!r}")
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"stamps: row {row}: expected YYYYMMDD_HHmm-HHmm, got {text!r}")
    year, month, day, *clock = found.groups()
    begin, end = (int(hour) * 60 + int(minute) for hour, minute in (clock[:2], clock[2:]))
    try:
        date = np.datetime64(f"{year}-{month}-{day}", "D")
    except ValueError:
        raise ValueError(f"stamps: row {row}: there is no such day, {text!r}") from None
    if begin >= _DAY or end > _DAY or int(clock[1]) > 59 or int(clock[3]) > 59:
        raise ValueError(f"stamps: row {row}: there is no such time of day, {text!r}")
    return date, begin, end
