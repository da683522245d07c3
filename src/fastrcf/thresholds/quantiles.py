"""Thresholds from the ranks of the scores: a quantile, or median absolute deviations."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError
from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.options import factor, share, warm_up, window
from fastrcf.thresholds.sketch import TailSketch, quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.thresholds.state import Stored

__all__ = ["MadThreshold", "QuantileThreshold"]

_NORMAL_MAD = 1.4826022185056018
"""Standard deviations of a normal law in one median absolute deviation."""

_STRIDE = 64
"""The cutoff of a stream is placed anew when the scores have grown by this part."""


class _Ranks(Learner):
    """A law of the scores' ranks on a sketch of the stream."""

    def __init__(self, first: int, size: int | None) -> None:
        self._due = first
        self._window = size
        self._now = TailSketch()
        self._before = TailSketch()

    @abstractmethod
    def _law(self, values: FloatArray, weights: IntArray | None) -> float:
        """Place the cutoff."""

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        self._due = len(scores) + 1
        self.judge(scores)
        self.cutoff = self._law(scores[-self._memory() :], None)
        self._due = self._next_due()

    def judge(self, scores: FloatArray) -> FloatArray:
        cutoffs = np.empty(len(scores))
        start = 0
        while start < len(scores):
            stop = min(start + self._due - self.n_seen, len(scores))
            cutoffs[start:stop] = self.cutoff
            self._add(scores[start:stop])
            if self.n_seen == self._due:
                (old, their), (new, our) = self._before.weighted(), self._now.weighted()
                self.cutoff = self._law(np.concatenate([old, new]), np.concatenate([their, our]))
                self._due = self._next_due()
            start = stop
        return cutoffs

    def _memory(self) -> int:
        """How many of the latest scores count now."""
        return self._before.count + self._now.count

    def _next_due(self) -> int:
        return self.n_seen + max(1, self._memory() // _STRIDE)

    def _add(self, scores: FloatArray) -> None:
        self.n_seen += len(scores)
        while self._window is not None and len(scores) >= self._window - self._now.count:
            room = self._window - self._now.count
            self._now.add(scores[:room])
            self._before, self._now = self._now, TailSketch()
            scores = scores[room:]
        self._now.add(scores)

    def state(self) -> dict[str, Any]:
        sketches = {"before": self._before.state(), "now": self._now.state()}
        return {**super().state(), **sketches, "due": self._due}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._before.restore(stored.items("before", high=48))
        self._now.restore(stored.items("now", high=48))
        self._due = max(stored.count("due"), self.n_seen + 1)
        if self._window is not None and self._now.count >= self._window:
            raise ModelFormatError("threshold.state: more scores than the window holds")


class _Quantile(_Ranks):
    def __init__(self, q: float, first: int, size: int | None) -> None:
        super().__init__(first, size)
        self._q = q

    def _law(self, values: FloatArray, weights: IntArray | None) -> float:
        return quantile(values, weights, self._q)


class _Mad(_Ranks):
    def __init__(self, k: float, first: int, size: int | None) -> None:
        super().__init__(first, size)
        self._k = k

    def _law(self, values: FloatArray, weights: IntArray | None) -> float:
        median = quantile(values, weights, 0.5)
        deviation = quantile(np.abs(values - median), weights, 0.5)
        return median + self._k * _NORMAL_MAD * deviation


class QuantileThreshold(Threshold):
    """The cutoff is a quantile of the scores: a given share of them lies above.

    Parameters
    ----------
    q : float, default 0.99
        The share of scores below, between 0 and 1.
    window : int, optional
        Only the last `window` to ``2 * window`` scores count, at most 1,000,000. None: all.
    warm_up : int, default 100
        Scores before the first cutoff of a stream.

    Notes
    -----
    Warm-up: no cutoff before `warm_up` scores in a stream; with fewer than ``1 / (1 - q)`` scores
    the cutoff lies between the two highest. `fit` gives one at once: that of ``numpy.quantile``.

    Drift: without `window` all scores count alike, so the cutoff settles; with it, a change of
    level is forgotten after ``2 * window`` scores at the latest. A share of ``1 - q`` is above the
    cutoff even where there is no anomaly.

    A stream is kept as a sketch: the 1,024 highest scores one by one, the others thinned out, some
    20 KB each time their number doubles. The cutoff is exact up to 2,048 scores, and as long as
    fewer than 1,023 lie above it; beyond, the share above is right to a few percent of itself. It
    is placed anew whenever the scores have grown by a 64th, at the same scores however they come.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.thresholds import QuantileThreshold
    >>> QuantileThreshold(0.9).fit(np.arange(1, 12)).cutoff_
    10.0
    """

    _type = "quantile"

    def __init__(self, q: float = 0.99, *, window: int | None = None, warm_up: int = 100) -> None:
        self.q = q
        self.window = window
        self.warm_up = warm_up

    def _new_learner(self) -> Learner:
        return _Quantile(share("q", self.q), warm_up(self.warm_up), _size(self.window))


class MadThreshold(Threshold):
    """The cutoff is the median of the scores plus `k` median absolute deviations.

    Parameters
    ----------
    k : float, default 3.0
        Deviations above the median, in units of the standard deviation: the median of
        ``abs(score - median)``, times 1.4826 as for a normal law.
    window : int, optional
        Only the last `window` to ``2 * window`` scores count, at most 1,000,000. None: all.
    warm_up : int, default 100
        Scores before the first cutoff of a stream.

    Notes
    -----
    Warm-up: no cutoff before `warm_up` scores in a stream; `fit` gives one at once.

    Drift: anomalies, if fewer than half of the scores, hardly move the cutoff, however high they
    are. A change of level does when its scores are about half of all, or of the window. If more
    than half of the scores are equal, the deviation is 0 and every higher score is anomalous.

    The sketch of a stream is that of `QuantileThreshold`: exact up to 2,048 scores, then both
    medians are right to about 0.1 % of the ranks.

    Examples
    --------
    >>> from fastrcf.thresholds import MadThreshold
    >>> threshold = MadThreshold(3.0).fit([1.0, 1.1, 0.9, 1.2, 0.8, 50.0])
    >>> threshold.predict([1.3, 2.0])
    array([0, 1], dtype=int8)
    """

    _type = "mad"

    def __init__(self, k: float = 3.0, *, window: int | None = None, warm_up: int = 100) -> None:
        self.k = k
        self.window = window
        self.warm_up = warm_up

    def _new_learner(self) -> Learner:
        return _Mad(factor("k", self.k), warm_up(self.warm_up), _size(self.window))


def _size(value: object) -> int | None:
    return None if value is None else window("window", value)
