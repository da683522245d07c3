"""The forecaster: its twin, one row after the other, missing values, errors, and its files."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone

from fastrcf import MissingExtraError, ModelFormatError, NotFittedError, persistence
from fastrcf.neural._forecast_features import FeatureStream, Scales
from fastrcf.neural._forecast_graph import zero_state
from fastrcf.neural._forecast_spec import ForecastSpec, seconds_of
from fastrcf.neural.forecaster import QuantileForecaster
from forecast_helpers import TINY, bumpy, counts, random_forecaster
from reference.naive_forecaster import NaiveForecaster, inputs_at, law_of, level_of

KINDS = [
    {},
    {"layers": 2, "units": 5},
    {"likelihood": "negative-binomial"},
    {"step": 3600, "calendar": ("day", "week", "year"), "lags": (1, 24, 50)},
    {"n_dynamic": 2, "cardinality": (3, 7)},
]


def series_of(model, n=150, seed=0, missing=0.1):
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


# ---- one row after the other ---------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("sizes", [(1,), (2, 1, 37, 5), (64,)])
def test_parts_of_a_series_give_the_bits_of_the_whole(options, sizes):
    model = random_forecaster(**options)
    series = np.column_stack([series_of(model, 150, seed) for seed in (0, 1, 2)])
    dynamic = np.random.default_rng(9).normal(size=(150, 3, model.spec_.n_dynamic))
    embedded = model.embedded(np.array([[0, 1], [2, 3], [1, 6]])[:, : len(model.spec_.cardinality)])
    runner = model.runner()

    def judged(cuts):
        stream, state = FeatureStream(model.spec_, model.scales_, 3), zero_state(model.spec_, 3)
        parts = []
        for part in np.split(np.arange(150), cuts):
            found, state = runner.run(
                stream, series[part], embedded, state, quantiles=(0.1, 0.9), dynamic=dynamic[part]
            )
            parts.append(found)
        return [np.concatenate(each) for each in zip(*parts, strict=True)], state

    cuts = np.cumsum(np.resize(sizes, 150))
    (params, quantiles), state = judged(cuts[cuts < 150])
    (whole, expected), last = judged([])
    assert_array_equal(params, whole)
    assert_array_equal(quantiles, expected)
    assert_array_equal(state.hidden, last.hidden)


def test_the_next_row_is_peeked_at_as_it_will_be():
    spec = ForecastSpec(context=6, lags=(1, 4), step=3600, calendar=("day",))
    stream = FeatureStream(spec, Scales(2.0, 0.1), 2)
    series = np.column_stack([bumpy(40, 0, missing=0.2), bumpy(40, 1)])
    for row in series:
        inputs, scale = stream.peek()
        again, same = stream.push(row[np.newaxis])
        assert_array_equal(inputs, again)
        assert_array_equal(scale, same)


def test_a_stream_can_begin_anywhere():
    spec = ForecastSpec(context=6, lags=(1, 4, 9), step=3600, calendar=("day",))
    series = np.column_stack([bumpy(80, 0, missing=0.3), bumpy(80, 1)])
    series[:5, 0] = series[20:50, 1] = np.nan
    whole, scale = FeatureStream(spec, Scales(2.0, 0.1), 2).push(series)
    for place in range(80):
        stream = FeatureStream(spec, Scales(2.0, 0.1), 2).before(series, place)
        inputs, sizes = stream.push(series[place:])
        assert_array_equal(inputs, whole[place:])
        assert_array_equal(sizes, scale[place:])


def test_chunks_of_the_runner_do_not_show(monkeypatch):
    model, series = random_forecaster(), bumpy(500)
    expected = model.bands(series)
    monkeypatch.setattr("fastrcf.neural._forecast_runner._CHUNK", 7)
    assert_array_equal(model.bands(series), expected)


def test_segments_forget_only_what_is_far_back():
    model, series = random_forecaster(size=0.3), np.column_stack([bumpy(3000, 0), bumpy(3000, 1)])
    whole = model.bands(series)[:, 12:]
    errors = []
    for warm_up in (0, 10, 100):
        found = model.bands(series, warm_up=warm_up)
        assert_array_equal(model.bands(series, warm_up=warm_up, n_jobs=3), found)
        errors.append(np.abs(found[:, 12:] - whole).max() / whole.std())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-5
    short = series[:40]
    assert_allclose(model.bands(short, warm_up=50), model.bands(short), rtol=1e-6)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("warm_up", [0, 7, 30])
def test_segments_are_runs_from_an_empty_state(options, warm_up, monkeypatch):
    for name, value in {"SEGMENTS": 11, "LANES": 6, "LONGEST": 15, "CHUNK": 60}.items():
        monkeypatch.setattr(f"fastrcf.neural._forecast_runner._{name}", value)
    model = random_forecaster(**options)
    series = np.column_stack([series_of(model, 200, seed) for seed in (0, 1)])
    series[:3] = series[40:50, 1] = np.nan
    told = asked(model, 200)
    if "cat" in told:
        told["cat"] = [[2, 5], [0, 6]]
    asked_for = (told.get(name) for name in ("start", "dynamic_feat", "cat"))
    given = model._read(series, *asked_for)[0][0]
    found = model.bands(series, (0.1, 0.9), warm_up=warm_up, **told)
    length = max(15, warm_up)
    for start in range(0, 200, length):
        before = max(0, start - warm_up)
        judged, _ = model.runner().run(
            model.stream(given).before(series, before),
            series[before : start + length],
            model.embedded(given.cat),
            zero_state(model.spec_, 2),
            quantiles=(0.1, 0.9),
            dynamic=given.dynamic[before : start + length],
        )
        expected = np.moveaxis(judged.quantiles[start - before :], 2, 0)
        expected[:, : max(0, 12 - start)] = np.nan
        assert_allclose(found[:, start : start + length], expected, rtol=1e-5, atol=1e-6)
    threaded = model.bands(series, (0.1, 0.9), warm_up=warm_up, n_jobs=4, **told)
    assert_array_equal(threaded, found)


def test_columns_are_series_of_their_own():
    model = random_forecaster()
    series = np.column_stack([bumpy(100, 0), bumpy(100, 1, missing=0.1)])
    both = model.bands(series)
    assert both.shape == (3, 100, 2)
    assert_allclose(both[:, :, 1], model.bands(series[:, 1]), rtol=1e-6)
    records = [{"target": series[:60, 0].tolist()}, {"target": series[:, 0].tolist()}]
    short, whole = model.bands(records)
    assert_allclose(short[:, 12:], whole[:, 12:60], rtol=1e-6)
    levels = [model.score(column) for column in series.T]
    expected = np.maximum(np.max(levels, axis=0) - np.log10(2), 0.0)
    assert_allclose(model.score(series), expected, rtol=1e-5, atol=1e-9)


def test_a_band_knows_nothing_of_its_row_or_later_ones():
    model, series = random_forecaster(), bumpy(100)
    other = series.copy()
    other[60:] = 1e6
    assert_array_equal(model.bands(other)[:, :61], model.bands(series)[:, :61])
    assert (model.bands(other)[:, 61] != model.bands(series)[:, 61]).all()


def test_extreme_values_leave_finite_bands():
    model = random_forecaster()
    series = bumpy(200)
    series[50], series[90], series[100:150] = 1e30, -1e30, 0.0
    bands = model.bands(series)[:, 12:]
    assert np.isfinite(bands).all()
    assert (np.diff(bands, axis=0) > 0).all()
    assert np.isfinite(model.score(series)).all()


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


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"context": 0}, ValueError, "context"),
        ({"horizon": 1.5}, TypeError, "horizon"),
        ({"units": 5000}, ValueError, "units"),
        ({"layers": 0}, ValueError, "layers"),
        ({"likelihood": "normal"}, ValueError, "likelihood"),
        ({"freq": "month"}, ValueError, "freq"),
        ({"freq": 600}, TypeError, "freq"),
        ({"lags": (2, 1)}, ValueError, "lags"),
        ({"lags": 3}, TypeError, "lags"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batches_per_epoch": 0}, ValueError, "batches_per_epoch"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"patience": 0}, ValueError, "patience"),
        ({"validation_fraction": 0.6}, ValueError, "validation_fraction"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"device": "tpu"}, ValueError, "device"),
    ],
)
def test_wrong_options_are_named(options, kind, says):
    with pytest.raises(kind, match=says):
        QuantileForecaster(**{**TINY, **options}).fit(bumpy(60))


@pytest.mark.parametrize(
    ("series", "told", "kind", "says"),
    [
        (bumpy(17), {}, ValueError, "series 0: expected at least 18 rows"),
        (np.full(40, np.nan), {}, ValueError, "missing"),
        (np.append(bumpy(40), np.inf), {}, ValueError, "row 40, column 0 is infinite"),
        (bumpy(40), {"start": "yesterday"}, ValueError, "start"),
        (bumpy(40), {"start": "2020-01-01T00:00Z"}, ValueError, "zone"),
        (bumpy(40), {"dynamic_feat": np.ones(39)}, ValueError, "dynamic_feat"),
        (bumpy(40), {"dynamic_feat": np.full(40, np.nan)}, ValueError, "dynamic_feat"),
        (bumpy(40), {"cat": [0, 1]}, ValueError, "cat"),
        (bumpy(40), {"cat": [-1]}, ValueError, "cat"),
        (bumpy(40), {"cat": [0.5]}, ValueError, "cat"),
        ([{"target": [1.0] * 40}, {"target": [1.0] * 40, "cat": [1]}], {}, ValueError, "cat"),
        ([{"target": [1.0] * 40}], {"cat": [1]}, ValueError, "cat"),
        ([{"target": ["x"]}], {}, TypeError, r"records\[0\].target\[0\]"),
        ("text", {}, (TypeError, ValueError), "X"),
    ],
)
def test_wrong_series_are_named_and_change_nothing(series, told, kind, says):
    model = random_forecaster()
    before = persistence.to_bytes(model)
    model.set_params(context=12, horizon=6, epochs=1, batches_per_epoch=1)
    with pytest.raises(kind, match=says):
        model.fit(series, **told)
    model.set_params(horizon=24, epochs=100, batches_per_epoch=50)
    assert persistence.to_bytes(model) == before


def test_counts_are_counts():
    model = QuantileForecaster(**TINY, likelihood="negative-binomial")
    series = counts(60)
    series[41] = 0.5
    with pytest.raises(ValueError, match=r"expected counts.* got 0.5 in row 41"):
        model.fit(series)
    series[41] = -2.0
    with pytest.raises(ValueError, match=r"got -2\.0"):
        model.fit(series)


def test_questions_check_what_they_are_told():
    model = random_forecaster(step=3600, calendar=("day",), cardinality=(3,))
    series = bumpy(60)
    with pytest.raises(ValueError, match="start: expected the time"):
        model.bands(series, cat=[0])
    with pytest.raises(ValueError, match="cat: expected 1 for each series"):
        model.bands(series, start="2020-01-01")
    with pytest.raises(ValueError, match="cat: expected numbers below 3"):
        model.score(series, start="2020-01-01", cat=[3])
    simple = random_forecaster()
    for quantiles in ((), (0.0,), (1.0,), (float("nan"),)):
        with pytest.raises(ValueError, match="quantiles"):
            simple.bands(series, quantiles)
    with pytest.raises(TypeError, match="quantiles"):
        simple.bands(series, "0.5")
    with pytest.raises(ValueError, match="horizon"):
        simple.forecast(series, 0)
    with pytest.raises(ValueError, match="n_samples"):
        simple.forecast(series, 3, n_samples=0)
    with pytest.raises(NotFittedError, match="call fit first"):
        QuantileForecaster().bands(series)
    with pytest.raises(NotFittedError):
        _ = QuantileForecaster().fingerprint


def test_distances_between_rows():
    assert [seconds_of(each) for each in ("10min", "H", "1 D", "2w", "30s")] == [
        600, 3600, 86_400, 1_209_600, 30,
    ]  # fmt: skip
    for wrong in ("", "0min", "5", "1.5h", "month", "-1h"):
        with pytest.raises(ValueError, match="freq"):
            seconds_of(wrong)


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
def test_a_saved_forecaster_goes_on_with_the_same_bits(options, tmp_path):
    model = random_forecaster(**options)
    series, told = series_of(model), asked(model)
    expected = model.bands(series, **told)
    persistence.save(model, tmp_path / "model.frcf")
    twin = persistence.load(tmp_path / "model.frcf")
    assert_array_equal(twin.bands(series, **told), expected)
    assert_array_equal(pickle.loads(pickle.dumps(model)).bands(series, **told), expected)
    assert twin.fingerprint == model.fingerprint
    assert persistence.to_bytes(twin) == persistence.to_bytes(model)
    assert persistence.inspect(tmp_path / "model.frcf")["kind"] == "QuantileForecaster"
    untrained = QuantileForecaster(units=3, lags=(1, 2))
    empty = persistence.from_bytes(persistence.to_bytes(untrained))
    assert repr(empty) == repr(untrained)
    assert not empty.__sklearn_is_fitted__()


def test_damaged_parts_are_refused():
    section, parts = random_forecaster()._to_parts()
    with pytest.raises(TypeError, match="device"):
        QuantileForecaster._from_parts(
            {**section, "params": {**section["params"], "device": 3}}, parts
        )
    wrong_weights = {**parts, "weights.bin": parts["weights.bin"][4:]}
    nan_weights = {**parts, "weights.bin": b"\xff" * len(parts["weights.bin"])}
    for bad in (wrong_weights, nan_weights, {"weights.bin": b""}):
        with pytest.raises(ModelFormatError):
            QuantileForecaster._from_parts(section, bad)
    with pytest.raises(ValueError, match="spec"):
        QuantileForecaster._from_parts({**section, "spec": {"units": 1}}, parts)
    with pytest.raises(ValueError, match="scales"):
        QuantileForecaster._from_parts(
            {**section, "scales": {**section["scales"], "least": 0.0}}, parts
        )
    hostile = QuantileForecaster._from_parts(section, {**parts, "forecast.onnx": b"no model"})
    with pytest.raises(ModelFormatError):
        hostile.bands(bumpy(40))
    other = random_forecaster(units=3)._to_parts()[1]["forecast.onnx"]
    swapped = QuantileForecaster._from_parts(section, {**parts, "forecast.onnx": other})
    with pytest.raises(ModelFormatError, match="forecaster"):
        swapped.bands(bumpy(40))


def test_neither_torch_nor_onnx_is_needed_after_training(tmp_path):
    model, series = random_forecaster(), bumpy(60)
    persistence.save(model, tmp_path / "model.frcf")
    code = """
import json, sys
sys.modules["torch"] = sys.modules["onnx"] = sys.modules["scipy"] = None
import fastrcf
model = fastrcf.load("model.frcf")
series = json.load(sys.stdin)
median = model.forecast(series, 3).median[:, 0]
answers = [model.bands(series)[:, -1], model.score(series)[-3:], median]
print(json.dumps([each.tolist() for each in answers]))
try:
    model.fit(series, )
except fastrcf.MissingExtraError as error:
    print(error)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(series.tolist()), text=True,
        capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    answers, error = process.stdout.splitlines()
    bands, levels, median = json.loads(answers)
    assert_array_equal(bands, model.bands(series)[:, -1])
    assert_array_equal(levels, model.score(series)[-3:])
    assert_array_equal(median, model.forecast(series, 3).median[:, 0])
    assert "fastrcf[train]" in error


def test_a_missing_runtime_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"fastrcf\[onnx\]"):
        random_forecaster().bands(bumpy(40))
