"""What the forest computes, and in which windows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest
from forest_helpers import SMALL, clouds, sine

# ---- the law ------------------------------------------------------------------------------------


def test_sine_has_the_mean_score_of_the_reference():
    forests = [RandomCutForest(shingle_size=8, random_state=seed) for seed in range(4)]
    scores = np.array([forest.score_update(sine(3000)) for forest in forests])
    assert scores[:, 1000:].mean() == pytest.approx(0.80, abs=0.01)


def test_points_between_two_clusters_score_as_in_the_reference(data_dir):
    rows = np.loadtxt(data_dir / "aws_rcf" / "rcf-paper.csv", delimiter=",")
    scores = RandomCutForest().score_update(rows)
    between = np.flatnonzero((np.abs(rows) < 2.0).all(axis=1))
    assert (len(between), between[0], between[-1]) == (11, 293, 2005)
    assert scores[293] == pytest.approx(3.7, abs=0.2)
    assert scores[2005] == pytest.approx(2.8, abs=0.3)
    ordinary = np.delete(scores, between)[64:]
    assert np.mean((ordinary > 0.5) & (ordinary < 1.4)) > 0.98


@pytest.mark.parametrize("shingle_size", [1, 4])
def test_constant_stream_scores_one_half(shingle_size):
    scores = RandomCutForest(shingle_size=shingle_size).score_update(np.full(600, 3.25))
    ready = scores[64 + shingle_size - 1 :]
    assert_array_equal(scores[: 64 + shingle_size - 1], 0.0)
    assert ready == pytest.approx(0.5, abs=1e-7)  # depths are tabulated in single precision


def test_constant_table_scores_one_half():
    forest = RandomCutForest().fit(np.zeros((300, 3)))
    assert forest.score(np.zeros((2, 3))) == pytest.approx(0.5, abs=1e-7)
    assert (forest.score(np.full((2, 3), 1e-3)) > 1.0).all()


def test_outliers_score_high_and_the_middle_low():
    forest = RandomCutForest().fit(clouds(2000, 3))
    inside, between, outside = forest.score([[0, 0, 0], [2, 2, 2], [20, 20, 20]])
    assert inside < 1.0
    assert inside < between < outside
    assert outside > 3.0


def test_a_level_shift_is_seen_and_then_becomes_ordinary():
    series = sine(4000)
    series[2000:] += 6.0
    scores = RandomCutForest(shingle_size=4, time_decay=0.01).score_update(series)
    assert scores[2000:2004].max() > 2.0
    assert scores[3000:].mean() < 1.0


def test_scores_have_the_documented_type():
    scores = RandomCutForest(**SMALL).score_update(sine(100).astype(np.float32))
    assert scores.dtype == np.float64
    assert scores.shape == (100,)
    assert type(RandomCutForest(**SMALL).score_one(1.0)) is float
    assert type(RandomCutForest(**SMALL).score_update_one(1.0)) is float
    assert RandomCutForest(**SMALL).update_one(1.0) is None


# ---- pure scoring, windows, warm-up -------------------------------------------------------------


@pytest.mark.parametrize("shingle_size", [1, 5])
def test_scores_are_zero_until_enough_points_are_learned(shingle_size):
    forest = RandomCutForest(**SMALL, shingle_size=shingle_size, output_after=20)
    scores = forest.score_update(sine(100))
    first = 20 + shingle_size - 1
    assert_array_equal(scores[:first], 0.0)
    assert (scores[first:] > 0.0).all()


def test_ready_comes_with_the_last_point_that_was_missing():
    forest = RandomCutForest(n_trees=5, sample_size=40, shingle_size=3)
    ready = []
    for value in sine(30):
        forest.update_one(value)
        ready.append(forest.is_ready)
    assert ready.index(True) == 10 + 3 - 1 - 1  # a quarter of the sample, in full windows
    assert all(ready[ready.index(True) :])


def test_scoring_changes_nothing():
    forest = RandomCutForest(**SMALL, shingle_size=4).update(sine(300))
    before = forest.to_bytes()
    other = sine(50, seed=9) * 5
    first = forest.score(other)
    assert_array_equal(forest.score(other), first)
    assert forest.score_one(other[0]) == first[0]
    assert forest.to_bytes() == before
    assert forest.n_seen == 300


def test_score_is_taken_in_the_windows_that_would_follow():
    forest = RandomCutForest(**SMALL, shingle_size=4).update(sine(300))
    rows = sine(20, seed=3)
    scores = forest.score(rows)
    frozen = forest.score_samples(rows[:, np.newaxis])
    assert_array_equal(scores, -frozen)
    # Row i follows rows 0 … i − 1: the same rows in one call or as the head of a longer one.
    for i in range(1, 20):
        assert_array_equal(forest.score(rows[:i]), scores[:i])
    # The window is the last learned rows: another history, another score for the first rows only.
    twin = RandomCutForest.from_bytes(forest.to_bytes())
    twin.update([np.nan])  # empties the window and nothing else
    assert_array_equal(twin.score(rows)[:3], 0.0)
    assert_array_equal(twin.score(rows)[3:], scores[3:])


def test_rows_with_nan_are_skipped_and_break_the_window():
    rows = sine(400)
    rows[200] = np.nan
    forest = RandomCutForest(**SMALL, shingle_size=4)
    scores = forest.score_update(rows)
    assert_array_equal(scores[200:204], 0.0)
    assert (scores[100:200] > 0.0).all()
    assert (scores[204:] > 0.0).all()
    assert (forest.n_seen, forest.n_skipped) == (399, 1)


def test_rows_with_nan_teach_nothing():
    rows = clouds(300, 2)
    with_gaps = np.insert(rows, [50, 50, 200], [np.nan, 1.0], axis=0)
    clean, gappy = RandomCutForest(**SMALL), RandomCutForest(**SMALL)
    scores = gappy.score_update(with_gaps)
    kept = ~np.isnan(with_gaps).any(axis=1)
    assert_array_equal(scores[kept], clean.score_update(rows))
    assert_array_equal(scores[~kept], 0.0)
    assert (gappy.n_seen, gappy.n_skipped) == (300, 3)
    assert_array_equal(gappy.score(rows), clean.score(rows))


def test_scoring_a_nan_counts_nothing():
    forest = RandomCutForest(**SMALL).update(sine(100))
    assert_array_equal(forest.score([1.0, np.nan, 1.0]) == 0.0, [False, True, False])
    assert forest.score_one(np.nan) == 0.0
    assert forest.n_skipped == 0
    assert forest.score_update_one(np.nan) == 0.0
    forest.update_one(np.nan)
    assert forest.n_skipped == 2


def test_a_forest_that_learned_nothing():
    forest = RandomCutForest()
    assert_array_equal(forest.score(sine(5)), np.zeros(5))
    assert_array_equal(forest.score(clouds(5, 2)), np.zeros(5))
    assert forest.score_one([1.0, 2.0]) == 0.0
    assert not forest.is_ready
    assert (forest.n_seen, forest.n_skipped, forest.memory_bytes) == (0, 0, 0)
    assert not hasattr(forest, "n_features_in_")


def test_counts_and_memory():
    forest = RandomCutForest(shingle_size=8)
    forest.update(sine(3000))
    assert forest.n_seen == 3000
    assert forest.is_ready
    assert 100_000 < forest.memory_bytes < 4_000_000
