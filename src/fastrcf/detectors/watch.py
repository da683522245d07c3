"""One view of a series, the forest that is shown it, and the law of that forest's scores."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from fastrcf.detectors.law import ScoreLaw
from fastrcf.detectors.views import LARGEST, ColumnsView, Points, View
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["Answer", "Watch"]


class Answer(NamedTuple):
    """What a watch says of rows."""

    levels: FloatArray
    """Shape (n,): ``-log10`` of the tail probability, 0 where there is none."""

    shares: FloatArray | None
    """Shape (n, d): what each column adds to the score, upward positive and downward negative; None
    from views that cannot tell."""


class Watch:
    """A view with its forest and law.

    Parameters
    ----------
    view : View
    forest : RandomCutForest
        With a shingle of one row: the view makes the points.
    """

    def __init__(self, view: View, forest: RandomCutForest) -> None:
        self.view, self.forest = view, forest
        self.law = ScoreLaw(view.short)
        self._held = 0.0

    def renew_law(self, clip: float) -> None:
        """Begin a new law."""
        self.law = ScoreLaw(self.view.short, clip=clip)

    def ahead(self) -> Self:
        """Give a frozen watch that goes on from here, and leaves this one where it is."""
        twin = copy.copy(self)
        twin.law = self.law.ahead()
        return twin

    @property
    def explains(self) -> bool:
        """Whether points are rows, so that attributions are those of columns."""
        view = self.view
        return isinstance(view, ColumnsView) and view.shingle == 1 and view.basis is None

    def answer(
        self, rows: FloatArray, first: int, start: int, *, learn: bool, explain: bool = False
    ) -> Answer:
        """Judge the rows from `start` on, and learn them if asked to.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            Rows, those before `start` included as far back as the view looks.
        first, start : int
            Numbers of the first row given and of the first row judged.
        learn : bool
            Whether forest and law learn. Where the law is frozen, both only go on behind the rows.
        explain : bool, default False
            Whether shares are wanted of what is learned; they take about as long as the scores.
        """
        ends, points = self._points(rows, first, start)
        n = first + len(rows) - start
        if not len(ends):
            return Answer(np.full(n, self._held), None)
        shares = None
        learns = learn and not self.law.is_frozen
        if learns and explain and self.explains:
            scores, parts = self.forest.score_update(points, attribution=True)
            shares = np.zeros((n, rows.shape[1]))
            shares[ends - start] = _signed(parts.high, parts.low)
        elif learns:
            scores = self.forest.score_update(points)
        else:
            scores = self.forest.score(points)
        levels = self.law.levels(scores, learn=learn)
        return Answer(self._hold(levels, ends - start, n, learn=learn), shares)

    def _points(self, rows: FloatArray, first: int, start: int) -> Points:
        ends, values = self.view.points(rows, first, start)
        return Points(ends, np.clip(values, -LARGEST, LARGEST))

    def _hold(self, levels: FloatArray, rows: Any, n: int, *, learn: bool) -> FloatArray:
        """Spread levels over the rows up to the next point."""
        held = np.empty(n)
        held[: rows[0]] = self._held
        held[rows[0] :] = np.repeat(levels, np.diff(np.append(rows, n)))
        if learn:
            self._held = float(levels[-1])
        return held

    def explain(self, rows: FloatArray) -> FloatArray:
        """Tell what each column adds to the scores of rows, without learning; see `Answer`."""
        parts = self.forest.attribution(self._points(rows, 0, 0).values)
        return _signed(parts.high, parts.low)

    # ---- state ----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Give all but the forest as plain values."""
        return {"view": self.view.to_dict(), "law": self.law.to_dict(), "held": self._held}

    def restore(self, law: ScoreLaw, held: float) -> None:
        """Take back what `to_dict` gave, but for the view."""
        self.law, self._held = law, held


def _signed(high: FloatArray, low: FloatArray) -> FloatArray:
    """Size of both parts, with the sign of the greater one."""
    result: FloatArray = np.where(high >= low, 1.0, -1.0) * (high + low)
    return result
