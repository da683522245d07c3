"""The curves that volumes under the surface are made of, for one buffer width after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import stretches

__all__ = ["Surface"]


class Surface:
    """Counts from which the curves of all widths follow.

    A level is a threshold, highest first; a row's level is the first that flags it.

    Parameters
    ----------
    truth : ndarray of shape (n,), bool
        Labels, both classes among them.
    scores : ndarray of shape (n,), float64
        Finite scores.
    reach : int
        Farthest row beside an event that any width takes in.
    thresholds : int or None
        How many ranks of the scores become levels; None: each distinct score.
    """

    def __init__(
        self, truth: NDArray[np.bool_], scores: FloatArray, reach: int, thresholds: int | None
    ) -> None:
        events = stretches(truth)
        near, far = _distances(events, truth)
        n_levels, level = _levels(scores, thresholds)
        flagged = np.cumsum(np.bincount(level, minlength=n_levels))
        hits = np.cumsum(np.bincount(level[truth], minlength=n_levels))

        # Where a level flags nothing in or near events, the curves go on straight: leave it out.
        turns = np.bincount(level[near <= reach], minlength=n_levels) > 0
        kept = turns | np.append(turns[1:], True)
        level = (np.cumsum(kept) - 1)[level]

        self._n_rows = len(truth)
        self._flagged = flagged[kept]
        self._hits = hits[kept]
        beside = (near <= reach) & ~truth
        self._buffer = _Buffer.of(near[beside], far[beside], level[beside], reach)
        self._events = _Events(events, level)

    def areas(self, width: int) -> tuple[float, float]:
        """Compute the areas under the curves of one width.

        Parameters
        ----------
        width : int
            Width of the buffer; not less than in earlier calls.

        Returns
        -------
        roc : float
            Area under the ROC curve, by the trapezoid rule.
        pr : float
            Area under the precision-recall curve, by the step rule of average precision.
        """
        buffer = self._buffer.sum_of_labels(width, len(self._flagged))
        share = self._events.share_found(width // 2, len(self._flagged))
        true_positives = self._hits + buffer
        positives = self._hits[-1] + buffer / 2
        recall = np.minimum(true_positives / positives, 1.0) * share
        false_rate = (self._flagged - true_positives) / (self._n_rows - positives)

        height = np.concatenate([[0.0], recall, [1.0]])
        steps = np.diff(np.concatenate([[0.0], false_rate, [1.0]]))
        roc = np.dot(steps, (height[1:] + height[:-1]) / 2)
        pr = np.dot(np.diff(height[:-1]), true_positives / self._flagged)
        return float(roc), float(pr)


def _levels(scores: FloatArray, thresholds: int | None) -> tuple[int, IntArray]:
    """Count the levels and find each row's."""
    if thresholds is None:
        distinct, rank = np.unique(scores, return_inverse=True)
        return len(distinct), len(distinct) - 1 - rank
    ranks = np.linspace(0, len(scores) - 1, thresholds).astype(np.int64)
    levels = np.unique(np.sort(scores)[::-1][ranks])
    return len(levels), len(levels) - np.searchsorted(levels, scores, side="right")


def _distances(events: IntArray, truth: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Find how far each row lies from the nearest and from the second nearest event.

    Both are 0 within events. The second nearest may lie on the same side as the nearest.
    """
    n_rows = len(truth)
    nowhere = np.iinfo(np.int64).max // 4  # farther than any buffer reaches
    starts = np.concatenate([events[:, 0], [nowhere, nowhere]])
    lasts = np.concatenate([[-nowhere, -nowhere], events[:, 1] - 1])
    gap_starts, gap_stops = np.append(0, events[:, 1]), np.append(events[:, 0], n_rows)
    gap = np.repeat(np.arange(len(gap_starts)), gap_stops - gap_starts)
    row = np.flatnonzero(~truth)

    before, after = row - lasts[1:][gap], starts[:-1][gap] - row
    near, far = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
    near[row] = np.minimum(before, after)
    second = np.minimum(row - lasts[:-1][gap], starts[1:][gap] - row)
    far[row] = np.minimum(np.maximum(before, after), second)
    return near, far


class _Buffer(NamedTuple):
    """Rows beside events, counted by distances and level; nearest first."""

    near: IntArray
    far: IntArray
    level: IntArray
    size: IntArray

    @classmethod
    def of(cls, near: IntArray, far: IntArray, level: IntArray, reach: int) -> _Buffer:
        far = np.minimum(far, reach + 1)  # farther than any buffer is all the same
        n_levels = int(level.max(initial=0)) + 1
        key, size = np.unique((near * (reach + 2) + far) * n_levels + level, return_counts=True)
        distances, level = np.divmod(key, n_levels)
        near, far = np.divmod(distances, reach + 2)
        return cls(near, far, level, size)

    def sum_of_labels(self, width: int, n_levels: int) -> FloatArray:
        """Add up the labels of the flagged rows, for each level.

        One event at distance *d* gives ``sqrt(1 - d / width)``, at least 0.7; two give more than
        1, which is the most that a label can be: the second nearest event decides.
        """
        reach = width // 2
        end = int(np.searchsorted(self.near, reach, side="right"))
        labels = np.sqrt(1.0 - self.near[:end] / max(width, 1))
        labels[self.far[:end] <= reach] = 1.0
        weights = labels * self.size[:end]
        return np.cumsum(np.bincount(self.level[:end], weights, minlength=n_levels))


class _Events:
    """Events that grow on both sides, and the first level that flags one of their rows."""

    def __init__(self, events: IntArray, level: IntArray) -> None:
        self._start, self._last = events[:, 0], events[:, 1] - 1
        self._level = level
        padded = np.append(level, 0)  # so that an event may end with the last row
        self._found = np.minimum.reduceat(padded, events.ravel())[::2]
        self._reach = 0

    def share_found(self, reach: int, n_levels: int) -> FloatArray:
        """Compute the share of events with a flagged row, for each level.

        Events that grow into each other are one.
        """
        while self._reach < reach:
            self._reach += 1
            before = np.maximum(self._start - self._reach, 0)
            behind = np.minimum(self._last + self._reach, len(self._level) - 1)
            np.minimum(self._found, self._level[before], out=self._found)
            np.minimum(self._found, self._level[behind], out=self._found)
        apart = self._last[:-1] + reach < self._start[1:] - reach
        found = np.minimum.reduceat(self._found, np.flatnonzero(np.append(True, apart)))
        return np.cumsum(np.bincount(found, minlength=n_levels)) / len(found)
