"""One thin adapter per peer, each at the fastest setting that does the same job.

The job is: score a row, then learn it, row after row, with the shingle kept by the library. An
adapter is a cursor over a workload's series: ``next_block(n)`` prepares the next rows in the form
the library takes (not timed), ``run(block)`` makes nothing but the library's calls.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
from collections.abc import Iterable
from typing import Any, ClassVar, cast

import numpy as np

from benchmarks.java_peer import Java, java_classes, java_jar
from benchmarks.streamer import MissingPeerError
from benchmarks.workloads import FloatArray, Workload


class ListStreamer:
    """What the peers that take one Python list per point have in common."""

    name: ClassVar[str]

    def __init__(self, workload: Workload, length: int) -> None:
        self._rows = workload.rows(length)
        self._next = 0

    def next_block(self, n: int) -> list[list[float]]:
        """Prepare the next `n` rows as lists."""
        rows = self._rows[self._next : self._next + n]
        if len(rows) < n:
            raise ValueError(f"length: the series ends at row {len(self._rows)}")
        self._next += n
        return cast("list[list[float]]", rows.tolist())

    def close(self) -> None:
        """Nothing to free."""


class Krcf(ListStreamer):
    """krcf: the AWS Rust implementation behind PyO3."""

    name: ClassVar[str] = "krcf"

    def __init__(self, workload: Workload, length: int) -> None:
        super().__init__(workload, length)
        options = {
            "dimensions": workload.columns,
            "shingle_size": workload.shingle_size,
            "num_trees": workload.n_trees,
            "sample_size": workload.sample_size,
            "lambda": workload.time_decay,
            "initial_accept_fraction": 0.125,
            "bounding_box_cache_fraction": 1.0,
            "internal_shingling": True,
            "parallel_execution_enabled": False,
            "random_seed": 1,
        }
        self.forest = _load("krcf").RandomCutForest(options)

    def run(self, block: list[list[float]]) -> FloatArray:
        """Score and learn the rows of `block`; return their scores."""
        score, update = self.forest.score, self.forest.update
        scores = []
        for point in block:
            scores.append(score(point))
            update(point)
        return np.array(scores)

    def learn(self, table: FloatArray) -> None:
        """Learn the rows of `table` one by one."""
        for point in table.tolist():
            self.forest.update(point)

    def score(self, table: FloatArray) -> FloatArray:
        """Score the rows of `table`, learning none."""
        score = self.forest.score
        return np.array([score(point) for point in table.tolist()])

    def state(self) -> bytes:
        """Return the library's most compact state."""
        return cast("bytes", self.forest.to_msgpack())

    def load(self, state: bytes) -> object:
        """Return a forest of that state."""
        return type(self.forest).from_msgpack(state)


class Rcf3(ListStreamer):
    """rcf3: a Rust implementation of its own."""

    name: ClassVar[str] = "rcf3"

    def __init__(self, workload: Workload, length: int) -> None:
        super().__init__(workload, length)
        self.forest = _load("rcf3").Forest(
            input_dim=workload.columns,
            shingle_size=workload.shingle_size,
            num_trees=workload.n_trees,
            capacity=workload.sample_size,
            time_decay=workload.time_decay,
            initial_accept_fraction=0.125,
            internal_shingling=True,
            seed=1,
        )

    def run(self, block: list[list[float]]) -> FloatArray:
        """Score and learn the rows of `block`; return their scores."""
        score_update = self.forest.update_and_score
        return np.array([score_update(point) for point in block])

    def state(self) -> bytes:
        """Return the library's only state format, JSON."""
        return cast("str", self.forest.to_json()).encode()

    def load(self, state: bytes) -> object:
        """Return a forest of that state."""
        return type(self.forest).from_json(state)


SAVERS: dict[str, type[Krcf | Rcf3]] = {"krcf": Krcf, "rcf3": Rcf3}
STREAMERS: dict[str, type[Krcf | Rcf3 | Java]] = {**SAVERS, "Java": Java}

# rcf3's scores have another law: on the noisy sine a mean of 0.88 where a forest of exactly built
# trees, krcf and Java have 0.80, and no rank correlation with theirs. It is a peer in speed only.
OTHER_LAW = frozenset({"rcf3"})


class IsolationForest:
    """scikit-learn's IsolationForest, fitted on a table and frozen."""

    name = "IsolationForest"

    def __init__(self, n_trees: int, sample_size: int) -> None:
        self._model = _load("sklearn.ensemble").IsolationForest(
            n_estimators=n_trees, max_samples=sample_size, random_state=1, n_jobs=1
        )

    def fit(self, table: Any) -> None:
        """Fit on the rows of `table`."""
        self._model.fit(table)

    def score(self, table: Any) -> FloatArray:
        """Score the rows of `table`, higher = more anomalous."""
        return cast("FloatArray", -self._model.score_samples(table))


def missing(name: str) -> str | None:
    """Return why the peer `name` cannot run here, or None when it can."""
    try:
        if name == "Java":
            java_classes()
        else:
            _load("sklearn.ensemble" if name == "IsolationForest" else name)
    except MissingPeerError as error:
        return str(error)
    return None


def present(names: Iterable[str]) -> list[str]:
    """Return those of the named peers that can run here."""
    return [name for name in names if missing(name) is None]


def version(name: str) -> str:
    """Return the version of the peer `name`, or why it is missing."""
    reason = missing(name)
    if reason is not None:
        return f"missing ({reason})"
    if name == "Java":
        text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
        runtime = text.stderr.splitlines()[0].split('"')[1]
        return f"{java_jar().stem.rsplit('-', 1)[1]} on Java {runtime}"
    return importlib.metadata.version("scikit-learn" if name == "IsolationForest" else name)


def _load(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPeerError(f"{module.partition('.')[0]} is not installed") from error
