"""Mean plus some standard deviations of the latest scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.options import factor, warm_up, window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.thresholds.state import Stored

__all__ = ["RollingThreshold"]

_CELLS = 1 << 18
"""Scores of windows that are laid side by side at a time."""


class RollingThreshold(Threshold):
    """The cutoff is the mean of the latest scores plus `z` standard deviations.

    Parameters
    ----------
    window : int, default 1000
        How many of the latest scores count, at most 1,000,000.
    z : float, default 3.0
        Standard deviations (of the population, ``ddof=0``) above the mean.
    warm_up : int, default 100
        Scores before the first cutoff of a stream, where the window is longer.

    Notes
    -----
    Warm-up: no cutoff before ``min(warm_up, window)`` scores in a stream; until the window is full
    it holds what there is. `fit` keeps the last `window` scores and gives a cutoff at once.

    Drift: a change of level is forgotten after `window` scores, and an anomaly that lasts becomes
    the rule as soon. Choose the window several times longer than events.

    Mean and deviation are computed anew for every score, in time proportional to `window`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.thresholds import RollingThreshold
    >>> rng = np.random.default_rng(0)
    >>> scores = np.concatenate([rng.normal(1, 0.1, 500), rng.normal(3, 0.1, 500)])
    >>> labels = RollingThreshold(window=200).predict_update(scores)
    >>> bool(labels[500]), bool(labels[700:].any())
    (True, False)
    """

    _type = "rolling"

    def __init__(self, window: int = 1000, z: float = 3.0, *, warm_up: int = 100) -> None:
        self.window = window
        self.z = z
        self.warm_up = warm_up

    def _new_learner(self) -> Learner:
        size = window("window", self.window)
        return _Window(size, factor("z", self.z), min(warm_up(self.warm_up), size))


class _Window(Learner):
    def __init__(self, size: int, z: float, first: int) -> None:
        self._size = size
        self._z = z
        self._first = first
        self._latest = np.empty(0)

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        self._first = 1
        self._latest = scores[-self._size :].copy()
        self.n_seen = len(scores)
        self.cutoff = float(self._cutoffs(self._latest[np.newaxis])[0])

    def judge(self, scores: FloatArray) -> FloatArray:
        line = np.concatenate([self._latest, scores])
        ends = len(self._latest) + np.arange(1, len(scores) + 1)  # one window after each score
        after = np.empty(len(scores))
        n_growing = int(np.searchsorted(ends, self._size))
        for i in range(n_growing):
            is_early = ends[i] < self._first
            after[i] = np.nan if is_early else self._cutoffs(line[np.newaxis, : ends[i]])[0]
        if n_growing < len(scores):
            views = np.lib.stride_tricks.sliding_window_view(line, self._size)
            views = views[ends[n_growing] - self._size :]
            step = max(1, _CELLS // self._size)
            for i in range(0, len(views), step):
                after[n_growing + i : n_growing + i + step] = self._cutoffs(views[i : i + step])
        before = np.concatenate([[self.cutoff], after])
        self._latest = line[-self._size :].copy()
        self.n_seen += len(scores)
        self.cutoff = float(before[-1])
        return before[:-1]

    def _cutoffs(self, windows: FloatArray) -> FloatArray:
        """One cutoff a window; laid out so that each is summed in the same order, however many."""
        rows = np.ascontiguousarray(windows)
        mean: FloatArray = rows.mean(axis=1)
        distance = rows - mean[:, np.newaxis]
        deviation: FloatArray = np.sqrt(np.mean(distance * distance, axis=1))
        return mean + self._z * deviation

    def state(self) -> dict[str, Any]:
        return {**super().state(), "latest": self._latest.tolist(), "first": self._first}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._latest = stored.numbers("latest", high=self._size)
        self._first = stored.count("first")
