"""Compiled loops over laws of probability: Student's t and the negative binomial.

The functions that others call take whole arrays; those that begin with an underscore take numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._kernels import _njit

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = [
    "LEAST_LEVEL",
    "nb_levels",
    "nb_mixture_quantiles",
    "nb_quantiles",
    "t_levels",
    "t_mixture_quantiles",
    "t_table",
]

LEAST_LEVEL = 1e-300
"""Level of the most usual values: 0 means that there is none."""

_LOG_HALF = math.log(0.5)
_LEAST_LOG = -1e308
"""In place of the logarithm of 0."""


@_njit
def _log_beta_part(a: float, b: float, x: float, y: float) -> Any:
    """Logarithm of the regularised incomplete beta function at x = 1 - y, for its lower part.

    Its continued fraction (DLMF 8.17.22) by the method of Lentz, modified as Thompson and Barnett
    (1986) did; it converges fast below the mean.
    """
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        change = 1.0
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            change = c * d
            fraction *= change
        if abs(change - 1.0) < 1e-15:
            break
    log_front = a * math.log(x) + b * math.log(y) - math.log(a)
    return (
        log_front + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + math.log(abs(fraction))
    )


@_njit
def _log_beta(a: float, b: float, x: float, y: float) -> Any:
    """Logarithm of the regularised incomplete beta function at x = 1 - y."""
    if x <= 0.0:
        return _LEAST_LOG
    if y <= 0.0:
        return 0.0
    if x < (a + 1.0) / (a + b + 2.0):
        return min(_log_beta_part(a, b, x, y), 0.0)
    return _log_complement(_log_beta_part(b, a, y, x))


@_njit
def _log_complement(log_p: float) -> Any:
    """Logarithm of 1 - p."""
    if log_p >= 0.0:
        return _LEAST_LOG
    return math.log(-math.expm1(log_p)) if log_p > _LOG_HALF else math.log1p(-math.exp(log_p))


# ---- Student's t --------------------------------------------------------------------------------


@_njit
def _t_log_tails(z: float, df: float) -> Any:
    """Logarithm of the probability of a value further from 0 than z."""
    if z == 0.0:
        return 0.0
    if math.isinf(df):
        p = math.erfc(abs(z) / math.sqrt(2.0))
        return math.log(p) if p > 0.0 else -0.5 * z * z
    squared = z * z
    return _log_beta(0.5 * df, 0.5, df / (df + squared), squared / (df + squared))


@_njit
def _t_cdf(z: float, df: float) -> Any:
    p = 0.5 * math.exp(_t_log_tails(z, df))
    return p if z < 0.0 else 1.0 - p


@_njit
def _t_quantile(q: float, df: float) -> Any:
    """Find the quantile by bisection."""
    if q == 0.5:
        return 0.0
    wanted = math.log(2.0 * min(q, 1.0 - q))
    low, high = 0.0, 1.0
    while _t_log_tails(high, df) > wanted:
        low, high = high, 2.0 * high
    while high - low > 1e-14 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _t_log_tails(middle, df) > wanted:
            low = middle
        else:
            high = middle
    result = 0.5 * (low + high)
    return result if q > 0.5 else -result


@_njit
def t_table(quantiles: FloatArray, n: int) -> FloatArray:
    """Tabulate quantiles of Student's t over the inverse of its degrees of freedom.

    Parameters
    ----------
    quantiles : ndarray of shape (q,)
        In (0, 1).
    n : int
        Places, evenly spaced: from 0, the normal law, to 1/2, two degrees of freedom.

    Returns
    -------
    ndarray of shape (n, q)
        The quantiles.
    """
    table = np.empty((n, len(quantiles)))
    for place in range(n):
        df = math.inf if place == 0 else 2.0 * (n - 1) / place
        for column in range(len(quantiles)):
            table[place, column] = _t_quantile(quantiles[column], df)
    return table


@_njit
def t_levels(values: FloatArray, params: FloatArray) -> FloatArray:
    """Tell how far in the tails values lie: ``-log10`` of a two-sided probability.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN is missing.
    params : ndarray of shape (n, 3)
        Location, scale, degrees of freedom.

    Returns
    -------
    ndarray of shape (n,)
        0.0 where the value is missing.
    """
    levels = np.zeros(len(values))
    for row in range(len(values)):
        if not math.isnan(values[row]):
            z = (values[row] - params[row, 0]) / params[row, 1]
            levels[row] = max(-_t_log_tails(z, params[row, 2]) / math.log(10.0), LEAST_LEVEL)
    return levels


@_njit
def _t_mixture_gap(laws: Any, q: float, x: float) -> Any:
    """Tell by how much the logarithm of the smaller tail at x differs from that of q; rises."""
    total = 0.0
    for part in range(len(laws)):
        z = (x - laws[part, 0]) / laws[part, 1]
        total += _t_cdf(z if q <= 0.5 else -z, laws[part, 2])
    gap = math.log(max(total / len(laws), 1e-300)) - math.log(min(q, 1.0 - q))
    return gap if q <= 0.5 else -gap


@_njit
def _t_mixture_quantile(laws: Any, q: float) -> Any:
    """Find the quantile by the Illinois method (Dowell and Jarratt 1971, BIT 11:168)."""
    # The quantile of a mixture lies between those of its parts, and each of these between the
    # median and the quantile with two degrees of freedom, which has a closed form.
    widest = (2.0 * q - 1.0) / math.sqrt(2.0 * q * (1.0 - q))
    low, high = math.inf, -math.inf
    for part in range(len(laws)):
        end = laws[part, 1] * widest
        low = min(low, laws[part, 0] + min(end, 0.0))
        high = max(high, laws[part, 0] + max(end, 0.0))
    below, above = _t_mixture_gap(laws, q, low), _t_mixture_gap(laws, q, high)
    x, side = 0.5 * (low + high), 0
    for turn in range(200):
        if high - low <= 1e-10 * max(abs(low), abs(high)) or below >= 0.0 or above <= 0.0:
            break
        x = (low * above - high * below) / (above - below)
        if not low < x < high or turn % 8 == 7:  # now and then a step that surely halves
            x = 0.5 * (low + high)
        gap = _t_mixture_gap(laws, q, x)
        if abs(gap) < 1e-9:
            return x
        if gap < 0.0:
            low, below, above = x, gap, above * (0.5 if side < 0 else 1.0)
            side = -1
        else:
            high, above, below = x, gap, below * (0.5 if side > 0 else 1.0)
            side = 1
    if below >= 0.0:
        return low
    return high if above <= 0.0 else 0.5 * (low + high)


@_njit
def t_mixture_quantiles(params: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Find quantiles of even mixtures of Student's t laws.

    Parameters
    ----------
    params : ndarray of shape (n, k, 3)
        Location, scale and degrees of freedom of `k` laws for each mixture.
    quantiles : ndarray of shape (q,)
        In (0, 1).

    Returns
    -------
    ndarray of shape (n, q)
        The quantiles.
    """
    result = np.empty((len(params), len(quantiles)))
    for row in range(len(params)):
        for column in range(len(quantiles)):
            result[row, column] = _t_mixture_quantile(params[row], quantiles[column])
    return result


# ---- negative binomial: mean and dispersion, variance = mean + dispersion * mean ** 2 ------------


@_njit
def _nb_log_cdf(k: float, mean: float, dispersion: float) -> Any:
    """Logarithm of the probability of at most k."""
    if k < 0.0:
        return _LEAST_LOG
    size, product = 1.0 / dispersion, dispersion * mean
    return _log_beta(size, k + 1.0, 1.0 / (1.0 + product), product / (1.0 + product))


@_njit
def _nb_log_survival(k: float, mean: float, dispersion: float) -> Any:
    """Logarithm of the probability of at least k."""
    if k <= 0.0:
        return 0.0
    size, product = 1.0 / dispersion, dispersion * mean
    return _log_beta(k, size, product / (1.0 + product), 1.0 / (1.0 + product))


@_njit
def _nb_quantile(q: float, mean: float, dispersion: float) -> Any:
    """Find the least k with a probability of at least q of values up to k."""
    size, product = 1.0 / dispersion, dispersion * mean
    p = math.exp(-size * math.log1p(product))
    if mean < 200.0 and p > 1e-280:
        ratio, total, k = product / (1.0 + product), p, 0.0
        while total < q and p > 1e-18 * total:
            p *= ratio * (k + size) / (k + 1.0)
            total += p
            k += 1.0
        if total >= q:
            return k
    # Where the sum is long: bisection, from a bracket that grows around the mean.
    wanted = math.log(q)
    low, high = -1.0, float(math.ceil(mean))
    step = math.ceil(math.sqrt(mean + mean * product)) + 1.0
    while _nb_log_cdf(high, mean, dispersion) < wanted:
        low, high, step = high, high + step, 2.0 * step
    while high - low > 1.0:
        middle = math.floor(0.5 * (low + high))
        if middle in (low, high):
            break
        if _nb_log_cdf(middle, mean, dispersion) < wanted:
            low = middle
        else:
            high = middle
    return high


@_njit
def nb_levels(values: FloatArray, params: FloatArray) -> FloatArray:
    """Tell how far in the tails counts lie: ``-log10`` of a two-sided probability.

    It is twice the probability of a count at least as low, or as high, whichever is less.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN is missing. What lies between two counts is as likely as the one further out.
    params : ndarray of shape (n, 2)
        Mean and dispersion.

    Returns
    -------
    ndarray of shape (n,)
        0.0 where the value is missing.
    """
    levels = np.zeros(len(values))
    for row in range(len(values)):
        value = values[row]
        if math.isnan(value):
            continue
        mean, dispersion = params[row]
        if value < 0.0:  # impossible, and the further from 0 the more so
            levels[row] = 300.0 - value / max(mean, 1e-9)
            continue
        below = _nb_log_cdf(math.floor(value), mean, dispersion)
        above = _nb_log_survival(math.ceil(value), mean, dispersion)
        levels[row] = max(-(math.log(2.0) + min(below, above)) / math.log(10.0), LEAST_LEVEL)
    return levels


@_njit
def _nb_mixture_quantile(laws: Any, q: float) -> Any:
    """Find the quantile by bisection between the least and the greatest of the parts."""
    low, high = math.inf, -math.inf
    for part in range(len(laws)):
        own = _nb_quantile(q, laws[part, 0], laws[part, 1])
        low, high = min(low, own), max(high, own)
    low -= 1.0
    while high - low > 1.0:
        middle = math.floor(0.5 * (low + high))
        if middle in (low, high):
            break
        total = 0.0
        for part in range(len(laws)):
            total += math.exp(_nb_log_cdf(middle, laws[part, 0], laws[part, 1]))
        if total < q * len(laws):
            low = middle
        else:
            high = middle
    return high


@_njit
def nb_mixture_quantiles(params: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Find quantiles of even mixtures of negative binomial laws.

    Parameters
    ----------
    params : ndarray of shape (n, k, 2)
        Mean and dispersion of `k` laws for each mixture.
    quantiles : ndarray of shape (q,)
        In (0, 1).

    Returns
    -------
    ndarray of shape (n, q)
        Whole numbers.
    """
    result = np.empty((len(params), len(quantiles)))
    for row in range(len(params)):
        for column in range(len(quantiles)):
            result[row, column] = _nb_mixture_quantile(params[row], quantiles[column])
    return result


@_njit
def nb_quantiles(params: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Find quantiles of negative binomial laws.

    Parameters
    ----------
    params : ndarray of shape (n, 2)
        Mean and dispersion.
    quantiles : ndarray of shape (q,)
        In (0, 1).

    Returns
    -------
    ndarray of shape (n, q)
        Whole numbers.
    """
    result: FloatArray = nb_mixture_quantiles(params[:, np.newaxis], quantiles)
    return result
