"""Windows over a series: where they may begin, cutting them, and scores back to rows.

A series is cut into segments at gaps and at rows with a NaN; windows lie inside a segment. All
windows at once would be the series times the window size, so they are cut a batch at a time.

>>> import numpy as np
>>> series = np.array([0.0, 1.0, 2.0, np.nan, 4.0, 5.0, 6.0])
>>> starts = window_starts(segments(series), window_size=2)
>>> starts.tolist()
[0, 1, 4, 5]
>>> for windows, n_valid in WindowBatches(series, starts, window_size=2, batch=3):
...     print(windows[:n_valid, :, 0].tolist())
[[0.0, 1.0], [1.0, 2.0], [4.0, 5.0]]
[[5.0, 6.0]]
>>> row_scores([0.1, 0.2, 0.3, 0.4], starts, window_size=2, n_rows=7).tolist()
[0.0, 0.1, 0.2, 0.0, 0.0, 0.3, 0.4]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice, integer, show
from fastrcf._rows import as_rows, complete_rows
from fastrcf.scaling import Scaler, as_affine, as_out, as_real_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastrcf._typing import FloatArray, IntArray, RealArray, TableLike

__all__ = [
    "WindowBatches",
    "covers",
    "cut_windows",
    "row_scores",
    "segments",
    "sliding_windows",
    "window_starts",
]

_MOST = 2**62
_HOW = ("last", "mean", "max")
_SCRATCH = 1024
"""Rows beyond a window that are scaled together; the cache holds them."""


# ---- where windows lie --------------------------------------------------------------------------


def segments(X: TableLike, breaks: ArrayLike | None = None) -> IntArray:
    """Find the runs of rows that windows may lie in.

    Parameters
    ----------
    X : array_like or frame, shape (n,) or (n, F)
        The series. A row with a NaN belongs to no segment.
    breaks : array_like of int, optional
        Numbers of the rows before which the series has a gap, going up (see `find_breaks` for
        time stamps). 0 and n change nothing.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        First row of each segment, and the first row after it. Empty when no row is complete.

    Raises
    ------
    TypeError, ValueError
        `X` is not numbers, is empty or infinite somewhere; `breaks` are not whole numbers, lie
        outside 0 to n, or do not go up. The row, or the place among the breaks, is named.

    Examples
    --------
    >>> segments([1, 2, float("nan"), 4, 5, 6], breaks=[5]).tolist()
    [[0, 2], [3, 5], [5, 6]]
    """
    from fastrcf._forest.inputs import as_table

    rows = as_table(X).array
    complete = complete_rows(rows)
    begins = complete.copy()
    begins[1:] &= ~complete[:-1]
    ends = np.zeros(len(rows) + 1, dtype=bool)
    ends[1:-1] = complete[:-1] & ~complete[1:]
    ends[-1] = complete[-1]
    for row in _as_breaks(breaks, len(rows)):
        if 0 < row < len(rows) and complete[row] and complete[row - 1]:
            begins[row] = ends[row] = True
    return np.column_stack([np.flatnonzero(begins), np.flatnonzero(ends)]).astype(np.int64)


def window_starts(segments: ArrayLike, window_size: int, stride: int = 1) -> IntArray:
    """List the first rows of all windows.

    Parameters
    ----------
    segments : array_like of int, shape (k, 2)
        As `segments` gives them.
    window_size : int
        Rows in a window.
    stride : int, default 1
        Rows from one window to the next; counted anew in each segment.

    Returns
    -------
    ndarray of int64, shape (n_windows,)
        Going up. Empty when every segment is shorter than a window.

    Raises
    ------
    TypeError, ValueError
        `window_size` or `stride` is no whole number of at least 1; `segments` are not pairs that
        go up.

    Examples
    --------
    >>> window_starts([[0, 6], [10, 12]], window_size=3, stride=2).tolist()
    [0, 2]
    """
    pairs = _as_segments(segments)
    window_size, stride = _window_size(window_size), integer("stride", stride, 1, _MOST)
    counts = np.maximum((pairs[:, 1] - pairs[:, 0] - window_size) // stride + 1, 0)
    before = np.cumsum(counts) - counts
    first = np.repeat(pairs[:, 0] - before * stride, counts)
    return np.asarray(first + np.arange(counts.sum(), dtype=np.int64) * stride)


def sliding_windows(
    series: TableLike, window_size: int, stride: int = 1
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Look at a series as windows, copying nothing.

    Parameters
    ----------
    series : array_like or frame, shape (n,) or (n, F)
        Without gaps: see `segments` for series that have some.
    window_size : int
        Rows in a window.
    stride : int, default 1
        Rows from one window to the next.

    Returns
    -------
    ndarray, shape (n_windows, window_size) or (n_windows, window_size, F)
        A read-only view of an array of float32 or float64; other input is converted once, as
        large as it is, and viewed then. NaN stays NaN.

    Raises
    ------
    TypeError, ValueError
        `series` is not numbers, is infinite somewhere or shorter than a window; `window_size` or
        `stride` is no whole number of at least 1.

    Examples
    --------
    >>> sliding_windows([1.0, 2.0, 3.0, 4.0], window_size=3).tolist()
    [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]
    """
    rows = as_rows(series, "series")
    window_size, stride = _window_size(window_size), integer("stride", stride, 1, _MOST)
    if window_size > len(rows):
        raise ValueError(f"window_size: {window_size} rows, but the series has only {len(rows)}")
    if len(np.shape(series)) == 1:
        return np.lib.stride_tricks.sliding_window_view(rows[:, 0], window_size)[::stride]
    windows = np.lib.stride_tricks.sliding_window_view(rows, window_size, axis=0)
    return windows[::stride].transpose(0, 2, 1)


# ---- cutting ------------------------------------------------------------------------------------


def cut_windows(
    series: TableLike,
    starts: ArrayLike,
    window_size: int,
    *,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    dtype: DTypeLike = np.float32,
    out: RealArray | None = None,
) -> RealArray:
    """Cut and scale windows in one pass.

    Parameters
    ----------
    series : array_like or frame, shape (n,) or (n, F)
    starts : array_like of int, shape (k,)
        First rows of the windows, in any order.
    window_size : int
        Rows in a window.
    center, scale : array_like, shape (F,), optional
        Of a scaler: the windows are ``(series - center) / scale``, computed in float64.
    dtype : {float32, float64}
        Of the result, where there is no `out`.
    out : ndarray of float32 or float64, C-contiguous, shape (m, window_size, F), optional
        The buffer that the windows go to, at least `k` long. What is left of it becomes 0.

    Returns
    -------
    ndarray, shape (k, window_size, F) or that of `out`
        `out`, or a new array.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or a window leaves the series. `out` is as it was then.

    Examples
    --------
    >>> cut_windows([10.0, 20.0, 30.0], [1, 0], 2, center=[10.0], scale=[10.0])[:, :, 0]
    array([[1., 2.],
           [0., 1.]], dtype=float32)
    """
    rows = as_rows(series, "series")
    starts = _as_starts(starts, window_size, len(rows))
    center, scale = as_affine(center, scale, rows.shape[1])
    n_places = len(starts) if out is None else max(len(starts), len(out))
    out = as_out(out, (n_places, window_size, rows.shape[1]), dtype)
    _cut(rows, starts, center, scale, out)
    return out


class WindowBatches:
    """Windows of a series, a batch at a time, in one buffer.

    Iterating gives pairs ``(buffer, n_valid)``: the same buffer each time, filled anew, of shape
    (batch, window_size, F), and how many of its windows count. What is left of it in the last
    batch is 0. Memory is that of one batch, whatever the length of the series.

    Parameters
    ----------
    series : array_like or frame, shape (n,) or (n, F)
        Not copied when it is an array of float32 or float64.
    starts : array_like of int, shape (k,)
        First rows of the windows, in any order: see `window_starts`.
    window_size : int
        Rows in a window.
    scaler : Scaler, optional
        One that has learned.
    center, scale : array_like, shape (F,), optional
        The same as arrays, instead of `scaler`.
    batch : int, default 1024
        Windows in the buffer.
    dtype : {float32, float64}
        Of the buffer.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or a window leaves the series.

    Examples
    --------
    >>> batches = WindowBatches([0.0, 1.0, 2.0, 3.0], [0, 1, 2], window_size=2, batch=2)
    >>> [(windows[:, :, 0].tolist(), n_valid) for windows, n_valid in batches]
    [([[0.0, 1.0], [1.0, 2.0]], 2), ([[2.0, 3.0], [0.0, 0.0]], 1)]
    >>> len(batches), batches.n_windows
    (2, 3)
    """

    def __init__(
        self,
        series: TableLike,
        starts: ArrayLike,
        window_size: int,
        *,
        scaler: Scaler | None = None,
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        batch: int = 1024,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self._rows = as_rows(series, "series")
        self._starts = _as_starts(starts, window_size, len(self._rows))
        if scaler is not None:
            if center is not None or scale is not None:
                raise ValueError("scaler: expected either a scaler or center and scale, got both")
            if not isinstance(scaler, Scaler):
                raise TypeError(f"scaler: expected a Scaler, got {show(scaler)}")
            scaler.check(self._rows.shape[1])
            center, scale = scaler.center_, scaler.scale_
        self._center, self._scale = as_affine(center, scale, self._rows.shape[1])
        self._shape = (integer("batch", batch, 1, _MOST), int(window_size), self._rows.shape[1])
        self._dtype = as_real_dtype(dtype)

    @property
    def n_windows(self) -> int:
        """Windows in all batches together."""
        return len(self._starts)

    def __len__(self) -> int:
        """Return the number of batches."""
        return (len(self._starts) + self._shape[0] - 1) // self._shape[0]

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        """Fill the buffer batch by batch; each iteration has a buffer of its own."""
        buffer: Any = np.empty(self._shape, self._dtype)
        for first in range(0, len(self._starts), self._shape[0]):
            starts = self._starts[first : first + self._shape[0]]
            _cut(self._rows, starts, self._center, self._scale, buffer)
            yield buffer, len(starts)


def _cut(rows: RealArray, starts: IntArray, center: Any, scale: Any, out: Any) -> None:
    from fastrcf import _kernels

    size, width = out.shape[1:]
    scratch = np.empty((size + min(len(starts) * size, max(size, _SCRATCH))) * width, out.dtype)
    _kernels.cut_windows(rows, starts, center, scale, scratch, out)
    out[len(starts) :] = 0.0


# ---- scores of windows, scores of rows ----------------------------------------------------------


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
    starts, n_rows = _ascending_starts(starts, window_size, n_rows)
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
    starts, n_rows = _ascending_starts(starts, window_size, n_rows)
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


# ---- checks -------------------------------------------------------------------------------------


def _window_size(value: object) -> int:
    return integer("window_size", value, 1, _MOST)


def _whole(name: str, values: ArrayLike) -> IntArray:
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected whole numbers, got {array.dtype}")
    if array.dtype.kind == "u" and int(array.max()) > _MOST:
        raise ValueError(f"{name}: expected row numbers, got {array.max()}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _as_breaks(breaks: ArrayLike | None, n_rows: int) -> IntArray:
    rows = _whole("breaks", [] if breaks is None else breaks)
    if rows.ndim != 1:
        raise ValueError(f"breaks: expected shape (k,), got {rows.shape}")
    _refuse("breaks", rows, (rows < 0) | (rows > n_rows), f"row numbers from 0 to {n_rows}")
    _refuse("breaks", rows[1:], rows[1:] < rows[:-1], "row numbers that go up", first=1)
    return rows


def _as_segments(segments: ArrayLike) -> IntArray:
    pairs = _whole("segments", segments)
    if pairs.size == 0:
        return pairs.reshape(0, 2)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"segments: expected shape (k, 2), got {pairs.shape}")
    flat = pairs.ravel()
    _refuse("segments", pairs, pairs.min(axis=1) < 0, "row numbers of at least 0")
    backwards = np.append(False, flat[1:] < flat[:-1])
    _refuse("segments", pairs, backwards.reshape(pairs.shape).any(axis=1), "pairs that go up")
    return pairs


def _as_starts(starts: ArrayLike, window_size: object, n_rows: int) -> IntArray:
    size = _window_size(window_size)
    rows = _whole("starts", starts)
    if rows.ndim != 1:
        raise ValueError(f"starts: expected shape (k,), got {rows.shape}")
    outside = (rows < 0) | (rows > n_rows - size)
    _refuse("starts", rows, outside, f"windows of {size} rows inside the {n_rows} of the series")
    return rows


def _ascending_starts(
    starts: ArrayLike, window_size: object, n_rows: object
) -> tuple[IntArray, int]:
    n_rows = integer("n_rows", n_rows, 0, _MOST)
    rows = _as_starts(starts, window_size, n_rows)
    _refuse("starts", rows[1:], rows[1:] <= rows[:-1], "row numbers that go up", first=1)
    return rows, n_rows


def _refuse(
    name: str, values: IntArray, wrong: NDArray[np.bool_], expected: str, first: int = 0
) -> None:
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(
            f"{name}: expected {expected}, got {values[place].tolist()} at place {place + first}"
        )
