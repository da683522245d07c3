"""LSTM autoencoders scored by fastrcf, by PyTorch and by plain ONNX Runtime, in one run.

``python -m benchmarks.neural [--quick] [--one-core]``: answers are checked first, then all are
timed round by round. With ``--one-core`` everybody has one thread and processor time is compared,
which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastrcf.neural._lstm_scorer import LstmScorer
from fastrcf.neural.graphs import score_graph, weight_shapes
from fastrcf.neural.session import Session
from fastrcf.neural.spec import LstmSpec

TOLERANCE = 1e-5
MEMORY_LIMIT = 600 * 2**20
BATCHES = (64, 128, 256, 512, 1024, 2048, 4096)
THREADS = 2

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Way = Callable[[Array, Array], Array]  # gets rows, and the same as windows


_ALWAYS = ("ours", "graph", "plain")

_REST = 0.3
"""Seconds after which a pool of threads that waits busily for more work has given up."""


@dataclass(frozen=True)
class Case:
    """A model, its error, how many windows are scored, and the ratios that are asked for."""

    name: str
    spec: LstmSpec
    error: str
    windows: int
    over_torch: float
    over_plain: float


def _relu(*encoder: int) -> LstmSpec:
    return LstmSpec(window_size=5, n_features=39, encoder=encoder, activation="relu")


CASES = (
    Case("W5 F39 128-64|64-128 relu", _relu(128, 64), "rmse", 65_536, 2.8, 1.6),
    Case("W5 F39 64-32|32-64 relu", _relu(64, 32), "rmse", 131_072, 3.5, 1.9),
    Case(
        "W50 F8 64|64 tanh",
        LstmSpec(window_size=50, n_features=8, encoder=(64,)),
        "rmse",
        32_768,
        1.7,
        2.1,
    ),
    Case(
        "W5 F3 2|4 sigmoid out",
        LstmSpec(window_size=5, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid"),
        "mae",
        1_000_000,
        5.0,
        10.0,
    ),
)


def flops(spec: LstmSpec) -> float:
    """Count the floating point operations that a window costs when nothing is done twice."""
    size, total = spec.window_size, 0.0
    for name, inputs, units in spec.layers:
        # The first layer of either half sees rows that windows share, or one input for all steps.
        steps = 1 if name.endswith(".0") else size
        total += 2 * 4 * units * inputs * steps + 2 * 4 * units * units * (size - 1)
    return total + 2 * size * spec.layers[-1][2] * spec.n_features


def draw(spec: LstmSpec, windows: int) -> tuple[dict[str, Array], Array, Array]:
    """Draw weights and rows, and view the rows as windows."""
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0.0, 0.9 / np.sqrt(shape[-1]), shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    shape = (windows + spec.window_size - 1, spec.n_features)
    rows = rng.normal(size=shape).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(rows, spec.window_size, axis=0)
    return weights, rows, views.transpose(0, 2, 1)


def race(case: Case, *, quick: bool, one_core: bool) -> tuple[str, str, dict[str, float]]:
    """Check the answers, then time; give the best ways of PyTorch and windows a second of each."""
    from benchmarks import neural_peers as peers

    count = 1 if one_core else THREADS
    weights, rows, windows = draw(case.spec, case.windows // (8 if quick else 1))
    kinds = [peers.Cells, peers.LaidOut] if case.spec.activation == "relu" else [peers.lstm]
    graph = Session(score_graph(case.spec, weights, error=case.error), threads=count)
    plain = peers.PlainScorer(case.spec, weights, case.error, count)
    ways: dict[str, Way] = {
        "ours": ours(case, weights, count),
        "graph": lambda rows, _: graph.run(rows),
        "plain": lambda _, windows: plain.score(windows),
    }
    for kind in kinds:
        torch = peers.TorchScorer(case.spec, weights, kind, case.error)
        for threads in range(1, count + 1):
            for batch in BATCHES:
                ways[f"{kind.__name__}, batch {batch}, {threads} threads"] = (
                    lambda _, windows, torch=torch, batch=batch, threads=threads: (  # type: ignore[misc]
                        torch.score(windows, batch, threads)
                    )
                )
    size = case.spec.window_size
    check(ways, rows[: 2000 + size - 1], windows[:2000])
    part = len(windows) // 4
    some = rows[: part + size - 1], windows[:part]
    clock = time.process_time if one_core else time.perf_counter
    contenders = [way for way in ways if way not in _ALWAYS]
    first = {way: seconds(ways[way], clock, *some) for way in contenders}
    best = [
        min((way for way in contenders if way.startswith(kind.__name__)), key=first.__getitem__)
        for kind in kinds
    ]
    taken: dict[str, list[float]] = {way: [] for way in (*_ALWAYS, *best)}
    for _ in range(3 if quick else 7):
        for way, times in taken.items():
            times.append(seconds(ways[way], clock, rows, windows))
    speeds = {way: len(windows) / statistics.median(times) for way, times in taken.items()}
    return best[0], best[-1], speeds


def ours(case: Case, weights: dict[str, Array], threads: int) -> Way:
    """Give what an autoencoder runs on a CPU."""
    nothing, one = np.zeros(case.spec.n_features), np.ones(case.spec.n_features)
    scorer = LstmScorer(case.spec, weights, nothing, one)

    def score(rows: Array, windows: Array) -> Array:
        return scorer.run("score", rows, np.arange(len(windows)), case.error, threads)

    return score


def check(ways: dict[str, Way], rows: Array, windows: Array) -> None:
    """Assert that all give the same scores."""
    expected = ways["ours"](rows, windows)
    for name, way in ways.items():
        difference = float(np.abs(way(rows, windows) - expected).max())
        if not difference <= TOLERANCE:
            raise AssertionError(f"{name}: differs by {difference}")


def seconds(way: Way, clock: Callable[[], float], rows: Array, windows: Array) -> float:
    """Time one call; pools of threads that spin after a call get time to rest before it."""
    time.sleep(_REST)
    start = clock()
    way(rows, windows)
    return clock() - start


def peak(processes: int) -> float:
    """Measure fused multiply-adds: operations a second on so many cores at once."""
    source = Path(__file__).parent / "fma_peak.c"
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "fma_peak")
        compiler = os.environ.get("CC", "cc")
        flags = ["-O2", "-march=native", "-ffp-contract=fast"]
        subprocess.run([compiler, *flags, "-o", program, str(source)], check=True)
        running = [
            subprocess.Popen([program, "1.5"], stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        return sum(float(each.communicate()[0].split()[0]) for each in running)


def memory() -> int:
    """Give the bytes that scoring 10⁶ × 39 rows takes on top of them, in a process of its own."""
    code = """
import resource
import numpy as np
from benchmarks.neural import CASES, draw, ours
weights = draw(CASES[0].spec, 1)[0]
score = ours(CASES[0], weights, 2)
score(np.zeros((100, 39)), np.empty(96))
rows = np.random.default_rng(0).normal(size=(1_000_000, 39))
windows = np.empty(999_996)
top = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = top()
assert score(rows, windows).shape == (999_996,)
print(top() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    return int(done.stdout)


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="an eighth of the work")
    parser.add_argument("--one-core", action="store_true", help="one thread, processor time")
    options = parser.parse_args(arguments)
    threads = 1 if options.one_core else THREADS
    flops_per_second = peak(threads)
    print(f"peak: {flops_per_second / 1e9:.0f} GF/s of fused multiply-adds on {threads} cores\n")
    heading = "model | PyTorch, cells | PyTorch, best | plain | our graph | ours"
    print(f"| {heading} | over PyTorch | over plain | share of peak |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        simple, best, speed = race(case, quick=options.quick, one_core=options.one_core)
        fastest = max(simple, best, key=speed.__getitem__)
        share = speed["ours"] * flops(case.spec) / flops_per_second
        print(
            f"| {case.name} | {speed[simple]:,.0f} ({simple}) | {speed[fastest]:,.0f} ({fastest}) "
            f"| {speed['plain']:,.0f} | {speed['graph']:,.0f} | {speed['ours']:,.0f} "
            f"| {speed['ours'] / speed[simple]:.2f}, best {speed['ours'] / speed[fastest]:.2f} "
            f"(asked {case.over_torch}) "
            f"| {speed['ours'] / speed['plain']:.2f} (asked {case.over_plain}) | {share:.0%} |",
            flush=True,
        )
    if not options.quick:
        used = memory()
        print(f"\nmemory over the input, 10⁶ × 39 rows: {used / 2**20:.0f} MiB")
        assert used < MEMORY_LIMIT


if __name__ == "__main__":
    main(sys.argv[1:])
