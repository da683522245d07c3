"""Row by row: how many labels were predicted right, and the rates that follow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastrcf.metrics._inputs import label_pair

__all__ = ["Confusion", "confusion"]


class Confusion(NamedTuple):
    """How many rows of each kind there are, and their rates.

    A rate of nothing is 0.0: precision where nothing is flagged, recall and FAR where nothing is
    anomalous, FRR where nothing is normal, and F1 where there is neither.
    """

    tp: int
    """Anomalous rows that were flagged."""

    fp: int
    """Normal rows that were flagged."""

    tn: int
    """Normal rows that were not flagged."""

    fn: int
    """Anomalous rows that were not flagged."""

    @property
    def precision(self) -> float:
        """Share of the flagged rows that are anomalous, ``tp / (tp + fp)``."""
        return rate(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the anomalous rows that were flagged, ``tp / (tp + fn)``."""
        return rate(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, ``2 tp / (2 tp + fp + fn)``."""
        return rate(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of the rows that were labelled right, ``(tp + tn) / n``."""
        return rate(self.tp + self.tn, sum(self))

    @property
    def frr(self) -> float:
        """False rejection rate: share of the normal rows that were flagged, ``fp / (fp + tn)``."""
        return rate(self.fp, self.fp + self.tn)

    @property
    def far(self) -> float:
        """False acceptance rate: share of the anomalous rows missed, ``fn / (fn + tp)``."""
        return rate(self.fn, self.fn + self.tp)


def rate(part: float, whole: float) -> float:
    """Divide, where a rate of nothing is 0.0.

    Parameters
    ----------
    part : float
        How many count.
    whole : float
        How many there are.

    Returns
    -------
    float
        Their ratio.
    """
    return part / whole if whole else 0.0


def harmonic_mean(first: float, second: float) -> float:
    """Put precision and recall into one number.

    Parameters
    ----------
    first, second : float
        From 0 to 1.

    Returns
    -------
    float
        Their harmonic mean; 0.0 when both are 0.
    """
    return rate(2.0 * first * second, first + second)


def confusion(labels: ArrayLike, predictions: ArrayLike) -> Confusion:
    """Count how predictions meet labels.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.
    predictions : array-like of shape (n,)
        0 or 1 for each row: ``scores > cutoff``, or what a threshold predicts.

    Returns
    -------
    Confusion
        The counts; precision, recall, F1, accuracy, FRR and FAR are its properties.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, or a value is not 0 or 1.

    Examples
    --------
    >>> counts = confusion([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    >>> counts
    Confusion(tp=2, fp=1, tn=2, fn=0)
    >>> round(counts.f1, 3), round(counts.frr, 3), counts.far
    (0.8, 0.333, 0.0)
    """
    truth, flagged = label_pair(labels, predictions)
    tp = int(np.count_nonzero(truth & flagged))
    n_flagged, n_anomalous = int(np.count_nonzero(flagged)), int(np.count_nonzero(truth))
    fp, fn = n_flagged - tp, n_anomalous - tp
    return Confusion(tp, fp, len(truth) - tp - fp - fn, fn)
