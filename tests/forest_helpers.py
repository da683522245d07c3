"""Series and tables for the tests of forests."""

import numpy as np

SMALL = {"n_trees": 15, "sample_size": 32}


def sine(n, seed=0, noise=0.1, period=50):
    """A wave with some noise."""
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(n) / period) + rng.normal(scale=noise, size=n)


def clouds(n, d, seed=0):
    """Two clouds, around 0 and around 4 in every column."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 4.0 * (rng.random(size=(n, 1)) < 0.5)
