"""Detectors in a stream: parts or whole, saved or not, the same bits; and no look-ahead."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from damage_helpers import bundle_of, check_refused_parts, opened, refused_sections
from detector_helpers import FAST, columns, state, streamed, waves, with_events
from fastrcf import ForestDetector, persistence
from fastrcf.detectors.following import MOST_DETECTIONS

SERIES = {"one": with_events(waves(1400)), "three": with_events(columns(1400, width=3))}
OPTIONS = {
    "alarm_rate": 0.01,
    "rest": 20,
    "n_trees": 5,
    "ignore_ratio": 0.01,
}
WHOLE = {name: streamed(series, **OPTIONS) for name, series in SERIES.items()}
both = pytest.mark.parametrize("name", list(SERIES))

# ---- parts ---------------------------------------------------------------------------------------


@both
@given(cuts=st.lists(st.integers(0, 1400), max_size=8))
@settings(max_examples=6)
def test_any_parts_make_the_same_bits(name, cuts):
    scores, detector = streamed(SERIES[name], sorted(cuts), **OPTIONS)
    assert_array_equal(scores, WHOLE[name][0])
    assert detector.detections_ == WHOLE[name][1].detections_
    assert state(detector) == state(WHOLE[name][1])


@both
def test_one_row_at_a_time(name):
    series = SERIES[name]
    detector = ForestDetector(**{**FAST, **OPTIONS})
    found, scores = [], []
    for row in range(len(series)):
        before = detector.detections_
        scores += detector.score_update(series[row : row + 1]).tolist()
        found += detector.detections_[len(before) :]
    assert_array_equal(scores, WHOLE[name][0])
    assert state(detector) == state(WHOLE[name][1])
    assert len(found) > 3
    # What was said when the alarm was raised stays, but for the end.
    assert [replace(each, end=None) for each in detector.detections_] == [
        replace(each, end=None) for each in found
    ]


def test_rows_beyond_what_is_remembered():
    series = waves(17_500, period=300)
    series[[16_400, 17_000]] = [3.0, 6.0]
    options = {"period": 2730, "n_trees": 2, "alarm_rate": 0.01, "ignore_ratio": 0.001}
    scores, detector = streamed(series, **options)
    others, other = streamed(series, [3, 8000, 8192, 16_400, 17_000, 17_001], **options)
    assert_array_equal(scores, others)
    assert [each.start for each in detector.detections_ if each.start > 16_384] == [16_400, 17_000]
    assert state(detector) == state(other)


@both
def test_detect_of_a_new_detector_is_that_of_the_stream(name):
    detector = ForestDetector(**{**FAST, **OPTIONS})
    assert detector.detect(SERIES[name]) == WHOLE[name][1].detections_
    assert detector.n_seen_ == 0
    detector.update(SERIES[name][:700])
    before = state(detector)
    expected = [each for each in WHOLE[name][1].detections_ if each.start >= 700]
    assert detector.detect(SERIES[name][700:]) == expected
    assert state(detector) == before
    assert detector.detect_update(SERIES[name][700:]) == expected
    assert state(detector) == state(WHOLE[name][1])


@both
def test_threads_change_nothing(name):
    scores, detector = streamed(SERIES[name], **OPTIONS, n_jobs=2)
    assert_array_equal(scores, WHOLE[name][0])
    assert detector.detections_ == WHOLE[name][1].detections_


# ---- nothing looks ahead -------------------------------------------------------------------------


@both
@pytest.mark.parametrize("cut", [100, 255, 700, 1100])
def test_scores_do_not_depend_on_what_follows(name, cut):
    series = SERIES[name]
    rng = np.random.default_rng(cut)
    tail = 1e6 * rng.standard_t(1, size=(400, *series.shape[1:])).clip(-1e3, 1e3)
    scores, detector = streamed(np.concatenate([series[:cut], tail]), **OPTIONS)
    assert_array_equal(scores[:cut], WHOLE[name][0][:cut])
    starts = [each.start for each in detector.detections_ if each.start < cut]
    assert starts == [each.start for each in WHOLE[name][1].detections_ if each.start < cut]


@both
def test_frozen_scores_of_a_row_do_not_depend_on_what_follows(name):
    series = SERIES[name].copy()
    series[1300] *= 100.0
    detector = ForestDetector(**FAST).fit(series[:900])
    scores = detector.score(series[900:])
    assert_array_equal(detector.score(series[900:1000]), scores[:100])
    found = detector.detect(series[900:])
    starts = [each.start for each in found if each.start < 1100]
    assert [each.start for each in detector.detect(series[900:1100])] == starts
    assert len(found) > len(starts) > 0


# ---- frozen --------------------------------------------------------------------------------------


@both
def test_questions_change_nothing(name):
    series = SERIES[name]
    for detector in (
        ForestDetector(**FAST).fit(series[:900]),
        ForestDetector(**FAST).update(series[:900]),
        ForestDetector(**FAST).update(series[:10]),
    ):
        before = state(detector)
        scores = detector.score(series[900:])
        detector.detect(series[900:])
        assert state(detector) == before
        assert_array_equal(detector.score(series[900:]), scores)


def test_questions_of_a_new_detector_leave_it_new():
    detector = ForestDetector(**FAST)
    before = state(detector)
    assert_array_equal(detector.score(np.arange(10.0)), np.zeros(10))
    assert detector.detect(np.arange(10.0)) == []
    assert state(detector) == before
    assert not hasattr(detector, "n_features_in_")


def test_rows_of_fit_are_followed_by_those_that_come():
    series = waves(1200)
    detector = ForestDetector(**FAST).fit(series[:800])
    assert (detector.n_seen_, detector.detections_) == (800, [])
    frozen = detector.detect(series[800:])
    detector.fit(series[:800])
    shifted = ForestDetector(**FAST).fit(series[:800])
    assert state(detector) == state(shifted)
    series[1000:1030] = 3.0
    found = detector.detect(series[800:])
    assert len(found) == len(frozen) + 1
    assert 1000 <= found[-1].start < 1030


# ---- saved ---------------------------------------------------------------------------------------


@both
@given(cut=st.integers(0, 1400))
@settings(max_examples=4)
def test_saved_at_any_moment_it_goes_on(name, cut):
    series = SERIES[name]
    detector = ForestDetector(**{**FAST, **OPTIONS})
    if cut:
        detector.update(series[:cut])
    twin = persistence.from_bytes(state(detector))
    assert state(twin) == state(detector)
    if cut < 1400:
        assert_array_equal(twin.score_update(series[cut:]), WHOLE[name][0][cut:])
    assert twin.detections_ == WHOLE[name][1].detections_
    assert state(twin) == state(WHOLE[name][1])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_go_on(copied):
    detector = ForestDetector(**{**FAST, **OPTIONS}).update(SERIES["one"][:1035])
    twin = copied(detector)
    twin.update(SERIES["one"][1035:])
    assert state(twin) == state(WHOLE["one"][1])
    assert detector.n_seen_ == 1035


def test_fitted_and_saved(tmp_path):
    series = waves(1300)
    detector = ForestDetector(**FAST).fit(series[:900])
    persistence.save(detector, tmp_path / "detector.frcf")
    twin = persistence.load(tmp_path / "detector.frcf")
    assert twin.fingerprint == detector.fingerprint
    assert_array_equal(twin.score(series[900:]), detector.score(series[900:]))
    assert twin.detect(series[900:]) == detector.detect(series[900:])
    assert_array_equal(twin.score_update(series[900:]), detector.score_update(series[900:]))
    about = persistence.inspect(tmp_path / "detector.frcf")
    assert (about["kind"], about["n_features"]) == ("ForestDetector", 1)


@pytest.mark.parametrize("time", [np.nan, np.inf, np.int32(5), np.datetime64("2020-01-01"), "noon"])
def test_any_time_can_be_saved(time):
    series = np.zeros(120)
    series[110] = 9.0
    detector = ForestDetector(**FAST).update(series, time=[time] * 120)
    (found,) = persistence.from_bytes(state(detector)).detections_
    assert found.time in {5, "noon", "nan", "inf", "2020-01-01"}


# ---- bytes that are not to be trusted ------------------------------------------------------------


@both
def test_changed_sections_are_refused_or_harmless(name):
    detector = ForestDetector(n_trees=2, sample_size=16).update(SERIES[name][:600])
    assert refused_sections(detector, SERIES[name][:40], step=4) > 100


@both
def test_changed_parts_are_refused(name):
    detector = WHOLE[name][1]
    parts = opened(detector)[1]
    history = parts["history.bin"]
    many_changes = (
        {"history.bin": history[:-8]},
        {"history.bin": b""},
        {"history.bin": np.full(len(history) // 8, np.inf).tobytes()},
        {"view-0.bin": b""},
        {"view-0.bin": parts["view-0.bin"][:-1]},
        {"view-0.bin": parts["view-2.bin"] if name == "one" else b"FASTRCF"},
        {"view-9.bin": b""},
    )
    check_refused_parts(detector, "view-0.bin", many_changes)


def test_only_the_latest_detections_are_kept():
    section, parts = opened(WHOLE["one"][1])
    each = section["state"]["detections"][0]
    section["state"]["detections"] = [each] * (MOST_DETECTIONS - 1)
    detector = persistence.from_bytes(bundle_of(WHOLE["one"][1], section, parts))
    detector.update([1e3, *[0.0] * 300, 1e6])
    assert len(detector.detections_) == MOST_DETECTIONS
    assert [found.start for found in detector.detections_[-2:]] == [1400, 1701]
