"""One thread and two, in wall time: processor time cannot show what threads are for."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import pytest

from benchmarks.ours import Bulk
from benchmarks.workloads import SINE_8

BLOCK = 50_000
ROUNDS = 5
pytestmark = pytest.mark.benchmark(
    timer=time.perf_counter, group=f"threads, wall time, {SINE_8.name}"
)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_score_update(benchmark: Any, n_jobs: int) -> None:
    if (os.cpu_count() or 1) < n_jobs:
        pytest.skip("one processor")
    length = (ROUNDS + 1) * BLOCK
    streamer, single = Bulk(SINE_8, length, n_jobs=n_jobs), Bulk(SINE_8, length)
    rows = streamer.next_block(BLOCK)
    assert np.array_equal(streamer.run(rows), single.run(rows))
    benchmark.pedantic(
        streamer.run,
        setup=lambda: ((streamer.next_block(BLOCK),), {}),
        rounds=ROUNDS,
        iterations=1,
    )
    benchmark.extra_info["rows"] = BLOCK
