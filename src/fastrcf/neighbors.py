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
    """The nearest points for each row, the nearest first; rows may have fewer than `k`."""

    distance: FloatArray
    """Euclidean distance, shape (n, k); NaN where there is no neighbour."""

    arrival: IntArray
    """Index of the row that completed the neighbour, shape (n, k).

    Counted from 0 over every row that was offered to be learned, with or without NaN; -1 where
    there is no neighbour. Of several equal points it is the oldest that the trees led to.
    """

    count: IntArray
    """Number of trees that led to the neighbour, shape (n, k); 0 where there is none."""

    point: NDArray[np.float32]
    """Coordinates of the neighbour as the forest stores them, its oldest row first.

    Shape (n, k, n_columns * shingle_size); NaN where there is no neighbour.
    """
