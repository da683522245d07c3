"""fastrcf eval: the figures, the cutoffs, what is undefined, and bad input."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

from cli_helpers import FOREST, fails, ok, read_csv, scores_of, series, spawn, write_csv
from fastrcf import metrics
from fastrcf.thresholds import (
    BestThreshold,
    MadThreshold,
    PotThreshold,
    QuantileThreshold,
    SigmaThreshold,
)

N = 2000
EVENTS = [(600, 640), (1200, 1203), (1700, 1790)]


def labels() -> np.ndarray:
    flags = np.zeros(N, dtype=np.int64)
    for start, stop in EVENTS:
        flags[start:stop] = 1
    return flags


def scores(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.gamma(9.0, 0.1, N) + rng.gamma(2.0, 0.3, N) * np.roll(labels(), 2)
    values[:50] = 0.0
    return values.round(4)


def times(n_rows: int = N, step: int = 5) -> list[str]:
    start = np.datetime64("2024-01-01T00:00:00")
    return [str(start + np.timedelta64(step * row, "m")) for row in range(n_rows)]


def table(**more: object) -> dict[str, object]:
    return {"at": times(), "score": scores(), "label": labels(), **more}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "scored.csv", table())


def evaluated(path: Path, *options: object) -> dict[str, Any]:
    return json.loads(ok("eval", path, "--labels", "label", "--json", *options).stdout)


def test_figures_without_a_cutoff_are_those_of_scikit_learn_and_ours(file: Path) -> None:
    found = evaluated(file, "--vus-window", "30")
    truth, values = labels(), scores()
    assert (found["rows"], found["anomalies"], found["events"]) == (N, int(truth.sum()), 3)
    assert (found["unscored"], found["skipped"], found["series"]) == (50, 0, 1)
    assert found["time_column"] == "at"
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(truth, values), abs=1e-12)
    assert found["ie"] == pytest.approx(1 - sk.roc_auc_score(truth, values), abs=1e-12)
    assert found["auprc"] == pytest.approx(sk.average_precision_score(truth, values), abs=1e-12)
    volume = metrics.vus_scores(truth, values, window=30)
    assert (found["vus_roc"], found["vus_pr"]) == pytest.approx(volume[:2], abs=1e-12)
    precision, recall, _ = sk.precision_recall_curve(truth, values)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    assert found["best_f1"] == pytest.approx(f1.max(), abs=1e-12)
    nab = metrics.nab_score([truth], [values])
    assert (found["nab_best"], found["nab_best_cutoff"]) == pytest.approx(nab[:2])
    assert found["undefined"] == {}
    assert found["warnings"] == []


def test_figures_at_a_cutoff_are_those_of_scikit_learn_and_ours(file: Path) -> None:
    (found,) = evaluated(file, "--threshold", "fixed:1.5", "--point-adjusted")["decisions"]
    truth, flags = labels(), scores() > 1.5
    assert (found["threshold"], found["cutoff"], found["flagged"]) == (
        "fixed:1.5",
        1.5,
        flags.sum(),
    )
    tn, fp, fn, tp = sk.confusion_matrix(truth, flags).ravel().tolist()
    assert [found[name] for name in ("tn", "fp", "fn", "tp")] == [tn, fp, fn, tp]
    assert found["precision"] == pytest.approx(sk.precision_score(truth, flags))
    assert found["recall"] == pytest.approx(sk.recall_score(truth, flags))
    assert found["f1"] == pytest.approx(sk.f1_score(truth, flags))
    assert found["frr"] == pytest.approx(fp / (fp + tn))
    assert found["far"] == pytest.approx(fn / (fn + tp))
    by_event = metrics.event_scores(truth, flags)
    assert found["events_found"] == by_event.n_found
    assert (found["alarms"], found["alarms_right"]) == (by_event.n_alarms, by_event.n_right)
    assert found["event_f1"] == pytest.approx(by_event.f1)
    delays = metrics.detection_delays(truth, flags)
    assert found["delay_median_rows"] == np.nanmedian(delays)
    assert found["delay_mean_seconds"] == pytest.approx(300 * np.nanmean(delays))
    for name, expected in (
        ("range", metrics.range_scores(truth, flags)),
        ("affiliation", metrics.affiliation_scores(truth, flags)),
    ):
        assert found[f"{name}_precision"] == pytest.approx(expected.precision)
        assert found[f"{name}_recall"] == pytest.approx(expected.recall)
        assert found[f"{name}_f1"] == pytest.approx(expected.f1)
    for profile, nab in metrics.nab_scores([truth], [scores()], cutoff=1.5).items():
        assert found[f"nab_{profile}"] == pytest.approx(nab.score)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["point_adjusted_f1"] == metrics.point_adjusted_f1(truth, flags)


def test_a_score_at_the_cutoff_is_not_flagged(file: Path) -> None:
    cutoff = float(np.sort(scores())[-9])
    (found,) = evaluated(file, "--threshold", f"fixed:{cutoff!r}")["decisions"]
    assert found["flagged"] == 8


@pytest.mark.parametrize(
    ("spec", "threshold"),
    [
        ("sigma:2.5", SigmaThreshold(2.5)),
        ("sigma", SigmaThreshold()),
        ("mad:4", MadThreshold(4.0)),
        ("quantile:0.97", QuantileThreshold(0.97)),
        ("pot:0.005", PotThreshold(0.005)),
        ("f1", BestThreshold()),
        ("f1:1000", BestThreshold(steps=1000)),
    ],
)
def test_cutoffs_are_those_of_the_thresholds(file: Path, spec: str, threshold: Any) -> None:
    (found,) = evaluated(file, "--threshold", spec)["decisions"]
    cutoff = threshold.fit(scores(), labels()).cutoff_
    assert found["cutoff"] == cutoff
    assert found["flagged"] == int((scores() > cutoff).sum())


def test_what_score_writes_is_judged_by_its_own_thresholds(tmp_path: Path) -> None:
    truth = np.zeros(600, dtype=np.int64)
    truth[450:452] = 1
    data = write_csv(tmp_path / "in.csv", {"value": series(), "label": truth})
    for suffix, options in ((".csv", []), (".jsonl", []), (".parquet", []), (".csv.gz", [])):
        scored = tmp_path / f"scored{suffix}"
        ok("score", data, "-o", scored, *FOREST, *options)
        own, best = evaluated(scored)["decisions"]
        assert (own["threshold"], best["threshold"]) == ("column", "f1")
        if suffix == ".csv":
            wanted = own
            flags = np.array(read_csv(scored).column("is_anomaly").to_pylist())
            assert flags[450]
            assert own["flagged"] == int(flags.sum())
            assert own["f1"] == pytest.approx(sk.f1_score(truth, flags))
            assert own["cutoff"] is None
            assert own["cutoff_low"] < own["cutoff_high"]
        assert own == wanted
    ok("score", data, "-o", tmp_path / "two.csv", *FOREST, "--suffix", "_2")
    two = evaluated(tmp_path / "two.csv", "--score", "score_2")["decisions"][0]
    assert two == wanted
    named = evaluated(tmp_path / "two.csv", "--score", "score_2", "--threshold", "column:value")
    assert named["decisions"][0]["flagged"] == int(
        (scores_of(read_csv(tmp_path / "two.csv"), "score_2") > series()).sum()
    )


def test_chunks_pipes_and_formats_do_not_matter(file: Path, tmp_path: Path) -> None:
    wanted = evaluated(file)
    assert evaluated(file, "--chunk-rows", "77") == wanted
    piped = ok("eval", "-", "--labels", "label", "--json", stdin=file.read_bytes())
    assert json.loads(piped.stdout) == wanted
    typed = pa.table({**table(), "label": labels().astype(bool)})
    pq.write_table(typed, tmp_path / "scored.parquet")
    assert evaluated(tmp_path / "scored.parquet") == wanted
    words = np.where(labels() == 1, "TRUE", " false")
    assert evaluated(write_csv(tmp_path / "words.csv", table(label=words))) == wanted


def test_the_table_says_the_same(file: Path) -> None:
    found = evaluated(file, "--threshold", "f1", "--threshold", "fixed:2")
    shown = ok("eval", file, "--labels", "label", "--threshold", "f1", "--threshold", "fixed:2")
    lines = {" ".join(line.split()[:-2]): line.split() for line in shown.stdout.splitlines()}
    both = [f"{each['f1']:.3f}" for each in found["decisions"]]
    assert lines["F1"][1:] == both
    assert "2,000 rows, 133 anomalous (6.65%) in 3 events" in shown.stdout
    assert "50 rows without a score (0.0)" in shown.stdout
    assert f"{found['auroc']:.3f}  by chance 0.5" in shown.stdout
    delay = found["decisions"][1]["delay_median_rows"]
    assert f"{delay:g} rows ({delay * 5:g} min)" in shown.stdout
    assert "f1: the labels that judge this cutoff have chosen it" in shown.stdout
    assert shown.stderr == ""
    without = ok("eval", file, "--labels", "label", "--threshold", "fixed:2").stdout
    assert "have chosen it" not in without
    assert "point-adjusted" not in without


def test_point_adjusted_f1_comes_with_a_warning(file: Path) -> None:
    shown = ok("eval", file, "--labels", "label", "--point-adjusted")
    assert "point-adjusted F1" in shown.stdout
    assert "flatters" in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert "flatters" in evaluated(file, "--point-adjusted")["warnings"][0]


def test_results_and_messages_go_their_own_ways(file: Path) -> None:
    result = spawn("eval", file, "--labels", "label", "--json", "--point-adjusted")
    assert result.returncode == 0
    json.loads(result.stdout)
    assert result.stderr.startswith(b"fastrcf: point-adjusted F1 flatters")


def test_a_real_series(tmp_path: Path, data_dir: Path) -> None:
    scored = tmp_path / "scored.parquet"
    ok("score", data_dir / "wsd" / "127.csv.gz", "-o", scored, *FOREST, "--value-cols", "value")
    found = evaluated(scored, "--threshold", "column")
    rows = pq.read_table(scored)
    truth, values = (rows.column(name).to_numpy() for name in ("label", "score"))
    truth = truth.astype(np.int64)
    assert found["rows"] == len(truth) > 36_000
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(truth, values), abs=1e-12)
    flags = np.array(rows.column("is_anomaly").to_pylist())
    assert found["decisions"][0]["fp"] == int((flags & (truth == 0)).sum())


# ---- several series -----------------------------------------------------------------------------


def test_series_are_kept_apart(tmp_path: Path) -> None:
    first, second = labels(), np.zeros(N, dtype=np.int64)
    second[:5] = 1
    columns = {
        "key": np.tile(["a", "b"], N),
        "at": np.repeat(times(), 2),
        "label": np.column_stack([first, second]).ravel(),
        "score": np.column_stack([scores(), scores(1)]).ravel(),
    }
    path = write_csv(tmp_path / "keys.csv", columns)
    found = evaluated(path, "--key-col", "key", "--threshold", "fixed:1.5", "--point-adjusted")
    assert (found["series"], found["events"]) == (2, 4)
    pairs = [(first, scores()), (second, scores(1))]
    volumes = [metrics.vus_pr(truth, values) for truth, values in pairs]
    assert found["vus_pr"] == pytest.approx(np.mean(volumes))
    (at,) = found["decisions"]
    parts = [metrics.event_scores(truth, values > 1.5) for truth, values in pairs]
    assert at["alarms"] == sum(part.n_alarms for part in parts)
    assert at["events_found"] == sum(part.n_found for part in parts)
    everything = columns["label"], columns["score"] > 1.5
    assert at["f1"] == pytest.approx(sk.f1_score(*everything))
    nab = metrics.nab_score([first, second], [scores(), scores(1)], cutoff=1.5)
    assert at["nab_standard"] == pytest.approx(nab.score)
    ranges = [metrics.range_scores(truth, values > 1.5) for truth, values in pairs]
    expected = (3 * ranges[0].recall + ranges[1].recall) / 4
    assert at["range_recall"] == pytest.approx(expected)
    affiliations = [metrics.affiliation_scores(truth, values > 1.5) for truth, values in pairs]
    recalls = np.concatenate([each.recall_by_event for each in affiliations])
    assert at["affiliation_recall"] == pytest.approx(recalls.mean())
    block = write_csv(
        tmp_path / "blocks.csv",
        {name: np.concatenate([values[::2], values[1::2]]) for name, values in columns.items()},
    )
    again = evaluated(block, "--key-col", "key", "--threshold", "fixed:1.5", "--point-adjusted")
    assert again == found
    assert "--key-col" in evaluated(block)["warnings"][0]


def test_no_event_reaches_from_one_series_into_the_next(tmp_path: Path) -> None:
    columns = {
        "key": ["a"] * 4 + ["b"] * 4,
        "label": [0, 0, 1, 1, 1, 1, 0, 0],
        "score": [1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0],
    }
    path = write_csv(tmp_path / "in.csv", columns)
    options = ["--threshold", "fixed:2", "--point-adjusted"]
    for extra, n_events, f1 in (([], 1, 1.0), (["--key-col", "key"], 2, 2 / 3)):
        found = evaluated(path, *options, *extra)
        assert found["events"] == n_events
        assert found["decisions"][0]["event_recall"] == 1 / n_events
        assert found["decisions"][0]["point_adjusted_f1"] == pytest.approx(f1)


# ---- undefined figures --------------------------------------------------------------------------


def test_without_an_anomalous_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", table(label=np.zeros(N, dtype=int)))
    found = evaluated(path, "--threshold", "f1", "--threshold", "fixed:1.5")
    for name in ("auroc", "ie", "auprc", "vus_roc", "vus_pr", "best_f1", "nab_best"):
        assert found[name] is None
        assert found["undefined"][name] == "no row is anomalous"
    best, fixed = found["decisions"]
    assert best["cutoff"] is best["tp"] is best["f1"] is None
    assert best["undefined"]["f1"] == "there is no cutoff: no row is anomalous"
    flags = scores() > 1.5
    assert (fixed["fp"], fixed["tp"], fixed["recall"]) == (int(flags.sum()), 0, None)
    assert fixed["frr"] == pytest.approx(flags.mean())
    assert fixed["precision"] == 0.0
    shown = ok("eval", path, "--labels", "label").stdout
    assert "– no row is anomalous" in shown
    assert "nan" not in shown


def test_with_anomalous_rows_only(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", table(label=np.ones(N, dtype=int)))
    found = evaluated(path)
    assert found["auroc"] is found["vus_pr"] is None
    assert found["undefined"]["auroc"] == "no row is normal"
    (best,) = found["decisions"]
    assert (best["f1"], best["frr"]) == (1.0, None)
    assert best["undefined"] == {"frr": "no row is normal"}


def test_where_nothing_is_flagged(file: Path) -> None:
    (found,) = evaluated(file, "--threshold", "fixed:99")["decisions"]
    assert found["precision"] is found["event_precision"] is found["delay_median_rows"] is None
    assert found["undefined"]["precision"] == "no row is flagged"
    assert found["undefined"]["delay_mean_rows"] == "no event is found"
    assert (found["recall"], found["f1"], found["far"], found["nab_standard"]) == (0, 0, 1, 0)


def test_labels_are_no_scores(tmp_path: Path) -> None:
    flags = (scores() > 1.5).astype(int)
    found = evaluated(write_csv(tmp_path / "in.csv", table(score=flags)))
    assert found["auroc"] is found["ie"] is found["auprc"] is None
    assert "which are labels" in found["undefined"]["auroc"]
    assert found["best_f1"] == pytest.approx(sk.f1_score(labels(), flags))


def test_constant_and_absent_scores(tmp_path: Path) -> None:
    constant = evaluated(write_csv(tmp_path / "one.csv", table(score=np.full(N, 1.5))))
    assert constant["auroc"] == 0.5
    nothing = write_csv(tmp_path / "zero.csv", table(score=np.zeros(N)))
    result = ok("eval", nothing, "--labels", "label", "--json", "--threshold", "sigma")
    found = json.loads(result.stdout)
    assert found["unscored"] == N
    assert found["decisions"][0]["undefined"]["f1"] == "there is no cutoff: no row has a score"
    assert "all scores are 0.0" in result.stderr


def test_nab_is_undefined_when_its_probation_holds_all_events(tmp_path: Path) -> None:
    early = np.zeros(N, dtype=int)
    early[100:110] = 1
    found = evaluated(write_csv(tmp_path / "in.csv", table(label=early)))
    assert found["nab_best"] is found["decisions"][0]["nab_standard"] is None
    assert "NAB leaves out" in found["undefined"]["nab_best"]
    assert found["decisions"][0]["f1"] is not None


def test_a_single_row(tmp_path: Path) -> None:
    for label in (0, 1):
        path = write_csv(tmp_path / "in.csv", {"score": [1.25], "label": [label]})
        assert evaluated(path)["rows"] == 1
    ok("eval", path, "--labels", "label", "--plot", tmp_path / "out.png")


# ---- bad input ----------------------------------------------------------------------------------


def spoilt(tmp_path: Path, column: str, cell: str, row: int = 1234) -> Path:
    columns = table()
    cells = np.asarray(columns[column]).astype("U20")
    cells[row - 1] = cell
    return write_csv(tmp_path / "bad.csv", {**columns, column: cells})


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("label", "", "row 1234, column 'label': expected a label, 0 or 1, got an empty cell"),
        ("label", "2", "row 1234, column 'label': expected a label, 0 or 1, got 2"),
        ("label", "yes", "row 1234, column 'label': expected a number, got 'yes' (labels are 0"),
        ("score", "", "row 1234, column 'score': expected a score"),
        ("score", "nan", "row 1234, column 'score': expected a score"),
        ("score", "inf", "row 1234, column 'score': inf is not finite"),
        ("score", "high", "row 1234, column 'score': expected a number, got 'high'"),
    ],
)
def test_bad_cells_are_named(tmp_path: Path, column: str, cell: str, said: str) -> None:
    path = spoilt(tmp_path, column, cell)
    message = fails(65, "eval", path, "--labels", "label", "--chunk-rows", "100")
    assert said in message
    assert "--id-cols" not in message


@pytest.mark.parametrize("column", ["label", "score"])
def test_rows_with_an_empty_cell_can_be_left_out(tmp_path: Path, column: str) -> None:
    path = spoilt(tmp_path, column, "")
    found = evaluated(path, "--skip-missing")
    kept = np.arange(N) != 1233
    assert (found["rows"], found["skipped"]) == (N - 1, 1)
    expected = sk.roc_auc_score(labels()[kept], scores()[kept])
    assert found["auroc"] == pytest.approx(expected, abs=1e-12)
    shown = ok("eval", path, "--labels", "label", "--skip-missing").stdout
    assert "1 row left out" in shown


def test_all_rows_left_out(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", {"score": [1.0, ""], "label": ["", 1]})
    message = fails(65, "eval", path, "--labels", "label", "--skip-missing")
    assert "no row has both a label and a score" in message


def test_empty_input(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("score,label\n")
    assert "no rows" in fails(65, "eval", path, "--labels", "label")
    assert "none.csv" in fails(66, "eval", tmp_path / "none.csv", "--labels", "label")


@pytest.mark.parametrize(
    ("code", "options", "said"),
    [
        (2, [], "--labels"),
        (78, ["--labels", "truth"], "--labels: there is no column 'truth'; there are 'at'"),
        (78, ["--labels", "label", "--score", "x"], "--score: there is no column 'x'"),
        (78, ["--labels", "score"], "column 'score' is named twice"),
        (78, ["--labels", "label", "--key-col", "k"], "--key-col: there is no column 'k'"),
        (65, ["--labels", "label", "--time", "more"], "--time-col: column 'more' holds no times"),
        (78, ["--labels", "label", "--threshold", "column"], "no column 'threshold'"),
        (2, ["--labels", "label", "--threshold", "best"], "expected column[:NAME], f1"),
        (2, ["--labels", "label", "--threshold", "fixed"], "expected column[:NAME], f1"),
        (2, ["--labels", "label", "--threshold", "sigma:"], "expected a number, got ''"),
        (2, ["--labels", "label", "--threshold", "pot:many"], "expected a number, got 'many'"),
        (78, ["--labels", "label", "--threshold", "quantile:2"], "q: expected"),
        (78, ["--labels", "label", "--threshold", "f1:1"], "steps: expected"),
        (78, ["--labels", "label", "--threshold", "f1:2.5"], "steps: expected a whole number"),
        (78, ["--labels", "label", "--threshold", "fixed:nan"], "--threshold fixed:nan"),
        (2, ["--labels", "label", "--plot", "out.txt"], "--plot out.txt"),
        (2, ["--labels", "label", "--plot", "no/such/out.png"], "there is no folder"),
    ],
)
def test_wrong_options(tmp_path: Path, code: int, options: list[str], said: str) -> None:
    path = write_csv(tmp_path / "in.csv", table(more=np.arange(N) % 7))
    assert said in fails(code, "eval", path, *options).replace("│ ", "").replace(" │", "")


# ---- pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.png", "out.svg"])
def test_plot(file: Path, tmp_path: Path, name: str) -> None:
    shown = ok("eval", file, "--labels", "label", "--plot", tmp_path / name)
    assert shown.stdout == ok("eval", file, "--labels", "label").stdout
    assert (tmp_path / name).stat().st_size > 10_000


def test_a_plot_does_not_replace_its_input(file: Path) -> None:
    picture = file.rename(file.with_suffix(".png"))
    before = picture.read_bytes()
    options = ["--format", "csv", "--labels", "label", "--plot", picture]
    assert "that is the input" in fails(2, "eval", picture, *options)
    assert picture.read_bytes() == before
