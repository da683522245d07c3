"""Values that have a direction: one for each coordinate of a point and each of its two sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastrcf._typing import FloatArray, Names

__all__ = ["Directional"]


@dataclass(frozen=True, eq=False, slots=True)
class Directional:
    """A value for each coordinate of a point and each direction.

    A point is a window of `shingle_size` rows. Its coordinates come in the order of time: the
    oldest row first, the row itself last; within a row column by column. One point has arrays of
    one dimension, many points have one row each. With
    ``irregular="augment"`` the time before a row is the last of its columns. ``high, low =
    directional`` unpacks it.

    Parameters
    ----------
    high : ndarray of shape (..., n_columns * shingle_size), float64
        Where the point lies above its surroundings.
    low : ndarray of the same shape, float64
        Where it lies below them.
    n_columns : int
        Columns of a row.
    names : tuple of str or None
        Names of the columns, if the forest knows them.
    """

    high: FloatArray
    low: FloatArray
    n_columns: int
    names: Names | None = None

    def __post_init__(self) -> None:
        width = self.high.shape[-1]
        if self.low.shape != self.high.shape:
            raise ValueError(
                f"low: expected the shape of high, {self.high.shape}, got {self.low.shape}"
            )
        if self.n_columns < 1 or width % self.n_columns:
            raise ValueError(
                f"n_columns: expected a divisor of the {width} coordinates, got {self.n_columns}"
            )
        if self.names is not None and len(self.names) != self.n_columns:
            raise ValueError(
                f"names: expected one for each of {self.n_columns} columns, got {len(self.names)}"
            )

    @property
    def shingle_size(self) -> int:
        """Rows in a point."""
        return int(self.high.shape[-1]) // self.n_columns

    @property
    def total(self) -> FloatArray:
        """All parts of a point together; of an attribution, the score."""
        return cast("FloatArray", self.high.sum(axis=-1) + self.low.sum(axis=-1))

    def __iter__(self) -> Iterator[FloatArray]:
        """Unpack: ``high, low = …``."""
        return iter((self.high, self.low))

    def by_column(self) -> Self:
        """Sum over the rows of a point.

        Returns
        -------
        Directional
            Of the same kind, with one coordinate for each column.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import Directional
        >>> parts = Directional(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), n_columns=2)
        >>> parts.by_column().high
        array([4., 6.])
        """
        return self._sum(-2, self.n_columns, self.names)

    def by_lag(self) -> Self:
        """Sum over the columns of each row of a point.

        Returns
        -------
        Directional
            Of the same kind, with one coordinate for each row of a point, in the order of time:
            the last one belongs to the row itself, the one before it to the row before, and so
            on. It is that of a series with one column, without names.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import Directional
        >>> parts = Directional(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), n_columns=2)
        >>> parts.by_lag().high
        array([3., 7.])
        """
        return self._sum(-1, 1, None)

    def _sum(self, axis: int, n_columns: int, names: Names | None) -> Self:
        shape = (*self.high.shape[:-1], self.shingle_size, self.n_columns)
        high, low = (side.reshape(shape).sum(axis=axis) for side in (self.high, self.low))
        return type(self)(high, low, n_columns, names)
