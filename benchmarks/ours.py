"""fastrcf behind the interface of the peers' adapters."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.workloads import FloatArray, Workload
from fastrcf import RandomCutForest


class Bulk:
    """A whole block of the series in one call."""

    name: ClassVar[str] = "fastrcf"

    def __init__(self, workload: Workload, length: int, n_jobs: int = 1) -> None:
        rows = workload.rows(length)
        self._rows = rows[:, 0] if workload.columns == 1 else rows
        self._next = 0
        self.forest = RandomCutForest(
            workload.n_trees,
            workload.sample_size,
            workload.shingle_size,
            random_state=1,
            n_jobs=n_jobs,
        )

    def _rows_of(self, n: int) -> FloatArray:
        rows = self._rows[self._next : self._next + n]
        if len(rows) < n:
            raise ValueError(f"length: the series ends at row {len(self._rows)}")
        self._next += n
        return rows

    def next_block(self, n: int) -> Any:
        """Prepare the next `n` rows."""
        return self._rows_of(n)

    def run(self, block: Any) -> FloatArray:
        """Score and learn the rows of `block`; return their scores."""
        return self.forest.score_update(block)

    def close(self) -> None:
        """Nothing to free."""


class OneByOne(Bulk):
    """One row per call, in a Python loop."""

    def next_block(self, n: int) -> Any:
        """Prepare the next `n` rows: floats, or for several columns one array per row."""
        rows = self._rows_of(n)
        return rows.tolist() if rows.ndim == 1 else list(rows)

    def run(self, block: Any) -> FloatArray:
        """Score and learn the rows of `block`; return their scores."""
        score_update = self.forest.score_update_one
        return np.array([score_update(row) for row in block])
