"""How fast windows are cut and events counted: ``python -m benchmarks.windowing [--scale S]``.

Numba beside NumPy (and pandas) in one run, on the same input, one thread, processor time. Every row
asserts that all give the same answer before it is timed. Then what compiling costs: the first call
of a process that compiles, and of one that finds the machine code; and memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks import machine
from benchmarks.streamer import cpu_clock
from benchmarks.timing import WrongAnswerError, timed
from benchmarks.workloads import SEED, FloatArray
from fastrcf.events import aggregate, click_rows
from fastrcf.scaling import scale_rows
from fastrcf.windowing import WindowBatches, row_scores, segments, window_starts

WINDOWS = 1_000_000
EVENTS = 10_000_000
BATCH = 4096
ROUNDS = 3
SHAPES = ((5, 39), (5, 3), (50, 1), (50, 8))
DAYS, USERS, PAGES = 9, 200_000, 500

Call = Callable[[], Any]

FIRST_CALLS = {
    "cut_windows": "windowing.cut_windows(np.ones((9, 2)), [0, 1], 3)",
    "scale_rows": "scaling.scale_rows(np.ones((9, 2)))",
    "row_scores, mean": "windowing.row_scores([1.0], [0], 3, 9, 'mean')",
    "click_rows": "events.click_rows([1, 2], np.array([0, 70]), 60)",
}
FIRST_CALL = """
import time
import numba, numpy as np
from fastrcf import _kernels, events, scaling, windowing
start = time.perf_counter()
{call}
print(time.perf_counter() - start)
"""
IMPORT = "import time; start = time.perf_counter(); {what}; print(time.perf_counter() - start)"
PEAK = """
import resource, sys
import numpy as np
from fastrcf.windowing import WindowBatches, cut_windows, segments, window_starts
rows = np.random.default_rng(0).random(({n}, {width}))
cut_windows(rows[:100], [0], {size})
usual = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
starts = window_starts(segments(rows), {size})
for windows, n_valid in WindowBatches(rows, starts, {size}, batch={batch}):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - usual)
"""


@dataclass(frozen=True)
class Job:
    """One computation, ours and others'.

    Attributes
    ----------
    name : str
        What the table calls it.
    ours : callable
        Ready to be called; its answer is compared.
    peers : mapping
        The same, by the name of the library.
    """

    name: str
    ours: Call
    peers: Mapping[str, Call]


def jobs(scale: float = 1.0) -> Iterator[Job]:
    """List what is timed."""
    n_windows = int(WINDOWS * scale)
    for size, width in SHAPES:
        yield _cutting(size, width, n_windows)
    yield _scaling(39, n_windows)
    yield from _scores(50, n_windows)
    yield from _events(int(EVENTS * scale))


def _series(n: int, width: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = np.random.default_rng(SEED).normal(size=(n, width))
    return rows, rows.mean(axis=0), rows.std(axis=0)


def _cutting(size: int, width: int, n_windows: int) -> Job:
    rows, center, scale = _series(n_windows + size - 1, width)
    starts = window_starts(segments(rows), size)
    buffer = np.zeros((BATCH, size, width), np.float32)
    batches = WindowBatches(rows, starts, size, center=center, scale=scale, batch=BATCH)

    def ours() -> list[float]:
        return [float(windows[0].sum()) for windows, _ in batches]

    def numpy_rows() -> list[float]:
        sums = []
        for first in range(0, n_windows, BATCH):
            n_valid = min(BATCH, n_windows - first)
            part = (rows[first : first + n_valid + size - 1] - center) / scale
            narrow = part.astype(np.float32)
            buffer[:n_valid] = sliding_window_view(narrow, size, axis=0).transpose(0, 2, 1)
            sums.append(float(buffer[0].sum()))
        return sums

    return Job(f"cut and scale, window {size} × {width}", ours, {"NumPy": numpy_rows})


def _scaling(width: int, n: int) -> Job:
    rows, center, scale = _series(n, width)
    out = np.empty(rows.shape, np.float32)

    def ours() -> Any:
        return scale_rows(rows, center, scale, out=out)[::1000].copy()

    return Job(
        f"scale {n:,} × {width} rows, float64 to float32",
        ours,
        {"NumPy": lambda: ((rows - center) / scale).astype(np.float32)[::1000]},
    )


def _scores(size: int, n_windows: int) -> Iterator[Job]:
    n_rows = n_windows + size - 1
    starts = np.arange(n_windows)
    scores = np.random.default_rng(SEED).random(n_windows)

    def numpy_mean() -> Any:
        total, count = np.zeros(n_rows), np.zeros(n_rows)
        for offset in range(size - 1, -1, -1):
            total[starts + offset] += scores
            count[starts + offset] += 1
        return total / count

    def numpy_max() -> Any:
        result = np.full(n_rows, -np.inf)
        for offset in range(size):
            np.maximum.at(result, starts + offset, scores)
        return result

    for how, peer in (("mean", numpy_mean), ("max", numpy_max)):

        def ours(how: str = how) -> Any:
            return row_scores(scores, starts, size, n_rows, how)

        yield Job(f"scores to rows, {how} over windows of {size}", ours, {"NumPy": peer})


def _events(n: int) -> Iterator[Job]:
    rng = np.random.default_rng(SEED)
    # Text and stamps cost what reading them costs; here the numbers are at hand.
    ordered = np.sort(rng.integers(0, DAYS * 86_400, n))
    users, pages, amount = rng.integers(0, USERS, n), rng.integers(0, PAGES, n), rng.random(n)
    for name, times in (("in order", ordered), ("in no order", rng.permutation(ordered))):

        def ours(times: Any = times) -> Any:
            return click_rows(users, times, 600, pages=pages).array

        def numpy_rows(times: Any = times) -> Any:
            return _numpy_clicks(times // 600, users, pages)

        def pandas_rows(times: Any = times) -> Any:
            return _pandas_clicks(times // 600, users, pages)

        peers = {"NumPy": numpy_rows, "pandas": pandas_rows}
        yield Job(f"users, clicks, residual, pages of {n:,} events {name}", ours, peers)

    def numpy_mean() -> Any:
        bins = ordered // 600
        return np.bincount(bins, amount) / np.bincount(bins)

    def numpy_max() -> Any:
        bins = ordered // 600
        result = np.full(int(bins.max()) + 1, -np.inf)
        np.maximum.at(result, bins, amount)
        return result

    yield Job(
        f"mean of {n:,} events",
        lambda: aggregate(ordered, 600, {"x": ("mean", amount)})["x"],
        {"NumPy": numpy_mean},
    )
    yield Job(
        f"max of {n:,} events",
        lambda: aggregate(ordered, 600, {"x": ("max", amount)})["x"],
        {"NumPy": numpy_max},
    )


def _numpy_clicks(bins: Any, users: Any, pages: Any) -> Any:
    n_bins = int(bins.max()) + 1
    click = np.bincount(bins, minlength=n_bins)
    user, page = (
        np.bincount(np.unique(bins * n_keys + keys) // n_keys, minlength=n_bins)
        for keys, n_keys in ((users, USERS), (pages, PAGES))
    )
    return np.column_stack([user, click, click - user, page])


def _pandas_clicks(bins: Any, users: Any, pages: Any) -> Any:
    import pandas as pd

    frame = pd.DataFrame({"user": users, "page": pages})
    groups = frame.groupby(bins)
    user, click, page = groups["user"].nunique(), groups.size(), groups["page"].nunique()
    return np.column_stack([user, click, click - user, page])


def check(job: Job) -> None:
    """Raise unless all give the same answer."""
    expected = job.ours()
    for name, call in job.peers.items():
        if not np.allclose(expected, call(), rtol=1e-9, atol=1e-12):
            raise WrongAnswerError(f"{job.name}: fastrcf and {name} differ")


def race(job: Job, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the seconds of each round, all in turn, the order reversed every other round."""
    calls = {"fastrcf": job.ours, **job.peers}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for place in range(rounds):
        for name in list(calls) if place % 2 == 0 else reversed(list(calls)):
            seconds[name].append(timed(cpu_clock, calls[name])[0])
    return seconds


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return their time over ours: the smaller of the median ratio and that of the best rounds."""
    paired = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    return min(paired, min(theirs) / min(ours))


def fresh(code: str, **variables: str) -> float:
    """Run code in a process of its own and return the number that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **variables},
    )
    return float(done.stdout)


def _print_races(scale: float) -> None:
    print("| what | fastrcf, ms | peer | peer, ms | ratio |\n|---|---|---|---|---|")
    for job in jobs(scale):
        check(job)
        seconds = race(job)
        for name in job.peers:
            cells = [job.name, _millis(seconds["fastrcf"]), name, _millis(seconds[name])]
            found = ratio(seconds[name], seconds["fastrcf"])
            print("| " + " | ".join([*cells, f"{found:.3g} ×"]) + " |", flush=True)


def _millis(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.1f}"


def _print_first_calls() -> None:
    print("\n| first call in a process | compiling, ms | from the cache, ms |\n|---|---|---|")
    for name, call in FIRST_CALLS.items():
        code = FIRST_CALL.format(call=call)
        with tempfile.TemporaryDirectory() as folder:
            compiling = fresh(code, NUMBA_CACHE_DIR=folder)
            cached = min(fresh(code, NUMBA_CACHE_DIR=folder) for _ in range(3))
        print(f"| {name} | {compiling * 1e3:.0f} | {cached * 1e3:.0f} |", flush=True)
    for what in ("import fastrcf.windowing", "import numpy, numba"):
        seconds = min(fresh(IMPORT.format(what=what)) for _ in range(3))
        print(f"| `{what}` | | {seconds * 1e3:.0f} |", flush=True)


def _print_memory(scale: float) -> None:
    n = int(WINDOWS * scale)
    print("\n| windows | all at once, MiB | peak over the series, MiB |\n|---|---|---|")
    for size, width in SHAPES:
        shape = {"n": n, "width": width, "size": size, "batch": BATCH}
        kibibytes = fresh(PEAK.format(**shape))
        at_once = n * size * width * 4 / 2**20
        print(f"| {n:,} × {size} × {width} | {at_once:.0f} | {kibibytes / 1024:.0f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windowing", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the sizes; default: 1")
    options = parser.parse_args(arguments)
    print("\n".join(f"- {name}: {value}" for name, value in machine.facts().items()), end="\n\n")
    _print_races(options.scale)
    _print_first_calls()
    _print_memory(options.scale)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
