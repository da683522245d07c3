"""The engine of detectors that know what a row should have been: errors, their law, and alarms."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np

from fastrcf.detectors.alarms import Alarms, Range
from fastrcf.detectors.finder import Finder
from fastrcf.detectors.following import faded, follow
from fastrcf.detectors.law import ScoreLaw
from fastrcf.detectors.state import following_to_dict, restore_following

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.detection import Detection
    from fastrcf.detectors.finder import Account
    from fastrcf.detectors.settings import AlarmSettings

__all__ = ["Answer", "ErrorEngine", "ErrorSource", "Judgement", "JudgingEngine"]


class Answer(NamedTuple):
    """What a source says of rows."""

    errors: FloatArray
    """Shape (n,): how wrong what was expected is, above 0; exactly 0.0 where nothing was."""

    parts: FloatArray
    """Shape (n, d): what each column adds to the error, positive where the value is higher than
    expected and negative where it is lower; 0 where nothing was expected."""

    expectations: FloatArray
    """Shape (n, d): the values that were expected, NaN where none were."""

    def expected(self, place: int) -> FloatArray:
        """Tell what was expected of one row."""
        expected: FloatArray = self.expectations[place]
        return expected

    def share(self, place: int) -> FloatArray:
        """Tell what each column adds to the error of one row."""
        share: FloatArray = self.parts[place]
        return share


class ErrorSource(Protocol):
    """Expects rows, and says how far off they are. It keeps what it needs of the latest rows.

    What it answers may not depend on how rows are divided into calls, bit for bit. A shallow copy
    goes on by itself: what streams is replaced and never changed in place.
    """

    def fit(self, rows: FloatArray) -> FloatArray:
        """Learn a table, of which the latest rows are kept as those before the next ones.

        It may take keywords. It gives the errors that the law begins with, in the order of time:
        such as new rows would have, not those of rows that were learned by heart.
        """

    def answer(self, rows: FloatArray, *, learn: bool) -> Answer:
        """Judge the rows that come next; keep the latest of them if `learn`."""

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what was learned: what JSON holds, and bytes by name."""

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `to_parts` gave; whatever is wrong is an error."""


class Judgement(NamedTuple):
    """Levels of rows, and what explains them."""

    levels: FloatArray
    account: Account


class JudgingEngine(ABC):
    """Levels to alarms: what engines of detectors share that must be fitted first.

    Parameters
    ----------
    settings : AlarmSettings
        When to raise an alarm.
    names : tuple
        What the columns are called: text, or their numbers.
    """

    block: ClassVar[int] = 65_536
    """Rows that are taken together, to bound memory."""

    def __init__(self, settings: AlarmSettings, names: tuple[str | int, ...]) -> None:
        self.settings, self.names, self.width = settings, names, len(names)
        self.n_seen = 0
        self.range = Range(self.width)
        self.alarms = Alarms(settings.rest)
        self.faded = 0.0
        self.detections: list[Detection] = []
        self.is_frozen = False

    @abstractmethod
    def train(self, rows: FloatArray, **how: Any) -> None:
        """Learn a whole table, of which `how` says more."""

    @abstractmethod
    def judge(self, rows: FloatArray, *, learn: bool) -> Judgement:
        """Judge rows that come next, and go on behind them if asked to.

        An engine that is frozen learns nothing from them even then.
        """

    def ahead(self) -> Self:
        """Give a frozen engine that goes on from here, and leaves this one where it is."""
        twin = copy.copy(self)
        twin.is_frozen = True
        twin.alarms, twin.detections = Alarms(self.settings.rest), []
        return twin

    def fit(self, rows: FloatArray, **how: Any) -> None:
        """Learn a whole table; nothing must have been learned before."""
        self.train(rows, **how)
        self.range.excess(rows, learn=True)
        self.n_seen += len(rows)

    def score(self, rows: FloatArray) -> FloatArray:
        """Score rows that would come next, learning nothing."""
        twin = self.ahead()
        levels = [twin.judge(rows[part], learn=True).levels for part in self._blocks(len(rows))]
        return faded(np.concatenate(levels), self.faded)[0]

    def take(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        """Score rows, raise alarms, and learn each row after it was judged."""
        scores = np.empty(len(rows))
        for part in self._blocks(len(rows)):
            scores[part] = self._take(rows[part], None if times is None else times[part])
        return scores

    def _take(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        levels, account = self.judge(rows, learn=True)
        excess = self.range.excess(rows, learn=not self.is_frozen)
        finder = Finder(self, rows, levels, excess, account, times=times)
        follow(finder, self.alarms, self.detections, self.n_seen + len(rows))
        self.n_seen += len(rows)
        scores, self.faded = faded(levels, self.faded)
        return scores

    def would_find(self, rows: FloatArray, times: Sequence[Any] | None) -> list[Detection]:
        """Find events in rows that would come next, learning nothing."""
        twin = self.ahead()
        twin.take(rows, times)
        return twin.detections

    def _blocks(self, n: int) -> list[slice]:
        return [slice(start, start + self.block) for start in range(0, n, self.block)]

    # ---- state ----------------------------------------------------------------------------------

    @abstractmethod
    def learned(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what `train` learned and what streams, but for the alarms."""

    @abstractmethod
    def restore_learned(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `learned` gave; whatever is wrong is an error."""

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give all that was learned: what JSON holds, and bytes by name."""
        section, parts = self.learned()
        return following_to_dict(self) | {"learned": section}, parts

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Fill a new engine with what `to_parts` gave; whatever is wrong is an error."""
        restore_following(self, section)
        self.restore_learned(section["learned"], parts)


class ErrorEngine(JudgingEngine):
    """The law of the errors of one source, and alarms by it.

    Parameters
    ----------
    settings, names
        As of `JudgingEngine`.
    source : ErrorSource
        Gives the errors.
    """

    def __init__(
        self, settings: AlarmSettings, names: tuple[str | int, ...], source: ErrorSource
    ) -> None:
        super().__init__(settings, names)
        self.source = source
        self.law = ScoreLaw(1)

    def train(self, rows: FloatArray, **how: Any) -> None:
        """Let the source learn, and begin the law with the errors that it gives."""
        self.law.levels(self.source.fit(rows, **how), learn=True)

    def judge(self, rows: FloatArray, *, learn: bool) -> Judgement:
        """Judge rows by the law of errors."""
        answer = self.source.answer(rows, learn=learn)
        learns = learn and not self.is_frozen
        return Judgement(self.law.levels(answer.errors, learn=learns), answer)

    def ahead(self) -> Self:
        """Give a frozen engine that goes on from here."""
        twin = super().ahead()
        twin.source = copy.copy(self.source)  # it puts new rows in the place of the old ones
        return twin

    def learned(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give source and law."""
        section, parts = self.source.to_parts()
        return {"law": self.law.to_dict(), "source": section}, parts

    def restore_learned(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `learned` gave."""
        self.law = ScoreLaw.from_dict(section["law"])
        self.source.restore(section["source"], parts)
