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

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastrcf._affine import as_affine, as_out, as_real_dtype
from fastrcf._forest.checks import integer, show
from fastrcf._forest.inputs import as_table
from fastrcf._row_numbers import MOST, as_breaks, as_segments, as_starts, as_window_size
from fastrcf._row_scores import covers, row_scores
from fastrcf._rows import as_rows, complete_rows
from fastrcf._times import find_breaks
from fastrcf.scaling import Scaler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastrcf._typing import IntArray, RealArray, TableLike

__all__ = [
    "WindowBatches",
    "covers",
    "cut_windows",
    "find_breaks",
    "row_scores",
    "segments",
    "sliding_windows",
    "window_starts",
]

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
    rows = as_table(X).array
    complete = complete_rows(rows)
    begins = complete.copy()
    begins[1:] &= ~complete[:-1]
    ends = np.zeros(len(rows) + 1, dtype=bool)
    ends[1:-1] = complete[:-1] & ~complete[1:]
    ends[-1] = complete[-1]
    for row in as_breaks(breaks, len(rows)):
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
    pairs = as_segments(segments)
    window_size, stride = as_window_size(window_size), integer("stride", stride, 1, MOST)
    counts = np.maximum((pairs[:, 1] - pairs[:, 0] - window_size) // stride + 1, 0)
    before = np.cumsum(counts) - counts
    first = np.repeat(pairs[:, 0] - before * stride, counts)
    return np.asarray(first + np.arange(counts.sum(), dtype=np.int64) * stride)


def sliding_windows(series: TableLike, window_size: int, stride: int = 1) -> NDArray[Any]:
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
    window_size, stride = as_window_size(window_size), integer("stride", stride, 1, MOST)
    if window_size > len(rows):
        raise ValueError(f"window_size: {window_size} rows, but the series has only {len(rows)}")
    if getattr(series, "ndim", None) == 1 or np.ndim(cast("Any", series)) == 1:
        return sliding_window_view(rows[:, 0], window_size)[::stride]
    windows = sliding_window_view(rows, window_size, axis=0)
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
    starts = as_starts(starts, window_size, len(rows))
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
        self._starts = as_starts(starts, window_size, len(self._rows))
        if scaler is not None:
            if center is not None or scale is not None:
                raise ValueError("scaler: expected either a scaler or center and scale, got both")
            if not isinstance(scaler, Scaler):
                raise TypeError(f"scaler: expected a Scaler, got {show(scaler)}")
            scaler.check(self._rows.shape[1])
            center, scale = scaler.center_, scaler.scale_
        self._center, self._scale = as_affine(center, scale, self._rows.shape[1])
        self._shape = (integer("batch", batch, 1, MOST), int(window_size), self._rows.shape[1])
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
