"""Rows with times, the interval before each being one more column."""

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fastrcf import RandomCutForest
from fastrcf._core import Forest
from fastrcf._forest.options import check_options
from fastrcf.compat import frames

Rows = NDArray[np.float64]


def forest_of(**options: Any) -> RandomCutForest:
    defaults: dict[str, Any] = {"n_trees": 20, "shingle_size": 4, "irregular": "augment"}
    return RandomCutForest(**(defaults | options))


def plain_of(**options: Any) -> RandomCutForest:
    """The slow twin's forest: the caller appends the column."""
    return forest_of(irregular=None, **options)


def season(n: int) -> Rows:
    waves = np.sin(np.arange(n) / 5), np.cos(np.arange(n) / 5)
    return np.column_stack(waves) + np.random.default_rng(0).normal(scale=0.05, size=(n, 2))


def uneven(n: int) -> Rows:
    """Times that jitter, with silences and a burst."""
    intervals = np.random.default_rng(1).uniform(0.6, 1.4, size=n)
    intervals[n // 2] = 30.0
    intervals[n // 3] = 1e4
    intervals[n // 4 : n // 4 + 5] = 0.01
    return 1000.0 + np.cumsum(intervals)


def beat(times: Rows) -> Rows:
    """The column, by its definition, one row at a time."""
    column, known = [1.0], []
    mean = 0.0
    for earlier, later in itertools.pairwise(times):
        interval = later - earlier
        column.append(min(interval / mean, 100.0) if len(known) >= 10 else 1.0)
        known.append(min(interval, 2 * mean) if known else interval)
        mean += max(1 / len(known), 0.01) * (known[-1] - mean)
    return np.array(column)


def with_beat(rows: Rows, column: Rows | float = 1.0) -> Rows:
    wide = np.column_stack([rows, np.broadcast_to(column, len(rows))])
    wide[np.isnan(rows).all(axis=1), -1] = np.nan
    return wide


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, {}),
        ({"shingle_size": 1}, {}),
        ({"transformation": "normalize"}, {}),
        ({"missing": "impute", "weights": [2.0, 0.0]}, {"weights": [2.0, 0.0, 1.0]}),
        ({"missing": "previous"}, {}),
        ({"missing": "constant", "fill_value": 0.5}, {"fill_value": [0.5, 0.5, 1.0]}),
    ],
)
def test_it_is_the_forest_of_rows_with_their_intervals(
    options: dict[str, Any], more: dict[str, Any]
) -> None:
    rows, times = season(600), uneven(600)
    assert_array_equal(forest_of(**options).score(rows, time=times), 0.0)
    rows[::40, 0] = np.nan
    rows[::90] = np.nan
    forest, twin = forest_of(**options), plain_of(**(options | more))
    wide = with_beat(rows, beat(times))
    assert wide[200, 2] == 100.0
    scores = forest.score_update(rows[:500], time=times[:500])
    assert_array_equal(scores, twin.score_update(wide[:500]))
    assert scores.max() > 0
    assert_array_equal(forest.score(rows[500:], time=times[500:]), twin.score(wide[500:]))
    found, parts = forest.score_update(rows[500:], time=times[500:], attribution=True)
    expected, twins = twin.score_update(wide[500:], attribution=True)
    assert_array_equal(found, expected)
    assert_array_equal(parts.high, twins.high)
    assert_array_equal(parts.low, twins.low)
    assert (forest.n_seen, forest.n_skipped) == (twin.n_seen, twin.n_skipped)
    assert forest.n_features_in_ == 2


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, 299), max_size=4), dtype=st.sampled_from(["f4", "f8"]))
def test_chunks_and_reloading_change_nothing(cuts: list[int], dtype: str) -> None:
    rows, times = season(300).astype(dtype), uneven(300)
    whole = forest_of()
    expected = whole.score_update(rows, time=times)
    forest = forest_of()
    for part in np.split(np.arange(300), sorted(set(cuts))):
        forest = RandomCutForest.from_bytes(forest.to_bytes())
        forest = copy.deepcopy(pickle.loads(pickle.dumps(forest)))
        before = forest.to_bytes()
        assert forest.score(rows[part], time=times[part]).shape == (len(part),)
        assert forest.to_bytes() == before
        assert_array_equal(forest.score_update(rows[part], time=times[part]), expected[part])
    assert forest.to_bytes() == whole.to_bytes()
    assert forest.fingerprint == whole.fingerprint


def test_a_broken_beat_is_scored_and_blamed_on_time() -> None:
    rows, intervals = season(1200), np.full(1200, 60.0)
    intervals[700], intervals[1000] = 900.0, 1.0
    times = np.cumsum(intervals).astype("datetime64[s]")
    forest = forest_of(n_trees=50, shingle_size=1)
    scores, parts = forest.score_update(rows, time=times, attribution=True)
    without = forest_of(n_trees=50, shingle_size=1, irregular=None).score_update(rows)
    assert set(np.argsort(scores)[-2:]) == {700, 1000}
    assert scores[[700, 1000]].min() > 1.5 > without[[700, 1000]].max()
    assert parts.n_columns == 3
    assert parts.high[700, 2] > 0.8 * scores[700]
    assert parts.low[1000, 2] > 0.8 * scores[1000]


def test_rows_without_a_time_came_regularly() -> None:
    rows = season(140)
    forest, twin = forest_of(), plain_of()
    forest.update(rows[:100], time=np.arange(100))
    for row in rows[100:105]:
        forest.update_one(row)
        assert forest.score_one(row) == forest.score(row[np.newaxis])[0]
    forest.update(rows[105:110])
    forest.update(rows[110:120], time=np.arange(110, 120))
    twin.update(with_beat(rows[:120]))
    assert forest.score_update_one(rows[120]) == twin.score_update_one([*rows[120], 1.0])
    assert_array_equal(
        forest.score(rows[121:], time=np.arange(125, 144)),
        twin.score(with_beat(rows[121:], np.array([5.0] + [1.0] * 18))),
    )
    one = forest_of(shingle_size=1).update([0.0, 1.0, 2.0])
    one.update_one(3.0)
    one.update_one(np.array([4.0], dtype=np.float32))
    assert (one.n_seen, one.n_features_in_) == (5, 1)


def test_a_table_is_regular() -> None:
    rows = season(300)
    forest, twin = forest_of(shingle_size=1), plain_of(shingle_size=1)
    assert_array_equal(
        forest.fit(rows).predict(rows), twin.fit(with_beat(rows)).predict(with_beat(rows))
    )
    assert forest.offset_ == twin.offset_
    later = forest.score_update(rows[:20], time=np.r_[0.0:19.0, 500.0])
    assert later[-1] > 1.5 > later[:-1].max()


def test_questions_take_regular_rows() -> None:
    rows = season(400)
    forest, twin = forest_of(), plain_of()
    forest.update(rows[:380], time=uneven(380))
    twin.update(with_beat(rows[:380], beat(uneven(380))))
    asked, before = rows[380:], forest.to_bytes()
    wide = with_beat(asked)
    for verb in ("score", "displacement", "codisp", "density"):
        assert_array_equal(getattr(forest, verb)(asked), getattr(twin, verb)(wide))
    for verb in ("directional_density", "distances", "expected_gaps"):
        high, low = getattr(forest, verb)(asked)
        assert high.shape == low.shape == (20, 12)
        assert_array_equal((high, low), tuple(getattr(twin, verb)(wide)))
    assert_array_equal(forest.attribution(asked).high, twin.attribution(wide).high)
    assert_array_equal(forest.attribution_one(asked[0]).low, twin.attribution(wide[:1]).low[0])
    near = forest.near_neighbors(asked, k=2)
    assert_array_equal(near.point, twin.near_neighbors(wide, k=2).point)
    assert near.point.shape == (20, 2, 12)
    assert forest.to_bytes() == before


def test_answers_that_are_rows_have_the_columns_of_the_caller() -> None:
    rows = season(400)
    forest, twin = forest_of(), plain_of()
    forest.update(rows[:380], time=uneven(380))
    twin.update(with_beat(rows[:380], beat(uneven(380))))
    asked = rows[380:].copy()
    asked[::3, 1] = np.nan
    asked[4] = np.nan
    wide = with_beat(asked)
    assert_array_equal(forest.impute(asked), twin.impute(wide)[:, :2])
    assert_array_equal(forest.impute_one([np.nan, 0.5]), twin.impute_one([np.nan, 0.5, 1.0])[:2])
    assert forest.impute(asked, method="linear").shape == (20, 2)
    assert_array_equal(forest.expected(asked), twin.expected(wide)[:, :2])
    found = forest.forecast(5, n_paths=50, keep_paths=True)
    expected = twin.forecast(5, n_paths=50)
    assert_array_equal(found.median, expected.median[:, :2])
    assert found.paths is not None
    assert found.paths.shape == (50, 5, 2)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [(["load", "heat"], ("load", "heat", "time")), (["load", "time"], ("load", "time", "time_"))],
)
def test_names(columns: list[str], expected: tuple[str, ...]) -> None:
    frame = pd.DataFrame(season(200), columns=columns)
    forest = forest_of()
    _, parts = forest.score_update(frame, time=uneven(200), attribution=True)
    assert parts.names == expected
    assert forest.attribution(frame).by_column().names == expected
    assert forest.attribution_one(dict(zip(columns, [1.0, 2.0], strict=True))).names == expected
    assert list(forest.feature_names_in_) == columns
    assert_array_equal(frames.score_frame(forest, frame)["score"], forest.score(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        forest.update(frame.assign(more=1.0))
    with pytest.raises(ValueError, match="3 features, but RandomCutForest is expecting 2"):
        forest.update(np.ones((5, 3)))


def test_errors_leave_the_forest_as_it_was() -> None:
    forest = forest_of().update(season(100), time=np.arange(100.0))
    state = forest.to_bytes()
    rows = season(3)
    for verb in (forest.update, forest.score, forest.score_update):
        with pytest.raises(ValueError, match=r"row 2, 102\.0, is not later than row 1"):
            verb(rows, time=[100.0, 102.0, 102.0])
        with pytest.raises(ValueError, match=r"row 0, 99\.0, is not later than the newest row"):
            verb(rows, time=[99.0, 102.0, 103.0])
        with pytest.raises(ValueError, match="row 1, column 0"):
            verb([[0.0, 1.0], [np.inf, 1.0]], time=[100.0, 101.0])
    assert forest.to_bytes() == state


@pytest.mark.parametrize("transformation", ["difference", "normalize_difference"])
def test_differences_are_refused(transformation: str) -> None:
    with pytest.raises(ValueError, match=r"irregular: 'augment' cannot be combined .* two jumps"):
        forest_of(transformation=transformation).update([1.0])


def test_the_native_forest_checks_too() -> None:
    options = check_options(vars(forest_of()))
    with pytest.raises(ValueError, match="a column of intervals beside the others"):
        Forest(n_columns=1, **options)
    options["preparation"]["transformation"] = "difference"
    with pytest.raises(ValueError, match="cannot be combined with differences"):
        Forest(n_columns=2, **options)


def test_options_are_per_column_of_the_caller() -> None:
    for options in ({"weights": [1.0] * 3}, {"missing": "constant", "fill_value": [0.0] * 3}):
        with pytest.raises(ValueError, match=r"expected one value per column \(2\), got 3 values"):
            forest_of(**options).update(season(5))


def test_forests_with_clocks_of_their_own_are_not_merged() -> None:
    forests = [forest_of().update(season(100), time=uneven(100)) for _ in range(2)]
    with pytest.raises(ValueError, match="time stamps"):
        RandomCutForest.merge(forests)
    single = RandomCutForest.merge(forests[:1])
    assert single.n_features_in_ == 2
    assert_array_equal(
        single.score(season(20)[10:]),
        RandomCutForest.from_bytes(single.to_bytes()).score(season(20)[10:]),
    )


def test_a_row_without_any_value_is_left_out() -> None:
    forest = forest_of(missing="previous").update(season(100), time=np.arange(100.0))
    forest.update(np.full((50, 2), np.nan), time=np.arange(100.0, 150.0))
    assert forest.n_skipped > 40


def test_threads_change_nothing() -> None:
    one, many = (forest_of(n_jobs=n).score_update(season(300), time=uneven(300)) for n in (1, 3))
    assert_array_equal(one, many)
    forest = forest_of().update(season(10)).set_params(n_jobs=2)
    assert forest.n_jobs == 2
