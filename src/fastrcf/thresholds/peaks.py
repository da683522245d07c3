"""A level, the latest excesses over it, and the cutoff that their law gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError
from fastrcf.thresholds.scores import LARGEST
from fastrcf.thresholds.sketch import quantile
from fastrcf.thresholds.tail import MIN_PEAKS, Tail, fit_tail

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.thresholds.state import Stored

__all__ = ["Peaks"]

_MAX_PEAKS = 1000
_REFITS = 50
"""The law is fitted anew when this part of the excesses is new."""

_FAR = 10.0
"""An alarm so many times rarer than the cutoff is not learned as it is."""

_PATIENCE = 3
"""Of such alarms, so many are learned, and so many times those to be expected."""

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Peaks:
    """Excesses over a level, in bounded memory: at most 1,000 of them, the latest.

    Parameters
    ----------
    rate : float
        The share of scores to lie above the cutoff.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.level = math.nan
        self.cutoff = math.nan
        self._n = 0
        self._n_peaks = 0
        self._n_alarms = 0
        self._n_new = 0
        self._law: Tail | None = None
        self._excesses: list[float] = []

    def begin(self, scores: FloatArray, level: float) -> None:
        """Place level and cutoff by the first scores.

        Parameters
        ----------
        scores : ndarray of float64, shape (n,)
            At least one.
        level : float
            The share of scores below the level.
        """
        self.level = quantile(scores, None, level)
        excesses = scores[scores > self.level] - self.level
        self._n = len(scores)
        self._n_peaks = len(excesses)
        self._law = fit_tail(excesses) if len(excesses) else None
        self._excesses = excesses[-_MAX_PEAKS:].tolist()
        self.cutoff = self._place()

    def _place(self) -> float:
        """Place the cutoff; without any excess it is the level."""
        if self._law is None:
            return self.level
        return min(self.level + self._law.quantile(self._chance()), LARGEST)

    def _chance(self) -> float:
        """Chance that an excess is beyond the cutoff."""
        return min(1.0, self._rate * self._n / self._n_peaks)

    @property
    def is_few(self) -> bool:
        """Whether there are too few excesses to tell an outlier from the tail."""
        return self._n_peaks < MIN_PEAKS

    def add_ordinary(self, count: int) -> None:
        """Count scores up to the level."""
        self._n += count

    def add_peak(self, score: float) -> None:
        """Learn a score above the level; the cutoff moves."""
        self._learn(score - self.level)

    def add_alarm(self, score: float) -> None:
        """Learn a score above the cutoff; if it is far above, that it was, but not by how much.

        In its place comes an excess that the law would put there, one after the other in the order
        of multiples of the golden ratio, which fill its range evenly. When far more such alarms
        have come than belong to the rate, they are anomalies, and not learned.
        """
        assert self._law is not None
        chance = self._chance() / _FAR
        excess = score - self.level
        if excess > self._law.quantile(chance):
            if self._n_alarms >= _PATIENCE * (1.0 + self._rate / _FAR * self._n):
                return
            self._n_alarms += 1
            part = 1.0 - self._n_alarms * _GOLDEN % 1.0
            excess = min(self._law.quantile(chance * part), LARGEST)
        self._learn(excess)

    def _learn(self, excess: float) -> None:
        self._n += 1
        self._n_peaks += 1
        self._n_new += 1
        self._excesses.append(excess)
        del self._excesses[:-_MAX_PEAKS]
        if self._n_new >= max(1, len(self._excesses) // _REFITS):
            self._law = fit_tail(np.array(self._excesses))
            self._n_new = 0
        self.cutoff = self._place()

    def state(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {
            "level": self.level,
            "cutoff": self.cutoff,
            "n": self._n,
            "n_peaks": self._n_peaks,
            "n_alarms": self._n_alarms,
            "n_new": self._n_new,
            "law": None if self._law is None else list(self._law),
            "excesses": list(self._excesses),
        }

    def restore(self, stored: Stored) -> None:
        """Take what `state` gave."""
        self.level, self.cutoff = stored.number("level"), stored.number("cutoff")
        self._n, self._n_peaks = stored.count("n"), stored.count("n_peaks")
        self._n_alarms, self._n_new = stored.count("n_alarms"), stored.count("n_new")
        excesses = stored.numbers("excesses", high=_MAX_PEAKS)
        self._excesses = excesses.tolist()
        has_law = stored.raw("law") is not None
        law = stored.numbers("law", high=2) if has_law else np.empty(0)
        is_sound = (
            len(excesses) == min(self._n_peaks, _MAX_PEAKS)
            and bool((excesses > 0.0).all())
            and self._n_peaks <= self._n
            and has_law == bool(self._n_peaks)
            and (not has_law or (len(law) == 2 and abs(law[0]) < 1e6 and law[1] > 0.0))
        )
        if not is_sound:
            raise ModelFormatError("threshold.state: the excesses do not belong together")
        self._law = Tail(*law.tolist()) if has_law else None
