"""Forecasters for tests: with random weights, or trained on next to nothing."""

import numpy as np

from fastrcf.neural._forecast_features import Scales
from fastrcf.neural._forecast_graph import forecast_graph
from fastrcf.neural._forecast_runner import student_table
from fastrcf.neural._forecast_spec import ForecastSpec
from fastrcf.neural.forecaster import QUANTILES, QuantileForecaster

TINY = {
    "context": 12,
    "horizon": 6,
    "units": 4,
    "epochs": 2,
    "batches_per_epoch": 4,
    "batch_size": 8,
    "device": "cpu",
}

KINDS = [
    {},
    {"layers": 2, "units": 5},
    {"likelihood": "negative-binomial"},
    {"step": 3600, "calendar": ("day", "week", "year"), "lags": (1, 24, 50)},
    {"n_dynamic": 2, "cardinality": (3, 7)},
]


def random_forecaster(seed=0, scales=None, size=0.6, **options):
    """A forecaster that was never trained, with random weights."""
    options = {"context": 12, "lags": (1, 2, 5), "units": 6, **options}
    spec = ForecastSpec(**options)
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0.0, size, shape).astype(np.float32)
        for name, shape in spec.weight_shapes().items()
    }
    if scales is None:
        scales = Scales(2.0, 1e-3, (0.5,) * spec.n_dynamic, (2.0,) * spec.n_dynamic)
    model = QuantileForecaster(
        context=spec.context, units=spec.units, likelihood=spec.likelihood, device="cpu"
    )
    graph = forecast_graph(spec, weights, student_table(QUANTILES))
    model._install(spec, scales, weights, graph, 0)
    model.history_ = {"loss": [], "val_loss": []}
    return model


def bumpy(n=300, seed=0, period=24, missing=0.0):
    """A series that repeats itself, above 0, some of it missing."""
    rng = np.random.default_rng(seed)
    series = 5.0 + 2.0 * np.sin(np.arange(n) * 2 * np.pi / period) + rng.standard_t(5, n) * 0.3
    series[rng.random(n) < missing] = np.nan
    return series


def counts(n=300, seed=0, mean=20.0):
    """Counts that repeat themselves."""
    rng = np.random.default_rng(seed)
    rate = mean * (1.0 + 0.5 * np.sin(np.arange(n) * 2 * np.pi / 24))
    return rng.poisson(rng.gamma(10.0, rate / 10.0)).astype(float)


def series_of(model, n=150, seed=0, missing=0.1):
    """A series such as the model is made for, some of it missing."""
    make = counts if model.spec_.likelihood != "student-t" else bumpy
    series = make(n, seed)
    series[np.random.default_rng(seed).random(n) < missing] = np.nan
    return series


def asked(model, n=150):
    """What else the model must be told of one series."""
    spec = model.spec_
    told = {"start": "2021-03-04 05:00"} if spec.calendar else {}
    if spec.n_dynamic:
        told["dynamic_feat"] = np.random.default_rng(9).normal(size=(n, spec.n_dynamic))
        told["cat"] = [[2, 5]]
    return told
