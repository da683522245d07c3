"""Rows with times: what long intervals stand for, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fastrcf import RandomCutForest

Rows = NDArray[np.float64]


def forest_of(**options: Any) -> RandomCutForest:
    defaults: dict[str, Any] = {"n_trees": 20, "shingle_size": 6, "irregular": "gap"}
    return RandomCutForest(**(defaults | options))


def season(n: int) -> Rows:
    return np.sin(np.arange(n) / 5) + np.random.default_rng(0).normal(scale=0.05, size=n)


def kept(n: int) -> NDArray[np.int64]:
    """Which rows of a regular series arrive: single ones, three in a row and 100 do not."""
    rows = np.arange(n)
    lost = (rows % 50 == 20) | ((rows % 170 > 100) & (rows % 170 < 104)) | (abs(rows - 800) < 50)
    return rows[~lost]


@pytest.mark.parametrize("missing", ["skip", "impute", "previous"])
def test_a_gap_is_the_rows_that_are_missing(missing: str) -> None:
    series, rows = season(1200), kept(1200)
    with_nan = np.full(1200, np.nan)
    with_nan[rows] = series[rows]
    forest = forest_of(missing=missing)
    scores = forest.score_update(series[rows], time=rows * 60.0)
    expected = RandomCutForest(n_trees=20, shingle_size=6, missing=missing).score_update(with_nan)
    assert_array_equal(scores, expected[rows])
    if missing == "impute":
        assert (scores[64:] > 0).mean() > 0.98
        assert forest.data_quality < 1.0


def test_a_long_gap_ends_the_window() -> None:
    forest = forest_of(missing="previous", max_missing=0.99)
    forest.update(season(200), time=np.arange(200.0))
    scores = forest.score_update(season(20), time=1e6 + np.arange(20.0))
    assert_array_equal(scores[:5], 0.0)
    assert (scores[5:] > 0).all()
    assert forest.n_seen + forest.n_skipped == 200 + 6 + 20


def test_jitter_and_a_new_rate_are_no_gaps_for_long() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.6, 1.4, size=3000))
    assert forest_of().update(season(3000), time=times).n_skipped == 0
    slower = forest_of().update(season(500), time=np.arange(500.0))
    later = 500.0 + 10.0 * np.arange(3000)
    slower.update(season(2000), time=later[:2000])
    n_skipped = slower.n_skipped
    assert n_skipped > 0
    assert slower.update(season(1000), time=later[2000:]).n_skipped == n_skipped


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 299), max_size=4), missing=st.sampled_from(["skip", "impute"]))
def test_chunks_and_reloading_change_nothing(cuts: list[int], missing: str) -> None:
    rows = kept(400)[:300]
    series, times = season(400)[rows], rows.astype("datetime64[m]")
    whole = forest_of(missing=missing)
    expected = whole.score_update(series, time=times)
    forest = forest_of(missing=missing)
    for part in np.split(np.arange(300), sorted(set(cuts))):
        forest = RandomCutForest.from_bytes(forest.to_bytes())
        before = forest.to_bytes()
        ahead = forest.score(series[part], time=times[part])
        assert forest.to_bytes() == before
        scores = forest.score_update(series[part], time=times[part])
        assert_array_equal(scores, expected[part])
        # Rows that a gap stands for are learned before the first row if they are filled in.
        assert ahead[0] == scores[0] or missing == "impute"
    assert forest.to_bytes() == whole.to_bytes()


def test_rows_without_a_time_came_regularly() -> None:
    forest = forest_of()
    forest.update(season(100), time=np.arange(100))
    for value in season(10):
        forest.update_one(value)
    forest.update(season(5), time=np.arange(110, 115))
    assert (forest.n_seen, forest.n_skipped) == (115, 0)
    forest.fit(season(100)[:, np.newaxis]).update(season(5), time=np.arange(5))
    assert forest.n_skipped == 0


@pytest.mark.parametrize(
    ("time", "error", "words"),
    [
        ([100.0, 102.0, 102.0], ValueError, "row 2, 102.0, is not later than row 1"),
        ([99.0, 102.0, 103.0], ValueError, "row 0, 99.0, is not later than the newest row learned"),
        ([100.0, np.nan, 103.0], ValueError, "row 1 is nan; every row needs a time"),
        ([100.0, 101.0, np.inf], ValueError, "row 2 is inf"),
        ([100.0, 101.0], ValueError, r"one per row, shape \(3,\), got shape \(2,\)"),
        (["a", "b", "c"], TypeError, "expected numbers or datetime64"),
        ([True, False, True], TypeError, "expected numbers or datetime64"),
        (np.arange(100, 103).astype("datetime64[s]"), TypeError, "expected numbers as before"),
    ],
)
def test_wrong_times(time: Any, error: type[Exception], words: str) -> None:
    forest = forest_of().update(season(100), time=np.arange(100.0))
    state = forest.to_bytes()
    for verb in (forest.update, forest.score, forest.score_update):
        with pytest.raises(error, match=words):
            verb(season(3), time=time)
    assert forest.to_bytes() == state


def test_missing_datetimes() -> None:
    times = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="row 1 is NaT"):
        forest_of().update([1.0, 2.0], time=times)


def test_times_need_a_forest_that_knows_them() -> None:
    for forest in (RandomCutForest(), RandomCutForest().update([1.0])):
        for verb in (forest.update, forest.score, forest.score_update):
            with pytest.raises(ValueError, match="time: expected only by a forest with irregular"):
                verb([1.0], time=[5.0])
    with pytest.raises(ValueError, match="irregular: expected one of"):
        forest_of(irregular="often").update([1.0])
    with pytest.raises(TypeError, match="irregular"):
        forest_of(irregular=1).update([1.0])
    with pytest.raises(ValueError, match=r"max_missing: expected less than 1\.0"):
        forest_of(missing="impute", max_missing=1.0).update([1.0])
