"""Score a table with a frozen forest, beside scikit-learn's IsolationForest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.streamer import cpu_clock
from benchmarks.timing import check_mean, spearman
from benchmarks.workloads import TABLE, gaussian_table
from fastrcf import RandomCutForest

Table = NDArray[np.float32]
ROWS = 50_000
pytestmark = pytest.mark.benchmark(timer=cpu_clock, group=f"frozen score, {TABLE.name}")


@pytest.fixture(scope="module")
def table() -> Table:
    return gaussian_table(ROWS)


@pytest.fixture(scope="module")
def forest(table: Table) -> RandomCutForest:
    fitted = RandomCutForest(TABLE.n_trees, TABLE.sample_size, random_state=1).fit(table)
    check_mean(TABLE, "fastrcf", float(fitted.score(table).mean()))
    return fitted


def test_fastrcf(benchmark: Any, forest: RandomCutForest, table: Table) -> None:
    benchmark.pedantic(forest.score, (table,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["rows"] = ROWS


def test_isolation_forest(benchmark: Any, forest: RandomCutForest, table: Table) -> None:
    reason = peers.missing("IsolationForest")
    if reason is not None:
        pytest.skip(reason)
    isolation = peers.IsolationForest(TABLE.n_trees, TABLE.sample_size)
    isolation.fit(table)
    assert spearman(isolation.score(table), forest.score(table)) > 0.9
    benchmark.pedantic(isolation.score, (table,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["rows"] = ROWS


def test_fit(benchmark: Any, table: Table) -> None:
    benchmark.group = f"fit, {TABLE.name}"
    benchmark.pedantic(
        lambda: RandomCutForest(TABLE.n_trees, TABLE.sample_size, random_state=1).fit(table),
        rounds=5,
        warmup_rounds=1,
    )


def test_fit_isolation_forest(benchmark: Any, table: Table) -> None:
    reason = peers.missing("IsolationForest")
    if reason is not None:
        pytest.skip(reason)
    benchmark.group = f"fit, {TABLE.name}"
    benchmark.pedantic(
        lambda: peers.IsolationForest(TABLE.n_trees, TABLE.sample_size).fit(table),
        rounds=5,
        warmup_rounds=1,
    )
