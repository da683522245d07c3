"""Pictures: nothing is lost by shrinking, and a million rows draw quickly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrcf.datasets import taxi_like
from fastrcf.errors import MissingExtraError
from fastrcf.plotting import Overview, draw, plot_scores, save


def overview_of(
    values: np.ndarray, scores: np.ndarray, *, sizes: list[int] | None = None, n_bins: int = 50
) -> Overview:
    overview = Overview(["value"], n_bins=n_bins)
    ends = np.cumsum(sizes)[:-1] if sizes else []
    for value, score in zip(np.split(values, ends), np.split(scores, ends), strict=True):
        cutoffs = np.full(len(value), 2.0)
        overview.add(value[:, None], score, cutoffs, score > 2.0)
    return overview


def test_short_series_are_drawn_as_they_are() -> None:
    values = np.random.default_rng(0).normal(size=90)
    x, y = overview_of(values, values).line(0)
    np.testing.assert_array_equal(x, np.arange(90))
    np.testing.assert_array_equal(y, values)


def test_no_extreme_is_lost() -> None:
    values = np.random.default_rng(0).normal(size=10_007)
    values[[17, 5000, 10_006]] = [9, -9, 8]
    overview = overview_of(values, np.abs(values))
    assert overview.width == 128
    x, y = overview.line(0)
    assert len(x) == 2 * -(-10_007 // 128)
    assert {9.0, -9.0, 8.0} <= set(y)
    for place in range(0, len(x), 2):
        rows = values[int(x[place]) : int(x[place]) + 128]
        assert (y[place], y[place + 1]) == (rows.min(), rows.max())


def test_marks_keep_the_highest_score_of_a_bin() -> None:
    scores = np.ones(10_000)
    scores[[100, 101, 9_999]] = [3, 7, 5]
    overview = overview_of(np.arange(10_000.0), scores)
    assert overview.n_marks == 3
    x, y = overview.marks(0)
    assert x.tolist() == y.tolist() == [101, 9_999]
    assert overview.marks(-2)[1].tolist() == [7, 5]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_chunks_do_not_matter(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, scores = rng.normal(size=(2, sum(sizes)))
    scores = 2.5 * np.abs(scores)
    values[rng.random(len(values)) < 0.1] = np.nan
    whole = overview_of(values, scores, n_bins=20)
    parts = overview_of(values, scores, sizes=sizes, n_bins=20)
    for channel in (0, -2, -1):
        np.testing.assert_array_equal(whole.line(channel), parts.line(channel))
        np.testing.assert_array_equal(whole.marks(channel), parts.marks(channel))


def test_figure_has_a_panel_for_each_column_and_the_scores() -> None:
    values = np.random.default_rng(0).normal(size=(500, 3))
    figure = plot_scores(values, np.abs(values[:, 0]), threshold=2.0, names=["a", "b", "c"])
    assert [axis.get_ylabel() for axis in figure.axes] == ["a", "b", "c", "score"]
    legend = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    n_above = int((np.abs(values[:, 0]) > 2).sum())
    assert legend == ["threshold", f"above the threshold: {n_above} rows"]
    assert len(figure.axes[0].collections[0].get_offsets()) == n_above


def test_many_columns_are_cut_short_and_said_so() -> None:
    values = np.zeros((50, 20))
    figure = plot_scores(values, np.ones(50))
    assert len(figure.axes) == 7
    assert "14 more columns not shown" in figure.get_suptitle()


def test_times_and_events() -> None:
    series = taxi_like(60)
    figure = plot_scores(
        series.values, np.ones(len(series)), times=series.timestamps, events=series.events
    )
    low, high = figure.axes[0].get_xlim()
    days = series.timestamps.astype("datetime64[s]").astype(float) / 86_400
    assert low < days[0] < days[-1] < high
    assert [text.get_text() for text in figure.axes[0].texts] == [e.name for e in series.events]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_save(tmp_path: Path, suffix: str) -> None:
    values = np.zeros(10)
    path = tmp_path / f"plot.{suffix}"
    save(plot_scores(values, values), path)
    assert path.stat().st_size > 1000


def test_save_needs_a_known_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path: expected a name that ends in one of .*\.png"):
        save(plot_scores(np.zeros(10), np.zeros(10)), tmp_path / "plot.xyz")


def test_empty_and_missing_values_draw() -> None:
    plot_scores(np.full(20, np.nan), np.zeros(20), threshold=np.full(20, np.nan))
    draw({"": Overview(["value"])})


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"scores: expected shape \(3,\)"):
        plot_scores(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="n_bins"):
        Overview(["value"], n_bins=0)


def test_a_million_rows_become_few_marks(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=1_000_000)
    figure = plot_scores(values, np.abs(values), threshold=4.0)
    drawn = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.get_lines())
    assert 1000 < drawn < 50_000
    save(figure, tmp_path / "plot.png")


def test_no_global_state_is_touched() -> None:
    plot_scores(np.zeros(10), np.zeros(10))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fastrcf\[plot\]'"):
        plot_scores(np.zeros(10), np.zeros(10))
