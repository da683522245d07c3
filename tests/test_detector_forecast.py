"""The detector that forecasts: its band, its stream, its files, and a stop of all traffic."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from benchmarks.clicks import clicks
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from detector_helpers import state
from fastrcf import ModelFormatError, NotFittedError, persistence
from fastrcf.detectors import ForecastDetector
from fastrcf.neural import QuantileForecaster
from forecast_helpers import TINY, bumpy, counts, random_forecaster


@pytest.fixture(scope="module")
def trained():
    """A forecaster of three columns, trained on next to nothing."""
    rows = np.column_stack([bumpy(150, seed, missing=0.02) for seed in range(3)])
    options = {**TINY, "epochs": 8, "batches_per_epoch": 10, "learning_rate": 0.02}
    return QuantileForecaster(**options).fit(rows, cat=[0, 1, 2])


def rows_for(width, n=200, seed=5):
    rows = np.column_stack([bumpy(n, seed + place, missing=0.02) for place in range(width)])
    rows[n // 2] *= 8.0
    rows[3 * n // 4 : 3 * n // 4 + 3] = 0.0
    rows[n // 3] = np.nan
    return rows


def streamed(detector, rows, cuts):
    parts = [part for part in np.split(rows, cuts) if len(part)]
    return np.concatenate([detector.score_update(part) for part in parts])


# ---- band ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["student-t", "negative-binomial"])
@pytest.mark.parametrize("band", [(0.01, 0.99), (0.2, 0.8)])
def test_a_row_alarms_if_and_only_if_it_lies_outside_the_band(likelihood, band):
    model = random_forecaster(likelihood=likelihood)
    rows = bumpy(400) if likelihood == "student-t" else counts(400)
    rows[[100, 200]] = rows.max() * 4, 0.0
    rows[300] = np.nan
    detector = ForecastDetector(model, band=band, rest=0)
    found = detector.detect_update(rows)
    low, median, high = model.bands(rows, (band[0], 0.5, band[1]))
    outside = (rows < low) | (rows > high)
    assert 0 < outside.sum() < 388
    assert [each.start for each in found] == np.flatnonzero(outside).tolist()
    for each in found:
        assert each.direction == ("low" if rows[each.start] < low[each.start] else "high")
        assert_array_equal(each.band[:, 0], [low[each.start], high[each.start]])
        assert each.expected[0] == median[each.start]
        assert each.score > detector.cutoff
        assert 0.0 < each.grade < 1.0
        assert each.to_dict()["band"] == each.band.tolist()
    levels = model.score(rows)
    assert_array_equal(ForecastDetector(model).score_update(rows), levels)
    assert_array_equal(levels > -np.log10(2 * band[0]), outside)


def test_the_column_furthest_out_is_named(trained):
    rows = rows_for(3)
    detector = ForecastDetector(trained, rest=2)
    table = dict(zip("abc", rows.T.copy(), strict=True))
    table["b"][120:] += 1000.0
    found = next(each for each in detector.detect_update(table) if each.start == 120)
    assert (found.column, found.direction) == ("b", "high")
    assert found.attribution["b"] > 0.6
    assert found.band.shape == (2, 3)


def test_small_differences_can_be_ignored(trained):
    rows = rows_for(3)
    every = ForecastDetector(trained, rest=0).detect(rows)
    some = ForecastDetector(trained, rest=0, ignore_amount=5.0).detect(rows)
    assert 0 < len(some) < len(every)
    assert {each.start for each in some} < {each.start for each in every}


# ---- stream --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [range(1, 200), [7, 8, 100, 131]])
def test_parts_of_a_stream_give_the_bits_of_the_whole(trained, cuts):
    rows = rows_for(3)
    whole, parts = ForecastDetector(trained), ForecastDetector(trained)
    assert_array_equal(streamed(parts, rows, cuts), whole.score_update(rows))
    assert state(parts) == state(whole)
    assert len(whole.detections_) > 1
    assert whole.n_seen_ == 200


def test_questions_change_nothing(trained):
    rows = rows_for(3)
    detector = ForecastDetector(trained).update(rows[:100])
    before = state(detector)
    expected = copy.deepcopy(detector).score_update(rows[100:])
    assert_array_equal(detector.score(rows[100:]), expected)
    detector.detect(rows[100:])
    assert state(detector) == before
    assert_array_equal(detector.score_update(rows[100:]), expected)


def test_a_saved_detector_goes_on_with_the_same_bits(trained, tmp_path):
    rows = rows_for(3)
    detector = ForecastDetector(trained).update(rows[:160])
    persistence.save(detector, tmp_path / "detector.frcf")
    for twin in (
        persistence.load(tmp_path / "detector.frcf"),
        pickle.loads(pickle.dumps(detector)),
    ):
        assert twin.fingerprint == detector.fingerprint
        assert state(twin) == state(detector)
        # NumPy arrays are equal here, the bands too.
        assert [each.to_dict() for each in twin.detections_] == [
            each.to_dict() for each in detector.detections_
        ]
        expected = copy.deepcopy(detector)
        assert_array_equal(twin.score_update(rows[160:]), expected.score_update(rows[160:]))
        assert state(twin) == state(expected)


def test_fit_trains_a_twin_and_goes_on_behind_the_table():
    rows = np.column_stack([bumpy(200, 0), bumpy(200, 1)])
    template = QuantileForecaster(**TINY, freq="1h")
    detector = ForecastDetector(template, band=(0.05, 0.95)).fit(rows[:150])
    assert not template.__sklearn_is_fitted__()
    model = detector.forecaster_
    assert model.spec_.calendar == ("day",)  # the clock counts from the first row
    assert model.spec_.cardinality == (2,)
    assert detector.n_seen_ == 150
    expected = model.score(rows, start="1970-01-05", cat=[0, 1])[150:]
    assert_allclose(detector.score(rows[150:]), expected, rtol=1e-12)
    twin = persistence.from_bytes(state(detector))
    assert_array_equal(twin.score_update(rows[150:]), detector.score_update(rows[150:]))
    assert twin.forecaster.freq == "1h"
    assert clone(detector).get_params()["band"] == (0.05, 0.95)
    again = ForecastDetector(template, band=(0.05, 0.95)).fit(rows[:150])
    assert again.fingerprint == detector.fingerprint


def test_neither_torch_nor_onnx_is_needed_after_training(trained, tmp_path):
    rows = rows_for(3)
    persistence.save(ForecastDetector(trained).update(rows[:50]), tmp_path / "detector.frcf")
    np.save(tmp_path / "rows.npy", rows[50:])
    code = """
import sys
sys.modules["torch"] = sys.modules["onnx"] = None
import fastrcf, numpy
detector = fastrcf.load("detector.frcf")
numpy.save("scores.npy", detector.score_update(numpy.load("rows.npy")))
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = ForecastDetector(trained).score_update(rows)[50:]
    assert_array_equal(np.load(tmp_path / "scores.npy"), expected)


# ---- errors --------------------------------------------------------------------------------------


def test_rows_need_a_trained_network():
    detector = ForecastDetector()
    for verb in (detector.update, detector.score, detector.detect, detector.score_update):
        with pytest.raises(NotFittedError, match="call fit"):
            verb(bumpy(50))
    with pytest.raises(NotFittedError, match="call fit first"):
        _ = detector.fingerprint
    assert persistence.from_bytes(state(ForecastDetector(rest=3))).rest == 3


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"forecaster": 3}, (TypeError, AttributeError), "forecaster"),
        ({"band": (0.01, 0.98)}, ValueError, "band"),
        ({"band": (0.6, 0.4)}, ValueError, "band"),
        ({"band": 0.01}, TypeError, "band"),
        ({"band": (0.0, 1.0)}, ValueError, "band"),
        ({"start": "noon"}, ValueError, "start"),
        ({"rest": -1}, ValueError, "rest"),
        ({"ignore_amount": -1.0}, ValueError, "ignore_amount"),
        ({"ignore_ratio": [0.1, 0.2]}, ValueError, "ignore_ratio"),
    ],
)
def test_wrong_options_are_named(options, kind, says):
    detector = ForecastDetector(**{"forecaster": QuantileForecaster(**TINY), **options})
    with pytest.raises(kind, match=says):
        detector.fit(bumpy(60))
    assert detector.n_seen_ == 0


def test_wrong_rows_change_nothing(trained):
    rows = rows_for(3)
    detector = ForecastDetector(trained).update(rows[:50])
    before = state(detector)
    infinite = rows.copy()
    infinite[3, 1] = np.inf
    for wrong, says in ((infinite, "row 3"), (rows[:, :2], "2 features"), (rows[:0], "0 sample")):
        with pytest.raises(ValueError, match=says):
            detector.update(wrong)
    assert state(detector) == before


def test_damaged_states_are_refused(trained):
    section, parts = ForecastDetector(trained).update(rows_for(3))._to_parts()
    for name in ("follower-state.bin", "follower-tail.bin", "weights.bin"):
        for damage in (parts[name][:-8], parts[name][:-8] + b"\xff" * 8):
            if name == "follower-tail.bin" and len(damage) == len(parts[name]):
                continue  # NaN is a missing value there
            with pytest.raises((ModelFormatError, ValueError)):
                ForecastDetector._from_parts(section, {**parts, name: damage})
    learned = section["state"]["learned"]
    wrong = {**learned, "follower": {**learned["follower"], "n_seen": 7}}
    with pytest.raises((ModelFormatError, ValueError)):
        ForecastDetector._from_parts(
            {**section, "state": {**section["state"], "learned": wrong}}, parts
        )


# ---- a stop of all traffic -----------------------------------------------------------------------


def test_a_stop_of_all_traffic_is_found_and_longer_bins_alarm_less():
    n_alarms = {}
    for minutes, freq in ((10, "10min"), (30, "30min")):
        series = clicks(minutes)
        day = 1440 // minutes
        forecaster = QuantileForecaster(
            context=day, horizon=day // 4, units=16, freq=freq, epochs=10, batches_per_epoch=25,
            learning_rate=5e-3, device="cpu",
        )  # fmt: skip
        detector = ForecastDetector(forecaster, start="2020-07-07", rest=0)
        detector.fit(series.values[: series.n_training])
        rest = series.values[series.n_training :]
        found = detector.detect(rest, time=series.times[series.n_training :])
        n_alarms[minutes] = len(found)
        if minutes == 10:
            stop = next(each for each in found if each.start == series.outage)
            assert stop.direction == "low"
            assert stop.time == np.datetime64("2020-07-15T17:30")
            assert stop.values[0] == 0.0 < stop.band[0, 0]
            assert stop.score == max(each.score for each in found)
    assert n_alarms[30] < n_alarms[10] <= 0.1 * 144
