"""fastrcf score: the plain run, its options, its summary and its complaints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fastrcf
from cli_helpers import FOREST, RESULTS, fails, invoke, ok, read_csv, scores_of, series, write_csv


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "plain.csv", {"value": series()})


def test_all_columns_and_three_more(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"name": ["a", "b"] * 300, "value": series()})
    table = read_csv(ok("score", path, *FOREST).stdout_bytes)
    assert table.column_names == ["name", "value", *RESULTS]
    assert table.num_rows == 600
    assert table.column("name").to_pylist() == ["a", "b"] * 300


def test_scores_are_those_of_the_forest(plain: Path) -> None:
    options = ["--shingle", "4", "--decay", "0.01", "--output-after", "30", "--random-state", "7"]
    found = scores_of(read_csv(ok("score", plain, *FOREST, *options).stdout_bytes))
    forest = fastrcf.RandomCutForest(20, 64, 4, time_decay=0.01, output_after=30, random_state=7)
    np.testing.assert_array_equal(found, forest.score_update(series()))


def test_the_spike_is_found(plain: Path) -> None:
    table = read_csv(ok("score", plain).stdout_bytes)
    assert int(np.argmax(scores_of(table))) == 450
    assert table.column("is_anomaly").to_pylist()[450] is True


def test_file_output_leaves_stdout_empty(plain: Path, tmp_path: Path) -> None:
    result = ok("score", plain, *FOREST, "-o", tmp_path / "out.csv")
    assert result.stdout == ""
    piped = ok("score", plain, *FOREST)
    assert (tmp_path / "out.csv").read_bytes() == piped.stdout_bytes


def test_summary_is_two_lines_on_stderr(plain: Path) -> None:
    lines = ok("score", plain, *FOREST).stderr.splitlines()
    assert len(lines) == 2
    assert "600 rows" in lines[0]
    assert "highest score" in lines[1]
    assert "row 451" in lines[1]


def test_json_summary(plain: Path, tmp_path: Path) -> None:
    to_file = ok("score", plain, *FOREST, "--json", "-o", tmp_path / "out.csv")
    summary = json.loads(to_file.stdout)
    assert summary["rows"] == 600
    assert summary["highest"]["row"] == 451
    assert summary["value_columns"] == ["value"]
    to_pipe = ok("score", plain, *FOREST, "--json")
    assert json.loads(to_pipe.stderr)["anomalies"] == summary["anomalies"]


def test_missing_cells_score_zero(tmp_path: Path) -> None:
    cells = series(spike=None).astype(str)
    cells[[200, 300, 301]] = ["", "NaN", "null"]
    path = write_csv(tmp_path / "in.csv", {"at": np.arange(600) % 7, "value": cells})
    result = ok("score", path, *FOREST, "--value-cols", "value", "--json")
    table = read_csv(result.stdout_bytes)
    scores = scores_of(table)
    assert (scores[[200, 300, 301]] == 0).all()
    assert (scores[302:] > 0).all()
    assert json.loads(result.stderr)["missing"] == 3
    lines = result.stdout.splitlines()
    assert [lines[row + 1].split(",")[1] for row in (200, 300, 301)] == ["", "NaN", "null"]


def test_threshold_starts_late_and_is_causal(plain: Path, tmp_path: Path) -> None:
    whole = read_csv(ok("score", plain, *FOREST).stdout_bytes)
    half = write_csv(tmp_path / "half.csv", {"value": series()[:300]})
    start = read_csv(ok("score", half, *FOREST).stdout_bytes)
    assert whole.slice(0, 300).equals(start)
    thresholds = whole.column("threshold").to_pylist()
    first = next(row for row, cutoff in enumerate(thresholds) if cutoff is not None)
    assert np.count_nonzero(scores_of(whole)[:first]) == 100


def test_sigma_moves_the_threshold(plain: Path) -> None:
    tables = [read_csv(ok("score", plain, *FOREST, "--sigma", s).stdout_bytes) for s in (0, 3, 6)]
    flagged = [sum(table.column("is_anomaly").to_pylist()) for table in tables]
    assert flagged[0] > flagged[1] >= flagged[2]


def test_fit_uses_all_rows(plain: Path) -> None:
    table = read_csv(ok("score", plain, *FOREST, "--fit").stdout_bytes)
    scores = scores_of(table)
    assert (scores > 0).all()
    thresholds = set(table.column("threshold").to_pylist())
    assert len(thresholds) == 1
    assert thresholds.pop() == pytest.approx(scores.mean() + 3 * scores.std())
    forest = fastrcf.RandomCutForest(20, 64).fit(series()[:, None])
    np.testing.assert_array_equal(scores, forest.score(series()))


def test_fit_reads_a_pipe_twice(plain: Path) -> None:
    piped = ok("score", "-", *FOREST, "--fit", stdin=plain.read_bytes())
    assert piped.stdout_bytes == ok("score", plain, *FOREST, "--fit").stdout_bytes


def test_fail_on_anomaly(plain: Path, tmp_path: Path) -> None:
    assert invoke("score", plain, *FOREST, "--fail-on-anomaly").exit_code == 3
    constant = write_csv(tmp_path / "constant.csv", {"value": [1.5] * 300})
    assert ok("score", constant, *FOREST, "--fail-on-anomaly").exit_code == 0


def test_too_few_rows_are_no_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"value": [1.0, 2.0, 1.5]})
    for mode in ([], ["--fit", "--shingle", "9"]):
        result = ok("score", path, *mode)
        assert "no row could be scored" in result.stderr
        assert scores_of(read_csv(result.stdout_bytes)).tolist() == [0.0, 0.0, 0.0]


def test_name_clash_and_suffix(plain: Path, tmp_path: Path) -> None:
    once = tmp_path / "once.csv"
    ok("score", plain, *FOREST, "-o", once)
    assert "already has a column 'score'" in fails(65, "score", once)
    twice = ok("score", once, *FOREST, "--value-cols", "value", "--suffix", "_2")
    table = read_csv(twice.stdout_bytes)
    assert table.column_names == ["value", *RESULTS, "score_2", "is_anomaly_2", "threshold_2"]
    assert table.column("score").equals(table.column("score_2"))


def test_failed_run_leaves_no_file(tmp_path: Path) -> None:
    cells = series().astype(str)
    cells[500] = "oops"
    path = write_csv(tmp_path / "in.csv", {"value": cells})
    out = tmp_path / "out.csv"
    out.write_text("before")
    fails(65, "score", path, "--chunk-rows", "100", "-o", out)
    assert out.read_text() == "before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("chunk_rows", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("cell", "says"),
    [("oops", "row 1501, column 'value': expected a number, got 'oops'"),
     ("inf", "row 1501, column 'value': inf is not finite"),
     ("-1e39", "row 1501, column 'value': -1e39 is larger than"),
     ("1;5", "row 1501, column 'value': expected a number, got '1;5'")],
)  # fmt: skip
def test_bad_cell_names_row_and_column(
    tmp_path: Path, chunk_rows: int, cell: str, says: str
) -> None:
    cells = series(1600).astype(str)
    cells[1500] = cell
    path = write_csv(tmp_path / "in.csv", {"note": ["x"] * 1600, "value": cells})
    few = ["--trees", "2", "--samples", "16"]
    assert says in fails(65, "score", path, *few, "--chunk-rows", chunk_rows)
    assert says in fails(65, "score", path, *few, "--fit")


def test_bad_cell_among_the_first_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"value": ["1", "2.5", "x", "4", "3"]})
    assert "row 3, column 'value'" in fails(65, "score", path)


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no rows"), ("\n\n", "no rows"), ("value\n", "no rows"),
     ("a,b\n1,2\n3\n", "row 2: expected 2 cells, got 1"),
     ("a,b\n1,2\n3,4,5\n", "row 2: expected 2 cells, got 3"),
     ("a,a\n1,2\n", "column 'a' more than once"),
     ("a,b\nx,y\nz,w\n", "no column to score: column 'a' has text such as 'x'"),
     ("a\n1\n\xff\n", "UTF-8")],
)  # fmt: skip
def test_bad_csv(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(text.encode("latin-1"))
    assert says in fails(65, "score", path)


def test_input_missing(tmp_path: Path) -> None:
    assert "No such file" in fails(66, "score", tmp_path / "absent.csv")
    assert "directory" in fails(66, "score", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--value-cols", "nope"], "there is no column 'nope'; there are 'value'"),
     (["--key-col", "nope"], "there is no column 'nope'"),
     (["--value-cols", "value", "--id-cols", "value"], "named twice"),
     (["--jobs", "0"], "n_jobs"), (["--samples", "1000000000"], "sample_size")],
)  # fmt: skip
def test_options_that_do_not_fit(plain: Path, arguments: list[str], says: str) -> None:
    assert says in fails(78, "score", plain, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--trees", "0"], "--trees"), (["--sigma", "-1"], "--sigma"), (["--decay", "-1"], "--decay"),
     (["--nope"], "No such option"), (["-o", "out.xyz"], ".parquet"),
     (["-o", "out.parquet.gz"], "compressed inside"), (["-o", "no/such/folder.csv"], "no folder"),
     (["--plot", "plot.xyz"], ".png"), (["--delimiter", "ab"], "one character"),
     (["--to", "csv", "-o", "out.csv"], "--to"), (["--format", "xls"], "--format")],
)  # fmt: skip
def test_wrong_usage(plain: Path, arguments: list[str], says: str) -> None:
    assert says in fails(2, "score", plain, *arguments)


def test_output_must_not_be_the_input(plain: Path) -> None:
    assert "that is the input" in fails(2, "score", plain, "-o", plain)


def test_missing_extra(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert "pip install 'fastrcf[plot]'" in fails(69, "score", plain, "--plot", "plot.png")


def test_internal_error(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_job: object) -> None:
        raise RuntimeError("wheels came off")

    monkeypatch.setattr("fastrcf.cli.pipeline.run", broken)
    assert "internal error: RuntimeError: wheels came off" in fails(1, "score", plain)


def test_plot(plain: Path, tmp_path: Path) -> None:
    for name in ("plot.png", "plot.svg", "plot.pdf"):
        ok("score", plain, *FOREST, "--plot", tmp_path / name, "-o", tmp_path / "out.csv")
        assert (tmp_path / name).stat().st_size > 5000
