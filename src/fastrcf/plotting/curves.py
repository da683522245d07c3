"""The ROC curve, and precision over recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.metrics import auprc, auroc, precision_recall_curve, roc_curve
from fastrcf.plotting.cutoffs import Cutoff, heading, legend, point, undefined
from fastrcf.plotting.style import FAINT, SERIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["draw_precision_recall", "draw_roc"]

_CURVE_POINTS = 2000


def draw_roc(axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[Cutoff]) -> None:
    """Draw the ROC curve, and where the cutoffs lie."""
    _unit_square(
        axis, "share of the normal rows flagged (FRR)", "share of the anomalous rows found"
    )
    if truth.all() or not truth.any():
        heading(axis, "ROC curve")
        undefined(axis, _one_class(truth))
        return
    curve = roc_curve(truth, scores)
    heading(axis, "ROC curve" + _area("AUROC", auroc, truth, scores))
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="chance")
    kept = _thinned(curve.fpr, curve.tpr)
    axis.plot(curve.fpr[kept], curve.tpr[kept], color=SERIES, linewidth=1.8, zorder=3)
    for mark in marks:
        point(axis, mark.counts.frr, mark.counts.recall, mark)
    legend(axis, loc="lower right")


def draw_precision_recall(
    axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[Cutoff]
) -> None:
    """Draw precision over recall, and where the cutoffs lie."""
    _unit_square(axis, "recall: share of the anomalous rows found", "precision")
    if truth.all() or not truth.any():
        heading(axis, "Precision and recall")
        undefined(axis, _one_class(truth))
        return
    curve = precision_recall_curve(truth, scores)
    heading(axis, "Precision and recall" + _area("AUPRC", auprc, truth, scores))
    share = float(truth.mean())
    label = f"chance: {100 * share:.3g} % are anomalous"
    axis.axhline(share, color=FAINT, linewidth=1, linestyle=":", label=label)
    kept = _thinned(curve.recall, np.arange(len(curve.recall)) / len(curve.recall))
    precision = curve.precision[kept]
    precision[0] = precision[1]  # where nothing is flagged there is none
    axis.step(curve.recall[kept], precision, where="pre", color=SERIES, linewidth=1.5)
    for mark in marks:
        if mark.counts.tp + mark.counts.fp:
            point(axis, mark.counts.recall, mark.counts.precision, mark)
    legend(axis, loc="best")


def _thinned(first: FloatArray, second: FloatArray) -> IntArray:
    """Choose points of a curve that rises in both coordinates: enough for a picture."""
    if len(first) <= _CURVE_POINTS:
        return np.arange(len(first))
    grid = np.linspace(0, 1, _CURVE_POINTS // 2)
    places = [np.searchsorted(values, grid) for values in (first, second)]
    return np.unique(np.minimum(np.concatenate([*places, np.arange(100)]), len(first) - 1))


def _area(name: str, metric: Any, truth: NDArray[np.bool_], scores: FloatArray) -> str:
    try:
        return f" · {name} {metric(truth, scores):.3f}"
    except ValueError:  # scores of 0 and 1 alone have none
        return ""


def _one_class(truth: NDArray[np.bool_]) -> str:
    return "no row is normal" if truth.all() else "no row is anomalous"


def _unit_square(axis: Any, x: str, y: str) -> None:
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.05)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
