"""The forest as scikit-learn uses one: fit, signs, offset, contamination."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest
from forest_helpers import SMALL, clouds, sine


def test_fit_forgets_and_is_repeatable():
    rows = clouds(500, 2)
    once = RandomCutForest(**SMALL).fit(rows)
    again = RandomCutForest(**SMALL).update(clouds(99, 5)).fit(clouds(50, 3)).fit(rows)
    assert once.to_bytes() == again.to_bytes()
    assert once.is_ready
    assert once.n_seen == 500


def test_fit_takes_small_tables():
    forest = RandomCutForest(n_trees=10).fit([[1.0, 2.0]])
    assert forest.is_ready
    assert forest.score([[1.0, 2.0]])[0] > 0.0
    assert_array_equal(RandomCutForest(n_trees=10).fit_predict([[1.0], [1.0], [1.0]]), [1, 1, 1])


def test_fit_skips_rows_with_nan():
    rows = clouds(300, 2)
    rows[::50, 1] = np.nan
    forest = RandomCutForest(**SMALL).fit(rows)
    clean = RandomCutForest(**SMALL).fit(rows[~np.isnan(rows).any(axis=1)])
    assert (forest.n_seen, forest.n_skipped) == (294, 6)
    assert forest.offset_ == clean.offset_
    assert_array_equal(forest.predict(rows)[::50], 1)


@pytest.mark.parametrize(
    ("rows", "shingle_size"), [([[np.nan], [np.nan]], 1), ([[1.0], [2.0], [np.nan], [1.0]], 3)]
)
def test_fit_wants_a_row_that_can_be_learned(rows, shingle_size):
    forest = RandomCutForest(shingle_size=shingle_size)
    with pytest.raises(ValueError, match="X: "):
        forest.fit(rows)
    assert not hasattr(forest, "n_features_in_")


def test_update_after_fit_goes_on():
    rows = clouds(1000, 2)
    fitted = RandomCutForest(**SMALL).fit(rows)
    forest = RandomCutForest.from_bytes(fitted.to_bytes())
    offset = forest.offset_
    whole = forest.score_update(rows[:300] + 8.0)
    assert forest.n_seen == 1300
    assert whole[:20].mean() > whole[-100:].mean()
    assert forest.offset_ == offset
    by_one = RandomCutForest.from_bytes(fitted.to_bytes())
    assert_array_equal([by_one.score_update_one(row) for row in rows[:300] + 8.0], whole)
    assert by_one.to_bytes() == forest.to_bytes()


def test_fit_leaves_the_window_empty():
    forest = RandomCutForest(**SMALL, shingle_size=3).fit(sine(400)[:, np.newaxis])
    assert_array_equal(forest.score(sine(9)) > 0.0, [False, False] + [True] * 7)


def test_signs_and_offset():
    rows = clouds(500, 2)
    forest = RandomCutForest(n_trees=30).fit(rows)
    scores = forest.score(rows)
    assert_array_equal(forest.score_samples(rows), -scores)
    assert forest.offset_ == pytest.approx(-(scores.mean() + 3 * scores.std()), rel=1e-12)
    assert_array_equal(forest.decision_function(rows), -scores - forest.offset_)
    far = forest.predict([[30.0, 30.0], [0.0, 0.0]])
    assert_array_equal(far, [-1, 1])
    assert far.dtype == np.int64
    assert not np.signbit(forest.score_samples([[np.nan, 0.0]]))[0]


@pytest.mark.parametrize("contamination", [0.01, 0.1, np.float32(0.25), 0.5])
def test_contamination_is_the_share_of_training_rows_beyond(contamination):
    rows = clouds(400, 3)
    forest = RandomCutForest(n_trees=30, contamination=contamination)
    labels = forest.fit_predict(rows)
    assert np.mean(labels == -1) == pytest.approx(contamination, abs=1 / 400)
    assert forest.offset_ == np.percentile(forest.score_samples(rows), 100 * float(contamination))
    assert_array_equal(forest.predict(rows), labels)


def test_the_offset_may_be_set_by_hand():
    forest = RandomCutForest(**SMALL).update(clouds(500, 2))
    with pytest.raises(ValueError, match="has no offset_: call fit"):
        forest.predict([[0.0, 0.0]])
    forest.offset_ = -1.5
    assert_array_equal(forest.predict([[0.0, 0.0], [40.0, 40.0]]), [1, -1])
