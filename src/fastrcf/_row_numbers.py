"""Checks of row numbers: breaks, segments and the first rows of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastrcf._forest.checks import integer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import IntArray

__all__ = [
    "MOST",
    "as_ascending_starts",
    "as_breaks",
    "as_segments",
    "as_starts",
    "as_window_size",
]

MOST = 2**62
"""Beyond any number of rows."""


def as_window_size(value: object) -> int:
    return integer("window_size", value, 1, MOST)


def _whole(name: str, values: ArrayLike) -> IntArray:
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected whole numbers, got {array.dtype}")
    if array.dtype.kind == "u" and int(array.max()) > MOST:
        raise ValueError(f"{name}: expected row numbers, got {array.max()}")
    return np.ascontiguousarray(array, dtype=np.int64)


def as_breaks(breaks: ArrayLike | None, n_rows: int) -> IntArray:
    rows = _whole("breaks", [] if breaks is None else breaks)
    if rows.ndim != 1:
        raise ValueError(f"breaks: expected shape (k,), got {rows.shape}")
    _refuse("breaks", rows, (rows < 0) | (rows > n_rows), f"row numbers from 0 to {n_rows}")
    _refuse("breaks", rows[1:], rows[1:] < rows[:-1], "row numbers that go up", first=1)
    return rows


def as_segments(segments: ArrayLike) -> IntArray:
    pairs = _whole("segments", segments)
    if pairs.size == 0:
        return pairs.reshape(0, 2)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"segments: expected shape (k, 2), got {pairs.shape}")
    flat = pairs.ravel()
    _refuse("segments", pairs, np.asarray((pairs < 0).any(axis=1)), "row numbers of at least 0")
    backwards = np.zeros(pairs.shape, dtype=bool)
    backwards.ravel()[1:] = flat[1:] < flat[:-1]
    _refuse("segments", pairs, np.asarray(backwards.any(axis=1)), "pairs that go up")
    return pairs


def as_starts(starts: ArrayLike, window_size: object, n_rows: int) -> IntArray:
    size = as_window_size(window_size)
    rows = _whole("starts", starts)
    if rows.ndim != 1:
        raise ValueError(f"starts: expected shape (k,), got {rows.shape}")
    outside = (rows < 0) | (rows > n_rows - size)
    _refuse("starts", rows, outside, f"windows of {size} rows inside the {n_rows} of the series")
    return rows


def as_ascending_starts(
    starts: ArrayLike, window_size: object, n_rows: object
) -> tuple[IntArray, int]:
    n_rows = integer("n_rows", n_rows, 0, MOST)
    rows = as_starts(starts, window_size, n_rows)
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
