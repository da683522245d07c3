"""The forest as scikit-learn sees it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import NotFittedError, RandomCutForest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone, is_outlier_detector  # noqa: E402
from sklearn.model_selection import ParameterGrid  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

ROWS = np.random.default_rng(0).normal(size=(200, 3))


def test_check_estimator():
    with warnings.catch_warnings():
        # It does not inherit from BaseEstimator, on purpose; the checks say so once.
        warnings.filterwarnings("ignore", message="Estimator RandomCutForest does not inherit")
        results = check_estimator(RandomCutForest(), on_fail=None, on_skip=None)
    failed = {
        result["check_name"]: result["exception"]
        for result in results
        if result["status"] == "failed"
    }
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert not failed
    assert skipped <= {"check_array_api_input"}  # it wants an environment variable of SciPy
    assert len(results) > 40


def test_tags():
    forest = RandomCutForest()
    tags = get_tags(forest)
    assert is_outlier_detector(forest)
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.sparse
    assert not tags.target_tags.required
    assert not tags.non_deterministic


@pytest.mark.parametrize("verb", ["score_samples", "decision_function", "predict"])
def test_not_fitted(verb):
    forest = RandomCutForest()
    with pytest.raises(NotFittedError, match="RandomCutForest instance is not fitted yet"):
        getattr(forest, verb)(ROWS)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        getattr(forest, verb)(ROWS)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(forest)
    check_is_fitted(forest.partial_fit(ROWS))


def test_clone_is_unfitted_and_keeps_the_parameters():
    class Odd(int):
        """A value that only identity tells from its equal."""

    params = {"n_trees": Odd(7), "time_decay": 0.125, "contamination": np.float64(0.2)}
    forest = RandomCutForest(**params).fit(ROWS)
    copy = clone(forest)
    assert not hasattr(copy, "n_features_in_")
    assert copy.get_params() == forest.get_params()
    for name, value in params.items():
        assert getattr(forest, name) is value
    assert_array_equal(copy.fit(ROWS).predict(ROWS), forest.predict(ROWS))


def test_parameters():
    forest = RandomCutForest()
    assert list(forest.get_params()) == [
        "n_trees",
        "sample_size",
        "shingle_size",
        "time_decay",
        "output_after",
        "initial_accept_fraction",
        "contamination",
        "scoring",
        "transformation",
        "weights",
        "noise_floor",
        "missing",
        "fill_value",
        "max_missing",
        "irregular",
        "random_state",
        "n_jobs",
    ]
    assert vars(forest) == forest.get_params()
    assert forest.set_params(n_trees=3) is forest
    assert forest.get_params(deep=False)["n_trees"] == 3
    for params in ParameterGrid({"n_trees": [5, 10], "sample_size": [16, 32]}):
        assert clone(forest).set_params(**params).fit(ROWS).is_ready


def test_subclasses_may_have_parameters_of_their_own():
    class Wider(RandomCutForest):
        def __init__(self, n_trees=5, *, margin=1.0):
            super().__init__(n_trees=n_trees)
            self.margin = margin

    forest = clone(Wider(margin=2.0)).fit(ROWS)
    assert repr(forest) == "Wider(margin=2.0)"
    assert forest.get_params() == {"n_trees": 5, "margin": 2.0}


def test_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), RandomCutForest(n_trees=20))
    labels = pipeline.fit_predict(ROWS)
    assert_array_equal(pipeline.fit(ROWS).predict(ROWS), labels)
    assert_array_equal(
        pipeline.decision_function(ROWS) < 0,
        labels == -1,
    )


def test_agrees_with_isolation_forest_on_what_is_odd():
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(size=(950, 4)), rng.uniform(-8, 8, size=(50, 4))])
    odd = np.arange(1000) >= 950
    ours = -RandomCutForest().fit(rows).score_samples(rows)
    theirs = -IsolationForest(random_state=0).fit(rows).score_samples(rows)
    assert roc_auc_score(odd, ours) > roc_auc_score(odd, theirs) - 0.02 > 0.9
