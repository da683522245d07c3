"""What a detector finds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["DIRECTIONS", "REASONS", "Detection"]

REASONS = ("score", "range")
DIRECTIONS = ("high", "low")


@dataclass(frozen=True)
class Detection:
    """One alarm, for one event.

    All but `end` is known when the alarm is raised, and stays.

    Parameters
    ----------
    start : int
        Number of the row that raised the alarm, counted from the first row that was ever learned.
    end : int or None
        Number of the row behind the last row of the event; None while it goes on. An event is over
        when as many rows as the detector's `rest` have passed without any beyond the cutoff.
    time : object
        Time of the row `start`, as it was given with the rows; its number if none was.
    score : float
        Score of that row.
    grade : float
        From 0 (barely an alarm) to 1: ``1 - cutoff / score``.
    reason : {"score", "range"}
        What raised the alarm: the score, or values outside everything seen.
    column : str or int
        The column that the anomaly shows most in.
    direction : {"high", "low"}
        Whether the value of that column is unusual upward or downward.
    values, expected : ndarray of shape (d,)
        The row, and what was expected: the median of the rows one, two and three periods before; of
        the latest 64 rows where there is no period.
    attribution : dict
        What each column adds to the score of the values, as shares that sum to 1.
    band : ndarray of shape (2, d), optional
        Between which values the row was expected to lie, from a detector that knows that.
    """

    start: int
    end: int | None
    time: Any
    score: float
    grade: float
    reason: str
    column: str | int
    direction: str
    values: FloatArray = field(compare=False)
    expected: FloatArray = field(compare=False)
    attribution: dict[str | int, float]
    band: FloatArray | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Give the detection as plain values.

        Returns
        -------
        dict
            What JSON holds, in the order above; None for values that are not known. The band is
            left out where there is none.
        """
        band = {} if self.band is None else {"band": [_known(side) for side in self.band]}
        return {
            "start": self.start,
            "end": self.end,
            "time": _plain_time(self.time),
            "score": self.score,
            "grade": self.grade,
            "reason": self.reason,
            "column": self.column,
            "direction": self.direction,
            "values": _known(self.values),
            "expected": _known(self.expected),
            "attribution": dict(self.attribution),
            **band,
        }


def _known(values: FloatArray) -> list[float | None]:
    return [None if math.isnan(each) else each for each in values.tolist()]


def _plain_time(time: Any) -> int | float | str:
    time = time.item() if isinstance(time, np.integer | np.floating) else time
    is_number = isinstance(time, int) or (isinstance(time, float) and math.isfinite(time))
    return time if is_number or isinstance(time, str) else str(time)
