"""fastrcf fit, inspect and score with a detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli_helpers import RESULTS, fails, ok, read_csv, scores_of, write_csv
from fastrcf import ForestDetector, persistence

N_TRAIN = 900
TIMES = [f"2020-01-{1 + i // 96:02}T{i // 4 % 24:02}:{i % 4 * 15:02}" for i in range(N_TRAIN)]
SMALL = ["--trees", "10", "--samples", "64"]


def wave(n_rows: int = 1600, *, seed: int = 0) -> np.ndarray:
    """A noisy sine that stands still for a while, and has a spike."""
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(n_rows) * 2 * np.pi / 60) + rng.normal(0, 0.1, n_rows)
    values[1200:1225] = values[1200]
    values[1450:1452] += 6.0
    return values.round(6)


@pytest.fixture
def train(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "train.csv", {"at": TIMES, "load": wave()[:N_TRAIN]})


@pytest.fixture
def later(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "later.csv", {"load": wave()[N_TRAIN:]})


def small(**options: object) -> ForestDetector:
    return ForestDetector(n_trees=10, sample_size=64, **options)  # type: ignore[arg-type]


def test_fit_writes_the_detector_of_python(train: Path, tmp_path: Path) -> None:
    model, again = tmp_path / "model.frcf", tmp_path / "again.frcf"
    manifest = json.loads(ok("fit", train, "-m", model, *SMALL, "--json").stdout)
    assert manifest == persistence.inspect(model)
    assert manifest["training"] == {"first": TIMES[0], "last": TIMES[-1], "rows": N_TRAIN}
    twin = small().fit({"load": wave()[:N_TRAIN]})
    expected = persistence.to_bytes(twin, training=manifest["training"])
    assert model.read_bytes() == expected
    ok("fit", "-", "-m", again, *SMALL, "--chunk-rows", "77", stdin=train.read_bytes())
    assert again.read_bytes() == expected


def test_options_reach_the_detector(tmp_path: Path) -> None:
    columns = {"load": wave()[:300], "heat": wave(seed=3)[:300]}
    path, model = write_csv(tmp_path / "in.csv", columns), tmp_path / "m"
    # fmt: off
    ok(
        "fit", path, "-m", model, "--alarm-rate", "0.01", "--views", "values, path", "--rest", "7",
        "--period", "60", "--ignore-amount", "0.5", "--ignore-ratio", "0.1,0", "--trees", "10",
        "--sample-size", "64", "--random-state", "5", "--jobs", "2",
    )
    # fmt: on
    assert persistence.load(model).get_params() == {
        "views": ["values", "path"],
        "period": 60,
        "n_trees": 10,
        "sample_size": 64,
        "alarm_rate": 0.01,
        "rest": 7,
        "ignore_amount": 0.5,
        "ignore_ratio": [0.1, 0.0],
        "random_state": 5,
        "n_jobs": 2,
    }


@pytest.mark.parametrize(
    ("code", "options", "message"),
    [
        (78, ["--alarm-rate", "0.5"], "alarm_rate: expected a number in (0, 0.4), got 0.5"),
        (78, ["--views", "values,form"], "views: expected"),
        (78, ["--ignore-amount", "1,2"], "ignore_amount: expected one number or one for each of 1"),
        (78, ["--samples", "1"], "sample_size: expected"),
        (78, ["--jobs", "0"], "n_jobs: expected"),
        (78, ["--value-cols", "lost"], "--value-cols: there is no column 'lost'"),
        (2, ["--ignore-ratio", "much"], "--ignore-ratio: expected numbers, got 'much'"),
        (2, ["--sigma", "3"], "--sigma: a detector has none"),
        (2, ["--output-after", "9"], "--output-after: a detector has none"),
        (2, ["--forest", "--ignore-ratio", "1"], "--ignore-ratio: a plain forest has none"),
    ],
)
def test_wrong_options(
    train: Path, tmp_path: Path, code: int, options: list[str], message: str
) -> None:
    assert message in fails(code, "fit", train, "-m", tmp_path / "m", *options)
    assert not (tmp_path / "m").exists()


def test_inspect(train: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.frcf"
    written = ok("fit", train, "-m", model, *SMALL).stderr
    shown = ok("inspect", model).stdout
    assert shown == written
    for fact in (
        "model       ForestDetector",
        f"900 rows, {TIMES[0]} to {TIMES[-1]}",
        "cutoff      2.60206, alarm rate 0.001 per row, rest 50",
        "period      60 rows",
        "views       values, shape over 30 rows, change over 30 rows, shape over 60 rows, ",
        "rows seen   900\n",
        "alarms      0",
    ):
        assert fact in shown


def test_inspect_says_what_is_not_ready_and_what_goes_on(tmp_path: Path) -> None:
    path, model = write_csv(tmp_path / "in.csv", {"load": wave()[:40]}), tmp_path / "m"
    assert "rows seen   40 (too few whole rows to judge)" in ok("fit", path, "-m", model).stderr
    columns = {name: wave(seed=seed) for seed, name in enumerate("abc")}
    persistence.save(small().update(columns), model)
    shown = ok("inspect", model).stdout
    assert "rows seen   1,600 (goes on learning)" in shown
    assert "path of 4 rows of values" in shown
    persistence.save(ForestDetector(), model)
    assert "cutoff      2.60206" in ok("inspect", model).stdout


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("is_fitted", [True, False])
def test_score_marks_the_rows_of_events(
    later: Path, tmp_path: Path, is_named: bool, is_fitted: bool
) -> None:
    model = tmp_path / "model.frcf"
    rows = wave()
    first, rest = ({"load": part} if is_named else part for part in np.split(rows, [N_TRAIN]))
    detector = small().fit(first) if is_fitted else small().update(first)
    persistence.save(detector, model)
    before = model.read_bytes()
    found = read_csv(ok("score", later, "-m", model, "--chunk-rows", "100").stdout_bytes)
    assert found.column_names == ["load", *RESULTS]
    events = detector.detect(rest)
    expected = detector.score(rest) if is_fitted else detector.score_update(rest)
    np.testing.assert_array_equal(scores_of(found), expected)
    assert set(found.column("threshold").to_pylist()) == {detector.cutoff}
    marked = np.flatnonzero(found.column("is_anomaly").to_numpy()).tolist()
    assert marked == [
        row - N_TRAIN for event in events for row in range(event.start, event.end or len(rows))
    ]
    assert 1450 - N_TRAIN in marked
    assert model.read_bytes() == before
    piped = ok("score", "-", "-m", model, stdin=later.read_bytes())
    assert read_csv(piped.stdout_bytes).equals(found)
    assert f"{len(events)} events ({len(marked)} rows) by the cutoff 2.602" in piped.stderr


def test_score_summary_plot_and_exit_code(later: Path, tmp_path: Path) -> None:
    model, picture = tmp_path / "model.frcf", tmp_path / "out.svg"
    persistence.save(small().fit(wave()[:N_TRAIN]), model)
    summary = json.loads(
        ok(
            "score", later, "-m", model, "--json", "-o", tmp_path / "out.csv", "--plot", picture
        ).stdout
    )
    flags = read_csv(tmp_path / "out.csv").column("is_anomaly").to_pylist()
    assert summary["anomalies"] == sum(flags) > 0
    assert summary["events"] == sum(np.diff(flags, prepend=0, append=0) > 0)
    assert summary["sigma"] is None
    assert picture.read_bytes().startswith(b"<?xml")
    fails(3, "score", later, "-m", model, "--fail-on-anomaly")


def test_score_complains(train: Path, later: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.frcf"
    ok("fit", train, "-m", model, *SMALL)
    message = fails(2, "score", later, "-m", model, "--explain")
    assert "--explain: fastrcf detect explains what a detector finds" in message
    lost = write_csv(tmp_path / "lost.csv", {"heat": wave()})
    assert "there is no column 'load'" in fails(78, "score", lost, "-m", model)
    persistence.save(small().fit(wave()[:N_TRAIN]), model)
    two = write_csv(tmp_path / "two.csv", {"load": wave(), "heat": wave(seed=1)})
    assert "the model has 1 columns, the input 2" in fails(65, "score", two, "-m", model)
    persistence.save(ForestDetector(), model)
    assert "this detector has learned nothing" in fails(65, "score", later, "-m", model)
