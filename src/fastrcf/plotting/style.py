"""What all pictures share: colours, an empty figure, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastrcf._extras import require

if TYPE_CHECKING:
    from fastrcf._typing import StrPath

__all__ = [
    "CUTOFF",
    "EVENT",
    "FAINT",
    "INK",
    "MARK",
    "SCORE_LINE",
    "SERIES",
    "blank",
    "save",
]

INK = "#26323d"
FAINT = "#8a97a3"
SERIES = "#2f6690"
SCORE_LINE = "#4f5d75"
CUTOFF = "#e08e1b"
MARK = "#d1293d"
EVENT = "#f3d9a4"
STYLE = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def blank(width: float, height: float) -> Iterator[Any]:
    """Give an empty figure to draw on; the house style holds within the block.

    Parameters
    ----------
    width, height : float
        In inches.

    Yields
    ------
    matplotlib.figure.Figure
        It needs no display.
    """
    mpl: Any = require("matplotlib", "plot")
    new_figure: Any = require("matplotlib.figure", "plot").Figure
    new_canvas: Any = require("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg
    with mpl.rc_context(STYLE):
        figure = new_figure(figsize=(width, height), layout="constrained", dpi=110)
        new_canvas(figure)
        yield figure


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
