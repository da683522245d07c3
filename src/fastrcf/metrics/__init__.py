"""How good scores and labels are, judged by the labels of those who know.

Every metric is ``f(labels, scores)`` or ``f(labels, predictions)``, in scikit-learn's order. Labels
and predictions are 0 and 1; scores are finite, and higher means more anomalous; a row counts as
flagged where its score is greater than the cutoff, strictly.
"""

from __future__ import annotations

from fastrcf.metrics.affiliation import AffiliationScores, affiliation_scores
from fastrcf.metrics.curves import (
    BestF1,
    PrecisionRecallCurve,
    RocCurve,
    auprc,
    auroc,
    best_f1,
    inequality_error,
    precision_recall_curve,
    roc_curve,
)
from fastrcf.metrics.eventwise import (
    EventScores,
    detection_delays,
    event_scores,
    events,
    point_adjusted_f1,
)
from fastrcf.metrics.nab import (
    NAB_PROFILES,
    NabProfile,
    NabScore,
    nab_probation,
    nab_score,
    nab_scores,
    nab_windows,
)
from fastrcf.metrics.points import Confusion, confusion
from fastrcf.metrics.ranges import RangeScores, range_scores
from fastrcf.metrics.vus import VusScores, vus_pr, vus_roc, vus_scores, vus_window

__all__ = [
    "NAB_PROFILES",
    "AffiliationScores",
    "BestF1",
    "Confusion",
    "EventScores",
    "NabProfile",
    "NabScore",
    "PrecisionRecallCurve",
    "RangeScores",
    "RocCurve",
    "VusScores",
    "affiliation_scores",
    "auprc",
    "auroc",
    "best_f1",
    "confusion",
    "detection_delays",
    "event_scores",
    "events",
    "inequality_error",
    "nab_probation",
    "nab_score",
    "nab_scores",
    "nab_windows",
    "point_adjusted_f1",
    "precision_recall_curve",
    "range_scores",
    "roc_curve",
    "vus_pr",
    "vus_roc",
    "vus_scores",
    "vus_window",
]
