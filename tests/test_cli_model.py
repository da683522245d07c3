"""fastrcf fit, fastrcf inspect, and fastrcf score with a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli_helpers import FOREST, fails, ok, read_csv, series, write_csv
from fastrcf import ForestFleet, RandomCutForest, persistence
from fastrcf.thresholds import FixedThreshold, PotThreshold, SigmaThreshold

TIMES = [f"2020-01-{1 + i // 24:02}T{i % 24:02}:00" for i in range(600)]


def table(rows: slice = slice(None)) -> dict[str, object]:
    return {"at": TIMES[rows], "load": series()[rows], "heat": series(seed=3)[rows]}


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The whole, the first 400 rows, the rest."""
    return (
        write_csv(tmp_path / "whole.csv", table()),
        write_csv(tmp_path / "first.csv", table(slice(400))),
        write_csv(tmp_path / "rest.csv", table(slice(400, None))),
    )


@pytest.mark.parametrize("options", [[], ["--shingle", "4", "--sigma", "2"]])
def test_a_model_goes_on_where_it_stopped(
    halves: tuple[Path, Path, Path], tmp_path: Path, options: list[str]
) -> None:
    whole, first, rest = halves
    model = tmp_path / "model.frcf"
    assert ok("fit", "--forest", first, "-m", model, *FOREST, *options).stdout == ""
    before = model.read_bytes()
    found = ok("score", rest, "-m", model)
    expected = ok("score", whole, *FOREST, *options)
    assert read_csv(found.stdout_bytes).equals(
        read_csv(expected.stdout_bytes).slice(400).combine_chunks()
    )
    assert found.stdout.splitlines()[1:] == expected.stdout.splitlines()[401:]
    assert model.read_bytes() == before
    assert "mean + " in found.stderr
    explained = ok("score", rest, "-m", model, "--explain", "--jobs", "2", "--chunk-rows", "7")
    assert (
        read_csv(explained.stdout_bytes).drop(["explanation"]).equals(read_csv(found.stdout_bytes))
    )


def test_what_fit_writes(halves: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, first, _ = halves
    model, again = tmp_path / "model.frcf", tmp_path / "again.frcf"
    manifest = json.loads(ok("fit", "--forest", first, "-m", model, *FOREST, "--json").stdout)
    ok("fit", "--forest", "-", "-m", again, *FOREST, "--chunk-rows", "33", stdin=first.read_bytes())
    assert again.read_bytes() == model.read_bytes()
    assert manifest == persistence.inspect(model)
    assert manifest["feature_names"] == ["load", "heat"]
    assert manifest["training"] == {"first": TIMES[0], "last": TIMES[399], "rows": 400}
    forest = RandomCutForest(20, 64)
    scores = forest.score_update({name: table(slice(400))[name] for name in ("load", "heat")})
    loaded = persistence.load(model)
    assert loaded.to_bytes() == forest.to_bytes()
    assert loaded.threshold.fingerprint == forest.fingerprint
    assert loaded.threshold.cutoff_ == SigmaThreshold().update(scores).cutoff_


def test_without_a_clock_rows_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"value": series(30)})
    manifest = json.loads(
        ok("fit", "--forest", path, "-m", tmp_path / "m", *FOREST, "--json").stdout
    )
    assert manifest["training"] == {"first": 0, "last": 29, "rows": 30}
    assert manifest["threshold"]["cutoff"] is None
    assert "no cutoff yet" in ok("inspect", tmp_path / "m").stdout


def test_inspect(halves: tuple[Path, Path, Path], tmp_path: Path) -> None:
    model = tmp_path / "model.frcf"
    written = ok("fit", "--forest", halves[1], "-m", model, *FOREST).stderr
    shown = ok("inspect", model)
    assert shown.stdout == written
    for fact in ("RandomCutForest", "load, heat", f"400 rows, {TIMES[0]} to {TIMES[399]}", "sigma"):
        assert fact in shown.stdout
    assert json.loads(ok("inspect", model, "--json").stdout) == persistence.inspect(model)
    assert "there is no such file" in fails(66, "inspect", tmp_path / "none")
    assert "not a bundle of fastrcf" in fails(65, "inspect", halves[0])


def test_columns_are_found_by_name(halves: tuple[Path, Path, Path], tmp_path: Path) -> None:
    model = tmp_path / "model.frcf"
    ok("fit", "--forest", halves[1], "-m", model, *FOREST)
    columns = table(slice(400, None))
    turned = write_csv(
        tmp_path / "turned.csv",
        {"heat": columns["heat"], "more": series(200, seed=9), "load": columns["load"]},
    )
    scores = [
        read_csv(ok("score", path, "-m", model).stdout_bytes).column("score")
        for path in (halves[2], turned)
    ]
    assert scores[0].equals(scores[1])
    lost = write_csv(tmp_path / "lost.csv", {"load": series(50)})
    assert "there is no column 'heat'" in fails(78, "score", lost, "-m", model)


def test_a_model_from_python(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "in.csv", {"value": series()})
    forest = RandomCutForest(20, 64)
    threshold = PotThreshold(warm_up=200).fit(forest.score_update(series(spike=None)))
    persistence.save(forest, tmp_path / "m", threshold)
    result = ok("score", data, "-m", tmp_path / "m", "--json")
    found = read_csv(result.stdout_bytes)
    scores = forest.score_update(series())
    np.testing.assert_array_equal(found.column("score").to_numpy(), scores)
    labels = threshold.predict_update(scores)
    assert found.column("is_anomaly").to_numpy().tolist() == labels.astype(bool).tolist()
    assert labels[450]
    assert "PotThreshold(warm_up=200)" in ok("score", data, "-m", tmp_path / "m").stderr
    two = write_csv(tmp_path / "two.csv", {"value": series(), "other": series(seed=1)})
    assert "the model has 1 columns, the input 2" in fails(65, "score", two, "-m", tmp_path / "m")


def test_a_model_without_a_threshold_gets_one(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "in.csv", {"value": series()})
    forest = RandomCutForest(20, 64).update(series(spike=None))
    persistence.save(forest, tmp_path / "m")
    found = read_csv(ok("score", data, "-m", tmp_path / "m").stdout_bytes)
    expected = SigmaThreshold().cutoffs_update(forest.score_update(series()))
    assert found.column("threshold").to_pylist()[100:] == expected.tolist()[100:]
    assert found.column("threshold").null_count == 100


@pytest.mark.parametrize(
    "options",
    [
        ["--trees", "20"],
        ["--sigma", "3"],
        ["--key-col", "at"],
        ["--fit"],
        ["--value-cols", "load"],
        ["--random-state", "0"],
    ],
)
def test_what_the_model_says_cannot_be_said_again(
    halves: tuple[Path, Path, Path], options: list[str]
) -> None:
    message = fails(2, "score", halves[0], "-m", "model.frcf", *options)
    assert f"{options[0]}: the file of --model says that already" in message


def test_wrong_models(halves: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, model = halves[0], tmp_path / "model.frcf"
    assert "there is no such file" in fails(66, "score", data, "-m", model)
    model.write_bytes(RandomCutForest().to_bytes())
    assert "write a bundle with" in fails(65, "score", data, "-m", model)
    persistence.save(RandomCutForest(), model)
    assert "has learned nothing" in fails(65, "score", data, "-m", model)
    persistence.save(ForestFleet(), model, FixedThreshold(2.0))
    assert "expected a RandomCutForest or a detector, got a ForestFleet" in fails(
        65, "score", data, "-m", model
    )
    ok("fit", "--forest", data, "-m", model, *FOREST)
    model.write_bytes(model.read_bytes()[:-40])
    assert "cut short" in fails(65, "score", data, "-m", model)


def test_a_fit_that_fails_writes_nothing(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "in.csv", {"value": [*map(str, series(2000)), "oops"]})
    model = tmp_path / "model.frcf"
    model.write_bytes(b"as before")
    assert "oops" in fails(65, "fit", "--forest", data, "-m", model, *FOREST)
    assert model.read_bytes() == b"as before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "model.frcf"]
    assert "that is the input" in fails(2, "fit", "--forest", data, "-m", data)
    assert "--sigma" in fails(78, "fit", "--forest", data, "-m", model, "--sigma", "inf")
    assert "--model" in fails(2, "fit", "--forest", data)
