"""Values that have a direction: one for each coordinate of a point and each of its two sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["Directional"]


class Directional(NamedTuple):
    """A value for each row, coordinate and direction.

    A point has ``n_columns * shingle_size`` coordinates, those of its oldest row first. With
    ``irregular="augment"`` the time before a row is the last of its columns.
    """

    high: FloatArray
    """Where the point lies above its surroundings, shape (n, n_columns * shingle_size)."""

    low: FloatArray
    """Where it lies below them, of the same shape."""
