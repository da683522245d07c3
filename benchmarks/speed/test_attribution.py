"""Attributions of a series, each row learned after it, beside krcf's."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import peers
from benchmarks.attribution import Attributed, KrcfAttributed, ScoresAlone, check_parts
from benchmarks.speed.conftest import Race
from benchmarks.streamer import cpu_clock
from benchmarks.workloads import SINE_8, THREE_100, Workload

pytestmark = pytest.mark.benchmark(timer=cpu_clock)
MAKERS: dict[str, Any] = {
    "fastrcf": Attributed,
    "scores alone": ScoresAlone,
    "krcf": KrcfAttributed,
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("workload", [SINE_8, THREE_100], ids=["d1-s8-100", "d3-s8-100"])
def test_score_update_with_attribution(race: Race, workload: Workload, name: str) -> None:
    reason = peers.missing("krcf")
    if name == "krcf" and reason is not None:
        pytest.skip(reason)
    check_parts(workload, with_peer=reason is None)
    race(MAKERS[name], workload, 2_000, f"attribution, {workload.name}")
