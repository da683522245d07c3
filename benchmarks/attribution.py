"""The rows about attributions: beside krcf's, and beside our own scores without them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks import peers
from benchmarks.ours import Bulk
from benchmarks.peers import present
from benchmarks.rows import Effort, Row, at_most
from benchmarks.streamer import Streamer, cpu_clock
from benchmarks.timing import (
    PROBE_ROWS,
    PROBE_START,
    WARM_UP,
    Timing,
    WrongAnswerError,
    check_mean,
    paired_rounds,
    pearson,
    timed,
)
from benchmarks.workloads import SINE_8, THREE_100, FloatArray, Workload
from fastrcf import RandomCutForest

OUR_BLOCK = 10_000
PEER_BLOCK = 500
FROZEN_ROWS = 10_000
# Two krcf forests with two seeds agree to 0.99.
AGREEMENT = 0.95
COST = (2.0, 1.5)


class Attributed(Bulk):
    """A whole block in one call: scores and attributions."""

    parts: FloatArray

    def run(self, block: Any) -> FloatArray:
        """Attribute, score and learn the rows of `block`; return their scores."""
        scores, parts = self.forest.score_update(block, attribution=True)
        self.parts = np.concatenate([parts.high, parts.low], axis=1)
        return scores


class ScoresAlone(Bulk):
    """The same without attributions."""

    name: ClassVar[str] = "scores alone"


class KrcfAttributed(peers.Krcf):
    """krcf: its attribution adds up to its score, so that is not asked for besides."""

    parts: FloatArray

    def run(self, block: list[list[float]]) -> FloatArray:
        """Attribute and learn the rows of `block`; return their scores."""
        attribution, update = self.forest.attribution, self.forest.update
        answers = []
        for point in block:
            answers.append(attribution(point))
            update(point)
        self.parts = np.array([answer["high"] + answer["low"] for answer in answers])
        return np.asarray(self.parts.sum(axis=1))


def attribution(effort: Effort) -> list[Row]:
    """Attributions of a series, learned row by row and by a forest that stands still."""
    workloads = (SINE_8, THREE_100)
    return [make(workload, effort) for workload in workloads for make in (stream, frozen)]


def stream(workload: Workload, effort: Effort) -> Row:
    """Time `score_update` with attributions, beside krcf's and beside our scores alone."""
    with_peer = bool(present(["krcf"]))
    notes = check_parts(workload, with_peer)
    length = WARM_UP + effort.rounds * OUR_BLOCK
    streamers: list[Streamer] = [Attributed(workload, length), ScoresAlone(workload, length)]
    blocks = {"fastrcf": OUR_BLOCK, "scores alone": OUR_BLOCK, "krcf": PEER_BLOCK}
    if with_peer:
        streamers.append(KrcfAttributed(workload, length))
    timings = paired_rounds(streamers, blocks, effort.rounds)
    check_mean(workload, "fastrcf", timings["fastrcf"].mean_score())
    alone = timings.pop("scores alone")
    notes.append(f"scores alone {alone.micros:.3g} µs")
    return _row(f"score_update with attribution, {workload.name}", timings, alone, notes)


def frozen(workload: Workload, effort: Effort) -> Row:
    """Time `attribution` beside `score`, by a forest that has learned and learns no more."""
    rows = workload.rows(WARM_UP + FROZEN_ROWS)
    forest = RandomCutForest(
        workload.n_trees, workload.sample_size, workload.shingle_size, random_state=1
    ).update(rows[:WARM_UP])
    query = rows[WARM_UP:]
    check_sum(forest.attribution(query).total, forest.score(query))
    timings = {"fastrcf": Timing("fastrcf"), "score": Timing("score")}
    for index in range(effort.rounds):
        for name in timings if index % 2 == 0 else reversed(timings):
            call: Any = forest.score if name == "score" else forest.attribution
            seconds, _answer = timed(cpu_clock, call, query)
            timings[name].seconds.append(seconds / len(query))
    score = timings.pop("score")
    notes = [f"{FROZEN_ROWS} rows; score {score.micros:.3g} µs"]
    return _row(f"attribution, {workload.name}", timings, score, notes)


def check_sum(totals: FloatArray, scores: FloatArray) -> None:
    """Raise unless attributions add up to the scores."""
    if not np.allclose(totals, scores, rtol=1e-9, atol=0.0):
        raise WrongAnswerError(f"parts miss the score by up to {np.abs(totals - scores).max():.3g}")


def check_parts(workload: Workload, with_peer: bool) -> list[str]:
    """Check the attributions of a series with bursts; return notes."""
    bursty = workload.with_bursts()
    ours = Attributed(bursty, PROBE_ROWS)
    scores = ours.run(ours.next_block(PROBE_ROWS))
    check_sum(ours.parts.sum(axis=1), scores)
    if not with_peer:
        return []
    theirs = KrcfAttributed(bursty, PROBE_ROWS)
    theirs.run(theirs.next_block(PROBE_ROWS))
    agreement = pearson(ours.parts[PROBE_START:].ravel(), theirs.parts[PROBE_START:].ravel())
    if not agreement > AGREEMENT:
        raise WrongAnswerError(f"parts correlate with krcf's by {agreement:.3f}")
    return [f"parts correlate with krcf's by {agreement:.3f}"]


def _row(job: str, timings: dict[str, Timing], plain: Timing, notes: list[str]) -> Row:
    ours = timings["fastrcf"]
    cost = 1 / plain.ratio(ours)
    ratios = {name: timing.ratio(ours) for name, timing in timings.items() if timing is not ours}
    return Row(
        job=job,
        values={name: timing.micros for name, timing in timings.items()},
        unit="µs/point",
        ratios=ratios,
        to_reach=f"at most {COST[0]:g} × without (it is {cost:.2f} ×)",
        aim=f"{COST[1]:g} ×",
        met=at_most(cost, *COST),
        notes=notes,
    )
