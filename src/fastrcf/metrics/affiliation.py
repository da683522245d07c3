"""Affiliation metrics: how close alarms are to events, against what chance would reach.

Huet, Navarro and Rossi (2022), "Local evaluation of time series anomaly detection algorithms", KDD.
The series is cut halfway between the events; within each event's zone, each flagged moment is
judged by the chance that a random moment of the zone lies as far from the event or farther, and
each moment of the event by the chance that a random moment lies as far from it as the nearest
flagged one, or farther. Row *i* is the time from *i* to *i* + 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import label_pair, stretches
from fastrcf.metrics.points import harmonic_mean

__all__ = ["AffiliationScores", "affiliation_scores"]


class AffiliationScores(NamedTuple):
    """Affiliation precision and recall, from 0 to 1; alarms thrown at random reach about 0.5."""

    precision: float
    """Mean over the events with an alarm in their zone; 0.0 where nothing is flagged."""

    recall: float
    """Mean over all events."""

    precision_by_event: FloatArray
    """How near the alarms in each event's zone are to it; NaN where there are none."""

    recall_by_event: FloatArray
    """How near each event is to the alarms in its zone; 0 where there are none."""

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)


class _Alarms(NamedTuple):
    """Alarms cut at the borders of zones."""

    start: FloatArray
    stop: FloatArray
    zone: IntArray


class _Zones(NamedTuple):
    """Events and the zones around them, as times."""

    left: FloatArray
    start: FloatArray
    stop: FloatArray
    right: FloatArray


def affiliation_scores(labels: ArrayLike, predictions: ArrayLike) -> AffiliationScores:
    """Compute affiliation precision and recall.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row, at least one of them 1; runs of 1 are the events.
    predictions : array-like of shape (n,)
        0 or 1 for each row.

    Returns
    -------
    AffiliationScores
        Precision and recall, overall and for each event.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a value is not 0 or 1, or no label is 1.

    Notes
    -----
    The numbers are those of the authors' package, but for the precision of predictions that flag
    nothing, which is NaN there.

    Examples
    --------
    >>> labels = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> near = affiliation_scores(labels, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    >>> far = affiliation_scores(labels, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    >>> round(near.precision, 2), round(far.precision, 2)
    (0.7, 0.1)
    """
    truth, flagged = label_pair(labels, predictions)
    runs = stretches(truth)
    if len(runs) == 0:
        raise ValueError("labels: affiliation needs an event to be near to, and no label is 1")
    zones = _zones(runs, len(truth))
    alarms = _cut(stretches(flagged), zones)
    precision = _precision(alarms, zones)
    recall = _recall(alarms, zones)
    judged = precision[~np.isnan(precision)]
    return AffiliationScores(
        float(judged.mean()) if len(judged) else 0.0, float(recall.mean()), precision, recall
    )


def _zones(runs: IntArray, n_rows: int) -> _Zones:
    start, stop = runs[:, 0].astype(np.float64), runs[:, 1].astype(np.float64)
    borders = (stop[:-1] + start[1:]) / 2
    return _Zones(np.append(0.0, borders), start, stop, np.append(borders, float(n_rows)))


def _cut(runs: IntArray, zones: _Zones) -> _Alarms:
    first = np.searchsorted(zones.right, runs[:, 0], side="right")
    last = np.searchsorted(zones.left, runs[:, 1], side="left") - 1
    times = last - first + 1
    zone = np.repeat(first, times)
    zone += np.arange(len(zone)) - np.repeat(np.cumsum(times) - times, times)
    start = np.maximum(np.repeat(runs[:, 0], times), zones.left[zone])
    stop = np.minimum(np.repeat(runs[:, 1], times), zones.right[zone])
    return _Alarms(start, stop, zone)


def _precision(alarms: _Alarms, zones: _Zones) -> FloatArray:
    """Average over the flagged time of each zone; within the event it is worth 1.

    A random moment is *d* or farther from the event with chance ``(max(0, b - d) + max(0, a - d))
    / zone``, with *b* and *a* the room before and after the event.
    """
    left, start, stop, right = (border[alarms.zone] for border in zones)
    worth = _shared(alarms, start, stop)
    before = start - np.minimum(alarms.stop, start), start - np.minimum(alarms.start, start)
    after = np.maximum(alarms.start, stop) - stop, np.maximum(alarms.stop, stop) - stop
    for near, far in (before, after):
        for room in (start - left, right - stop):
            worth += (_room_beyond(far, room) - _room_beyond(near, room)) / (right - left)
    time = np.bincount(alarms.zone, alarms.stop - alarms.start, len(zones.left))
    total = np.bincount(alarms.zone, worth, len(zones.left))
    none = np.full(len(zones.left), np.nan)
    precision: FloatArray = np.divide(total, time, out=none, where=time > 0)
    return precision


def _recall(alarms: _Alarms, zones: _Zones) -> FloatArray:
    """Average over the time of each event; flagged time is worth 1.

    The moments nearer to *y* than an alarm at distance *d* are a stretch that ends at the alarm, of
    length ``min(2 d, room)``, with *room* from the alarm past *y* to the end of the zone.
    """
    left, start, stop, right = (border[alarms.zone] for border in zones)
    # Each alarm answers for the time up to halfway to the next one of its zone.
    halfway = (alarms.stop[:-1] + alarms.start[1:]) / 2
    same_zone = np.diff(alarms.zone) == 0
    begin, end = np.maximum(left, start), np.minimum(right, stop)
    begin[1:][same_zone] = np.maximum(halfway, start[1:])[same_zone]
    end[:-1][same_zone] = np.minimum(halfway, stop[:-1])[same_zone]

    worth = _shared(alarms, start, stop)
    before = alarms.start - np.minimum(stop, alarms.start), alarms.start - begin
    after = np.maximum(start, alarms.stop) - alarms.stop, end - alarms.stop
    for (near, far), room in (before, alarms.start - left), (after, right - alarms.stop):
        lost = (_nearer(far, room) - _nearer(near, room)) / (right - left)
        worth += np.where(far > near, far - near - lost, 0.0)
    length = zones.stop - zones.start
    recall: FloatArray = np.bincount(alarms.zone, worth, len(zones.left)) / length
    return recall


def _room_beyond(distance: FloatArray, room: FloatArray) -> FloatArray:
    """Integrate ``max(0, room - d)`` over *d* from 0 to a distance."""
    within = np.minimum(distance, room)
    area: FloatArray = within * (room - within / 2)
    return area


def _nearer(distance: FloatArray, room: FloatArray) -> FloatArray:
    """Integrate ``min(2 d, room)`` over *d* from 0 to a distance."""
    within = np.minimum(distance, room / 2)
    area: FloatArray = within**2 + room * (distance - within)
    return area


def _shared(alarms: _Alarms, start: FloatArray, stop: FloatArray) -> FloatArray:
    """Measure how much of each alarm lies in the event of its zone."""
    shared: FloatArray = np.minimum(alarms.stop, stop) - np.maximum(alarms.start, start)
    return np.maximum(shared, 0.0)
