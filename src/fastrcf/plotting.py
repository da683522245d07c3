"""Pictures of a series with its scores: matplotlib, drawn without a display.

`plot_scores` draws arrays. `Overview` is what it draws from: the lowest and highest value in each
of a few thousand stretches of the series, collected chunk by chunk in constant memory, so that
ten million rows draw as quickly as ten thousand and no spike is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, StrPath
    from fastrcf.datasets import Event

__all__ = ["Overview", "draw", "plot_scores", "save"]

_SCORE, _THRESHOLD = -2, -1  # the last two channels of an overview

_INK = "#26323d"
_FAINT = "#8a97a3"
_SERIES = "#2f6690"
_SCORE_COLOUR = "#4f5d75"
_CUTOFF = "#e08e1b"
_MARK = "#d1293d"
_EVENT = "#f3d9a4"
_STYLE = {
    "axes.edgecolor": _FAINT,
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


class Overview:
    """A series shrunk to what a picture can show.

    Rows are gathered in bins of equal width; of each bin the lowest and the highest value of every
    channel are kept. When the bins run out, neighbours are joined and the width doubles. The
    result depends on the rows alone, not on the chunks they came in.

    Parameters
    ----------
    names : sequence of str
        Names of the columns of values. The score and the threshold are added as two more channels.
    n_bins : int, default 2000
        At most twice as many bins are kept.
    """

    def __init__(self, names: Sequence[str], *, n_bins: int = 2000) -> None:
        if n_bins < 1:
            raise ValueError(f"n_bins: expected 1 or more, got {n_bins}")
        self.names = tuple(names)
        self.n_rows = 0
        self.n_marks = 0
        self.width = 1
        self._capacity = 2 * n_bins
        shape = (self._capacity, len(self.names) + 2)
        self._low = np.full(shape, np.nan)
        self._high = np.full(shape, np.nan)
        self._x = np.full(self._capacity, np.nan)
        # The marked row with the highest score in each bin: its values and its place.
        self._mark = np.full(shape, np.nan)
        self._mark_x = np.full(self._capacity, np.nan)

    def add(
        self,
        values: FloatArray,
        scores: FloatArray,
        thresholds: FloatArray,
        marks: NDArray[np.bool_],
        x: FloatArray | None = None,
    ) -> None:
        """Take in the next rows.

        Parameters
        ----------
        values : ndarray of float64, shape (n, len(names))
            NaN draws a gap.
        scores, thresholds : ndarray of float64, shape (n,)
            The score of each row, and what it was compared with.
        marks : ndarray of bool, shape (n,)
            Which rows to mark.
        x : ndarray of float64, shape (n,), optional
            Where the rows stand: seconds since 1970, or any rising number. Row numbers by default.
        """
        n_new = len(values)
        if n_new == 0:
            return
        rows = self.n_rows + np.arange(n_new)
        places = rows.astype(np.float64) if x is None else x
        channels = np.column_stack([values, scores, thresholds])
        self.n_rows += n_new
        while (self.n_rows - 1) // self.width >= self._capacity:
            self._join_neighbours()

        bins = rows // self.width
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        touched = bins[starts]
        low = np.fmin.reduceat(channels, starts, axis=0)
        high = np.fmax.reduceat(channels, starts, axis=0)
        self._low[touched] = np.fmin(self._low[touched], low)
        self._high[touched] = np.fmax(self._high[touched], high)
        is_new = rows[starts] % self.width == 0
        self._x[touched[is_new]] = places[starts[is_new]]

        marked = np.flatnonzero(marks)
        self.n_marks += len(marked)
        if len(marked):
            self._add_marks(bins[marked], channels[marked], places[marked])

    def _add_marks(self, bins: NDArray[np.int64], channels: FloatArray, x: FloatArray) -> None:
        order = np.lexsort((-channels[:, _SCORE], bins))
        best = order[np.diff(bins[order], prepend=-1) != 0]
        known = self._mark[bins[best], _SCORE]
        better = best[~(channels[best, _SCORE] <= known)]  # also where nothing is known yet
        self._mark[bins[better]] = channels[better]
        self._mark_x[bins[better]] = x[better]

    def _join_neighbours(self) -> None:
        half = self._capacity // 2
        self._low[:half] = np.fmin(self._low[::2], self._low[1::2])
        self._high[:half] = np.fmax(self._high[::2], self._high[1::2])
        self._x[:half] = self._x[::2].copy()
        first, second = self._mark[::2], self._mark[1::2]
        take = (second[:, _SCORE] > first[:, _SCORE]) | np.isnan(first[:, _SCORE])
        self._mark[:half] = np.where(take[:, None], second, first)
        self._mark_x[:half] = np.where(take, self._mark_x[1::2], self._mark_x[::2])
        for array in (self._low, self._high, self._x, self._mark, self._mark_x):
            array[half:] = np.nan
        self.width *= 2

    @property
    def n_bins(self) -> int:
        """Bins in use."""
        return -(-self.n_rows // self.width)

    def line(self, channel: int) -> tuple[FloatArray, FloatArray]:
        """Return one channel as a line to draw.

        Parameters
        ----------
        channel : int
            Index of the column; -2 is the score, -1 the threshold.

        Returns
        -------
        x, y : ndarray of float64
            Every row as it is when there is room for it, else a lowest and a highest point for
            each bin.
        """
        used = slice(0, self.n_bins)
        if self.width == 1:
            return self._x[used], self._low[used, channel]
        low, high = self._low[used, channel], self._high[used, channel]
        return np.repeat(self._x[used], 2), np.column_stack([low, high]).ravel()

    def marks(self, channel: int) -> tuple[FloatArray, FloatArray]:
        """Return the marked rows of one channel, the highest score of each bin.

        Parameters
        ----------
        channel : int
            As in `line`.

        Returns
        -------
        x, y : ndarray of float64
            Where they are.
        """
        found = np.flatnonzero(~np.isnan(self._mark_x))
        return self._mark_x[found], self._mark[found, channel]


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
    mpl: Any = require("matplotlib", "plot")
    new_figure: Any = require("matplotlib.figure", "plot").Figure
    new_canvas: Any = require("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg

    panels, note = _layout(overviews, max_panels)
    tall = 1.6 if len(panels) <= 4 else 1.1
    heights = [tall if panel.channel >= 0 else 1.0 for panel in panels]
    with mpl.rc_context(_STYLE):
        figure = new_figure(figsize=(13, 0.9 + 1.55 * sum(heights)), layout="constrained", dpi=110)
        new_canvas(figure)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
        shaded = list(spans)
        for panel, axis in zip(panels, axes[:, 0], strict=True):
            _draw_panel(axis, panel, is_time=is_time, marked=marked)
            for _, start, stop in shaded:
                axis.axvspan(*_on_axis([start, stop], is_time=is_time), color=_EVENT, zorder=0)
        _name_spans(axes[0, 0], shaded, is_time=is_time)
        _finish_x(axes[-1, 0], is_time=is_time)
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
        return [*panels, _Panel(overview, _SCORE, "score")], note
    panels = []
    for name, overview in overviews.items():
        panels += [_Panel(overview, 0, f"{name}\n{overview.names[0]}")]
        panels += [_Panel(overview, _SCORE, "score")]
    return panels, ""


def _draw_panel(axis: Any, panel: _Panel, *, is_time: bool, marked: str) -> None:
    overview, is_score = panel.overview, panel.channel == _SCORE
    x, y = overview.line(panel.channel)
    axis.plot(
        _on_axis(x, is_time=is_time),
        y,
        color=_SCORE_COLOUR if is_score else _SERIES,
        linewidth=0.8 if overview.n_bins > 500 else 1.2,
        solid_joinstyle="round",
        zorder=2,
    )
    if is_score:
        x, y = overview.line(_THRESHOLD)
        if not np.isnan(y).all():
            place = _on_axis(x, is_time=is_time)
            axis.plot(place, y, color=_CUTOFF, linewidth=1.4, zorder=3, label="threshold")
    x, y = overview.marks(panel.channel)
    if len(x):
        unit = "row" if overview.n_marks == 1 else "rows"
        label = f"{marked}: {overview.n_marks:,} {unit}" if is_score else None
        place = _on_axis(x, is_time=is_time)
        style = {"s": 14 if len(x) < 400 else 8, "color": _MARK, "linewidths": 0, "zorder": 4}
        axis.scatter(place, y, label=label, **style)
    if is_score:
        axis.set_ylim(0, 1.2 * axis.get_ylim()[1])  # room for the legend
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper left", frameon=False, ncols=2, fontsize=9, borderaxespad=0.1)
    axis.set_ylabel(panel.label)
    axis.margins(x=0.005)


def _name_spans(axis: Any, spans: list[tuple[str, float, float]], *, is_time: bool) -> None:
    for name, start, stop in spans:
        middle = _on_axis([(start + stop) / 2], is_time=is_time)[0]
        place = (middle, 1.0)
        transform = axis.get_xaxis_transform()
        axis.annotate(
            name, place, xycoords=transform, xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=9, color=_INK,
        )  # fmt: skip


def _on_axis(seconds: ArrayLike, *, is_time: bool) -> NDArray[Any]:
    """Turn seconds into what matplotlib's date axis takes; other numbers stay."""
    places = np.asarray(seconds, dtype=np.float64)
    if not is_time:
        return places
    return places / 86_400.0  # matplotlib counts days since 1970


def _finish_x(axis: Any, *, is_time: bool) -> None:
    if is_time:
        dates: Any = require("matplotlib.dates", "plot")
        locator = dates.AutoDateLocator(minticks=4, maxticks=12)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        return
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("row")


def save(figure: Any, path: StrPath) -> None:
    """Write a figure to a file; the suffix says the format.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What `plot_scores` or `draw` returned.
    path : path-like
        Ends in .png, .svg, .pdf or another format that matplotlib writes.
    """
    target = Path(path)
    formats = figure.canvas.get_supported_filetypes()
    suffix = target.suffix.removeprefix(".").lower()
    if suffix not in formats:
        known = ", ".join(f".{name}" for name in sorted(formats))
        raise ValueError(f"path: expected a name that ends in one of {known}; got {target.name!r}")
    figure.savefig(target, format=suffix)
