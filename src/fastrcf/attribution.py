"""What each coordinate of a point adds to its score, from either side."""

from __future__ import annotations

from fastrcf.directional import Directional

__all__ = ["Attribution"]


class Attribution(Directional):
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

    __slots__ = ()
