"""A cutoff that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastrcf._forest.checks import real
from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.scores import LARGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["FixedThreshold", "FrozenLearner"]


class FrozenLearner(Learner):
    """A cutoff that no score moves."""

    def __init__(self, cutoff: float) -> None:
        self.cutoff = cutoff

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        """Count."""
        self.n_seen = len(scores)

    def judge(self, scores: FloatArray) -> FloatArray:
        """Count."""
        self.n_seen += len(scores)
        return np.full(len(scores), self.cutoff)


class FixedThreshold(Threshold):
    """A cutoff that is told.

    Parameters
    ----------
    cutoff : float
        Rows that score higher are anomalous.

    Notes
    -----
    Warm-up: none. Drift: the cutoff never moves; `fit` and `update` count the scores and bind the
    threshold to their model, no more.

    Examples
    --------
    >>> from fastrcf.thresholds import FixedThreshold
    >>> FixedThreshold(2.6).predict([1.0, 2.6, 2.7])
    array([0, 0, 1], dtype=int8)
    """

    _type = "fixed"

    def __init__(self, cutoff: float) -> None:
        self.cutoff = cutoff

    def _new_learner(self) -> Learner:
        cutoff = real("cutoff", self.cutoff)
        if abs(cutoff) > LARGEST:
            raise ValueError(f"cutoff: expected a magnitude up to {LARGEST:g}, got {cutoff!r}")
        return FrozenLearner(cutoff)
