"""Options of the forest, and errors that leave it as it was."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest
from forest_helpers import SMALL, clouds, sine

# ---- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("n_trees", 0, ValueError, "n_trees: expected an integer of at least 1, got 0"),
        ("n_trees", True, TypeError, r"n_trees: expected an integer, got True \(bool\)"),
        ("n_trees", 10.0, TypeError, r"n_trees: expected an integer, got 10.0 \(float\)"),
        ("n_trees", "10", TypeError, r"n_trees: expected an integer, got '10' \(str\)"),
        ("n_trees", None, TypeError, "n_trees: expected an integer, got None"),
        ("n_trees", 2**40, ValueError, "n_trees: expected an integer of at most"),
        ("sample_size", 0, ValueError, "sample_size: .* at least 1, got 0"),
        ("sample_size", 32_001, ValueError, "sample_size: .* at most 32000, got 32001"),
        ("shingle_size", -1, ValueError, "shingle_size: .* at least 1, got -1"),
        ("time_decay", -1e-9, ValueError, "time_decay: expected a finite number of at least 0"),
        ("time_decay", float("nan"), ValueError, "time_decay: .*got nan"),
        ("time_decay", float("inf"), ValueError, "time_decay: .*got inf"),
        ("time_decay", "fast", TypeError, r"time_decay: .*got 'fast' \(str\)"),
        ("time_decay", 1j, TypeError, "time_decay: .*got 1j"),
        ("output_after", 0, ValueError, "output_after: .* at least 1, got 0"),
        ("output_after", 2.5, TypeError, "output_after: expected an integer, got 2.5"),
        ("initial_accept_fraction", 0.0, ValueError, r"initial_accept_fraction: .*\(0, 1\]"),
        ("initial_accept_fraction", 1.1, ValueError, "initial_accept_fraction: .*got 1.1"),
        ("initial_accept_fraction", None, TypeError, "initial_accept_fraction: expected a number"),
        ("contamination", 0.0, ValueError, r"contamination: expected 'auto' or .*\(0, 0.5\]"),
        ("contamination", 0.51, ValueError, "contamination: .*got 0.51"),
        ("contamination", float("nan"), ValueError, "contamination: .*got nan"),
        ("contamination", "some", ValueError, "contamination: .*got 'some'"),
        ("contamination", None, TypeError, "contamination: .*got None"),
        ("random_state", -1, ValueError, "random_state: .* at least 0, got -1"),
        ("random_state", 2**64, ValueError, "random_state: .* at most"),
        ("random_state", 0.5, TypeError, "random_state: expected an integer, got 0.5"),
        ("n_jobs", 0, ValueError, "n_jobs: expected a positive number, or -1 .*got 0"),
        ("n_jobs", 1.0, TypeError, "n_jobs: expected an integer, got 1.0"),
    ],
)
def test_wrong_options_are_refused_by_name(option, value, error, message):
    # As scikit-learn wants it: not when they are given, but when they are first used.
    forest = RandomCutForest(**{option: value})
    for verb in ("fit", "update", "score_update", "score", "partial_fit", "fit_predict"):
        with pytest.raises(error, match=message):
            getattr(forest, verb)([[1.0], [2.0]])
    for verb in ("update_one", "score_update_one", "score_one"):
        with pytest.raises(error, match=message):
            getattr(forest, verb)(1.0)
    with pytest.raises(error, match=message):
        forest.to_bytes()
    assert not hasattr(forest, "n_features_in_")


def test_options_reach_the_core():
    forest = RandomCutForest(
        7, 50, 3, time_decay=0, output_after=9, initial_accept_fraction=1, random_state=11
    ).update(clouds(30, 2))
    assert forest._core is not None
    options = forest._core.options()
    assert options.pop("preparation")["transformation"] == "none"
    assert options == {
        "n_columns": 2,
        "n_trees": 7,
        "sample_size": 50,
        "shingle_size": 3,
        "time_decay": 0.0,
        "output_after": 9,
        "initial_accept_fraction": 1.0,
        "random_state": 11,
        "scoring": "standard",
        "n_jobs": 1,
    }
    defaults = RandomCutForest().update([1.0])._core
    assert defaults is not None
    assert defaults.options()["time_decay"] == 1 / 2560
    assert defaults.options()["output_after"] == 64


def test_set_params_takes_effect_at_the_next_fit():
    rows = clouds(300, 2)
    forest = RandomCutForest(n_trees=10).update(rows)
    before = forest.score(rows)
    forest.set_params(n_trees=20, sample_size=64)
    assert_array_equal(forest.score(rows), before)
    forest.fit(rows)
    assert forest._core.options()["n_trees"] == 20
    assert forest.to_bytes() == RandomCutForest(n_trees=20, sample_size=64).fit(rows).to_bytes()


def test_n_jobs_applies_at_once():
    forest = RandomCutForest(n_trees=10).update(sine(10))
    forest.set_params(n_jobs=2)
    assert forest._core.n_jobs == 2
    with pytest.raises(ValueError, match="n_jobs"):
        forest.set_params(n_trees=3, n_jobs=0)
    with pytest.raises(ValueError, match="Invalid parameter 'trees'"):
        forest.set_params(n_jobs=1, trees=5)
    assert (forest.n_trees, forest.n_jobs, forest._core.n_jobs) == (10, 2, 2)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(RandomCutForest()) == "RandomCutForest()"
    assert repr(RandomCutForest(100, 64, time_decay=0.5)) == (
        "RandomCutForest(sample_size=64, time_decay=0.5)"
    )


# ---- errors leave everything as it was ----------------------------------------------------------


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 3e38, 1e300])
@pytest.mark.parametrize("row", [0, 1, 77, 199])
def test_infinite_values_name_their_place_and_change_nothing(bad, row):
    forest = RandomCutForest(**SMALL, shingle_size=3).update(clouds(100, 2))
    before = forest.to_bytes()
    rows = clouds(200, 2)
    rows[row, 1] = bad
    for verb in ("update", "score_update", "score", "partial_fit", "fit", "score_samples"):
        with pytest.raises(ValueError, match=rf"X: row {row}, column 1"):
            getattr(forest, verb)(rows)
        assert forest.to_bytes() == before
    for verb in ("update_one", "score_update_one", "score_one", "learn_one"):
        with pytest.raises(ValueError, match="column 1"):
            getattr(forest, verb)(rows[row])
        assert forest.to_bytes() == before


def test_an_error_in_the_first_rows_leaves_the_forest_unstarted():
    for verb in ("update", "score_update", "fit", "partial_fit"):
        forest = RandomCutForest()
        with pytest.raises(ValueError, match="row 1, column 0"):
            getattr(forest, verb)([[1.0, 2.0], [np.inf, 2.0]])
        assert not hasattr(forest, "n_features_in_")
        assert forest.update([[1.0, 2.0, 3.0]]).n_features_in_ == 3


@pytest.mark.parametrize("wrong", [[[1.0]], [[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0], [["a", "b"]], []])
def test_a_failed_call_changes_nothing(wrong):
    forest = RandomCutForest(**SMALL).fit(clouds(100, 2))
    before = forest.to_bytes()
    for verb in ("update", "score_update", "score", "partial_fit", "predict"):
        with pytest.raises((TypeError, ValueError)):
            getattr(forest, verb)(wrong)
    assert forest.to_bytes() == before


def test_a_failed_fit_keeps_the_old_forest():
    forest = RandomCutForest(**SMALL).fit(clouds(100, 2))
    before = forest.to_bytes()
    for rows in ([[np.inf, 1.0]], [[np.nan, 1.0]], [[1.0, "a"]]):
        with pytest.raises((TypeError, ValueError)):
            forest.fit(rows)
    assert forest.to_bytes() == before
    forest.set_params(contamination=7)
    with pytest.raises(ValueError, match="contamination"):
        forest.fit(clouds(100, 5))
    assert forest.n_features_in_ == 2
