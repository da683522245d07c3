"""Checks of scores and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import show

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray

__all__ = ["LARGEST", "as_labels", "as_scores"]

LARGEST = 1e100
"""Largest magnitude of a score: sums of squares stay finite."""


def as_scores(scores: ArrayLike) -> FloatArray:
    """Turn scores into an array.

    Parameters
    ----------
    scores : array_like of shape (n,)
        Numbers.

    Returns
    -------
    ndarray of float64, shape (n,)
        Finite, of magnitude up to 1e100.

    Raises
    ------
    TypeError, ValueError
        They are not numbers, not one-dimensional, or one of them is NaN or infinite.
    """
    values = _numbers("scores", scores, "biuf")
    if values.size and values.dtype.kind == "b":
        raise TypeError("scores: expected numbers, got bool; are these labels?")
    array = values.astype(np.float64)
    usable = np.abs(array) <= LARGEST  # no NaN compares
    if not usable.all():
        row = int(np.argmin(usable))
        raise ValueError(
            f"scores: expected finite numbers of magnitude up to {LARGEST:g}, got "
            f"{float(array[row])!r} in row {row}; a row without a score is 0.0"
        )
    return array


def as_labels(labels: ArrayLike, n_scores: int) -> NDArray[np.bool_]:
    """Turn labels into an array.

    Parameters
    ----------
    labels : array_like of shape (n,)
        0 or 1, False or True.
    n_scores : int
        How many there are to be.

    Returns
    -------
    ndarray of bool, shape (n,)
        True is anomalous.

    Raises
    ------
    TypeError, ValueError
        They are not numbers, not one-dimensional, not 0 or 1, or not as many as the scores.
    """
    values = _numbers("labels", labels, "biuf")
    if len(values) != n_scores:
        raise ValueError(
            f"labels: expected one for each score, got {len(values)} labels and {n_scores} scores"
        )
    is_label = (values == 0) | (values == 1)
    if not is_label.all():
        row = int(np.argmin(is_label))
        raise ValueError(f"labels: expected 0 or 1, got {values[row].item()!r} in row {row}")
    return np.asarray(values == 1, dtype=np.bool_)


def _numbers(name: str, data: Any, kinds: str) -> NDArray[Any]:
    try:
        values = np.asarray(data)
    except ValueError as error:  # ragged
        raise ValueError(f"{name}: expected a one-dimensional array: {error}") from None
    if values.size and values.dtype.kind not in kinds:
        raise TypeError(f"{name}: expected numbers, got {show(values.ravel().tolist()[0])}")
    if values.ndim != 1:
        raise ValueError(
            f"{name}: expected a one-dimensional array, got one of shape {values.shape}"
        )
    return values
