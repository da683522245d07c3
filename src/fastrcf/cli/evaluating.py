"""The work of ``fastrcf eval``: read, choose cutoffs, judge, show."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cutoffs import COLUMN, Cutoff, Spec, parse
from fastrcf.cli.decision import decision
from fastrcf.cli.evaluation import Figures, counts_of, overall
from fastrcf.cli.exits import note
from fastrcf.cli.labelled import read_labelled
from fastrcf.cli.outputs import check_file
from fastrcf.cli.picture import check_plot, write_figure
from fastrcf.cli.readers import STDIN

if TYPE_CHECKING:
    from fastrcf.cli.labelled import Labelled, LabelledColumns
    from fastrcf.cli.readers import ReadOptions

__all__ = ["Decision", "EvalJob", "Evaluation", "run"]

_OWN_SCORE, _OWN_CUTOFF = "score", "threshold"  # as fastrcf score names its columns


@dataclass(frozen=True)
class EvalJob:
    """Everything ``fastrcf eval`` is told."""

    input: str
    read: ReadOptions
    columns: LabelledColumns
    thresholds: tuple[str, ...] = ()
    vus_window: int = 100
    point_adjusted: bool = False
    skip_missing: bool = False
    plot: str | None = None
    as_json: bool = False


@dataclass(frozen=True)
class Decision:
    """A cutoff and its figures."""

    cutoff: Cutoff
    figures: Figures


@dataclass(frozen=True)
class Evaluation:
    """All that was found."""

    job: EvalJob
    counts: dict[str, int]
    time: str | None
    overall: Figures
    decisions: list[Decision]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Give everything as values that JSON knows."""
        columns = self.job.columns
        return {
            **self.counts,
            "label_column": columns.labels,
            "score_column": columns.score,
            "time_column": self.time,
            "key_column": columns.key,
            "vus_window": self.job.vus_window,
            **self.overall.values,
            "undefined": self.overall.undefined,
            "decisions": [_as_dict(each) for each in self.decisions],
            "warnings": self.warnings,
        }


def _as_dict(each: Decision) -> dict[str, Any]:
    low, high = each.cutoff.ends or (None, None)
    return {
        "threshold": each.cutoff.name,
        "cutoff": low if low == high else None,
        "cutoff_low": low,
        "cutoff_high": high,
        **each.figures.values,
        "undefined": each.figures.undefined,
    }


def run(job: EvalJob) -> None:
    """Do the job: the results go to standard output, what else is to say to standard error.

    Parameters
    ----------
    job
        What to do.

    Raises
    ------
    CliError
        The options or the data are of no use.
    """
    from fastrcf.cli.evaluation_table import print_table

    suffix = job.columns.score.removeprefix(_OWN_SCORE)
    own = _OWN_CUTOFF + (suffix if job.columns.score.startswith(_OWN_SCORE) else "")
    specs = [parse(text, own) for text in dict.fromkeys(job.thresholds)]
    if job.plot is not None:
        check_plot(job.plot)
        check_file("--plot", job.plot, () if job.input == STDIN else (job.input,))
    named = dict.fromkeys(spec.column for spec in specs if spec.column is not None)
    data = read_labelled(
        job.input,
        job.read,
        replace(job.columns, cutoffs=tuple(named)),
        own_cutoff=None if specs else own,
        skip_missing=job.skip_missing,
    )
    specs = specs or _default_specs(data, own)
    found = _evaluate(job, data, [spec.cutoff(data) for spec in specs])
    for warning in found.warnings:
        note(warning)
    if job.plot is not None:
        _draw(job, data, found)
    if job.as_json:
        sys.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False) + "\n")
    else:
        print_table(found)


def _default_specs(data: Labelled, own: str) -> list[Spec]:
    f1 = parse("f1", own)
    return [Spec(COLUMN, column=own), f1] if own in data.cutoffs else [f1]


def _evaluate(job: EvalJob, data: Labelled, cutoffs: list[Cutoff]) -> Evaluation:
    decisions, warnings = [], _warnings(data)
    for cutoff in cutoffs:
        figures, said = decision(data, cutoff, point_adjusted=job.point_adjusted)
        decisions.append(Decision(cutoff, figures))
        warnings += [warning for warning in said if warning not in warnings]
    return Evaluation(
        job, counts_of(data), data.time, overall(data, job.vus_window), decisions, warnings
    )


def _warnings(data: Labelled) -> list[str]:
    if not data.scores.any():
        return ["all scores are 0.0: no row has a score"]
    times = [] if data.seconds is None else [data.seconds[rows] for rows in data.series]
    if not any((np.diff(part) < 0).any() for part in times):
        return []
    message = (
        f"the rows are not in the order of column {data.time!r}: events, delays and VUS take rows "
        "in the order of the file (a file of several series needs --key-col)"
    )
    return [message]


def _draw(job: EvalJob, data: Labelled, found: Evaluation) -> None:
    from fastrcf.plotting import plot_evaluation

    assert job.plot is not None
    name = "standard input" if job.input == STDIN else Path(job.input).name
    cutoffs = {
        each.cutoff.name: each.cutoff.value
        for each in found.decisions
        if each.cutoff.value is not None
    }
    title = f"{name} · {job.columns.score} judged by {job.columns.labels}"
    figure = plot_evaluation(data.labels, data.scores, cutoffs=cutoffs, title=title)
    write_figure(figure, job.plot)
