"""Volumes under the surface against their authors' figures and a slow twin."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf import metrics
from metrics_helpers import labelled, spans_to_labels
from reference import naive_metrics as naive

RECORDED = json.loads(Path(__file__).with_name("reference").joinpath("metrics.json").read_text())


@pytest.mark.parametrize("case", RECORDED)
@pytest.mark.parametrize("package", ["TSB-AD", "vus"])
def test_volumes_are_the_authors(case: Any, package: str) -> None:
    labels = spans_to_labels(case["events"], len(case["scores"]))
    options = {"window": case["window"], "thresholds": case["thresholds"]}
    ours = metrics.vus_scores(labels, case["scores"], **options)
    assert ours.roc == pytest.approx(case[package]["roc"], abs=1e-12)
    assert ours.pr == pytest.approx(case[package]["pr"], abs=1e-12)
    assert ours.roc == metrics.vus_roc(labels, case["scores"], **options)
    assert ours.pr == metrics.vus_pr(labels, case["scores"], **options)


@pytest.mark.parametrize("case", RECORDED)
def test_windows_are_the_authors(case: Any) -> None:
    assert metrics.vus_window(case["series"]) == case["period"]


@settings(max_examples=40)
@given(labelled(), st.integers(0, 40), st.sampled_from([None, 2, 7, 250]))
def test_volumes_are_the_twin_s(case: Any, window: int, thresholds: int | None) -> None:
    labels, scores = case
    ours = metrics.vus_scores(labels, scores, window=window, thresholds=thresholds)
    theirs = naive.vus(labels, scores, window, thresholds)
    np.testing.assert_allclose(ours[:2], theirs, atol=1e-12)
    assert ours.roc == pytest.approx(ours.roc_by_width.mean())
    assert len(ours.pr_by_width) == window + 1


@given(labelled(), st.integers(0, 30))
def test_volumes_know_no_direction(case: Any, window: int) -> None:
    labels, scores = case
    here = metrics.vus_scores(labels, scores, window=window)
    there = metrics.vus_scores(labels[::-1], scores[::-1], window=window)
    np.testing.assert_allclose(here[:2], there[:2], atol=1e-12)


def test_one_event_without_a_buffer_gives_the_plain_areas() -> None:
    rng = np.random.default_rng(3)
    labels = spans_to_labels([(40, 55)], 200)
    scores = rng.normal(size=200) + labels
    ours = metrics.vus_scores(labels, scores, window=0, thresholds=None)
    assert ours.roc == pytest.approx(metrics.auroc(labels, scores))
    assert ours.pr == pytest.approx(metrics.auprc(labels, scores))


def test_being_a_little_late_costs_little() -> None:
    labels = spans_to_labels([(100, 110)], 400)
    late = np.roll(labels, 8) + np.linspace(0, 0.1, 400)
    far = np.roll(labels, 200) + np.linspace(0, 0.1, 400)
    strict, lenient = (metrics.vus_pr(labels, late, window=w) for w in (0, 40))
    assert lenient > strict + 0.2
    assert metrics.vus_pr(labels, far, window=40) < 0.2


def test_options_are_checked() -> None:
    labels, scores = [0, 1, 0], [0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match=r"^window: expected 0 or more, got -1$"):
        metrics.vus_scores(labels, scores, window=-1)
    with pytest.raises(ValueError, match=r"^thresholds: expected 2 or more, got 1$"):
        metrics.vus_scores(labels, scores, thresholds=1)
    with pytest.raises(TypeError, match=r"^window: expected a whole number, got 2.5$"):
        metrics.vus_scores(labels, scores, window=2.5)  # type: ignore[arg-type]


def test_window_of_series_without_a_period() -> None:
    assert metrics.vus_window(np.ones(500)) == 125
    assert metrics.vus_window([1.0]) == 125
    assert metrics.vus_window(np.arange(5)) == 125
    with pytest.raises(ValueError, match=r"^series: expected a finite number, got nan in row 1$"):
        metrics.vus_window([0.0, np.nan])
