"""Series for the tests of detectors, and what they compare."""

import numpy as np

from fastrcf import ForestDetector, persistence

FAST = {"n_trees": 10, "random_state": 3}


def waves(n=1400, period=50, seed=0, noise=0.1):
    """One column that repeats itself."""
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(n) * 2 * np.pi / period) + rng.normal(scale=noise, size=n)


def columns(n=1400, width=6, seed=0):
    """Columns that move together, each on its own scale."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 2)) @ rng.normal(size=(2, width))
    return (common + 0.2 * rng.normal(size=(n, width))) * 10.0 ** np.arange(width) + 5.0


def with_events(series):
    """The same with an odd stretch, a spike and missing rows."""
    series = series.copy()
    n = len(series)
    series[n // 2 : n // 2 + 40] = series[n // 2]
    series[3 * n // 4] += 20 * series[: n // 2].std(axis=0)
    series[n // 3] = np.nan
    series[4 * n // 5 : 4 * n // 5 + 5] = np.nan
    return series


def streamed(series, cuts=(), **options):
    """Scores of a series that comes in parts, and the detector."""
    detector = ForestDetector(**{**FAST, **options})
    parts = [part for part in np.split(series, cuts) if len(part)]
    return np.concatenate([detector.score_update(part) for part in parts]), detector


def state(detector):
    """All that it has learned, as bytes."""
    return persistence.to_bytes(detector)
