"""Generated series: seeded, labelled, and shaped as promised."""

from __future__ import annotations

import numpy as np
import pytest

from fastrcf.datasets import taxi_like


def test_same_seed_same_series() -> None:
    first, second, other = taxi_like(), taxi_like(), taxi_like(random_state=1)
    np.testing.assert_array_equal(first.values, second.values)
    assert (first.values != other.values).mean() > 0.9
    assert first.events == other.events


def test_shape_and_types() -> None:
    series = taxi_like(100)
    assert len(series) == 4800
    assert series.values.dtype == np.float64
    assert series.labels.dtype == np.int64
    assert np.unique(np.diff(series.timestamps)) == np.timedelta64(1800, "s")
    assert (series.values >= 0).all()
    assert (series.values == np.rint(series.values)).all()


@pytest.mark.parametrize("n_days", [60, 61, 89, 215, 400])
def test_events_are_the_labels(n_days: int) -> None:
    series = taxi_like(n_days)
    labels = np.zeros(len(series), dtype=np.int64)
    for event in series.events:
        assert 0 < event.start < event.stop < len(series)
        labels[event.rows] += 1
    np.testing.assert_array_equal(labels, series.labels)
    assert [event.start for event in series.events] == sorted(e.start for e in series.events)


def test_no_event_in_the_first_six_weeks() -> None:
    assert taxi_like().events[0].start > 42 * 48


def test_days_and_weeks_repeat() -> None:
    series = taxi_like()
    normal = np.where(series.labels == 1, np.nan, series.values)
    centred = normal - np.nanmean(normal)

    def similarity(lag: int) -> float:
        both = np.isfinite(centred[lag:]) & np.isfinite(centred[:-lag])
        return float(np.corrcoef(centred[lag:][both], centred[:-lag][both])[0, 1])

    assert similarity(7 * 48) > 0.95
    assert similarity(7 * 48) > similarity(48) > 0.8
    assert similarity(24) < 0


def test_events_stand_out() -> None:
    series = taxi_like()
    weeks = np.resize(np.where(series.labels == 1, np.nan, series.values), (30, 7 * 48))
    typical = np.resize(np.nanmedian(weeks, axis=0), len(series))
    for event in series.events:
        change = np.abs(series.values[event.rows] / typical[event.rows] - 1)
        assert change.max() > 0.5


def test_too_short() -> None:
    with pytest.raises(ValueError, match="n_days: expected 60 or more, got 59"):
        taxi_like(59)
