"""What a detector is asked, and how its answer is judged.

A detector is a function ``(train, rows) -> scores``, one score per row, higher = more anomalous:

- `train` given: learn it, then score `rows` frozen, learning none of them;
- `train` None: score each row of `rows`, then learn it, all the way. No row may look ahead.

A `Protocol` says which rows a series gives for that (`ask`), what one series is worth (`judge`, run
where the scores are, so that they need not travel) and what all of them come to (`summarise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from benchmarks.accuracy import judges, published
from benchmarks.accuracy.data import FloatArray, Series

Scorer: TypeAlias = Callable[[FloatArray | None, FloatArray], FloatArray]
Figures: TypeAlias = dict[str, float]

LEAD_IN = 2048
"""Rows of the training part that are scored once more, so that windows are complete at its end."""


@dataclass(frozen=True)
class Task:
    """What a detector gets of a series; the scores of the first `skip` rows are thrown away."""

    train: FloatArray | None
    rows: FloatArray
    skip: int = 0


@dataclass(frozen=True)
class Protocol:
    """A question to detectors over a collection.

    Attributes
    ----------
    name, collection : str
    says : str
        What is done, in a sentence.
    frozen : bool
        Whether a training part is learned first and nothing afterwards.
    ask : Series -> Task
    judge : Series, scores -> Any
        Outcome of one series; the scores belong to the rows after those skipped.
    summarise : sequence of outcomes, fixed level -> figures
        The first figure is the one that counts.
    published : dict of figures
        What others report, by name; remarks stand in the name.
    wants : Series -> bool
        Which series take part.
    compares : str
        Figure of which others report results series by series; empty: none.
    """

    name: str
    collection: str
    says: str
    frozen: bool
    ask: Callable[[Series], Task]
    judge: Callable[[Series, FloatArray], Any]
    summarise: Callable[[Sequence[Any], float | None], Figures]
    published: dict[str, Figures] = field(default_factory=dict)
    wants: Callable[[Series], bool] = lambda series: True
    compares: str = ""


def run(protocol: Protocol, series: Series, scorer: Scorer) -> Any:
    """Let `scorer` answer for one series; return the outcome."""
    return protocol.judge(series, scores_of(protocol, series, scorer))


def scores_of(protocol: Protocol, series: Series, scorer: Scorer) -> FloatArray:
    """Return the scores that count.

    Raises
    ------
    ValueError
        The scorer gave a wrong number of scores, or infinite ones.
    """
    task = protocol.ask(series)
    scores = np.asarray(scorer(task.train, task.rows), np.float64)
    if scores.shape != (len(task.rows),):
        raise ValueError(
            f"scores: expected one for each of {len(task.rows)} rows of {series.name}, "
            f"got shape {scores.shape}"
        )
    if np.isposinf(scores).any():
        raise ValueError(f"scores: infinite at row {int(np.argmax(scores))} of {series.name}")
    return scores[task.skip :]


def rows_of(protocol: Protocol, series: Series) -> int:
    """Count the rows that a detector gets."""
    task = protocol.ask(series)
    return len(task.rows) + (0 if task.train is None else len(task.train))


# What is asked -------------------------------------------------------------------------------


def stream(series: Series) -> Task:
    """All rows, learned one after the other."""
    return Task(None, series.values)


def stream_after_train(series: Series) -> Task:
    """The training half, then the rows: all of it streaming."""
    assert series.train is not None
    return Task(None, np.concatenate([series.train, series.values]), len(series.train))


def stream_past_prefix(series: Series) -> Task:
    """All rows streaming; those of the training prefix are not judged."""
    return Task(None, series.values, series.train_end)


def freeze_prefix(series: Series) -> Task:
    """Learn the training prefix; score what follows."""
    start = max(0, series.train_end - LEAD_IN)
    return Task(series.values[: series.train_end], series.values[start:], series.train_end - start)


def freeze_prefix_score_all(series: Series) -> Task:
    """Learn the training prefix; score all rows, the prefix too, as TSB-AD does."""
    return Task(series.values[: series.train_end], series.values)


def freeze_train(series: Series) -> Task:
    """Learn the training half; score the rows."""
    assert series.train is not None
    return Task(series.train, series.values)


# Every protocol ------------------------------------------------------------------------------

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "nab",
            "nab",
            "streaming; NAB's scoring over the given series together",
            False,
            stream,
            judges.nab_outcome,
            judges.nab_figures,
            published.NAB,
        ),
        Protocol(
            "ucr-prefix",
            "ucr",
            "learns the training prefix, then frozen; "
            "share of series whose highest score lies in the labelled interval ± 100",
            True,
            freeze_prefix,
            judges.highest_inside,
            judges.mean_figures,
            published.UCR,
            compares="AUC-ROC",
        ),
        Protocol(
            "ucr-stream",
            "ucr",
            "streaming all the way; judged after the training prefix",
            False,
            stream_past_prefix,
            judges.highest_inside,
            judges.mean_figures,
            published.UCR,
        ),
        Protocol(
            "discords",
            "discords",
            "learns the usual training slice, then frozen; "
            "highest score of the test slice in a labelled interval ± 100",
            True,
            freeze_train,
            judges.highest_inside,
            judges.count_found,
            published.DISCORDS,
        ),
        Protocol(
            "smd-prefix",
            "smd",
            "TSB-AD's: learns the stated prefix of the test half, scores all of it",
            True,
            freeze_prefix_score_all,
            judges.volume,
            judges.mean_figures,
            compares="VUS-PR",
        ),
        Protocol(
            "smd-train",
            "smd",
            "learns the training half, then frozen over the test half",
            True,
            freeze_train,
            judges.volume,
            judges.mean_figures,
        ),
        Protocol(
            "smd-stream",
            "smd",
            "streaming over the training half, then the test half",
            False,
            stream_after_train,
            judges.volume,
            judges.mean_figures,
        ),
        Protocol(
            "asd",
            "asd",
            "learns the training half, then frozen over the test half",
            True,
            freeze_train,
            judges.volume,
            judges.mean_figures,
        ),
        Protocol(
            "wsd",
            "wsd",
            "streaming",
            False,
            stream,
            judges.volume,
            judges.mean_figures,
            published.WSD,
        ),
        Protocol(
            "smap_msl",
            "smap_msl",
            "streaming over the test half",
            False,
            stream,
            judges.volume,
            judges.mean_figures,
        ),
        Protocol(
            "smap_msl-prefix",
            "smap_msl",
            "TSB-AD's: the channels whose prefix it states, learned; all rows scored",
            True,
            freeze_prefix_score_all,
            judges.volume,
            judges.mean_figures,
            wants=lambda series: series.train_end > 0,
            compares="VUS-PR",
        ),
        Protocol(
            "gecco",
            "gecco",
            "streaming",
            False,
            stream,
            judges.volume,
            judges.mean_figures,
            published.GECCO,
        ),
        Protocol(
            "skab",
            "skab",
            "streaming, each run from nothing",
            False,
            stream,
            judges.volume,
            judges.mean_figures,
        ),
    )
}


def choose(wanted: Sequence[str]) -> list[Protocol]:
    """Return the protocols of these names or collections; all, if none is named."""
    found = [
        protocol
        for protocol in PROTOCOLS.values()
        if not wanted or protocol.name in wanted or protocol.collection in wanted
    ]
    known = {*PROTOCOLS, *(protocol.collection for protocol in PROTOCOLS.values())}
    for name in wanted:
        if name not in known:
            raise ValueError(f"only: expected some of {', '.join(sorted(known))}, got {name!r}")
    return found
