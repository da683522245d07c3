"""The native forest inside a Python object: made when the first rows come, guarded by a lock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fastrcf._core import Forest
from fastrcf._forest.augmented import around, is_augmented, with_time
from fastrcf._forest.clock import Clock, Timed, read_times
from fastrcf._forest.estimator import Estimator
from fastrcf._forest.inputs import Row, Table, as_row, as_table
from fastrcf._forest.names import check_names, check_width, same_names
from fastrcf._forest.options import check_options, resolve_n_jobs
from fastrcf._forest.preparation import per_column

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, Names, RowLike, TableLike

__all__ = ["NativeEstimator"]

_FLOAT64 = np.dtype(np.float64)
_FLOAT32 = np.dtype(np.float32)


class NativeEstimator(Estimator):
    """An estimator that keeps what it learns in a native forest.

    What it learned is installed in one step, after the native call has succeeded: an error leaves
    everything as it was.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray[tuple[int], np.dtype[np.object_]]
    offset_: float
    n_jobs: int | None
    irregular: str | None
    shingle_size: int

    # The constructor may set nothing but the parameters, so this is where the rest begins.
    _core: Forest | None = None
    _row_shape: tuple[int, ...] = ()
    _names: Names | None = None
    _lock: threading.Lock | None = None
    _clock: Clock | None = None
    _time_lock: threading.Lock | None = None

    _STATE: ClassVar = frozenset(
        {
            "_clock",
            "_core",
            "_lock",
            "_names",
            "_row_shape",
            "_time_lock",
            "feature_names_in_",
            "n_features_in_",
            "offset_",
        }
    )

    def set_params(self, **params: Any) -> Self:
        """Change parameters.

        On a forest that has learned, they take effect at the next `fit`; `n_jobs` at once.

        Parameters
        ----------
        **params
            Arguments of the constructor.

        Returns
        -------
        self
            The forest itself.

        Raises
        ------
        ValueError
            There is no parameter of that name, or `n_jobs` is wrong. Nothing is changed then.
        """
        core = self._core
        n_jobs = resolve_n_jobs(params["n_jobs"]) if core and "n_jobs" in params else None
        super().set_params(**params)
        if core is not None and n_jobs is not None:
            core.n_jobs = n_jobs
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self._core is not None

    @property
    def is_ready(self) -> bool:
        """Whether scores are given: enough points have been learned."""
        return self._core is not None and self._core.is_ready

    @property
    def n_seen(self) -> int:
        """Number of rows learned, skipped ones not counted."""
        return 0 if self._core is None else self._core.n_seen

    @property
    def n_skipped(self) -> int:
        """Number of rows left out because of a NaN, or because they could not be completed.

        With ``irregular="gap"`` this includes the rows that long intervals stand for.
        """
        return 0 if self._core is None else self._core.n_skipped

    @property
    def data_quality(self) -> float:
        """Share of the values of the latest rows that were given, not missing: 1.0 is all.

        Each row counts ``1 / sample_size`` less than the next one.
        """
        return 1.0 if self._core is None else self._core.data_quality

    @property
    def confidence(self) -> float:
        r"""How far the scores rest on data, in [0, 1].

        `data_quality` times a factor that grows with the number :math:`n` of points learned,
        :math:`(e^{\lambda n} - e^{\lambda \min(n, o)}) / (e^{\lambda n} - 1)` with `time_decay`
        :math:`\lambda` and `output_after` :math:`o`: 0.0 until scores are given. A fitted forest
        is grown at once.
        """
        return 0.0 if self._core is None else self._core.confidence

    @property
    def memory_bytes(self) -> int:
        """Memory that the trees, points and samples take, in bytes."""
        return 0 if self._core is None else self._core.memory_bytes

    # ---- inside ---------------------------------------------------------------------------------

    def _direct(self, x: object) -> bool:
        """Whether the native forest takes x as it is; on the way of every row, so nothing slow."""
        if isinstance(x, float):
            return self._row_shape == (1,)
        return (
            type(x) is np.ndarray
            and x.shape == self._row_shape
            and (x.dtype is _FLOAT64 or x.dtype is _FLOAT32)
        )

    def _rows(self, X: TableLike) -> Table:
        table = as_table(X)
        if self._core is not None:
            same_names(table.names, self._names)
            self._check_width(table)
        return table

    def _matrix(self, X: TableLike) -> Table:
        table = as_table(X, columns="two")
        if self._core is not None:
            check_names(table.names, self._names)
            self._check_width(table)
        return table

    def _row(self, x: RowLike) -> Row:
        if self._core is None:
            return as_row(x, None)
        if self._names is None and isinstance(x, Mapping):
            raise ValueError(
                "x: expected values in order, got a mapping; the forest has learned rows without "
                "names"
            )
        row = as_row(x, self._names)
        same_names(row.names, self._names)
        self._check_width(row)
        return row

    def _check_width(self, data: Table | Row) -> None:
        width = self._row_shape[0]
        if data.array.shape[-1] != width:
            one_row = data.array.shape == (width, 1)
            check_width(
                data.array.shape[-1],
                width,
                name="x" if isinstance(data, Row) else "X",
                hint="; one row is array.reshape(1, -1), or use the _one methods" * one_row,
            )

    def _new_core(self, width: int) -> Forest:
        options = check_options(vars(self))
        options["preparation"] = per_column(options["preparation"], width)
        n_more = options["preparation"].get("irregular") == "augment"
        return around(Forest(n_columns=width + n_more, **options))

    def _asked(self, X: TableLike) -> tuple[Forest, Table]:
        """Return the native forest, an empty one if nothing has been learned, and the rows."""
        table = self._rows(X)
        return self._core or self._new_core(table.array.shape[1]), table

    def _layout(self, core: Forest | None, data: Table | Row) -> tuple[int, Names | None]:
        """Columns of a row in the trees, and their names if they have any."""
        names = data.names if self._names is None else self._names
        if not is_augmented(core):
            return data.array.shape[-1], names
        return data.array.shape[-1] + 1, None if names is None else with_time(names)

    def _learn(
        self,
        verb: str,
        data: Table | Row,
        time: object = None,
        intervals: tuple[FloatArray, ...] = (),
    ) -> Any:
        """Let the native forest learn; make it first if these are the first rows."""
        if time is not None:
            return self._learn_timed(verb, data, time)
        core = self._core
        if core is None:
            with self._guard():
                core = self._core
                if core is None:
                    core = self._new_core(data.array.shape[-1])
                    result = getattr(core, verb)(data.array, *intervals)
                    self._install(core, data.array.shape[-1], data.names, None)
                    return result
            self._check_width(data)  # another thread was first
        return getattr(core, verb)(data.array, *intervals)

    def _learn_timed(self, verb: str, table: Table | Row, time: object) -> Any:
        """Let the native forest learn rows that have times; answers are those of the rows given."""
        with self._time_guard():
            rows, intervals, places, clock = self._timed(table, time)
            result = self._learn(verb, Table(rows, table.names), intervals=intervals)
            self._clock = clock
        if isinstance(result, tuple):
            return tuple(part[places] for part in result)
        return None if result is None else result[places]

    def _timed(self, table: Table | Row, time: object) -> Timed:
        core = self._core
        options = check_options(vars(self)) if core is None else core.options()
        meaning = options["preparation"].get("irregular", "refuse")
        if meaning == "refuse":
            raise ValueError("time: expected only by a forest with irregular='gap' or 'augment'")
        n_taken = 0 if core is None else core.n_seen + core.n_skipped
        return read_times(
            table.array,
            time,
            self._clock,
            n_taken,
            irregular=meaning,
            shingle_size=options["shingle_size"],
        )

    def _install(self, core: Forest, width: int, names: Names | None, offset: float | None) -> None:
        self._names = names
        self._row_shape = (width,)
        self.n_features_in_ = width
        vars(self).pop("feature_names_in_", None)
        vars(self).pop("offset_", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        if offset is not None:
            self.offset_ = offset
        self._clock = None
        self._core = core

    def _snapshot(self) -> tuple[Forest | None, int | None, Names | None, float | None]:
        with self._guard():
            offset = vars(self).get("offset_")
            width = self._row_shape[0] if self._core is not None else None
            return self._core, width, self._names, None if offset is None else float(offset)

    def _guard(self) -> threading.Lock:
        """One lock per forest, for what is more than one native call; made when first needed."""
        return self._lock or vars(self).setdefault("_lock", threading.Lock())

    def _time_guard(self) -> threading.Lock:
        """Keep clock and native forest in step."""
        return self._time_lock or vars(self).setdefault("_time_lock", threading.Lock())
