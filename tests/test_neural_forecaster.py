"""The forecaster: its twin, several rows ahead, and what training makes of a series."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone

from fastrcf import persistence
from fastrcf.neural._forecast_features import FeatureStream, Scales
from fastrcf.neural._forecast_spec import ForecastSpec
from fastrcf.neural.forecaster import QuantileForecaster
from forecast_helpers import KINDS, TINY, asked, bumpy, counts, random_forecaster, series_of
from reference.naive_forecaster import NaiveForecaster, inputs_at, law_of, level_of

# ---- twin ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
def test_laws_and_quantiles_are_those_of_the_twin(options):
    model = random_forecaster(**options)
    spec, series = model.spec_, series_of(model)
    series[:3] = np.nan
    told = asked(model)
    first = int(np.datetime64("2021-03-04T05:00:00").astype(int)) if spec.calendar else 0
    twin = NaiveForecaster(
        spec, model.scales_, model.weights_, (2, 5)[: len(spec.cardinality)], first
    )
    params = twin.params(series, told.get("dynamic_feat"))
    found = model._judge(model._read(series, told.get("start"), told.get("dynamic_feat"),
                                     told.get("cat"))[0][0], (0.01, 0.5))  # fmt: skip
    assert_allclose(found.params[:, 0], params, rtol=2e-5, atol=1e-5)
    bands = model.bands(series, (0.01, 0.5, 0.99), **told)
    assert bands.shape == (3, 150)
    assert np.isnan(bands[:, :12]).all()
    law = law_of(found.params[12:, 0])
    expected = np.array([law.ppf(q) for q in (0.01, 0.5, 0.99)])
    assert_allclose(bands[:, 12:], expected, rtol=2e-5, atol=1e-5)
    levels = model.score(series, **told)
    known = ~np.isnan(series) & (np.arange(150) >= 12)
    assert_allclose(
        levels[known], level_of(series, found.params[:, 0])[known], rtol=1e-5, atol=1e-7
    )
    assert not levels[~known].any()


def test_inputs_are_those_of_the_twin():
    spec = ForecastSpec(
        context=7, lags=(1, 3, 20), step=600, calendar=("day",), n_dynamic=1, cardinality=(4,)
    )
    scales = Scales(3.0, 0.01, (0.2,), (2.0,))
    series = bumpy(120, missing=0.3)
    series[40:60] = np.nan
    series[80:95] = 0.0
    dynamic = np.random.default_rng(0).normal(size=(120, 1))
    found, scale = FeatureStream(spec, scales, 1, 777).push(
        series[:, np.newaxis], dynamic[:, np.newaxis]
    )
    for row in range(120):
        expected, size = inputs_at(spec, scales, series, row, first=777, dynamic=dynamic)
        assert_allclose(found[row, 0], expected, rtol=1e-6, atol=1e-6)
        assert_allclose(scale[row, 0], size, rtol=1e-12)


def test_training_s_network_is_the_graph_s():
    torch = pytest.importorskip("torch")
    from fastrcf.neural._forecast_training import build, export, raw_of

    spec = ForecastSpec(context=5, lags=(1, 2), units=7, layers=2, cardinality=(3,))
    torch.manual_seed(3)
    module = build(spec, np.zeros(spec.n_rolled, bool))
    weights = export(module, spec)
    assert {name: each.shape for name, each in weights.items()} == spec.weight_shapes()
    twin = NaiveForecaster(spec, Scales(1.0, 1e-3), weights, (1,))
    inputs = np.random.default_rng(0).normal(size=(9, 1, spec.n_rolled)).astype(np.float32)
    raw = raw_of(module, torch.from_numpy(inputs), torch.tensor([[1]])).detach().numpy()[:, 0]
    for row, x in enumerate(inputs[:, 0]):
        assert_allclose(raw[row], twin.step(np.append(x, twin.embedded)), rtol=1e-5, atol=1e-6)


def test_losses_are_negative_log_likelihoods():
    torch = pytest.importorskip("torch")
    from fastrcf.neural._forecast_training import build, loss_of, raw_of

    rng = np.random.default_rng(0)
    for likelihood, series in (("student-t", bumpy(40)), ("negative-binomial", counts(40))):
        spec = ForecastSpec(context=5, lags=(1,), units=3, likelihood=likelihood)
        module = build(spec, np.zeros(spec.n_rolled, bool))
        batch = {
            "inputs": torch.from_numpy(rng.normal(size=(40, 1, 3)).astype(np.float32)),
            "scale": torch.full((40, 1), 4.0),
            "target": torch.from_numpy(series.astype(np.float32))[:, None],
            "cat": torch.empty((1, 0), dtype=torch.int64),
        }
        batch["target"][7] = np.nan
        raw = raw_of(module, batch["inputs"], batch["cat"]).detach().double().numpy()[:, 0]
        soft = np.logaddexp(0.0, raw)
        known = np.arange(40) != 7
        if likelihood == "student-t":
            law = stats.t(soft[:, 2] + 2.0, raw[:, 0], soft[:, 1] + 1e-4)
            expected = -law.logpdf(batch["target"].numpy()[:, 0] / 4.0)[known].mean()
        else:
            law = law_of(np.column_stack([(soft[:, 0] + 1e-4) * 4.0, soft[:, 1] / 2.0 + 1e-6]))
            expected = -law.logpmf(series)[known].mean()
        assert_allclose(float(loss_of(module, spec, batch).detach()), expected, rtol=1e-5)


# ---- several rows ahead --------------------------------------------------------------------------


def test_one_row_ahead_is_the_band_of_that_row():
    for options in KINDS[:3]:
        model = random_forecaster(**options)
        series = series_of(model, missing=0.05)
        band = model.bands(np.append(series, np.nan), (0.05, 0.5, 0.9))[:, -1]
        forecast = model.forecast(series, 1, (0.05, 0.5, 0.9), n_samples=7)
        assert_allclose(forecast.values[:, 0, 0], band, rtol=3e-5)
        assert_allclose(forecast.median[0, 0], band[1], rtol=3e-5)


@pytest.mark.parametrize("likelihood", ["student-t", "negative-binomial"])
def test_paths_follow_the_laws_and_the_seed(likelihood):
    model = random_forecaster(likelihood=likelihood, size=0.3)
    series = series_of(model, missing=0.0)
    forecast = model.forecast(series, 5, (0.1, 0.5, 0.9), n_samples=1500, paths=True)
    assert forecast.paths.shape == (1500, 5, 1)
    below = (forecast.paths[None] <= forecast.values[:, None]).mean(axis=1)[:, :, 0]
    slack = 0.04 if likelihood == "student-t" else 0.25 / forecast.median.min() + 0.03
    assert (below > np.array([0.1, 0.5, 0.9])[:, np.newaxis] - 0.04).all()
    if likelihood == "student-t":
        assert (below < np.array([0.1, 0.5, 0.9])[:, np.newaxis] + slack).all()
    again = model.forecast(series, 5, (0.1, 0.5, 0.9), n_samples=1500, paths=True)
    assert_array_equal(again.paths, forecast.paths)
    other = model.forecast(series, 5, n_samples=1500, paths=True, random_state=1)
    assert (other.paths != forecast.paths).any()


def test_a_path_is_fed_as_if_it_had_come():
    model, series = random_forecaster(), bumpy(80)
    path = model.forecast(series, 4, n_samples=1, paths=True)
    known = np.concatenate([series, path.paths[0, :3, 0], [np.nan]])
    # With one path the law of each step is that of the row behind the path.
    assert_allclose(path.median[:, 0], model.bands(known, (0.5,))[0, 80:], rtol=3e-5)


def test_dynamic_features_reach_to_the_end_of_the_forecast():
    model = random_forecaster(n_dynamic=1)
    series, known = bumpy(60), np.arange(70.0)
    assert model.forecast(series, 10, dynamic_feat=known).values.shape == (3, 10, 1)
    with pytest.raises(ValueError, match="dynamic_feat: expected 71 rows"):
        model.forecast(series, 11, dynamic_feat=known)
    with pytest.raises(ValueError, match="dynamic_feat: expected 1, as in training, got 0"):
        model.forecast(series, 11)


# ---- training ------------------------------------------------------------------------------------


def test_a_seed_trains_the_same_network_again():
    series = np.column_stack([bumpy(120, 0), bumpy(120, 1, missing=0.1)])
    model = QuantileForecaster(**TINY, freq="2h").fit(series, start="2020-01-01", cat=[0, 1])
    assert model.spec_.calendar == ("day",)
    assert model.spec_.lags == (*range(1, 8), 11, 12, 13)
    twin = clone(model).fit(series, start="2020-01-01", cat=[0, 1])
    assert persistence.to_bytes(twin) == persistence.to_bytes(model)
    other = clone(model).set_params(random_state=1).fit(series, start="2020-01-01", cat=[0, 1])
    assert other.fingerprint != model.fingerprint
    assert len(model.history_["loss"]) == len(model.history_["val_loss"]) == 2


def test_records_train_as_a_table_does():
    series = np.column_stack([bumpy(60, 0), bumpy(60, 1)])
    features = np.arange(60.0) % 7
    records = [
        {
            "start": "2020-01-01",
            "target": [None if np.isnan(x) else x for x in column],
            "dynamic_feat": [features.tolist()],
            "cat": [place],
        }
        for place, column in enumerate(series.T)
    ]
    model = QuantileForecaster(**TINY).fit(records)
    twin = QuantileForecaster(**TINY).fit(
        series, start="2020-01-01", dynamic_feat=features, cat=[0, 1]
    )
    assert model.fingerprint == twin.fingerprint


def test_training_stops_when_nothing_gets_better_and_can_be_watched(tmp_path):
    seen = []
    options = {**TINY, "epochs": 30, "patience": 1, "learning_rate": 0.5}
    model = QuantileForecaster(**options).fit(
        bumpy(80), callback=lambda epoch, logs: seen.append((epoch, logs["val_loss"]))
    )
    losses = model.history_["val_loss"]
    assert seen == list(enumerate(losses, start=1))
    assert len(losses) < 30
    assert int(np.argmin(losses)) == len(losses) - 2
    # From a checkpoint it goes on to the same weights.
    path = tmp_path / "training"
    whole = QuantileForecaster(**{**TINY, "epochs": 4}).fit(bumpy(80))
    part = QuantileForecaster(**{**TINY, "epochs": 4})
    part.fit(bumpy(80), checkpoint=path, callback=lambda epoch, _: epoch == 2)
    assert part.fit(bumpy(80), checkpoint=path).fingerprint == whole.fingerprint


def test_inputs_that_never_move_in_training_do_not_count_later():
    model = QuantileForecaster(**TINY).fit(bumpy(80))
    place = len(model.spec_.lags)  # the number of missing rows
    assert not model.weights_["lstm.0.input"][:, place].any()
    missing = QuantileForecaster(**TINY).fit(bumpy(80, missing=0.2))
    assert missing.weights_["lstm.0.input"][:, place].all()
