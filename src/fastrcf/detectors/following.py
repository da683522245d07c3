"""What every engine does with the levels of rows: events, their ends, and scores that fade."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.detectors.alarms import Alarms, Event
    from fastrcf.detectors.detection import Detection
    from fastrcf.detectors.finder import Finder

__all__ = ["MOST_DETECTIONS", "faded", "follow"]

MOST_DETECTIONS = 10_000
"""Detections that are kept."""

_FADE = 1.0 - 1.0 / 30.0
"""What remains of a score from row to row: half after twenty rows."""


def follow(finder: Finder, alarms: Alarms, detections: list[Detection], n_seen: int) -> None:
    """Add the alarms that a finder's rows raise to the detections, and end those that are over.

    Parameters
    ----------
    finder : Finder
        Of the rows that came.
    alarms : Alarms
        Goes on with them.
    detections : list of Detection
        Is added to; the oldest beyond 10,000 are dropped.
    n_seen : int
        Rows seen when these rows are.
    """
    new, over = alarms.follow(finder.beyond())
    last = alarms.close(n_seen)
    detections.extend(finder.detection(event) for event in new)
    del detections[:-MOST_DETECTIONS]
    for event in [*over, last]:
        if event is not None:
            _end(detections, event)


def _end(detections: list[Detection], event: Event) -> None:
    for place in range(len(detections) - 1, -1, -1):
        if detections[place].start == event.start:
            detections[place] = replace(detections[place], end=event.last + 1)
            return


def faded(levels: FloatArray, before: float) -> tuple[FloatArray, float]:
    """Let a level sink slowly; rows without one keep none. The last value goes on.

    Parameters
    ----------
    levels : ndarray of shape (n,)
        0 where there is none.
    before : float
        What the rows before left.

    Returns
    -------
    scores : ndarray of shape (n,)
        At least the levels.
    before : float
        What these rows leave.
    """
    scores = levels.copy()
    for row, level in enumerate(levels.tolist()):
        before = max(level, before * _FADE)
        if level:
            scores[row] = before
    return scores, before
