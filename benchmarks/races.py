"""The rows of the table that race fastrcf against peers: the answer first, then the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.ours import Bulk, OneByOne
from benchmarks.peers import present
from benchmarks.rows import Effort, Row, at_least
from benchmarks.streamer import Streamer, cpu_clock
from benchmarks.timing import (
    WARM_UP,
    Timing,
    WrongAnswerError,
    check_agreement,
    check_mean,
    check_probe,
    paired_rounds,
    spearman,
    timed,
)
from benchmarks.workloads import SINE_8, TABLE, FloatArray, Workload, gaussian_table
from fastrcf import RandomCutForest

OUR_BLOCK = 20_000
ONE_BLOCK = 5_000
PEER_BLOCK = 1_000
RANK_AGREEMENT = 0.9


def race(
    workload: Workload, ours: type[Bulk], block: int, names: Sequence[str], effort: Effort
) -> tuple[dict[str, Timing], list[str]]:
    """Check fastrcf on `workload`, then time it beside the named peers; also return notes."""
    names = present(names)
    correlations = check_probe(workload, names)
    length = WARM_UP + effort.rounds * max(block, PEER_BLOCK)
    streamers: list[Streamer] = [ours(workload, length)]
    streamers += [peers.STREAMERS[name](workload, length) for name in names]
    blocks = dict.fromkeys(names, PEER_BLOCK) | {"fastrcf": block}
    timings = paired_rounds(streamers, blocks, effort.rounds)
    notes = []
    for name, timing in timings.items():
        mean = timing.mean_score()
        if name not in peers.OTHER_LAW:
            check_mean(workload, name, mean)
        agreement = f", correlation {correlations[name]:.3f}" if name in correlations else ""
        notes.append(f"{name} mean score {mean:.3f}{agreement}")
    return timings, notes


def stream(workload: Workload, marks: Mapping[str, tuple[float, float]], effort: Effort) -> Row:
    """`score_update` of a whole series; `marks` by peer, or by "fastest" for the fastest peer."""
    timings, notes = race(workload, Bulk, OUR_BLOCK, tuple(peers.STREAMERS), effort)
    return _row(f"score_update, {workload.name}", timings, marks, notes)


def one_by_one(effort: Effort) -> Row:
    """`score_update_one` in a Python loop."""
    timings, notes = race(SINE_8, OneByOne, ONE_BLOCK, ("krcf", "rcf3"), effort)
    job = f"score_update_one in a loop, {SINE_8.name}"
    return _row(job, timings, {"krcf": (4, 7)}, notes)


def _row(
    job: str,
    timings: Mapping[str, Timing],
    marks: Mapping[str, tuple[float, float]],
    notes: list[str],
) -> Row:
    ours = timings["fastrcf"]
    ratios = {name: t.ratio(ours) for name, t in timings.items() if name != "fastrcf"}
    judged = dict(ratios)
    if ratios:
        judged["fastest"] = min(ratios.values())
    best = ", ".join(f"{name} {timing.best_micros:.3g}" for name, timing in timings.items())
    notes = [*notes, f"best rounds {best} µs"]
    word = {"fastest": "the fastest peer"}
    return Row(
        job=job,
        values={name: timing.micros for name, timing in timings.items()},
        unit="µs/point",
        ratios=ratios,
        to_reach=", ".join(f"{reach:g} × {word.get(n, n)}" for n, (reach, _) in marks.items()),
        aim=", ".join(f"{aim:g} ×" for _, aim in marks.values()),
        met=at_least(judged, marks),
        notes=notes,
    )


def frozen_table(effort: Effort) -> Row:
    """`score` of a table by forests fitted on the same rows and frozen."""
    table = gaussian_table(effort.table_rows)
    ours = RandomCutForest(100, 256, random_state=1).fit(table)
    check_mean(TABLE, "fastrcf", ours.score(table).mean())
    calls: dict[str, tuple[Callable[..., FloatArray], Any]] = {"fastrcf": (ours.score, table)}
    notes = [f"{len(table)} rows of float32"]
    if present(["IsolationForest"]):
        isolation = peers.IsolationForest(TABLE.n_trees, TABLE.sample_size)
        isolation.fit(table)
        calls["IsolationForest"] = (isolation.score, table)
        rank = spearman(ours.score(table), isolation.score(table))
        if not rank > RANK_AGREEMENT:
            raise WrongAnswerError(f"rank correlation with IsolationForest {rank:.3f}")
        notes.append(f"rank correlation with IsolationForest {rank:.3f}")
    if present(["krcf"]):
        krcf = peers.Krcf(TABLE, 1)
        krcf.learn(table[:4_000].astype(np.float64))
        few = table[-2_000:].astype(np.float64)
        calls["krcf"] = (krcf.score, few)
        check_agreement("fastrcf", ours.score(few), {"krcf": krcf.score(few)})
    timings = {name: Timing(name) for name in calls}
    for _ in range(effort.rounds):
        for name, (call, rows) in calls.items():
            seconds, _scores = timed(cpu_clock, call, rows)
            timings[name].seconds.append(seconds / len(rows))
    marks = {"IsolationForest": (0.4, 1.0)}
    return _row("frozen score, 8 columns, 100 × 256", timings, marks, notes)
