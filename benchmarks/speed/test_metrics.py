"""The metrics on long series, beside scikit-learn and their authors' code."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import metrics as jobs
from benchmarks.streamer import cpu_clock

pytestmark = pytest.mark.benchmark(timer=cpu_clock)
ROWS = 100_000


@pytest.mark.parametrize("job", list(jobs.jobs(ROWS)), ids=lambda job: f"{job.name}, {job.rows}")
def test_metric(benchmark: Any, job: jobs.Job) -> None:
    benchmark.group = "metrics"
    answer = benchmark.pedantic(job.ours, rounds=3, warmup_rounds=1)
    benchmark.extra_info["rows"] = job.rows
    if job.theirs is not None:
        jobs.check(job, answer, job.theirs())
