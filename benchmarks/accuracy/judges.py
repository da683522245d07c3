"""From the scores of a series to what they are worth, and from many series to a table's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.data import FloatArray, Labels, Range, Series, kinesis_scores

TOLERANCE = 100
"""Rows by which the highest score may miss a labelled interval."""

Figures = dict[str, float]


class Outcome(NamedTuple):
    """What one series is worth."""

    series: str
    figures: Figures


class NabOutcome(NamedTuple):
    """The scores of a series of NAB: only the corpus as a whole can be judged."""

    series: str
    windows: tuple[Range, ...]
    scores: FloatArray


# NAB -----------------------------------------------------------------------------------------

PROFILES = {
    "standard": "standard",
    "low FP": "reward_low_FP_rate",
    "low FN": "reward_low_FN_rate",
}


def nab_outcome(series: Series, scores: FloatArray) -> NabOutcome:
    return NabOutcome(series.name, series.windows, scores)


def nab_figures(outcomes: Sequence[NabOutcome], level: float | None) -> Figures:
    """Score the corpus at the best cutoff of each profile and at the detector's own level.

    "series with published scores" is the best standard score over those of which the managed
    engine's own scores are known, so that they can be compared.
    """
    known = [outcome for outcome in outcomes if kinesis_scores(outcome.series) is not None]
    figures = {}
    if len(known) < len(outcomes):
        figures = _nab(outcomes, None)
        if level is not None:
            fixed = _nab(outcomes, level)
            figures |= {f"{name} at fixed level": value for name, value in fixed.items()}
    if known:
        figures["standard, series with published scores"] = _nab(known, None)["standard"]
    return figures


def _nab(outcomes: Sequence[NabOutcome], cutoff: float | None) -> Figures:
    from fastrcf.metrics import nab_scores

    windows = {o.series: np.array(o.windows, np.int64).reshape(-1, 2) for o in outcomes}
    scores = {o.series: o.scores for o in outcomes}
    results = nab_scores(windows, scores, cutoff=cutoff)
    return {label: results[profile].score for label, profile in PROFILES.items()}


# The highest score ---------------------------------------------------------------------------


def highest_inside(series: Series, scores: FloatArray) -> Outcome:
    """Tell whether the highest score lies in a labelled interval, and how often chance would.

    Rows that share the highest score count in parts, as if one of them were drawn.
    """
    first = len(series) - len(scores)
    scores = np.nan_to_num(scores, nan=0.0)
    near = np.zeros(len(scores), bool)
    for start, stop in series.windows:
        near[max(0, start - first - TOLERANCE) : stop - first + TOLERANCE] = True
    figures = {
        "share": float(near[scores == scores.max()].mean()),
        "AUC-ROC": auc_roc(series.labels[first:], scores),
        "chance": float(near.mean()),
    }
    return Outcome(series.name, figures)


def count_found(outcomes: Sequence[Outcome], level: float | None) -> Figures:
    """Count the series whose highest score lies where it should."""
    found = {"found": sum(outcome.figures["share"] for outcome in outcomes)}
    return found | mean_figures(outcomes, level)


def auc_roc(labels: Labels, scores: FloatArray) -> float:
    """Return the area under the ROC curve; NaN with one class only, or for mere alarms."""
    from fastrcf.metrics import auroc

    if not 0 < labels.sum() < len(labels) or np.isin(scores, (0, 1)).all():
        return float("nan")
    return float(auroc(labels, scores))


# The area under the curve --------------------------------------------------------------------


def volume(series: Series, scores: FloatArray) -> Outcome:
    """Return VUS-PR as TSB-AD computes it, and the average precision.

    Rows without any value are not judged. TSB-AD takes the window of the volume from the first
    column of the series; so do we, for every collection.
    """
    from fastrcf.metrics import auprc, vus_pr, vus_window

    judged = ~np.isnan(series.values).all(axis=1)
    labels, scores = series.labels[judged], np.nan_to_num(scores[judged], nan=0.0)
    if not 0 < labels.sum() < len(labels):
        return Outcome(series.name, {"VUS-PR": float("nan"), "AUPRC": float("nan")})
    window = vus_window(_filled(series.values[judged, 0]))
    figures = {
        "VUS-PR": float(vus_pr(labels, scores, window=window)),
        "AUPRC": float(auprc(labels, scores)),
    }
    return Outcome(series.name, figures)


def _filled(column: FloatArray) -> FloatArray:
    """Repeat the last known value where one is missing."""
    known = np.where(np.isnan(column), 0, np.arange(len(column)))
    return np.nan_to_num(column[np.maximum.accumulate(known)], nan=0.0)


def mean_figures(outcomes: Sequence[Outcome], level: float | None) -> Figures:
    """Return the mean of every figure over the series that have it."""
    figures = {}
    for name in outcomes[0].figures:
        values = np.array([outcome.figures[name] for outcome in outcomes])
        figures[name] = float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
    return figures
