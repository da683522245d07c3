"""The forecaster: errors that name what is wrong and change nothing, and its files."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import MissingExtraError, ModelFormatError, NotFittedError, persistence
from fastrcf.neural._forecast_graph_runner import GraphRunner
from fastrcf.neural._forecast_spec import seconds_of
from fastrcf.neural.forecaster import QuantileForecaster
from forecast_helpers import KINDS, TINY, asked, bumpy, counts, random_forecaster, series_of

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
    with pytest.raises(ModelFormatError):
        QuantileForecaster._from_parts(section, {**parts, "forecast.onnx": b"no model"})


def test_the_graph_of_another_network_is_found_when_it_is_opened():
    spec = random_forecaster().spec_
    other = random_forecaster(units=3)._to_parts()[1]["forecast.onnx"]
    with pytest.raises(ModelFormatError, match="forecaster"):
        GraphRunner(spec, other)


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
    model = random_forecaster()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert np.isfinite(model.bands(bumpy(40))[:, -1]).all()  # the core needs none
    with pytest.raises(MissingExtraError, match=r"fastrcf\[onnx\]"):
        model.set_params(device="cuda").runner()
