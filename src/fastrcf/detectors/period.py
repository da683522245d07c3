"""The period of a series, from its autocorrelation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastrcf._typing import FloatArray

__all__ = ["Period", "find_period"]

_SPANS = (None, 256, 64)
"""Rows over which the level is taken out before looking, as drift hides short periods; None: the
longest period twice."""


class Period(NamedTuple):
    """How often a series repeats itself, and how well."""

    rows: int
    """Rows after which it does."""

    strength: float
    """Autocorrelation at that distance, at most about 1."""


def find_period(values: ArrayLike, *, least: int = 8, most: int = 1000) -> Period | None:
    """Estimate how many rows a series takes to repeat itself.

    The lowest lag whose autocorrelation is a local maximum, lies behind the first negative one and
    reaches nine tenths of the highest such maximum: with the level of the series as it is, and with
    its moving mean over several spans taken out; the strongest of these wins. Values beyond the
    first and last percentile are clipped to these.

    Parameters
    ----------
    values : array_like of shape (n,)
        Finite numbers, in the order of time.
    least, most : int
        Bounds of the period in rows; it is at most a third of the series, too.

    Returns
    -------
    Period or None
        None if nothing repeats.

    Examples
    --------
    >>> import numpy as np
    >>> find_period(np.sin(np.arange(1000) * 2 * np.pi / 50)).rows
    50
    """
    series = np.asarray(values, np.float64)
    most = min(most, len(series) // 3)
    if most <= least:
        return None
    series = np.clip(series, *np.quantile(series, [0.01, 0.99]))
    candidates = [_strongest(series, least, most)]
    for span in _SPANS:
        smooth = _moving_mean(series, min(span or 2 * most, len(series)))
        candidates.append(_strongest(series - smooth, least, most))
    found = [each for each in candidates if each is not None]
    return max(found, key=lambda each: each.strength, default=None)


def _strongest(series: FloatArray, least: int, most: int) -> Period | None:
    correlation = _autocorrelation(series, most + 1)
    negative = np.flatnonzero(correlation < 0.0)
    if not len(negative):
        return None
    lags = np.arange(max(least, int(negative[0]), 1), most)
    here = correlation[lags]
    peaks = lags[(here >= correlation[lags - 1]) & (here >= correlation[lags + 1]) & (here > 0.0)]
    if not len(peaks):
        return None
    heights = correlation[peaks]
    first = int(np.argmax(heights >= 0.9 * heights.max()))
    return Period(int(peaks[first]), float(heights[first]))


def _autocorrelation(series: FloatArray, lags: int) -> FloatArray:
    """Correlate a series with itself: unbiased, for lags 0 to `lags` - 1."""
    n = len(series)
    centred = series - series.mean()
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[:lags]
    if products[0] <= 0.0:
        return np.zeros(lags)
    result: FloatArray = products / products[0] * n / (n - np.arange(lags))
    return result


def _moving_mean(series: FloatArray, span: int) -> FloatArray:
    """Mean over `span` rows around each row, fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(series)])
    rows = np.arange(len(series))
    first = np.maximum(rows - span // 2, 0)
    stop = np.minimum(rows + span - span // 2, len(series))
    result: FloatArray = (sums[stop] - sums[first]) / (stop - first)
    return result
