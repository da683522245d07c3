"""The contract of all detectors: verbs with their checks; what is particular is inside."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from fastrcf._forest.container import plain
from fastrcf._forest.estimator import Estimator
from fastrcf._forest.inputs import as_table
from fastrcf._forest.names import check_width, same_names
from fastrcf.detectors.alarms import cutoff_of
from fastrcf.detectors.views import LARGEST
from fastrcf.errors import not_fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from fastrcf._typing import FloatArray, Names, TableLike
    from fastrcf.detectors.detection import Detection

__all__ = ["Detector", "DetectorEngine"]


class DetectorEngine(Protocol):
    """What a detector keeps once it knows the width of its rows: all that learns.

    Rows come checked: float64 of shape (n, width), finite or NaN. An engine numbers them from 0 on,
    those of `fit` included. It must be possible to copy it deeply, and what it says may not depend
    on how rows are divided into calls: `take` of all rows and of one after the other must give the
    same scores and detections, bit for bit.
    """

    n_seen: int
    """Rows learned."""

    width: int
    """Columns."""

    detections: list[Detection]
    """Alarms raised by learned rows, in the order of `start`."""

    def fit(self, rows: FloatArray) -> None:
        """Learn a whole table; nothing was learned before. It may take keywords of its detector."""

    def score(self, rows: FloatArray) -> FloatArray:
        """Score rows that would come next, learning nothing."""

    def take(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        """Score rows, add the alarms that they raise to `detections`, and learn them."""

    def would_find(self, rows: FloatArray, times: Sequence[Any] | None) -> list[Detection]:
        """Give the alarms that rows would raise if they came next, learning nothing."""


class Detector(Estimator, ABC):
    """From rows to few alarms: the verbs that all detectors share.

    Scores are ``-log10`` of the probability of a higher one, by the law of what the series has
    shown so far: 3 is what one row in a thousand reaches. They are 0.0 until the detector is ready
    and for rows with a missing value. A row beyond `cutoff` raises an alarm, unless the event of an
    earlier alarm still goes on. On a detector that has learned, a change by `set_params` takes
    effect at the next `fit`.

    Some detectors learn rows from the first one on; the others must be fitted first, and say so.
    After a `fit` the latter go on with what streams (the latest rows, the law of scores, alarms,
    ranges); what was trained stays as it is.

    Attributes
    ----------
    detections_ : list of Detection
        The latest 10,000 alarms raised by rows that were learned, in order.
    n_seen_ : int
        Rows learned.
    n_features_in_ : int
        Columns.
    feature_names_in_ : ndarray of str
        Their names, if the first rows came with names.
    """

    alarm_rate: float
    _needs_fit: ClassVar[bool] = False
    """Whether rows can be judged only after `fit`."""

    _engine: Any = None
    _names: Names | None = None
    _training: str = ""
    _in_force: dict[str, Any] | None = None
    _lock: threading.Lock | None = None

    @abstractmethod
    def _new_engine(self, names: tuple[str | int, ...]) -> Any:
        """Check the options and make what learns rows."""

    # ---- verbs ----------------------------------------------------------------------------------

    def fit(self, X: TableLike, y: object = None) -> Self:  # noqa: ARG002
        """Learn a table of normal rows, forgetting what was learned before.

        What is estimated from it (period, scales) is final, and all its rows count the same. Rows
        that come later are scored as those that follow it. A table need not be free of anomalies.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time. One dimension is one column. NaN is missing.
        y : object
            Ignored.

        Returns
        -------
        self
            The detector itself.

        Raises
        ------
        TypeError, ValueError
            An option is wrong, or `X` is not numbers, is empty or infinite somewhere. Nothing is
            changed then.
        """
        return self._fit(X)

    def score(self, X: TableLike) -> FloatArray:
        """Score rows as if they came next, without learning them.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time.

        Returns
        -------
        ndarray of shape (n,), float64
            Higher is more anomalous; 0.0 where there is no score.

        Raises
        ------
        TypeError, ValueError
            `X` is not numbers, has other columns, or is empty or infinite somewhere.
        """
        rows, names = self._read(X)
        with self._guard():
            return self._engine_for(rows, names).score(rows)  # type: ignore[no-any-return]

    def score_update(self, X: TableLike, *, time: ArrayLike | None = None) -> FloatArray:
        """Score each row, then learn it; alarms go to `detections_`.

        One row after the other or all at once: the same scores and alarms, bit for bit.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time.
        time : array_like of shape (n,), optional
            Their times, for the alarms. By default the index of a frame that holds times, else row
            numbers.

        Returns
        -------
        ndarray of shape (n,), float64
            As in `score`.

        Raises
        ------
        TypeError, ValueError
            As in `score`, or `time` has another length. Nothing is learned then.
        """
        return self._take(X, time)[0]

    def update(self, X: TableLike, *, time: ArrayLike | None = None) -> Self:
        """Learn rows: `score_update` without its answer.

        Parameters
        ----------
        X, time
            As in `score_update`.

        Returns
        -------
        self
            The detector itself.

        Raises
        ------
        TypeError, ValueError
            As in `score_update`.
        """
        self._take(X, time)
        return self

    def detect_update(self, X: TableLike, *, time: ArrayLike | None = None) -> list[Detection]:
        """Learn rows, and give the alarms that they raise.

        Parameters
        ----------
        X, time
            As in `score_update`.

        Returns
        -------
        list of Detection
            In order. Where the event still goes on, `Detection.end` is None; `detections_` has it
            later.

        Raises
        ------
        TypeError, ValueError
            As in `score_update`.
        """
        return self._take(X, time)[1]

    def detect(self, X: TableLike, *, time: ArrayLike | None = None) -> list[Detection]:
        """Find the events in rows, without learning them.

        A detector that was fitted judges them by what it was fitted on. One that was not goes
        through them as `detect_update` does, on a copy: the alarms are those of the stream.

        Parameters
        ----------
        X, time
            As in `score_update`.

        Returns
        -------
        list of Detection
            In order.

        Raises
        ------
        TypeError, ValueError
            As in `score_update`.
        """
        rows, names = self._read(X)
        times = _times(X, time, len(rows))
        with self._guard():
            if self._training:
                found: list[Detection] = self._engine.would_find(rows, times)
                return found
            engine = copy.deepcopy(self._engine_for(rows, names))
        return _take(engine, rows, times)[1]

    # ---- what was learned -----------------------------------------------------------------------

    @property
    def cutoff(self) -> float:
        """Scores above it raise alarms."""
        return cutoff_of(self._options()["alarm_rate"])

    @property
    def detections_(self) -> list[Detection]:
        """Alarms raised so far."""
        return [] if self._engine is None else list(self._engine.detections)

    @property
    def n_seen_(self) -> int:
        """Rows learned."""
        return 0 if self._engine is None else int(self._engine.n_seen)

    @property
    def fingerprint(self) -> str:
        """What scores depend on besides the rows: options, columns, and the table of `fit`.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        """
        if self._engine is None:
            how = "fit" if self._needs_fit else "fit or update"
            raise not_fitted(f"{type(self).__name__} has learned nothing: call {how} first")
        kind, width = type(self).__name__, self._engine.width
        facts = [kind, self._options(), width, self._names, self._training]
        facts += self._trained(self._engine)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def __sklearn_is_fitted__(self) -> bool:
        return self._engine is not None

    # ---- state ----------------------------------------------------------------------------------

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        with self._guard():
            section: dict[str, Any] = {
                "params": self._options(),
                "training": self._training,
                "names": self._names,
                "state": None,
            }
            parts: dict[str, bytes] = {}
            if self._engine is not None:
                section["state"], parts = self._engine_to_parts(self._engine)
            return section, parts

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:
        detector = cls(**cls._params_of(section["params"]))
        state = section["state"]
        if state is None:
            return detector
        names = section["names"]
        engine = detector._engine_from_parts(state, parts)
        detector._install(engine, None if names is None else tuple(map(str, names)))
        detector._training = str(section["training"])
        return detector

    def _trained(self, engine: Any) -> list[str]:  # noqa: ARG002
        """Give what scores depend on and training decided: digests, for the fingerprint."""
        return []

    @abstractmethod
    def _engine_to_parts(self, engine: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what an engine has learned."""

    @abstractmethod
    def _engine_from_parts(self, section: dict[str, Any], parts: dict[str, bytes]) -> Any:
        """Make an engine of it; whatever is wrong is an error."""

    # ---- inside ---------------------------------------------------------------------------------

    def _fit(self, X: TableLike, **how: Any) -> Self:
        """Learn a table with a new engine, which takes the place of the old one when it is done."""
        table = as_table(X)
        rows = _in_bounds(table.array)
        engine = self._new_engine(_column_names(table.names, rows.shape[1]))
        engine.fit(rows, **how)
        digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()
        with self._guard():
            self._install(engine, table.names)
            self._training = digest
        return self

    def _read(self, X: TableLike) -> tuple[FloatArray, Names | None]:
        table = as_table(X)
        if self._engine is not None:
            same_names(table.names, self._names)
            check_width(table.array.shape[1], self._engine.width, owner=type(self).__name__)
        return _in_bounds(table.array), table.names

    def _take(self, X: TableLike, time: ArrayLike | None) -> tuple[FloatArray, list[Detection]]:
        """Learn rows; give their scores and the alarms they raised."""
        rows, names = self._read(X)
        times = _times(X, time, len(rows))
        with self._guard():
            return _take(self._engine_for(rows, names, keep=True), rows, times)

    def _engine_for(self, rows: FloatArray, names: Names | None, *, keep: bool = False) -> Any:
        if self._engine is not None:
            return self._engine
        if self._needs_fit:
            raise not_fitted(
                f"{type(self).__name__} cannot judge rows before it was trained: call fit with "
                "normal rows first, or load one that was saved after fit"
            )
        engine = self._new_engine(_column_names(names, rows.shape[1]))
        if keep:
            self._install(engine, names)
            self._training = ""
        return engine

    def _install(self, engine: DetectorEngine, names: Names | None) -> None:
        self._engine, self._names = engine, names
        self._in_force = self._plain_params()
        self.n_features_in_ = engine.width
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)

    def _options(self) -> dict[str, Any]:
        """Give the options as plain values: those that what was learned was learned with."""
        return self._plain_params() if self._in_force is None else self._in_force

    def _plain_params(self) -> dict[str, Any]:
        return {name: plain(value) for name, value in self.get_params().items()}

    @classmethod
    def _params_of(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Give back what `_plain_params` was made of."""
        return options

    def _guard(self) -> threading.Lock:
        return self._lock or vars(self).setdefault("_lock", threading.Lock())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}


def _take(
    engine: DetectorEngine, rows: FloatArray, times: Sequence[Any] | None
) -> tuple[FloatArray, list[Detection]]:
    first = engine.n_seen
    scores = engine.take(rows, times)
    found = engine.detections
    return scores, found[bisect_left(found, first, key=lambda each: each.start) :]


def _in_bounds(array: Any) -> FloatArray:
    rows: FloatArray = np.asarray(array, np.float64)
    too_large = np.abs(rows) > LARGEST
    if too_large.any():
        row, column = np.argwhere(too_large)[0].tolist()
        value = float(rows[row, column])
        if np.isinf(value):
            raise ValueError(f"X: row {row} is infinite; NaN means missing")
        raise ValueError(
            f"X: row {row}, column {column} is {value}; values must lie within -1e30 and 1e30"
        )
    return rows


def _column_names(names: Names | None, width: int) -> tuple[str | int, ...]:
    return tuple(range(width)) if names is None else names


def _times(X: object, time: ArrayLike | None, n: int) -> list[Any] | None:
    if time is None:
        index = getattr(X, "index", None)
        if getattr(getattr(index, "dtype", None), "kind", "") != "M":
            return None
        time = index
    values: list[Any] = list(time) if isinstance(time, Iterable) else [time]
    if len(values) != n:
        raise ValueError(f"time: expected one for each of {n} rows, got {len(values)}")
    return values
