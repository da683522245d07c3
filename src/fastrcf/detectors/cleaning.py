"""Which rows of a table are better not learned: each half is judged by what the other shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fastrcf.detectors.alarms import cutoff_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

    Judge = Callable[[FloatArray], FloatArray]
    Teach = Callable[[FloatArray], Judge]

__all__ = ["rows_to_drop"]


def rows_to_drop(
    rows: FloatArray, teach: Teach, alarm_rate: float, most: float
) -> NDArray[np.bool_]:
    """Find rows that the other half of a table says are unusual.

    No row is judged by what has learned it.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        In the order of time.
    teach : callable
        Given rows, gives what judges others: a function from rows to levels, 0 where there is none.
    alarm_rate : float
        Rows beyond its cutoff are unusual.
    most : float
        Largest share of the rows that is dropped: the most unusual ones.

    Returns
    -------
    ndarray of shape (n,), bool
        Which to drop.
    """
    middle = len(rows) // 2
    halves = rows[:middle], rows[middle:]
    levels = np.concatenate([teach(halves[1])(halves[0]), teach(halves[0])(halves[1])])
    count = int(most * len(rows))
    if not count:
        return np.zeros(len(rows), np.bool_)
    bar = max(cutoff_of(alarm_rate), float(np.partition(levels, -count - 1)[-count - 1]))
    unusual: NDArray[np.bool_] = levels > bar
    return unusual
