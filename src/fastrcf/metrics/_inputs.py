"""What every metric checks before it counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastrcf._typing import FloatArray, IntArray

__all__ = [
    "both_classes",
    "checked_labels",
    "checked_scores",
    "cutoffs_of",
    "label_pair",
    "meets",
    "pair",
    "same_length",
    "stretches",
]


def checked_labels(labels: ArrayLike, name: str = "labels") -> NDArray[np.bool_]:
    """Turn 0/1 labels into booleans.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Zeros and ones of any type.
    name : str
        What errors call them.

    Returns
    -------
    ndarray of shape (n,), bool
        True where the label is 1.

    Raises
    ------
    ValueError
        They are not one-dimensional, none, or something else than 0 and 1.
    TypeError
        They are not numbers.
    """
    array = _column(labels, name, "labels 0 or 1")
    flags: NDArray[np.bool_] = array == 1
    odd = ~flags & (array != 0)  # NaN equals neither
    if odd.any():
        row = int(np.argmax(odd))
        raise ValueError(f"{name}: expected 0 or 1, got {array[row]} in row {row}")
    return flags


def checked_scores(scores: ArrayLike, name: str = "scores") -> FloatArray:
    """Turn scores into an array of finite numbers.

    Parameters
    ----------
    scores : array-like of shape (n,)
        Numbers.
    name : str
        What errors call them.

    Returns
    -------
    ndarray of shape (n,), float64
        The scores.

    Raises
    ------
    ValueError
        They are not one-dimensional, none, or not finite.
    TypeError
        They are not numbers.
    """
    array = _column(scores, name, "numbers").astype(np.float64, copy=False)
    bad = ~np.isfinite(array)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{name}: expected a finite number, got {array[row]} in row {row}")
    return array


def _column(values: ArrayLike, name: str, expected: str) -> NDArray[np.generic]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    if len(array) == 0:
        raise ValueError(f"{name}: expected at least one row, got none")
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{name}: expected {expected}, got objects") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected {expected}, got an array of {array.dtype}")
    return array


def pair(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], FloatArray]:
    """Check labels and the scores of the same rows.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Zeros and ones.
    scores : array-like of shape (n,)
        Finite numbers.

    Returns
    -------
    labels : ndarray of shape (n,), bool
    scores : ndarray of shape (n,), float64

    Raises
    ------
    ValueError
        One of them is not what it should be, or their lengths differ.
    """
    truth, values = checked_labels(labels), checked_scores(scores)
    same_length("scores", len(values), len(truth))
    return truth, values


def label_pair(
    labels: ArrayLike, predictions: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Check labels and the predictions for the same rows.

    Parameters
    ----------
    labels, predictions : array-like of shape (n,)
        Zeros and ones.

    Returns
    -------
    labels, predictions : ndarray of shape (n,), bool

    Raises
    ------
    ValueError
        One of them is not what it should be, or their lengths differ.
    """
    truth, flagged = checked_labels(labels), checked_labels(predictions, "predictions")
    same_length("predictions", len(flagged), len(truth))
    return truth, flagged


def same_length(name: str, length: int, expected: int) -> None:
    """Check that there is one value for each label.

    Parameters
    ----------
    name : str
        What the values are called.
    length : int
        How many there are.
    expected : int
        How many labels there are.

    Raises
    ------
    ValueError
        The numbers differ.
    """
    if length != expected:
        raise ValueError(f"{name}: expected one for each of {expected} labels, got {length}")


def both_classes(truth: NDArray[np.bool_], metric: str) -> None:
    """Check that there are normal and anomalous rows.

    Parameters
    ----------
    truth : ndarray of shape (n,), bool
        The labels.
    metric : str
        What cannot be computed otherwise.

    Raises
    ------
    ValueError
        All labels are the same.
    """
    n_anomalous = int(np.count_nonzero(truth))
    if n_anomalous in {0, len(truth)}:
        label = int(n_anomalous > 0)
        raise ValueError(
            f"labels: {metric} compares anomalous rows with normal ones, and all {len(truth)} "
            f"labels are {label}; use confusion() at a cutoff, or rows with both labels"
        )


def stretches(flags: NDArray[np.bool_]) -> IntArray:
    """Find the runs of True.

    Parameters
    ----------
    flags : ndarray of shape (n,), bool
        One for each row.

    Returns
    -------
    ndarray of shape (k, 2), int64
        First row of each run and the row after its last, in order.
    """
    padded = np.zeros(len(flags) + 2, np.bool_)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges.reshape(-1, 2).astype(np.int64, copy=False)


def cutoffs_of(distinct: FloatArray) -> FloatArray:
    """List the cutoffs that tell scores apart.

    Parameters
    ----------
    distinct : ndarray of shape (m,), float64
        Distinct scores, highest first.

    Returns
    -------
    ndarray of shape (m + 1,), float64
        Cutoff *i* flags the *i* highest of them: it is the next one, or the next number below.
    """
    return np.append(distinct, np.nextafter(distinct[-1], -np.inf))


def meets(runs: IntArray, others: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which runs have a row where others are true.

    Parameters
    ----------
    runs : ndarray of shape (k, 2), int64
        Half-open runs of rows.
    others : ndarray of shape (n,), bool
        One for each row.

    Returns
    -------
    ndarray of shape (k,), bool
        One for each run.
    """
    so_far = np.append(0, np.cumsum(others))
    return so_far[runs[:, 1]] > so_far[runs[:, 0]]
