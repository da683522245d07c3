"""How well scores tell labels apart: both classes, the curves, and the search for a cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.metrics import best_f1
from fastrcf.plotting.curves import draw_precision_recall, draw_roc
from fastrcf.plotting.cutoffs import Cutoff, cutoff_of, heading, legend, point, undefined
from fastrcf.plotting.style import INK, MARK, SERIES, blank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["plot_evaluation"]

_BINS = 61
_LONGEST_TITLE = 110
_SEARCH_STEPS = 1000
_LONG_TAIL = 30.0  # times the median: from there on the scores stand on a logarithmic axis
_ROOM = 0.3  # a cutoff farther beside the scores, in their range, is named but not drawn
_F1, _PRECISION, _RECALL = INK, SERIES, "#4a9a6a"


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
        cutoff_of(name, cutoff, truth, values, index)
        for index, (name, cutoff) in enumerate(given.items())
    ]
    with blank(13, 9) as figure:
        axes = figure.subplots(2, 2, width_ratios=(1.45, 1))
        for axis in axes.ravel():
            axis.set_axisbelow(True)
        axes[1, 0].sharex(axes[0, 0])
        bins = _histogram(axes[0, 0], truth, values, marks)
        _search(axes[1, 0], truth, values, marks, bins)
        draw_roc(axes[0, 1], truth, values, marks)
        draw_precision_recall(axes[1, 1], truth, values, marks)
        if title:
            shown = title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE]}…"
            figure.suptitle(shown, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


def _histogram(
    axis: Any, truth: NDArray[np.bool_], scores: FloatArray, marks: list[Cutoff]
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
    heading(axis, "Scores of both classes")
    axis.set_xlabel("score")
    axis.set_ylabel("share of the class, %")
    axis.set_xlim(*_limits(axis, bins, marks))
    axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    n_without = int(np.count_nonzero(~is_scored))
    note = f"{n_without:,} rows without a score (0.0) left out" if n_without else None
    legend(axis, title=note, title_fontsize=9, loc="best")
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


def _limits(axis: Any, bins: FloatArray, marks: list[Cutoff]) -> tuple[float, float]:
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
    marks: list[Cutoff],
    bins: FloatArray,
) -> None:
    heading(axis, "Search for a cutoff")
    axis.set_xlabel("cutoff")
    axis.set_ylabel("precision, recall, F1")
    axis.set_ylim(-0.02, 1.16)  # room for the legend
    axis.set_yticks(np.linspace(0, 1, 6))
    if not truth.any():
        undefined(axis, "no row is anomalous")
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
            point(axis, mark.place, mark.counts.f1, mark, label=None)
    legend(axis, loc="upper center", ncols=3)


def _above(cutoffs: FloatArray, scores: FloatArray) -> IntArray:
    """Count for each cutoff the scores that are greater."""
    return len(scores) - np.searchsorted(np.sort(scores), cutoffs, side="right")


def _lines(axis: Any, marks: list[Cutoff], *, named: bool = True) -> None:
    for mark in marks:
        if not len(mark.values):
            continue
        low, high = float(mark.values.min()), float(mark.values.max())
        if low < high:
            axis.axvspan(low, high, color=mark.colour, alpha=0.15, linewidth=0, zorder=0)
        label = mark.label if named else None
        axis.axvline(mark.place, color=mark.colour, linewidth=1.6, linestyle="--", label=label)
