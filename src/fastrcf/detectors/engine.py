"""The state of a detector that has seen rows, and how it takes the next ones."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from fastrcf.detectors.alarms import Alarms, Range
from fastrcf.detectors.finder import Finder, Hindsight
from fastrcf.detectors.following import faded, follow
from fastrcf.detectors.plan import HISTORY, VIEWS, Plan, make_plan, same_views
from fastrcf.detectors.settings import AlarmSettings
from fastrcf.detectors.watch import Watch
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.detection import Detection

__all__ = ["Engine", "Settings", "forest_engine"]

_FIRST_PLAN = 256
"""Rows after which the first plan is made; further ones follow whenever their number doubles."""

_BLOCK = 8192
"""Rows that are taken together, to bound memory."""

_USUAL_SAMPLE = (256, 1024)
"""Points that a tree keeps of one column and of several, whose space is wider."""

_CLIP, _CLIP_OF_FIT = 5.0, 1e9
"""Laws clip what comes in a stream; a table for `fit` is what is normal, all of it."""


class Settings(NamedTuple):
    """Checked options."""

    views: tuple[str, ...]
    period: int | None
    n_trees: int
    sample_size: int | None
    alarm_rate: float
    rest: int
    ignore_amount: FloatArray | None
    ignore_ratio: FloatArray | None
    random_state: int
    n_jobs: int


class Engine:
    """Views, forests, laws and alarms of one series.

    Parameters
    ----------
    settings : Settings
    names : tuple
        What the columns are called: text, or their numbers.
    """

    def __init__(self, settings: Settings, names: tuple[str | int, ...]) -> None:
        self.settings, self.names, self.width = settings, names, len(names)
        width = self.width
        self.n_seen = 0
        self.fitted = False
        self.history = np.empty((0, width))
        self.plan: Plan | None = None
        self.watches: list[Watch] = []
        self.range = Range(width)
        self.alarms = Alarms(settings.rest)
        self.faded = 0.0
        self.detections: list[Detection] = []

    # ---- rows -----------------------------------------------------------------------------------

    def fit(self, rows: FloatArray) -> None:
        """Learn a whole table; nothing must have been learned before. The plan is final then."""
        self._adopt(make_plan(rows, self.settings.views, self.settings.period), time_decay=0.0)
        self.fitted = True
        self._rehearse(self.watches, rows, 0, _CLIP_OF_FIT)
        self.range.excess(rows, learn=True)
        self._remember(rows)

    def score(self, rows: FloatArray) -> FloatArray:
        """Score rows that would come next, learning nothing."""
        return faded(self._levels(rows)[0], self.faded)[0]

    def take(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        """Score rows, raise alarms, and learn each row after it was judged."""
        scores = np.empty(len(rows))
        start = 0
        while start < len(rows):
            stop = min(len(rows), start + self._until_plan())
            part = None if times is None else times[start:stop]
            scores[start:stop] = self._take_block(rows[start:stop], part)
            self._revise()
            start = stop
        return scores

    def ahead(self) -> Self:
        """Give a frozen engine whose `levels` go on from here; this one stays where it is."""
        twin = copy.copy(self)
        twin.watches = [watch.ahead() for watch in self.watches]
        return twin

    def levels(self, rows: FloatArray, *, learn: bool) -> FloatArray:
        """Judge rows that come next, of an engine that was fitted, and raise no alarms.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
        learn : bool
            Whether they are learned. An engine that is frozen only goes on behind them.

        Returns
        -------
        ndarray of shape (n,)
            Levels, which do not fade.
        """
        levels, _ = self._levels(rows, learn=learn)
        if learn:
            self._remember(rows)
        return levels

    def would_find(self, rows: FloatArray, times: Sequence[Any] | None) -> list[Detection]:
        """Find events in rows that would come next, learning nothing."""
        levels, _ = self._levels(rows)
        excess = self.range.excess(rows, learn=False)
        finder = Finder(self, rows, levels, excess, Hindsight(self, rows, None), times=times)
        detections: list[Detection] = []
        follow(finder, Alarms(self.settings.rest), detections, self.n_seen + len(rows))
        return detections

    def _until_plan(self) -> int:
        if self.fitted:
            return _BLOCK
        due = _FIRST_PLAN
        while due <= self.n_seen:
            due *= 2
        return min(_BLOCK, due - self.n_seen)

    def _take_block(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        if self.plan is None and self.width == 1:
            self._adopt(make_plan(rows[:1], ("values",), 0))
        levels, shares = self._levels(rows, learn=True, explain=True)
        excess = self.range.excess(rows, learn=True)
        finder = Finder(self, rows, levels, excess, Hindsight(self, rows, shares), times=times)
        follow(finder, self.alarms, self.detections, self.n_seen + len(rows))
        self._remember(rows)
        scores, self.faded = faded(levels, self.faded)
        return scores

    def _levels(
        self, rows: FloatArray, *, learn: bool = False, explain: bool = False
    ) -> tuple[FloatArray, FloatArray | None]:
        """Judge rows by all watches; see `ForestDetector` for how these are put together."""
        known = np.concatenate([self.history[-self._lookback() :], rows])
        first = self.n_seen - (len(known) - len(rows))
        answers = [
            watch.answer(known, first, self.n_seen, learn=learn, explain=explain)
            for watch in self.watches
        ]
        if not answers:
            return np.zeros(len(rows)), None
        every = np.stack([answer.levels for answer in answers])
        levels = every.mean(axis=0)
        if self.width == 1:
            levels = 0.5 * (levels + every.max(axis=0))
        levels[np.isnan(rows).any(axis=1)] = 0.0
        shares = next((each.shares for each in answers if each.shares is not None), None)
        return levels, shares

    def _lookback(self) -> int:
        return max([watch.view.lookback for watch in self.watches] or [1])

    def _remember(self, rows: FloatArray) -> None:
        self.history = np.concatenate([self.history, rows])[-HISTORY:]
        self.n_seen += len(rows)

    # ---- plans ----------------------------------------------------------------------------------

    def _revise(self) -> None:
        """Make a new plan when one is due, and let its forests see the latest rows."""
        if self.fitted or self.n_seen < _FIRST_PLAN or self.n_seen & (self.n_seen - 1):
            return
        plan = make_plan(self.history, self.settings.views, self.settings.period)
        if self.width == 1 and self.plan is not None and same_views(self.plan, plan):
            return
        old = self.watches
        self._adopt(plan)
        new = self.watches
        if self.width == 1 and old and old[0].explains and new[0].explains:
            self.watches = [old[0], *new[1:]]  # its view is the same, and it has seen more
            new = new[1:]
        self._rehearse(new, self.history, self.n_seen - len(self.history), _CLIP)

    def _adopt(self, plan: Plan, time_decay: float | None = None) -> None:
        settings = self.settings
        self.plan = plan
        self.watches = [
            Watch(
                view,
                RandomCutForest(
                    n_trees=settings.n_trees,
                    sample_size=settings.sample_size or _USUAL_SAMPLE[self.width > 1],
                    time_decay=time_decay,
                    random_state=settings.random_state,
                    n_jobs=settings.n_jobs,
                ),
            )
            for view in plan.views
        ]

    @staticmethod
    def _rehearse(watches: list[Watch], rows: FloatArray, first: int, clip: float) -> None:
        """Show rows to new watches; their laws begin with the second quarter, the forests grown."""
        grown = len(rows) // 4
        bounds = [0, *range(grown, len(rows), _BLOCK), len(rows)]
        for watch in watches:
            for start, stop in pairwise(bounds):
                if stop > start:
                    behind = max(0, start - watch.view.lookback)
                    watch.answer(rows[behind:stop], first + behind, first + start, learn=True)
                if start == 0:
                    watch.renew_law(clip)


def forest_engine(names: tuple[str | int, ...], **options: Any) -> Engine:
    """Make the engine of a `ForestDetector` that only judges.

    Parameters
    ----------
    names : tuple
        Of the columns.
    **options
        ``random_state``, ``n_jobs``, ``n_trees``.

    Returns
    -------
    Engine
        It has learned nothing.
    """
    usual = Settings(
        views=VIEWS,
        period=None,
        n_trees=50,
        sample_size=None,
        **AlarmSettings(0.001, 50, None, None)._asdict(),
        random_state=0,
        n_jobs=1,
    )
    return Engine(usual._replace(**options), names)
