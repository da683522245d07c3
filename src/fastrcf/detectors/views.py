"""What a forest is shown of a series: views. A view turns rows into points, and looks back only.

A view holds what was estimated for it and nothing that changes: it is given the rows before those
that are asked for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, IntArray

__all__ = ["LARGEST", "ColumnsView", "Points", "ShapeView", "View", "view_from_dict"]

LARGEST = 1e30
"""Values beyond are not taken by forests."""

CELLS = 32
"""Values that a window is averaged down to: fewer blur short anomalies, more cost time."""

MAX_FILLED = 0.25
"""A window with a greater share of missing rows makes no point."""


class Points(NamedTuple):
    """Points and where they stand."""

    ends: IntArray
    """Number of the last row of each, counted from the beginning of the series."""

    values: FloatArray
    """Shape (k, dims)."""


@dataclass(frozen=True)
class View:
    """Base of all views."""

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[View]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        View.kinds[cls.kind] = cls

    @property
    def lookback(self) -> int:
        """Rows that a point needs, its own included."""
        raise NotImplementedError

    @property
    def hop(self) -> int:
        """Rows from one point to the next."""
        return 1

    @property
    def short(self) -> int:
        """Points whose scores are averaged before they are judged."""
        raise NotImplementedError

    def points(self, rows: FloatArray, first: int, start: int) -> Points:
        """Make the points that end in the rows from `start` on.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            Rows, NaN where nothing is known; those before `start` as far back as `lookback` needs,
            if there are so many.
        first, start : int
            Numbers of the first row given and of the first row asked for.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Give the view as plain values."""
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }
        return {"kind": self.kind, **plain}


@dataclass(frozen=True)
class ShapeView(View):
    """The shape of the latest window of one column, averaged down to at most 32 cells.

    Parameters
    ----------
    window : int
        Rows.
    differences : bool
        Whether the change from cell to cell is taken; else the mean over the window is taken out,
        and its standard deviation divided out, but for the `floor`.
    floor : float
        Standard deviation below which a window counts as flat: dividing by less would blow up
        noise. With differences it is not used.
    """

    kind: ClassVar[str] = "shape"

    window: int
    differences: bool
    floor: float = 0.0

    def __post_init__(self) -> None:
        if (
            self.window < 4
            or self.differences not in (False, True)
            or not 0.0 <= self.floor < np.inf
        ):
            raise ValueError(f"view: not one of a shape: {self}")

    @property
    def cells(self) -> int:
        """Values of a point."""
        return min(CELLS, self.window)

    @property
    def lookback(self) -> int:
        """Rows that a point needs: with differences one cell more than the window."""
        return self.window + (max(1, self.window // self.cells) if self.differences else 0)

    @property
    def hop(self) -> int:
        """A window changes little within a cell: about one point per cell."""
        return max(1, self.window // CELLS)

    @property
    def short(self) -> int:
        """Half a window: an odd shape stays in sight for as long."""
        return max(1, self.window // 2 // self.hop)

    def points(self, rows: FloatArray, first: int, start: int) -> Points:
        """Make the points that end in the rows from `start` on."""
        size, hop = self.lookback, self.hop
        lowest = max(start, first + size - 1)
        ends = np.arange(-(-(lowest + 1) // hop) * hop - 1, first + len(rows), hop)
        if not len(ends):
            return Points(ends, np.empty((0, self.cells)))
        windows = sliding_window_view(rows[:, 0], size)[ends - first - size + 1]
        return Points(ends, self.shapes(windows))

    def shapes(self, windows: FloatArray) -> FloatArray:
        """Turn windows, of shape (k, lookback), into points."""
        cells = self.cells + self.differences
        bounds = np.round(np.arange(cells + 1) * self.lookback / cells).astype(np.intp)
        missing = np.isnan(windows)
        known = np.where(missing, 0.0, windows)
        counts = np.add.reduceat(~missing, bounds[:-1], axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            averages = np.add.reduceat(known, bounds[:-1], axis=1) / counts
        _fill_forward(averages)
        averages[missing.mean(axis=1) > MAX_FILLED] = np.nan
        if self.differences:
            return np.diff(averages, axis=1)
        centred = averages - averages.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True))
        result: FloatArray = centred / np.maximum(deviation, self.floor + 1e-300)
        return result


def _fill_forward(cells: FloatArray) -> None:
    """Give cells without a value that of the cell before."""
    if np.isnan(cells).any():
        for cell in range(1, cells.shape[1]):
            column = cells[:, cell]
            np.copyto(column, cells[:, cell - 1], where=np.isnan(column))


@dataclass(frozen=True, eq=False)
class ColumnsView(View):
    """The latest rows with each column on its own scale, or what the other columns leave open.

    Parameters
    ----------
    centre, scale : ndarray of shape (d,)
        Taken off and divided out.
    basis : ndarray of shape (k, d), optional
        Orthonormal directions in which the scaled columns move together. They are taken out, so
        that what remains of a row is what the others do not foretell.
    shingle : int
        Latest rows that make a point.
    mean_of : int
        As `short`.
    """

    kind: ClassVar[str] = "columns"

    centre: FloatArray
    scale: FloatArray
    basis: FloatArray | None = None
    shingle: int = 1
    mean_of: int = 1

    def __post_init__(self) -> None:
        for name in ("centre", "scale", "basis"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, np.asarray(value, np.float64))
        width = len(self.centre)
        basis = np.empty((0, width)) if self.basis is None else self.basis
        numbers = np.vstack([self.centre, self.scale, basis])
        if not np.isfinite(numbers).all() or not (self.scale > 0.0).all():
            raise ValueError("view: expected finite numbers, and scales above 0")
        if min(self.shingle, self.mean_of) < 1:
            raise ValueError("view: expected a shingle and a mean of at least one row")

    @property
    def lookback(self) -> int:
        """Rows that a point needs."""
        return self.shingle

    @property
    def short(self) -> int:
        """Points whose scores are averaged before they are judged."""
        return self.mean_of

    def points(self, rows: FloatArray, first: int, start: int) -> Points:
        """Make the points that end in the rows from `start` on."""
        lowest = max(start, first + self.shingle - 1)
        ends = np.arange(lowest, first + len(rows))
        if not len(ends):
            return Points(ends, np.empty((0, self.shingle * len(self.centre))))
        with np.errstate(over="ignore"):
            scaled = (rows[lowest - self.shingle + 1 - first :] - self.centre) / self.scale
        scaled = np.clip(scaled, -LARGEST, LARGEST)
        if self.basis is not None:
            # One row's products do not depend on the rows beside it, as those of BLAS may.
            shares = np.einsum("nd,kd->nk", scaled, self.basis, optimize=False)
            scaled = scaled - np.einsum("nk,kd->nd", shares, self.basis, optimize=False)
        if self.shingle == 1:
            return Points(ends, scaled)
        windows = sliding_window_view(scaled, self.shingle, axis=0)
        return Points(ends, windows.transpose(0, 2, 1).reshape(len(ends), -1))


def view_from_dict(state: dict[str, Any]) -> View:
    """Make the view that `View.to_dict` gave; what is wrong is a KeyError, Type- or ValueError."""
    values = dict(state)
    return View.kinds[values.pop("kind")](**values)
