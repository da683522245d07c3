"""The NAB score against a slow twin, figures by hand, and a published entry."""

import csv
import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf import metrics
from metrics_helpers import labelled
from reference import naive_metrics as naive

WINDOWS = [[(40, 50)]]
QUIET = np.full(100, 0.1)


def flagging(*rows: int) -> list[np.ndarray]:
    scores = QUIET.copy()
    scores[list(rows)] = 0.9
    return [scores]


def records(cases: list[Any]) -> tuple[list[Any], list[Any]]:
    return [naive.runs(labels) for labels, _ in cases], [scores for _, scores in cases]


def has_windows(windows: list[Any], scores: list[Any]) -> bool:
    return naive.nab_raw(windows, scores, math.inf, (1, 1, 1)) < 0


# ---- by hand ------------------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    earliest, latest = 2 / (1 + math.exp(-5)) - 1, 2 / (1 + math.exp(-0.5)) - 1
    behind = 1 - 2 / (1 + math.exp(5 / 9))
    for rows, expected in [
        ((40,), 100.0),
        ((40, 44), 100.0),
        ((49,), 50 * (latest / earliest + 1)),
        ((40, 30), 100 - 50 * 0.11),  # before any window
        ((40, 50), 100 - 50 * 0.11 * behind),  # in the first row behind it
        ((40, 77), 100 - 50 * 0.11),  # three widths behind it
        ((), 0.0),
        ((20,), -50 * 0.11),
        ((14, 40), 100.0),  # in the probationary period
    ]:
        ours = metrics.nab_score(WINDOWS, flagging(*rows), cutoff=0.5)
        assert ours.score == pytest.approx(expected, abs=1e-12), rows


def test_profiles_weigh_mistakes() -> None:
    ours = metrics.nab_scores(WINDOWS, flagging(20, 30), cutoff=0.5)
    assert list(ours) == ["standard", "reward_low_FP_rate", "reward_low_FN_rate"]
    assert [part.raw for part in ours.values()] == pytest.approx([-1.22, -1.44, -2.22])
    assert [part.n_false for part in ours.values()] == [2, 2, 2]
    own = metrics.nab_score(WINDOWS, flagging(20, 40), cutoff=0.5, profile=(2.0, 0.5, 1.0))
    assert own.raw == 1.5
    assert own.score == pytest.approx(100 * 2.5 / 3)


def test_windows_in_probation_do_not_count() -> None:
    ours = metrics.nab_score([[(2, 8), (40, 50)]], flagging(3, 40), cutoff=0.5)
    assert (ours.score, ours.n_windows, ours.n_rows) == (100.0, 1, 85)
    ended = metrics.nab_score([[(5, 15), (40, 50)]], flagging(40), cutoff=0.5)
    assert (ended.score, ended.n_windows) == (100.0, 1)
    begun = metrics.nab_score([[(10, 30)]], flagging(12, 16), cutoff=0.5)
    assert begun.score == pytest.approx(
        naive.nab_score([[(10, 30)]], flagging(12, 16), 0.5, (1, 0.11, 1))
    )
    assert begun.score < 100


def test_probation_is_capped() -> None:
    assert [metrics.nab_probation(n) for n in (0, 1, 20, 5000, 100_000)] == [0, 0, 3, 750, 750]


def test_window_of_one_row() -> None:
    ours = metrics.nab_score([[(40, 41)]], flagging(40, 41), cutoff=0.5)
    assert ours.raw == pytest.approx(1 - 0.11)


# ---- against the twin ---------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.lists(labelled(least=20, both=False), min_size=1, max_size=4),
    st.sampled_from(list(metrics.NAB_PROFILES)),
    st.sampled_from([-9.0, 0.0, 1.0, 2.25, 9.0]),
)
def test_scores_are_the_twin_s(cases: list[Any], profile: str, cutoff: float) -> None:
    windows, scores = records(cases)
    if not has_windows(windows, scores):
        with pytest.raises(ValueError, match="no record has a window"):
            metrics.nab_score(windows, scores)
        return
    weights = metrics.NAB_PROFILES[profile]
    ours = metrics.nab_score(windows, scores, cutoff=cutoff, profile=profile)
    assert ours.raw == pytest.approx(naive.nab_raw(windows, scores, cutoff, weights), abs=1e-12)
    assert ours.score == pytest.approx(naive.nab_score(windows, scores, cutoff, weights), abs=1e-9)
    assert math.fsum(ours.by_record) == ours.raw

    cutoffs = naive.all_cutoffs(np.concatenate(scores))
    reached = [naive.nab_raw(windows, scores, level, weights) for level in cutoffs]
    best = metrics.nab_score(windows, scores, profile=profile)
    assert best.raw == pytest.approx(max(reached), abs=1e-12)
    assert best == metrics.nab_score(windows, scores, cutoff=best.cutoff, profile=profile)
    assert best == metrics.nab_scores(windows, scores)[profile]


@given(st.lists(labelled(least=20), min_size=2, max_size=4))
def test_what_does_not_matter(cases: list[Any]) -> None:
    windows, scores = records(cases)
    if not has_windows(windows, scores):
        return
    ours = metrics.nab_score(windows, scores)
    by_labels = metrics.nab_score([labels for labels, _ in cases], scores)
    assert by_labels == ours
    assert metrics.nab_score(windows[::-1], scores[::-1]).raw == ours.raw
    keys = [f"record {i}" for i in range(len(cases))]
    named = metrics.nab_score(
        dict(zip(keys, windows, strict=True)), dict(zip(keys[::-1], scores[::-1], strict=True))
    )
    assert named == ours
    risen = metrics.nab_score(windows, [np.exp(values) for values in scores])
    assert risen._replace(cutoff=0.0) == ours._replace(cutoff=0.0)
    for values in scores:
        values[: metrics.nab_probation(len(values))] = 99.0
    assert metrics.nab_score(windows, scores).raw == ours.raw


def test_constant_scores() -> None:
    assert metrics.nab_score(WINDOWS, [QUIET]).score == 0.0
    assert metrics.nab_score(WINDOWS, [QUIET]).cutoff == 0.1
    few = metrics.nab_score([[(15, 95)]], [QUIET])
    assert few.score > 97
    assert few.cutoff < 0.1


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "scores", "message"),
    [
        ([], [], "no record has a window"),
        ([[]], [QUIET], "no record has a window"),
        ([[(0, 5)]], [QUIET], "no record has a window"),
        (WINDOWS, [QUIET, QUIET], r"^scores: expected one array for each of 1 records, got 2$"),
        (WINDOWS, [[]], r"^scores\[0\]: expected at least one row, got none$"),
        (WINDOWS, [[0.1, math.nan]], r"^scores\[0\]: expected a finite .* got nan in row 1$"),
        ([[(40, 101)]], [QUIET], r"^windows\[0\]: expected half-open windows .* \(40, 101\)$"),
        ([[(40, 40)]], [QUIET], r"^windows\[0\]: expected half-open windows .* \(40, 40\)$"),
        ([[(40, 50), (49, 60)]], [QUIET], r"^windows\[0\]: .* do not overlap, got \(49, 60\)$"),
        ([[(40.0, 50.5)]], [QUIET], r"^windows\[0\]: expected pairs of rows"),
        ([[0, 1]], [QUIET], r"^windows\[0\]: expected 100 labels, got 2$"),
        ({"a": [(40, 50)]}, {"b": QUIET}, r"expected the same records in both, not so 'a'$"),
    ],
)
def test_bad_input_is_named(windows: Any, scores: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.nab_score(windows, scores)


def test_bad_options_are_named() -> None:
    with pytest.raises(ValueError, match=r"^profile: expected one of 'standard', .* got 'mild'$"):
        metrics.nab_score(WINDOWS, [QUIET], profile="mild")
    for weights in [(0.0, 1.0, 0.0), (1.0, -1.0, 1.0), (1.0, math.nan, 1.0)]:
        with pytest.raises(ValueError, match=r"^profile: expected weights from 0, .* got NabProf"):
            metrics.nab_score(WINDOWS, [QUIET], profile=metrics.NabProfile(*weights))
    with pytest.raises(ValueError, match=r"^cutoff: expected a number, got nan$"):
        metrics.nab_score(WINDOWS, [QUIET], cutoff=math.nan)
    with pytest.raises(TypeError, match="two mappings or two sequences"):
        metrics.nab_score({"a": [(40, 50)]}, [QUIET])


def test_windows_in_time() -> None:
    times = np.datetime64("2020-01-01T00:00") + 5 * np.arange(10).astype("m8[m]")
    limits = [("2020-01-01 00:05:00.000000", "2020-01-01 00:20:00.000000")]
    assert metrics.nab_windows(times, limits).tolist() == [[1, 5]]
    assert metrics.nab_windows(times.astype(str), []).shape == (0, 2)
    with pytest.raises(ValueError, match=r"^limits: no row lies in window 0, from 2021"):
        metrics.nab_windows(times, [("2021-01-01", "2021-01-02")])


# ---- a published entry --------------------------------------------------------------------------


def test_published_scores_of_the_managed_engine(data_dir: Path) -> None:
    # Its published result is 51.7 / 38.4 / 59.7, over all 58 series; 37 of them are here.
    folder = data_dir / "nab"
    if not (folder / "kinesis_rcf").is_dir():
        pytest.skip("the published scores are not there")
    limits = json.loads((folder / "combined_windows.json").read_text())
    windows, scores = {}, {}
    for file in sorted((folder / "kinesis_rcf").rglob("*.csv.gz")):
        name = f"{file.parent.name}/{file.name.removesuffix('.gz')}"
        with gzip.open(file, "rt") as lines:
            scores[name] = np.array([float(row["score"]) for row in csv.DictReader(lines)])
        with (folder / "data" / name).open() as lines:
            times = [row["timestamp"] for row in csv.DictReader(lines)]
        windows[name] = metrics.nab_windows(times, limits[name])
    ours = metrics.nab_scores(windows, scores)
    assert len(scores) == 37
    assert [round(part.score, 2) for part in ours.values()] == [53.14, 42.19, 59.72]
    for name, part in ours.items():
        pairs = [[tuple(pair) for pair in windows[key].tolist()] for key in scores]
        raw = naive.nab_raw(pairs, list(scores.values()), part.cutoff, metrics.NAB_PROFILES[name])
        assert part.raw == pytest.approx(raw, abs=1e-9)
