"""The figures of ``fastrcf eval`` at a cutoff: rows, events, ranges, NAB."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from fastrcf import metrics
from fastrcf.cli.evaluation import NO_ANOMALY, NO_NORMAL, Figures, each, nab_reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf.cli.cutoffs import Cutoff
    from fastrcf.cli.labelled import Labelled

__all__ = ["NO_CLOCK", "decision"]

Unless = tuple[bool, str]
"""Whether something holds that makes a figure undefined, and what."""

NO_CLOCK = "there is no clock"
_NO_ALARM = "no row is flagged"
_NO_FIND = "no event is found"
_NOT_NEAR = "no series with an event has a flagged row"
_FLATTERS = (
    "point-adjusted F1 flatters: random scores reach high values on long events; look at the event "
    "figures, affiliation F1 and VUS-PR instead"
)

_AT_A_CUTOFF = (
    "flagged", "tp", "fp", "tn", "fn", "precision", "recall", "f1", "frr", "far",
    "events_found", "alarms", "alarms_right", "event_precision", "event_recall", "event_f1",
    "delay_median_rows", "delay_mean_rows", "delay_median_seconds", "delay_mean_seconds",
    "range_precision", "range_recall", "range_f1",
    "affiliation_precision", "affiliation_recall", "affiliation_f1",
    *(f"nab_{profile}" for profile in metrics.NAB_PROFILES),
)  # fmt: skip


def decision(data: Labelled, cutoff: Cutoff, *, point_adjusted: bool) -> tuple[Figures, list[str]]:
    """Judge what a cutoff makes of the scores.

    Parameters
    ----------
    data : Labelled
        Scores and labels.
    cutoff : Cutoff
        Rows that score higher are flagged.
    point_adjusted : bool
        Whether to compute point-adjusted F1.

    Returns
    -------
    figures : Figures
        Rows, events, ranges, NAB.
    warnings : list of str
        What the user should know about them.
    """
    figures = Figures()
    if cutoff.value is None:
        names = (*_AT_A_CUTOFF, "point_adjusted_f1") if point_adjusted else _AT_A_CUTOFF
        figures.leave(names, f"there is no cutoff: {cutoff.reason}")
        return figures, []
    flags = data.scores > cutoff.value
    no_anomaly = (not data.labels.any(), NO_ANOMALY)
    no_normal = (bool(data.labels.all()), NO_NORMAL)
    no_alarm = (not flags.any(), _NO_ALARM)

    counts = metrics.confusion(data.labels, flags)
    figures.put("flagged", counts.tp + counts.fp)
    for name, count in zip(counts._fields, counts, strict=True):
        figures.put(name, count)
    figures.put("precision", counts.precision, no_alarm)
    figures.put("recall", counts.recall, no_anomaly)
    figures.put("f1", counts.f1, no_anomaly)
    figures.put("frr", counts.frr, no_normal)
    figures.put("far", counts.far, no_anomaly)

    _add_events(figures, data, flags, no_anomaly, no_alarm)
    _add_delays(figures, data, flags, no_anomaly)
    _add_ranges(figures, data, flags, no_anomaly, no_alarm)
    _add_affiliation(figures, data, flags, no_anomaly, no_alarm)
    _add_nab(figures, data, flags)
    return figures, _point_adjusted(figures, data, flags, no_anomaly) if point_adjusted else []


def _add_events(
    figures: Figures,
    data: Labelled,
    flags: NDArray[np.bool_],
    no_anomaly: Unless,
    no_alarm: Unless,
) -> None:
    parts = [metrics.event_scores(data.labels[rows], flags[rows]) for rows in data.series]
    scores = metrics.EventScores(
        n_events=sum(part.n_events for part in parts),
        n_found=sum(part.n_found for part in parts),
        n_alarms=sum(part.n_alarms for part in parts),
        n_right=sum(part.n_right for part in parts),
        point_precision=metrics.confusion(data.labels, flags).precision,
    )
    figures.put("events_found", scores.n_found)
    figures.put("alarms", scores.n_alarms)
    figures.put("alarms_right", scores.n_right)
    figures.put("event_precision", scores.precision, no_alarm)
    figures.put("event_recall", scores.recall, no_anomaly)
    figures.put("event_f1", scores.f1, no_anomaly)


def _add_delays(
    figures: Figures, data: Labelled, flags: NDArray[np.bool_], no_anomaly: Unless
) -> None:
    """Measure from the start of each event to its first flagged row, over the events found."""
    in_rows, in_seconds = [], []
    for rows in data.series:
        labels = data.labels[rows]
        delays = metrics.detection_delays(labels, flags[rows])
        found = ~np.isnan(delays)
        starts = metrics.events(labels)[found, 0]
        in_rows.append(delays[found])
        if data.seconds is not None:
            times = data.seconds[rows]
            in_seconds.append(times[starts + delays[found].astype(np.int64)] - times[starts])
    no_clock = (data.seconds is None, NO_CLOCK)
    for unit, parts in ("rows", in_rows), ("seconds", in_seconds):
        all_delays = np.concatenate(parts) if parts else np.empty(0)
        missed = (not sum(map(len, in_rows)), _NO_FIND)
        unless = (no_anomaly, missed, *([no_clock] if unit == "seconds" else []))
        for name, mean in ("median", np.median), ("mean", np.mean):
            value = float(mean(all_delays)) if len(all_delays) else np.nan
            figures.put(f"delay_{name}_{unit}", value, *unless)


def _add_ranges(
    figures: Figures,
    data: Labelled,
    flags: NDArray[np.bool_],
    no_anomaly: Unless,
    no_alarm: Unless,
) -> None:
    parts = [metrics.range_scores(data.labels[rows], flags[rows]) for rows in data.series]
    n_events = [len(metrics.events(data.labels[rows])) for rows in data.series]
    n_alarms = [len(metrics.events(flags[rows])) for rows in data.series]
    scores = metrics.RangeScores(
        _mean([part.precision for part in parts], n_alarms),
        _mean([part.recall for part in parts], n_events),
    )
    figures.put("range_precision", scores.precision, no_alarm)
    figures.put("range_recall", scores.recall, no_anomaly)
    figures.put("range_f1", scores.f1, no_anomaly)


def _mean(values: list[float], weights: list[int]) -> float:
    return float(np.average(values, weights=weights)) if sum(weights) else 0.0


def _add_affiliation(
    figures: Figures,
    data: Labelled,
    flags: NDArray[np.bool_],
    no_anomaly: Unless,
    no_alarm: Unless,
) -> None:
    names = [f"affiliation_{name}" for name in ("precision", "recall", "f1")]
    if no_anomaly[0]:
        figures.leave(names, no_anomaly[1])
        return
    parts = [
        metrics.affiliation_scores(data.labels[rows], flags[rows])
        for rows in data.series
        if data.labels[rows].any()
    ]
    precision = np.concatenate([part.precision_by_event for part in parts])
    recall = np.concatenate([part.recall_by_event for part in parts])
    judged = precision[~np.isnan(precision)]
    scores = metrics.AffiliationScores(
        float(judged.mean()) if len(judged) else 0.0, float(recall.mean()), precision, recall
    )
    not_judged = (not len(judged), _NOT_NEAR)
    figures.put(names[0], scores.precision, no_alarm, not_judged)
    figures.put(names[1], scores.recall)
    figures.put(names[2], scores.f1)


def _add_nab(figures: Figures, data: Labelled, flags: NDArray[np.bool_]) -> None:
    names = {profile: f"nab_{profile}" for profile in metrics.NAB_PROFILES}
    reason = nab_reason(data)
    if reason:
        figures.leave(names.values(), reason)
        return
    flagged = each(data, flags.astype(np.float64))
    scores = metrics.nab_scores(each(data, data.labels), flagged, cutoff=0.5)
    for profile, name in names.items():
        figures.put(name, scores[profile].score)


def _point_adjusted(
    figures: Figures, data: Labelled, flags: NDArray[np.bool_], no_anomaly: Unless
) -> list[str]:
    """Compute the F1 that flatters; a normal row between the series keeps their events apart."""

    def apart(column: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.concatenate([np.append(column[rows], False) for rows in data.series])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said below in the words of the table
        value = metrics.point_adjusted_f1(apart(data.labels), apart(flags))
    figures.put("point_adjusted_f1", value, no_anomaly)
    return [_FLATTERS]
