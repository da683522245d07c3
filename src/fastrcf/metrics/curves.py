"""Scores judged without a cutoff, or by the best one: ROC, precision and recall, F1.

All follow from one sort and are exact: every distinct score is a cutoff, ties are flagged together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import both_classes, cutoffs_of, pair
from fastrcf.metrics.points import Confusion

__all__ = [
    "BestF1",
    "PrecisionRecallCurve",
    "RocCurve",
    "auprc",
    "auroc",
    "best_f1",
    "inequality_error",
    "precision_recall_curve",
    "roc_curve",
]


class RocCurve(NamedTuple):
    """Rates at every cutoff, from flagging nothing to flagging everything."""

    fpr: FloatArray
    """Share of the normal rows that are flagged (FRR)."""

    tpr: FloatArray
    """Share of the anomalous rows that are flagged (recall)."""

    cutoffs: FloatArray
    """Rows with a greater score are flagged."""


class PrecisionRecallCurve(NamedTuple):
    """Precision and recall at every cutoff, from flagging nothing to flagging everything."""

    precision: FloatArray
    """Share of the flagged rows that are anomalous; 1 where nothing is flagged."""

    recall: FloatArray
    """Share of the anomalous rows that are flagged."""

    cutoffs: FloatArray
    """Rows with a greater score are flagged."""


class BestF1(NamedTuple):
    """The best F1 that a cutoff can reach."""

    f1: float
    """Harmonic mean of precision and recall."""

    cutoff: float
    """Rows with a greater score are flagged."""

    precision: float
    """Precision at this cutoff."""

    recall: float
    """Recall at this cutoff."""


class _Counts(NamedTuple):
    tp: IntArray  # at every cutoff, from flagging nothing to flagging everything
    fp: IntArray
    cutoffs: FloatArray


def _counts(truth: NDArray[np.bool_], scores: FloatArray) -> _Counts:
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    tp = np.cumsum(truth[order])[ends]
    return _Counts(np.append(0, tp), np.append(0, ends + 1 - tp), cutoffs_of(ordered[ends]))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Compute the ROC curve.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    scores : array-like of shape (n,)
        Higher means more anomalous.

    Returns
    -------
    RocCurve
        One point more than there are distinct scores, cutoffs falling.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a label is not 0 or 1, a score is not finite, or all
        labels are the same.

    Examples
    --------
    >>> curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.fpr.tolist(), curve.tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    truth, values = pair(labels, scores)
    both_classes(truth, "the ROC curve")
    tp, fp, cutoffs = _counts(truth, values)
    return RocCurve(fp / fp[-1], tp / tp[-1], cutoffs)


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute the area under the ROC curve.

    It is the chance that an anomalous row scores higher than a normal one, ties counted half.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    scores : array-like of shape (n,)
        Higher means more anomalous. Predictions are not scores: values of 0 and 1 alone are
        refused, because their area is that of a single cutoff.

    Returns
    -------
    float
        From 0 to 1; 0.5 for scores that say nothing, such as constant ones.

    Raises
    ------
    ValueError
        As for `roc_curve`, or the scores are 0 and 1.

    Examples
    --------
    >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    truth, values = pair(labels, scores)
    both_classes(truth, "AUROC")
    _no_labels(values)
    tp, fp, _ = _counts(truth, values)
    doubled = int(np.dot(np.diff(fp), tp[1:] + tp[:-1]))  # whole numbers: no rounding
    return doubled / (2 * int(tp[-1]) * int(fp[-1]))


def inequality_error(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute the inequality error, IE = 1 - AUROC.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    scores : array-like of shape (n,)
        Higher means more anomalous; never predictions.

    Returns
    -------
    float
        The chance that an anomalous row scores lower than a normal one, ties counted half.

    Raises
    ------
    ValueError
        As for `auroc`.

    Examples
    --------
    >>> inequality_error([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.25
    """
    return 1.0 - auroc(labels, scores)


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> PrecisionRecallCurve:
    """Compute precision and recall at every cutoff.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row, at least one of them 1.
    scores : array-like of shape (n,)
        Higher means more anomalous.

    Returns
    -------
    PrecisionRecallCurve
        One point more than there are distinct scores, cutoffs falling.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a label is not 0 or 1, a score is not finite, or all
        labels are the same.

    Examples
    --------
    >>> curve = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.recall.tolist(), curve.precision.round(2).tolist()
    ([0.0, 0.5, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.67, 0.5])
    """
    truth, values = pair(labels, scores)
    both_classes(truth, "the precision-recall curve")
    tp, fp, cutoffs = _counts(truth, values)
    precision = np.append(1.0, tp[1:] / (tp + fp)[1:])
    return PrecisionRecallCurve(precision, tp / tp[-1], cutoffs)


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute the area under the precision-recall curve, as average precision.

    Each step of recall counts with the precision that it is reached at; nothing is interpolated.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    scores : array-like of shape (n,)
        Higher means more anomalous. Values of 0 and 1 alone are refused, as by `auroc`.

    Returns
    -------
    float
        From 0 to 1; the share of anomalous rows for scores that say nothing.

    Raises
    ------
    ValueError
        As for `precision_recall_curve`, or the scores are 0 and 1.

    Examples
    --------
    >>> round(auprc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 3)
    0.833
    """
    truth, values = pair(labels, scores)
    both_classes(truth, "AUPRC")
    _no_labels(values)
    tp, fp, _ = _counts(truth, values)
    return float(np.dot(np.diff(tp), tp[1:] / (tp + fp)[1:]) / tp[-1])


def best_f1(labels: ArrayLike, scores: ArrayLike) -> BestF1:
    """Find the cutoff with the best F1, among all distinct scores.

    The labels that judge the cutoff also choose it: what comes out is a bound, not a forecast.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    scores : array-like of shape (n,)
        Higher means more anomalous.

    Returns
    -------
    BestF1
        F1 and its cutoff; of several, the highest. When no label is 1: 0.0 and the highest score,
        which flags nothing.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a label is not 0 or 1, or a score is not finite.

    Examples
    --------
    >>> best = best_f1([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> best.f1, best.cutoff
    (0.8, 0.1)
    """
    truth, values = pair(labels, scores)
    tp, fp, cutoffs = _counts(truth, values)
    f1 = 2.0 * tp / np.maximum(tp + fp + tp[-1], 1)
    best = int(np.argmax(f1))
    n_normal = int(fp[-1] - fp[best])
    counts = Confusion(int(tp[best]), int(fp[best]), n_normal, int(tp[-1] - tp[best]))
    return BestF1(counts.f1, float(cutoffs[best]), counts.precision, counts.recall)


def _no_labels(scores: FloatArray) -> None:
    n_ones = np.count_nonzero(scores == 1.0)
    if 0 < n_ones < len(scores) and n_ones + np.count_nonzero(scores == 0.0) == len(scores):
        raise ValueError(
            "scores: expected scores, got labels (all are 0 or 1); an area over labels is that of "
            "one cutoff: pass the scores themselves, or use confusion()"
        )
