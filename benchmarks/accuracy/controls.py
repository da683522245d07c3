"""Controls: what a line or two of arithmetic reach. A forest that is no better is of no use."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.data import FloatArray

HIGHEST_Z = 10.0
"""Where a standardised distance saturates; the order of the rows does not change by that."""

MOST = 1e6
"""Largest share of a range: a value behind a constant past is that far away."""


def abs_z(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Return ``z / (1 + z / 10)`` of ``z = |value - mean| / deviation``, the mean over the columns.

    Mean and deviation are those of `train`, or else of the rows before. A deviation counts as at
    least a hundredth of the median one of the columns.
    """
    if train is None:
        count, mean, deviation = _running_moments(rows)
        ready = count >= 2
    else:
        mean, deviation = np.nanmean(train, axis=0)[None], np.nanstd(train, axis=0)[None]
        ready = np.ones(rows.shape, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.01 * np.median(deviation, axis=1)[:, None]
        z = np.minimum(np.abs(rows - mean) / np.maximum(deviation, least), MOST)
    return _over_columns(np.where(ready, z / (1 + z / HIGHEST_Z), 0.0))


def abs_z_of_change(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Return the same of the change from the row before."""
    changes = np.diff(rows, axis=0, prepend=rows[:1])
    return abs_z(None if train is None else np.diff(train, axis=0), changes)


def outside_range(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Return how far a value lies outside the range seen, in shares of the range; sum of columns.

    The range is that of `train`, or else of the rows before.
    """
    if train is None:
        low, high = np.full_like(rows, np.nan), np.full_like(rows, np.nan)
        low[1:] = np.fmin.accumulate(rows)[:-1]
        high[1:] = np.fmax.accumulate(rows)[:-1]
    else:
        low, high = np.nanmin(train, axis=0)[None], np.nanmax(train, axis=0)[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.maximum(0.0, np.maximum(low - rows, rows - high)) / (high - low)
    return np.asarray(_over_columns(far) * rows.shape[1])


def _running_moments(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return count, mean and deviation of the known values before each row."""
    known = ~np.isnan(rows)
    origin = rows[np.argmax(known, axis=0), np.arange(rows.shape[1])]
    values = np.where(known, rows - np.nan_to_num(origin), 0.0)
    count, total, squares = map(_before, (known.astype(np.float64), values, values * values))
    mean = total / np.maximum(count, 1)
    variance = np.maximum(squares / np.maximum(count, 1) - mean * mean, 0.0)
    return count, mean + np.nan_to_num(origin), np.sqrt(variance)


def _before(parts: FloatArray) -> FloatArray:
    """Return the sum of the rows before each."""
    sums = np.zeros_like(parts)
    np.cumsum(parts[:-1], axis=0, out=sums[1:])
    return sums


def _over_columns(scores: FloatArray) -> FloatArray:
    """Return the mean over the columns; what is unknown or 0/0 counts as ordinary."""
    known = np.minimum(np.nan_to_num(scores, nan=0.0, posinf=MOST), MOST)
    return np.asarray(known.mean(axis=1))
