"""The points of a forest that are near to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["Neighbors"]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """The learned points that are nearest to each row, the nearest first.

    A row may have fewer than *k* neighbours; the places left over hold what is said below.

    Parameters
    ----------
    distance : ndarray of shape (n, k), float64
        Euclidean distance. NaN where there is no neighbour.
    arrival : ndarray of shape (n, k), int64
        Index of the row that completed the neighbour, counted from 0 over every row that was
        offered to be learned, with or without NaN. Of several equal points it is the oldest that
        the trees led to. -1 where there is no neighbour.
    count : ndarray of shape (n, k), int64
        Number of trees that led to the neighbour. 0 where there is none.
    point : ndarray of shape (n, k, n_columns * shingle_size), float32
        Coordinates of the neighbour as the forest stores them, those of its oldest row first. With
        ``irregular="augment"`` the time before a row is the last of its columns. NaN where there
        is no neighbour.
    """

    distance: FloatArray
    arrival: IntArray
    count: IntArray
    point: NDArray[np.float32]
