"""Rules: what is made of scores afterwards. The controls go through the same rules.

A rule is a function ``(scores, rows) -> scores`` that looks at nothing later than the row it
judges. An alarm rule has a fixed level: its scores above that are alarms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.controls import outside_range
from benchmarks.accuracy.data import FloatArray, IntArray
from benchmarks.accuracy.forests import smoothed
from fastrcf.detectors.alarms import Alarms, Range, cutoff_of
from fastrcf.detectors.law import ScoreLaw

SHORT, MEMORY, REST, WARM = 10, 8000, 30, 100
HOLD = 30
LEVEL = 5.0
MARGIN = 0.05
CUTOFF = cutoff_of(0.001)


class Rule(NamedTuple):
    """A rule; one with a fixed level is for alarms in streams."""

    apply: Callable[[FloatArray, FloatArray], FloatArray]
    level: float | None
    says: str


def likelihood(scores: FloatArray, rows: FloatArray) -> FloatArray:
    """Turn scores into ``-log10`` of the tail probability of their short mean; rest after alarms.

    The mean of the last ten scores is held against a normal distribution with mean and deviation
    of the 8,000 such means before (Lavin and Ahmad 2015). A second witness: a value 5 % outside
    everything seen. After an alarm the next 30 rows are silent.
    """
    witness = outside_range(None, rows) > MARGIN
    witness[:WARM] = False
    return _with_rest(np.maximum(_tail(scores), np.where(witness, 2 * LEVEL, 0.0)))


def _tail(scores: FloatArray) -> FloatArray:
    """Return ``-log10`` of the upper tail probability, 0 while there is too little past."""
    means = smoothed(scores, SHORT)
    first = int(np.argmax(scores != 0)) if scores.any() else len(scores)  # not ready before
    stop = np.maximum(np.arange(len(scores)) - SHORT, first)  # means that share no score with it
    start = np.maximum(first, stop - MEMORY)
    count = np.maximum(stop - start, 1)
    mean, square = (_sums(part, start, stop) / count for part in (means, means * means))
    deviation = np.sqrt(np.maximum(square - mean * mean, 0.0))
    z = (means - mean) / np.maximum(deviation, 1e-9 + 1e-3 * np.abs(mean))
    return np.where(stop - start >= WARM, _log_tail(z), 0.0)


def _sums(values: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[stop] - total[start])


def _log_tail(z: FloatArray) -> FloatArray:
    """Return ``-log10 P(Z > z)`` of a standard normal; 0 below the mean, quadratic far out."""
    from math import erfc, log, log10, sqrt

    z = np.clip(z, 0.0, 1e4)
    near = np.array([-log10(erfc(value / sqrt(2)) / 2) for value in np.minimum(z, 30.0)])
    return np.where(z <= 30.0, near, near + (z * z - 900.0) / (2 * log(10)))


def _with_rest(levels: FloatArray) -> FloatArray:
    """Silence the rows after each alarm; rows that were silenced raise none."""
    quiet = levels.copy()
    for row in np.flatnonzero(levels > LEVEL):
        if quiet[row] > LEVEL:
            quiet[row + 1 : row + 1 + REST] = 0.0
    return quiet


def hold(scores: FloatArray, rows: FloatArray) -> FloatArray:
    """Let a score rise at once and fall slowly: by a thirtieth of what is left, row by row.

    An anomaly lasts; a moving mean would drown the short ones.
    """
    held, last = np.empty(len(scores)), scores[0] if len(scores) else 0.0
    for row, score in enumerate(scores.tolist()):
        last = max(score, last + (score - last) / HOLD)
        held[row] = last
    return held


def calibrated(scores: FloatArray, rows: FloatArray) -> FloatArray:
    """Put scores through the law and the alarm rule of `ForestDetector`, at its default rate."""
    levels = ScoreLaw(5).levels(scores, learn=True)
    excess = Range(rows.shape[1]).excess(rows, learn=True).max(axis=1)
    strength = np.maximum(levels, CUTOFF * excess)
    alarms = np.zeros(len(scores))
    new, _ = Alarms(50).follow(np.flatnonzero(strength > CUTOFF).tolist())
    starts = [event.start for event in new]
    alarms[starts] = strength[starts]
    return alarms


RULES: dict[str, Rule] = {
    "calibrated": Rule(calibrated, CUTOFF, "the law, range witness and rest of ForestDetector"),
    "likelihood": Rule(likelihood, LEVEL, "likelihood of the short mean, range witness, rest"),
    "hold": Rule(hold, None, "rises at once, falls slowly"),
}
