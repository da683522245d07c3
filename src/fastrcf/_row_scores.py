"""From scores of windows to scores of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice
from fastrcf._row_numbers import as_ascending_starts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["covers", "row_scores"]

_HOW = ("last", "mean", "max")


def row_scores(
    window_scores: ArrayLike,
    starts: ArrayLike,
    window_size: int,
    n_rows: int,
    how: str = "last",
    *,
    missing: float = 0.0,
) -> FloatArray:
    """Give each row the scores of the windows that cover it.

    Parameters
    ----------
    window_scores : array_like, shape (k,)
        One score for each window.
    starts : array_like of int, shape (k,)
        First rows of the windows, going up.
    window_size : int
        Rows in a window.
    n_rows : int
        Length of the series.
    how : {'last', 'mean', 'max'}, default 'last'
        'last': the score of the window that ends with the row, known as soon as the row is.
        'mean', 'max': over all windows that cover it, known `window_size` - 1 rows later; NaN when
        one of them is.
    missing : float, default 0.0
        For rows without a window: see `covers`.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Aligned with the rows of the series. The mean is the sum in the order of the windows,
        divided by their number.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, the starts do not go up, or a window leaves the series.

    Examples
    --------
    >>> row_scores([1.0, 4.0], [0, 1], window_size=2, n_rows=4).tolist()
    [0.0, 1.0, 4.0, 0.0]
    >>> row_scores([1.0, 4.0], [0, 1], window_size=2, n_rows=4, how="mean").tolist()
    [1.0, 2.5, 4.0, 0.0]
    """
    starts, n_rows = as_ascending_starts(starts, window_size, n_rows)
    choice("how", how, _HOW)
    scores = np.asarray(window_scores)
    if scores.dtype.kind not in "biuf":
        raise TypeError(f"window_scores: expected numbers, got {scores.dtype}")
    if scores.shape != starts.shape:
        raise ValueError(f"window_scores: expected shape {starts.shape}, got {scores.shape}")
    scores = scores.astype(np.float64, copy=False)
    if how == "last" or window_size == 1:
        result = np.full(n_rows, missing, dtype=np.float64)
        result[starts + (window_size - 1)] = scores
        return result
    return (_means if how == "mean" else _maxima)(scores, starts, window_size, n_rows, missing)


def covers(starts: ArrayLike, window_size: int, n_rows: int, how: str = "last") -> NDArray[Any]:
    """Mark the rows that get a score in `row_scores`.

    Parameters
    ----------
    starts, window_size, n_rows, how
        As in `row_scores`.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    TypeError, ValueError
        As in `row_scores`.

    Examples
    --------
    >>> covers([0, 1], window_size=2, n_rows=4).tolist()
    [False, True, True, False]
    >>> covers([0, 1], window_size=2, n_rows=4, how="max").tolist()
    [True, True, True, False]
    """
    starts, n_rows = as_ascending_starts(starts, window_size, n_rows)
    if choice("how", how, _HOW) == "last":
        marks = np.zeros(n_rows, dtype=bool)
        marks[starts + (window_size - 1)] = True
        return marks
    changes = np.zeros(n_rows + 1, dtype=np.int64)
    changes[starts] = 1
    changes[starts + window_size] -= 1
    return np.cumsum(changes[:-1]) > 0


def _means(
    scores: FloatArray, starts: IntArray, size: int, n_rows: int, missing: float
) -> FloatArray:
    from fastrcf import _kernels

    total, count = np.zeros(n_rows), np.zeros(n_rows, dtype=np.int64)
    _kernels.add_scores(scores, starts, size, total, count)
    result = np.full(n_rows, missing, dtype=np.float64)
    return np.divide(total, count, out=result, where=count > 0)


def _maxima(
    scores: FloatArray, starts: IntArray, size: int, n_rows: int, missing: float
) -> FloatArray:
    from fastrcf import _kernels

    result = np.full(n_rows, -np.inf)
    _kernels.max_scores(scores, starts, size, result)
    result[~covers(starts, size, n_rows, "max")] = missing
    return result
