"""Memory, size of the state, and the time to save and load it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.footprint import resident_bytes
from benchmarks.ours import Bulk
from benchmarks.streamer import cpu_clock
from benchmarks.workloads import SINE_8, THREE_50
from fastrcf import RandomCutForest

ROWS = 20_000
PEER_ROWS = 4_000
pytestmark = pytest.mark.benchmark(timer=cpu_clock)


@pytest.fixture(scope="module")
def forest() -> RandomCutForest:
    streamer = Bulk(THREE_50, ROWS)
    streamer.run(streamer.next_block(ROWS))
    return streamer.forest


def test_load(benchmark: Any, forest: RandomCutForest) -> None:
    benchmark.group = f"load, {THREE_50.name}"
    data = forest.to_bytes()
    rows = THREE_50.rows(ROWS)[:2]
    assert len(data) <= 400_000
    assert np.array_equal(RandomCutForest.from_bytes(data).score(rows), forest.score(rows))
    benchmark.pedantic(RandomCutForest.from_bytes, (data,), rounds=15, warmup_rounds=1)
    benchmark.extra_info["bytes"] = len(data)


def test_save(benchmark: Any, forest: RandomCutForest) -> None:
    benchmark.group = f"save, {THREE_50.name}"
    benchmark.pedantic(forest.to_bytes, rounds=15, warmup_rounds=1)


@pytest.mark.parametrize("name", list(peers.SAVERS))
def test_load_peer(benchmark: Any, name: str) -> None:
    reason = peers.missing(name)
    if reason is not None:
        pytest.skip(reason)
    benchmark.group = f"load, {THREE_50.name}"
    peer = peers.SAVERS[name](THREE_50, PEER_ROWS)
    peer.run(peer.next_block(PEER_ROWS))
    data = peer.state()
    benchmark.pedantic(peer.load, (data,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["bytes"] = len(data)


def test_memory() -> None:
    streamer = Bulk(SINE_8, ROWS)
    streamer.run(streamer.next_block(ROWS))
    assert streamer.forest.memory_bytes <= 2_500_000
    resident = resident_bytes("fastrcf", 8, ROWS)
    if resident is None:
        pytest.skip("the system does not tell the resident memory")
    assert resident <= 2_500_000
