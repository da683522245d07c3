"""fastrcf demo and doctor, and the main job on real data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cli_helpers import RESULTS, fails, ok, read_csv, scores_of


def test_demo_finds_the_events() -> None:
    report = json.loads(ok("demo", "--json").stdout)
    assert report["planted"] == 5
    assert report["found"] >= 4
    assert report["rows"] == 10_320
    assert report["rows_above"] < 0.05 * report["rows"]
    found = [event for event in report["events"] if event["found"]]
    assert all(event["rank"] <= 0.03 * report["rows"] for event in found)


def test_demo_report_is_readable() -> None:
    result = ok("demo")
    for name in ("dispatch outage", "marathon", "public holiday", "storm", "festive night"):
        assert name in result.stdout
    assert "5 planted events" in result.stdout
    assert result.stderr == ""


def test_demo_files(tmp_path: Path) -> None:
    out, plot = tmp_path / "demo.csv", tmp_path / "demo.png"
    ok("demo", "-o", out, "--plot", plot)
    table = read_csv(out)
    assert table.column_names == ["timestamp", "rides", "label", *RESULTS]
    assert table.num_rows == 10_320
    assert plot.stat().st_size > 50_000
    options = ["--shingle", "48", "--value-cols", "rides", "--suffix", "_2"]
    again = read_csv(ok("score", out, *options).stdout_bytes)
    assert again.column("score").equals(again.column("score_2"))


def test_demo_complains_early(tmp_path: Path) -> None:
    assert "--plot" in fails(2, "demo", "--plot", tmp_path / "demo.xyz")
    assert "no folder" in fails(2, "demo", "-o", tmp_path / "absent" / "demo.csv")


def test_doctor() -> None:
    import fastrcf

    report = json.loads(ok("doctor", "--json").stdout)
    assert report["fastrcf"] == fastrcf.__version__
    assert report["kernel"] in {"baseline", "avx2", "avx512"}
    assert report["usable_cpus"] >= 1
    assert report["packages"]["numpy"] == np.__version__
    text = ok("doctor").stdout
    assert report["compiler"] in text
    assert "threads" in text


def test_taxi_rides_of_new_york(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "nab" / "data" / "realKnownCause" / "nyc_taxi.csv"
    out, plot = tmp_path / "taxi.csv", tmp_path / "taxi.png"
    ok("score", path, "--shingle", "48", "-o", out, "--plot", plot)
    assert plot.stat().st_size > 50_000

    table = read_csv(out)
    times = table.column("timestamp").to_numpy().astype("datetime64[s]")
    windows = json.loads((data_dir / "nab" / "combined_windows.json").read_text())
    spans = [
        [np.datetime64(end[:19]) for end in window]
        for window in windows["realKnownCause/nyc_taxi.csv"]
    ]
    scores = scores_of(table)
    scores[:500] = -1
    highest = np.zeros(len(scores), dtype=bool)
    highest[np.argsort(-scores, kind="stable")[:300]] = True
    inside = [highest & (times >= start) & (times <= stop) for start, stop in spans]
    # Three windows are certain. Thanksgiving and New Year lie near rank 400 of a very large forest
    # (krcf agrees), so that the fourth depends on the seed.
    assert sum(rows.any() for rows in inside) >= 4
    assert np.any(inside, axis=0).sum() >= 0.6 * 300
