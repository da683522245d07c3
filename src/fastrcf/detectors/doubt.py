"""How doubtful a row must be to be looked at closely: a quantile that is learned on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.detectors.state import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["Doubt"]

_STEP = 0.05
"""By how much, at most, a level moves the bar."""


class Doubt:
    """Chooses a share of rows, those with the highest levels, each by the rows before it.

    Parameters
    ----------
    budget : float
        The share, in (0, 1].

    Notes
    -----
    The bar is the quantile by stochastic approximation (Robbins & Monro 1951, Ann. Math. Statist.
    22:400): it rises by ``step · (1 - budget)`` after a level above it, and falls by ``step ·
    budget`` after another. So the share chosen keeps to the budget, whatever comes, and a long
    event that the bar has climbed is no longer looked at as a whole.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.bar = 0.0

    def begin(self, levels: FloatArray) -> None:
        """Put the bar at the quantile of the levels of a table; 0 stands for none."""
        known = levels[levels > 0.0]
        self.bar = float(np.quantile(known, 1.0 - self.budget)) if len(known) else 0.0

    def choose(self, levels: FloatArray, *, learn: bool) -> tuple[NDArray[np.bool_], FloatArray]:
        """Tell which rows are doubtful, and the bar that each was held against.

        Rows without a level are never chosen. The bar moves from row to row in any case; if `learn`
        is set, it stays where it comes to.
        """
        bar, up, down = self.bar, _STEP * (1.0 - self.budget), _STEP * self.budget
        chosen, bars = np.zeros(len(levels), np.bool_), np.empty(len(levels))
        for row, level in enumerate(levels.tolist()):
            bars[row] = bar
            if level > bar:
                chosen[row] = True
                bar += up
            elif level:
                bar = max(0.0, bar - down)
        if learn:
            self.bar = bar
        return chosen, bars

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain values."""
        return {"bar": self.bar}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `to_dict` gave; whatever is wrong is an error."""
        self.bar = number("bar", state["bar"])
