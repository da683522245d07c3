"""Laws of probability: how often the truth lies within what was forecast."""

import math

import numpy as np
import pytest

from fastrcf.neural import QuantileForecaster
from forecast_helpers import random_forecaster


def within(n_inside, n, probability, z=4.0):
    """Whether a count is likely: within so many deviations of the binomial law."""
    slack = z * math.sqrt(n * probability * (1.0 - probability))
    return abs(n_inside - n * probability) <= slack


@pytest.mark.parametrize("likelihood", ["student-t", "negative-binomial"])
def test_what_a_model_draws_lies_in_its_own_bands(likelihood):
    # Drawn from the model itself, so that its laws are the true ones: only the code can fail.
    model = random_forecaster(likelihood=likelihood, size=0.3)
    history = 5.0 + np.random.default_rng(0).poisson(4.0, 30)
    drawn = model.forecast(history, 60, n_samples=80, paths=True).paths[:, :, 0].T
    rows = np.vstack([np.repeat(history[:, np.newaxis], 80, axis=1), drawn])
    low, high = model.bands(rows, (0.01, 0.99))[:, 30:]
    below, above = (drawn < low).sum(), (drawn > high).sum()
    n = drawn.size
    if likelihood == "student-t":
        assert within(below, n, 0.01)
        assert within(above, n, 0.01)
        levels = np.column_stack([model.score(column)[30:] for column in rows.T])
        assert within((levels > 1.0).sum(), n, 0.1)
        assert within((levels > 3.0).sum(), n, 0.001)
    else:  # of counts, less than that lies beyond a quantile
        assert below <= 0.01 * n + 4.0 * math.sqrt(0.01 * n)
        assert above <= 0.01 * n + 4.0 * math.sqrt(0.01 * n)


def autoregressive(n, rng):
    """A daily course with noise that lasts, Student's t with 5 degrees of freedom."""
    noise, level = np.empty(n), 0.0
    for row, step in enumerate((0.3 * rng.standard_t(5, n)).tolist()):
        level = 0.6 * level + step
        noise[row] = level
    return 6.0 + 2.0 * np.sin(np.arange(n) * np.pi / 12) + noise


def counted(n, rng):
    """Negative binomial counts with a daily course."""
    mean = 20.0 + 12.0 * np.sin(np.arange(n) * np.pi / 12)
    return rng.poisson(rng.gamma(8.0, mean / 8.0)).astype(float)


@pytest.mark.parametrize(
    ("draw", "likelihood"),
    [(autoregressive, "student-t"), (counted, "negative-binomial")],
)
def test_a_trained_band_of_98_percent_holds_98_percent(draw, likelihood):
    rng = np.random.default_rng(5)
    model = QuantileForecaster(
        context=24, horizon=24, units=12, likelihood=likelihood, epochs=16, patience=16,
        learning_rate=8e-3, batches_per_epoch=40, device="cpu",
    )  # fmt: skip
    model.fit(draw(4000, rng))
    new = draw(6000, rng)
    low, median, high = model.bands(new)[:, 24:]
    truth = new[24:]
    inside = int(((truth >= low) & (truth <= high)).sum())
    # The binomial bounds, widened by 1 % for what the network does not learn in seconds.
    n = len(truth)
    slack = 4.0 * math.sqrt(n * 0.98 * 0.02) + 0.01 * n
    assert abs(inside - 0.98 * n) <= slack
    assert abs((truth <= median).mean() - 0.5) <= 0.1
    # It knows more than the values as a whole do: the band is narrower than theirs.
    assert (high - low).mean() < 0.8 * np.subtract(*np.quantile(truth, (0.99, 0.01)))
    # Several rows ahead: starts far apart, one day each.
    starts = np.arange(400, 5900, 110)
    records = [{"target": new[:start][-200:].tolist()} for start in starts]
    hits = []
    for forecast, start in zip(model.forecast(records, 24), starts, strict=True):
        future = new[start : start + 24]
        hits.append((future >= forecast.values[0, :, 0]) & (future <= forecast.values[2, :, 0]))
    n = np.size(hits)
    assert abs(np.sum(hits) - 0.98 * n) <= 6.0 * math.sqrt(n * 0.98 * 0.02) + 0.01 * n
