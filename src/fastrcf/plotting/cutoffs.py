"""Cutoffs as the panels of an evaluation show them, and what else the panels share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.metrics import Confusion, confusion
from fastrcf.plotting.style import CUTOFF, FAINT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray

__all__ = ["Cutoff", "cutoff_of", "heading", "legend", "point", "undefined"]

_COLOURS = (CUTOFF, "#7b4fa3", "#0f8b8d", "#b5476b", "#6b705c", "#c9a227")
_SHAPES = "os^Dv<"


@dataclass(frozen=True)
class Cutoff:
    """A cutoff to show, or one for each row."""

    name: str
    values: FloatArray  # those that are there
    counts: Confusion
    colour: str
    shape: str

    @property
    def place(self) -> float:
        """Where it is, or half of them."""
        return float(np.median(self.values)) if len(self.values) else np.nan

    @property
    def label(self) -> str:
        """Its name and its place."""
        if not len(self.values):
            return f"{self.name}: none"
        low, high = self.values.min(), self.values.max()
        span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        return f"{self.name}: {span}"


def cutoff_of(
    name: str, cutoff: ArrayLike, truth: NDArray[np.bool_], scores: FloatArray, index: int
) -> Cutoff:
    """Judge a cutoff, and give it a colour and a shape."""
    values = np.asarray(cutoff, dtype=np.float64)
    if values.shape not in {(), truth.shape}:
        raise ValueError(
            f"cutoffs[{name!r}]: expected a number or shape {truth.shape} as labels have, got "
            f"shape {values.shape}"
        )
    counts = confusion(truth, scores > values)
    colour = _COLOURS[index % len(_COLOURS)]
    shape = _SHAPES[index % len(_SHAPES)]
    flat = values.ravel()
    return Cutoff(name, flat[np.isfinite(flat)], counts, colour, shape)


def heading(axis: Any, text: str) -> None:
    """Name a panel."""
    axis.set_title(text, loc="left", fontsize=10.5)


def point(axis: Any, x: float, y: float, mark: Cutoff, label: str | None = "") -> None:
    """Mark where a cutoff lies; the legend names it, or says what it is told."""
    axis.plot(
        [x], [y], mark.shape, color=mark.colour, markeredgecolor="white", markersize=9, zorder=5,
        label=mark.name if label == "" else label, clip_on=False,
    )  # fmt: skip


def legend(axis: Any, **options: Any) -> None:
    """Say what is drawn, on a ground that lets lines shine through."""
    axis.legend(fontsize=9, framealpha=0.85, edgecolor="none", **options).set_zorder(6)


def undefined(axis: Any, reason: str) -> None:
    """Say why a panel is empty."""
    axis.text(0.5, 0.5, f"undefined: {reason}", transform=axis.transAxes, ha="center", color=FAINT)
