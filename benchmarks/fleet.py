"""The rows of the table about many series at once: speed of a fleet, and its memory beside Java's.

``python -m benchmarks.fleet`` prints them alone, and what a warm fleet costs by the size of a
micro-batch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.java_peer import java_jar
from benchmarks.rows import Effort, Row, at_least, at_most
from benchmarks.streamer import MissingPeerError, cpu_clock
from benchmarks.timing import timed
from benchmarks.workloads import FloatArray, noisy_sine
from fastrcf import ForestFleet, RandomCutForest

TREES, SAMPLES = 30, 256
ROWS_PER_KEY = 100
MICRO_BATCH = 10_000
JAVA_FORESTS = 200
JAVA_FLAGS = ("-XX:+UseSerialGC", "-Xms1g", "-Xmx1g")


def batch(keys: int, rows: int) -> tuple[np.ndarray, FloatArray]:
    """Return mixed keys with `rows` rows each, and the rows."""
    mixed = np.tile(np.random.default_rng(0).permutation(keys), rows)
    return mixed, np.resize(noisy_sine(1_000_000), keys * rows)


def lone_scores(fleet: ForestFleet, keys: np.ndarray, rows: FloatArray) -> FloatArray:
    """Return the scores of one lone forest after the other, and drop the forests."""
    scores = np.empty(len(rows))
    for key in np.unique(keys).tolist():
        mine = keys == key
        forest = RandomCutForest(TREES, SAMPLES, 1, random_state=fleet.seed_of(key))
        scores[mine] = forest.score_update(rows[mine])
    return scores


def steady_micros(effort: Effort) -> float:
    """Return the best round of one forest on a long series, in µs per row."""
    series = noisy_sine(1_000_000)
    forest = RandomCutForest(TREES, SAMPLES, 1, random_state=1)
    forest.update(series[:20_000])
    block = 50_000
    rounds = (series[20_000 + i * block :][:block] for i in range(effort.rounds))
    return min(timed(cpu_clock, forest.score_update, rows)[0] for rows in rounds) / block * 1e6


def lone_micros(effort: Effort, keys: int) -> float:
    """Return the best round of lone forests that each take a key's first rows, in µs per row."""
    series = noisy_sine(1_000_000)
    best = np.inf
    for _ in range(effort.rounds):
        start = cpu_clock()
        for key in range(keys):
            forest = RandomCutForest(TREES, SAMPLES, 1, random_state=key)
            forest.score_update(series[key * ROWS_PER_KEY :][:ROWS_PER_KEY])
        best = min(best, cpu_clock() - start)
    return best / (keys * ROWS_PER_KEY) * 1e6


def new_keys(effort: Effort) -> Row:
    """New keys with 100 rows each, in one call, beside one forest in its steady state."""
    n_keys = 10_000 if effort.rounds >= Effort.rounds else 2_000
    few_keys, few_rows = batch(50, ROWS_PER_KEY)
    fleet = ForestFleet(TREES, SAMPLES)
    scores = fleet.score_update(few_keys, few_rows)
    assert np.array_equal(scores, lone_scores(fleet, few_keys, few_rows)), "other than lone forests"
    keys, rows = batch(n_keys, ROWS_PER_KEY)
    steady = steady_micros(effort)
    lone = lone_micros(effort, 500)
    best = np.inf
    for _ in range(2):
        fleet = ForestFleet(TREES, SAMPLES)
        best = min(best, timed(cpu_clock, fleet.score_update, keys, rows)[0] / len(rows) * 1e6)
    row = Row(
        f"fleet, {n_keys} new keys × 100 rows, d=1, {TREES} × {SAMPLES}",
        {"fleet": best, "lone forests, same rows": lone, "one forest, steady": steady},
        "µs/row",
        "0.8 × steady",
        "1 ×",
        ratios={"lone forests": lone / best, "steady": steady / best},
    )
    row.met = at_least(row.ratios, {"steady": (0.8, 1.0)})
    row.notes.append("the first rows fill the samples: nearly every one enters nearly every tree")
    return row


def warm_micros(rows_per_key: int, keys: int = 2_000, shingle_size: int = 1) -> float:
    """Return µs per row of micro-batches to a fleet whose keys have had 1,000 rows."""
    fleet = ForestFleet(TREES, SAMPLES, shingle_size)
    for first in range(0, keys, 100):
        hundred = np.repeat(np.arange(first, first + 100), 1_000)
        fleet.update(hundred, np.resize(noisy_sine(100_000), len(hundred)))
    mixed, rows = batch(keys, rows_per_key)
    rounds = max(3, MICRO_BATCH * 5 // len(rows))
    return min(timed(cpu_clock, fleet.score_update, mixed, rows)[0] for _ in range(rounds)) / (
        len(rows) * 1e-6
    )


def our_bytes(shingle_size: int, rows: int = ROWS_PER_KEY, keys: int = 500) -> tuple[float, float]:
    """Return memory per key: as the fleet counts it, and as evicted bytes."""
    fleet = ForestFleet(TREES, SAMPLES, shingle_size).update(*batch(keys, rows))
    return fleet.memory_bytes / keys, len(fleet.to_bytes(0))


def resident_per_key(shingle_size: int, keys: int = 2_000) -> int:
    """Return by how much this process grows per key; call it in a process of its own."""
    statm = Path("/proc/self/statm")

    def resident() -> int:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    mixed, rows = batch(keys, ROWS_PER_KEY)
    fleet = ForestFleet(TREES, SAMPLES, shingle_size).update(mixed[:1], rows[:1])
    before = resident()
    fleet.update(mixed, rows)
    return (resident() - before) // keys


def java_bytes(shingle_size: int, rows: int = ROWS_PER_KEY) -> int:
    """Return the heap that a forest of the Java peer holds."""
    jar = java_jar()
    source = Path(__file__).parent / "java" / "HeapPerForest.java"
    with tempfile.TemporaryDirectory(prefix="fastrcf-bench-") as folder:
        path = f"{jar}{os.pathsep}{folder}"
        subprocess.run(["javac", "-cp", str(jar), "-d", folder, str(source)], check=True)
        arguments = [str(x) for x in (JAVA_FORESTS, rows, shingle_size, TREES, SAMPLES)]
        command = ["java", *JAVA_FLAGS, "-cp", path, "HeapPerForest", *arguments]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory(effort: Effort) -> list[Row]:
    """Memory per key after 100 rows, beside the heap of a Java forest."""
    found = []
    for shingle_size in (1, 8):
        counted, evicted = our_bytes(shingle_size)
        code = f"from benchmarks import fleet; print(fleet.resident_per_key({shingle_size}))"
        process = [sys.executable, "-c", code]
        resident = int(subprocess.run(process, capture_output=True, check=True).stdout)
        ours = max(counted, resident)
        row = Row(
            f"memory per key after 100 rows, d=1, shingle {shingle_size}, {TREES} × {SAMPLES}",
            {"fastrcf": ours / 1e3},
            "KB",
            "a third of Java's",
            "",
        )
        row.notes.append(
            f"the fleet counts {counted / 1e3:.0f} KB, the process grows by {resident / 1e3:.0f} "
            f"KB; evicted, a key is {evicted / 1e3:.0f} KB of bytes"
        )
        try:
            java = java_bytes(shingle_size)
            row.values["Java"] = java / 1e3
            row.ratios["Java"] = java / ours
            row.met = at_most(ours / java, 1 / 3, 0)
        except (MissingPeerError, FileNotFoundError) as error:
            row.notes.append(f"Java not measured: {error}")
        found.append(row)
    return found


def main() -> None:
    """Print the rows, and the cost of a row by the size of a micro-batch."""
    effort = Effort(rounds=5)
    for row in (new_keys(effort), *memory(effort)):
        print(row.as_dict())
    for rows_per_key in (1, 4, 10, 30, 100):
        print(f"warm, {rows_per_key} rows a key: {warm_micros(rows_per_key):.1f} µs/row")


if __name__ == "__main__":
    main()
