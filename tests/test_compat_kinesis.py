"""The stream-SQL functions: their arguments, columns and exact texts."""

import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf import RandomCutForest
from fastrcf.compat.kinesis import (
    SqlRandomCutForest,
    random_cut_forest,
    random_cut_forest_with_explanation,
)
from fastrcf.errors import ModelFormatError

SMALL = {"numberOfTrees": 10, "subSampleSize": 32, "timeDecay": 1000}
Record = dict[str, Any]


def pressures(n: int = 120, seed: int = 0) -> list[Record]:
    """Ordinary records like those of the vendor's example, and one that is not."""
    rng = np.random.default_rng(seed)
    records: list[Record] = [
        {
            "Systolic": int(rng.integers(90, 121)),
            "Level": "NORMAL",
            "Diastolic": float(rng.integers(60, 81)),
            "Checked": True,
        }
        for _ in range(n)
    ]
    if n > 100:
        records[100] |= {"Systolic": 30, "Diastolic": 150.0}
    return records


def columns_of(records: list[Record]) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in records[0]}


# ---- results -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shingle_size", [1, 3])
def test_exact_texts(shingle_size: int) -> None:
    records = pressures()
    sql = SqlRandomCutForest(**SMALL, shingleSize=shingle_size, withDirectionality=True)
    found = sql.process(records)
    learning = (
        '{"Systolic":{"DIRECTION":"LOW","STRENGTH":"0.0000","ATTRIBUTION_SCORE":"0.0000"},'
        '"Diastolic":{"DIRECTION":"LOW","STRENGTH":"0.0000","ATTRIBUTION_SCORE":"0.0000"}}'
    )
    n_learning = 32 + shingle_size - 1
    for record in found[:n_learning]:
        assert record["ANOMALY_SCORE"] == 0.0
        assert record["ANOMALY_EXPLANATION"] == learning
    assert all(record["ANOMALY_SCORE"] > 0 for record in found[n_learning:])

    forest = RandomCutForest(
        n_trees=10,
        sample_size=32,
        shingle_size=shingle_size,
        time_decay=1 / 1000,
        output_after=32,
        initial_accept_fraction=1.0,
        scoring="kinesis",
    )
    rows = np.array([[record["Systolic"], record["Diastolic"]] for record in records])
    forest.update(rows[:100])
    parts = forest.attribution(rows[100:101])
    above, below = forest.expected_gaps(rows[100:101])
    lean = (above - below).reshape(shingle_size, 2).sum(axis=0) / (2 * shingle_size)
    texts = []
    for i, name in enumerate(["Systolic", "Diastolic"]):
        part = (parts.high + parts.low)[0, i::2].sum()
        side = "HIGH" if lean[i] > 0 else "LOW"
        texts.append(
            f'"{name}":{{"DIRECTION":"{side}","STRENGTH":"{abs(lean[i]):.4f}",'
            f'"ATTRIBUTION_SCORE":"{part:.4f}"}}'
        )
    assert found[100]["ANOMALY_EXPLANATION"] == "{" + ",".join(texts) + "}"
    assert found[100]["ANOMALY_SCORE"] == forest.score(rows[100:101])[0]
    if shingle_size == 1:
        assert (lean[0] < -5, lean[1] > 5) == (True, True)


@pytest.mark.parametrize("directions", [False, True])
def test_attributions_sum_to_the_score(directions: bool) -> None:
    for record in SqlRandomCutForest(**SMALL, withDirectionality=directions).process(pressures()):
        columns = json.loads(record["ANOMALY_EXPLANATION"]).values()
        total = sum(float(column["ATTRIBUTION_SCORE"]) for column in columns)
        assert_allclose(total, record["ANOMALY_SCORE"], atol=1.1e-4)
        keys = ["DIRECTION", "STRENGTH", "ATTRIBUTION_SCORE"] if directions else None
        assert all(list(column) == (keys or ["ATTRIBUTION_SCORE"]) for column in columns)


def test_strengths_are_of_the_size_that_the_vendor_has_published() -> None:
    # Its sample: 144/123 among records of 90-120/60-80 with some outliers has the score 3.86 and
    # the strengths 0.86 and 7.10, both HIGH; ordinary records have 0.02 to 0.10.
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.integers(90, 121, 700), rng.integers(60, 81, 700)])
    for row in range(100, 700, 100):
        low = rng.random() < 0.5
        rows[row] = rng.integers([50, 30] if low else [130, 90], [81, 51] if low else [201, 151])
    rows[-1] = 144, 123
    found = SqlRandomCutForest(withDirectionality=True).process(rows)
    explained = [json.loads(text) for text in found["ANOMALY_EXPLANATION"]]
    strengths = np.array([[float(c["STRENGTH"]) for c in row.values()] for row in explained])
    ordinary = rows[:, 0] < 121
    ordinary[:256] = False
    ordinary &= rows[:, 0] >= 90
    assert 0.02 < np.median(strengths[ordinary]) < 0.10
    assert 3.0 < found["ANOMALY_SCORE"][-1] < 5.0
    assert explained[-1]["COL2"]["DIRECTION"] == "HIGH"
    assert 3.5 < strengths[-1, 1] < 14


def test_without_explanations() -> None:
    found = random_cut_forest(pressures(), 10, 32, 1000)
    assert list(found[50]) == ["Systolic", "Level", "Diastolic", "Checked", "ANOMALY_SCORE"]
    explained = random_cut_forest_with_explanation(pressures(), 10, 32, 1000)
    assert [r["ANOMALY_SCORE"] for r in found] == [r["ANOMALY_SCORE"] for r in explained]


def test_defaults_are_those_of_the_vendor() -> None:
    assert repr(SqlRandomCutForest()) == (
        "SqlRandomCutForest(numberOfTrees=100, subSampleSize=256, timeDecay=100000, shingleSize=1, "
        "withDirectionality=False)"
    )
    params = SqlRandomCutForest().forest.get_params()
    assert params["time_decay"] == 1e-5
    assert (params["scoring"], params["output_after"]) == ("kinesis", 256)
    scores = random_cut_forest(np.full(300, 7.0))["ANOMALY_SCORE"]
    assert_array_equal(scores[:256], 0)
    assert_allclose(scores[256:], 8 / 257, rtol=1e-6)


# ---- one by one, in bulk, saved ----------------------------------------------------------------


@pytest.mark.parametrize("directions", [False, True])
@pytest.mark.parametrize("shingle_size", [1, 4])
def test_one_by_one_as_in_bulk_and_after_saving(
    directions: bool, shingle_size: int, tmp_path: Path
) -> None:
    records = pressures()
    records[70]["Diastolic"] = None
    options = {**SMALL, "shingleSize": shingle_size, "withDirectionality": directions}
    bulk = SqlRandomCutForest(**options, n_jobs=2).process(records)
    sql = SqlRandomCutForest(**options)
    assert [sql.process(record) for record in records[:90]] == bulk[:90]
    sql.save(tmp_path / "sql.fastrcf")
    twin = SqlRandomCutForest.load(tmp_path / "sql.fastrcf")
    assert twin.to_bytes() == sql.to_bytes()
    assert twin.columns == ("Systolic", "Diastolic")
    assert [twin.process(records[90:100]), twin.process(records[100])] == [bulk[90:100], bulk[100]]


def test_a_stream_that_does_not_end() -> None:
    endless = ({"load": float(second % 7)} for second in itertools.count())
    found = list(itertools.islice(random_cut_forest(endless, 10, 32), 40))
    assert [record["ANOMALY_SCORE"] > 0 for record in found] == [False] * 32 + [True] * 8


def test_wrong_bytes() -> None:
    sql = SqlRandomCutForest(**SMALL)
    with pytest.raises(ModelFormatError, match="not a SqlRandomCutForest"):
        SqlRandomCutForest.from_bytes(RandomCutForest().to_bytes())
    with pytest.raises(ModelFormatError, match="cut short"):
        SqlRandomCutForest.from_bytes(sql.to_bytes()[:20])
    with pytest.raises(TypeError, match="data: expected bytes"):
        SqlRandomCutForest.from_bytes("text")  # type: ignore[arg-type]
    assert SqlRandomCutForest.from_bytes(sql.to_bytes()).columns is None


# ---- kinds of records --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"]
)
def test_frames_come_back_as_they_are_with_more_columns(make: Callable[..., Any]) -> None:
    records = pressures()
    frame = make(columns_of(records))
    found = SqlRandomCutForest(**SMALL).process(frame)
    assert type(found) is type(frame)
    expected = SqlRandomCutForest(**SMALL).process(records)
    table = pa.table(found) if not isinstance(found, pa.Table) else found
    assert table.to_pylist() == expected


def test_the_index_of_a_frame_stays() -> None:
    frame = pd.DataFrame({"load": np.arange(50.0)}, index=pd.date_range("2024", periods=50))
    found = random_cut_forest(frame, 10, 32)
    assert found.index.equals(frame.index)
    assert (found["ANOMALY_SCORE"].to_numpy()[32:] > 0).all()


def test_arrays_and_mappings_of_columns() -> None:
    records = pressures()
    expected = SqlRandomCutForest(**SMALL).process(records)
    found = SqlRandomCutForest(**SMALL).process(columns_of(records))
    assert list(found) == list(expected[0])
    assert found["ANOMALY_SCORE"].tolist() == [record["ANOMALY_SCORE"] for record in expected]
    rows = np.array([[record["Systolic"], record["Diastolic"]] for record in records])
    found = SqlRandomCutForest(**SMALL).process(rows)
    assert list(found) == ["COL1", "COL2", "ANOMALY_SCORE", "ANOMALY_EXPLANATION"]
    assert found["ANOMALY_SCORE"].tolist() == [record["ANOMALY_SCORE"] for record in expected]


@pytest.mark.parametrize("nothing", [None, np.nan])
def test_records_with_null_are_passed_on(nothing: float | None) -> None:
    records = pressures()
    whole = SqlRandomCutForest(**SMALL)
    holes = SqlRandomCutForest(**SMALL)
    missing = {**records[50], "Systolic": nothing}
    whole.process(records[:60])
    holes.process([*records[:50], missing])
    found = holes.process(missing)
    assert found["ANOMALY_SCORE"] == 0.0
    assert found["Diastolic"] == missing["Diastolic"]
    assert '"Diastolic":{"ATTRIBUTION_SCORE":"0.0000"}' in found["ANOMALY_EXPLANATION"]
    holes.process(records[50:60])
    assert holes.process(records[60:]) == whole.process(records[60:])


def test_columns_can_be_named() -> None:
    records = [
        {**record, "Systolic": None if i < 5 else record["Systolic"], "cost": Decimal(3)}
        for i, record in enumerate(pressures())
    ]
    found = SqlRandomCutForest(**SMALL, columns=["Systolic"]).process(records)
    assert list(json.loads(found[60]["ANOMALY_EXPLANATION"])) == ["Systolic"]
    assert found[60]["cost"] == Decimal(3)


def test_names_are_escaped() -> None:
    found = SqlRandomCutForest(**SMALL).process({'a "b"': 1.0})
    assert json.loads(found["ANOMALY_EXPLANATION"]) == {'a "b"': {"ATTRIBUTION_SCORE": "0.0000"}}


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"numberOfTrees": 0}, "numberOfTrees: expected an integer of at least 1, got 0"),
        ({"numberOfTrees": 1001}, "numberOfTrees: expected an integer of at most 1000, got 1001"),
        ({"subSampleSize": 9}, "subSampleSize: expected an integer of at least 10, got 9"),
        ({"subSampleSize": 1001}, "subSampleSize: expected an integer of at most 1000"),
        ({"subSampleSize": 256, "timeDecay": 256}, "subSampleSize: expected less than timeDecay"),
        ({"timeDecay": 0}, "timeDecay: expected an integer of at least 1"),
        ({"timeDecay": 2**31}, "timeDecay: expected an integer of at most 2147483647"),
        ({"shingleSize": 0}, "shingleSize: expected an integer of at least 1"),
        ({"shingleSize": 31}, "shingleSize: expected an integer of at most 30"),
        ({"columns": []}, "columns: expected a column of numbers"),
        ({"columns": ["a", "a"]}, "columns: expected different names"),
        ({"columns": [f"c{i}" for i in range(31)]}, "columns: expected at most 30"),
    ],
)
def test_ranges(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SqlRandomCutForest(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"numberOfTrees": 10.0}, "numberOfTrees: expected an integer, got 10.0"),
        ({"timeDecay": True}, "timeDecay: expected an integer, got True"),
        ({"withDirectionality": "TRUE"}, "withDirectionality: expected True or False"),
    ],
)
def test_types(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        SqlRandomCutForest(**arguments)


@pytest.mark.parametrize(
    ("records", "error", "message"),
    [
        ({"a": 1.0, "ANOMALY_SCORE": 2.0}, ValueError, "'ANOMALY_SCORE' already"),
        ({"a": "text", "b": True}, ValueError, "expected a column of numbers"),
        ({"a": 1.0, "b": None}, ValueError, "'b' has nothing but NULL"),
        ({"a": 1.0, "b": Decimal(1)}, TypeError, "'b' holds decimals"),
        ([{"a": 1.0}, {"b": 1.0}], ValueError, "row 1 has no column 'a'"),
        ([{"a": 1.0}, {"a": "x"}], TypeError, "expected numbers, got 'x'"),
        ([{"a": 1.0}, {"a": np.inf}], ValueError, "row 1, column 'a' is inf"),
        ({"a": [1.0, 2.0], "b": [1.0]}, ValueError, "columns of one length"),
        (np.ones((3, 31)), ValueError, "at most 30 columns"),
        (np.ones((3, 3, 3)), ValueError, "records: expected shape"),
        (iter([{"a": 1.0}]), TypeError, "random_cut_forest reads streams"),
        (pa.table({"a": pa.array([Decimal(1)])}), TypeError, "'a' holds decimals"),
        (pl.LazyFrame({"a": [1.0]}), TypeError, "collect a lazy frame first"),
    ],
)
def test_bad_records(records: Any, error: type[Exception], message: str) -> None:
    sql = SqlRandomCutForest(**SMALL)
    before = sql.to_bytes()
    with pytest.raises(error, match=message):
        sql.process(records)
    assert sql.to_bytes() == before


@pytest.mark.parametrize("directions", [False, True])
def test_nothing_is_learned_from_a_bad_batch(directions: bool) -> None:
    sql = SqlRandomCutForest(**SMALL, withDirectionality=directions)
    sql.process(pressures(60))
    before = sql.to_bytes()
    batch = pressures(120)
    batch[110]["Systolic"] = np.inf
    with pytest.raises(ValueError, match="row 110, column 'Systolic' is inf"):
        sql.process(batch)
    with pytest.raises(ValueError, match="no column 'Diastolic'"):
        sql.process({"Systolic": 100})
    assert sql.to_bytes() == before
