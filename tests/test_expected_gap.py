"""How far rows stand out: the native answer against its slow twin."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf._core import Forest
from reference.naive_gap import expected_gaps

OPTIONS: dict[str, Any] = {
    "n_trees": 7,
    "sample_size": 32,
    "time_decay": 0.01,
    "output_after": 8,
    "initial_accept_fraction": 0.5,
    "random_state": 3,
}


def grown(rows: np.ndarray, *, shingle_size: int = 1, n_jobs: int = 1) -> Forest:
    forest = Forest(n_columns=rows.shape[1], shingle_size=shingle_size, n_jobs=n_jobs, **OPTIONS)
    forest.update(rows)
    return forest


@pytest.mark.parametrize("n_columns", [1, 2, 5])
def test_the_slow_twin_agrees(n_columns: int) -> None:
    rows = np.random.default_rng(0).integers(0, 5, size=(200, n_columns)).astype(float)
    forest = grown(rows)
    points = np.vstack([rows[:20], rows[:5] + 0.5, rows[:5] * 4, -9.0 - rows[:5]])
    for found, expected in zip(
        forest.expected_gaps(points), expected_gaps(forest, points), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_point_far_out_is_as_far_as_the_nearest_of_the_others() -> None:
    forest = grown(np.linspace(0, 1, 100)[:, np.newaxis])
    high, low = forest.expected_gaps(np.array([[101.0], [-50.0]]))
    assert_allclose(high[0], 100, atol=1)
    assert_allclose(low[1], 50, atol=1)
    assert high[1] == low[0] == 0


def test_any_number_of_threads_one_by_one_as_in_bulk() -> None:
    rows = np.random.default_rng(1).normal(size=(300, 2))
    forest, parallel = (grown(rows[:200], n_jobs=jobs) for jobs in (1, 3))
    before = forest.to_bytes()
    found = forest.expected_gaps(rows[200:])
    assert forest.to_bytes() == before
    assert_array_equal(parallel.expected_gaps(rows[200:]), found)
    alone = [forest.expected_gaps(rows[row : row + 1]) for row in range(200, 300)]
    assert_array_equal(np.concatenate(alone, axis=1), found)


def test_rows_without_a_full_window_have_none() -> None:
    rows = np.random.default_rng(1).normal(size=(300, 2))
    rows[270, 1] = np.nan
    high, low = grown(rows[:200], shingle_size=3).expected_gaps(rows[200:])
    assert high.shape == low.shape == (100, 6)
    assert_array_equal((high + low)[70:73], 0)
    assert (high + low).sum(axis=1)[[69, 73]].all()


def test_before_the_forest_is_ready_and_with_one_value_there_are_none() -> None:
    assert_array_equal(grown(np.ones((7, 2))).expected_gaps(np.array([[9.0, 9.0]])), 0)
    assert_array_equal(grown(np.ones((50, 2))).expected_gaps(np.array([[1.0, 1.0]])), 0)


def test_wrong_width() -> None:
    with pytest.raises(ValueError, match="X"):
        grown(np.ones((50, 2))).expected_gaps(np.ones((3, 3)))
