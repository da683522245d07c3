"""Tables and trees that the tests of questions share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastrcf import RandomCutForest

Array = NDArray[np.float64]


def wave(n: int, columns: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    phase = np.arange(n)[:, np.newaxis] / 7 + np.arange(columns)
    return np.sin(phase) + rng.normal(scale=0.1, size=(n, columns))


def few_values(n: int, columns: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 3, size=(n, columns)).astype(np.float64)


def trees_of(forest: RandomCutForest) -> list[dict[str, Any]]:
    core = forest._core
    assert core is not None
    return [core.tree(i) for i in range(forest.n_trees)]
