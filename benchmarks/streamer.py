"""What every library at work looks like, and the clock that times them all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from benchmarks.workloads import FloatArray


class MissingPeerError(RuntimeError):
    """The peer cannot run here; the text says why."""


class Streamer(Protocol):
    """A library at work on one workload."""

    name: ClassVar[str]

    def next_block(self, n: int) -> Any:
        """Prepare the next `n` rows in the form the library takes; not timed."""
        ...

    def run(self, block: Any) -> FloatArray:
        """Score and learn the rows of `block`; return their scores."""
        ...

    def close(self) -> None:
        """Free what the library holds outside this process."""
        ...


@dataclass
class Children:
    """Processor seconds that child processes report."""

    seconds: float = 0.0


CHILDREN = Children()


def cpu_clock() -> float:
    """Return the processor seconds used by this process and, as they report it, by its children."""
    return time.process_time() + CHILDREN.seconds
