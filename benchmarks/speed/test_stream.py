"""Score and learn a series: whole blocks in one call, one row per call, and long series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.ours import Bulk, OneByOne
from benchmarks.speed.conftest import Peer, Race
from benchmarks.streamer import cpu_clock
from benchmarks.timing import check_mean
from benchmarks.workloads import SINE_8, SINE_48, THREE_50, THREE_100, Workload

pytestmark = pytest.mark.benchmark(timer=cpu_clock)
# The same for all, so that the times of a group compare; the report gives fastrcf longer calls.
BLOCK = 5_000
WARM_UP = 10_000


@pytest.mark.parametrize("name", ["fastrcf", "krcf", "rcf3", "Java"])
@pytest.mark.parametrize(
    "workload",
    [SINE_8, THREE_50, THREE_100, SINE_48],
    ids=["d1-s8-100", "d3-s8-50", "d3-s8-100", "d1-s48-100"],
)
def test_score_update(race: Race, peer: Peer, workload: Workload, name: str) -> None:
    race(peer(name), workload, BLOCK, workload.name)


@pytest.mark.parametrize("name", ["fastrcf", "krcf", "rcf3"])
def test_score_update_one(race: Race, peer: Peer, name: str) -> None:
    make = OneByOne if name == "fastrcf" else peer(name)
    race(make, SINE_8, BLOCK, f"one row per call, {SINE_8.name}")


@pytest.mark.parametrize(
    "rows", [20_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.slow)], ids="{:_}".format
)
def test_series_of(benchmark: Any, rows: int) -> None:
    benchmark.group = f"whole series, fresh forest, {SINE_8.name}"
    SINE_8.rows(rows)
    scores = benchmark.pedantic(
        lambda streamer, block: streamer.run(block), setup=lambda: fresh(rows), rounds=2
    )
    check_mean(SINE_8, "fastrcf", float(np.mean(scores[WARM_UP:])))
    benchmark.extra_info["rows"] = rows


def fresh(rows: int) -> tuple[tuple[Bulk, Any], dict[str, Any]]:
    streamer = Bulk(SINE_8, rows)
    return (streamer, streamer.next_block(rows)), {}
