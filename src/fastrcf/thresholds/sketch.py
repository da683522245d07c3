"""Quantiles of a stream in little memory, exact at the upper end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.thresholds.state import Stored

__all__ = ["TailSketch", "quantile"]

HALF = 1024
"""Highest scores of a level that are never thinned out."""

_LEVELS = 48


class TailSketch:
    """Scores on levels; a score on level *h* stands for :math:`2^h` scores.

    A level holds `2 * HALF` scores. When one is full, its upper half stays, and of its lower half
    every other score goes to the next level: first those at even places, next time those at odd
    ones, so that errors cancel. Therefore the `HALF` highest scores are all there, each for itself,
    as are all scores of a short stream; the rank of a score below them is known to a few percent of
    the number of scores above it. Nothing is drawn at random, a level fills up at the same score
    however the stream is cut into chunks, and only the order of the scores counts, not their scale.

    References
    ----------
    .. [1] G. Cormode, Z. Karnin, E. Liberty, J. Thaler, P. Vesely, "Relative Error Streaming
       Quantiles", PODS 2021. Its compactor, with one section that is never compacted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._levels: list[_Level] = [_Level()]

    def add(self, scores: FloatArray) -> None:
        """Take scores in.

        Parameters
        ----------
        scores : ndarray of float64, shape (n,)
            In the order of time.
        """
        self.count += len(scores)
        self._add(0, scores)

    def _add(self, height: int, scores: FloatArray) -> None:
        if height == len(self._levels):
            self._levels.append(_Level())
        level = self._levels[height]
        while len(scores):
            scores = level.fill(scores)
            if level.size == 2 * HALF and height + 1 < _LEVELS:
                self._add(height + 1, level.thin_out())

    def weighted(self) -> tuple[FloatArray, IntArray]:
        """Give what is left.

        Returns
        -------
        values : ndarray of float64, shape (k,)
            Ascending within a level, in no order over all.
        weights : ndarray of int64, shape (k,)
            How many scores each stands for; they add up to `count`.
        """
        sizes = [level.size for level in self._levels]
        values = np.concatenate([level.values[: level.size] for level in self._levels])
        return values, np.repeat(1 << np.arange(len(sizes), dtype=np.int64), sizes)

    def state(self) -> list[dict[str, Any]]:
        """Give the levels as plain values."""
        return [
            {"values": level.values[: level.size].tolist(), "parity": level.parity}
            for level in self._levels
        ]

    def restore(self, levels: list[Stored]) -> None:
        """Take what `state` gave."""
        if not levels:
            raise ModelFormatError("threshold: a sketch has at least one level")
        self._levels = []
        for stored in levels:
            level = _Level()
            level.fill(stored.numbers("values", high=2 * HALF - 1))
            level.parity = stored.count("parity", high=1)
            self._levels.append(level)
        self.count = int(self.weighted()[1].sum())


class _Level:
    """Up to ``2 * HALF`` scores, and which of the lower half go up next."""

    def __init__(self) -> None:
        self.values = np.empty(2 * HALF)
        self.size = 0
        self.parity = 0

    def fill(self, scores: FloatArray) -> FloatArray:
        """Take what fits, give back the rest."""
        taken = min(len(scores), 2 * HALF - self.size)
        self.values[self.size : self.size + taken] = scores[:taken]
        self.size += taken
        return scores[taken:]

    def thin_out(self) -> FloatArray:
        """Keep the upper half, give every other score of the lower one."""
        self.values.sort()
        rising = self.values[self.parity : HALF : 2].copy()
        self.values[:HALF] = self.values[HALF:]
        self.size = HALF
        self.parity = 1 - self.parity
        return rising


def quantile(values: FloatArray, weights: NDArray[np.int64] | None, share: float) -> float:
    """Give a quantile of weighted values.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        At least one, in any order.
    weights : ndarray of int64, shape (n,) or None
        How often each counts; None for once.
    share : float
        From 0 to 1.

    Returns
    -------
    float
        As ``numpy.quantile`` gives for values repeated by their weights: between the two that
        stand beside the place, linearly.
    """
    if weights is None:
        ranked, total = np.sort(values), len(values)
        place = share * (total - 1)
        low = ranked[int(place)]
        high = ranked[min(int(place) + 1, total - 1)]
    else:
        order = np.argsort(values, kind="stable")
        ranked, ends = values[order], np.cumsum(weights[order])
        total = int(ends[-1])
        place = share * (total - 1)
        low, high = ranked[
            np.searchsorted(ends, [int(place), min(int(place) + 1, total - 1)], side="right")
        ]
    return float(low + (high - low) * (place - int(place)))
