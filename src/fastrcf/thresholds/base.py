"""What all thresholds have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fastrcf._forest.checks import show
from fastrcf._forest.container import plain
from fastrcf._forest.estimator import Estimator
from fastrcf.errors import ModelFormatError, not_fitted
from fastrcf.thresholds.scores import as_labels, as_scores
from fastrcf.thresholds.state import Stored

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray

__all__ = ["Learner", "Threshold"]

_FORMAT = 1


class Learner(ABC):
    """What one threshold has learned, and how it goes on; its options do not change."""

    cutoff: float = math.nan
    """NaN while warming up."""

    n_seen: int = 0

    @abstractmethod
    def learn_all(self, scores: FloatArray, labels: NDArray[np.bool_] | None) -> None:
        """Learn all there is, at once; this learner has seen nothing yet."""

    @abstractmethod
    def judge(self, scores: FloatArray) -> FloatArray:
        """Give the cutoff before each score, and learn the scores in their order."""

    def state(self) -> dict[str, Any]:
        """Give everything learned as plain values."""
        cutoff = None if math.isnan(self.cutoff) else self.cutoff
        return {"cutoff": cutoff, "n_seen": self.n_seen}

    def restore(self, stored: Stored) -> None:
        """Take what `state` gave."""
        self.cutoff = stored.optional("cutoff")
        self.n_seen = stored.count("n_seen")


class Threshold(Estimator, ABC):
    """A cutoff for scores, and how it is learned: the base of all thresholds.

    A row is anomalous if its score is strictly greater than `cutoff_`. A score of exactly 0.0 says
    that the row has none (the forest was not ready, or a value was missing): it is never learned,
    but for `BestThreshold`, whose labels cover all rows.

    The constructor takes options only. They are checked when they are first used; a change by
    `set_params` takes effect at the next `fit`.

    Attributes
    ----------
    cutoff_ : float
        The cutoff, NaN while warming up.
    n_seen_ : int
        Scores learned or judged since the last `fit`, those of `fit` included, those of 0.0 not.
    ready : bool
        Whether there is a cutoff. Until then no row is anomalous.
    fingerprint : str or None
        The model whose scores these are; scores of another are refused. None is not bound.
    """

    _type: ClassVar[str]
    _needs_labels: ClassVar[bool] = False
    _types: ClassVar[dict[str, type[Threshold]]] = {}

    _learned: Learner | None = None
    _fingerprint: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_type" in vars(cls):
            Threshold._types[cls._type] = cls

    @abstractmethod
    def _new_learner(self) -> Learner:
        """Check the options and begin."""

    # ---- verbs ----------------------------------------------------------------------------------

    def fit(
        self,
        scores: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        fingerprint: str | None = None,
    ) -> Self:
        """Learn from all scores at once, forgetting what was learned before.

        Parameters
        ----------
        scores : array_like of shape (n,)
            In the order of time.
        labels : array_like of shape (n,), optional
            1 for anomalous rows, else 0. Only `BestThreshold` looks at them.
        fingerprint : str, optional
            The model whose scores these are.

        Returns
        -------
        self
            The threshold itself. It has a cutoff now, and may go on with `update`.

        Raises
        ------
        TypeError, ValueError
            An option is wrong; or scores or labels are not as described (NaN and infinity
            included), differ in number, or there is no score. The threshold stays as it was.
        """
        values = as_scores(scores)
        known = None if labels is None else as_labels(labels, len(values))
        bound = _checked(fingerprint)
        learner = self._new_learner()
        if not self._needs_labels:
            values, known = values[values != 0.0], None
        if not len(values):
            raise ValueError(
                "scores: expected at least one, got none (a score of 0.0 says that a row has none)"
            )
        learner.learn_all(values, known)
        self._learned, self._fingerprint = learner, bound
        return self

    def predict(self, scores: ArrayLike, *, fingerprint: str | None = None) -> NDArray[np.int8]:
        """Judge scores by the cutoff as it stands; learn nothing.

        Parameters
        ----------
        scores : array_like of shape (n,)
            Any number of them.
        fingerprint : str, optional
            The model whose scores these are.

        Returns
        -------
        ndarray of int8, shape (n,)
            1 where the score is greater than `cutoff_`, else 0; all 0 while warming up.

        Raises
        ------
        NotFittedError
            The threshold learns from labels only, and has not.
        TypeError, ValueError
            The scores are not finite numbers, or those of another model.
        """
        values = as_scores(scores)
        self._agree(fingerprint)
        return (values > self._current().cutoff).astype(np.int8)

    def update(self, scores: ArrayLike, *, fingerprint: str | None = None) -> Self:
        """Learn the scores that come next.

        Parameters
        ----------
        scores : array_like of shape (n,)
            In the order of time.
        fingerprint : str, optional
            The model whose scores these are. A threshold that has learned nothing is bound to it.

        Returns
        -------
        self
            The threshold itself.

        Raises
        ------
        NotFittedError
            The threshold learns from labels only, and has not.
        TypeError, ValueError
            As in `fit`; nothing is learned then.
        """
        self.cutoffs_update(scores, fingerprint=fingerprint)
        return self

    def predict_update(
        self, scores: ArrayLike, *, fingerprint: str | None = None
    ) -> NDArray[np.int8]:
        """Judge each score by the cutoff before it, then learn it.

        One score after the other or all in one call: the same labels and the same state, bit for
        bit.

        Parameters
        ----------
        scores : array_like of shape (n,)
            In the order of time.
        fingerprint : str, optional
            As in `update`.

        Returns
        -------
        ndarray of int8, shape (n,)
            1 where the score is greater than the cutoff before it, else 0.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `update`.
        """
        values = as_scores(scores)
        return (values > self._judge(values, fingerprint)).astype(np.int8)

    def cutoffs_update(self, scores: ArrayLike, *, fingerprint: str | None = None) -> FloatArray:
        """Give the cutoff that each score is judged by, and learn the scores: see `predict_update`.

        Parameters
        ----------
        scores : array_like of shape (n,)
            In the order of time.
        fingerprint : str, optional
            As in `update`.

        Returns
        -------
        ndarray of float64, shape (n,)
            The cutoff before each score, NaN while warming up.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `update`.
        """
        return self._judge(as_scores(scores), fingerprint)

    @property
    def cutoff_(self) -> float:
        """Rows that score higher are anomalous; NaN while warming up."""
        return self._current().cutoff

    @property
    def n_seen_(self) -> int:
        """Scores seen since the last `fit`, those of `fit` included."""
        return 0 if self._learned is None else self._learned.n_seen

    @property
    def ready(self) -> bool:
        """Whether there is a cutoff."""
        can_say = self._learned is not None or not self._needs_labels
        return can_say and not math.isnan(self._current().cutoff)

    @property
    def fingerprint(self) -> str | None:
        """The model whose scores made the threshold; None if it was not said."""
        return self._fingerprint

    # ---- state ----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Give options and state as values that JSON holds exactly.

        Returns
        -------
        dict
            With the members ``type``, ``format``, ``options``, ``fingerprint`` and ``state``.

        Raises
        ------
        TypeError, ValueError
            An option is wrong.
        """
        self._new_learner()
        return {
            "type": self._type,
            "format": _FORMAT,
            "options": {name: plain(value) for name, value in self.get_params().items()},
            "fingerprint": self._fingerprint,
            "state": None if self._learned is None else self._learned.state(),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Make a threshold from what `to_dict` gave.

        Parameters
        ----------
        data : dict
            It need not be trusted. ``Threshold.from_dict`` takes any kind of threshold, the
            method of another class only its own.

        Returns
        -------
        Threshold
            It goes on with the same bits.

        Raises
        ------
        ModelFormatError
            This is no threshold that this version can read.

        Examples
        --------
        >>> from fastrcf.thresholds import SigmaThreshold, Threshold
        >>> threshold = SigmaThreshold(2.0).fit([1.0, 2.0, 3.0])
        >>> Threshold.from_dict(threshold.to_dict()) == threshold
        True
        """
        stored = Stored(data)
        kind, version = stored.text("type"), stored.raw("format")
        if version != _FORMAT or isinstance(version, bool):
            raise ModelFormatError(
                f"threshold: format {version!r} is unknown; this is format {_FORMAT}. Read it with "
                "the fastrcf that wrote it or a later one"
            )
        found = Threshold._types.get(kind)
        if found is None or not issubclass(found, cls):
            known = sorted(name for name, each in Threshold._types.items() if issubclass(each, cls))
            raise ModelFormatError(f"threshold: expected a type of {known}, got {kind!r}")
        try:
            threshold = found(**stored.raw("options"))
            threshold._restore(stored)  # noqa: SLF001 - a threshold like this one
        except (TypeError, ValueError) as error:
            raise ModelFormatError(f"threshold: {error}") from error
        return threshold

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    # ---- inside ---------------------------------------------------------------------------------

    def _restore(self, stored: Stored) -> None:
        self._fingerprint = _checked(stored.raw("fingerprint"))
        learner = self._new_learner()
        if stored.raw("state") is not None:
            learner.restore(stored.child("state"))
            self._learned = learner

    def _current(self) -> Learner:
        """Give what was learned, or how learning would begin."""
        if self._learned is not None:
            return self._learned
        if self._needs_labels:
            raise not_fitted(
                f"This {type(self).__name__} is not fitted yet: call fit with scores and labels"
            )
        return self._new_learner()

    def _agree(self, fingerprint: str | None) -> str | None:
        """Refuse the scores of another model; give the one to be bound to."""
        mine, theirs = self._fingerprint, _checked(fingerprint)
        if mine is not None and theirs is not None and theirs != mine:
            raise ValueError(
                f"fingerprint: this threshold was made from scores of the model {mine!r}, but "
                f"these are scores of {theirs!r}: fit a threshold on the scores of that model"
            )
        return theirs if mine is None and self.n_seen_ == 0 else mine

    def _judge(self, values: FloatArray, fingerprint: str | None) -> FloatArray:
        bound = self._agree(fingerprint)
        learner = self._current()
        is_scored = values != 0.0
        # Rows without a score have the cutoff that the next score will be judged by.
        before = learner.judge(values[is_scored])
        known: FloatArray = np.append(before, learner.cutoff)
        cutoffs: FloatArray = known[np.cumsum(is_scored) - is_scored]
        self._learned, self._fingerprint = learner, bound
        return cutoffs


def _checked(fingerprint: object) -> str | None:
    if fingerprint is not None and not isinstance(fingerprint, str):
        raise TypeError(f"fingerprint: expected a string or None, got {show(fingerprint)}")
    return fingerprint
