"""The picture of an evaluation shows the figures of fastrcf.metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrcf import metrics
from fastrcf.plotting import plot_evaluation, save

rng = np.random.default_rng(0)
LABELS = (rng.random(5000) < 0.1).astype(np.int64)
SCORES = rng.normal(2.0 + LABELS, 0.5).round(3)
SCORES[:100] = 0.0


def lines(axis: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in axis.get_lines()}


def curve(axis: Any) -> tuple[np.ndarray, np.ndarray]:
    longest = max(axis.get_lines(), key=lambda line: len(line.get_xdata()))
    return longest.get_xdata(), longest.get_ydata()


def test_search_shows_precision_recall_and_f1() -> None:
    axis = plot_evaluation(LABELS, SCORES).axes[2]
    for place in (10, 400, 900):
        counts = None
        for name in ("precision", "recall", "F1"):
            x, y = lines(axis)[name]
            counts = counts or metrics.confusion(LABELS, x[place] < SCORES)
            assert y[place] == pytest.approx(getattr(counts, name.lower()))
    assert np.isnan(lines(axis)["precision"][1][-1])  # nothing is flagged


def test_curves_and_points() -> None:
    figure = plot_evaluation(LABELS, SCORES, cutoffs={"two": 2.0, "each": SCORES - 1})
    _, roc, _, pr = figure.axes
    assert roc.get_title(loc="left") == f"ROC curve · AUROC {metrics.auroc(LABELS, SCORES):.3f}"
    assert f"AUPRC {metrics.auprc(LABELS, SCORES):.3f}" in pr.get_title(loc="left")
    expected = metrics.roc_curve(LABELS, SCORES)
    x, y = curve(roc)
    assert np.trapezoid(y, x) == pytest.approx(metrics.auroc(LABELS, SCORES), abs=1e-3)
    assert set(zip(x, y, strict=True)) <= set(zip(expected.fpr, expected.tpr, strict=True))
    counts = metrics.confusion(LABELS, SCORES > 2.0)
    assert lines(roc)["two"] == ([counts.frr], [counts.recall])
    assert lines(pr)["two"] == ([counts.recall], [counts.precision])
    assert lines(roc)["each"] == ([1.0], [1.0])  # a cutoff below each score


def test_histogram_counts_each_class_and_leaves_zeros_out() -> None:
    figure = plot_evaluation(LABELS, SCORES, cutoffs={"two": 2.0})
    legend = figure.axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    n_anomalous = int(LABELS[100:].sum())
    assert texts == [
        f"normal: {4900 - n_anomalous:,} rows",
        f"anomalous: {n_anomalous:,} rows",
        "two: 2",
    ]
    assert legend.get_title().get_text() == "100 rows without a score (0.0) left out"
    assert figure.axes[0].get_xlim() == figure.axes[2].get_xlim()


def test_by_default_the_best_f1_is_marked() -> None:
    best = metrics.best_f1(LABELS, SCORES)
    axis = plot_evaluation(LABELS, SCORES).axes[2]
    points = [line for line in axis.get_lines() if len(line.get_xdata()) == 1]
    assert [(p.get_xdata()[0], p.get_ydata()[0]) for p in points] == [(best.cutoff, best.f1)]


def test_long_tails_are_logarithmic_and_far_cutoffs_do_not_squeeze() -> None:
    tail = np.exp(3 * rng.normal(LABELS))
    axes = plot_evaluation(LABELS, tail, cutoffs={"below": -1.0, "far": 1e30}).axes
    assert [axis.get_xscale() for axis in axes] == ["log", "linear", "log", "linear"]
    assert axes[0].get_xlim()[1] < 10 * tail.max()
    axes = plot_evaluation(LABELS, SCORES, cutoffs={"far": 1e6}).axes
    assert axes[0].get_xlim()[1] < 2 * SCORES.max()
    assert "far: 1e+06" in [text.get_text() for text in axes[0].get_legend().get_texts()]


@pytest.mark.parametrize(("label", "reason"), [(0, "no row is anomalous"), (1, "no row is normal")])
def test_one_class_draws_and_says_so(tmp_path: Path, label: int, reason: str) -> None:
    for scores in (SCORES, np.ones(5000), np.zeros(5000)):
        figure = plot_evaluation(np.full(5000, label), scores)
        for axis in figure.axes[1::2]:
            assert [text.get_text() for text in axis.texts] == [f"undefined: {reason}"]
    save(figure, tmp_path / "plot.png")


def test_many_rows_become_few_points() -> None:
    many = rng.integers(0, 2, 200_000)
    figure = plot_evaluation(many, rng.normal(many))
    assert sum(len(line.get_xdata()) for axis in figure.axes for line in axis.get_lines()) < 10_000


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="scores: expected one for each of 3 labels"):
        plot_evaluation([0, 1, 0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"cutoffs\['x'\]: expected a number or shape \(3,\)"):
        plot_evaluation([0, 1, 0], [1.0, 2.0, 3.0], cutoffs={"x": [1.0, 2.0]})
