"""A series with the band that was expected of it, or of what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.plotting.series import finish_x, on_axis
from fastrcf.plotting.style import CUTOFF, MARK, SCORE_LINE, SERIES, blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray

__all__ = ["Band", "draw_bands"]

_MOST_PANELS = 6


@dataclass(frozen=True)
class Band:
    """What a picture shows of one series.

    Parameters
    ----------
    name : str
        Of the series.
    places, values : ndarray of shape (n,)
        The series; NaN is missing. Places are numbers, or seconds since 1970.
    band_places : ndarray of shape (m,)
        Places of the band.
    quantiles : ndarray of shape (q, m)
        Rising from row to row; the first and the last one are the ends of the band.
    """

    name: str
    places: FloatArray
    values: FloatArray
    band_places: FloatArray
    quantiles: FloatArray


def draw_bands(
    bands: Sequence[Band], *, is_time: bool = False, title: str = "", label: str = "band"
) -> Any:
    """Draw series with their bands, one below the other; values outside are marked.

    Parameters
    ----------
    bands : sequence of Band
        At most six are drawn.
    is_time : bool, default False
        Whether places are seconds since 1970.
    title : str
        Stands above the picture.
    label : str
        What the band is, in the legend.

    Returns
    -------
    matplotlib.figure.Figure
        To be given to `save`, or used with matplotlib.
    """
    shown = list(bands[:_MOST_PANELS])
    with blank(13, 0.9 + 2.6 * len(shown)) as figure:
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for band, axis in zip(shown, axes, strict=True):
            _draw_band(axis, band, is_time=is_time, label=label)
        axes[0].legend(loc="upper left", frameon=False, ncols=4, fontsize=9)
        finish_x(axes[-1], is_time=is_time)
        left_out = len(bands) - len(shown)
        note = f"   ({left_out} more series not shown)" if left_out else ""
        figure.suptitle(title + note, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    return figure


def _draw_band(axis: Any, band: Band, *, is_time: bool, label: str) -> None:
    x, beside = on_axis(band.places, is_time=is_time), on_axis(band.band_places, is_time=is_time)
    low, high = band.quantiles[0], band.quantiles[-1]
    axis.fill_between(beside, low, high, color=CUTOFF, alpha=0.3, linewidth=0, label=label)
    axis.plot(x, band.values, color=SERIES, linewidth=1.0, zorder=3, label="series")
    if len(band.quantiles) > 2:
        middle = band.quantiles[len(band.quantiles) // 2]
        axis.plot(beside, middle, color=SCORE_LINE, linewidth=0.9, linestyle="--", label="median")
    if np.array_equal(band.places, band.band_places):
        outside = (band.values < low) | (band.values > high)
        if outside.any():
            style = {"s": 14, "color": MARK, "linewidths": 0, "zorder": 4}
            unit = "row" if outside.sum() == 1 else "rows"
            text = f"outside: {outside.sum():,} {unit}"
            axis.scatter(x[outside], band.values[outside], label=text, **style)
    axis.set_ylabel(band.name)
    axis.margins(x=0.005)
    low_end, high_end = axis.get_ylim()
    axis.set_ylim(low_end, high_end + 0.15 * (high_end - low_end))  # room for the legend
