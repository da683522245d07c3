"""Fill in missing values and forecast, beside the peers that do the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import completion
from benchmarks.rows import Effort, Row

ONCE = Effort(rounds=1)


@pytest.mark.parametrize("job", [completion.impute, completion.forecast])
def test_row(benchmark: Any, job: Callable[[Effort], Row]) -> None:
    row = benchmark.pedantic(job, (ONCE,), rounds=1)
    assert row.values["fastrcf"] > 0
    benchmark.extra_info.update(row.values)
