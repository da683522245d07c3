"""A series shrunk to what a picture can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["SCORE", "THRESHOLD", "Overview"]

SCORE, THRESHOLD = -2, -1
"""The last two channels of an overview."""


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
        order = np.lexsort((-channels[:, SCORE], bins))
        best = order[np.diff(bins[order], prepend=-1) != 0]
        known = self._mark[bins[best], SCORE]
        better = best[~(channels[best, SCORE] <= known)]  # also where nothing is known yet
        self._mark[bins[better]] = channels[better]
        self._mark_x[bins[better]] = x[better]

    def _join_neighbours(self) -> None:
        half = self._capacity // 2
        self._low[:half] = np.fmin(self._low[::2], self._low[1::2])
        self._high[:half] = np.fmax(self._high[::2], self._high[1::2])
        self._x[:half] = self._x[::2].copy()
        first, second = self._mark[::2], self._mark[1::2]
        take = (second[:, SCORE] > first[:, SCORE]) | np.isnan(first[:, SCORE])
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
