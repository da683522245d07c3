"""The forest as an anomaly detector of river, with river installed."""

import copy
import inspect
from collections.abc import Callable

import numpy as np
import pytest
import river.checks
from river import anomaly, base, compose, preprocessing
from sklearn.metrics import roc_auc_score

import fastrcf
from fastrcf.compat.river import RandomCutForest


def rows_and_labels(n: int, seed: int = 0) -> list[tuple[dict[str, float], bool]]:
    """Transactions of five numbers, one in fifty of them odd."""
    rng = np.random.default_rng(seed)
    odd = rng.random(n) < 0.02
    values = rng.normal(size=(n, 5)) + np.where(odd[:, None], 6.0, 0.0)
    names = ["amount", "hour", "v1", "v2", "v3"]
    return [
        (dict(zip(names, map(float, row), strict=True)), bool(label))
        for row, label in zip(values, odd, strict=True)
    ]


class Rows:
    """What river's checks ask of a data set."""

    def __init__(self, n: int) -> None:
        self.rows = rows_and_labels(n)

    def __iter__(self):
        return iter(copy.deepcopy(self.rows))


def checks() -> list[Callable[[object], None]]:
    """River's own checks; their data set would have to be downloaded, so they get another one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(river.checks, "_yield_datasets", lambda model, scale=1: [Rows(300 * scale)])
        return list(river.checks.yield_checks(RandomCutForest()))


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
def test_river_s_own_checks(check: Callable[[object], None]) -> None:
    model = RandomCutForest(n_trees=10, sample_size=64)
    if check.__name__ == "check_emerging_features":
        with pytest.raises(ValueError, match="got the new"):  # an error, on purpose
            check(model)
    else:
        check(model)


def test_the_checks_cover_learning_and_scoring() -> None:
    names = {check.__name__ for check in checks()}
    assert {"check_learn_one", "check_pickling", "check_roc_auc", "check_repr"} <= names


def test_scores_are_those_of_the_forest() -> None:
    rows = [x for x, _ in rows_and_labels(400)]
    model = RandomCutForest(20, 64, 2, time_decay=0.01, output_after=50, seed=3)
    forest = fastrcf.RandomCutForest(20, 64, 2, time_decay=0.01, output_after=50, random_state=3)
    scores = forest.score_update(np.array([list(x.values()) for x in rows]))
    for x, expected in zip(rows, scores, strict=True):
        shuffled = dict(reversed(list(x.items())))
        assert model.score_one(shuffled if model._features else x) == expected
        model.learn_one(x)


def test_in_a_pipeline() -> None:
    model = preprocessing.StandardScaler() | RandomCutForest(n_trees=20, output_after=10)
    scores, labels = [], []
    for x, label in rows_and_labels(1_500):
        scores.append(model.score_one(x))
        labels.append(label)
        model.learn_one(x)
    assert roc_auc_score(labels, scores) > 0.97


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: anomaly.ThresholdFilter(model, threshold=1.5),
        lambda model: anomaly.QuantileFilter(model, q=0.97),
    ],
    ids=["threshold", "quantile"],
)
def test_behind_a_filter(wrap: Callable[[object], base.AnomalyFilter]) -> None:
    model = wrap(RandomCutForest(n_trees=30))
    found, odd = [], []
    for x, label in rows_and_labels(1_500):
        found.append(model.classify(model.score_one(x)))
        odd.append(label)
        model.learn_one(x)
    found, odd = np.array(found[300:]), np.array(odd[300:])
    assert found[odd].mean() > 0.8
    assert found[~odd].mean() < 0.1
    assert model.anomaly_detector._forest.n_seen < 1_500  # the filter kept the odd rows away


def test_a_clone_is_new_and_a_deep_copy_is_not() -> None:
    model = RandomCutForest(n_trees=10, output_after=5, seed=7)
    for x, _ in rows_and_labels(50):
        model.learn_one(x)
    x = rows_and_labels(1, seed=9)[0][0]
    assert model.clone().score_one(x) == 0.0
    assert model.clone()._get_params() == model._get_params()
    assert model.clone({"n_trees": 3}).n_trees == 3
    assert copy.deepcopy(model).score_one(x) == model.score_one(x) > 0.0


def test_defaults_are_those_of_the_forest() -> None:
    ours = inspect.signature(fastrcf.RandomCutForest).parameters
    for name, parameter in inspect.signature(RandomCutForest).parameters.items():
        assert parameter.default == ours[{"seed": "random_state"}.get(name, name)].default, name


def test_a_feature_left_out_is_missing() -> None:
    model = RandomCutForest(n_trees=5, output_after=3)
    for i in range(20):
        model.learn_one({"a": i % 5, "b": 1.0})
    assert model.score_one({"a": 2, "b": 1.0}) > 0.0
    assert model.score_one({"a": 2}) == model.score_one({"a": 2, "b": None}) == 0.0
    model.learn_one({"b": 1.0})
    assert model._forest.n_skipped == 1


def test_a_new_feature_is_an_error_that_names_it() -> None:
    model = RandomCutForest(n_trees=5)
    model.learn_one({"a": 1.0, 7: 2.0})
    before = model._forest.to_bytes()
    for verb in (model.learn_one, model.score_one):
        with pytest.raises(ValueError, match=r"among \[7, 'a'\], got the new \['c', 'd'\]"):
            verb({"a": 1.0, "c": 1.0, "d": 2.0})
    assert model._forest.to_bytes() == before


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ({}, ValueError, "0 values"),
        ({"a": "red"}, TypeError, "'red'.*'a'"),
        ({"a": float("inf")}, ValueError, "inf"),
        ({"1": 0.0, 1: 0.0}, ValueError, "different names"),
    ],
)
def test_what_is_wrong(x: dict[object, object], error: type[Exception], message: str) -> None:
    model = RandomCutForest(n_trees=5)
    with pytest.raises(error, match=message):
        model.learn_one(x)
    model.learn_one({"a": 1.0})  # it fixed nothing


def test_selects_numbers_first() -> None:
    model = compose.SelectType(float) | RandomCutForest(n_trees=5, output_after=2)
    for i in range(10):
        model.learn_one({"a": float(i), "who": "me"})
    assert model.score_one({"a": 90.0, "who": "you"}) > 1.0
