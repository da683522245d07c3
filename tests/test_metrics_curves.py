"""Confusion, ROC, precision and recall against scikit-learn, and what they do with odd input."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

import fastrcf
from fastrcf import metrics
from metrics_helpers import OF_PREDICTIONS, OF_SCORES, labelled, predicted

LABELS = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 0])
SCORES = np.array([0.1, 0.3, 0.9, 0.2, 0.3, 0.1, 0.4, 0.8, 0.1, 0.2])


def quiet(metric: Callable[..., Any], *arguments: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return metric(*arguments)


def test_metrics_is_a_public_name() -> None:
    assert fastrcf.metrics is metrics
    assert all(getattr(metrics, name) is not None for name in metrics.__all__)


# ---- confusion ----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(predicted())
def test_confusion_is_scikit_learn_s(case: Any) -> None:
    labels, predictions = case
    ours = metrics.confusion(labels, predictions)
    (tn, fp), (fn, tp) = theirs.confusion_matrix(labels, predictions, labels=[0, 1])
    assert ours == (tp, fp, tn, fn)
    none = {"zero_division": 0.0}
    assert ours.precision == theirs.precision_score(labels, predictions, **none)
    assert ours.recall == theirs.recall_score(labels, predictions, **none)
    assert ours.f1 == pytest.approx(theirs.f1_score(labels, predictions, **none), abs=1e-15)
    assert ours.accuracy == theirs.accuracy_score(labels, predictions)
    assert ours.frr == (fp / (fp + tn) if fp + tn else 0.0)
    assert ours.far == fn / (fn + tp)


def test_rates_of_nothing_are_zero() -> None:
    normal = metrics.confusion([0, 0], [0, 0])
    assert (normal.precision, normal.recall, normal.f1, normal.far) == (0, 0, 0, 0)
    assert (normal.accuracy, normal.frr) == (1.0, 0.0)
    anomalous = metrics.confusion([1, 1], [0, 1])
    assert (anomalous.frr, anomalous.far, anomalous.precision) == (0.0, 0.5, 1.0)


# ---- curves -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(labelled())
def test_curves_are_scikit_learn_s(case: Any) -> None:
    labels, scores = case
    roc = metrics.roc_curve(labels, scores)
    fpr, tpr, _ = theirs.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.fpr, fpr)
    np.testing.assert_allclose(roc.tpr, tpr)
    curve = metrics.precision_recall_curve(labels, scores)
    precision, recall, _ = theirs.precision_recall_curve(labels, scores)
    np.testing.assert_allclose(curve.precision[::-1], precision)
    np.testing.assert_allclose(curve.recall[::-1], recall)
    for cutoff, share in zip(roc.cutoffs, roc.tpr, strict=True):
        assert metrics.confusion(labels, scores > cutoff).recall == share
    assert roc.cutoffs.tolist() == curve.cutoffs.tolist()


@settings(max_examples=40)
@given(labelled())
def test_areas_are_scikit_learn_s(case: Any) -> None:
    labels, scores = case
    scores = scores + 0.1  # no labels
    area = theirs.roc_auc_score(labels, scores)
    assert metrics.auroc(labels, scores) == pytest.approx(area, abs=1e-13)
    assert metrics.inequality_error(labels, scores) == pytest.approx(1 - area, abs=1e-13)
    assert metrics.auroc(labels, -scores) == pytest.approx(1 - area, abs=1e-13)
    precision = theirs.average_precision_score(labels, scores)
    assert metrics.auprc(labels, scores) == pytest.approx(precision, abs=1e-13)


@settings(max_examples=40)
@given(labelled(both=False))
def test_best_f1_is_the_best_of_all_cutoffs(case: Any) -> None:
    labels, scores = case
    best = metrics.best_f1(labels, scores)
    cutoffs = [*sorted(set(scores.tolist()), reverse=True), -99.0]
    reached = [metrics.confusion(labels, scores > cutoff).f1 for cutoff in cutoffs]
    assert best.f1 == max(reached)
    at_best = metrics.confusion(labels, scores > best.cutoff)
    assert best[0] == at_best.f1
    assert best[2:] == (at_best.precision, at_best.recall)
    first = cutoffs[int(np.argmax(reached))]
    assert first in {best.cutoff, -99.0}


@settings(max_examples=40)
@given(labelled(), st.permutations(range(60)))
def test_order_of_rows_does_not_matter(case: Any, permutation: list[int]) -> None:
    labels, scores = case
    scores = scores + 0.1
    order = [row for row in permutation if row < len(labels)]
    for metric in (metrics.auroc, metrics.auprc, metrics.best_f1):
        assert metric(labels, scores) == metric(labels[order], scores[order])


@settings(max_examples=40)
@given(labelled(least=10))
def test_rising_transforms_change_nothing(case: Any) -> None:
    labels, scores = case
    scores = scores + 0.1
    for metric in (metrics.auroc, metrics.auprc, metrics.vus_pr, metrics.vus_roc):
        assert metric(labels, scores) == metric(labels, np.exp(scores) - 5)


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", OF_SCORES + OF_PREDICTIONS)
def test_bad_labels_are_named(metric: Callable[..., Any]) -> None:
    predictions = SCORES > 0.5
    for labels, message in [
        ([0, 1, 2] + [0] * 7, r"^labels: expected 0 or 1, got 2 in row 2$"),
        ([0, np.nan] + [0] * 8, r"^labels: expected 0 or 1, got nan in row 1$"),
        ([], r"^labels: expected at least one row, got none$"),
        (np.zeros((5, 2)), r"^labels: expected one dimension, got shape \(5, 2\)$"),
    ]:
        with pytest.raises(ValueError, match=message):
            metric(labels, predictions)
    with pytest.raises(TypeError, match=r"^labels: expected labels 0 or 1, got an array of <U1$"):
        metric(["a"] * 10, predictions)


@pytest.mark.parametrize("metric", OF_SCORES)
def test_bad_scores_are_named(metric: Callable[..., Any]) -> None:
    for value, word in [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")]:
        scores = SCORES.copy()
        scores[4] = value
        with pytest.raises(ValueError, match=f"^scores: expected a finite .* got {word} in row 4$"):
            metric(LABELS, scores)
    with pytest.raises(ValueError, match=r"^scores: expected one for each of 10 labels, got 9$"):
        metric(LABELS, SCORES[:9])
    with pytest.raises(ValueError, match=r"^scores: expected at least one row, got none$"):
        metric(LABELS, [])
    with pytest.raises(TypeError, match=r"^scores: expected numbers, got objects$"):
        metric(LABELS, [None, "x"] * 5)


@pytest.mark.parametrize("metric", OF_PREDICTIONS)
def test_bad_predictions_are_named(metric: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"^predictions: expected 0 or 1, got 0.1 in row 0$"):
        metric(LABELS, SCORES)
    with pytest.raises(ValueError, match=r"^predictions: expected one for each of 10 labels"):
        metric(LABELS, [0, 1])


@pytest.mark.parametrize("metric", [m for m in OF_SCORES if m is not metrics.best_f1])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_an_error_with_advice(metric: Callable[..., Any], label: int) -> None:
    with pytest.raises(ValueError, match=rf"all 10 labels are {label}; use confusion\(\)"):
        metric(np.full(10, label), SCORES)


def test_best_f1_of_one_class() -> None:
    assert metrics.best_f1([0, 0], [0.1, 0.2]) == (0.0, 0.2, 0.0, 0.0)
    best = metrics.best_f1([1, 1], [0.1, 0.2])
    assert best[0] == 1.0
    assert best.cutoff < 0.1


def test_constant_scores_say_nothing() -> None:
    constant = np.full(10, 3.5)
    assert metrics.auroc(LABELS, constant) == 0.5
    assert metrics.auprc(LABELS, constant) == pytest.approx(0.3)
    best = metrics.best_f1(LABELS, constant)
    assert best.recall == 1.0
    assert best.cutoff < 3.5
    assert np.isfinite(np.hstack(metrics.vus_scores(LABELS, constant))).all()


@pytest.mark.parametrize("metric", [metrics.auroc, metrics.auprc, metrics.inequality_error])
def test_areas_over_labels_are_refused(metric: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="expected scores, got labels"):
        metric(LABELS, SCORES > 0.5)
    metric(LABELS, np.zeros(10))  # scores of a forest that is not ready


@pytest.mark.parametrize("metric", OF_SCORES + OF_PREDICTIONS)
def test_inputs_of_any_type_and_kept(metric: Callable[..., Any]) -> None:
    pandas = pytest.importorskip("pandas")
    second = SCORES if metric in OF_SCORES else (SCORES > 0.5).astype(float)
    before = LABELS.copy(), second.copy()
    expected = quiet(metric, LABELS, second)
    for labels, values in [
        (LABELS.astype(bool), second.tolist()),
        (LABELS.astype(float), pandas.Series(second, index=range(10, 20))),
        (LABELS.astype(object), second.astype(object)),
    ]:
        np.testing.assert_equal(quiet(metric, labels, values), expected)
    np.testing.assert_array_equal(before, (LABELS, second))
