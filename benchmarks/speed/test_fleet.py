"""Many series at once: new keys, warm keys, and memory beside the Java peer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import fleet as jobs
from benchmarks.streamer import MissingPeerError, cpu_clock
from fastrcf import ForestFleet

pytestmark = pytest.mark.benchmark(timer=cpu_clock, group="fleet, d=1, 30 × 256")
KEYS = 300


def test_new_keys(benchmark: Any) -> None:
    keys, rows = jobs.batch(KEYS, jobs.ROWS_PER_KEY)
    fleet = ForestFleet(jobs.TREES, jobs.SAMPLES)
    expected = jobs.lone_scores(fleet, keys, rows)
    scores = benchmark.pedantic(
        lambda fresh: fresh.score_update(keys, rows),
        setup=lambda: ((ForestFleet(jobs.TREES, jobs.SAMPLES),), {}),
        rounds=3,
    )
    assert np.array_equal(scores, expected)
    benchmark.extra_info["rows"] = len(rows)


@pytest.mark.parametrize("rows_per_key", [1, 10, 100])
def test_warm_keys(benchmark: Any, rows_per_key: int) -> None:
    fleet = ForestFleet(jobs.TREES, jobs.SAMPLES).update(*jobs.batch(KEYS, 1_000))
    keys, rows = jobs.batch(KEYS, rows_per_key)
    assert fleet.score_update(keys, rows).min() > 0.0
    benchmark.pedantic(fleet.score_update, (keys, rows), rounds=3)
    benchmark.extra_info["rows"] = len(rows)


@pytest.mark.parametrize("shingle_size", [1, 8])
def test_memory(shingle_size: int) -> None:
    counted, evicted = jobs.our_bytes(shingle_size)
    try:
        java = jobs.java_bytes(shingle_size)
    except (MissingPeerError, FileNotFoundError) as error:
        pytest.skip(str(error))
    assert evicted < counted < java
    if shingle_size == 8:
        assert counted <= 0.35 * java
