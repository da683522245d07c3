"""A detector against its slow twin, whole and part by part."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearson3

from detector_helpers import columns, streamed, waves, with_events
from fastrcf import ForestDetector
from fastrcf.detectors.alarms import Alarms, Range
from fastrcf.detectors.finder import _expected
from fastrcf.detectors.law import ScoreLaw, tail_level
from fastrcf.detectors.period import find_period
from fastrcf.detectors.plan import make_plan
from fastrcf.detectors.views import ColumnsView, ShapeView
from reference import naive_detector as naive

ALL = ("values", "shape", "change", "rest", "path")

# ---- the whole -----------------------------------------------------------------------------------


def assert_same_detections(found, expected):
    assert [(each.start, each.end) for each in found] == [each[:2] for each in expected]
    for each, (_, _, facts) in zip(found, expected, strict=True):
        assert (each.reason, each.column, each.direction) == (
            facts["reason"],
            facts["column"],
            facts["direction"],
        )
        assert_allclose([each.score, each.grade], [facts["score"], facts["grade"]], rtol=1e-5)
        assert_allclose(each.expected, facts["expected"])
        assert_allclose(list(each.attribution.values()), facts["attribution"], rtol=1e-6)


@pytest.mark.parametrize("period", [None, 70], ids=["estimated", "given"])
def test_of_a_series_with_a_period(period):
    series = with_events(waves(1000, period=period or 40))
    twin = naive.NaiveDetector(10, alarm_rate=0.01, rest=20, period=period, random_state=3)
    twin.update(series[:, None])
    scores, detector = streamed(series, alarm_rate=0.01, rest=20, period=period)
    assert_allclose(scores, twin.scores, rtol=1e-5, atol=1e-9)
    assert len(detector.detections_) >= 2
    assert detector._engine.plan.period == twin.period > 0
    assert_same_detections(detector.detections_, twin.detections())


def test_of_noise():
    series = np.random.default_rng(2).standard_t(3, 1000)
    twin = naive.NaiveDetector(10, alarm_rate=0.01, random_state=3)
    twin.update(series[:, None])
    scores, detector = streamed(series, alarm_rate=0.01)
    assert_allclose(scores, twin.scores, rtol=1e-5, atol=1e-9)
    assert len(detector.detections_) > 2
    assert_same_detections(detector.detections_, twin.detections())


def test_of_columns():
    rows = columns(700, width=4)
    rows[600:610, 2] *= 2.0
    twin = naive.NaiveDetector(10, alarm_rate=0.01, random_state=3)
    twin.update(rows)
    scores, detector = streamed(rows, alarm_rate=0.01)
    assert_allclose(scores, twin.scores, rtol=1e-5, atol=1e-9)
    assert len(detector.detections_) > 2
    assert_same_detections(detector.detections_, twin.detections())


@pytest.mark.parametrize("rows", [waves(700)[:, None], columns(700, width=3)], ids=["one", "three"])
def test_fitted(rows):
    twin = naive.NaiveDetector(10, alarm_rate=0.01, random_state=3)
    twin.fit(rows[:450])
    twin.update(rows[450:])
    detector = ForestDetector(n_trees=10, alarm_rate=0.01, random_state=3).fit(rows[:450])
    assert_allclose(detector.score_update(rows[450:]), twin.scores, rtol=1e-5, atol=1e-9)
    assert_same_detections(detector.detections_, twin.detections())


@pytest.mark.parametrize("place", [0, 1, 9, 10, 20, 30, 31, 199])
@pytest.mark.parametrize("period", [0, 10])
def test_expected_is_the_median_of_what_came_at_that_time(place, period):
    rows = columns(200, width=2)
    rows[5] = np.nan
    twin = naive.NaiveDetector(1)
    twin.rows, twin.period = rows[: place + 1].tolist(), period
    assert_allclose(_expected(rows, place, period), twin.expected())


# ---- period --------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [11, 24, 50])
@pytest.mark.parametrize("drift", [0.0, 0.01])
def test_period_is_that_of_direct_sums(period, drift):
    series = waves(350, period, noise=0.4) + drift * np.arange(350)
    found = find_period(series)
    rows, strength = naive.find_period(series)
    assert found.rows == rows
    assert found.strength == pytest.approx(strength, abs=1e-9)
    assert abs(rows - period) <= 1


@pytest.mark.parametrize("series", [np.zeros(500), np.arange(8.0), np.arange(26.0), []])
def test_no_period(series):
    assert find_period(series) is None
    assert naive.find_period(series) is None


# ---- views ---------------------------------------------------------------------------------------


@given(
    window=st.integers(4, 150),
    differences=st.booleans(),
    first=st.integers(0, 90),
    start=st.integers(0, 90),
    holes=st.lists(st.integers(0, 299), max_size=60),
)
@settings(max_examples=60)
def test_shapes_are_those_of_one_window_at_a_time(window, differences, first, start, holes):
    rows = waves(300)[:, None]
    rows[holes] = np.nan
    view = ShapeView(window, differences=differences, floor=0.3)
    twin = naive.NaiveShape(window, differences, 0.3)
    assert (view.short, view.lookback) == (twin.short, twin.rows)
    first, start = min(first, start), max(first, start)
    ends, points = view.points(rows[first:], first, start)
    possible = range(max(start, first + twin.rows - 1), 300)
    expected = {last: twin.point(rows.tolist(), last) for last in possible}
    expected = {last: point for last, point in expected.items() if point is not None}
    assert ends.tolist() == list(expected)
    if len(ends):
        assert_allclose(points, list(expected.values()), atol=1e-12)


@given(shingle=st.integers(1, 5), k=st.integers(0, 2), start=st.integers(0, 30))
@settings(max_examples=30)
def test_columns_are_those_of_one_row_at_a_time(shingle, k, start):
    rows = columns(40, width=3)
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0][:k] if k else None
    view = ColumnsView(centre, scale, basis, shingle=shingle)
    twin = naive.NaiveColumns(centre, scale, [] if basis is None else basis, shingle)
    ends, points = view.points(rows, 0, start)
    expected = [twin.point(rows.tolist(), last) for last in range(max(start, shingle - 1), 40)]
    assert ends.tolist() == list(range(max(start, shingle - 1), 40))
    assert_allclose(points, expected, atol=1e-9)


def test_plan_of_a_series_floors_its_shapes():
    rows = waves(400, period=40)[:, None]
    rows[100] = np.nan
    plan = make_plan(rows, ALL, None)
    period, views = naive.series_views(rows.tolist())
    assert plan.period == period
    for view, twin in zip(plan.views[1:], views[1:], strict=True):
        assert (view.window, view.differences) == (twin.window, twin.differences)
        assert view.floor == pytest.approx(twin.floor)


@pytest.mark.parametrize(("noise", "expected"), [(0.7, True), (1.6, False)])
def test_a_weak_period_is_none(noise, expected):
    # Correlation at the period is the share of the wave in the variance: 0.5 and 0.16.
    rows = waves(3000, period=40, noise=noise)[:, None]
    assert (make_plan(rows, ALL, None).period > 0) is expected


def test_plan_of_columns_takes_out_what_they_share():
    rows = columns(500, width=5)
    plan = make_plan(rows, ALL, None)
    for view, twin in zip(plan.views, naive.columns_views(rows.tolist()), strict=True):
        points = view.points(rows, 0, 0).values
        expected = [twin.point(rows.tolist(), last) for last in range(twin.shingle - 1, 500)]
        assert_allclose(points, expected, atol=1e-8)


# ---- law -----------------------------------------------------------------------------------------


def test_tail_level_is_that_of_scalars():
    for skew in (-1.0, 0.0, 0.4, 1.7, 4.0, 9.0):
        z = np.linspace(-4, 12, 81)
        assert_allclose(tail_level(z, skew), [naive.tail_level(x, skew) for x in z], rtol=2e-6)


@pytest.mark.parametrize(("skew", "most"), [(0.01, 0.01), (0.5, 0.02), (1.0, 0.05), (2.0, 0.12)])
def test_tail_level_is_nearly_that_of_pearsons_third(skew, most):
    z = np.linspace(0.5, 8.0, 60)
    assert_allclose(tail_level(z, skew), -pearson3.logsf(z, skew) / math.log(10), rtol=most)


def test_the_least_level_is_still_one():
    assert tail_level(np.array([-50.0]), 0.0)[0] > 0.0


@given(
    short=st.integers(1, 9),
    memory=st.sampled_from([20, 150, 8000]),
    cuts=st.lists(st.integers(0, 500), max_size=5),
)
@settings(max_examples=25)
def test_law_is_that_of_one_mean_at_a_time(short, memory, cuts):
    rng = np.random.default_rng(short)
    scores = rng.gamma(3.0, size=500)
    scores[rng.random(500) < 0.1] = 0.0
    scores[300:310] += 20.0
    law = ScoreLaw(short, memory=memory)
    levels = [law.levels(part, learn=True) for part in np.split(scores, sorted(cuts))]
    twin = naive.NaiveLaw(short, memory=memory)
    expected = [twin.level(score) for score in scores]
    assert_allclose(np.concatenate(levels), expected, rtol=1e-5, atol=1e-12)
    mean, deviation, third = twin.moments()
    moments = [law.mean, math.sqrt(law.variance), law.third]
    assert_allclose(moments, [mean, deviation, third], rtol=1e-9)
    again = law.levels(scores[:100], learn=False)
    assert_array_equal(again, ScoreLaw.from_dict(law.to_dict()).levels(scores[:100], learn=False))


def test_law_hardly_learns_extremes():
    scores = np.random.default_rng(0).normal(10.0, 1.0, 2000)
    law, other = ScoreLaw(1), ScoreLaw(1)
    law.levels(scores, learn=True)
    scores[1000:1010] = 1e6
    other.levels(scores, learn=True)
    assert other.variance < 1.3 * law.variance


# ---- alarms --------------------------------------------------------------------------------------


@given(
    beyond=st.sets(st.integers(0, 79), max_size=25),
    rest=st.integers(0, 12),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_events_are_groups_of_rows(beyond, rest, cuts):
    alarms, found = Alarms(rest), {}
    bounds = sorted({0, 80, *cuts})
    for start, stop in itertools.pairwise(bounds):
        new, over = alarms.follow([row for row in sorted(beyond) if start <= row < stop])
        last = alarms.close(stop)
        found |= {event.start: None for event in new}
        found |= {event.start: event.last + 1 for event in [*over, last] if event}
        seen = [row for row in sorted(beyond) if row < stop]
        assert sorted(found.items()) == naive.events(seen, rest, stop)


@given(cuts=st.lists(st.integers(0, 300), max_size=4), width=st.sampled_from([1, 3, 30]))
@settings(max_examples=20)
def test_range_is_that_of_all_rows_before(cuts, width):
    rng = np.random.default_rng(width)
    rows = rng.standard_t(2, size=(300, width))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[:150, 0] = np.nan
    seen = Range(width)
    found = [seen.excess(part, learn=True) for part in np.split(rows, sorted(cuts))]
    expected = [naive.excess(rows[:row].tolist(), rows[row].tolist()) for row in range(300)]
    assert_allclose(np.concatenate(found), expected, rtol=1e-12)
    assert np.abs(expected).max() > 1.0
    ahead = rows[:1] * 3.0
    assert_allclose(
        seen.excess(ahead, learn=False)[0], naive.excess(rows.tolist(), ahead[0].tolist())
    )
