"""fastrcf train-ae, and what the other commands make of its files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from cli_helpers import RESULTS, fails, ok, read_csv, write_csv
from detector_helpers import columns
from fastrcf import persistence

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ROWS = columns(900, width=3).round(4)
ROWS[750, 1] += 300.0
NAMES = ("load", "heat", "flow")
TINY = ["--window", "4", "--units", "16,8,16", "--epochs", "12", "--learning-rate", "0.01"]


def table(path: Path, rows: np.ndarray) -> Path:
    return write_csv(path, dict(zip(NAMES, rows.T, strict=True)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows to learn, later rows, and models of each kind."""
    folder = tmp_path_factory.mktemp("train-ae")
    train = table(folder / "train.csv", ROWS[:600])
    table(folder / "later.csv", ROWS[600:])
    ok("train-ae", train, "-m", folder / "plain.frcf", *TINY)
    ok("train-ae", train, "-m", folder / "two.frcf", *TINY, "--two-stage", "--drop", "0.02")
    lstm = ["--window", "4", "--lstm", "--units", "4,3", "--epochs", "1", "--budget", "0.2"]
    ok("train-ae", train, "-m", folder / "cascade.frcf", *lstm)
    return folder


def test_it_writes_the_detector_of_python(folder: Path, tmp_path: Path) -> None:
    from fastrcf import AutoencoderDetector
    from fastrcf.neural import LinearAutoencoder

    model = tmp_path / "model.frcf"
    ran = ok("train-ae", folder / "train.csv", "-m", model, *TINY, "--json")
    manifest = json.loads(ran.stdout)
    assert manifest == persistence.inspect(model)
    assert manifest["training"] == {"first": 0, "last": 599, "rows": 600}
    network = LinearAutoencoder(window_size=4, hidden=(16, 8, 16), epochs=12, learning_rate=0.01)
    twin = AutoencoderDetector(network).fit(dict(zip(NAMES, ROWS[:600].T, strict=True)))
    assert model.read_bytes() == persistence.to_bytes(twin, training=manifest["training"])
    assert "12 epochs, the best one" in ran.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("plain", ["AutoencoderDetector", "window_size 4, hidden 16-8-16", " epochs", "soft"]),
        ("two", ["TwoStageDetector", "forest, drops at most 0.02 of the rows"]),
        ("cascade", ["CascadeDetector", "encoder 4-3", "0.2 of the rows"]),
    ],
)
def test_inspect_shows_what_it_is(folder: Path, name: str, says: list[str]) -> None:
    shown = ok("inspect", folder / f"{name}.frcf").stdout
    for each in (*says, "load, heat, flow", "600 rows", "alarm rate 0.001"):
        assert each in shown


@pytest.mark.parametrize("name", ["plain", "two", "cascade"])
def test_score_and_detect_take_the_file(folder: Path, tmp_path: Path, name: str) -> None:
    model, later = folder / f"{name}.frcf", folder / "later.csv"
    before = model.read_bytes()
    scored, alarms = tmp_path / "scores.csv", tmp_path / "alarms.csv"
    ok("score", later, "-m", model, "-o", scored)
    found = ok("detect", later, "-m", model, "-o", alarms)
    detector = persistence.load(model)
    rows = dict(zip(NAMES, ROWS[600:].T, strict=True))
    results = read_csv(scored)
    assert set(RESULTS) <= set(results.column_names)
    np.testing.assert_array_equal(results["score"].to_numpy(), detector.score(rows))
    starts = [each.start - 600 + 1 for each in detector.detect(rows)]
    assert read_csv(alarms)["row"].to_pylist() == starts
    assert {"cascade": "forest and autoencoder"}.get(name, "autoencoder") in found.stderr
    assert 151 in starts or name == "cascade"  # of which one epoch is enough here
    assert model.read_bytes() == before


def test_plot_and_checkpoint(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture, kept = tmp_path / "loss.png", tmp_path / "kept"
    arguments = ["train-ae", folder / "train.csv", "-m", tmp_path / "m", *TINY]
    ok(*arguments, "--plot", picture, "--checkpoint", kept)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert kept.stat().st_size > 0
    assert (tmp_path / "m").read_bytes() == (folder / "plain.frcf").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--window", "700"], 65, "windows of 700 rows"),
        (["--units", "a,b"], 2, "--units: expected whole numbers, got 'a,b'"),
        (["--units", "0"], 65, "hidden[0]"),
        (["--error", "big"], 78, "error: expected one of"),
        (["--two-stage", "--drop", "0.9"], 78, "drop: expected a share"),
        (["--two-stage", "--first", "tree"], 78, "first: expected one of"),
        (["--two-stage", "--budget", "0.1"], 2, "--budget"),
        (["--drop", "0.1"], 2, "--drop: only --two-stage has one"),
        (["--budget", "0"], 78, "budget: expected a share"),
        (["--alarm-rate", "7"], 78, "alarm_rate"),
        (["--plot", "loss.txt"], 2, "--plot"),
    ],
)
def test_wrong_options_are_named(
    folder: Path, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    model = tmp_path / "m.frcf"
    assert says in fails(code, "train-ae", folder / "train.csv", "-m", model, *arguments)
    assert not model.exists()


def test_a_missing_extra_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    message = fails(69, "train-ae", folder / "train.csv", "-m", tmp_path / "m.frcf", *TINY)
    assert "pip install 'fastrcf[train]'" in message
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    message = fails(69, "score", folder / "later.csv", "-m", folder / "plain.frcf")
    assert "pip install 'fastrcf[onnx]'" in message
