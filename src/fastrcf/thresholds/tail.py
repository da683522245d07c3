r"""The generalised Pareto law of what lies above a high level.

With shape :math:`\gamma` and scale :math:`\sigma`, the chance that an excess is greater than *y* is
:math:`(1 + \gamma y / \sigma)^{-1/\gamma}`, which is :math:`e^{-y/\sigma}` for :math:`\gamma = 0`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["MIN_PEAKS", "Tail", "fit_tail", "grimshaw", "moments"]

MIN_PEAKS = 10
"""Fewer excesses do not tell a shape: the tail is taken to be exponential."""

_EDGE = 1e-8
_GRID = 48
_STEPS = 40


class Tail(NamedTuple):
    """A generalised Pareto law."""

    shape: float
    scale: float

    def quantile(self, chance: float) -> float:
        """Give the excess that is passed with a chance in (0, 1]."""
        steps = -math.log(chance)
        if self.shape == 0.0:
            return self.scale * steps
        # From 700 on the exponential overflows; such a cutoff is never passed either way.
        return self.scale * math.expm1(min(self.shape * steps, 700.0)) / self.shape

    def likelihood(self, excesses: FloatArray) -> float:
        """Give the logarithm of the likelihood, minus infinity where an excess is impossible."""
        n = len(excesses)
        if self.shape == 0.0:
            return -n * math.log(self.scale) - float(excesses.sum()) / self.scale
        arguments = self.shape / self.scale * excesses
        if arguments.min() <= -1.0:
            return -math.inf
        logs = float(np.log1p(arguments).sum())
        return -n * math.log(self.scale) - (1.0 + 1.0 / self.shape) * logs


def fit_tail(excesses: FloatArray) -> Tail:
    """Fit a tail to excesses.

    The most likely law by Grimshaw's trick; where the likelihood has no maximum inside its range
    (an end of the range where excesses are densest, or a coefficient of variation of just 1), that
    of the probability-weighted moments; and exponential for fewer than 10 excesses, or equal ones.

    Parameters
    ----------
    excesses : ndarray of float64, shape (n,)
        Greater than 0, at least one.

    Returns
    -------
    Tail
        Its law.
    """
    mean = float(excesses.mean())
    spread = float(excesses.max() - excesses.min())
    exponential = Tail(0.0, mean)
    if len(excesses) < MIN_PEAKS or spread <= 1e-9 * mean:
        return exponential
    unit = excesses / mean
    found = grimshaw(unit) or moments(unit)
    candidates = [] if found is None else [found]
    best = max([Tail(0.0, 1.0), *candidates], key=lambda law: law.likelihood(unit))
    return Tail(best.shape, best.scale * mean)


def grimshaw(excesses: FloatArray) -> Tail | None:
    r"""Give the most likely law, None if the likelihood has no inner maximum.

    A maximum in two unknowns is a root in one, :math:`\theta = \gamma/\sigma`, of

    .. math:: u(\theta)\,v(\theta) = 1, \quad
       u = \mathrm{mean}\,\frac{1}{1 + \theta y}, \quad v = 1 + \mathrm{mean}\,\log(1 + \theta y),

    with :math:`\gamma = v - 1`. Roots are looked for where neighbours of a grid differ in sign,
    dense about 0 (always a root, and none that counts) and at the lower end.

    Parameters
    ----------
    excesses : ndarray of float64, shape (n,)
        Greater than 0, not all equal, with a mean of about 1.

    Returns
    -------
    Tail or None
        The law.

    References
    ----------
    .. [1] S. D. Grimshaw, "Computing Maximum Likelihood Estimates for the Generalized Pareto
       Distribution", Technometrics 35(2), 1993, pp. 185-191.
    .. [2] A. Siffer, P.-A. Fouque, A. Termier, C. Largouët, "Anomaly Detection in Streams with
       Extreme Value Theory", KDD 2017, section 3.3.
    """
    lowest, highest, mean = excesses.min(), excesses.max(), excesses.mean()
    near, part = np.geomspace(_EDGE, 0.5, _GRID // 2), 1.0 / highest
    negative = -part * np.concatenate([near, 1.0 - near[::-1]])
    bound = min(2.0 * (mean - lowest) / lowest**2, 1e12) if lowest > 1e-6 else 1e12
    positive = np.geomspace(_EDGE * min(part, bound), max(bound, part), _GRID)
    laws = []
    for grid in (negative, positive):
        signs = np.sign(_root_of(grid, excesses))
        for i in np.nonzero(signs[:-1] * signs[1:] < 0)[0]:
            theta = _solve(float(grid[i]), float(grid[i + 1]), excesses)
            shape = float(np.log1p(theta * excesses).mean())
            laws.append(Tail(shape, shape / theta))
    return max(laws, key=lambda law: law.likelihood(excesses), default=None)


def _root_of(thetas: FloatArray, excesses: FloatArray) -> FloatArray:
    arguments = np.multiply.outer(thetas, excesses)
    logs: FloatArray = np.log1p(arguments).mean(axis=-1)
    # u v - 1 with u = 1 - mean(a / (1 + a)): nothing cancels about 0
    loss: FloatArray = (arguments / (1.0 + arguments)).mean(axis=-1)
    return logs - loss - loss * logs


def _solve(low: float, high: float, excesses: FloatArray) -> float:
    """Find the root between two ends that differ in sign: false position, the Illinois way."""
    at_low, at_high = (float(each) for each in _root_of(np.array([low, high]), excesses))
    middle, side = low, 0
    for _ in range(_STEPS):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        at_middle = float(_root_of(np.array([middle]), excesses)[0])
        if at_middle * at_high > 0.0:
            high, at_high = middle, at_middle
            at_low, side = (at_low / 2.0 if side < 0 else at_low), -1
        else:
            low, at_low = middle, at_middle
            at_high, side = (at_high / 2.0 if side > 0 else at_high), 1
        if at_middle == 0.0 or abs(high - low) <= 1e-14 * abs(middle):
            break
    return middle


def moments(excesses: FloatArray) -> Tail | None:
    """Give the law by probability-weighted moments, None if it forbids one of the excesses.

    Parameters
    ----------
    excesses : ndarray of float64, shape (n,)
        Greater than 0, at least two different ones.

    Returns
    -------
    Tail or None
        The law.

    References
    ----------
    .. [1] J. R. M. Hosking, J. R. Wallis, "Parameter and Quantile Estimation for the Generalized
       Pareto Distribution", Technometrics 29(3), 1987, pp. 339-349.
    """
    ranked = np.sort(excesses)
    n = len(ranked)
    mean = float(ranked.mean())
    weighted = float((ranked * (n - 1 - np.arange(n)) / (n - 1)).mean())
    gap = mean - 2.0 * weighted
    if gap <= 1e-9 * mean:
        return None
    law = Tail(2.0 - mean / gap, 2.0 * mean * weighted / gap)
    is_possible = law.scale > 0.0 and law.likelihood(ranked) > -math.inf
    return law if is_possible else None
