"""The figures of ``fastrcf eval``: those without a cutoff.

A figure that is undefined is None, and `Figures.undefined` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastrcf import metrics
from fastrcf.thresholds import BestThreshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf.cli.labelled import Labelled

__all__ = ["NO_ANOMALY", "NO_NORMAL", "Figures", "counts_of", "each", "nab_reason", "overall"]

NO_ANOMALY = "no row is anomalous"
NO_NORMAL = "no row is normal"
_NO_WINDOW = "no event ends behind the first 15 % of the rows, 750 at most, which NAB leaves out"
_NO_SCORES = "the scores are 0 and 1 alone, which are labels: an area needs scores"


@dataclass
class Figures:
    """Figures by name.

    Attributes
    ----------
    values : dict of str to float or int
        None where a figure is undefined.
    undefined : dict of str to str
        Why.
    """

    values: dict[str, float | int | None] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float, *unless: tuple[bool, str]) -> None:
        """Take in a figure, unless something holds that makes it undefined."""
        reason = next((reason for holds, reason in unless if holds), None)
        if reason is None:
            self.values[name] = value
        else:
            self.leave([name], reason)

    def leave(self, names: Iterable[str], reason: str) -> None:
        """Say that figures are undefined."""
        for name in names:
            self.values[name] = None
            self.undefined[name] = reason


def counts_of(data: Labelled) -> dict[str, int]:
    """Count rows, anomalies, events, and rows that are not as the others."""
    return {
        "rows": len(data.labels),
        "anomalies": int(np.count_nonzero(data.labels)),
        "events": sum(len(metrics.events(data.labels[rows])) for rows in data.series),
        "series": len(data.series),
        "unscored": int(np.count_nonzero(data.scores == 0.0)),
        "skipped": data.n_skipped,
    }


def overall(data: Labelled, vus_window: int) -> Figures:
    """Judge the scores whatever the cutoff.

    Parameters
    ----------
    data : Labelled
        Scores and labels.
    vus_window : int
        Widest buffer of VUS, in rows.

    Returns
    -------
    Figures
        Areas, volumes, the best F1 and the best NAB score.
    """
    figures = Figures()
    one_class = _one_class(data.labels)
    is_binary = bool(np.isin(data.scores, (0.0, 1.0)).all() and len(np.unique(data.scores)) == 2)
    areas = {"auroc": metrics.auroc, "ie": metrics.inequality_error, "auprc": metrics.auprc}
    for name, area in areas.items():
        if one_class or is_binary:
            figures.leave([name], one_class or _NO_SCORES)
        else:
            figures.put(name, area(data.labels, data.scores))
    _add_vus(figures, data, vus_window)
    if data.labels.any():
        best = BestThreshold().fit(data.scores, data.labels)
        figures.put("best_f1", best.value_)
        figures.put("best_f1_cutoff", best.cutoff_)
    else:
        figures.leave(["best_f1", "best_f1_cutoff"], NO_ANOMALY)
    _add_best_nab(figures, data)
    return figures


def _one_class(labels: NDArray[np.bool_]) -> str:
    if not labels.any():
        return NO_ANOMALY
    return NO_NORMAL if labels.all() else ""


def _add_vus(figures: Figures, data: Labelled, window: int) -> None:
    """Take the mean over the series that have both kinds of rows."""
    names = ("vus_roc", "vus_pr")
    judged = [rows for rows in data.series if not _one_class(data.labels[rows])]
    if not judged:
        reason = _one_class(data.labels) or "no series has rows of both kinds"
        figures.leave(names, reason)
        return
    volumes = [
        metrics.vus_scores(data.labels[rows], data.scores[rows], window=window)[:2]
        for rows in judged
    ]
    for name, volume in zip(names, np.mean(volumes, axis=0).tolist(), strict=True):
        figures.put(name, volume)


def _add_best_nab(figures: Figures, data: Labelled) -> None:
    names = ("nab_best", "nab_best_cutoff")
    reason = nab_reason(data)
    if reason:
        figures.leave(names, reason)
        return
    best = metrics.nab_score(each(data, data.labels), each(data, data.scores))
    for name, value in zip(names, best[:2], strict=True):
        figures.put(name, value)


def nab_reason(data: Labelled) -> str:
    """Say why there is no NAB score; empty where there is one."""
    behind = (data.labels[rows][metrics.nab_probation(len(rows)) :] for rows in data.series)
    if any(labels.any() for labels in behind):
        return ""
    return _NO_WINDOW if data.labels.any() else NO_ANOMALY


def each(data: Labelled, column: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """Cut a column into the series."""
    return [column[rows] for rows in data.series]
