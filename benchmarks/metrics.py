"""How fast the metrics are: ``python -m benchmarks.metrics [--rows N]``.

Beside scikit-learn and, where it is installed (``pip install --no-deps TSB-AD``), the code of
TSB-AD, on the same input. Every row asserts that both give the same answer before it is printed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.streamer import cpu_clock
from benchmarks.timing import WrongAnswerError, timed
from benchmarks.workloads import SEED, FloatArray
from fastrcf import metrics

ROWS = 1_000_000
# What the peer does in seconds at most; its time grows with the rows times the thresholds.
VUS_ROWS = 5_000
AFFILIATION_ROWS = 100_000
ROUNDS = 3

Call = Callable[[], Any]


@dataclass(frozen=True)
class Job:
    """One metric on one input.

    Attributes
    ----------
    name : str
        What the table calls it.
    rows : int
        Length of the input.
    ours : callable
        The metric, ready to be called; returns numbers.
    peer : str
        Whose code it is compared with; empty for none.
    theirs : callable, optional
        The same with the peer.
    """

    name: str
    rows: int
    ours: Call
    peer: str = ""
    theirs: Call | None = None


@lru_cache(maxsize=4)
def labelled(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return labels (events of 50 rows, one in a hundred rows), scores, and predictions."""
    rng = np.random.default_rng(SEED)
    labels = np.zeros(n)
    for start in rng.integers(0, n - 50, max(n // 5_000, 1)):
        labels[start : start + 50] = 1
    scores = rng.normal(size=n) + 2 * np.roll(labels, 5)
    return labels, scores, (scores > 2.5).astype(np.float64)


def jobs(rows: int = ROWS) -> Iterator[Job]:
    """List what is measured."""
    from sklearn import metrics as sklearn

    labels, scores, flagged = labelled(rows)

    def their_f1() -> float:
        precision, recall, _ = sklearn.precision_recall_curve(labels, scores)
        with np.errstate(invalid="ignore"):
            return float(np.nanmax(2 * precision * recall / (precision + recall)))

    learn = partial(Job, rows=rows, peer="scikit-learn")
    yield learn(
        "confusion",
        ours=lambda: tuple(metrics.confusion(labels, flagged)),
        theirs=lambda: sklearn.confusion_matrix(labels, flagged).ravel()[[3, 1, 0, 2]],
    )
    yield learn(
        "AUROC",
        ours=lambda: metrics.auroc(labels, scores),
        theirs=lambda: sklearn.roc_auc_score(labels, scores),
    )
    yield learn(
        "AUPRC",
        ours=lambda: metrics.auprc(labels, scores),
        theirs=lambda: sklearn.average_precision_score(labels, scores),
    )
    yield learn("best F1", ours=lambda: metrics.best_f1(labels, scores).f1, theirs=their_f1)
    yield Job("events", rows, lambda: metrics.event_scores(labels, flagged))
    yield Job("range-based", rows, lambda: metrics.range_scores(labels, flagged))
    yield Job("affiliation", rows, lambda: metrics.affiliation_scores(labels, flagged)[:2])
    yield Job("NAB, all profiles, searched", rows, lambda: _nab(labels, scores))
    yield Job("VUS, window 100", rows, lambda: metrics.vus_scores(labels, scores)[:2])
    yield Job("VUS, window 1000", rows, lambda: metrics.vus_scores(labels, scores, window=1000)[:2])
    yield Job(
        "VUS, window 100, every score",
        rows,
        lambda: metrics.vus_scores(labels, scores, thresholds=None)[:2],
    )
    if importlib.util.find_spec("TSB_AD") is not None:
        yield from _authors_jobs()


def _nab(labels: FloatArray, scores: FloatArray) -> list[float]:
    """Score a corpus of ten records."""
    found = metrics.nab_scores(np.split(labels, 10), np.split(scores, 10))
    return [part.score for part in found.values()]


def _authors_jobs() -> Iterator[Job]:
    names = ("basic_metrics", "affiliation.generics", "affiliation.metrics")
    modules = [importlib.import_module(f"TSB_AD.evaluation.{name}") for name in names]
    generate_curve = modules[0].generate_curve
    to_events, pr_from_events = modules[1].convert_vector_to_events, modules[2].pr_from_events

    few, scores, _ = labelled(VUS_ROWS)
    yield Job(
        "VUS, window 100",
        VUS_ROWS,
        lambda: metrics.vus_scores(few, scores)[:2],
        "TSB-AD",
        lambda: generate_curve(few.astype(int), scores, 100, "opt", 250)[-2:],
    )
    labels, _, flagged = labelled(AFFILIATION_ROWS)

    def affiliation() -> list[float]:
        found = pr_from_events(to_events(flagged), to_events(labels), (0, len(labels)))
        return [found["Affiliation_Precision"], found["Affiliation_Recall"]]

    yield Job(
        "affiliation",
        AFFILIATION_ROWS,
        lambda: metrics.affiliation_scores(labels, flagged)[:2],
        "TSB-AD",
        affiliation,
    )


def best_time(call: Call, rounds: int = ROUNDS) -> tuple[float, Any]:
    """Return the processor time of the best round, in seconds, and the answer."""
    seconds, answers = zip(*(timed(cpu_clock, call) for _ in range(rounds)), strict=True)
    return min(seconds), answers[0]


def check(job: Job, ours: Any, theirs: Any) -> None:
    """Raise unless both answers are the same."""
    if not np.allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-9, atol=1e-12):
        raise WrongAnswerError(f"{job.name}: fastrcf gives {ours}, {job.peer} {theirs}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default: {ROWS:,}")
    options = parser.parse_args(arguments)
    print("\n".join(f"- {name}: {value}" for name, value in machine.facts().items()), end="\n\n")
    print("| metric | rows | fastrcf, ms | peer | peer, ms | ratio |\n|---|---|---|---|---|---|")
    for job in jobs(options.rows):
        ours, answer = best_time(job.ours)
        cells = [job.name, f"{job.rows:,}", f"{ours * 1e3:.1f}", job.peer, "", ""]
        if job.theirs is not None:
            theirs, expected = best_time(job.theirs, 1 if job.peer == "TSB-AD" else ROUNDS)
            check(job, answer, expected)
            cells[4:] = [f"{theirs * 1e3:.1f}", f"{theirs / ours:.3g} ×"]
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
