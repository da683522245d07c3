"""The rows of the table about fastrcf itself: threads, memory, state, long streams."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.footprint import resident_bytes
from benchmarks.ours import Bulk
from benchmarks.peers import present
from benchmarks.rows import Effort, Row, at_least, at_most
from benchmarks.streamer import cpu_clock
from benchmarks.timing import check_mean, timed
from benchmarks.workloads import SINE_8, THREE_50
from fastrcf import RandomCutForest


def two_threads(effort: Effort) -> Row:
    """Two threads over one, in wall time; the best round of each, for other work disturbs it."""
    block = 50_000
    job = f"2 threads over 1, wall time, score_update, {SINE_8.name}"
    row = Row(job, {}, "µs/point", "1.7 ×", "1.9 ×")
    if (os.cpu_count() or 1) < 2:
        row.notes.append("not measured: one processor")
        return row
    length = block * (effort.rounds + 1)
    forests = {n: Bulk(SINE_8, length, n_jobs=n) for n in (1, 2)}
    walls: dict[int, list[float]] = {1: [], 2: []}
    for index in range(effort.rounds + 1):
        scores = {}
        for n in (1, 2) if index % 2 == 0 else (2, 1):
            rows = forests[n].next_block(block)
            wall, scores[n] = timed(time.perf_counter, forests[n].run, rows)
            walls[n].append(wall / block)
        assert np.array_equal(scores[1], scores[2]), "two threads gave other scores than one"
    one, two = (min(walls[n][1:]) for n in (1, 2))
    row.values = {"1 thread": one * 1e6, "2 threads": two * 1e6}
    row.ratios = {"1 thread": one / two}
    row.met = at_least(row.ratios, {"1 thread": (1.7, 1.9)})
    row.notes.append("best round of each; the same bits from both")
    return row


def memory(effort: Effort) -> Row:
    """Memory of a forest after 20 000 points: its own count, and what the process grew by."""
    forest = Bulk(SINE_8, 20_000)
    check_mean(SINE_8, "fastrcf", forest.run(forest.next_block(20_000))[5_000:].mean())
    counted = forest.forest.memory_bytes / 1e6
    row = Row(f"memory of a forest, {SINE_8.name}", {"fastrcf": counted}, "MB", "2.5 MB", "1.5 MB")
    resident = resident_bytes("fastrcf", 8, 20_000)
    if resident is not None:
        row.notes.append(f"fastrcf: the process grows by {resident / 1e6:.2f} MB per forest")
        # The worse of the two: what the forest counts must not hide what the process holds.
        row.values["fastrcf"] = max(counted, resident / 1e6)
        for name in present(["krcf", "rcf3"]):
            grown = resident_bytes(name, 3, effort.peer_memory_rows)
            if grown is not None:
                row.values[name] = grown / 1e6
    row.notes.append(f"fastrcf counts {counted:.2f} MB itself")
    row.met = at_most(row.values["fastrcf"], 2.5, 1.5)
    return row


def state(effort: Effort) -> list[Row]:
    """Size of the state and time to load it, 50 × 256 × (3 × 8) after 20 000 rows."""
    job = f"{THREE_50.name}, after 20 000 rows"
    size = Row(f"state, {job}", {}, "KB", "400 KB", "300 KB")
    load = Row(f"load of the state, {job}", {}, "ms", "5 ms", "2 ms")
    ours = Bulk(THREE_50, 20_002)
    ours.run(ours.next_block(20_000))
    data = ours.forest.to_bytes()
    twin = RandomCutForest.from_bytes(data)
    next_rows = ours.next_block(2)
    assert np.array_equal(twin.score(next_rows), ours.forest.score(next_rows)), "load is not exact"
    size.values["fastrcf"] = len(data) / 1e3
    load.values["fastrcf"] = _load_ms(RandomCutForest.from_bytes, data)
    for name in present(peers.SAVERS):
        peer = peers.SAVERS[name](THREE_50, effort.peer_memory_rows)
        peer.run(peer.next_block(effort.peer_memory_rows))
        peer_data = peer.state()
        size.values[name] = len(peer_data) / 1e3
        load.values[name] = _load_ms(peer.load, peer_data)
    size.met = at_most(size.values["fastrcf"], 400, 300)
    load.met = at_most(load.values["fastrcf"], 5, 2)
    for row in (size, load):
        row.notes.append(f"peers after {effort.peer_memory_rows} rows; krcf MessagePack, rcf3 JSON")
    return [size, load]


def _load_ms(load: Any, data: bytes) -> float:
    def once() -> float:
        start = cpu_clock()
        load(data)
        return cpu_clock() - start

    return statistics.median(once() for _ in range(15)) * 1e3


def long_stream(effort: Effort) -> Row:
    """A long stream against series of 10⁵ rows, per point, the short ones in between."""
    short, parts = 100_000, 10
    part = effort.long_rows // parts
    long = Bulk(SINE_8, effort.long_rows)
    long_seconds, short_seconds, means = 0.0, [], []
    for _ in range(parts):
        rows = long.next_block(part)
        seconds, scores = timed(cpu_clock, long.run, rows)
        long_seconds += seconds
        means.append(float(scores[-50_000:].mean()))
        for _repeat in range(2):
            fresh = Bulk(SINE_8, short)
            rows = fresh.next_block(short)
            seconds, _scores = timed(cpu_clock, fresh.run, rows)
            short_seconds.append(seconds / short)
    for mean in means:
        check_mean(SINE_8, "fastrcf", mean)
    per_point = long_seconds / effort.long_rows
    ratio = per_point / statistics.median(short_seconds)
    row = Row(
        f"{effort.long_rows:.0e} points against 1e+05, per point, {SINE_8.name}",
        {"long": per_point * 1e6, "short": statistics.median(short_seconds) * 1e6},
        "µs/point",
        "1.05 ×",
        "1.0 ×",
        ratios={"short": ratio},
        met=at_most(ratio, 1.05, 1.0),
    )
    row.notes.append(f"mean score {means[0]:.3f} in the first tenth, {means[-1]:.3f} in the last")
    if effort.long_rows < Effort.long_rows:
        row.notes.append(f"quick: {effort.long_rows} points, not 10⁷")
    return row
