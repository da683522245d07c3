"""The law of the scores that a series has shown so far, and how far in its tail a score lies."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["ScoreLaw", "tail_level"]

_BLOCK = 32
"""Scores that are learned together: the law is that of all scores before their block."""

_LN10 = math.log(10.0)

_LARGEST = 1e60
"""What no moment of scores reaches."""

_LEAST = 1e-300
"""Level of the most usual values: 0 means that there is none."""

# Chebyshev fit of the complementary error function, relative error below 1.2e-7 everywhere (Press
# et al. 1992, Numerical Recipes in C, section 6.2).
_ERFC = (
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
)


def tail_level(z: FloatArray, skewness: float) -> FloatArray:
    """Tell how unlikely values are: ``-log10`` of the probability of a greater one.

    The law is Pearson's third (a shifted gamma distribution) with mean 0, variance 1 and the given
    skewness, by the cube-root transformation of Wilson and Hilferty (1931, PNAS 17:684) to a
    normal one.

    Parameters
    ----------
    z : ndarray of shape (n,)
        Values minus mean, over the standard deviation.
    skewness : float
        Third standardised moment; taken as 0.001 if it is less, as 4 if it is more.

    Returns
    -------
    ndarray of shape (n,)
        Above 0; 0.3 about the median, 3 for one in a thousand.

    Examples
    --------
    >>> import numpy as np
    >>> tail_level(np.array([0.0, 3.0902323]), 0.0).round(2)
    array([0.3, 3. ])
    """
    skew = min(max(skewness, 1e-3), 4.0)
    root = np.cbrt(np.maximum(1.0 + skew * z / 2.0, 0.0))
    normal = (6.0 / skew) * (root - 1.0) + skew / 6.0
    x = np.abs(normal) / math.sqrt(2.0)
    t = 1.0 / (1.0 + x / 2.0)
    series = np.zeros_like(t)
    for coefficient in reversed(_ERFC):
        series = series * t + coefficient
    log_tail = np.log(t / 2.0) - x * x + series
    upper = -log_tail / _LN10
    lower = -np.log1p(-np.exp(log_tail)) / _LN10
    result: FloatArray = np.maximum(np.where(normal >= 0.0, upper, lower), _LEAST)
    return result


class ScoreLaw:
    """Mean, variance and skewness of short means of scores, learned while they come in.

    Parameters
    ----------
    short : int
        Scores in a short mean.
    warm : int
        Short means before there is a law. Until then the level is 0.
    clip : float
        Standard deviations above the mean beyond which a score teaches nothing more.
    memory : int
        From so many on the law forgets exponentially, and remembers about as many.

    Notes
    -----
    Means are taken over scores that follow each other; a score of 0 (none) gives no mean, has the
    level 0 and is passed over. The moments of a block of 32 means are learned together when it is
    full, those above the mean by more than `clip` standard deviations as if they were there: an
    anomaly hardly widens the law by which the next one is judged. One score after the other or all
    at once: the same levels, bit for bit.
    """

    def __init__(
        self, short: int, *, warm: int = 96, clip: float = 5.0, memory: int = 8000
    ) -> None:
        self.short, self.warm, self.clip, self.memory = short, warm, clip, memory
        self.count = 0
        self.mean = self.variance = self.third = 0.0
        self._latest = np.empty(0)
        self._open = np.empty(0)
        self.is_frozen = False

    @property
    def ready(self) -> bool:
        """Whether there is a law."""
        return self.count >= self.warm

    def ahead(self) -> Self:
        """Give a frozen law that goes on from here, and leaves this one where it is."""
        twin = copy.copy(self)
        twin.is_frozen = True
        return twin

    def levels(self, scores: FloatArray, *, learn: bool) -> FloatArray:
        """Give the level of each short mean, and learn these if asked to.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            In the order of time.
        learn : bool
            Whether the scores are learned. A law that is frozen only goes on behind them.

        Returns
        -------
        ndarray of shape (n,)
            ``-log10`` of the probability that a short mean is greater.
        """
        known = scores != 0.0
        means, latest = self._short_means(scores[known])
        levels = np.zeros(len(scores))
        judge = self._judge_and_learn if learn and not self.is_frozen else self._judge
        levels[known] = judge(means)
        if learn:
            self._latest = latest
        return levels

    def _short_means(self, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give the mean of each score and those before it, NaN where too few are."""
        run = np.concatenate([self._latest, scores])
        n, m = len(run), self.short
        means = np.full(n, np.nan)
        if n >= m:
            # Sums in one fixed order, so that it does not matter how the scores are divided.
            total = run[: n - m + 1].copy()
            for step in range(1, m):
                total += run[step : n - m + 1 + step]
            means[m - 1 :] = total / m
        kept = run[max(0, n - m + 1) :].copy() if m > 1 else np.empty(0)
        return means[len(self._latest) :], kept

    def _judge_and_learn(self, means: FloatArray) -> FloatArray:
        levels = np.empty(len(means))
        start = 0
        while start < len(means):
            stop = min(len(means), start + _BLOCK - len(self._open))
            part = means[start:stop]
            levels[start:stop] = self._judge(part)
            self._open = np.concatenate([self._open, part])
            if len(self._open) == _BLOCK:
                self._learn(self._open[np.isfinite(self._open)])
                self._open = np.empty(0)
            start = stop
        return levels

    def _judge(self, means: FloatArray) -> FloatArray:
        if not self.ready:
            return np.zeros(len(means))
        deviation = self._deviation()
        z = (means - self.mean) / deviation
        levels = tail_level(np.where(np.isnan(z), 0.0, z), self.third / deviation**3)
        levels[np.isnan(z)] = 0.0
        return levels

    def _deviation(self) -> float:
        # Scores hardly vary where the rows do not; a thousandth of the mean is no anomaly.
        return max(math.sqrt(max(self.variance, 0.0)), 1e-3 * abs(self.mean), 1e-9)

    def _learn(self, means: FloatArray) -> None:
        n = len(means)
        if not n:
            return
        if self.ready:
            means = np.minimum(means, self.mean + self.clip * self._deviation())
        mean = float(means.mean())
        offset = means - mean
        second, third = float((offset**2).mean()), float((offset**3).mean())
        self.count += n
        share = n / min(self.count, max(self.memory, n))
        # Central moments of a mixture of the old law and the block (Pébay 2008, SAND2008-6212).
        rest, gap = 1.0 - share, mean - self.mean
        self.third = (
            rest * self.third
            + share * third
            + 3.0 * rest * share * gap * (second - self.variance)
            + rest * share * (rest - share) * gap**3
        )
        self.variance = rest * self.variance + share * second + rest * share * gap * gap
        self.mean += share * gap

    # ---- state ----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain values."""
        return {
            "short": self.short,
            "warm": self.warm,
            "clip": self.clip,
            "memory": self.memory,
            "count": self.count,
            "moments": [self.mean, self.variance, self.third],
            "latest": self._latest.tolist(),
            "open": [None if math.isnan(each) else each for each in self._open.tolist()],
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Make the law that `to_dict` gave; what is wrong is a KeyError, Type- or ValueError."""
        law = cls(
            int(state["short"]),
            warm=int(state["warm"]),
            clip=float(state["clip"]),
            memory=int(state["memory"]),
        )
        law.count = int(state["count"])
        law.mean, law.variance, law.third = map(float, state["moments"])
        law._latest = np.array(state["latest"], np.float64)
        law._open = np.array(
            [math.nan if each is None else float(each) for each in state["open"]], np.float64
        )
        numbers = [law.clip, law.mean, law.variance, law.third, *law._latest]
        if (
            min(law.short, law.warm, law.memory, law.count + 1) < 1
            or not np.max(np.abs(numbers)) < _LARGEST
            or len(law._latest) >= law.short
            or len(law._open) >= _BLOCK
            or np.isinf(law._open).any()
        ):
            raise ValueError("law: not the state of one")
        return law
