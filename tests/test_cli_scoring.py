"""Chunks, thresholds and rows to keys: the same bits however the input is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_helpers import FOREST, ok, series, write_csv
from fastrcf.cli.lines import line_blocks
from fastrcf.cli.scoring import group_rows


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cells = series(1300).astype(str)
    cells[[100, 700, 701]] = ""
    columns = {
        "key": np.resize(["a", "b", "b"], 1300),
        "id": np.arange(1300),
        "value": cells,
        "other": series(1300, seed=1),
    }
    return write_csv(tmp_path_factory.mktemp("mixed") / "in.csv", columns)


@pytest.mark.parametrize("options", [[], ["--key-col", "key"], ["--fit"], ["--shingle", "5"]])
def test_any_chunk_size_gives_the_same_bytes(mixed: Path, options: list[str]) -> None:
    expected = ok("score", mixed, *FOREST, *options).stdout_bytes
    for chunk_rows in (1, 3, 64, 999, 1000, 1299, 1300):
        found = ok("score", mixed, *FOREST, *options, "--chunk-rows", chunk_rows)
        assert found.stdout_bytes == expected
    assert ok("score", "-", *FOREST, *options, stdin=mixed.read_bytes()).stdout_bytes == expected
    assert ok("score", mixed, *FOREST, *options, "--jobs", "2").stdout_bytes == expected


@pytest.mark.parametrize("name", ["out.parquet", "out.arrow", "out.jsonl", "out.csv.gz"])
def test_any_chunk_size_gives_the_same_file(mixed: Path, tmp_path: Path, name: str) -> None:
    files = []
    for chunk_rows in (7, 1300):
        out = tmp_path / f"{chunk_rows}-{name}"
        ok("score", mixed, *FOREST, "-o", out, "--chunk-rows", chunk_rows)
        files.append(out.read_bytes())
    assert files[0] == files[1]


def test_group_rows() -> None:
    groups = dict(group_rows(pa.array(["b", "a", "b", "", "a"])))
    assert {key: rows.tolist() for key, rows in groups.items()} == {
        "b": [0, 2], "a": [1, 4], "": [3]
    }  # fmt: skip
    assert list(group_rows(None)) == [(None, slice(None))]


CELLS = st.text(alphabet='ab,\n"', max_size=6)


@given(st.lists(CELLS, min_size=1, max_size=40), st.integers(1, 50))
def test_blocks_end_where_rows_end(cells: list[str], block_bytes: int) -> None:
    import io

    rows = ['"{}"\n'.format(cell.replace('"', '""')).encode() for cell in cells]
    data = b"".join(rows)
    stream = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    ends = set(np.cumsum([len(row) for row in rows]).tolist())
    position = 0
    for block in line_blocks(stream, eager=False, quoted=True, block_bytes=block_bytes):
        position += len(block)
        assert position in ends
    assert position == len(data)
