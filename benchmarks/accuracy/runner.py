"""Let detectors answer protocols, one process per core, one series at a time."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from typing import Any, NamedTuple

from benchmarks.accuracy import data, detectors, protocols
from benchmarks.accuracy.data import Series
from benchmarks.accuracy.protocols import Figures, Protocol, Scorer

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Job(NamedTuple):
    """One series for one detector under one protocol."""

    protocol: str
    series: str
    detector: str
    longest: int = detectors.NO_LIMIT


class Answer(NamedTuple):
    """What came of a job; `outcome` is None where the detector does not take the series."""

    job: Job
    outcome: Any
    rows: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """A line of the table: a detector under a protocol, over `n_series` series.

    `rows` counts those learned beforehand, too; `seconds` are processor time, judging left out.
    """

    protocol: str
    detector: str
    says: str
    n_series: int
    figures: Figures
    by_series: dict[str, Figures]
    rows: int
    seconds: float


def evaluate(
    scorer: Scorer, protocol: str, *, level: float | None = None, longest: int = detectors.NO_LIMIT
) -> Result:
    """Let a function ``(train, rows) -> scores`` answer a protocol, here in this process.

    Parameters
    ----------
    scorer : callable
    protocol : str
        A name from `protocols.PROTOCOLS`.
    level : float, optional
        A fixed cutoff, for NAB.
    longest : int
        Longer series are left out.
    """
    chosen = protocols.PROTOCOLS[protocol]
    detector = detectors.Detector(scorer, (scorer.__doc__ or "").split("\n")[0], level=level)
    title = getattr(scorer, "__name__", "?")
    answers = [
        _answer(Job(protocol, name, title, longest), chosen, detector)
        for name in data.names(chosen.collection)
    ]
    return _result(chosen, detector, [a for a in answers if a.outcome is not None])


def run(
    wanted: Sequence[Protocol],
    names: Sequence[str],
    *,
    jobs: int = 1,
    longest: int = detectors.NO_LIMIT,
) -> Iterator[Result]:
    """Yield one result for each protocol and each detector that can answer it.

    Parameters
    ----------
    wanted : sequence of Protocol
    names : sequence of str
        Names of detectors.
    jobs : int
        Processes.
    longest : int
        Longer series are left out.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")  # before the workers load NumPy
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for protocol in wanted:
            started = time.perf_counter()
            todo = [
                Job(protocol.name, series, name, longest)
                for series in data.names(protocol.collection)
                for name in names
                if detectors.named(name).takes(protocol)
            ]
            by_detector: dict[str, list[Answer]] = defaultdict(list)
            for answer in pool.map(answer_job, todo):
                if answer.outcome is not None:
                    by_detector[answer.job.detector].append(answer)
            wall = time.perf_counter() - started
            print(f"{protocol.name}: {wall:.0f} s", file=sys.stderr, flush=True)
            for name, answers in by_detector.items():
                yield _result(protocol, detectors.named(name), answers)


def answer_job(job: Job) -> Answer:
    """Do a job; called in a process of its own."""
    try:
        return _answer(job, protocols.PROTOCOLS[job.protocol], detectors.named(job.detector))
    except Exception as error:
        where = f"{job.detector} under {job.protocol} on {job.series}"
        raise RuntimeError(f"{where}: {error!r}") from error


def _answer(job: Job, protocol: Protocol, detector: detectors.Detector) -> Answer:
    series = _series(protocol.collection, job.series)
    taken = detector.takes_series(series) and len(series) <= job.longest
    if not taken or not protocol.wants(series):
        return Answer(job, None, 0, 0.0)
    started = time.process_time()
    scores = protocols.scores_of(protocol, series, detector.scorer(series))
    seconds = time.process_time() - started
    return Answer(job, protocol.judge(series, scores), protocols.rows_of(protocol, series), seconds)


@lru_cache(maxsize=1)
def _series(collection: str, name: str) -> Series:
    return data.load(collection, name)


def _result(protocol: Protocol, detector: detectors.Detector, answers: Sequence[Answer]) -> Result:
    outcomes = [answer.outcome for answer in answers]
    return Result(
        protocol=protocol.name,
        detector=answers[0].job.detector,
        says=detector.says,
        n_series=len(answers),
        figures=protocol.summarise(outcomes, detector.level),
        by_series={o.series: o.figures for o in outcomes if hasattr(o, "figures")},
        rows=sum(answer.rows for answer in answers),
        seconds=sum(answer.seconds for answer in answers),
    )
