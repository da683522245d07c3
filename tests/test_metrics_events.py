"""Events, range-based precision and recall, and affiliation."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf import metrics
from metrics_helpers import predicted, spans_to_labels
from reference import naive_metrics as naive

RECORDED = json.loads(Path(__file__).with_name("reference").joinpath("metrics.json").read_text())
BIASES = ["flat", "front", "middle", "back"]

# ---- events -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(predicted())
def test_events_are_the_runs(case: Any) -> None:
    for flags in case:
        assert [tuple(pair) for pair in metrics.events(flags).tolist()] == naive.runs(flags)


@settings(max_examples=40)
@given(predicted())
def test_event_scores_count_runs(case: Any) -> None:
    labels, predictions = case
    ours = metrics.event_scores(labels, predictions)
    events, alarms = naive.runs(labels), naive.runs(predictions)
    found = sum(any(predictions[a:b]) for a, b in events)
    right = sum(any(labels[a:b]) for a, b in alarms)
    assert ours[:4] == (len(events), found, len(alarms), right)
    assert ours.point_precision == metrics.confusion(labels, predictions).precision


def test_event_scores_by_hand() -> None:
    labels = [0, 1, 1, 1, 0, 0, 1, 0, 0, 0]
    scores = metrics.event_scores(labels, [0, 0, 1, 0, 0, 0, 0, 0, 1, 1])
    assert (scores.recall, scores.precision, scores.f1) == (0.5, 0.5, 0.5)
    assert scores.composite_f1 == pytest.approx(2 * 0.5 / 3 / (0.5 + 1 / 3))
    assert metrics.event_scores(labels, [0] * 10)[1:] == (0, 0, 0, 0.0)
    assert metrics.event_scores(labels, [0] * 10).f1 == 0.0
    assert metrics.event_scores([0] * 3, [1] * 3).recall == 0.0


@settings(max_examples=40)
@given(predicted())
def test_delays_are_rows_to_the_first_hit(case: Any) -> None:
    labels, predictions = case
    expected = [
        next((row - a for row in range(a, b) if predictions[row]), math.nan)
        for a, b in naive.runs(labels)
    ]
    np.testing.assert_array_equal(metrics.detection_delays(labels, predictions), expected)


def test_delays_without_events() -> None:
    assert metrics.detection_delays([0, 0], [1, 0]).shape == (0,)


def test_point_adjustment_flatters_and_says_so() -> None:
    labels = spans_to_labels([(20, 80)], 100)
    predictions = np.zeros(100, int)
    predictions[79] = 1
    with pytest.warns(UserWarning, match="flatters"):
        assert metrics.point_adjusted_f1(labels, predictions) == 1.0
    assert metrics.confusion(labels, predictions).f1 < 0.04


@settings(max_examples=40)
@given(predicted())
def test_point_adjusted_f1_is_f1_of_filled_events(case: Any) -> None:
    labels, predictions = case
    filled = predictions.copy()
    for start, stop in naive.runs(labels):
        filled[start:stop] = predictions[start:stop].any()
    with pytest.warns(UserWarning, match="flatters"):
        ours = metrics.point_adjusted_f1(labels, predictions)
    assert ours == metrics.confusion(labels, filled).f1


# ---- range-based --------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    predicted(),
    st.sampled_from(BIASES),
    st.sampled_from(BIASES),
    st.sampled_from(["one", "reciprocal"]),
    st.sampled_from([0.0, 0.2, 1.0]),
)
def test_range_scores_are_the_twin_s(
    case: Any, bias: Any, precision_bias: Any, cardinality: Any, alpha: float
) -> None:
    labels, predictions = case
    ours = metrics.range_scores(
        labels,
        predictions,
        alpha=alpha,
        bias=bias,
        precision_bias=precision_bias,
        cardinality=cardinality,
    )
    recall = naive.range_recall(labels, predictions, alpha, bias, cardinality)
    precision = naive.range_recall(predictions, labels, 0.0, precision_bias, cardinality)
    assert ours.recall == pytest.approx(recall, abs=1e-13)
    assert ours.precision == pytest.approx(precision, abs=1e-13)


@settings(max_examples=40)
@given(predicted())
def test_events_of_one_row_make_ranges_points(case: Any) -> None:
    labels, predictions = (np.kron(flags, [1, 0]) for flags in case)
    ours, points = metrics.range_scores(labels, predictions), metrics.confusion(labels, predictions)
    assert ours.recall == pytest.approx(points.recall)
    assert ours.precision == pytest.approx(points.precision)


def test_ranges_are_counted_within_each_event() -> None:
    labels, predictions = [1, 1, 0, 1, 1, 1], [1, 1, 0, 1, 0, 1]
    ours = metrics.range_scores(labels, predictions, cardinality="reciprocal")
    assert ours.recall == pytest.approx((1 + 2 / 3 / 2) / 2)


def test_own_cardinality() -> None:
    labels, predictions = [1, 1, 1, 1, 1, 0, 1], [1, 0, 1, 0, 1, 0, 1]
    asked: list[int] = []

    def halve(count: int) -> float:
        asked.append(count)
        return 0.5

    ours = metrics.range_scores(labels, predictions, cardinality=halve)
    assert asked == [3]
    assert ours.recall == pytest.approx((0.5 * 3 / 5 + 1) / 2)
    assert ours.precision == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, r"^alpha: expected a number from 0 to 1, got 1.5$"),
        ({"alpha": math.nan}, r"^alpha: .* got nan$"),
        ({"bias": "centre"}, r"^bias: expected one of 'flat', 'front', .* got 'centre'$"),
        ({"precision_bias": "x"}, r"^precision_bias: .* got 'x'$"),
        ({"cardinality": "two"}, r"^cardinality: expected 'one', .* got 'two'$"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.range_scores([0, 1], [0, 1], **options)


# ---- affiliation --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECORDED)
def test_affiliation_is_the_authors(case: Any) -> None:
    scores = np.array(case["scores"])
    labels = spans_to_labels(case["events"], len(scores))
    ours = metrics.affiliation_scores(labels, scores > 1.5)
    theirs = case["affiliation"]
    np.testing.assert_allclose(ours.precision_by_event, theirs["precision"], rtol=1e-12)
    np.testing.assert_allclose(ours.recall_by_event, theirs["recall"], rtol=1e-12)
    assert ours.precision == pytest.approx(np.nanmean(theirs["precision"]))
    assert ours.recall == pytest.approx(np.mean(theirs["recall"]))


def test_affiliation_of_the_paper_s_example() -> None:
    # Huet et al. (2022): hours with a row a minute; the figures are those of the second event.
    labels = spans_to_labels([(0, 10), (50, 70), (170, 175)], 180)
    alarms = [(5, 6), (7, 10), (11, 12), (40, 60), (115, 130), (135, 140), (165, 170)]
    ours = metrics.affiliation_scores(labels, spans_to_labels(alarms, 180))
    assert ours.precision_by_event[1] == pytest.approx(0.672222222)
    assert ours.recall_by_event[1] == pytest.approx(0.944444444)


@settings(max_examples=40)
@given(predicted())
def test_affiliation_is_the_twin_s(case: Any) -> None:
    labels, predictions = case[0][:30], case[1][:30]
    labels[0] |= not labels.any()
    ours = metrics.affiliation_scores(labels, predictions)
    precision, recall = naive.affiliation(labels, predictions, fine=16)
    np.testing.assert_allclose(ours.precision_by_event, precision, atol=0.04)
    np.testing.assert_allclose(ours.recall_by_event, recall, atol=0.07)


@settings(max_examples=40)
@given(predicted())
def test_affiliation_knows_no_direction(case: Any) -> None:
    labels, predictions = case
    here = metrics.affiliation_scores(labels, predictions)
    there = metrics.affiliation_scores(labels[::-1], predictions[::-1])
    np.testing.assert_allclose(here[:2], there[:2], atol=1e-12)
    np.testing.assert_allclose(here.recall_by_event, there.recall_by_event[::-1], atol=1e-12)


def test_affiliation_bounds() -> None:
    labels = spans_to_labels([(10, 15), (40, 41)], 60)
    assert metrics.affiliation_scores(labels, labels)[:2] == (1.0, 1.0)
    nothing = metrics.affiliation_scores(labels, np.zeros(60))
    assert nothing[:2] == (0.0, 0.0)
    assert nothing.f1 == 0.0
    assert np.isnan(nothing.precision_by_event).all()
    with pytest.raises(ValueError, match="affiliation needs an event"):
        metrics.affiliation_scores(np.zeros(5), np.ones(5))


def test_alarms_at_random_have_affiliation_precision_one_half() -> None:
    rng = np.random.default_rng(0)
    labels = spans_to_labels([(1000, 1001), (5000, 5001)], 10_000)
    precisions = [
        metrics.affiliation_scores(labels, rng.random(10_000) < 0.002).precision for _ in range(200)
    ]
    assert np.mean(precisions) == pytest.approx(0.5, abs=0.02)
