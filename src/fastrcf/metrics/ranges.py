"""Range-based precision and recall: how much of each event was found, and where in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import label_pair, meets, stretches
from fastrcf.metrics.points import harmonic_mean

__all__ = ["Bias", "Cardinality", "RangeScores", "range_scores"]

Bias = Literal["flat", "front", "middle", "back"]
Cardinality = Literal["one", "reciprocal"] | Callable[[int], float]


class RangeScores(NamedTuple):
    """Range-based precision and recall."""

    precision: float
    """Mean over alarms of how much of them lies in events; 0.0 without alarms."""

    recall: float
    """Mean over events of how much of them was found; 0.0 without events."""

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return harmonic_mean(self.precision, self.recall)


def range_scores(
    labels: ArrayLike,
    predictions: ArrayLike,
    *,
    alpha: float = 0.0,
    bias: Bias = "flat",
    precision_bias: Bias = "flat",
    cardinality: Cardinality = "one",
) -> RangeScores:
    """Compute range-based precision and recall.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the events.
    predictions : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the alarms.
    alpha : float, default=0.0
        Weight, from 0 to 1, that an event gets for being found at all; the rest is for how much of
        it was found. TSB-AD takes 0.2 and ``cardinality="reciprocal"``.
    bias : {"flat", "front", "middle", "back"}, default="flat"
        Which rows of an event matter most.
    precision_bias : {"flat", "front", "middle", "back"}, default="flat"
        Which rows of an alarm matter most.
    cardinality : {"one", "reciprocal"} or callable, default="one"
        Factor on the overlap of a range that *x* > 1 ranges of the other kind meet: 1, ``1 / x``,
        or what the function returns for *x*.

    Returns
    -------
    RangeScores
        Precision and recall.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, a value is not 0 or 1, or an option is none of those
        above.

    Notes
    -----
    Tatbul, Lee, Zdonik, Alam and Gottschlich (2018), "Precision and recall for time series",
    NeurIPS 31.

    Examples
    --------
    >>> labels, predictions = [0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]
    >>> scores = range_scores(labels, predictions)
    >>> round(scores.precision, 3), scores.recall
    (0.667, 0.5)
    >>> range_scores(labels, predictions, bias="front").recall
    0.3
    """
    truth, flagged = label_pair(labels, predictions)
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha: expected a number from 0 to 1, got {alpha}")
    for name, given in ("bias", bias), ("precision_bias", precision_bias):
        if given not in get_args(Bias):
            known = ", ".join(map(repr, get_args(Bias)))
            raise ValueError(f"{name}: expected one of {known}, got {given!r}")
    if cardinality not in {"one", "reciprocal"} and not callable(cardinality):
        raise ValueError(
            f"cardinality: expected 'one', 'reciprocal' or a function, got {cardinality!r}"
        )
    found = meets(stretches(truth), flagged)
    overlap = _overlap(truth, flagged, bias, cardinality)
    recall = alpha * found + (1.0 - alpha) * overlap
    precision = _overlap(flagged, truth, precision_bias, cardinality)
    return RangeScores(_mean(precision), _mean(recall))


def _overlap(
    flags: NDArray[np.bool_], others: NDArray[np.bool_], bias: Bias, cardinality: Cardinality
) -> FloatArray:
    """Weigh, for each run of the flags, the rows in which the others are true, too."""
    runs = stretches(flags)
    if len(runs) == 0:
        return np.empty(0)
    lengths = runs[:, 1] - runs[:, 0]
    offsets = np.cumsum(lengths) - lengths
    place = np.arange(lengths.sum()) - np.repeat(offsets, lengths) + 1
    weights = _weights(bias, place, np.repeat(lengths, lengths))
    hit = others[flags]
    share = np.add.reduceat(weights * hit, offsets) / np.add.reduceat(weights, offsets)

    begins = hit.copy()  # of runs of the others, as far as they lie in this run
    begins[1:] &= ~hit[:-1] | (place[1:] == 1)
    met = np.add.reduceat(begins.astype(np.int64), offsets)
    if cardinality == "one":
        return share
    if cardinality == "reciprocal":
        return share / np.maximum(met, 1)
    counts, index = np.unique(met, return_inverse=True)
    factors = [cardinality(count) if count > 1 else 1.0 for count in counts.tolist()]
    return share * np.array(factors, np.float64)[index]


def _weights(bias: Bias, place: IntArray, length: IntArray) -> IntArray:
    """Weigh rows by their place in a run, from 1 to its length."""
    if bias == "front":
        return length - place + 1
    if bias == "middle":
        return np.where(place <= length / 2, place, length - place + 1)
    return place if bias == "back" else np.ones_like(place)


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0
