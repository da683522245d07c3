"""The forest as a detector of PyOD, with PyOD installed."""

import inspect
import pickle

import numpy as np
import pytest
from numpy.typing import NDArray
from pyod.models.base import BaseDetector
from pyod.models.iforest import IForest
from pyod.utils.utility import standardizer
from pythresh.thresholds.filter import FILTER
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from fastrcf import RandomCutForest
from fastrcf.compat.pyod import RCF


@pytest.fixture(scope="module")
def table() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1_000, 4))
    rows[:50] = rng.uniform(-8.0, 8.0, size=(50, 4))
    return rows


@pytest.fixture(scope="module")
def detector(table: NDArray[np.float64]) -> RCF:
    return RCF(contamination=0.05, n_trees=50, n_jobs=2).fit(table)


def test_scores_are_those_of_the_forest(detector: RCF, table: NDArray[np.float64]) -> None:
    forest = RandomCutForest(50).fit(table)
    fresh = np.random.default_rng(1).normal(size=(30, 4))
    assert np.array_equal(detector.decision_scores_, forest.score(table))
    assert np.array_equal(detector.decision_function(fresh), forest.score(fresh))
    truth = np.arange(1_000) < 50
    assert roc_auc_score(truth, detector.decision_scores_) > 0.97


def test_labels_follow_the_threshold(detector: RCF, table: NDArray[np.float64]) -> None:
    assert isinstance(detector, BaseDetector)
    assert detector.threshold_ == np.percentile(detector.decision_scores_, 95)
    assert detector.labels_.sum() == 50
    assert set(detector.labels_) == {0, 1}
    assert np.array_equal(detector.predict(table), detector.labels_)
    assert detector.labels_[:50].mean() > 0.7  # the odd rows are the ones


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_probabilities(detector: RCF, table: NDArray[np.float64], method: str) -> None:
    chances = detector.predict_proba(table, method=method)
    assert chances.shape == (1_000, 2)
    assert np.allclose(chances.sum(axis=1), 1.0)
    order = np.argsort(detector.decision_scores_)
    assert np.all(np.diff(chances[order, 1]) >= 0.0)
    assert chances[order[-1], 1] > 0.95


def test_confidence_and_rejection(detector: RCF, table: NDArray[np.float64]) -> None:
    labels, confidence = detector.predict(table, return_confidence=True)
    assert confidence[np.argmax(detector.decision_scores_)] > 0.99
    assert np.all((confidence >= 0.0) & (confidence <= 1.0))
    rejected = detector.predict_with_rejection(table, c_r=0.1)
    assert np.array_equal(rejected[rejected != -2], labels[rejected != -2])


def test_a_thresholder_decides(table: NDArray[np.float64]) -> None:
    detector = RCF(contamination=FILTER(), n_trees=50).fit(table)
    alone = FILTER()
    alone.fit(detector.decision_scores_)
    assert np.array_equal(detector.labels_, alone.labels_)
    assert 0 < detector.labels_.sum() < 200
    assert np.array_equal(detector.predict(table), alone.predict(detector.decision_scores_))


def test_parameters_and_clones(table: NDArray[np.float64]) -> None:
    detector = RCF(0.2, 30, sample_size=64, random_state=5)
    twin = clone(detector)
    assert twin.get_params() == detector.get_params()
    assert twin.get_params()["contamination"] == 0.2
    assert "n_trees=30" in repr(twin)
    first = detector.fit(table).decision_scores_
    assert np.array_equal(twin.fit(table).decision_scores_, first)
    assert not np.array_equal(twin.set_params(random_state=6).fit(table).decision_scores_, first)


def test_defaults_are_those_of_the_forest() -> None:
    ours = inspect.signature(RandomCutForest).parameters
    theirs = dict(inspect.signature(RCF).parameters)
    assert theirs.pop("contamination").default == 0.1  # PyOD's
    for name, parameter in theirs.items():
        assert parameter.default == ours[name].default, name


def test_goes_through_pickle(detector: RCF, table: NDArray[np.float64]) -> None:
    twin = pickle.loads(pickle.dumps(detector))
    assert np.array_equal(twin.predict(table), detector.predict(table))


def test_stands_beside_other_detectors(detector: RCF, table: NDArray[np.float64]) -> None:
    other = IForest(random_state=0).fit(table)
    both = standardizer(np.column_stack([detector.decision_scores_, other.decision_scores_]))
    assert np.corrcoef(both.T)[0, 1] > 0.8
    together = both.mean(axis=1)
    assert together[:50].mean() > together[50:].mean() + 1.0


def test_missing_values_score_zero(table: NDArray[np.float64]) -> None:
    rows = table.copy()
    rows[7, 2] = np.nan
    detector = RCF(0.05, 20).fit(rows)
    assert detector.decision_scores_[7] == 0.0
    assert detector.labels_[7] == 0


def test_what_is_wrong(table: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="contamination must be in"):
        RCF(contamination=0.7)
    with pytest.raises(NotFittedError):
        RCF().decision_function(table)
    with pytest.raises(NotFittedError):
        RCF().predict(table)
    with pytest.raises(ValueError, match="n_trees"):
        RCF(n_trees=0).fit(table)
    fitted = RCF(n_trees=10).fit(table)
    with pytest.raises(ValueError, match="3 features"):
        fitted.decision_function(table[:, :3])
    with pytest.warns(UserWarning, match="y should not be presented"):
        fitted.fit(table, np.arange(1_000) < 50)
