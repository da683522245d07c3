"""What every detector promises: options, errors that change nothing, units, and real series."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import fastrcf
from detector_helpers import FAST, columns, state, waves
from fastrcf import ForestDetector, NotFittedError, persistence

# ---- options -------------------------------------------------------------------------------------


def test_options_are_those_of_the_constructor():
    detector = ForestDetector(alarm_rate=0.01, views=("values",), ignore_amount=[1.0, 2.0])
    assert repr(detector) == (
        "ForestDetector(views=('values',), alarm_rate=0.01, ignore_amount=[1.0, 2.0])"
    )
    detector.update(columns(300, width=2))
    twin = clone(detector)
    assert twin.get_params() == detector.get_params()
    assert (twin.n_seen_, twin.detections_) == (0, [])
    assert detector.n_features_in_ == 2
    assert not hasattr(twin, "n_features_in_")


def test_a_change_of_options_waits_for_fit():
    series = waves(900)
    detector = ForestDetector(**FAST).update(series[:500])
    other = ForestDetector(**FAST).update(series[:500])
    before, cutoff = state(detector), detector.cutoff
    detector.set_params(alarm_rate=0.1, rest=3)
    assert (detector.cutoff, state(detector)) == (cutoff, before)
    assert detector.fingerprint == other.fingerprint
    assert_array_equal(detector.score_update(series[500:]), other.score_update(series[500:]))
    assert state(detector) == state(other)
    assert detector.fit(series).cutoff < cutoff
    assert detector.fingerprint != other.fit(series).fingerprint
    assert persistence.from_bytes(state(detector)).rest == 3


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"views": "all"}, ValueError, "views"),
        ({"views": ("values", "shapes")}, ValueError, "shapes"),
        ({"views": ()}, ValueError, "views"),
        ({"views": (1,)}, TypeError, "views"),
        ({"period": -1}, ValueError, "period"),
        ({"period": 2731}, ValueError, "2730"),
        ({"period": 2.5}, TypeError, "period"),
        ({"n_trees": 0}, ValueError, "n_trees"),
        ({"sample_size": 1}, ValueError, "sample_size"),
        ({"alarm_rate": 0.0}, ValueError, "alarm_rate"),
        ({"alarm_rate": 0.4}, ValueError, "alarm_rate"),
        ({"alarm_rate": float("nan")}, ValueError, "alarm_rate"),
        ({"alarm_rate": "high"}, TypeError, "alarm_rate"),
        ({"rest": -1}, ValueError, "rest"),
        ({"ignore_amount": -1.0}, ValueError, "ignore_amount"),
        ({"ignore_ratio": float("inf")}, ValueError, "ignore_ratio"),
        ({"ignore_ratio": [0.1, 0.2]}, ValueError, "ignore_ratio"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"n_jobs": 0}, ValueError, "n_jobs"),
        ({"n_jobs": "all"}, TypeError, "n_jobs"),
    ],
)
@pytest.mark.parametrize("verb", ["fit", "score", "score_update", "update", "detect"])
def test_wrong_options_are_named(options, kind, says, verb):
    detector = ForestDetector(**options)
    with pytest.raises(kind, match=says):
        getattr(detector, verb)(waves(300))
    assert detector.n_seen_ == 0
    assert not hasattr(detector, "n_features_in_")


def test_wrong_options_at_fit_keep_what_was_learned():
    detector = ForestDetector(**FAST).update(waves(600))
    before = state(detector)
    detector.set_params(alarm_rate=7.0)
    with pytest.raises(ValueError, match="alarm_rate"):
        detector.fit(waves(300))
    assert state(detector) == before


@pytest.mark.parametrize(
    ("views", "width", "expected"),
    [
        ("auto", 1, 5),
        (("values",), 1, 1),
        (("shape",), 1, 2),
        (("change", "rest"), 1, 2),
        (("path",), 1, 1),
        ("auto", 3, 4),
        (("values",), 3, 1),
        (("rest",), 3, 1),
        (("path",), 3, 1),
        (("path", "rest"), 3, 3),
        (("shape",), 3, 1),
    ],
)
def test_views_that_suit_are_used(views, width, expected):
    rows = waves(600) if width == 1 else columns(600, width)
    detector = ForestDetector(**FAST, views=views)
    scores = detector.score_update(rows)
    assert len(detector._engine.plan.views) == expected
    assert scores[-50:].all()
    rows[500:504] *= 50.0
    other = ForestDetector(**FAST, views=views)
    other.update(rows)
    twin = persistence.from_bytes(state(other))
    # An alarm that noise raised just before may still go on, and then this is its event, too.
    assert any(each.start < 504 and (each.end or 600) > 500 for each in twin.detections_)


def test_without_a_period_there_is_one_view():
    noise = np.random.default_rng(0).normal(size=1100)
    assert ForestDetector(**FAST).update(noise)._engine.plan.period == 0
    assert ForestDetector(**FAST, period=0).update(waves(1100))._engine.plan.period == 0
    # A given period is used when it has come twice.
    detector = ForestDetector(**FAST, period=300).update(waves(511, period=300))
    assert detector._engine.plan.period == 0
    detector.update(waves(513)[511:])
    assert detector._engine.plan.period == 0
    detector.update(waves(1024)[513:])
    assert detector._engine.plan.period == 300
    assert all(view.floor > 0 for view in detector._engine.plan.views[1::2])


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("verb", ["score", "score_update", "update", "detect", "detect_update"])
@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (lambda rows: np.where(np.arange(60)[:, None] == 41, np.inf, rows), ValueError, "row 41"),
        (lambda rows: np.where(np.arange(60)[:, None] == 7, -2e30, rows), ValueError, "row 7, c"),
        (lambda rows: rows[:, :2], ValueError, "2 features"),
        (lambda rows: rows[:, 0], ValueError, "1 features"),
        (lambda rows: rows[:0], ValueError, "0 sample"),
        (lambda _: "text", (TypeError, ValueError), "X"),
        (lambda rows: dict(zip("abd", rows.T, strict=True)), ValueError, "d"),
    ],
    ids=["infinite", "too large", "narrow", "flat", "empty", "text", "names"],
)
def test_wrong_rows_change_nothing(fitted, verb, change, kind, says):
    rows = columns(360, width=3)
    table = dict(zip("abc", rows[:300].T, strict=True))
    detector = ForestDetector(n_trees=2)
    detector = detector.fit(table) if fitted else detector.update(table)
    before = state(detector)
    with pytest.raises(kind, match=says):
        getattr(detector, verb)(change(rows[300:]))
    assert state(detector) == before


def test_wrong_times_change_nothing():
    detector = ForestDetector(**FAST).update(waves(300))
    before = state(detector)
    for verb in (detector.update, detector.detect, detector.detect_update, detector.score_update):
        with pytest.raises(ValueError, match="time: expected one for each of 10 rows, got 9"):
            verb(waves(10), time=range(9))
    assert state(detector) == before


def test_a_detector_that_learned_nothing():
    detector = ForestDetector()
    with pytest.raises(NotFittedError, match="fit or update"):
        _ = detector.fingerprint
    assert (detector.n_seen_, detector.detections_) == (0, [])
    assert not detector.__sklearn_is_fitted__()
    assert fastrcf.ForestDetector is ForestDetector


def test_detections_are_plain_values_for_json():
    series = waves(900)
    series[[700, 899]] = 30.0
    detector = ForestDetector(**FAST).update(series)
    plain = [each.to_dict() for each in detector.detections_]
    assert json.loads(json.dumps(plain))[-1]["end"] is None
    assert plain[-1]["expected"] == detector.detections_[-1].expected.tolist()
    assert list(plain[0])[:4] == ["start", "end", "time", "score"]
    detector.detections_.clear()
    assert len(detector.detections_) == len(plain)


def test_what_is_not_known_is_none_for_json():
    rows = columns(300, width=2)
    rows[200:] = np.nan
    rows[280, 0] = 1e6
    detector = ForestDetector(**FAST).update(rows)
    found = next(each for each in detector.detections_ if each.start == 280)
    assert (found.column, found.direction) == (0, "high")
    assert found.attribution == {0: 1.0, 1: 0.0}
    assert found.to_dict()["values"] == [1e6, None]
    assert found.to_dict()["expected"] == [None, None]


# ---- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [50, 0])
def test_one_column_in_other_units(period):
    series = waves(1500, period=50) if period else np.random.default_rng(0).normal(size=1500)
    series[1200:1230] += 3.0
    detector = ForestDetector(**FAST)
    scores = detector.score_update(series)
    assert_allclose(ForestDetector(**FAST).score_update(1024 * series), scores, rtol=1e-6)
    other = ForestDetector(**FAST)
    near = other.score_update(1000 * series + 5)
    assert np.corrcoef(near, scores)[0, 1] > 0.95
    assert_allclose(
        np.quantile(near, [0.5, 0.9, 0.99]), np.quantile(scores, [0.5, 0.9, 0.99]), rtol=0.15
    )
    found = [each.start for each in detector.detections_ if each.start > 1000]
    assert [each.start for each in other.detections_ if each.start > 1000] == found


def test_columns_in_other_units():
    rows = np.random.default_rng(0).normal(size=(1200, 4)) + 3.0
    other = rows * [2.0**20, 1.0, 2.0**-30, 8.0]
    scores = ForestDetector(**FAST).score_update(rows)
    assert_allclose(ForestDetector(**FAST).score_update(other), scores, rtol=1e-6)


# ---- real series ---------------------------------------------------------------------------------


def test_taxi_rides(data_dir):
    with (data_dir / "nab/data/realKnownCause/nyc_taxi.csv").open() as file:
        table = list(csv.DictReader(file))
    rides = np.array([float(row["value"]) for row in table])
    detector = ForestDetector(n_trees=30)
    detector.update(rides, time=[row["timestamp"] for row in table])
    assert detector._engine.plan.period in range(46, 51) or detector._engine.plan.period == 336
    days = {each.time[:10] for each in detector.detections_}
    # The New York marathon, Christmas, New Year, and the blizzard of January 2015.
    known = [{"2014-11-02"}, {"2014-12-25"}, {"2015-01-01"}, {"2015-01-26", "2015-01-27"}]
    assert sum(bool(days & each) for each in known) >= 3
    assert len(detector.detections_) <= 0.002 * len(rides)


def test_a_server(data_dir):
    with np.load(data_dir / "smd/machine-1-2.npz") as file:
        train, test, labels = file["train"], file["test"], file["test_label"]
    part = slice(0, 12_000)
    detector = ForestDetector(n_trees=10).fit(train[:8000])
    scores = detector.score(test[part])
    assert fastrcf.metrics.auroc(labels[part], scores) > 0.8
    found = detector.detect(test[part])
    assert 0 < len(found) < 100
    hits = [labels[each.start : each.end].any() for each in found]
    assert np.mean(hits) > 2 * labels[part].mean()
