"""fastrcf score --explain: the same explanations in every format, however the input is cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

import fastrcf
from cli_helpers import FOREST, RESULTS, fails, ok, read_csv, scores_of, series, write_csv
from fastrcf.cli import explaining

N_ROWS = 150
COLUMNS = ["load", "heat, in °C"]


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    load, heat = series(N_ROWS, spike=None), series(N_ROWS, seed=1, spike=None)
    load[120], heat[120] = -9.0, 8.0
    cells = load.astype(str)
    cells[[100, 101]] = ""
    return {"key": np.resize(["a", "b"], N_ROWS), "load": cells, '"heat, in °C"': heat}


@pytest.fixture(scope="module")
def path(table: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("explain") / "in.csv", table)


def rows_of(table: dict[str, Any]) -> np.ndarray:
    load = [float(cell or "nan") for cell in table["load"]]
    return np.column_stack([load, table['"heat, in °C"']])


def checked(texts: list[str | None], scores: np.ndarray) -> list[dict[str, Any] | None]:
    """Read the JSON; what it says must sum to the scores and be absent where there is none."""
    found = [json.loads(text) if text else None for text in texts]
    for explanation, score in zip(found, scores, strict=True):
        assert (explanation is None) == (score == 0)
        if explanation is not None:
            assert list(explanation) == COLUMNS
            parts = [column["attribution"] for column in explanation.values()]
            assert_allclose(sum(parts), score, atol=2e-6)
    return found


@pytest.mark.parametrize(
    "options", [[], ["--shingle", "4"], ["--fit"], ["--fit", "--shingle", "3"]]
)
def test_explanations_are_those_of_the_forest(
    path: Path, table: dict[str, Any], options: list[str]
) -> None:
    plain = read_csv(ok("score", path, *FOREST, *options).stdout_bytes)
    explained = read_csv(ok("score", path, *FOREST, *options, "--explain").stdout_bytes)
    assert explained.column_names == ["key", *COLUMNS, *RESULTS, "explanation"]
    assert explained.drop_columns("explanation").equals(plain)
    scores = scores_of(explained)
    texts = pc.if_else(pc.equal(explained.column("explanation"), ""), None, explained.column(-1))
    found = checked(texts.to_pylist(), scores)

    shingle = int(options[-1]) if "--shingle" in options else 1
    forest, rows = fastrcf.RandomCutForest(20, 64, shingle), rows_of(table)
    if "--fit" in options:
        parts = forest.fit(rows).attribution(rows).by_column()
    else:
        parts = forest.score_update(rows, attribution=True)[1].by_column()
    for row in np.flatnonzero(scores):
        for i, name in enumerate(COLUMNS):
            high, low = parts.high[row, i], parts.low[row, i]
            side = "high" if high > low else "low"
            expected = {"attribution": round(high + low, 6), "direction": side}
            assert found[row] is not None
            assert found[row][name] == expected
    assert [found[120][name]["direction"] for name in COLUMNS] == ["low", "high"]


def test_every_format_says_the_same(path: Path, tmp_path: Path) -> None:
    expected = read_csv(ok("score", path, *FOREST, "--explain").stdout_bytes)
    texts = [text or None for text in expected.column("explanation").to_pylist()]
    for name in ("out.parquet", "out.arrow", "out.jsonl", "out.tsv"):
        ok("score", path, *FOREST, "--explain", "-o", tmp_path / name)
    parquet = pq.read_table(tmp_path / "out.parquet")
    assert parquet.schema.field("explanation").type == pa.string()
    assert parquet.column("explanation").to_pylist() == texts
    arrow = pa.ipc.open_file(tmp_path / "out.arrow").read_all()
    assert arrow.column("explanation").to_pylist() == texts
    tsv = read_csv(tmp_path / "out.tsv", "\t")
    assert [text or None for text in tsv.column("explanation").to_pylist()] == texts
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    objects = [json.loads(line)["explanation"] for line in lines]
    assert objects == [text and json.loads(text) for text in texts]
    again = ok(
        "score",
        tmp_path / "out.jsonl",
        "--suffix",
        "_2",
        *FOREST,
        "--explain",
        "--id-cols",
        "score,threshold,explanation",
    ).stdout
    assert json.loads(again.splitlines()[130])["explanation_2"].keys() == set(COLUMNS)


@pytest.mark.parametrize("options", [[], ["--key-col", "key"], ["--fit"]])
def test_any_chunk_size_gives_the_same_bytes(
    path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["score", path, *FOREST, "--explain", "--shingle", "3", *options]
    expected = ok(*arguments).stdout_bytes
    monkeypatch.setattr(explaining, "_ROWS_AT_A_TIME", 7)
    for chunk_rows in (1, 40):
        assert ok(*arguments, "--chunk-rows", chunk_rows).stdout_bytes == expected
    piped = ["score", "-", *arguments[2:], "--jobs", "2"]
    assert ok(*piped, stdin=path.read_bytes()).stdout_bytes == expected


def test_a_column_of_that_name_is_in_the_way(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"explanation": ["x"] * 50, "value": series(50)})
    assert "explanation" in ok("score", path, *FOREST).stdout
    message = fails(65, "score", path, *FOREST, "--explain")
    assert "already has a column 'explanation'" in message
    assert "'explanation_2'" in message


def test_help_names_it() -> None:
    assert "--explain" in ok("score", "--help").stdout
