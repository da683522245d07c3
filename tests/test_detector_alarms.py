"""What detectors find: few alarms on noise, one for each event, and what is said of it."""

import numpy as np
import pytest

from detector_helpers import FAST, columns, waves
from fastrcf import ForestDetector

# ---- noise ---------------------------------------------------------------------------------------

N = 20_000


def autoregressive(rng, share):
    series = rng.normal(size=N)
    for row in range(1, N):
        series[row] += share * series[row - 1]
    return series


NOISE = {
    "normal": lambda rng: rng.normal(size=N),
    "uniform": lambda rng: rng.uniform(size=N),
    "t3": lambda rng: rng.standard_t(3, N),
    "lognormal": lambda rng: rng.lognormal(size=N),
    "poisson": lambda rng: rng.poisson(5, N).astype(float),
    "autoregressive 0.9": lambda rng: autoregressive(rng, 0.9),
    "autoregressive 0.99": lambda rng: autoregressive(rng, 0.99),
    "walk": lambda rng: np.cumsum(rng.normal(size=N)),
}


@pytest.mark.parametrize("name", list(NOISE))
def test_alarms_on_noise_are_as_many_as_the_knob_says(name):
    series = NOISE[name](np.random.default_rng(0))
    found = [
        len(ForestDetector(n_trees=20, alarm_rate=rate).update(series).detections_)
        for rate in (0.001, 0.01)
    ]
    assert 0.1 <= found[0] / (0.001 * N) <= 2.0
    assert found[0] < found[1] <= 0.01 * N


def test_every_column_of_noise_has_its_chance():
    rows = np.random.default_rng(1).normal(size=(N // 4, 5))
    found = ForestDetector(**FAST).update(rows).detections_
    assert 0.1 <= len(found) / (0.001 * len(rows)) <= 2.0


def test_cutoff_follows_the_knob():
    rates = [0.3, 0.01, 0.001, 1e-6]
    cutoffs = [ForestDetector(alarm_rate=rate).cutoff for rate in rates]
    np.testing.assert_allclose(cutoffs, -np.log10(2.5 * np.array(rates)))


# ---- events --------------------------------------------------------------------------------------


def starts(detector, after=1000):
    return [each.start for each in detector.detections_ if each.start >= after]


def test_one_event_is_one_alarm():
    series = waves(2000)
    series[1500:1540] = 3.0
    detector = ForestDetector(**FAST, rest=50).update(series)
    (found,) = [each for each in detector.detections_ if each.start >= 1000]
    assert 1500 <= found.start < 1505
    assert found.end >= 1540
    assert found.direction == "high"
    assert found.score > detector.cutoff
    assert found.grade == pytest.approx(1.0 - detector.cutoff / found.score)


@pytest.mark.parametrize(("gap", "alarms"), [(30, 1), (50, 1), (51, 2), (200, 2)])
def test_an_event_after_the_rest_is_another(gap, alarms):
    series = np.random.default_rng(0).uniform(size=1500)
    series[[1200, 1200 + gap]] = 5.0, 25.0
    detector = ForestDetector(**FAST, rest=50, alarm_rate=1e-300).update(series)
    assert starts(detector) == [1200, 1200 + gap][:alarms]
    assert [each.end for each in detector.detections_] == [1201, 1201 + gap][-alarms:]
    assert {each.reason for each in detector.detections_} == {"range"}


def test_an_event_goes_on_until_as_many_rows_as_rest_were_quiet():
    series = np.random.default_rng(0).uniform(size=500)
    series[400] = 9.0
    detector = ForestDetector(**FAST, rest=30, alarm_rate=1e-300)
    (found,) = detector.detect_update(series[:401])
    assert (found.start, found.end) == (400, None)
    detector.update(series[401:430])
    assert detector.detections_[0].end is None
    detector.update(series[430:431])
    assert detector.detections_[0].end == 401


def test_a_score_fades_and_alarms_do_not_last():
    series = np.random.default_rng(3).normal(size=1400)
    series[1000] = 30.0
    detector = ForestDetector(**FAST)
    scores = detector.score_update(series)
    assert scores[1000:1005].max() == scores[999:].max() > 2 * detector.cutoff
    peak = 1000 + int(np.argmax(scores[1000:1010]))
    ratios = scores[peak + 1 : peak + 30] / scores[peak : peak + 29]
    assert ratios.min() >= 1 - 1 / 30 - 1e-12
    assert np.median(ratios) == pytest.approx(1 - 1 / 30)
    (found,) = [each for each in detector.detections_ if each.start == 1000]
    assert found.end <= 1000 + 5  # a short mean


def test_what_lies_outside_everything_seen_alarms_at_any_rate():
    series = np.random.default_rng(4).uniform(10, 20, size=1000)
    series[700], series[800] = 20.4, 9.2  # 4 % of the extent is no news, 8 % is
    detector = ForestDetector(**FAST, alarm_rate=1e-300).update(series)
    (found,) = detector.detections_
    assert (found.start, found.reason, found.direction) == (800, "range", "low")
    assert 0.0 < found.grade < 1.0


def test_an_odd_shape_within_the_range_is_found():
    series = waves(3000, period=60)
    series[2430:2460] = series[2430:2460][::-1]  # no value is unusual
    series[2400:2430] = -series[2400:2430]
    near = range(2400, 2520)
    assert sum(row in near for row in starts(ForestDetector(**FAST).update(series))) == 1
    values = ForestDetector(**FAST, views=("values",)).update(series)
    assert not any(row in near for row in starts(values))


# ---- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize("column", range(6))
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["high", "low"])
def test_the_disturbed_column_is_named(column, sign):
    rng = np.random.default_rng(column)
    rows = rng.normal(size=(1300, 6)) * 10.0 ** np.arange(6)
    rows[1200, column] = sign * 7.0 * 10.0**column
    detector = ForestDetector(n_trees=30).update(rows)
    found = next(each for each in detector.detections_ if each.start == 1200)
    assert (found.column, found.direction) == (column, "high" if sign > 0 else "low")
    assert max(found.attribution, key=found.attribution.get) == column
    assert sum(found.attribution.values()) == pytest.approx(1.0)
    assert list(found.attribution) == list(range(6))
    np.testing.assert_array_equal(found.values, rows[1200])
    np.testing.assert_allclose(found.expected, np.median(rows[1136:1200], axis=0))


@pytest.mark.parametrize("column", [0, 3])
def test_the_disturbed_column_is_named_by_what_was_fitted(column):
    rows = columns(1500)
    detector = ForestDetector(n_trees=30).fit(rows[:1000])
    rows[1300, column] = rows[:, column].mean() - 12 * rows[:, column].std()
    found = next(each for each in detector.detect(rows[1000:]) if each.start == 1300)
    assert (found.column, found.direction) == (column, "low")


def test_expected_is_the_median_of_three_periods_before():
    series = waves(1500, period=50)
    series[1320] += 5.0
    detector = ForestDetector(**FAST).update(series)
    found = next(each for each in detector.detections_ if each.start == 1320)
    assert found.expected[0] == np.median(series[[1270, 1220, 1170]])
    assert found.values[0] == series[1320]


def test_names_of_columns_and_times_of_rows():
    pandas = pytest.importorskip("pandas")
    index = pandas.date_range("2024-01-01", periods=700, freq="5min", tz="UTC")
    frame = pandas.DataFrame(columns(700, width=3), index=index, columns=["load", "heat", "flow"])
    frame.loc[index[600], "heat"] += 50 * frame["heat"].std()
    detector = ForestDetector(**FAST).update(frame[:500]).update(frame[500:])
    found = next(each for each in detector.detections_ if each.start == 600)
    assert (found.column, found.time) == ("heat", index[600])
    assert list(found.attribution) == ["load", "heat", "flow"]
    assert found.to_dict()["time"] == "2024-01-03 02:00:00+00:00"
    other = ForestDetector(**FAST).update(frame.to_numpy(), time=np.arange(700) * 10)
    assert next(each for each in other.detections_ if each.start == 600).time == 6000
    plain = ForestDetector(**FAST).update(frame.to_numpy())
    assert next(each for each in plain.detections_ if each.start == 600).time == 600


# ---- bands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "alarms"),
    [
        ({}, True),
        ({"ignore_amount": 1.0}, True),
        ({"ignore_amount": 3.5}, False),
        ({"ignore_amount": [3.5]}, False),
        ({"ignore_ratio": 0.01}, True),
        ({"ignore_ratio": 0.04}, False),
        ({"ignore_amount": 0.1, "ignore_ratio": 0.04}, False),
    ],
)
def test_nothing_within_a_band_alarms(options, alarms):
    series = 100.0 + 0.1 * np.random.default_rng(0).normal(size=800)
    series[600] = 103.0
    detector = ForestDetector(**FAST, **options)
    scores = detector.score_update(series)
    assert (600 in starts(detector, 500)) is alarms
    assert scores[600] > detector.cutoff  # a score does not know of bands


def test_every_column_has_its_own_band():
    rows = np.random.default_rng(0).normal(size=(800, 2))
    rows[600, 0], rows[700, 1] = 15.0, 15.0
    detector = ForestDetector(**FAST, ignore_amount=[0.0, 100.0]).update(rows)
    assert [row in starts(detector, 600) for row in (600, 700)] == [True, False]
    detector = ForestDetector(**FAST, ignore_amount=[100.0, 0.0]).update(rows)
    assert [row in starts(detector, 600) for row in (600, 700)] == [False, True]


# ---- rows that are strange -----------------------------------------------------------------------


def test_missing_rows_score_nothing_and_pass():
    rng = np.random.default_rng(0)
    series = waves(3000)
    series[1200:2000] = np.nan
    holes = rng.choice(1200, 100, replace=False)
    series[holes] = np.nan
    series[2700] = 9.0
    detector = ForestDetector(**FAST)
    scores = detector.score_update(series)
    assert not scores[np.isnan(series)].any()
    assert scores[2100:][~np.isnan(series[2100:])].all()
    assert not any(1200 <= each.start < 2000 for each in detector.detections_)
    assert 2700 in starts(detector)


def test_missing_values_of_columns():
    rows = columns(1500, width=3)
    rows[1000:1200, 1] = np.nan
    rows[1100, 0] *= 100.0
    rows[1400, 0] *= 100.0
    detector = ForestDetector(**FAST)
    scores = detector.score_update(rows)
    assert not scores[1000:1200].any()
    found = {each.start: each for each in detector.detections_}
    assert (found[1100].reason, found[1100].column) == ("range", 0)
    assert found[1400].column == 0


@pytest.mark.parametrize("rows", [np.full(1200, np.nan), np.full((1200, 3), np.nan)])
def test_nothing_but_missing_rows(rows):
    detector = ForestDetector(**FAST)
    assert not detector.score_update(rows).any()
    assert detector.detections_ == []
    assert not ForestDetector(**FAST).fit(rows).score(rows).any()


@pytest.mark.parametrize("level", [0.0, 0.1, -3.7e8, 1e-12])
@pytest.mark.parametrize("width", [1, 3])
def test_a_constant_series_is_usual(level, width):
    rows = np.full((2500, width), level)
    detector = ForestDetector(**FAST)
    scores = detector.score_update(rows)
    assert scores.max() < 0.5
    assert detector.detections_ == []
    change = rows[:1] + max(abs(level), 1.0)
    assert [each.start for each in detector.detect_update(change)] == [2500]


@pytest.mark.parametrize("n", [1, 2, 50, 255])
@pytest.mark.parametrize("width", [1, 2])
def test_a_short_series(n, width):
    rows = np.random.default_rng(0).uniform(size=(n, width))
    detector = ForestDetector(**FAST)
    scores = detector.score_update(rows)
    assert scores.shape == (n,)
    assert np.isfinite(scores).all()
    found = [each.start for each in detector.detect_update([[9.0] * width])]
    assert found == ([n] if n >= 100 else [])
    assert ForestDetector(**FAST).fit(rows).score(rows).shape == (n,)


def test_values_as_large_as_forests_take():
    series = waves(1500)
    series[[700, 900]] = 1e30, -1e30
    detector = ForestDetector(**FAST).update(series)
    assert {700, 900} <= {each.start for each in detector.detections_}
    rows = 1e-200 * columns(700, width=3)
    rows[[500, 600], 1] = 1e30, -1e30
    assert {500, 600} <= {each.start for each in ForestDetector(**FAST).update(rows).detections_}
