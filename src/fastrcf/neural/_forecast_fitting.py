"""From options and series to a trained network that forecasts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.neural._forecast_features import FeatureStream, Scales
from fastrcf.neural._forecast_spec import PERIODS, ForecastSpec
from fastrcf.neural._forecast_training import Prepared, Windows, build, export, loss_of, take
from fastrcf.neural.training import History, Training, train, training_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastrcf.neural._forecast_series import Series

__all__ = ["Options", "fit_network", "identity_of", "plan"]

_NEAR_LAGS = 7
_SPANS = 3
"""A lag is used where the series is so many times as long."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Checked options; see `QuantileForecaster`."""

    context: int
    horizon: int
    units: int
    layers: int
    likelihood: str
    step: int | None
    lags: tuple[int, ...] | None
    batches_per_epoch: int
    validation_fraction: float
    training: Training


def plan(options: Options, series: Sequence[Series]) -> ForecastSpec:
    """Decide what the network sees of these series.

    Raises
    ------
    ValueError
        They do not fit together, are too short, or are not counts where counts are wanted.
    """
    window = options.context + options.horizon
    for place, each in enumerate(series):
        n = len(each.rows)
        if n < window:
            raise ValueError(
                f"series {place}: expected at least {window} rows, context and horizon together, "
                f"got {n}"
            )
        if np.isnan(each.rows).all(axis=0).any():
            raise ValueError(f"series {place}: all of its values are missing")
        if options.likelihood == "negative-binomial":
            _check_counts(each, place)
    first = series[0]
    for name in ("dynamic", "cat"):
        widths = {getattr(each, name).shape[-1] for each in series}
        if len(widths) > 1:
            raise ValueError(f"{name}: expected as many for each series, got {sorted(widths)}")
    cat = np.concatenate([each.cat for each in series])
    shortest = min(len(each.rows) for each in series)
    has_clock = all(each.start is not None for each in series)
    return ForecastSpec(
        context=options.context,
        lags=options.lags or _lags(options.step, shortest),
        units=options.units,
        layers=options.layers,
        likelihood=options.likelihood,
        step=options.step,
        calendar=_calendar(options.step, shortest) if has_clock else (),
        n_dynamic=first.dynamic.shape[2],
        cardinality=tuple((cat.max(axis=0) + 1).tolist()),
    )


def _check_counts(series: Series, place: int) -> None:
    rows = series.rows
    wrong = (rows < 0.0) | (rows != np.floor(rows)) & ~np.isnan(rows)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"series {place}: expected counts, whole numbers from 0 on, got {rows[row, column]} "
            f"in row {row}; likelihood='student-t' takes any numbers"
        )


def _lags(step: int | None, n: int) -> tuple[int, ...]:
    lags = set(range(1, _NEAR_LAGS + 1))
    for name in ("day", "week"):
        around = round(PERIODS[name] / step) if step is not None else 0
        if around > 1 and _SPANS * around <= n:
            lags |= {around - 1, around, around + 1}
    return tuple(sorted(lags))


def _calendar(step: int | None, n: int) -> tuple[str, ...]:
    """Name the periods of which a row is at most a half, and the series at least two."""
    if step is None:
        return ()
    return tuple(name for name, each in PERIODS.items() if 2 * step <= each <= n * step / 2)


def prepare(spec: ForecastSpec, scales: Scales, series: Sequence[Series]) -> list[Prepared]:
    """Turn series into what the network sees of them."""
    prepared = []
    for each in series:
        n, width = each.rows.shape
        stream = FeatureStream(spec, scales, width, each.first)
        inputs, scale = stream.push(each.rows, each.dynamic[:n])
        prepared += [
            Prepared(inputs[:, k], scale[:, k], each.rows[:, k], tuple(each.cat[k].tolist()))
            for k in range(width)
        ]
    return prepared


def fit_network(
    options: Options,
    spec: ForecastSpec,
    scales: Scales,
    series: Sequence[Series],
    **how: Any,
) -> tuple[dict[str, NDArray[np.float32]], History]:
    """Train a network; give its best weights and the losses of each epoch.

    An item of an epoch is a window that is drawn at random when its turn comes.
    """
    torch: Any = require("torch", "train")
    require("onnx", "train")  # before the work, not after it
    prepared = prepare(spec, scales, series)
    share = 1.0 - options.validation_fraction
    window = options.context + options.horizon
    held = [max(window, math.ceil(len(each.target) * share)) for each in prepared]
    windows = Windows(prepared, window, held)
    idle = ~np.any([each.inputs.any(axis=0) for each in prepared], axis=0)
    device = training_device(options.training.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.training.random_state % 2**63)
        module = build(spec, idle).to(device)
    judging = windows.judging()

    def loss(items: Any) -> Any:
        if module.training:
            kind = {"generator": module.generator, "device": device, "dtype": torch.float64}
            batch = windows.at(torch.rand(len(items), **kind).cpu().numpy())
        else:
            batch = take(judging, items.cpu().numpy())
        return loss_of(
            module, spec, {name: torch.from_numpy(each).to(device) for name, each in batch.items()}
        )

    items = np.arange(options.batches_per_epoch * options.training.batch_size)
    validation = np.arange(judging["inputs"].shape[1])
    history = train(module, loss, items, validation, options.training, **how)
    return export(module, spec), history


def identity_of(
    options: Options, spec: ForecastSpec, scales: Scales, series: Sequence[Series]
) -> str:
    """Tell trainings apart, for their checkpoints."""
    digest = hashlib.sha256(repr((options, spec, scales)).encode())
    for each in series:
        for array in (each.rows, each.dynamic, each.cat):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
