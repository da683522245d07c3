"""Resident memory per forest, measured in a process of its own.

``python -m benchmarks.footprint NAME FORESTS ROWS`` prints the bytes by which the process grew per
forest, after one forest that pays for what all share.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers
from benchmarks.streamer import Streamer
from benchmarks.workloads import SINE_8, Workload

STATM = Path("/proc/self/statm")


def resident_bytes(name: str, forests: int, rows: int) -> int | None:
    """Return the growth per forest in a fresh process; None where the system does not tell."""
    if not STATM.exists():
        return None
    command = [sys.executable, "-m", "benchmarks.footprint", name, str(forests), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_root())
    return int(done.stdout)


def _root() -> Path:
    return Path(__file__).parent.parent


def _resident() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _maker(name: str) -> Callable[[Workload, int], Streamer]:
    if name == "fastrcf":
        from benchmarks.ours import Bulk

        return Bulk
    return peers.STREAMERS[name]


def main(name: str, forests: int, rows: int) -> None:
    """Print the growth per forest."""
    make = _maker(name)

    def grown() -> Streamer:
        # In calls of 500 rows, so that what a call borrows is small beside a forest.
        streamer = make(SINE_8, rows)
        for _ in range(rows // 500):
            streamer.run(streamer.next_block(500))
        return streamer

    kept = [grown()]
    before = _resident()
    kept.extend(grown() for _ in range(forests))
    print((_resident() - before) // forests)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
