"""Fleets for tests, and what they are fed."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastrcf import ForestFleet

OPTIONS: dict[str, Any] = {"n_trees": 7, "sample_size": 16, "shingle_size": 2, "output_after": 5}


def mixed(n: int, n_keys: int, columns: int = 1, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Return keys in random order and rows, every twentieth row with a NaN."""
    rng = np.random.default_rng(seed)
    keys = [f"series-{key}" for key in rng.integers(n_keys, size=n)]
    rows = rng.normal(size=(n, columns)).round(1)
    rows[::20, 0] = np.nan
    return keys, rows


def fed(n: int = 400, n_keys: int = 5, **options: Any) -> ForestFleet:
    """Return a fleet that has learned."""
    return ForestFleet(**OPTIONS | options).update(*mixed(n, n_keys))
