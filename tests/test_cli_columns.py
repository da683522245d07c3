"""Which columns are scored: measures, not ids, clocks, keys, labels or text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cli_helpers import FOREST, fails, ok, read_csv, scores_of, series, write_csv
from fastrcf.cli.columns import Requested, choose
from fastrcf.cli.scoring import seed_of

FEW = ["--trees", "5", "--samples", "32"]


def chosen(**columns: object) -> tuple[str, ...]:
    return choose(pa.table(columns), Requested()).values


def test_numbers_are_chosen_text_and_times_are_not() -> None:
    n_rows = 50
    values = series(n_rows)
    assert chosen(
        at=np.arange(n_rows).astype("datetime64[s]"),
        stamp=[f"20170101_{row:04d}-0005" for row in range(n_rows)],
        name=["x"] * n_rows,
        flag=[True, False] * (n_rows // 2),
        value=values,
        text=values.astype(str),
        whole=np.arange(n_rows) * 3 % 7,
        constant=[1] * n_rows,
    ) == ("value", "text", "whole", "constant")


def test_ids_and_clocks_are_left_out() -> None:
    n_rows = 200
    assert chosen(
        id=np.arange(n_rows),
        downwards=-np.arange(n_rows),
        unix=1.4e9 + 300.0 * np.arange(n_rows),
        seconds=np.arange(n_rows) / 360,
        text_id=np.arange(n_rows).astype(str),
        value=series(n_rows),
    ) == ("value",)


def test_few_rising_rows_prove_nothing() -> None:
    assert chosen(short=np.arange(9)) == ("short",)
    assert chosen(fractions=np.arange(99) / 7, other=[1] * 99) == ("fractions", "other")


def test_a_step_back_makes_a_measure() -> None:
    counts = np.arange(500)
    counts[400] = 3
    assert chosen(counts=counts) == ("counts",)


def test_labels_are_left_out() -> None:
    values = series(50)
    assert chosen(value=values, label=np.zeros(50, int), is_outage=[0, 1] * 25) == ("value",)
    assert chosen(value=values, label=np.arange(50) % 3) == ("value", "label")


def test_mostly_empty_columns_are_left_out() -> None:
    values = series(50)
    assert chosen(value=values, rare=[1.0, None, None, None, None] * 10) == ("value",)
    assert chosen(value=values, gaps=[1.0, 2.0, None, 1.0, 5.0] * 10) == ("value", "gaps")


def test_id_column_warning(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"id": np.arange(300), "value": series(300)})
    alone = write_csv(tmp_path / "alone.csv", {"value": series(300)})
    result = ok("score", path, *FOREST)
    assert "column 'id' rises in every row: an id or a clock, not a measure" in result.stderr
    expected = scores_of(read_csv(ok("score", alone, *FOREST).stdout_bytes))
    np.testing.assert_array_equal(scores_of(read_csv(result.stdout_bytes)), expected)
    named = ok("score", path, *FOREST, "--value-cols", "id,value")
    assert "rises" not in named.stderr
    assert (scores_of(read_csv(named.stdout_bytes)) != expected).any()
    assert "rises" not in ok("score", path, *FOREST, "--id-cols", "id").stderr


@pytest.mark.parametrize("chunk_rows", [1, 999, 1000, 1001, 5000])
def test_column_that_stops_rising(tmp_path: Path, chunk_rows: int) -> None:
    counter = np.arange(1500)
    counter[1200] = 7
    path = write_csv(tmp_path / "in.csv", {"counter": counter, "value": series(1500)})
    result = ok("score", path, *FEW, "--chunk-rows", chunk_rows, "--json")
    warnings = [line for line in result.stderr.splitlines() if "was left out" in line]
    assert len(warnings) == 1
    assert "does not in row 1201" in warnings[0]
    assert json.loads(result.stderr.splitlines()[-1])["value_columns"] == ["value"]


def test_nothing_to_score(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"id": np.arange(50), "name": ["x"] * 50})
    says = fails(65, "score", path)
    assert "no column to score" in says
    assert "column 'id' rises in every row" in says
    assert "column 'name' has text such as 'x'" in says


def test_value_columns_set_the_order(tmp_path: Path) -> None:
    columns = {"a": series(300), "b": series(300, seed=1) * 9}
    path = write_csv(tmp_path / "in.csv", columns)
    result = ok("score", path, *FOREST, "--value-cols", "b, a", "--json")
    assert json.loads(result.stderr)["value_columns"] == ["b", "a"]


def test_time_column_is_found_and_shown(tmp_path: Path) -> None:
    start = np.datetime64("2024-03-01T00:00", "m")
    times = np.char.replace((start + 5 * np.arange(300)).astype(str), "T", " ")
    path = write_csv(tmp_path / "in.csv", {"when": times, "value": series(300, spike=200)})
    result = ok("score", path, *FOREST, "--json")
    summary = json.loads(result.stderr)
    assert summary["time_column"] == "when"
    assert summary["highest"]["time"] == times[200]
    assert times[200] in ok("score", path, *FOREST).stderr


def keyed(path: Path, n_rows: int = 900) -> Path:
    rng = np.random.default_rng(3)
    keys = rng.choice(["red", "green", "blue"], n_rows)
    return write_csv(
        path, {"key": keys, "tick": np.arange(n_rows) // 3, "value": series(n_rows, spike=700)}
    )


@pytest.mark.parametrize("mode", [[], ["--fit"], ["--chunk-rows", "13"]])
def test_each_key_has_its_own_forest(tmp_path: Path, mode: list[str]) -> None:
    path = keyed(tmp_path / "in.csv")
    options = [*FOREST, "--value-cols", "value", "--random-state", "5", *mode]
    whole = read_csv(ok("score", path, *options, "--key-col", "key").stdout_bytes)
    keys = np.array(whole.column("key").to_pylist())
    for key in ("red", "green", "blue"):
        rows = np.flatnonzero(keys == key)
        values = whole.column("value").to_numpy()[rows]
        part = write_csv(tmp_path / f"{key}.csv", {"value": values})
        seed = seed_of(key, 5)
        alone = read_csv(ok("score", part, *options, "--random-state", seed).stdout_bytes)
        for name in ("score", "threshold", "is_anomaly"):
            assert whole.column(name).take(rows).to_pylist() == alone.column(name).to_pylist()


def test_order_of_keys_does_not_matter(tmp_path: Path) -> None:
    path = keyed(tmp_path / "in.csv")
    header, *lines = path.read_text().splitlines()
    lines.sort(key=lambda line: line.split(",")[0])
    by_key = tmp_path / "sorted.csv"
    by_key.write_text("\n".join([header, *lines]))
    options = [*FOREST, "--key-col", "key", "--value-cols", "value"]
    mixed = ok("score", path, *options).stdout.splitlines()
    grouped = ok("score", by_key, *options).stdout.splitlines()
    assert sorted(mixed) == sorted(grouped)


def test_id_that_rises_within_each_key(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(200), 2)
    columns = {"key": ["a", "b"] * 200, "tick": rows, "value": series(400)}
    path = write_csv(tmp_path / "in.csv", columns)
    result = ok("score", path, *FOREST, "--key-col", "key")
    assert "column 'tick' rises in every row" in result.stderr
    assert "2 key" in result.stderr


def test_seeds_of_keys() -> None:
    seeds = {seed_of(str(key), 0) for key in range(1000)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of("a", 0) != seed_of("a", 1)


def test_plot_of_keys(tmp_path: Path) -> None:
    path = keyed(tmp_path / "in.csv")
    plot = tmp_path / "plot.png"
    ok("score", path, *FOREST, "--key-col", "key", "--plot", plot)
    assert plot.stat().st_size > 10_000
