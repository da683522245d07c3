"""Forecasts: against the slow twin, what their bands promise, and bad input."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import fastrcf
from fastrcf import Forecast, NotFittedError, RandomCutForest
from fastrcf._core import Forest
from reference import naive_conditional

Rows = NDArray[np.float64]

BAND = (0.01, 0.5, 0.99)


def cosine(n: int, *, start: int = 0, seed: int = 0) -> tuple[Rows, Rows]:
    """Return a cosine of amplitude 50 and period 120, with noise of deviation 2 and without."""
    clean = 50 * np.cos(2 * np.pi * np.arange(start, start + n) / 120)
    return clean + np.random.default_rng(seed).normal(scale=2.0, size=n), clean


@pytest.fixture(scope="module")
def taught() -> RandomCutForest:
    rng = np.random.default_rng(4)
    waves = np.sin(np.arange(2000)[:, np.newaxis] / [5.0, 9.0])
    return RandomCutForest(n_trees=40, shingle_size=12).update(
        waves + rng.normal(0, 0.1, (2000, 2))
    )


# ---- the twin -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_columns", "shingle_size"), [(1, 2), (1, 7), (3, 3)])
def test_paths_are_those_of_the_twin(n_columns: int, shingle_size: int) -> None:
    learned = np.round(np.random.default_rng(1).normal(size=(200, n_columns)), 1)
    forest = Forest(
        n_columns=n_columns,
        n_trees=9,
        sample_size=32,
        shingle_size=shingle_size,
        time_decay=0.01,
        output_after=4,
        initial_accept_fraction=0.125,
        random_state=3,
        n_jobs=1,
    )
    forest.update(learned)
    trees = [forest.tree(i) for i in range(9)]
    assert_array_equal(
        forest.forecast(5, 6, 2**63 + 11),
        naive_conditional.forecast(
            trees, learned, shingle_size, n_paths=5, horizon=6, seed=2**63 + 11
        ),
    )


# ---- what a forecast is -------------------------------------------------------------------------


def test_shapes_and_order(taught: RandomCutForest) -> None:
    forecast = taught.forecast(7, quantiles=[0.9, 0.1], n_paths=50, keep_paths=True)
    assert isinstance(forecast, Forecast)
    assert forecast.quantiles == (0.9, 0.1)
    assert forecast.values.shape == (2, 7, 2)
    assert forecast.paths is not None
    assert forecast.paths.shape == (50, 7, 2)
    assert_array_equal(forecast.values, np.quantile(forecast.paths, [0.9, 0.1], axis=0))
    assert_array_equal(forecast.median, np.median(forecast.paths, axis=0))
    assert (forecast.values[0] > forecast.values[1]).all()
    assert taught.forecast(7).paths is None


def test_paths_are_made_of_what_was_learned(taught: RandomCutForest) -> None:
    core = taught._core
    assert core is not None
    rows = {
        row.tobytes()
        for i in range(40)
        for row in naive_conditional.unfolded(core.tree(i)).reshape(-1, 12, 2)[:, -1]
    }
    paths = taught.forecast(30, n_paths=20, keep_paths=True).paths
    assert paths is not None
    assert {row.tobytes() for row in paths.astype(np.float32).reshape(-1, 2)} <= rows


def test_bits_depend_on_the_seed_and_on_nothing_else(taught: RandomCutForest) -> None:
    first = taught.forecast(20, random_state=5, keep_paths=True).paths
    assert first is not None
    twin = RandomCutForest.from_bytes(taught.to_bytes())
    twin.set_params(n_jobs=4)
    assert_array_equal(twin.forecast(20, random_state=5, keep_paths=True).paths, first)
    fewer = twin.forecast(12, n_paths=100, random_state=5, keep_paths=True).paths
    assert_array_equal(fewer, first[:100, :12])
    other = taught.forecast(20, random_state=6, keep_paths=True).paths
    assert other is not None
    assert (other != first).any()
    assert len(np.unique(first[:, 0], axis=0)) > 10


def test_nothing_is_changed(taught: RandomCutForest) -> None:
    state = taught.to_bytes()
    taught.forecast(10, n_paths=20)
    with pytest.raises(ValueError, match="quantiles"):
        taught.forecast(10, quantiles=(0.0,))
    assert taught.to_bytes() == state


def test_name_is_public() -> None:
    assert fastrcf.Forecast is Forecast
    assert "Forecast" in dir(fastrcf)


# ---- how good it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("shingle_size", [30, 48])
def test_cosine(shingle_size: int) -> None:
    series, _ = cosine(4000)
    forest = RandomCutForest(100, 256, shingle_size).update(series)
    _, clean = cosine(200, start=4000)
    forecast = forest.forecast(200, n_paths=300)
    assert np.abs(forecast.median[:, 0] - clean).mean() < 8.0  # 4 · noise
    low, _, high = forecast.values[..., 0]
    assert ((low < clean) & (clean < high)).mean() > 0.99
    assert (high - low).mean() < 30.0  # noise alone takes 9.3, the wave 104


def test_after_a_drift() -> None:
    before, _ = cosine(4000)
    # Level, amplitude and phase change at once; 1500 rows are five times the memory of 1/lambda.
    after = 80.0 + 0.6 * cosine(1500, start=4043, seed=1)[0]
    truth = 80.0 + 0.6 * cosine(200, start=5543)[1]
    forest = RandomCutForest(100, 256, 30, time_decay=1 / 300)
    stale = forest.update(before).forecast(200, n_paths=300).median[:, 0]
    forecast = forest.update(after).forecast(200, n_paths=300)
    assert np.abs(forecast.median[:, 0] - truth).mean() < 4.0  # 2 · noise
    assert np.abs(stale - truth).mean() > 50.0


def test_bands_widen_as_knowledge_of_the_start_fades() -> None:
    rng = np.random.default_rng(2)
    shocks = rng.normal(size=6000)
    series = np.zeros(6000)
    for i in range(1, 6000):  # an autoregression: deviation 1 one step ahead, 3.2 far ahead
        series[i] = 0.95 * series[i - 1] + shocks[i]
    widths = []
    forest = RandomCutForest(100, 256, 4).update(series[:3000])
    for row in range(3000, 6000, 150):
        low, high = forest.forecast(40, (0.1, 0.9), n_paths=200).values[..., 0]
        widths.append(high - low)
        forest.update(series[row : row + 150])
    width = np.mean(widths, axis=0)
    assert 1.3 < width[-1] / width[0] < 3.2
    assert width[0] < width[4] < width[15]


@dataclass
class Rolling:
    """A series, and where it is forecast from."""

    read: Callable[[Path], Rows]
    start: int
    step: int
    season: int

    def roll(self, series: Rows) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield, by origin, the season that came, its forecast band and that of the last season."""
        season = self.season
        forest = RandomCutForest(100, 256, 48).update(series[: self.start])
        for origin in range(self.start, len(series) - season, self.step):
            change = np.quantile(series[season:origin] - series[: origin - season], BAND)
            last = series[origin - season : origin]
            forecast = forest.forecast(season, BAND, n_paths=300, random_state=origin)
            truth = series[origin : origin + season]
            yield truth, forecast.values[..., 0], last + change[:, np.newaxis]
            forest.update(series[origin : origin + self.step])


def pinball(truth: Rows, band: Rows) -> float:
    """Mean loss of the three quantiles."""
    levels = np.array(BAND)[:, np.newaxis]
    ahead = truth[:, np.newaxis] - band
    return float(np.maximum(levels * ahead, (levels - 1) * ahead).mean())


def taxi(data_dir: Path) -> Rows:
    with (data_dir / "nab/data/realKnownCause/nyc_taxi.csv").open() as file:
        return np.array([float(row["value"]) for row in csv.DictReader(file)])


def web(data_dir: Path) -> Rows:
    with (data_dir / "web_analytics/ga_hourly_2018-04.csv").open() as file:
        return np.array([float(row["ga:users"]) for row in csv.DictReader(file)])


@pytest.mark.parametrize(
    "rolling",
    [Rolling(taxi, start=3000, step=301, season=48), Rolling(web, start=300, step=13, season=24)],
    ids=["taxi", "web"],
)
def test_coverage(data_dir: Path, rolling: Rolling) -> None:
    series = rolling.read(data_dir)
    truth, band, season = map(np.array, zip(*rolling.roll(series), strict=True))
    inside = (band[:, 0] <= truth) & (truth <= band[:, 2])
    assert 0.95 <= inside.mean() <= 0.995
    # Not won by width: narrower than the band of the last season, and with less loss.
    width = (band[:, 2] - band[:, 0]).mean()
    assert width < 0.8 * (season[:, 2] - season[:, 0]).mean()
    assert width < 0.75 * np.subtract(*np.quantile(series, [0.99, 0.01]))
    assert pinball(truth, band) < 0.9 * pinball(truth, season)


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"horizon": 0}, ValueError, "horizon: expected an integer of at least 1, got 0"),
        ({"horizon": -3}, ValueError, "horizon: expected an integer of at least 1, got -3"),
        ({"horizon": 2.0}, TypeError, "horizon: expected an integer"),
        ({"horizon": 2**31, "n_paths": 1000}, ValueError, "horizon: expected n_paths"),
        ({"n_paths": 0}, ValueError, "n_paths: expected an integer of at least 1, got 0"),
        ({"n_paths": None}, TypeError, "n_paths: expected an integer"),
        ({"quantiles": (0.5, 1.0)}, ValueError, r"quantiles: expected .* in \(0, 1\)"),
        ({"quantiles": (0.0,)}, ValueError, r"quantiles: expected .* in \(0, 1\)"),
        ({"quantiles": (float("nan"),)}, ValueError, "quantiles: expected .* got nan"),
        ({"quantiles": ()}, ValueError, "quantiles: expected one or more"),
        ({"quantiles": 0.5}, TypeError, "quantiles: expected one or more"),
        ({"quantiles": ("0.5",)}, TypeError, "quantiles: expected one or more"),
        ({"random_state": -1}, ValueError, "random_state: expected an integer"),
    ],
)
def test_wrong_arguments(
    taught: RandomCutForest, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        taught.forecast(**{"horizon": 3, **arguments})


def test_not_ready() -> None:
    forest = RandomCutForest(shingle_size=4, output_after=10)
    with pytest.raises(NotFittedError, match="forecast: the forest is not ready"):
        forest.forecast(3)
    forest.update(np.arange(12.0))
    with pytest.raises(NotFittedError, match="forecast: the forest is not ready"):
        forest.forecast(3)
    assert forest.update([12.0]).forecast(3).values.shape == (3, 3, 1)


def test_without_shingles() -> None:
    with pytest.raises(ValueError, match="forecast: expected a forest with shingle_size > 1"):
        RandomCutForest(output_after=2).update(np.arange(9.0)).forecast(3)


def test_without_a_full_window() -> None:
    forest = RandomCutForest(shingle_size=4).fit(np.arange(50.0)[:, np.newaxis])
    with pytest.raises(ValueError, match=r"window is not full: expected 3 newest rows .* got 0"):
        forest.forecast(3)
    forest.update([1.0, 2.0])
    with pytest.raises(ValueError, match=r"window is not full: expected 3 newest rows .* got 2"):
        forest.forecast(3)
    assert forest.update([3.0]).forecast(3).median.shape == (3, 1)
