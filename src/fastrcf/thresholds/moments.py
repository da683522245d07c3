"""Mean plus some standard deviations of all scores so far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import real
from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.options import factor, warm_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.thresholds.state import Stored

__all__ = ["SigmaThreshold"]


class SigmaThreshold(Threshold):
    """The cutoff is the mean of the scores plus `z` standard deviations.

    Parameters
    ----------
    z : float, default 3.0
        Standard deviations (of the population, ``ddof=0``) above the mean.
    decay : float, optional
        Rate in (0, 1) at which a score's weight fades with each later one: the last ``1 / decay``
        scores count most. None: all count alike.
    warm_up : int, default 100
        Scores before the first cutoff of a stream.

    Notes
    -----
    Warm-up: no cutoff before `warm_up` scores in a stream; `fit` gives one at once, from a single
    score if there is one only. A score never raises the cutoff that it is judged by.

    Drift: every score is learned, anomalies too, which raises the cutoff after large ones. Without
    `decay` the cutoff settles, and follows a change of level slower and slower. Memory is constant.

    `fit` without `decay` takes mean and deviation in two passes, `update` by running sums of the
    distances from one score; they agree to about 13 digits.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.thresholds import SigmaThreshold
    >>> scores = np.random.default_rng(0).normal(1.0, 0.1, size=1000)
    >>> threshold = SigmaThreshold().fit(scores)
    >>> round(threshold.cutoff_, 1)
    1.3
    >>> threshold.predict([1.2, 1.5])
    array([0, 1], dtype=int8)
    """

    _type = "sigma"

    def __init__(self, z: float = 3.0, *, decay: float | None = None, warm_up: int = 100) -> None:
        self.z = z
        self.decay = decay
        self.warm_up = warm_up

    def _new_learner(self) -> Learner:
        z, first = factor("z", self.z), warm_up(self.warm_up)
        if self.decay is None:
            return _Sums(z, first)
        decay = real("decay", self.decay, expected="None or a number between 0 and 1")
        if not 0.0 < decay < 1.0:
            raise ValueError(f"decay: expected None or a number between 0 and 1, got {decay!r}")
        return _Fading(z, decay, first)


class _Sums(Learner):
    """Sums of the distances from one of the scores, and of their squares.

    What Welford's recurrence computes, in a form that NumPy runs over whole chunks. The origin is
    one of the scores, so the deviation is never small beside the distances.
    """

    def __init__(self, z: float, first: int) -> None:
        self._z = z
        self._first = first
        self._origin = math.nan
        self._sum = 0.0
        self._squares = 0.0

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        self._origin = float(scores.mean())
        distance = scores - self._origin
        self._squares = float(np.sum(distance * distance))
        self.n_seen = len(scores)
        self._first = 1
        self.cutoff = self._origin + self._z * math.sqrt(self._squares / self.n_seen)

    def judge(self, scores: FloatArray) -> FloatArray:
        if not len(scores):
            return np.empty(0)
        if not self.n_seen:
            self._origin = float(scores[0])
        distance = scores - self._origin
        sums = np.cumsum(np.concatenate([[self._sum], distance]))
        squares = np.cumsum(np.concatenate([[self._squares], distance * distance]))
        counts = self.n_seen + np.arange(len(scores) + 1)
        mean = sums / np.maximum(counts, 1)
        variance = np.maximum(squares / np.maximum(counts, 1) - mean * mean, 0.0)
        cutoffs = self._origin + mean + self._z * np.sqrt(variance)
        cutoffs[counts < self._first] = math.nan
        self._sum, self._squares = float(sums[-1]), float(squares[-1])
        self.n_seen, self.cutoff = int(counts[-1]), float(cutoffs[-1])
        return cutoffs[:-1]

    def state(self) -> dict[str, Any]:
        origin = None if math.isnan(self._origin) else self._origin
        sums = {"origin": origin, "sum": self._sum, "squares": self._squares}
        return {**super().state(), **sums, "first": self._first}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._origin = stored.number("origin") if self.n_seen else math.nan
        self._sum = stored.number("sum")
        self._squares = stored.number("squares", low=0.0)
        self._first = stored.count("first")


class _Fading(Learner):
    """Mean and variance with weights that fade; at first all scores count alike."""

    def __init__(self, z: float, decay: float, first: int) -> None:
        self._z = z
        self._decay = decay
        self._first = first
        self._mean = 0.0
        self._variance = 0.0

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        self._first = 1
        self.judge(scores)

    def judge(self, scores: FloatArray) -> FloatArray:
        cutoffs = np.empty(len(scores))
        mean, variance, cutoff, n_seen = self._mean, self._variance, self.cutoff, self.n_seen
        for i, score in enumerate(scores.tolist()):
            cutoffs[i] = cutoff
            n_seen += 1
            weight = max(self._decay, 1.0 / n_seen)
            step = score - mean
            mean += weight * step
            variance = (1.0 - weight) * (variance + weight * step * step)
            if n_seen >= self._first:
                cutoff = mean + self._z * math.sqrt(variance)
        self._mean, self._variance, self.cutoff, self.n_seen = mean, variance, cutoff, n_seen
        return cutoffs

    def state(self) -> dict[str, Any]:
        moments = {"mean": self._mean, "variance": self._variance}
        return {**super().state(), **moments, "first": self._first}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._mean = stored.number("mean")
        self._variance = stored.number("variance", low=0.0)
        self._first = stored.count("first")
