"""Which rows of a table are better not learned: each half is judged by what the other shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

    Judge = Callable[[FloatArray], FloatArray]
    Teach = Callable[[FloatArray], Judge]

__all__ = ["rows_to_drop"]


_BEYOND = 4.0
"""Distances from the median to the ninetieth percentile beyond the median: of levels that follow
their law, one in a thousand lies there."""


def rows_to_drop(rows: FloatArray, teach: Teach, most: float) -> NDArray[np.bool_]:
    """Find rows that the other half of a table says are unusual.

    No row is judged by what has learned it. Where a few per cent of the rows are anomalies, they
    have widened the law of levels themselves, and none of them lies far in its tail. So levels are
    held against their own median and ninetieth percentile, which a tenth of anomalies hardly moves.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        In the order of time.
    teach : callable
        Given rows, gives what judges others: a function from rows to levels, 0 where there is none.
    most : float
        Largest share of the rows that is dropped: the most unusual ones.

    Returns
    -------
    ndarray of shape (n,), bool
        Which to drop.
    """
    middle = len(rows) // 2
    halves = rows[:middle], rows[middle:]
    judged = [teach(halves[1])(halves[0]), teach(halves[0])(halves[1])]
    unusual = np.concatenate([levels > _bar(levels) for levels in judged])
    levels = np.where(unusual, np.concatenate(judged), 0.0)
    count = int(most * len(rows))
    if not count:
        return np.zeros(len(rows), np.bool_)
    dropped: NDArray[np.bool_] = levels > np.partition(levels, -count - 1)[-count - 1]
    return dropped


def _bar(levels: FloatArray) -> float:
    known = levels[levels > 0.0]
    if not len(known):
        return np.inf
    middle, high = np.quantile(known, [0.5, 0.9])
    return float(middle + _BEYOND * (high - middle))
