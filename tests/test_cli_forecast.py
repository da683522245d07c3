"""``fastrcf forecast``."""

import json

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from cli_helpers import fails, ok, write_csv
from fastrcf import ForestDetector, persistence
from fastrcf.detectors import ForecastDetector
from fastrcf.neural import QuantileForecaster
from forecast_helpers import TINY, bumpy, random_forecaster

NETWORK = ["--context", "12", "--units", "4", "--epochs", "1", "--batch-size", "4"]


def times(n, step=3600):
    return np.datetime64("2020-01-01T00:00:00") + np.arange(n) * np.timedelta64(step, "s")


def table(path, n=120, width=1, keep=None):
    columns = {"time": times(n)} | {f"v{k}": bumpy(n, k).round(4) for k in range(width)}
    if keep is not None:
        columns = {name: each[keep] for name, each in columns.items()}
    return write_csv(path, columns)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.frcf"
    persistence.save(random_forecaster(), path)
    return path


def read(text):
    return arrow_csv.read_csv(pa.py_buffer(text.encode())).to_pydict()


def test_a_table_is_forecast_by_a_model(tmp_path, model):
    file = table(tmp_path / "in.csv")
    result = ok("forecast", file, "-m", model, "--horizon", 5, "--quantiles", "0.1,0.5,0.9")
    found = read(result.stdout)
    assert list(found) == ["time", "q0.1", "q0.5", "q0.9"]
    assert str(found["time"][0]) == "2020-01-06 00:00:00"
    expected = persistence.load(model).forecast(bumpy(120).round(4), 5, (0.1, 0.5, 0.9))
    assert_allclose(found["q0.9"], expected.values[2, :, 0])


def test_bands_have_a_row_for_each_row(tmp_path, model):
    file = table(tmp_path / "in.csv", width=2)
    out = tmp_path / "out.parquet"
    ok("forecast", file, "-m", model, "--bands", "-o", out, "--plot", tmp_path / "bands.svg")
    found = parquet.read_table(out).to_pydict()
    assert list(found) == ["series", "time", "value", "score", "q0.01", "q0.5", "q0.99"]
    assert found["series"] == ["v0"] * 120 + ["v1"] * 120
    loaded = persistence.load(model)
    second = bumpy(120, 1).round(4)
    assert_allclose(found["value"][120:], second)
    assert_allclose(found["score"][120:], loaded.score(second), rtol=1e-6, atol=1e-9)
    assert found["q0.01"][:12] == [None] * 12
    assert_allclose(found["q0.99"][132:], loaded.bands(second)[2, 12:], rtol=1e-6)
    assert (tmp_path / "bands.svg").stat().st_size > 1000


def test_training_and_then_the_model_alone_say_the_same(tmp_path):
    file, model = table(tmp_path / "in.csv", width=2), tmp_path / "model.frcf"
    first = ok("forecast", file, *NETWORK, "--horizon", 6, "--save", model, "--plot",
               tmp_path / "ahead.png")  # fmt: skip
    assert "trained for 1 epochs" in first.stderr
    assert (tmp_path / "ahead.png").stat().st_size > 1000
    second = ok("forecast", file, "-m", model)
    assert second.stdout == first.stdout
    loaded = persistence.load(model)
    assert (loaded.freq, loaded.context, loaded.horizon) == ("3600s", 12, 6)
    assert loaded.spec_.cardinality == (2,)
    assert loaded.spec_.calendar == ("day",)


def test_rows_that_the_clock_misses_are_missing_values(tmp_path, model):
    keep = np.delete(np.arange(120), [50, 51, 70])
    result = ok("forecast", table(tmp_path / "in.csv", keep=keep), "-m", model, "--bands")
    assert "3 rows that the clock misses" in result.stderr
    found = read(result.stdout)
    assert len(found["time"]) == 120
    assert found["value"][50] in (None, "")
    series = bumpy(120).round(4)
    series[[50, 51, 70]] = np.nan
    expected = persistence.load(model).bands(series, (0.5,))[0, 12:]
    assert_allclose(found["q0.5"][12:], expected, rtol=1e-6)


def test_without_a_clock_rows_are_numbered(tmp_path, model):
    file = write_csv(tmp_path / "in.csv", {"v": bumpy(60).round(3)})
    lines = ok("forecast", file, "-m", model, "--horizon", 2, "--to", "jsonl").stdout.splitlines()
    assert [json.loads(line)["row"] for line in lines] == [61, 62]


def test_records_are_answered_with_json(tmp_path, model):
    records = [{"target": bumpy(40, seed).tolist()} for seed in (0, 1)]
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in records))
    lines = ok("forecast", file, "-m", model, "--horizon", 3).stdout.splitlines()
    expected = persistence.load(model).forecast(records, 3)
    for line, forecast in zip(lines, expected, strict=True):
        assert_allclose(json.loads(line)["quantiles"]["0.99"], forecast.values[2, :, 0])
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"instances": records, "configuration": {"num_samples": 9}}))
    out = tmp_path / "answer.json"
    ok("forecast", request, "-m", model, "-o", out)
    assert len(json.loads(out.read_text())["predictions"]) == 2
    trained = ok("forecast", file, *NETWORK, "--horizon", 2)
    assert len(json.loads(trained.stdout.splitlines()[0])["quantiles"]["0.5"]) == 2


def test_a_detector_s_forecaster_is_one(tmp_path):
    detector = ForecastDetector(QuantileForecaster(**TINY)).fit(bumpy(60))
    persistence.save(detector, tmp_path / "detector.frcf")
    file = write_csv(tmp_path / "in.csv", {"v": bumpy(60).round(3)})
    found = read(ok("forecast", file, "-m", tmp_path / "detector.frcf").stdout)
    assert len(found["q0.5"]) == 6


def test_wrong_wishes_are_named(tmp_path, model):
    file = table(tmp_path / "in.csv")
    assert "--quantiles" in fails(2, "forecast", file, "-m", model, "--quantiles", "0.5,high")
    assert "--epochs" in fails(2, "forecast", file, "-m", model, "--epochs", 3)
    assert "--horizon" in fails(2, "forecast", file, "-m", model, "--bands", "--horizon", 3)
    assert "no such file" in fails(66, "forecast", file, "-m", tmp_path / "none.frcf")
    assert "likelihood" in fails(78, "forecast", file, *NETWORK, "--likelihood", "normal")
    short = table(tmp_path / "short.csv", n=20)
    assert "at least 36 rows" in fails(65, "forecast", short, *NETWORK)
    uneven = write_csv(
        tmp_path / "uneven.csv", {"time": times(40) + np.arange(40) ** 2, "v": bumpy(40)}
    )
    assert "resample" in fails(65, "forecast", uneven, "-m", model)
    persistence.save(ForestDetector(n_trees=2).update(bumpy(60)), tmp_path / "forest.frcf")
    assert "ForestDetector" in fails(65, "forecast", file, "-m", tmp_path / "forest.frcf")
    broken = tmp_path / "records.jsonl"
    broken.write_text('{"target": [1, 2]}\n{"target": ["x"]}\n')
    assert "line 2" in fails(65, "forecast", broken, "-m", model)
