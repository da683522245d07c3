"""The forecaster: one row after the other, from anywhere, in segments, and whole."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf.neural._forecast_features import FeatureStream, Scales
from fastrcf.neural._forecast_graph import zero_state
from fastrcf.neural._forecast_spec import ForecastSpec
from forecast_helpers import KINDS, asked, bumpy, random_forecaster, series_of


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


@pytest.mark.parametrize("back", [1, 64])
def test_a_stream_can_begin_anywhere(back, monkeypatch):
    monkeypatch.setattr("fastrcf.neural._forecast_features._BACK", back)
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
    monkeypatch.setattr("fastrcf.neural._forecast_runner.CHUNK", 7)
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
    for name, value in {"_SEGMENTS": 11, "_LANES": 6, "_LONGEST": 15, "CHUNK": 60}.items():
        monkeypatch.setattr(f"fastrcf.neural._forecast_runner.{name}", value)
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
