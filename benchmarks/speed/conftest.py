"""What the benchmarks share: one clock for all, checked answers, peers that may be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.ours import Bulk
from benchmarks.peers import present
from benchmarks.streamer import Streamer
from benchmarks.timing import check_mean, check_probe
from benchmarks.workloads import Workload

WARM_UP = 10_000
ROUNDS = 3

Peer = Callable[[str], Callable[[Workload, int], Streamer]]
Race = Callable[[Callable[[Workload, int], Streamer], Workload, int, str], None]


@lru_cache(maxsize=8)
def checked(workload: Workload) -> None:
    """Check fastrcf against the peers that are installed, once per workload."""
    check_probe(workload, present(["krcf", "Java"]))


@pytest.fixture
def peer() -> Peer:
    """Return a function that gives the maker of a peer's streamer, or skips."""

    def maker(name: str) -> Callable[[Workload, int], Streamer]:
        if name == "fastrcf":
            return Bulk
        reason = peers.missing(name)
        if reason is not None:
            pytest.skip(reason)
        return peers.STREAMERS[name]

    return maker


@pytest.fixture
def race(benchmark: Any) -> Iterator[Race]:
    """Return a function that checks and times score-and-learn in blocks of a workload's series."""
    streamers: list[Streamer] = []

    def run(
        make: Callable[[Workload, int], Streamer], workload: Workload, block: int, group: str
    ) -> None:
        checked(workload)
        streamer = make(workload, WARM_UP + (ROUNDS + 1) * block)
        streamers.append(streamer)
        streamer.run(streamer.next_block(WARM_UP))
        scores = streamer.run(streamer.next_block(block))
        if streamer.name not in peers.OTHER_LAW:
            check_mean(workload, streamer.name, float(np.mean(scores)))
        benchmark.group = group
        benchmark.pedantic(
            streamer.run,
            setup=lambda: ((streamer.next_block(block),), {}),
            rounds=ROUNDS,
            iterations=1,
        )
        benchmark.extra_info["rows"] = block
        if benchmark.stats is not None:
            micros = benchmark.stats.stats.median / block * 1e6
            benchmark.extra_info["us_per_point"] = micros

    yield run
    for streamer in streamers:
        streamer.close()
