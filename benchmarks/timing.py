"""Paired rounds of processor time, and the checks of the answers that come first."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.ours import Bulk
from benchmarks.streamer import Streamer, cpu_clock
from benchmarks.workloads import FloatArray, Workload

WARM_UP = 10_000
PROBE_ROWS = 5_000
PROBE_START = 2_000
AGREEMENT = 0.95
# A peer whose scores follow another law must still see the same bursts.
WEAK_AGREEMENT = 0.6


class WrongAnswerError(AssertionError):
    """A library does not compute the score that is being timed."""


@dataclass
class Timing:
    """What one library took, round by round."""

    name: str
    seconds: list[float] = field(default_factory=list)
    scores: list[FloatArray] = field(default_factory=list)

    @property
    def micros(self) -> float:
        """Median microseconds per point."""
        return statistics.median(self.seconds) * 1e6

    @property
    def best_micros(self) -> float:
        """Microseconds per point of the best round."""
        return min(self.seconds) * 1e6

    def ratio(self, ours: Timing) -> float:
        """Return this library's time over `ours`: the smaller of two estimates.

        The median over the rounds of the ratios within a round, and the ratio of the best rounds.
        On a busy machine the first flatters whoever needs less cache.
        """
        paired = statistics.median(a / b for a, b in zip(self.seconds, ours.seconds, strict=True))
        return min(paired, self.best_micros / ours.best_micros)

    def mean_score(self) -> float:
        """Mean of the scores of the timed rounds."""
        return float(np.mean(np.concatenate(self.scores)))


def timed(
    clock: Callable[[], float], call: Callable[..., FloatArray], *arguments: Any
) -> tuple[float, FloatArray]:
    """Return the time that the call took and its result, with Python's cycle collector held."""
    gc.collect()
    gc.disable()
    try:
        start = clock()
        scores = call(*arguments)
        return clock() - start, scores
    finally:
        gc.enable()


def paired_rounds(
    streamers: Sequence[Streamer], blocks: Mapping[str, int], rounds: int, warm_up: int = WARM_UP
) -> dict[str, Timing]:
    """Time the streamers in turn, `rounds` times, the order reversed every other round.

    Parameters
    ----------
    streamers : sequence of Streamer
        Fresh streamers, all on the same workload.
    blocks : mapping
        Rows per round, by name.
    rounds : int
        Number of rounds.
    warm_up : int
        Rows that every streamer learns before the first round.

    Returns
    -------
    dict
        Timings by name.
    """
    timings = {streamer.name: Timing(streamer.name) for streamer in streamers}
    for streamer in streamers:
        streamer.run(streamer.next_block(warm_up))
    for index in range(rounds):
        for streamer in streamers if index % 2 == 0 else reversed(streamers):
            rows = blocks[streamer.name]
            block = streamer.next_block(rows)
            seconds, scores = timed(cpu_clock, streamer.run, block)
            timings[streamer.name].seconds.append(seconds / rows)
            timings[streamer.name].scores.append(scores)
    for streamer in streamers:
        streamer.close()
    return timings


def check_mean(workload: Workload, name: str, mean: float) -> None:
    """Raise unless the mean score of the steady stream is that of the reference."""
    if not abs(mean - workload.mean_score) <= workload.tolerance:
        raise WrongAnswerError(
            f"{name} on {workload.name}: mean score {mean:.3f}, expected "
            f"{workload.mean_score:.2f} ± {workload.tolerance:.2f}"
        )


def check_agreement(name: str, scores: FloatArray, others: Mapping[str, FloatArray]) -> None:
    """Raise unless `scores` correlate with those of the peers on the same rows."""
    for other, expected in others.items():
        floor = WEAK_AGREEMENT if other in peers.OTHER_LAW else AGREEMENT
        correlation = pearson(scores, expected)
        if not correlation > floor:
            raise WrongAnswerError(
                f"{name} and {other} correlate by {correlation:.3f}, expected above {floor}"
            )


def probe_scores(make: Callable[[Workload, int], Streamer], workload: Workload) -> FloatArray:
    """Return a library's scores on the workload's series with bursts, after a warm-up."""
    streamer = make(workload.with_bursts(), PROBE_ROWS)
    scores = streamer.run(streamer.next_block(PROBE_ROWS))
    streamer.close()
    return scores[PROBE_START:]


def check_probe(workload: Workload, names: Sequence[str]) -> dict[str, float]:
    """Check fastrcf against the named peers on the series with bursts; return the correlations.

    The steady series cannot serve: its scores are those of noise, and on them even two forests of
    one library with two seeds agree to a rank correlation of 0.4 to 0.9 only.
    """
    ours = probe_scores(Bulk, workload)
    others = {name: probe_scores(peers.STREAMERS[name], workload) for name in names}
    check_agreement("fastrcf", ours, others)
    return {name: pearson(ours, scores) for name, scores in others.items()}


def pearson(a: FloatArray, b: FloatArray) -> float:
    """Return the linear correlation."""
    return float(np.corrcoef(a, b)[0, 1])


def spearman(a: FloatArray, b: FloatArray) -> float:
    """Return the rank correlation; ties, which scores do not have, are broken by position."""
    return pearson(_ranks(a), _ranks(b))


def _ranks(values: FloatArray) -> FloatArray:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
