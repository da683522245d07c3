"""The alarm rule: from scores to few alarms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["Alarms", "Range", "cutoff_of"]

_ROWS_PER_ALARM = 2.5
"""Rows beyond the cutoff for each alarm on noise: neighbouring rows share most of their short mean.
What it is worth on several kinds of noise, tests/test_detector_alarms.py measures."""

_WARM = 100
"""Rows after which the range of a series is taken to be known."""

_STILL = 1e-3
"""Least extent of what was seen, as a share of its level."""

_MARGIN = 0.05
"""How far outside, as a share of everything seen so far, a value is news."""


def cutoff_of(alarm_rate: float) -> float:
    """Place the cutoff for an expected rate of alarms: a score is ``-log10`` of a probability."""
    return -math.log10(min(1.0, _ROWS_PER_ALARM * alarm_rate))


class Range:
    """Everything seen so far, column by column; what lies well outside is news.

    Parameters
    ----------
    width : int
        Columns.
    """

    def __init__(self, width: int) -> None:
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self.count = 0

    def excess(self, rows: FloatArray, *, learn: bool) -> FloatArray:
        """Tell how far each row lies outside, in units of the margin: more than 1 is news.

        Above everything seen is positive and below it negative. With several columns every one has
        chances of its own to stray, and the margin grows with their number.
        """
        n = len(rows)
        lows = np.fmin.accumulate(np.vstack([self.low, rows]))
        highs = np.fmax.accumulate(np.vstack([self.high, rows]))
        if not learn:
            lows[1:], highs[1:] = lows[0], highs[0]
        low, high = lows[:-1], highs[:-1]
        with np.errstate(invalid="ignore", over="ignore"):
            beyond = np.fmax(rows - high, 0.0) - np.fmax(low - rows, 0.0)
            extent = np.maximum(high - low, _STILL * np.maximum(np.abs(high), np.abs(low)))
            result = beyond / (min(1.0, _MARGIN * rows.shape[1]) * np.maximum(extent, 1e-200))
        result[~np.isfinite(rows) | ~np.isfinite(low)] = 0.0
        known = self.count + (np.arange(n) if learn else np.zeros(n)) >= _WARM
        if learn:
            self.low, self.high, self.count = lows[-1].copy(), highs[-1].copy(), self.count + n
        news: FloatArray = np.where(known[:, None], result, 0.0)
        return news

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain values."""
        edges = [[None if math.isinf(each) else each for each in side] for side in self._sides()]
        return {"low": edges[0], "high": edges[1], "count": self.count}

    def _sides(self) -> tuple[list[float], list[float]]:
        return self.low.tolist(), self.high.tolist()

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Make the range that `to_dict` gave."""
        seen = cls(len(state["low"]))
        for name, nothing in (("low", math.inf), ("high", -math.inf)):
            values = [nothing if each is None else float(each) for each in state[name]]
            setattr(seen, name, np.array(values))
        seen.count = int(state["count"])
        if (
            len(seen.high) != len(seen.low)
            or not 0 <= seen.count < 2**62
            or np.isnan(seen._sides()).any()
        ):
            raise ValueError("range: not the edges of what was seen")
        return seen


class Event(NamedTuple):
    """The row that raised an alarm, and the latest row beyond the cutoff that belongs to it."""

    start: int
    last: int


class Alarms:
    """One alarm for one event: after a row beyond the cutoff, `rest` quiet rows end the event.

    Parameters
    ----------
    rest : int
        Rows.
    """

    def __init__(self, rest: int) -> None:
        self.rest = rest
        self.open: Event | None = None

    def follow(self, beyond: list[int]) -> tuple[list[Event], list[Event]]:
        """Take the rows beyond the cutoff that came, in order.

        Returns
        -------
        new, over : list of Event
            Events that began (`last` is not final), and those that ended because another began.
        """
        new, over = [], []
        for row in beyond:
            if self.open is not None and row - self.open.last <= self.rest:
                self.open = self.open._replace(last=row)
                continue
            if self.open is not None:
                over.append(self.open)
            self.open = Event(row, row)
            new.append(self.open)
        return new, over

    def close(self, n_seen: int) -> Event | None:
        """End the event if it has been quiet for long enough."""
        if self.open is None or n_seen - 1 - self.open.last < self.rest:
            return None
        over, self.open = self.open, None
        return over
