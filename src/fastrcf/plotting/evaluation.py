"""How well scores tell labels apart: both classes, the curves, and the search for a cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.metrics import (
    Confusion,
    auprc,
    auroc,
    best_f1,
    confusion,
    precision_recall_curve,
    roc_curve,
)
from fastrcf.plotting.style import CUTOFF, FAINT, INK, MARK, SERIES, blank

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["plot_evaluation"]

_BINS = 61
_LONGEST_TITLE = 110
_CURVE_POINTS = 2000
_SEARCH_STEPS = 1000
_LONG_TAIL = 30.0  # times the median: from there on the scores stand on a logarithmic axis
_ROOM = 0.3  # a cutoff farther beside the scores, in their range, is named but not drawn
_F1, _PRECISION, _RECALL = INK, SERIES, "#4a9a6a"
_CUTOFF_COLOURS = (CUTOFF, "#7b4fa3", "#0f8b8d", "#b5476b", "#6b705c", "#c9a227")
_SHAPES = "os^Dv<"


@dataclass(frozen=True)
class _Cutoff:
    """A cutoff to show, or one for each row."""

    name: str
    values: FloatArray  # those that are there
    counts: Confusion
    colour: str
    shape: str

    @property
    def place(self) -> float:
        return float(np.median(self.values)) if len(self.values) else np.nan

    @property
    def label(self) -> str:
        if not len(self.values):
            return f"{self.name}: none"
        low, high = self.values.min(), self.values.max()
        span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        return f"{self.name}: {span}"


def plot_evaluation(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    cutoffs: Mapping[str, ArrayLike] | None = None,
    title: str | None = None,
) -> Any:
    """Draw how well scores tell labels apart, in four panels.

    The scores of normal and of anomalous rows; precision, recall and F1 over the cutoff; the ROC
    curve; and precision over recall. Cutoffs are marked in all of them.

    Parameters
    ----------
    labels : array_like of shape (n,)
        0 or 1 for each row.
    scores : array_like of shape (n,)
        Higher means more anomalous; 0.0 is no score and is left out of the first two panels.
    cutoffs : mapping of str to float or array_like of shape (n,), optional
        Cutoffs to mark, by name; one for each row is shown as a band from the lowest to the
        highest, and NaN flags nothing. The default is that of the best F1.
    title : str, optional
        Stands above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        To be given to `save`, or used with matplotlib.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a label is not 0 or 1, or a score is not finite.
    MissingExtraError
        matplotlib is not installed.

    Notes
    -----
    With labels of one kind only there are no curves, and the picture says so.

    Examples
    --------
    >>> from fastrcf.plotting import plot_evaluation
    >>> figure = plot_evaluation([0, 0, 0, 1, 1], [0.9, 1.1, 1.3, 1.2, 2.5])
    >>> [axis.get_title(loc="left") for axis in figure.axes][1:3]
    ['ROC curve · AUROC 0.833', 'Search for a cutoff']
    """
    best = best_f1(labels, scores)  # checks both
    truth, values = np.asarray(labels) == 1, np.asarray(scores, dtype=np.float64)
    given = {"best F1": best.cutoff} if cutoffs is None and truth.any() else cutoffs or {}
    marks = [
        _cutoff(name, cutoff, truth, values, index)
        for index, (name, cutoff) in enumerate(given.items())
    ]
    with blank(13, 9) as figure:
        axes = figure.subplots(2, 2, width_ratios=(1.45, 1))
        for axis in axes.ravel():
            axis.set_axisbelow(True)
        axes[1, 0].sharex(axes[0, 0])
        bins = _histogram(axes[0, 0], truth, values, marks)
        _search(axes[1, 0], truth, values, marks, bins)
        _roc(axes[0, 1], truth, values, marks)
        _precision_recall(axes[1, 1], truth, values, marks)
        if title:
            shown = title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE]}…"
            figure.suptitle(shown, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


def _cutoff(
    name: str, cutoff: ArrayLike, truth: NDArray[np.bool_], scores: FloatArray, index: int
) -> _Cutoff:
    values = np.asarray(cutoff, dtype=np.float64)
    if values.shape not in {(), truth.shape}:
        raise ValueError(
            f"cutoffs[{name!r}]: expected a number or shape {truth.shape} as labels have, got "
            f"shape {values.shape}"
        )
    counts = confusion(truth, scores > values)
    colour = _CUTOFF_COLOURS[index % len(_CUTOFF_COLOURS)]
    shape = _SHAPES[index % len(_SHAPES)]
    flat = values.ravel()
    return _Cutoff(name, flat[np.isfinite(flat)], counts, colour, shape)


# ---- over the score -----------------------------------------------------------------------------


def _histogram(
    axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[_Cutoff]
) -> FloatArray:
    """Draw both classes; gives the borders of the bins."""
    is_scored = (scores != 0.0) if scores.any() else np.ones(len(scores), dtype=np.bool_)
    bins = _bins(axis, scores[is_scored])
    for kind, name, colour, alpha in (
        (~truth, "normal", SERIES, 0.45),
        (truth, "anomalous", MARK, 0.4),
    ):
        rows = scores[kind & is_scored]
        if not len(rows):
            continue
        share = 100.0 * np.histogram(rows, bins)[0] / len(rows)
        share[share == 0.0] = np.nan  # no line along the axis
        label = f"{name}: {len(rows):,} {'row' if len(rows) == 1 else 'rows'}"
        axis.stairs(share, bins, fill=True, color=colour, alpha=alpha, linewidth=0, label=label)
        axis.stairs(share, bins, color=colour, linewidth=1.3)
    _lines(axis, marks)
    _heading(axis, "Scores of both classes")
    axis.set_xlabel("score")
    axis.set_ylabel("share of the class, %")
    axis.set_xlim(*_limits(axis, bins, marks))
    axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    n_without = int(np.count_nonzero(~is_scored))
    note = f"{n_without:,} rows without a score (0.0) left out" if n_without else None
    _legend(axis, title=note, title_fontsize=9, loc="best")
    return bins


def _bins(axis: Any, scores: FloatArray) -> FloatArray:
    """Cut the scores into bins, and choose the axis: logarithmic where the tail is long."""
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        width = max(abs(low) * 0.05, 1e-9)
        return np.linspace(low - width, high + width, _BINS + 1)
    if low > 0 and high > _LONG_TAIL * float(np.median(scores)):
        axis.set_xscale("log")
        return np.geomspace(low, high, _BINS + 1)
    return np.linspace(low, high, _BINS + 1)


def _limits(axis: Any, bins: FloatArray, marks: list[_Cutoff]) -> tuple[float, float]:
    """Leave room for the cutoffs that are not far from all scores."""
    is_log = axis.get_xscale() == "log"
    low, high = np.log(bins[[0, -1]]) if is_log else bins[[0, -1]]
    places = np.array([mark.place for mark in marks if not is_log or mark.place > 0])
    places = np.log(places) if is_log else places
    width = high - low
    near = places[np.abs(places - (low + high) / 2) <= (0.5 + _ROOM) * width]
    ends = np.array([low, high, *near])
    left, right = float(ends.min() - 0.04 * width), float(ends.max() + 0.04 * width)
    return (float(np.exp(left)), float(np.exp(right))) if is_log else (left, right)


def _search(
    axis: Any,
    truth: NDArray[np.bool_],
    scores: FloatArray,
    marks: list[_Cutoff],
    bins: FloatArray,
) -> None:
    _heading(axis, "Search for a cutoff")
    axis.set_xlabel("cutoff")
    axis.set_ylabel("precision, recall, F1")
    axis.set_ylim(-0.02, 1.16)  # room for the legend
    axis.set_yticks(np.linspace(0, 1, 6))
    if not truth.any():
        _undefined(axis, "no row is anomalous")
        return
    spaced = np.geomspace if axis.get_xscale() == "log" else np.linspace
    grid = spaced(bins[0], bins[-1], _SEARCH_STEPS)
    tp, n_flagged = _above(grid, scores[truth]), _above(grid, scores)
    n_anomalous = int(np.count_nonzero(truth))
    some = n_flagged > 0
    precision = np.where(some, tp / np.maximum(n_flagged, 1), np.nan)
    axis.plot(grid, precision, color=_PRECISION, linewidth=1.3, label="precision")
    axis.plot(grid, tp / n_anomalous, color=_RECALL, linewidth=1.3, label="recall")
    axis.plot(grid, 2 * tp / (n_flagged + n_anomalous), color=_F1, linewidth=2, label="F1")
    _lines(axis, marks, named=False)
    left, right = axis.get_xlim()
    for mark in marks:
        if left <= mark.place <= right:
            _point(axis, mark.place, mark.counts.f1, mark, label=None)
    _legend(axis, loc="upper center", ncols=3)


def _above(cutoffs: FloatArray, scores: FloatArray) -> IntArray:
    """Count for each cutoff the scores that are greater."""
    return len(scores) - np.searchsorted(np.sort(scores), cutoffs, side="right")


def _lines(axis: Any, marks: list[_Cutoff], *, named: bool = True) -> None:
    for mark in marks:
        if not len(mark.values):
            continue
        low, high = float(mark.values.min()), float(mark.values.max())
        if low < high:
            axis.axvspan(low, high, color=mark.colour, alpha=0.15, linewidth=0, zorder=0)
        label = mark.label if named else None
        axis.axvline(mark.place, color=mark.colour, linewidth=1.6, linestyle="--", label=label)


# ---- curves -------------------------------------------------------------------------------------


def _roc(axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[_Cutoff]) -> None:
    _unit_square(
        axis, "share of the normal rows flagged (FRR)", "share of the anomalous rows found"
    )
    if truth.all() or not truth.any():
        _heading(axis, "ROC curve")
        _undefined(axis, _one_class(truth))
        return
    curve = roc_curve(truth, scores)
    _heading(axis, "ROC curve" + _area("AUROC", auroc, truth, scores))
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="chance")
    kept = _thinned(curve.fpr, curve.tpr)
    axis.plot(curve.fpr[kept], curve.tpr[kept], color=SERIES, linewidth=1.8, zorder=3)
    for mark in marks:
        _point(axis, mark.counts.frr, mark.counts.recall, mark)
    _legend(axis, loc="lower right")


def _precision_recall(
    axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[_Cutoff]
) -> None:
    _unit_square(axis, "recall: share of the anomalous rows found", "precision")
    if truth.all() or not truth.any():
        _heading(axis, "Precision and recall")
        _undefined(axis, _one_class(truth))
        return
    curve = precision_recall_curve(truth, scores)
    _heading(axis, "Precision and recall" + _area("AUPRC", auprc, truth, scores))
    share = float(truth.mean())
    label = f"chance: {100 * share:.3g} % are anomalous"
    axis.axhline(share, color=FAINT, linewidth=1, linestyle=":", label=label)
    kept = _thinned(curve.recall, np.arange(len(curve.recall)) / len(curve.recall))
    precision = curve.precision[kept]
    precision[0] = precision[1]  # where nothing is flagged there is none
    axis.step(curve.recall[kept], precision, where="pre", color=SERIES, linewidth=1.5)
    for mark in marks:
        if mark.counts.tp + mark.counts.fp:
            _point(axis, mark.counts.recall, mark.counts.precision, mark)
    _legend(axis, loc="best")


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


def _heading(axis: Any, text: str) -> None:
    axis.set_title(text, loc="left", fontsize=10.5)


def _point(axis: Any, x: float, y: float, mark: _Cutoff, label: str | None = "") -> None:
    axis.plot(
        [x], [y], mark.shape, color=mark.colour, markeredgecolor="white", markersize=9, zorder=5,
        label=mark.name if label == "" else label, clip_on=False,
    )  # fmt: skip


def _legend(axis: Any, **options: Any) -> None:
    axis.legend(fontsize=9, framealpha=0.85, edgecolor="none", **options).set_zorder(6)


def _undefined(axis: Any, reason: str) -> None:
    axis.text(0.5, 0.5, f"undefined: {reason}", transform=axis.transAxes, ha="center", color=FAINT)
