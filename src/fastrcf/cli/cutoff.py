"""The threshold mean + sigma * deviation of the scores, while they come in and over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["SETTLE_SCORES", "RunningCutoff", "table_cutoff"]

SETTLE_SCORES = 100
"""Scores to be seen before there is a threshold."""


class RunningCutoff:
    """A threshold for each row from the scores before it, in constant memory.

    The threshold of a row is mean + sigma * deviation of all scores above 0 that came before, so
    it never knows the future, and the score of a row does not raise its own threshold. Rows that
    could not be scored (0.0) count for nothing. The first `SETTLE_SCORES` scores have no threshold
    yet: NaN.

    What Welford's recurrence computes, in a form that NumPy runs over whole chunks: running sums
    of the distances from the first score, and of their squares. Scores lie within a small range,
    so nothing is lost by cancellation, and the sums do not depend on the chunks.

    Parameters
    ----------
    sigma : float
        Deviations above the mean.
    """

    def __init__(self, sigma: float) -> None:
        self._sigma = sigma
        self._origin = np.nan
        self._count = 0
        self._sum = 0.0
        self._sum_of_squares = 0.0

    def thresholds(self, scores: FloatArray) -> FloatArray:
        """Take the next scores in.

        Parameters
        ----------
        scores : ndarray of float64, shape (n,)
            In the order of the rows.

        Returns
        -------
        ndarray of float64, shape (n,)
            What each score is to be compared with, NaN where it is too early to say.
        """
        is_scored = scores > 0
        if np.isnan(self._origin) and is_scored.any():
            self._origin = float(scores[np.argmax(is_scored)])
        distance = np.where(is_scored, scores - self._origin, 0.0)
        sums = np.cumsum(np.concatenate([[self._sum], distance]))
        squares = np.cumsum(np.concatenate([[self._sum_of_squares], distance * distance]))
        counts = self._count + np.concatenate([[0], np.cumsum(is_scored)])
        self._sum, self._sum_of_squares = float(sums[-1]), float(squares[-1])
        self._count = int(counts[-1])

        before = counts[:-1]
        is_settled = before >= SETTLE_SCORES
        divisor = np.maximum(before, 1)
        mean = sums[:-1] / divisor
        variance = np.maximum(squares[:-1] / divisor - mean * mean, 0.0)
        return np.where(is_settled, self._origin + mean + self._sigma * np.sqrt(variance), np.nan)


def table_cutoff(scores: FloatArray, sigma: float) -> float:
    """Return mean + sigma * deviation of the scores above 0, NaN when there are none."""
    scored = scores[scores > 0]
    return float(scored.mean() + sigma * scored.std()) if len(scored) else np.nan
