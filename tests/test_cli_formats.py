"""Every format in and out: what passes through comes out as it went in."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from cli_helpers import FOREST, RESULTS, fails, ok, read_csv, scores_of, series, write_csv

N_ROWS = 300


@pytest.fixture(scope="module")
def table() -> pa.Table:
    names = [f"name {row % 3}" for row in range(N_ROWS)]
    start = np.datetime64("2024-01-01T00:00:00", "s")
    return pa.table(
        {
            "at": (start + np.arange(N_ROWS) * np.timedelta64(60, "s")).astype("datetime64[us]"),
            "name": names,
            "value": series(N_ROWS, spike=None),
            "count": pa.array(np.arange(N_ROWS) * 7 % 13, type=pa.int32()),
        }
    )


@pytest.fixture(scope="module")
def expected(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("expected") / "in.parquet"
    parquet.write_table(table, path)
    return scores_of(read_csv(ok("score", path, *FOREST).stdout_bytes))


def as_rows(table: pa.Table) -> list[dict[str, object]]:
    return [{**row, "at": str(row["at"])} for row in table.to_pylist()]


def as_csv(table: pa.Table, delimiter: str = ",") -> bytes:
    rows = as_rows(table)
    lines = [delimiter.join(map(str, row.values())) for row in rows]
    return ("\n".join([delimiter.join(rows[0]), *lines]) + "\n").encode()


def as_jsonl(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in as_rows(table)).encode()


def as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, row_group_size=70)
    return sink.getvalue().to_pybytes()


def as_arrow(table: pa.Table, opener: Callable[..., ipc.RecordBatchStreamWriter]) -> bytes:
    sink = pa.BufferOutputStream()
    with opener(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=90)
    return sink.getvalue().to_pybytes()


INPUTS: dict[str, Callable[[pa.Table], bytes]] = {
    "in.csv": as_csv,
    "in.tsv": lambda table: as_csv(table, "\t"),
    "in.jsonl": as_jsonl,
    "in.ndjson": as_jsonl,
    "in.parquet": as_parquet,
    "in.arrow": lambda table: as_arrow(table, ipc.new_file),
    "in.feather": lambda table: as_arrow(table, ipc.new_file),
    "in.arrows": lambda table: as_arrow(table, ipc.new_stream),
    "in.csv.gz": lambda table: gzip.compress(as_csv(table)),
    "in.csv.bz2": lambda table: bz2.compress(as_csv(table)),
    "in.csv.xz": lambda table: lzma.compress(as_csv(table)),
    "in.csv.zst": lambda table: pa.compress(as_csv(table), "zstd", asbytes=True),
    "in.jsonl.gz": lambda table: gzip.compress(as_jsonl(table)),
    "in.parquet.gz": lambda table: gzip.compress(as_parquet(table)),
    "in.arrow.gz": lambda table: gzip.compress(as_arrow(table, ipc.new_file)),
    "csv.dat": as_csv,
    "tsv.dat": lambda table: as_csv(table, "\t"),
    "jsonl.dat": as_jsonl,
    "parquet.dat": as_parquet,
    "arrow.dat": lambda table: as_arrow(table, ipc.new_file),
    "arrows.dat": lambda table: as_arrow(table, ipc.new_stream),
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_gives_the_same_scores(
    tmp_path: Path, table: pa.Table, expected: np.ndarray, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(INPUTS[name](table))
    out = tmp_path / "out.parquet"
    ok("score", path, *FOREST, "-o", out)
    np.testing.assert_array_equal(scores_of(parquet.read_table(out)), expected)


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_through_a_pipe(
    tmp_path: Path, table: pa.Table, expected: np.ndarray, name: str
) -> None:
    result = ok("score", "-", *FOREST, "--to", "csv", stdin=INPUTS[name](table))
    np.testing.assert_array_equal(scores_of(read_csv(result.stdout_bytes)), expected)


def read_any(path: Path) -> pa.Table:
    data = path.read_bytes()
    name = path.name.removesuffix(".gz").removesuffix(".zst")
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zst":
        data = pa.CompressedInputStream(pa.py_buffer(data), "zstd").read()
    if name.endswith(".parquet"):
        return parquet.read_table(path)
    if name.endswith(".jsonl"):
        return pa.Table.from_pylist([json.loads(line) for line in data.splitlines()])
    if name.endswith(".arrow"):
        return ipc.open_file(data).read_all()
    if name.endswith(".arrows"):
        return ipc.open_stream(data).read_all()
    return read_csv(data, "\t" if name.endswith(".tsv") else ",")


OUTPUTS = ["out.csv", "out.tsv", "out.jsonl", "out.parquet", "out.arrow", "out.arrows"]
OUTPUTS += ["out.csv.gz", "out.jsonl.gz", "out.tsv.zst"]


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet", "in.arrows"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_round_trip(
    tmp_path: Path, table: pa.Table, expected: np.ndarray, source: str, name: str
) -> None:
    path, out = tmp_path / source, tmp_path / name
    path.write_bytes(INPUTS[source](table))
    ok("score", path, *FOREST, "-o", out)
    result = read_any(out)
    assert result.column_names == [*table.column_names, *RESULTS]
    np.testing.assert_array_equal(scores_of(result), expected)
    np.testing.assert_array_equal(scores_of(result, "value"), table.column("value"))
    assert result.column("name").to_pylist() == table.column("name").to_pylist()
    assert result.column("count").to_pylist() == table.column("count").to_pylist()
    times = [str(time)[:19].replace("T", " ") for time in result.column("at").to_pylist()]
    assert times == [str(time) for time in table.column("at").to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows"])
def test_types_and_nulls_survive(tmp_path: Path, kind: str) -> None:
    n_rows = 80
    table = pa.table(
        {
            "value": pa.array([None if row == 40 else row * 7 % 11 for row in range(n_rows)]),
            "flag": pa.array([row % 2 == 0 for row in range(n_rows)]),
            "tags": pa.array([["a", "b"][: row % 3] for row in range(n_rows)]),
            "place": pa.array(["here", "there"] * 40).dictionary_encode(),
            "day": pa.array(np.arange(n_rows).astype("datetime64[D]")),
        }
    )
    writers = {
        "parquet": as_parquet,
        "arrow": lambda t: as_arrow(t, ipc.new_file),
        "arrows": lambda t: as_arrow(t, ipc.new_stream),
    }
    path, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    path.write_bytes(writers[kind](table))
    ok("score", path, *FOREST, "-o", out)
    result = read_any(out)
    assert result.column("threshold").null_count > 0
    assert scores_of(result)[40] == 0
    for name in ("value", "flag", "tags", "day"):
        assert result.column(name).to_pylist() == table.column(name).to_pylist()
        assert result.schema.field(name).type == table.schema.field(name).type
    assert result.column("place").to_pylist() == table.column("place").to_pylist()
    lines = [json.loads(line) for line in ok("score", path, "--to", "jsonl").stdout.splitlines()]
    assert lines[2]["tags"] == ["a", "b"]
    assert lines[40]["value"] is None
    assert "column 'tags'" in fails(65, "score", path, "--to", "csv")


def test_csv_cells_pass_through_as_they_are(tmp_path: Path) -> None:
    rows = ['"a, b",007,1.50', '"say ""hi""", 1e3 ,2.25', '"two\nlines",,0.10', "plain,-0,3"] * 20
    path = tmp_path / "in.csv"
    path.write_text("note,code,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    text = ok("score", path, *FOREST, "--id-cols", "code").stdout
    for row in rows:
        assert f"\n{row}," in text


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = write_csv(tmp_path / "in.csv", {"name": ["a,b"] * 80, "v": series(80)}, delimiter)
    result = ok("score", path, *FOREST).stdout_bytes
    assert read_csv(result, delimiter).column("name").to_pylist() == ["a,b"] * 80
    named = ok("score", path, *FOREST, "--delimiter", delimiter).stdout_bytes
    assert named == result


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", {"value": series(90), "other": series(90, seed=1)})
    strange = tmp_path / "strange.csv"
    strange.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    assert ok("score", strange).stdout == ok("score", plain).stdout


def test_no_header(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    cells = series(90).astype(str)
    path.write_text("".join(f"{cell},x\n" for cell in cells), encoding="utf-8")
    table = read_csv(ok("score", path, "--no-header").stdout_bytes)
    assert table.column_names == ["column_1", "column_2", *RESULTS]
    assert table.num_rows == 90
    path.write_text("\n".join(cells), encoding="utf-8")
    assert read_csv(ok("score", path).stdout_bytes).num_rows == 90
    assert read_csv(ok("score", path, "--header").stdout_bytes).num_rows == 89


def test_json_lines_keep_their_text() -> None:
    rows = [
        f'{{"value": {value}, "deep": {{"a": [1, 2]}}, "name": "caf\\u00e9"}}'
        for value in series(90)
    ]
    result = ok("score", "-", *FOREST, stdin="\n".join(rows))
    lines = result.stdout.splitlines()
    assert [line.partition(', "score"')[0] + "}" for line in lines] == rows
    assert all(set(RESULTS) < set(json.loads(line)) for line in lines)


def test_json_lines_with_gaps() -> None:
    cells = [{"value": value, "n": str(value)} for value in series(90)]
    cells[50] = {"other": 1}  # too rare a key to be scored
    cells[51] = {}
    cells[52]["value"] = None
    text = "\n".join(map(json.dumps, cells))
    lines = [json.loads(line) for line in ok("score", "-", *FOREST, stdin=text).stdout.splitlines()]
    assert [line["score"] == 0 for line in lines[49:54]] == [False, True, True, True, False]
    assert lines[51].keys() == set(RESULTS)


@pytest.mark.parametrize(
    ("line", "says"),
    [('{"value": 1', "row 31: not JSON"), ("[1, 2]", "row 31: expected an object, got list"),
     ("7", "row 31: expected an object, got int"),
     ('{"value": "x"}', "row 31, column 'value': expected a number, got 'x'"),
     ('{"value": Infinity}', "row 31, column 'value': inf is not finite"),
     ('{"value": [1]}', "row 31, column 'value': expected a number, got '[1]'"),
     ('{"value": 1, "score": 2}', "already has a column 'score'")],
)  # fmt: skip
def test_bad_json_lines(line: str, says: str) -> None:
    rows = [json.dumps({"value": value}) for value in series(60)]
    rows[30] = line
    assert says in fails(65, "score", "-", "--format", "jsonl", stdin="\n".join(rows))


@pytest.mark.parametrize("name", ["in.parquet", "in.arrow", "in.arrows", "in.csv.gz", "in.csv.xz"])
def test_broken_files(tmp_path: Path, table: pa.Table, name: str) -> None:
    data = INPUTS[name](table)
    path = tmp_path / name
    for broken in (data[: len(data) // 2], data[:10] + b"\x00" * 500):
        path.write_bytes(broken)
        assert "fastrcf: " in fails(65, "score", path, *FOREST)


def test_type_that_changes_late_is_named(tmp_path: Path) -> None:
    columns = {"id": [*np.arange(2000).astype(str), "x"], "value": series(2001)}
    path = write_csv(tmp_path / "in.csv", columns)
    few = ["--trees", "2", "--samples", "16"]
    assert "column 'id'" in fails(65, "score", path, *few, "-o", tmp_path / "out.parquet")
    ok("score", path, *few, "-o", tmp_path / "out.csv")
