"""Peaks over threshold: a cutoff for a given rate of alarms, by the law of the tail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError
from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.options import share, warm_up, window
from fastrcf.thresholds.peaks import Peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.thresholds.state import Stored

__all__ = ["PotThreshold"]


class PotThreshold(Threshold):
    r"""The cutoff that a given share of ordinary scores is expected to pass.

    What lies above a high level follows a generalised Pareto law, whatever the law of the scores
    (Pickands, Balkema, de Haan). Its two parameters are fitted to the excesses; with *n* scores,
    :math:`n_t` of them above the level *t*, shape :math:`\gamma` and scale :math:`\sigma`, the
    share *q* is passed at

    .. math:: t + \frac{\sigma}{\gamma} \left( \left( \frac{q n}{n_t} \right)^{-\gamma} - 1 \right).

    So the cutoff may lie far above everything seen: 1,000 scores are enough for a rate of 1e-4.

    Parameters
    ----------
    alarm_rate : float, default 1e-3
        Share of scores to be above the cutoff while there is no anomaly, less than ``1 - level``.
    level : float, default 0.98
        Share of scores below the level from which on the tail begins. Not to be tuned.
    depth : int, optional
        Drift: scores are taken as their distance from the mean of the last `depth` of them that
        were no alarm (DSPOT). None: as they are (SPOT).
    warm_up : int, default 1000
        Scores that place the level of a stream, at least 2.

    Notes
    -----
    Warm-up: no cutoff before `warm_up` scores in a stream, and `depth` more to begin with; these
    are kept, and taken for ordinary. `fit` gives a cutoff at once. With fewer than 10 scores above
    the level the tail is taken to be exponential, with their mean excess; with none (constant
    scores) the cutoff is the level. While they are so few, alarms are learned like other scores,
    so that the first scores ever to differ do not raise alarms for good.

    Drift: without `depth` the level stays where the warm-up placed it; the share above and the law
    of the tail, from the latest 1,000 excesses, follow the stream slowly. With `depth` the mean
    moves along. An alarm moves no mean, but `depth` alarms in a row are a new level: the mean is
    that of these. Alarms in a row count as one.

    An alarm that is more than ten times rarer than the cutoff does not raise the cutoff for the
    next: that it was above is learned, and the law itself says how far it would have been. When
    more of them come than three times what the rate allows, they are not learned at all. The
    published algorithm leaves all alarms out, which shortens the tail bit by bit: on exponential,
    normal and Pareto scores it then has 3 to 5 times as many alarms as it was told.

    The tail is fitted anew when a 50th of the excesses is new. Memory is constant.

    References
    ----------
    .. [1] A. Siffer, P.-A. Fouque, A. Termier, C. Largouët, "Anomaly Detection in Streams with
       Extreme Value Theory", KDD 2017, pp. 1067-1075.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.thresholds import PotThreshold
    >>> scores = np.random.default_rng(0).exponential(size=20_000)
    >>> threshold = PotThreshold(1e-3).fit(scores)
    >>> bool(6.5 < threshold.cutoff_ < 7.3)  # the law says log(1000) = 6.9
    True
    """

    _type = "pot"

    def __init__(
        self,
        alarm_rate: float = 1e-3,
        *,
        level: float = 0.98,
        depth: int | None = None,
        warm_up: int = 1000,
    ) -> None:
        self.alarm_rate = alarm_rate
        self.level = level
        self.depth = depth
        self.warm_up = warm_up

    def _new_learner(self) -> Learner:
        rate, level = share("alarm_rate", self.alarm_rate), share("level", self.level)
        if rate >= 1.0 - level:
            raise ValueError(
                f"alarm_rate: expected less than 1 - level = {1.0 - level:.6g}, got {rate!r}"
            )
        first = warm_up(self.warm_up)
        if first < 2:
            raise ValueError(f"warm_up: expected an integer of at least 2, got {first}")
        if self.depth is None:
            return _Spot(rate, level, first)
        return _Dspot(rate, level, first, window("depth", self.depth))


class _Spot(Learner):
    """The stream as it is."""

    def __init__(self, rate: float, level: float, first: int) -> None:
        self._rate = rate
        self._level = level
        self._first = first
        self._early: list[float] = []
        self._peaks: Peaks | None = None
        self._in_alarm = False

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        self.n_seen = len(scores)
        self._begin(scores)

    def _begin(self, scores: FloatArray) -> None:
        self._peaks = Peaks(self._rate)
        self._peaks.begin(scores, self._level)
        self._early = []
        self.cutoff = self._peaks.cutoff

    def judge(self, scores: FloatArray) -> FloatArray:
        cutoffs = np.empty(len(scores))
        self.n_seen += len(scores)
        start = self._warm(scores) if self._peaks is None else 0
        cutoffs[:start] = math.nan
        if self._peaks is not None:
            self._scan(self._peaks, scores[start:], cutoffs[start:])
        return cutoffs

    def _warm(self, scores: FloatArray) -> int:
        """Keep the first scores, begin when they are enough; give how many were taken."""
        taken = min(len(scores), self._first - len(self._early))
        self._early.extend(scores[:taken].tolist())
        if len(self._early) == self._first:
            self._begin(np.array(self._early))
        return taken

    def _scan(self, peaks: Peaks, scores: FloatArray, cutoffs: FloatArray) -> None:
        """Go from one score above the level to the next: nothing happens in between."""
        done = 0
        for i in np.nonzero(scores > peaks.level)[0].tolist():
            cutoffs[done : i + 1] = peaks.cutoff
            peaks.add_ordinary(i - done)
            was_alarm = self._in_alarm and i == done
            self._in_alarm = bool(scores[i] > peaks.cutoff)
            _learn(peaks, float(scores[i]), is_alarm=self._in_alarm, was_alarm=was_alarm)
            done = i + 1
        if done < len(scores):
            cutoffs[done:] = peaks.cutoff
            peaks.add_ordinary(len(scores) - done)
            self._in_alarm = False
        self.cutoff = peaks.cutoff

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "early": list(self._early),
            "peaks": None if self._peaks is None else self._peaks.state(),
            "in_alarm": int(self._in_alarm),
        }

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._early = stored.numbers("early", high=self._first - 1).tolist()
        self._in_alarm = stored.count("in_alarm", high=1) == 1
        if stored.raw("peaks") is not None:
            self._peaks = Peaks(self._rate)
            self._peaks.restore(stored.child("peaks"))
        if (self._peaks is None) != math.isnan(self.cutoff):
            raise ModelFormatError("threshold.state: cutoff and peaks do not belong together")


def _learn(peaks: Peaks, score: float, *, is_alarm: bool, was_alarm: bool) -> None:
    """Learn a score above the level; `was_alarm` says whether the score before was an alarm."""
    if peaks.is_few or not is_alarm:
        peaks.add_peak(score)
    elif not was_alarm:
        peaks.add_alarm(score)


class _Dspot(_Spot):
    """The stream as distances from the mean of its latest scores that were no alarm."""

    def __init__(self, rate: float, level: float, first: int, depth: int) -> None:
        super().__init__(rate, level, first)
        self._depth = depth
        self._latest: list[float] = []  # a ring, once it is full
        self._place = 0
        self._origin = 0.0
        self._sum = 0.0  # of the distances from the origin: exact for constant scores
        self._alarms: list[float] = []  # those in a row

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:  # noqa: ARG002
        depth = self._depth
        if len(scores) <= depth:
            raise ValueError(f"scores: expected more than depth={depth}, got {len(scores)}")
        self.n_seen = len(scores)
        distances = scores - scores[0]
        views = np.lib.stride_tricks.sliding_window_view(distances[:-1], depth)
        self._begin(distances[depth:] - views.mean(axis=1))
        for score in scores[-depth:].tolist():
            self._push(score)
        self.cutoff = self._absolute()

    def judge(self, scores: FloatArray) -> FloatArray:
        cutoffs = np.empty(len(scores))
        for i, score in enumerate(scores.tolist()):
            cutoffs[i] = self.cutoff
            self._take(score)
            self.cutoff = self._absolute()
        self.n_seen += len(scores)
        return cutoffs

    def _take(self, score: float) -> None:
        distance = score - self._mean() if len(self._latest) == self._depth else math.nan
        peaks = self._peaks
        if peaks is None:
            if not math.isnan(distance):
                self._warm(np.array([distance]))
            self._push(score)
        elif distance <= peaks.level:
            peaks.add_ordinary(1)
            self._accept(score)
        else:
            is_alarm = score > self.cutoff
            _learn(peaks, distance, is_alarm=is_alarm, was_alarm=bool(self._alarms))
            self._reject(score) if is_alarm else self._accept(score)

    def _accept(self, score: float) -> None:
        self._alarms.clear()
        self._push(score)

    def _reject(self, score: float) -> None:
        """Keep an alarm from the mean, unless alarms have become the rule."""
        self._alarms.append(score)
        if len(self._alarms) == self._depth:
            for each in self._alarms:
                self._push(each)
            self._alarms.clear()

    def _push(self, score: float) -> None:
        if len(self._latest) < self._depth:
            if not self._latest:
                self._origin = score
            self._latest.append(score)
            self._sum += score - self._origin
            return
        self._sum += score - self._latest[self._place]
        self._latest[self._place] = score
        self._place = (self._place + 1) % self._depth
        if self._place == 0:  # so that rounding does not add up
            self._origin = score
            self._sum = math.fsum(each - score for each in self._latest)

    def _mean(self) -> float:
        return self._origin + self._sum / self._depth

    def _absolute(self) -> float:
        return math.nan if self._peaks is None else self._mean() + self._peaks.cutoff

    def state(self) -> dict[str, Any]:
        ring = {"latest": list(self._latest), "place": self._place, "sum": self._sum}
        alarms = {"origin": self._origin, "alarms": list(self._alarms)}
        return {**super().state(), **ring, **alarms}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self._latest = stored.numbers("latest", high=self._depth).tolist()
        self._place = stored.count("place", high=self._depth - 1)
        self._origin, self._sum = stored.number("origin"), stored.number("sum")
        self._alarms = stored.numbers("alarms", high=self._depth - 1).tolist()
        if self._peaks is not None and len(self._latest) < self._depth:
            raise ModelFormatError("threshold.state: the window is not full")
