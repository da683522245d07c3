"""What each coordinate of a point adds to its score, from either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, Names

__all__ = ["Attribution"]


@dataclass(frozen=True, eq=False, slots=True)
class Attribution:
    """Scores taken apart: which coordinates make a point stand out, and to which side.

    A point is a window of `shingle_size` rows. Its coordinates come in the order of time: the
    oldest row first, the row itself last; within a row column by column. One point has arrays of
    one dimension, many points have one row each.

    Parameters
    ----------
    high : ndarray of shape (..., n_columns * shingle_size), float64
        What a coordinate adds to the score because it lies above other points. At least 0.
    low : ndarray of the same shape, float64
        What it adds because it lies below other points.
    n_columns : int
        Columns of a row. With ``irregular="augment"`` the time before a row is the last one.
    names : tuple of str or None
        Names of the columns, if the forest knows them.

    See Also
    --------
    RandomCutForest.attribution : Where they come from.

    Notes
    -----
    A score is the expected inverse depth at which random cuts part a point from the others. The
    chance that a cut parts it is the sum, over coordinates and sides, of the gap between the point
    and the box of the others, divided by the sides of the box that holds both. Each gap is
    credited with its own part of that sum, so all parts together are the score (S. Guha et al.
    2016, and the attribution of their open implementation). A point that equals a learned one
    stands out in no direction; its score is spread over the directions in which it would stand out
    if its copies were not there.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf import RandomCutForest
    >>> rows = np.random.default_rng(0).normal(size=(500, 3))
    >>> parts = RandomCutForest().update(rows).attribution([[0.0, -9.0, 0.0]])
    >>> parts.low.shape, int(parts.low.argmax())
    ((1, 3), 1)
    >>> bool(parts.low[0, 1] > 0.9 * parts.total[0])
    True
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
        """The scores: all parts of a point together."""
        return cast("FloatArray", self.high.sum(axis=-1) + self.low.sum(axis=-1))

    def by_column(self) -> Attribution:
        """Sum over the rows of a point.

        Returns
        -------
        Attribution
            One coordinate for each column.

        Examples
        --------
        >>> import numpy as np
        >>> parts = Attribution(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), n_columns=2)
        >>> parts.by_column().high
        array([4., 6.])
        """
        return self._sum(-2, self.n_columns, self.names)

    def by_lag(self) -> Attribution:
        """Sum over the columns of each row of a point.

        Returns
        -------
        Attribution
            One coordinate for each row of a point, in the order of time: the last one belongs to
            the row itself, the one before it to the row before, and so on. It is that of a series
            with one column, without names.

        Examples
        --------
        >>> import numpy as np
        >>> parts = Attribution(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), n_columns=2)
        >>> parts.by_lag().high
        array([3., 7.])
        """
        return self._sum(-1, 1, None)

    def _sum(self, axis: int, n_columns: int, names: Names | None) -> Attribution:
        shape = (*self.high.shape[:-1], self.shingle_size, self.n_columns)
        high, low = (side.reshape(shape).sum(axis=axis) for side in (self.high, self.low))
        return Attribution(high, low, n_columns, names)
