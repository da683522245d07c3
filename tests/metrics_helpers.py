"""What the tests of the metrics share."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from fastrcf import metrics

OF_SCORES = [
    metrics.roc_curve,
    metrics.auroc,
    metrics.inequality_error,
    metrics.precision_recall_curve,
    metrics.auprc,
    metrics.best_f1,
    metrics.vus_scores,
    metrics.vus_roc,
    metrics.vus_pr,
]
"""Metrics of labels and scores."""

OF_PREDICTIONS = [
    metrics.confusion,
    metrics.event_scores,
    metrics.detection_delays,
    metrics.range_scores,
    metrics.affiliation_scores,
    metrics.point_adjusted_f1,
]
"""Metrics of labels and predictions."""


def spans_to_labels(spans: list[Any], n: int) -> Any:
    labels = np.zeros(n, int)
    for start, stop in spans:
        labels[start:stop] = 1
    return labels


@st.composite
def labelled(draw: st.DrawFn, least: int = 4, most: int = 60, *, both: bool = True) -> Any:
    """Draw labels, in runs, and scores with ties."""
    n = draw(st.integers(least, most))
    labels = np.zeros(n, int)
    for _ in range(draw(st.integers(1 if both else 0, 4))):
        start = draw(st.integers(0, n - 1))
        labels[start : start + draw(st.integers(1, 8))] = 1
    if both and labels.all():
        labels[draw(st.integers(0, n - 1))] = 0
    scores = draw(st.lists(st.integers(-3, 12), min_size=n, max_size=n))
    return labels, np.array(scores) / 4


@st.composite
def predicted(draw: st.DrawFn) -> Any:
    """Draw labels, at least one of them 1, and predictions."""
    labels, scores = draw(labelled(both=False))
    if not labels.any():
        labels[draw(st.integers(0, len(labels) - 1))] = 1
    return labels, (scores > draw(st.sampled_from([-1.0, 0.5, 1.5, 2.5, 3.0]))).astype(int)
