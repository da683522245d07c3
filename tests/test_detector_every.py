"""The contract checks, run over every detector: parts or whole, saved or not, errors, alarms."""

import copy
import importlib.util
import json
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone

from damage_helpers import check_refused_parts, opened, refused_sections
from detector_helpers import columns, state, with_events
from detector_networks import Components
from fastrcf import (
    AutoencoderDetector,
    CascadeDetector,
    ForestDetector,
    NotFittedError,
    TwoStageDetector,
    persistence,
)

OPTIONS = {"alarm_rate": 0.01, "rest": 20, "ignore_ratio": 0.01}
MAKE = {
    "forest": lambda **more: ForestDetector(n_trees=5, random_state=3, **more),
    "autoencoder": lambda **more: AutoencoderDetector(Components(), **more),
    "two_stage": lambda **more: TwoStageDetector(Components(), **more),
    "two_networks": lambda **more: TwoStageDetector(Components(), first="autoencoder", **more),
    "cascade": lambda **more: CascadeDetector(
        Components(), n_trees=3, sample_size=64, budget=0.3, **more
    ),
}
LEARNED, ROWS, FRESH = np.split(columns(1700, width=6), [700, 1400])
ROWS = with_events(ROWS)
witnessed = pytest.mark.parametrize("name", list(MAKE))  # with a law of scores, and ranges
with_windows = pytest.mark.parametrize("name", [name for name in MAKE if name != "forest"])


def forecast(alarm_rate=0.001, **more):
    """A detector whose knob is a band of the same width."""
    from fastrcf import ForecastDetector, QuantileForecaster

    small = {"context": 8, "horizon": 4, "units": 4, "lags": (1,), "batches_per_epoch": 20}
    forecaster = QuantileForecaster(**small, epochs=10, learning_rate=0.02)
    low = 1.25 * alarm_rate
    return ForecastDetector(forecaster, band=(low, 1.0 - low), **more)


if all(map(importlib.util.find_spec, ("torch", "onnx", "onnxruntime"))):
    MAKE["forecast"] = forecast
every = pytest.mark.parametrize("name", list(MAKE))


def fitted(name, **more):
    return MAKE[name](**OPTIONS, **more).fit(LEARNED)


FITTED = {name: state(fitted(name)) for name in MAKE}
WHOLE = {}


def new(name):
    """A fitted detector, always the same."""
    return persistence.from_bytes(FITTED[name])


def whole(name):
    """Scores and state after all rows at once."""
    if name not in WHOLE:
        detector = new(name)
        scores = detector.score_update(ROWS)
        WHOLE[name] = scores, state(detector), detector.detections_
    return WHOLE[name]


# ---- parts ---------------------------------------------------------------------------------------


@every
@given(cuts=st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=3)
def test_any_parts_make_the_same_bits(name, cuts):
    detector = new(name)
    parts = [part for part in np.split(ROWS, sorted(cuts)) if len(part)]
    scores = np.concatenate([detector.score_update(part) for part in parts])
    assert_array_equal(scores, whole(name)[0])
    assert state(detector) == whole(name)[1]


@every
def test_one_row_at_a_time(name):
    detector = new(name)
    scores, found = [], 0
    for row in ROWS:
        scores += detector.score_update(row[None]).tolist()
        found = max(found, len(detector.detections_))
    assert_array_equal(scores, whole(name)[0])
    assert state(detector) == whole(name)[1]
    assert detector.detections_ == whole(name)[2]
    assert found >= 1


@every
@pytest.mark.parametrize("cut", [3, 233])
def test_saved_at_any_moment_it_goes_on(name, cut):
    detector = new(name).update(ROWS[:cut])
    twin = persistence.from_bytes(state(detector))
    assert state(twin) == state(detector)
    assert twin.fingerprint == detector.fingerprint == new(name).fingerprint
    assert_array_equal(twin.score_update(ROWS[cut:]), whole(name)[0][cut:])
    assert state(twin) == whole(name)[1]


@every
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_go_on(name, copied):
    detector = new(name).update(ROWS[:250])
    twin = copied(detector)
    twin.update(ROWS[250:])
    assert state(twin) == whole(name)[1]
    assert detector.n_seen_ == 950


# ---- questions -----------------------------------------------------------------------------------


@every
def test_questions_change_nothing(name):
    detector = new(name).update(ROWS[:250])
    before = state(detector)
    scores, found = detector.score(ROWS[250:]), detector.detect(ROWS[250:])
    assert state(detector) == before
    assert_array_equal(detector.score(ROWS[250:]), scores)
    assert detector.detect(ROWS[250:]) == found
    assert found


@every
@pytest.mark.parametrize("cut", [10, 550])
def test_nothing_looks_ahead(name, cut):
    changed = ROWS.copy()
    changed[cut:] *= 1000.0
    detector = new(name)
    assert_array_equal(detector.score(changed)[:cut], detector.score(ROWS)[:cut])
    assert_array_equal(detector.score(ROWS[:cut]), detector.score(ROWS)[:cut])
    starts = [each.start for each in whole(name)[2] if each.start < 700 + cut]
    detector.update(changed)
    assert [each.start for each in detector.detections_ if each.start < 700 + cut] == starts


@witnessed
def test_scores_are_levels(name):
    scores = new(name).score(ROWS)
    assert scores.shape == (700,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (scores >= 0.0).all()
    assert not scores[np.isnan(ROWS).any(axis=1)].any()
    assert scores[300:340].all()


# ---- what is found -------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(("column", "sign"), [(0, 1.0), (1, -1.0), (4, 1.0)])
def test_a_disturbed_column_is_named(name, column, sign):
    rows = FRESH.copy()
    rows[200, column] += sign * 12.0 * LEARNED[:, column].std()
    detector = MAKE[name]().fit(LEARNED)
    found = next(each for each in detector.detect(rows[190:]) if each.start == 700 + 10)
    assert (found.column, found.direction) == (column, "high" if sign > 0 else "low")
    assert sum(found.attribution.values()) == pytest.approx(1.0)
    assert list(found.attribution) == list(range(6))
    assert_array_equal(found.values, rows[200])
    assert abs(found.expected[column] - rows[200, column]) > 2 * LEARNED[:, column].std()
    assert 0.0 < found.grade < 1.0
    assert json.loads(json.dumps(found.to_dict()))["start"] == 710


@every
def test_few_alarms_on_what_is_usual(name):
    rows = columns(9000, width=6, seed=0)
    detector = MAKE[name](alarm_rate=0.001).fit(rows[:3000])
    alarms = detector.detect(rows[3000:])
    assert len(alarms) <= 2 * 0.001 * 6000


@witnessed
def test_values_outside_everything_seen_alarm_at_any_rate(name):
    detector = MAKE[name](alarm_rate=1e-300).fit(LEARNED)
    rows = FRESH[:60].copy()
    rows[50, 1] = LEARNED[:, 1].max() + np.ptp(LEARNED[:, 1])
    found = next(each for each in detector.detect(rows) if each.start == 750)
    assert (found.reason, found.column, found.direction) == ("range", 1, "high")


@every
def test_nothing_within_a_band_alarms(name):
    rows = FRESH.copy()
    rows[200, 0] += 12.0 * LEARNED[:, 0].std()
    wide = MAKE[name](**OPTIONS | {"ignore_amount": 1e9}).fit(LEARNED)
    assert not any(each.start == 710 for each in wide.detect(rows[190:]))
    assert any(each.start == 710 for each in new(name).detect(rows[190:]))


@every
def test_names_and_times(name):
    table = dict(zip("abcdef", FRESH.copy().T, strict=True))
    detector = MAKE[name]().fit(table)
    table["b"][250] += 30.0 * LEARNED[:, 1].std()
    found = detector.detect_update(table, time=[f"t{row}" for row in range(300)])
    alarm = next(each for each in found if each.start == 300 + 250)
    assert (alarm.column, alarm.time) == ("b", "t250")
    assert list(detector.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="order"):
        detector.score({name: table[name] for name in "bacdef"})


@every
@pytest.mark.parametrize("huge", [1e30, -1e30])
def test_values_as_large_as_may_be(name, huge):
    rows = FRESH[:100].copy()
    rows[50, 1] = huge
    detector = MAKE[name]().fit(LEARNED)
    assert any(each.start == 750 for each in detector.detect(rows))
    assert np.isfinite(detector.score(rows)).all()


# ---- errors and options --------------------------------------------------------------------------


@every
@pytest.mark.parametrize("verb", ["score", "score_update", "update", "detect", "detect_update"])
def test_wrong_rows_change_nothing(name, verb):
    detector = new(name)
    before = state(detector)
    infinite = np.where(np.arange(20)[:, None] == 7, np.inf, ROWS[:20])
    for rows, says in ((infinite, "row 7"), (ROWS[:, :2], "2 features"), (ROWS[:0], "0 sample")):
        with pytest.raises(ValueError, match=says):
            getattr(detector, verb)(rows)
    assert state(detector) == before


@witnessed
def test_options_are_those_of_the_constructor(name):
    detector = fitted(name)
    twin = clone(detector)
    assert repr(twin) == repr(detector)
    assert twin.n_seen_ == 0
    before = state(detector)
    detector.set_params(alarm_rate=0.1)
    assert state(detector) == before
    with pytest.raises(ValueError, match="alarm_rate"):
        detector.set_params(alarm_rate=7.0).fit(LEARNED)
    assert state(detector) == before
    assert detector.set_params(alarm_rate=0.1).fit(LEARNED).cutoff < new(name).cutoff


@witnessed
@pytest.mark.parametrize(
    "wrong",
    [
        {"alarm_rate": 0.0},
        {"rest": -1},
        {"ignore_amount": [1.0, 2.0]},
        {"ignore_ratio": float("nan")},
    ],
)
def test_wrong_options_are_named(name, wrong):
    detector = MAKE[name](**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        detector.fit(LEARNED)
    assert detector.n_seen_ == 0


@with_windows
def test_rows_before_fit_are_refused(name):
    detector = MAKE[name]()
    with pytest.raises(NotFittedError, match="call fit with normal rows first"):
        detector.score(LEARNED)
    twin = persistence.from_bytes(state(detector))
    assert repr(twin) == repr(detector)
    with pytest.raises(NotFittedError):
        twin.update(LEARNED)


# ---- bytes that are not to be trusted ------------------------------------------------------------


@with_windows
def test_changed_sections_are_refused_or_harmless(name):
    assert refused_sections(new(name).update(ROWS[:360]), ROWS[:10], step=13) > 20


@with_windows
def test_changed_parts_are_refused(name):
    detector = new(name)
    tail = opened(detector)[1]["tail.bin"]
    many_changes = (
        {"tail.bin": tail + tail},
        {"tail.bin": tail[:-8]},
        {"tail.bin": np.full(3, np.inf).tobytes()},
        {"network-mean.bin": b""},
        {"other.bin": b""},
    )
    check_refused_parts(detector, "tail.bin", many_changes)


@with_windows
def test_blocks_of_rows_change_nothing(name, monkeypatch):
    scores, found = new(name).score(ROWS), new(name).detect(ROWS)
    monkeypatch.setattr(type(new(name)._engine), "block", 37)
    assert_array_equal(new(name).score(ROWS), scores)
    assert new(name).detect(ROWS) == found
    assert_array_equal(new(name).score_update(ROWS), whole(name)[0])


@with_windows
@pytest.mark.parametrize("verb", ["score", "score_update"])
def test_blocks_of_rows_bound_memory(name, verb, monkeypatch):
    detector, rows = new(name), columns(10_000, width=6)
    monkeypatch.setattr(type(detector._engine), "block", 200)
    tracemalloc.start()
    try:
        getattr(detector, verb)(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * rows.nbytes
