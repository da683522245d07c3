"""fastrcf detect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cli_helpers import fails, invoke, ok, read_csv, write_csv
from fastrcf import ForestDetector, RandomCutForest, persistence
from fastrcf.cli.scoring import seed_of
from fastrcf.detectors import Detection
from test_cli_detector import N_TRAIN, SMALL, TIMES, small, wave

FIELDS = ["row", "end", "score", "grade", "reason", "column", "direction", "value", "expected"]
FIELDS += ["attribution"]
LINES = ["--to", "jsonl"]


def table(n_rows: int = 1600) -> dict[str, np.ndarray]:
    heat = np.random.default_rng(5).normal(20.0, 1.0, n_rows).round(4)
    heat[700:] += np.where(np.arange(n_rows - 700) < 3, 30.0, 0.0)
    return {"load": wave(n_rows), "heat": heat}


def expected(
    found: list[Detection], *, first: int = 0, columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """The lines that say what the detector says; first: rows learned before the input."""
    lines = []
    for each in found:
        names = columns or list(each.attribution)
        place = list(each.attribution).index(each.column)
        wanted = float(each.expected[place])
        lines.append(
            {
                "row": each.start - first + 1,
                "end": None if each.end is None else each.end - first,
                "score": each.score,
                "grade": each.grade,
                "reason": each.reason,
                "column": names[place],
                "direction": each.direction,
                "value": float(each.values[place]),
                "expected": None if math.isnan(wanted) else wanted,
                "attribution": dict(zip(names, each.attribution.values(), strict=True)),
            }
        )
    return lines


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("columns", [["load"], ["load", "heat"]])
def test_a_stream_is_that_of_python(tmp_path: Path, columns: list[str]) -> None:
    rows = {name: table()[name] for name in columns}
    path = write_csv(tmp_path / "in.csv", rows)
    found = small().detect(rows)
    assert len(found) > 1
    told = ok("detect", path, *SMALL, *LINES)
    assert lines_of(told.stdout) == expected(found)
    for chunks in ("1000", "53"):
        piped = ok("detect", "-", *SMALL, *LINES, "--chunk-rows", chunks, stdin=path.read_bytes())
        assert piped.stdout == told.stdout


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("is_fitted", [True, False])
def test_a_model_judges_later_rows(tmp_path: Path, is_fitted: bool, is_named: bool) -> None:
    columns = ["load", "heat"]
    rows = np.column_stack([table()[name] for name in columns])
    first, later = rows[:N_TRAIN], rows[N_TRAIN:]
    path = write_csv(tmp_path / "later.csv", dict(zip(columns, later.T, strict=True)))
    train = dict(zip(columns, first.T, strict=True)) if is_named else first
    detector = small().fit(train) if is_fitted else small().update(train)
    persistence.save(detector, tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    found = detector.detect(later)
    assert found
    told = ok("detect", path, "-m", tmp_path / "m", *LINES, "--chunk-rows", "99")
    assert lines_of(told.stdout) == expected(found, first=N_TRAIN, columns=columns)
    assert (tmp_path / "m").read_bytes() == before


def test_fit_then_detect_finds_what_score_marks(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "train.csv", {"at": TIMES, "load": wave()[:N_TRAIN]})
    later = write_csv(tmp_path / "later.csv", {"load": wave()[N_TRAIN:]})
    ok("fit", path, "-m", tmp_path / "m", *SMALL)
    told = lines_of(ok("detect", later, "-m", tmp_path / "m", *LINES).stdout)
    scored = read_csv(ok("score", later, "-m", tmp_path / "m").stdout_bytes)
    flags = np.flatnonzero(scored.column("is_anomaly").to_numpy())
    assert len(flags)
    assert (flags + 1).tolist() == [
        row for alarm in told for row in range(alarm["row"], (alarm["end"] or scored.num_rows) + 1)
    ]


def test_times_of_start_and_end(tmp_path: Path) -> None:
    load = wave()[700:]
    load[300:303] += 9.0  # an event that ends early
    path = write_csv(tmp_path / "in.csv", {"at": TIMES, "load": load, "id": np.arange(900)})
    for chunks in ("65536", "40"):
        result = ok("detect", path, *SMALL, *LINES, "--chunk-rows", chunks, "--rest", "5")
        told = lines_of(result.stdout)
        assert list(told[0]) == ["time", "end_time", *FIELDS]
        for alarm in told:
            assert alarm["time"] == TIMES[alarm["row"] - 1]
            last = alarm["end"]
            assert alarm["end_time"] == (None if last is None else TIMES[last - 1])
        assert 301 in [alarm["row"] for alarm in told if alarm["end_time"] is not None]


def test_an_event_that_goes_on_has_no_end(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"at": TIMES[:460], "load": wave()[1000:1460]})
    told = ok("detect", path, *SMALL)
    last = told.stdout.splitlines()[-1].split(",")
    assert last[:4] == [TIMES[450], "", "451", ""]


def test_each_key_has_a_detector(tmp_path: Path) -> None:
    parts = {"a": wave()[700:], "b": wave(seed=1)[700:], "c": wave(seed=2)[:200]}
    who = ["a", "b"] * 900 + ["c"] * 200
    at = (np.datetime64("2020-01-01T00:00") + np.arange(2000) * np.timedelta64(15, "m")).astype(str)
    load = np.empty(2000)
    for key, part in parts.items():
        load[np.flatnonzero(np.array(who) == key)] = part
    path = write_csv(tmp_path / "in.csv", {"who": who, "at": at, "load": load})
    result = ok("detect", path, *SMALL, *LINES, "--key-col", "who", "--chunk-rows", "301")
    told = lines_of(result.stdout)
    assert [alarm["row"] for alarm in told] == sorted(alarm["row"] for alarm in told)
    for key, part in parts.items():
        found = small(random_state=seed_of(key, 0)).detect({"load": part})
        places = np.flatnonzero(np.array(who) == key)
        lines = expected(found)
        for line in lines:
            line["row"] = int(places[line["row"] - 1]) + 1
            line["end"] = line["end"] and int(places[line["end"] - 1]) + 1
            line["key"], line["time"] = key, at[line["row"] - 1]
            line["end_time"] = line["end"] and at[line["end"] - 1]
        assert [alarm for alarm in told if alarm["key"] == key] == lines
    assert {alarm["key"] for alarm in told} >= {"a", "b"}
    assert "3 keys (who)" in result.stderr


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "parquet", "arrow", "csv.gz"])
def test_formats_hold_the_same(tmp_path: Path, suffix: str) -> None:
    path = write_csv(tmp_path / "in.csv", table())
    told = lines_of(ok("detect", path, *SMALL, *LINES).stdout)
    output = tmp_path / f"out.{suffix}"
    assert ok("detect", path, *SMALL, "-o", output).stdout == ""
    if suffix in ("jsonl", "json"):
        assert lines_of(output.read_text()) == told
        return
    if suffix == "parquet":
        found = parquet.read_table(output)
    elif suffix == "arrow":
        found = pa.ipc.open_file(output).read_all()
    else:
        import gzip

        data = output.read_bytes()
        data = gzip.decompress(data) if suffix.endswith("gz") else data
        found = read_csv(data, "\t" if suffix == "tsv" else ",")
    assert found.column_names == FIELDS
    rows = found.to_pylist()
    for row in rows:
        row["attribution"] = json.loads(row["attribution"])
    assert rows == told


def test_nothing_found(tmp_path: Path) -> None:
    quiet = write_csv(tmp_path / "in.csv", {"load": np.zeros(400)})
    result = ok("detect", quiet, *SMALL, "--fail-on-anomaly")
    assert result.stdout == ",".join(FIELDS) + "\n"
    ok("detect", quiet, *SMALL, "-o", tmp_path / "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0
    short = write_csv(tmp_path / "short.csv", {"load": wave()[:40]})
    assert "no row could be judged: too few rows" in ok("detect", short, *SMALL).stderr


def test_summary_and_exit_code(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", table())
    result = invoke("detect", path, *SMALL, *LINES, "--fail-on-anomaly")
    assert result.exit_code == 3
    told = lines_of(result.stdout)
    lines = result.stderr.splitlines()
    assert lines[0].startswith("1,600 rows · columns load, heat · forest detector")
    assert lines[1].startswith(f"{len(told)} alarms by the cutoff 2.602 · highest grade in row ")
    summary = json.loads(ok("detect", path, *SMALL, "--json", "-o", tmp_path / "o.csv").stdout)
    assert summary["alarms"] == len(told)
    assert summary["rows"] == 1600
    assert summary["cutoff"] == ForestDetector().cutoff
    assert summary["strongest"] == max(told, key=lambda alarm: alarm["grade"])
    assert json.loads(ok("detect", path, *SMALL, "--json").stderr)["alarms"] == len(told)


def test_the_alarm_rate_and_the_bands_decide(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"load": wave()})
    counts = {
        options: len(lines_of(ok("detect", path, *SMALL, *LINES, *options).stdout))
        for options in ((), ("--alarm-rate", "0.02"), ("--ignore-amount", "50"))
    }
    assert counts["--alarm-rate", "0.02"] > counts[()] > counts["--ignore-amount", "50"] == 0


@pytest.mark.parametrize("with_model", [True, False])
def test_plot(tmp_path: Path, with_model: bool) -> None:
    n_train = N_TRAIN if with_model else 0
    at = [f"2020-03-{1 + i // 96:02}T{i // 4 % 24:02}:{i % 4 * 15:02}" for i in range(1600)]
    path = write_csv(tmp_path / "in.csv", {"at": at[n_train:], "load": wave()[n_train:]})
    options: list[object] = [*SMALL]
    if with_model:
        persistence.save(small().fit({"load": wave()[:N_TRAIN]}), tmp_path / "m")
        options = ["-m", tmp_path / "m"]
    plain = ok("detect", path, *options, *LINES, "--chunk-rows", "200")
    told = ok("detect", path, *options, *LINES, "--chunk-rows", "200", "--plot", tmp_path / "a.svg")
    assert told.stdout == plain.stdout
    picture = (tmp_path / "a.svg").read_text()
    count = len(lines_of(told.stdout))
    assert f"raised an alarm: {count} row" in picture


def test_complaints(tmp_path: Path) -> None:
    path, model = write_csv(tmp_path / "in.csv", {"load": wave()}), tmp_path / "m"
    assert "no such file" in fails(66, "detect", path, "-m", model)
    persistence.save(RandomCutForest(10, 64).update(wave()), model)
    message = fails(65, "detect", path, "-m", model)
    assert "expected a detector, got a RandomCutForest; fastrcf score -m takes it" in message
    model.write_bytes(b"nothing")
    assert "not a bundle" in fails(65, "detect", path, "-m", model)
    for options in (["--alarm-rate", "0.001"], ["--key-col", "load"], ["--jobs", "1"]):
        message = fails(2, "detect", path, "-m", model, *options)
        assert f"{options[0]}: the file of --model says that already" in message
    assert "alarm_rate: expected" in fails(78, "detect", path, "--alarm-rate", "0")
    assert "that is the input" in fails(2, "detect", path, "-o", path)
    assert "--to:" in fails(2, "detect", path, "--to", "csv", "-o", tmp_path / "o.csv")
    assert "expected a name that ends in" in fails(2, "detect", path, "--plot", "a.txt")
    persistence.save(small().fit({"load": wave()[:300]}), model)
    other = write_csv(tmp_path / "other.csv", {"heat": wave()})
    assert "there is no column 'load'" in fails(78, "detect", other, "-m", model)
    bad = write_csv(tmp_path / "bad.csv", {"load": [*map(str, wave()[:1200]), "oops"]})
    assert "row 1201, column 'load'" in fails(65, "detect", bad, *SMALL, "-o", tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()


def test_help_says_what_is_written() -> None:
    text = " ".join(ok("detect", "--help").stdout.split())
    for word in ("--alarm-rate", "--model", "end_time", "attribution", "--fail-on-anomaly"):
        assert word in text
    assert "detect" in ok("--help").stdout
