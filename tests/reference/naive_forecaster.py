"""The network that forecasts, row by row in float64, from its definitions alone."""

import math

import numpy as np
from scipy import stats

PERIODS = {"day": 86_400, "week": 604_800, "year": 31_556_952}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0.0, x)


def scale_at(series, row, context, scales):
    window = [abs(x) for x in series[max(0, row - context) : row] if not math.isnan(x)]
    mean = sum(window) / len(window) if window else scales.usual
    return max(mean, scales.least)


def known_at(series, row):
    """The latest known value at a row or before it, 0 if there is none."""
    return next((x for x in series[: row + 1][::-1] if not math.isnan(x)), 0.0) if row >= 0 else 0.0


def inputs_at(spec, scales, series, row, *, first=0, dynamic=None, embedded=()):
    """What the network sees of one row: all from the rows before it."""
    scale = scale_at(series, row, spec.context, scales)
    age = 0
    while row - 1 - age >= 0 and math.isnan(series[row - 1 - age]):
        age += 1
    inputs = [max(-1e4, min(1e4, known_at(series, row - lag) / scale)) for lag in spec.lags]
    inputs += [math.log(1 + age), math.log(scale / scales.usual)]
    for name in spec.calendar:
        angle = 2 * math.pi * ((first + row * spec.step) % PERIODS[name]) / PERIODS[name]
        inputs += [math.sin(angle), math.cos(angle)]
    if spec.n_dynamic:
        inputs += list((dynamic[row] - np.array(scales.center)) / np.array(scales.spread))
    return np.array([*inputs, *embedded]), scale


class NaiveForecaster:
    """Laws of one series, one row after the other."""

    def __init__(self, spec, scales, weights, cat=(), first=0):
        self.spec, self.scales, self.first = spec, scales, first
        self.weights = {name: each.astype(np.float64) for name, each in weights.items()}
        parts = [self.weights[f"embedding.{place}"][code] for place, code in enumerate(cat)]
        self.embedded = np.concatenate([np.empty(0), *parts])
        self.h = np.zeros((spec.layers, spec.units))
        self.c = np.zeros((spec.layers, spec.units))

    def step(self, x):
        for layer in range(self.spec.layers):
            part = [self.weights[f"lstm.{layer}.{name}"] for name in ("input", "hidden", "bias")]
            gates = part[0] @ x + part[1] @ self.h[layer] + part[2]
            i, f, g, o = np.split(gates, 4)
            self.c[layer] = sigmoid(f) * self.c[layer] + sigmoid(i) * np.tanh(g)
            x = self.h[layer] = sigmoid(o) * np.tanh(self.c[layer])
        return self.weights["output.weight"] @ x + self.weights["output.bias"]

    def params(self, series, dynamic=None):
        """The law of each row."""
        laws = []
        for row in range(len(series)):
            x, scale = inputs_at(
                self.spec,
                self.scales,
                series,
                row,
                first=self.first,
                dynamic=dynamic,
                embedded=self.embedded,
            )
            raw = self.step(x)
            if self.spec.likelihood == "student-t":
                spread = (softplus(raw[1]) + 1e-4) * scale
                laws.append([raw[0] * scale, spread, softplus(raw[2]) + 2.0])
            else:
                mean = (softplus(raw[0]) + 1e-4) * scale
                laws.append([mean, softplus(raw[1]) / math.sqrt(scale) + 1e-6])
        return np.array(laws)


def law_of(params):
    """The laws as scipy knows them."""
    if params.shape[-1] == 3:
        return stats.t(loc=params[..., 0], scale=params[..., 1], df=params[..., 2])
    size = 1.0 / params[..., 1]
    return stats.nbinom(size, size / (size + params[..., 0]))


def level_of(value, params):
    """-log10 of the probability of a value at least as far out, twice the smaller side's."""
    law = law_of(params)
    is_count = params.shape[-1] == 2
    below, above = law.logcdf(value), law.logsf(value - 1 if is_count else value)
    return np.maximum(-(math.log(2.0) + np.minimum(below, above)) / math.log(10.0), 0.0)
