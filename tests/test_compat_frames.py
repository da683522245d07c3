"""Frames in, frames of the same kind out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastrcf import ForestFleet, RandomCutForest
from fastrcf.compat.frames import score_frame, score_long_frame, score_update_frame

KINDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "pandas with nulls": lambda data: pd.DataFrame(data).convert_dtypes(),
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "arrow chunks": lambda data: pa.concat_tables([pa.table(data)[:70], pa.table(data)[70:]]),
}


@pytest.fixture(params=list(KINDS))
def make(request: pytest.FixtureRequest) -> Callable[[dict[str, Any]], Any]:
    return KINDS[request.param]


def columns_of(frame: Any) -> list[str]:
    return list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)


def values_of(frame: Any, name: str) -> np.ndarray:
    """A column without the help of the code under test."""
    column = frame[name]
    return np.array(column.to_pylist() if isinstance(frame, pa.Table) else list(column))


def data(n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    load = rng.normal(size=n).tolist()
    load[100] = None
    return {
        "at": [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=i) for i in range(n)],
        "host": ["a", "b"] * (n // 2),
        "load": load,
        "busy": [i % 3 == 0 for i in range(n)],
        "jobs": [i % 7 for i in range(n)],
    }


def matrix(columns: dict[str, Any], names: list[str]) -> np.ndarray:
    return np.column_stack([np.array(columns[name], dtype=float) for name in names])


NUMBERS = ["load", "busy", "jobs"]


def test_same_kind_same_columns_same_bits(make: Callable[[dict[str, Any]], Any]) -> None:
    df = make(data())
    expected = RandomCutForest(10).score_update(matrix(data(), NUMBERS))
    scored = score_update_frame(RandomCutForest(10), df, time="at")
    assert type(scored) is type(df)
    assert columns_of(scored) == ["at", "host", *NUMBERS, "score", "ready"]
    assert values_of(scored, "score").tolist() == expected.tolist()
    ready = np.array([bool(value) for value in values_of(scored, "ready")])
    assert np.array_equal(ready, expected > 0.0)
    assert not ready[100]  # it misses a value
    assert not ready[:64].any()
    assert ready[150:].all()
    assert columns_of(df) == list(data())  # the input is as it was
    for name in ("at", "host", "jobs"):
        assert values_of(scored, name).tolist() == values_of(df, name).tolist()


def test_scoring_changes_nothing(make: Callable[[dict[str, Any]], Any]) -> None:
    forest = RandomCutForest(10).update(make({name: data()[name] for name in NUMBERS}))
    before = forest.to_bytes()
    df = make({**data(120), "load": [1.0] * 120})
    scored = score_frame(forest, df, time="at", keep=False)
    assert columns_of(scored) == ["at", "score", "ready"]
    rows = matrix({**data(120), "load": [1.0] * 120}, NUMBERS)
    assert np.array_equal(values_of(scored, "score"), forest.score(rows))
    assert values_of(scored, "score").min() > 0.0
    assert forest.to_bytes() == before


def test_named_columns_are_found_in_any_order(make: Callable[[dict[str, Any]], Any]) -> None:
    """A forest that knows names takes its columns and no others."""
    forest = RandomCutForest(10).update({"jobs": np.arange(99.0), "load": np.ones(99)})
    df = make({"extra": [5.0] * 120, "load": [1.0] * 120, "jobs": [3.0, 90.0] * 60})
    expected = forest.score(np.tile([[3.0, 1.0], [90.0, 1.0]], (60, 1)))
    assert np.array_equal(values_of(score_frame(forest, df), "score"), expected)
    with pytest.raises(ValueError, match=r"the forest has learned\), missing: \['jobs'\]"):
        score_frame(forest, make({"load": [1.0] * 120}))


def test_columns_may_be_chosen(make: Callable[[dict[str, Any]], Any]) -> None:
    scored = score_update_frame(RandomCutForest(10), make(data()), columns=["jobs"])
    expected = RandomCutForest(10).score_update(matrix(data(), ["jobs"]))
    assert np.array_equal(values_of(scored, "score"), expected)


def test_times_that_are_numbers_are_not_scored() -> None:
    df = pl.DataFrame({"second": range(200), "jobs": data()["jobs"]})
    scored = score_update_frame(RandomCutForest(10), df, time="second")
    expected = RandomCutForest(10).score_update(np.array(data()["jobs"]))
    assert scored["score"].to_list() == expected.tolist()


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([5] * 150 + [3] * 50, name="twice"),
        pd.date_range("2024-01-01", periods=200)[::-1],
        pd.MultiIndex.from_product([["x", "y"], range(100)]),
    ],
    ids=["repeats", "backwards", "two levels"],
)
def test_the_index_of_pandas_is_kept(index: pd.Index) -> None:
    df = pd.DataFrame(data(), index=index)
    scored = score_update_frame(RandomCutForest(10), df, keep=False)
    assert scored.index.equals(index)
    expected = RandomCutForest(10).score_update(matrix(data(), NUMBERS))
    assert scored["score"].tolist() == expected.tolist()
    assert scored.dtypes.astype(str).tolist() == ["float64", "bool"]
    assert score_long_frame(df, "host", "at", "load", n_trees=5).index.equals(index)


# ---- many series --------------------------------------------------------------------------------


def long_data(*, mixed: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Three series of different length below each other, rows shuffled if mixed."""
    rng = np.random.default_rng(5)
    ids = np.repeat([3, 1, 2], [150, 90, 1])
    times = np.concatenate([np.arange(150), np.arange(90), [0]])
    values = rng.normal(size=(241, 2))
    values[30, 0] = np.nan
    order = rng.permutation(241) if mixed else np.arange(241)
    frame = {
        "unique_id": [f"s{i}" for i in ids[order]],
        "ds": times[order].tolist(),
        "y": values[order, 0].tolist(),
        "x": values[order, 1].tolist(),
    }
    place = {(frame["unique_id"][i], frame["ds"][i]): i for i in range(241)}
    series = [
        np.array([place[f"s{i}", time] for time in range(n)])
        for i, n in ((3, 150), (1, 90), (2, 1))
    ]
    return frame, series


@pytest.mark.parametrize("mixed", [False, True])
def test_each_series_has_its_own_forest(
    make: Callable[[dict[str, Any]], Any], *, mixed: bool
) -> None:
    frame, series = long_data(mixed=mixed)
    options = {"n_trees": 7, "shingle_size": 2, "output_after": 9, "random_state": 3}
    df = make(frame)
    scored = score_long_frame(df, target=["y", "x"], **options)
    assert type(scored) is type(df)
    assert columns_of(scored) == ["unique_id", "ds", "y", "x", "score", "ready"]
    assert values_of(scored, "ds").tolist() == frame["ds"]
    scores = values_of(scored, "score")
    for rows in series:
        seed = ForestFleet(random_state=3).seed_of(frame["unique_id"][rows[0]])
        forest = RandomCutForest(**options | {"random_state": seed})
        alone = forest.score_update(matrix(frame, ["y", "x"])[rows])
        assert np.array_equal(scores[rows], alone)
    assert (scores > 0.0).sum() > 200


def test_rows_as_they_stand() -> None:
    frame, _ = long_data(mixed=True)
    df = pl.DataFrame(frame)
    rows = [i for i in range(241) if frame["unique_id"][i] == "s1"]
    scored = score_long_frame(df, time=None, target="x", n_trees=5)
    forest = RandomCutForest(5, random_state=ForestFleet().seed_of("s1"))
    alone = forest.score_update(np.array(frame["x"])[rows])
    assert np.array_equal(scored["score"].to_numpy()[rows], alone)


def test_categories_and_times_as_keys() -> None:
    df = pd.DataFrame(data())
    df["host"] = df["host"].astype("category").cat.reorder_categories(["b", "a"])
    scored = score_long_frame(df, "host", "at", "jobs", n_trees=5)
    forest = RandomCutForest(5, random_state=ForestFleet().seed_of(df["host"].iloc[1]))
    alone = forest.score_update(df["jobs"].to_numpy()[1::2].astype(float))
    assert np.array_equal(scored["score"].to_numpy()[1::2], alone)


# ---- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": ["load", "host"]}, TypeError, "expected numbers, got 'a'.*'host'"),
        ({"columns": ["load", "none"]}, ValueError, r"\(columns\), missing: \['none'\]"),
        ({"columns": ["load", "load"]}, ValueError, "columns: expected different columns"),
        ({"columns": []}, ValueError, r"expected the columns \[\]"),
        ({"time": "when"}, ValueError, r"\(time\), missing: \['when'\]"),
        ({"time": "jobs"}, ValueError, "order of 'jobs', got 0 in row 7 after 6"),
        ({"time": "load"}, ValueError, "'load' is missing in row 100"),
    ],
)
@pytest.mark.parametrize("kind", ["pandas with nulls", "polars", "arrow"])
def test_wrong_columns_change_nothing(
    kind: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    columns = {**data(), "load": [*range(100), None, *range(99)]}
    forest = RandomCutForest(5)
    with pytest.raises(error, match=message):
        score_update_frame(forest, KINDS[kind](columns), **options)
    assert forest.n_seen == 0


def test_names_of_results_are_taken() -> None:
    df = pd.DataFrame({"load": [1.0, 2.0], "score": [1.0, 2.0]})
    for call in (
        lambda: score_update_frame(RandomCutForest(5), df, columns=["load"]),
        lambda: score_long_frame(df, "load", None, "load"),
    ):
        with pytest.raises(ValueError, match=r"called \['score'\] already"):
            call()
    scored = score_update_frame(RandomCutForest(5), df, columns=["load"], keep=False)
    assert list(scored.columns) == ["score", "ready"]


@pytest.mark.parametrize("df", [pl.LazyFrame({"a": [1.0]}), np.ones((3, 2)), [1.0], None])
def test_what_is_no_frame(df: Any) -> None:
    with pytest.raises(TypeError, match=r"df: expected a frame in memory.*got"):
        score_frame(RandomCutForest(5), df)


def test_frames_without_numbers() -> None:
    with pytest.raises(ValueError, match="df: expected a column of numbers"):
        score_update_frame(RandomCutForest(5), pl.DataFrame({"host": ["a"]}))
    with pytest.raises(ValueError, match="found array with 0 sample"):
        score_update_frame(RandomCutForest(5), pl.DataFrame({"a": pl.Series([], dtype=pl.Float64)}))


def test_long_frames_need_ids_and_times() -> None:
    df = pl.DataFrame({"unique_id": ["a", None], "ds": [1, 2], "y": [1.0, 2.0]})
    with pytest.raises(ValueError, match="'unique_id' is missing in row 1"):
        score_long_frame(df)
    with pytest.raises(ValueError, match=r"missing: \['day'\]"):
        score_long_frame(df, time="day")
    with pytest.raises(ValueError, match=r"\(target\), missing: \['z'\]"):
        score_long_frame(df, target="z")
    with pytest.raises(TypeError, match="n_bushes"):
        score_long_frame(df.with_columns(unique_id=pl.lit("a")), n_bushes=3)
