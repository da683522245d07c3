"""The inputs of the benchmarks: seeded series and tables, and the forests that run on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SEED = 20


@dataclass(frozen=True)
class Workload:
    """A series and the forest that scores it.

    Attributes
    ----------
    name : str
        Short name, as the report prints it.
    columns : int
        1 for the noisy sine, otherwise the number of correlated series.
    shingle_size, n_trees, sample_size : int
        The forest; every library gets the same three, and the default time decay 1/(10·samples).
    mean_score : float
        Mean score after the warm-up, as the reference implementation has it.
    tolerance : float
        Allowed distance of a library's mean score from it.
    bursty : bool
        Whether the noise swells every 400 rows, which gives the scores something to agree on.
    """

    name: str
    columns: int
    shingle_size: int
    n_trees: int
    sample_size: int
    mean_score: float
    tolerance: float = 0.02
    bursty: bool = False

    @property
    def time_decay(self) -> float:
        """The default decay per point, 1/(10·sample_size)."""
        return 0.1 / self.sample_size

    def rows(self, n: int) -> FloatArray:
        """Return the first `n` rows, of shape (n, columns); read-only, the same at every call."""
        return series(self.columns, n, self.bursty)

    def with_bursts(self) -> Workload:
        """Return the same forest on the series with bursts."""
        return replace(self, bursty=True)


@lru_cache(maxsize=4)
def series(columns: int, n: int, bursty: bool) -> FloatArray:
    """Return a noisy sine (one column) or correlated series (more), of shape (n, columns)."""
    rows = noisy_sine(n)[:, None] if columns == 1 else correlated_series(n, columns)
    if bursty:
        rows = rows + bursts(n, columns)
    rows.setflags(write=False)
    return rows


def bursts(n: int, columns: int) -> FloatArray:
    """Return noise whose deviation swells from 0.02 to 1 every 400 rows."""
    rng = np.random.default_rng(SEED + 3)
    deviation = 0.02 + 0.98 * np.sin(np.pi * np.arange(n) / 400) ** 8
    noise: FloatArray = deviation[:, None] * rng.standard_normal((n, columns))
    return noise


def noisy_sine(n: int) -> FloatArray:
    """Return a sine of period 50 with Gaussian noise of deviation 0.1."""
    rng = np.random.default_rng(SEED)
    phase = np.arange(n, dtype=np.float64) * (2 * np.pi / 50)
    return np.sin(phase) + 0.1 * rng.standard_normal(n)


def correlated_series(n: int, columns: int) -> FloatArray:
    """Return `columns` mixtures of two sines (periods 50 and 331) with noise of deviation 0.1."""
    rng = np.random.default_rng(SEED + 1)
    time = np.arange(n, dtype=np.float64)
    sources = np.stack([np.sin(time * (2 * np.pi / period)) for period in (50, 331)], axis=1)
    angle = np.linspace(0.2, 1.3, columns)
    mixing = np.stack([np.cos(angle), np.sin(angle)])
    noise = rng.standard_normal((n, columns))
    rows: FloatArray = sources @ mixing + 0.1 * noise
    return rows


@lru_cache(maxsize=2)
def gaussian_table(n: int, columns: int = 8) -> NDArray[np.float32]:
    """Return a table of standard Gaussian columns in which every hundredth row is tripled.

    Single precision and row-major, the form in which every library takes it without a copy.
    """
    rng = np.random.default_rng(SEED + 2)
    table = rng.standard_normal((n, columns), dtype=np.float32)
    table[::100] *= 3
    table.setflags(write=False)
    return table


SINE_8 = Workload("d=1, shingle 8, 100 × 256", 1, 8, 100, 256, mean_score=0.80)
SINE_48 = Workload("d=1, shingle 48, 100 × 256", 1, 48, 100, 256, mean_score=0.80)
THREE_50 = Workload("d=3, shingle 8, 50 × 256", 3, 8, 50, 256, mean_score=0.80)
THREE_100 = Workload("d=3, shingle 8, 100 × 256", 3, 8, 100, 256, mean_score=0.80)
TABLE = Workload("8 columns, 100 × 256", 8, 1, 100, 256, mean_score=0.715)
