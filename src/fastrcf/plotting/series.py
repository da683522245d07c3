"""A series, its scores, the threshold and the rows above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.plotting.overview import SCORE, THRESHOLD, Overview
from fastrcf.plotting.style import CUTOFF, EVENT, INK, MARK, SCORE_LINE, SERIES, blank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.datasets import Event

__all__ = ["draw", "finish_x", "on_axis", "plot_scores"]


def plot_scores(
    values: ArrayLike,
    scores: ArrayLike,
    *,
    threshold: ArrayLike | None = None,
    marks: ArrayLike | None = None,
    times: ArrayLike | None = None,
    events: Iterable[Event] = (),
    names: Sequence[str] | None = None,
    title: str | None = None,
) -> Any:
    """Draw a series, its scores, the threshold and the rows above it.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, d)
        The series; one panel for each column.
    scores : array_like, shape (n,)
        One score a row.
    threshold : float or array_like of shape (n,), optional
        What the scores are compared with.
    marks : array_like of bool, shape (n,), optional
        Rows to mark; by default those whose score is above the threshold.
    times : array_like of datetime64 or float, shape (n,), optional
        Places on the horizontal axis; row numbers by default.
    events : iterable of Event, optional
        Stretches to shade.
    names : sequence of str, optional
        Names of the columns.
    title : str, optional
        Stands above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        To be given to `save`, or used with matplotlib.
    """
    columns = np.asarray(values, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    n_rows = len(columns)
    score = np.asarray(scores, dtype=np.float64)
    if score.shape != (n_rows,):
        raise ValueError(f"scores: expected shape ({n_rows},) as values have, got {score.shape}")
    cutoff = np.nan if threshold is None else np.asarray(threshold, dtype=np.float64)
    cutoffs = np.broadcast_to(cutoff, (n_rows,))
    marked = score > cutoffs if marks is None else np.asarray(marks, dtype=np.bool_)
    is_time, x = _places(times, n_rows)

    labels = names or (["value"] if columns.shape[1] == 1 else _numbered(columns.shape[1]))
    overview = Overview(labels)
    overview.add(columns, score, cutoffs, marked, x)
    spans = [(e.name, x[e.start], x[min(e.stop, n_rows - 1)]) for e in events]
    return draw({"": overview}, is_time=is_time, spans=spans, title=title)


def _numbered(n_columns: int) -> list[str]:
    return [f"column {number}" for number in range(1, n_columns + 1)]


def _places(times: ArrayLike | None, n_rows: int) -> tuple[bool, FloatArray]:
    if times is None:
        return False, np.arange(n_rows, dtype=np.float64)
    array = np.asarray(times)
    if array.dtype.kind != "M":
        return False, array.astype(np.float64)
    seconds = array.astype("datetime64[us]").astype(np.float64) / 1e6
    return True, np.where(np.isnat(array), np.nan, seconds)


@dataclass(frozen=True)
class _Panel:
    """One row of the picture: a channel of an overview."""

    overview: Overview
    channel: int
    label: str


def draw(
    overviews: Mapping[str, Overview],
    *,
    is_time: bool = False,
    spans: Iterable[tuple[str, float, float]] = (),
    title: str | None = None,
    max_panels: int = 6,
    marked: str = "above the threshold",
) -> Any:
    """Draw one overview, or several below each other.

    Parameters
    ----------
    overviews : mapping of str to Overview
        One series: a panel for each column and one for the scores. Several: for each of them, by
        name, its first column and its scores.
    is_time : bool, default False
        Whether the horizontal places are seconds since 1970.
    spans : iterable of (name, first place, last place)
        Stretches to shade.
    title : str, optional
        Stands above the picture.
    max_panels : int, default 6
        Columns beyond it are left out, and the picture says so.
    marked : str, default "above the threshold"
        What the marked rows are.

    Returns
    -------
    matplotlib.figure.Figure
        To be given to `save`, or used with matplotlib.
    """
    panels, note = _layout(overviews, max_panels)
    tall = 1.6 if len(panels) <= 4 else 1.1
    heights = [tall if panel.channel >= 0 else 1.0 for panel in panels]
    with blank(13, 0.9 + 1.55 * sum(heights)) as figure:
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
        shaded = list(spans)
        for panel, axis in zip(panels, axes[:, 0], strict=True):
            _draw_panel(axis, panel, is_time=is_time, marked=marked)
            for _, start, stop in shaded:
                axis.axvspan(*on_axis([start, stop], is_time=is_time), color=EVENT, zorder=0)
        _name_spans(axes[0, 0], shaded, is_time=is_time)
        finish_x(axes[-1, 0], is_time=is_time)
        heading = "   ".join(part for part in (title, note) if part)
        if heading:
            figure.suptitle(heading, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


def _layout(overviews: Mapping[str, Overview], max_panels: int) -> tuple[list[_Panel], str]:
    if len(overviews) == 1:
        (overview,) = overviews.values()
        n_shown = min(len(overview.names), max_panels)
        panels = [_Panel(overview, i, overview.names[i]) for i in range(n_shown)]
        left_out = len(overview.names) - n_shown
        note = f"({left_out} more {'column' if left_out == 1 else 'columns'} not shown)"
        note = note if left_out else ""
        return [*panels, _Panel(overview, SCORE, "score")], note
    panels = []
    for name, overview in overviews.items():
        panels += [_Panel(overview, 0, f"{name}\n{overview.names[0]}")]
        panels += [_Panel(overview, SCORE, "score")]
    return panels, ""


def _draw_panel(axis: Any, panel: _Panel, *, is_time: bool, marked: str) -> None:
    overview, is_score = panel.overview, panel.channel == SCORE
    x, y = overview.line(panel.channel)
    axis.plot(
        on_axis(x, is_time=is_time),
        y,
        color=SCORE_LINE if is_score else SERIES,
        linewidth=0.8 if overview.n_bins > 500 else 1.2,
        solid_joinstyle="round",
        zorder=2,
    )
    if is_score:
        x, y = overview.line(THRESHOLD)
        if not np.isnan(y).all():
            place = on_axis(x, is_time=is_time)
            axis.plot(place, y, color=CUTOFF, linewidth=1.4, zorder=3, label="threshold")
    x, y = overview.marks(panel.channel)
    if len(x):
        unit = "row" if overview.n_marks == 1 else "rows"
        label = f"{marked}: {overview.n_marks:,} {unit}" if is_score else None
        place = on_axis(x, is_time=is_time)
        style = {"s": 14 if len(x) < 400 else 8, "color": MARK, "linewidths": 0, "zorder": 4}
        axis.scatter(place, y, label=label, **style)
    if is_score:
        axis.set_ylim(0, 1.2 * axis.get_ylim()[1])  # room for the legend
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper left", frameon=False, ncols=2, fontsize=9, borderaxespad=0.1)
    axis.set_ylabel(panel.label)
    axis.margins(x=0.005)


def _name_spans(axis: Any, spans: list[tuple[str, float, float]], *, is_time: bool) -> None:
    for name, start, stop in spans:
        middle = on_axis([(start + stop) / 2], is_time=is_time)[0]
        place = (middle, 1.0)
        transform = axis.get_xaxis_transform()
        axis.annotate(
            name, place, xycoords=transform, xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=9, color=INK,
        )  # fmt: skip


def on_axis(seconds: ArrayLike, *, is_time: bool) -> NDArray[Any]:
    """Turn seconds into what matplotlib's date axis takes; other numbers stay."""
    places = np.asarray(seconds, dtype=np.float64)
    if not is_time:
        return places
    return places / 86_400.0  # matplotlib counts days since 1970


def finish_x(axis: Any, *, is_time: bool) -> None:
    """Name the places on the horizontal axis."""
    if is_time:
        dates: Any = require("matplotlib.dates", "plot")
        locator = dates.AutoDateLocator(minticks=4, maxticks=12)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        return
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("row")
