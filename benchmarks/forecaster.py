"""The forecaster: ``python -m benchmarks.forecaster [--rows N] [--outage SEEDS]``.

Three tables. One row ahead over a long series, beside the same network in PyTorch, eager, with the
same quantiles by the same table: all in one run, in turn, wall time, medians of rounds; the answers
are compared first. Laws and paths: quantiles of counts, and paths drawn ahead. With ``--outage``:
alarms on nine days of clicks in bins of 10 and of 30 minutes, one of which has a stop of all
traffic, for several seeds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.clicks import clicks
from benchmarks.timing import WrongAnswerError
from fastrcf._kernels_laws import nb_quantiles
from fastrcf.detectors import ForecastDetector
from fastrcf.neural import QuantileForecaster
from fastrcf.neural._forecast_features import FeatureStream
from fastrcf.neural._forecast_graph import PLACES, zero_state
from fastrcf.neural._forecast_runner import student_table
from fastrcf.neural._forecast_training import raw_of
from fastrcf.neural.forecaster import QUANTILES

ROUNDS = 5
TORCH_CHUNKS = (1024, 16_384)
WARM_UP = 200


def trained() -> tuple[QuantileForecaster, Any]:
    """Train the default network for a moment, and rebuild it in PyTorch."""
    import torch

    from fastrcf.neural._forecast_training import build

    series = bumpy(3000)
    model = QuantileForecaster(context=144, horizon=144, freq="10min", epochs=1, device="cpu")
    model.set_params(batches_per_epoch=10).fit(series, start="2020-07-07")
    spec, weights = model.spec_, model.weights_
    module = build(spec, np.zeros(spec.n_rolled, np.bool_))
    names = {"input": "weight_ih", "hidden": "weight_hh", "bias": "bias_ih"}
    state = {f"lstm.{ours}_l0": weights[f"lstm.0.{name}"] for name, ours in names.items()}
    state["lstm.bias_hh_l0"] = np.zeros_like(weights["lstm.0.bias"])
    state |= {name: weights[name] for name in ("output.weight", "output.bias")}
    module.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
    return model, module.eval()


def bumpy(n: int) -> Any:
    """A daily course with heavy tails."""
    rng = np.random.default_rng(0)
    return 10.0 + 3.0 * np.sin(np.arange(n) * np.pi / 72) + 0.3 * rng.standard_t(4, n)


def eager(module: Any, inputs: Any, scale: Any, chunk: int) -> Any:
    """One row ahead in PyTorch: the state is carried from chunk to chunk."""
    import torch

    table = torch.from_numpy(student_table(QUANTILES).T.copy())
    softplus = torch.nn.functional.softplus
    state, parts = None, []
    with torch.inference_mode():
        for start in range(0, len(inputs), chunk):
            x = torch.from_numpy(inputs[start : start + chunk])
            size = torch.from_numpy(scale[start : start + chunk].astype(np.float32))
            hidden, state = module["lstm"](x, state)
            raw = module["output"](hidden)
            spread, df = (softplus(raw[..., 1]) + 1e-4) * size, softplus(raw[..., 2]) + 2.0
            place = 2.0 * (PLACES - 1) / df
            left = place.floor().clamp(max=PLACES - 2)
            below, above = table[left.long()], table[left.long() + 1]
            t = below + (above - below) * (place - left)[..., None]
            parts.append((raw[..., :1] * size[..., None]) + t * spread[..., None])
    return torch.cat(parts).numpy()


def one_ahead(n: int) -> None:
    """Time one row ahead."""
    import torch

    model, module = trained()
    spec, runner, rows = model.spec_, model.runner(), bumpy(n)[:, np.newaxis]
    start = np.datetime64("2020-07-07T00:00:00")
    stream = FeatureStream(spec, model.scales_, 1, int(start.astype(np.int64)))
    inputs, scale = stream.push(rows)
    nothing = np.empty((1, 0), np.float32)
    assert raw_of(module, torch.from_numpy(inputs[:2]), torch.empty((1, 0))).shape == (2, 1, 3)

    def network() -> Any:
        state, parts = zero_state(spec, 1), []
        for begin in range(0, n, 8192):
            part = slice(begin, begin + 8192)
            judged, state = runner.step(inputs[part], scale[part], nothing, state, QUANTILES)
            parts.append(judged.quantiles)
        return np.concatenate(parts)

    def whole(**how: Any) -> Any:
        return model.bands(rows[:, 0], start=start, **how).T[:, np.newaxis]

    jobs: dict[str, Callable[[], Any]] = {
        f"torch eager, {chunk:,} rows a call": lambda chunk=chunk: eager(  # type: ignore[misc]
            module, inputs, scale, chunk
        )
        for chunk in TORCH_CHUNKS
    }
    jobs["fastrcf, network alone"] = network
    jobs["fastrcf bands(), features and all"] = whole
    jobs["… in 256 segments, 1 thread"] = lambda: whole(warm_up=WARM_UP)
    jobs["… in 256 segments, 2 threads"] = lambda: whole(warm_up=WARM_UP, n_jobs=2)
    jobs["fastrcf score()"] = lambda: model.score(rows[:, 0], start=start)
    expected = eager(module, inputs, scale, TORCH_CHUNKS[0])
    for name, job in jobs.items():
        if "score" in name:
            continue
        error = np.nanmax(np.abs(job() - expected) / np.abs(expected).mean())
        print(f"  {name}: largest difference from torch {error:.1e} of the mean")
        if error > 1e-4:
            raise WrongAnswerError(name)
    torch.set_num_threads(1)
    taken = rounds(jobs)
    best = min(statistics.median(taken[name]) for name in jobs if name.startswith("torch"))
    print(f"| one row ahead, {n:,} rows, {spec.n_inputs} inputs, 40 units | M rows/s | × torch |")
    print("|---|---|---|")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {n / middle / 1e6:.3f} | {best / middle:.2f} |")


def rounds(jobs: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Run all jobs in turn, several times."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            taken[name].append(time.perf_counter() - started)
            time.sleep(0.02)
    return taken


def laws() -> None:
    """Time quantiles of counts, and paths."""
    rng = np.random.default_rng(0)
    params = np.column_stack([rng.uniform(1, 60, 10**6), rng.uniform(0.05, 1.0, 10**6)])
    pair = np.array([0.01, 0.99])
    model, _ = trained()
    history, start = bumpy(2000), "2020-07-07"
    jobs: dict[str, Callable[[], Any]] = {
        "1 % and 99 % of 10⁶ laws of counts": lambda: nb_quantiles(params, pair),
        "144 rows ahead, 100 paths": lambda: model.forecast(history, 144, start=start),
        "144 rows ahead, 1,000 paths": lambda: model.forecast(
            history, 144, n_samples=1000, start=start
        ),
    }
    for job in jobs.values():
        job()
    print("| | ms |\n|---|---|")
    for name, seconds in rounds(jobs).items():
        print(f"| {name} | {1e3 * statistics.median(seconds):.0f} |")


def outage(n_seeds: int) -> None:
    """Count alarms on the last day of clicks."""
    print("| bins | seed | rows outside | outage found | its score | next highest |")
    print("|---|---|---|---|---|---|")
    for minutes in (10, 30):
        for seed in range(n_seeds):
            series = clicks(minutes, random_state=seed)
            day = 1440 // minutes
            forecaster = QuantileForecaster(
                context=day, horizon=day, freq=f"{minutes}min", epochs=40, learning_rate=2e-3,
                batches_per_epoch=25, random_state=seed,
            )  # fmt: skip
            detector = ForecastDetector(forecaster, start="2020-07-07", rest=0)
            detector.fit(series.values[: series.n_training])
            found = detector.detect(series.values[series.n_training :])
            scores = {each.start: each.score for each in found}
            stop = scores.pop(series.outage, float("nan"))
            rest = max(scores.values(), default=float("nan"))
            print(
                f"| {minutes} min | {seed} | {len(found)} of {day} | "
                f"{'no' if np.isnan(stop) else 'yes'} | {stop:.1f} | {rest:.1f} |"
            )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--outage", type=int, default=0, metavar="SEEDS")
    wanted = parser.parse_args()
    print(" · ".join(f"{name}: {fact}" for name, fact in machine.facts().items()))
    one_ahead(wanted.rows)
    laws()
    if wanted.outage:
        outage(wanted.outage)


if __name__ == "__main__":
    main()
