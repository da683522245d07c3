"""The best cutoff, by labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastrcf._forest.checks import choice, integer, real
from fastrcf.thresholds.base import Learner, Threshold
from fastrcf.thresholds.fixed import FrozenLearner
from fastrcf.thresholds.options import factor
from fastrcf.thresholds.scores import as_labels, as_scores

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.thresholds.state import Stored

__all__ = ["BestThreshold", "CutoffTable", "cutoff_table"]

_OBJECTIVES = ("f1", "accuracy", "recall_at_precision", "precision_at_recall", "cost")
_MAX_STEPS = 10_000_000


class CutoffTable(NamedTuple):
    """What each cutoff would do; the cutoffs descend, so the alarms grow."""

    cutoff: FloatArray
    """A row is an alarm if its score is strictly greater."""

    tp: IntArray
    """Anomalous rows that are alarms."""

    fp: IntArray
    """Normal rows that are alarms."""

    fn: IntArray
    """Anomalous rows that are not."""

    tn: IntArray
    """Normal rows that are not."""

    @property
    def precision(self) -> FloatArray:
        """``tp / (tp + fp)``, 0.0 without alarms."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> FloatArray:
        """``tp / (tp + fn)``, 0.0 without anomalous rows."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> FloatArray:
        """``2 tp / (2 tp + fp + fn)``, 0.0 without alarms and anomalous rows."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> FloatArray:
        """``(tp + tn) / n``."""
        return _ratio((self.tp + self.tn), self.tp + self.fp + self.fn + self.tn)


def _ratio(part: IntArray, whole: IntArray) -> FloatArray:
    return np.asarray(part / np.maximum(whole, 1), dtype=np.float64)


def cutoff_table(scores: ArrayLike, labels: ArrayLike, *, steps: int | None = None) -> CutoffTable:
    """Count alarms, right and wrong, for many cutoffs at once.

    Parameters
    ----------
    scores : array_like of shape (n,)
        At least one. Scores of 0.0 take part like any other.
    labels : array_like of shape (n,)
        1 for anomalous rows, else 0.
    steps : int, optional
        That many cutoffs at equal distances from the highest to the lowest score, at least 2. None:
        all that make a difference, from no alarm at all to nothing but alarms: halfway between two
        neighbouring scores each.

    Returns
    -------
    CutoffTable
        One entry for each cutoff, from the highest to the lowest. In O(n log n).

    Raises
    ------
    TypeError, ValueError
        Scores or labels are not as described.

    Examples
    --------
    >>> from fastrcf.thresholds import cutoff_table
    >>> table = cutoff_table([1.0, 4.0, 2.0, 3.0], [0, 1, 0, 1])
    >>> table.cutoff[table.f1.argmax()]
    np.float64(2.5)
    """
    values = as_scores(scores)
    known = as_labels(labels, len(values))
    if not len(values):
        raise ValueError("scores: expected at least one, got none")
    return _table(values, known, _steps(steps))


def _table(scores: FloatArray, labels: NDArray[np.bool_], steps: int | None) -> CutoffTable:
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], np.concatenate([[0], np.cumsum(labels[order])])
    if steps is None:
        starts = np.concatenate([[0], np.nonzero(np.diff(ranked))[0] + 1])  # of equal scores
        cutoffs, kept = _between(ranked[starts]), np.append(starts, len(ranked))
    else:
        cutoffs = np.linspace(ranked[0], ranked[-1], steps)
        kept = np.searchsorted(ranked, cutoffs, side="right")
    kept = kept[::-1].astype(np.int64)  # rows that are no alarm
    fn = hits[kept].astype(np.int64)
    tp = hits[-1] - fn
    tn = kept - fn
    return CutoffTable(cutoffs[::-1], tp, len(scores) - kept - tp, fn, tn)


def _between(distinct: FloatArray) -> FloatArray:
    """Cutoffs below, halfway between, and at the highest of ascending distinct scores."""
    low, high = distinct[:-1], distinct[1:]
    middle = low + (high - low) / 2
    middle = np.where(middle < high, middle, low)  # of two neighbouring floats
    return np.concatenate([[np.nextafter(distinct[0], -np.inf)], middle, distinct[-1:]])


def _steps(value: object) -> int | None:
    return None if value is None else integer("steps", value, 2, _MAX_STEPS)


class BestThreshold(Threshold):
    """The cutoff that labels say is best.

    Parameters
    ----------
    objective : str, default "f1"
        What is to be best: ``"f1"``; ``"accuracy"``; ``"recall_at_precision"``, the recall among
        cutoffs with a precision of at least `at`; ``"precision_at_recall"``, the other way round;
        ``"cost"``, the least ``cost_fp * fp + cost_fn * fn``.
    at : float, default 0.9
        The precision or recall to be kept, in (0, 1].
    cost_fp, cost_fn : float, default 1.0
        Cost of a false alarm, and of an anomalous row without one.
    steps : int, optional
        Look at that many cutoffs at equal distances from the lowest to the highest score; published
        systems take 1000. None: the best of all, exactly, halfway between two scores.

    Attributes
    ----------
    value_ : float
        What was reached: F1, accuracy, recall, precision or cost.
    precision_, recall_ : float
        Precision and recall of the cutoff on the scores of `fit`.

    Notes
    -----
    Among equally good cutoffs the highest is taken: the fewest alarms. Scores of 0.0 count, with
    their labels. It takes O(n log n).

    Warm-up: `fit` with labels must come first; then there is a cutoff. Drift: the cutoff stays as
    labels placed it; `update` counts the scores, no more, as nobody says which of them are right.

    `fit` needs labels; without an anomalous row only ``"accuracy"`` and ``"cost"`` have a best
    cutoff: the highest score. With anomalous rows only, all rows are alarms.

    Examples
    --------
    >>> from fastrcf.thresholds import BestThreshold
    >>> threshold = BestThreshold().fit([1.0, 4.0, 2.0, 3.0], [0, 1, 0, 1])
    >>> threshold.cutoff_, threshold.value_
    (2.5, 1.0)
    """

    _type = "best"
    _needs_labels = True

    def __init__(
        self,
        objective: Literal[
            "f1", "accuracy", "recall_at_precision", "precision_at_recall", "cost"
        ] = "f1",
        *,
        at: float = 0.9,
        cost_fp: float = 1.0,
        cost_fn: float = 1.0,
        steps: int | None = None,
    ) -> None:
        self.objective = objective
        self.at = at
        self.cost_fp = cost_fp
        self.cost_fn = cost_fn
        self.steps = steps

    @property
    def value_(self) -> float:
        """What was reached on the scores of `fit`."""
        return self._best().value

    @property
    def precision_(self) -> float:
        """Precision on the scores of `fit`, 0.0 without alarms."""
        return self._best().precision

    @property
    def recall_(self) -> float:
        """Recall on the scores of `fit`, 0.0 without anomalous rows."""
        return self._best().recall

    def _best(self) -> _Best:
        learner = self._current()
        assert isinstance(learner, _Best)
        return learner

    def _new_learner(self) -> Learner:
        at = real("at", self.at, expected="a number in (0, 1]")
        if not 0.0 < at <= 1.0:
            raise ValueError(f"at: expected a number in (0, 1], got {self.at!r}")
        costs = factor("cost_fp", self.cost_fp), factor("cost_fn", self.cost_fn)
        objective = choice("objective", self.objective, _OBJECTIVES)
        return _Best(objective, at, costs, _steps(self.steps))


class _Best(FrozenLearner):
    value = math.nan
    precision = math.nan
    recall = math.nan

    def __init__(
        self, objective: str, at: float, costs: tuple[float, float], steps: int | None
    ) -> None:
        super().__init__(math.nan)
        self._objective = objective
        self._at = at
        self._costs = costs
        self._steps = steps

    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:
        if labels is None:
            raise ValueError("labels: expected 0 or 1 for each score, got None")
        if not labels.any() and self._objective not in {"accuracy", "cost"}:
            raise ValueError(
                f"labels: expected at least one anomalous row, got none: {self._objective} has no "
                "best cutoff then; take QuantileThreshold or PotThreshold, which need no labels"
            )
        table = _table(scores, labels, self._steps)
        merit = self._merit(table)
        best = int(np.argmax(merit))  # the first, which has the fewest alarms
        self.value = float(abs(merit[best]))
        self.precision = float(table.precision[best])
        self.recall = float(table.recall[best])
        self.cutoff = float(table.cutoff[best])
        self.n_seen = len(scores)

    def _merit(self, table: CutoffTable) -> FloatArray:
        """Rate each cutoff: the higher the better."""
        if self._objective == "f1":
            return table.f1
        if self._objective == "accuracy":
            return table.accuracy
        if self._objective == "cost":
            cost_fp, cost_fn = self._costs
            return -(cost_fp * table.fp + cost_fn * table.fn)
        merit, bound, name = table.recall, table.precision, "precision"
        if self._objective == "precision_at_recall":
            merit, bound, name = bound, merit, "recall"
        if bound.max() < self._at:
            raise ValueError(
                f"at: no cutoff has a {name} of {self._at!r}; the highest is {bound.max():.6g}"
            )
        return np.where(bound >= self._at, merit, -1.0)

    def state(self) -> dict[str, Any]:
        found = {"value": self.value, "precision": self.precision, "recall": self.recall}
        return {**super().state(), **found}

    def restore(self, stored: Stored) -> None:
        super().restore(stored)
        self.cutoff = stored.number("cutoff")
        self.value = stored.number("value")
        self.precision = stored.number("precision")
        self.recall = stored.number("recall")
