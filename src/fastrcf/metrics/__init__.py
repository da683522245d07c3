"""How good scores and labels are, judged by the labels of those who know.

Every metric is ``f(labels, scores)`` or ``f(labels, predictions)``, in scikit-learn's order. Labels
and predictions are 0 and 1; scores are finite, and higher means more anomalous; a row counts as
flagged where its score is greater than the cutoff, strictly.
"""

from __future__ import annotations

from fastrcf.metrics.nab import (
    NAB_PROFILES,
    NabProfile,
    NabScore,
    nab_probation,
    nab_score,
    nab_scores,
    nab_windows,
)
from fastrcf.metrics.vus import Vus, vus, vus_pr, vus_roc, vus_window

__all__ = [
    "NAB_PROFILES",
    "NabProfile",
    "NabScore",
    "Vus",
    "nab_probation",
    "nab_score",
    "nab_scores",
    "nab_windows",
    "vus",
    "vus_pr",
    "vus_roc",
    "vus_window",
]
