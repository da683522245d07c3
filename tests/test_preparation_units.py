"""Rows that a forest gives back are in the caller's units, whatever the trees see."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf import RandomCutForest

PERIOD = 40
TRANSFORMATIONS = ["normalize", "difference", "normalize_difference"]


def season(n: int, seed: int = 0) -> NDArray[np.float64]:
    """Two columns of different units, the second far from zero."""
    phase = 2 * np.pi * np.arange(n) / PERIOD
    wave = np.column_stack([np.sin(phase), 1e4 + 300 * np.cos(phase)])
    return wave + np.random.default_rng(seed).normal(scale=0.02, size=(n, 2)) * [1.0, 300.0]


def learned(transformation: str, **options: Any) -> RandomCutForest:
    forest = RandomCutForest(
        n_trees=50, shingle_size=20, transformation=transformation, weights=[1.0, 2.0], **options
    )
    return forest.update(season(2000))


@pytest.mark.parametrize("missing", ["skip", "impute"])
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_imputed_rows(transformation: str, missing: str) -> None:
    forest = learned(transformation, missing=missing)
    truth = season(2100)[2000:]
    rows = truth.copy()
    rows[[10, 40], 0] = rows[[11, 25, 40, 70, 71, 72], 1] = np.nan
    state = forest.to_bytes()
    filled = forest.impute(rows)
    assert forest.to_bytes() == state
    known = ~np.isnan(rows)
    assert_array_equal(filled[known], rows[known])
    assert_allclose((filled - truth) / [1.0, 300.0], 0.0, atol=0.25)
    assert_array_equal(forest.impute_one(rows[0]), rows[0])


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_expected_rows(transformation: str) -> None:
    forest = learned(transformation)
    truth = season(2050)[2000:]
    expected = forest.expected(truth)
    assert_allclose((expected - truth) / [1.0, 300.0], 0.0, atol=0.3)
    assert_array_equal(forest.set_params(n_jobs=2).expected(truth), expected)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_forecasts(transformation: str) -> None:
    forest = learned(transformation)
    truth = season(2020)[2000:]
    median = forest.forecast(20, n_paths=100).median
    assert_allclose((median - truth) / [1.0, 300.0], 0.0, atol=0.5)


def test_differences_follow_a_trend() -> None:
    """The values to come were never seen; their changes were."""
    forest = RandomCutForest(n_trees=50, shingle_size=8, transformation="difference")
    forest.update(3.0 * np.arange(1000))
    assert_allclose(forest.forecast(10, n_paths=20).median[:, 0], 3.0 * np.arange(1000, 1010))
    assert_allclose(forest.impute([np.nan, np.nan])[:, 0], [3000.0, 3003.0])
