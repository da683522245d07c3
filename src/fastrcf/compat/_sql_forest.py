"""What both stream-SQL functions are made of: arguments, columns, forest and state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._forest.checks import integer
from fastrcf._forest.container import pack, read_whole, unpack, write_whole
from fastrcf.attribution import Attribution
from fastrcf.compat._records import Records, read_records
from fastrcf.errors import ModelFormatError
from fastrcf.explain import Explanation, explain
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray, Names, StrPath

__all__ = ["SqlRandomCutForest"]

SCORE = "ANOMALY_SCORE"
EXPLANATION = "ANOMALY_EXPLANATION"

_MODEL = "SqlRandomCutForest"
_MAX_COLUMNS = 30
_RANGES = {
    "numberOfTrees": (1, 1000),
    "subSampleSize": (10, 1000),
    "timeDecay": (1, 2**31 - 1),
    "shingleSize": (1, 30),
}
_LARGEST = 1e30


class SqlRandomCutForest:
    """A random cut forest behind the arguments and columns of the stream-SQL functions.

    Parameters
    ----------
    numberOfTrees : int, default 100
        Trees, 1 to 1000.
    subSampleSize : int, default 256
        Points kept in a tree, 10 to 1000 and less than `timeDecay`. Scores start after as many.
    timeDecay : int, default 100000
        Points after which one has faded, 1 to 2147483647: the rate is ``1 / timeDecay``.
    shingleSize : int, default 1
        Consecutive records that make a point, 1 to 30.
    withDirectionality : bool, default False
        Whether explanations tell directions and their strength.
    explanation : bool, default True
        Whether there are explanations: False for RANDOM_CUT_FOREST.
    columns : sequence of str, optional
        The columns to score, at most 30. By default all columns of numbers.
    random_state : int or None, default 0
        Seed, as for `fastrcf.RandomCutForest`.
    n_jobs : int or None, default 1
        Threads; never changes a result.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type or out of its range.

    Notes
    -----
    Directions cost: each record is then asked about before it is learned, one at a time, even in
    bulk. That takes several times as long as attributions alone, which bulk calls give in one
    pass. What the results mean stands in
    `fastrcf.compat.kinesis`.

    Examples
    --------
    >>> import random
    >>> rng = random.Random(0)
    >>> sql = SqlRandomCutForest(numberOfTrees=20, subSampleSize=64, withDirectionality=True)
    >>> for _ in range(200):
    ...     pressure = {"level": "NORMAL", "systolic": rng.randint(90, 120)}
    ...     _ = sql.process(pressure)
    >>> found = sql.process({"level": "HIGH", "systolic": 190})
    >>> list(found)
    ['level', 'systolic', 'ANOMALY_SCORE', 'ANOMALY_EXPLANATION']
    >>> explanation = json.loads(found["ANOMALY_EXPLANATION"])["systolic"]
    >>> (
    ...     explanation["DIRECTION"],
    ...     explanation["ATTRIBUTION_SCORE"] == f"{found['ANOMALY_SCORE']:.4f}",
    ... )
    ('HIGH', True)
    """

    def __init__(
        self,
        numberOfTrees: int = 100,
        subSampleSize: int = 256,
        timeDecay: int = 100_000,
        shingleSize: int = 1,
        withDirectionality: bool = False,  # noqa: FBT001, FBT002 - the vendor's signature
        *,
        explanation: bool = True,
        columns: Sequence[str] | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        arguments = locals()
        self._numbers = {
            name: integer(name, arguments[name], *limits) for name, limits in _RANGES.items()
        }
        if self._numbers["subSampleSize"] >= self._numbers["timeDecay"]:
            raise ValueError(
                f"subSampleSize: expected less than timeDecay ({timeDecay}), got {subSampleSize}"
            )
        self._directions = _flag("withDirectionality", withDirectionality)
        self._explains = _flag("explanation", explanation)
        self._columns = None if columns is None else _checked(tuple(columns))
        self._forest = RandomCutForest(
            n_trees=self._numbers["numberOfTrees"],
            sample_size=self._numbers["subSampleSize"],
            shingle_size=self._numbers["shingleSize"],
            time_decay=1.0 / self._numbers["timeDecay"],
            output_after=self._numbers["subSampleSize"],
            initial_accept_fraction=1.0,
            scoring="kinesis",
            random_state=random_state,
            n_jobs=n_jobs,
        )

    @property
    def columns(self) -> Names | None:
        """The columns that are scored; None before the first call has settled them."""
        return self._columns

    @property
    def forest(self) -> RandomCutForest:
        """The forest inside."""
        return self._forest

    def __repr__(self) -> str:
        arguments = {**self._numbers, "withDirectionality": self._directions}
        return f"{_MODEL}({', '.join(f'{name}={value}' for name, value in arguments.items())})"

    def process(self, records: Any) -> Any:
        """Score records, each by those before it, and learn them.

        Parameters
        ----------
        records : mapping, sequence of mappings, frame, mapping of columns, or array
            One record, or many in the order of the stream: a list of records; a frame of pandas,
            polars, Arrow or another that narwhals knows (``pip install 'fastrcf[frames]'``); a
            mapping of names to columns; or an array of shape (n,) or (n, d), whose columns are
            called ``COL1``, ``COL2`` and so on. None and NaN are NULL.

        Returns
        -------
        of the same kind as `records`
            All columns and ``ANOMALY_SCORE`` (float), and with explanations
            ``ANOMALY_EXPLANATION`` (JSON as text). An array comes back as a mapping of columns.

        Raises
        ------
        MissingExtraError
            A frame has come and narwhals is not installed.
        TypeError
            A column to be scored holds something else than numbers, or decimals.
        ValueError
            A value is infinite; a column is missing, or called like a result; there is no column of
            numbers, or more than 30; or the first record has a NULL, which has no type: name the
            numbers in `columns` then. Nothing is learned after any of these.

        Examples
        --------
        >>> sql = SqlRandomCutForest(numberOfTrees=10, subSampleSize=10, timeDecay=1000)
        >>> sql.process([{"host": "a", "load": 1.5}, {"host": "b", "load": 2.5}])[1][
        ...     "ANOMALY_SCORE"
        ... ]
        0.0
        >>> sql.process({"load": [2.0, 1.0], "host": ["c", "d"]})["ANOMALY_EXPLANATION"][0]
        '{"load":{"ATTRIBUTION_SCORE":"0.0000"}}'
        """
        came = read_records(records)
        self._refuse_clashes(came)
        columns = self._columns or _checked(came.columns_of_numbers())
        values = came.numbers(columns)
        _refuse_what_the_forest_would(values, columns)
        scores, explanation = self._scored(values, columns)
        self._columns = columns
        if explanation is None:
            return came.with_results({SCORE: scores})
        texts = _as_json(explanation, directions=self._directions)
        return came.with_results({SCORE: scores, EXPLANATION: texts})

    def to_bytes(self) -> bytes:
        """Return arguments, columns and everything learned.

        Returns
        -------
        bytes
            What is made from them by `from_bytes` goes on with the same results.

        Examples
        --------
        >>> sql = SqlRandomCutForest(subSampleSize=10)
        >>> _ = sql.process({"load": list(range(50))})
        >>> twin = SqlRandomCutForest.from_bytes(sql.to_bytes())
        >>> twin.process({"load": 7.5}) == sql.process({"load": 7.5})
        True
        """
        header = {
            "model": _MODEL,
            "arguments": {**self._numbers, "withDirectionality": self._directions},
            "explanation": self._explains,
            "columns": self._columns,
        }
        return pack(header, self._forest.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Go on where `to_bytes` was called.

        Parameters
        ----------
        data : bytes-like
            The bytes. They need not be trusted.

        Returns
        -------
        SqlRandomCutForest
            With its arguments, columns and forest.

        Raises
        ------
        ModelFormatError
            The bytes are not those of such a forest.
        TypeError
            `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, got {type(data).__name__}")
        header, state = unpack(bytes(data))
        if header.get("model") != _MODEL:
            raise ModelFormatError(f"data: not a {_MODEL} but {header.get('model')!r}")
        try:
            made = cls(
                **header["arguments"],
                explanation=header["explanation"],
                columns=header["columns"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFormatError(f"data: not the state of a {_MODEL}: {error}") from error
        forest = RandomCutForest.from_bytes(state)
        fixed = {**made._forest.get_params(), "random_state": 0, "n_jobs": 1}
        if {**forest.get_params(), "random_state": 0, "n_jobs": 1} != fixed:
            raise ModelFormatError("data: the forest does not have the options of its arguments")
        if forest.n_seen and forest.n_features_in_ != len(made._columns or ()):
            raise ModelFormatError("data: the forest does not have the columns that are named")
        made._forest = forest
        return made

    def save(self, path: StrPath) -> None:
        """Write `to_bytes` to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        OSError
            The file cannot be written; what was there before still is.
        """
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Returns
        -------
        SqlRandomCutForest
            As from `from_bytes`.

        Raises
        ------
        ModelFormatError
            The file is not that of such a forest.
        OSError
            The file cannot be read.
        """
        return read_whole(path, cls.from_bytes)

    # ---- inside ---------------------------------------------------------------------------------

    def _refuse_clashes(self, came: Records) -> None:
        results = (SCORE, EXPLANATION) if self._explains else (SCORE,)
        taken = [name for name in results if name in came.names]
        if taken:
            raise ValueError(f"records: a column is called {taken[0]!r} already, like a result")

    def _scored(self, values: FloatArray, columns: Names) -> tuple[FloatArray, Explanation | None]:
        if not self._explains:
            return self._forest.score_update(values), None
        if not self._directions:
            scores, parts = self._forest.score_update(values, attribution=True)
            return scores, explain(parts, columns=columns)
        scores = np.empty(len(values))
        width = len(columns) * self._numbers["shingleSize"]
        high, low, above, below = (np.zeros((len(values), width)) for _ in range(4))
        for row in range(len(values)):
            record = values[row : row + 1]
            if self._forest.is_ready:
                above[row], below[row] = (side[0] for side in self._forest.expected_gaps(record))
            scores[row : row + 1], parts = self._forest.score_update(record, attribution=True)
            high[row], low[row] = parts.high[0], parts.low[0]
        gaps = Attribution(above / width, below / width, len(columns)).by_column()
        parts = Attribution(high, low, len(columns))
        return scores, explain(parts, columns=columns, evidence=(gaps.high, gaps.low))


def _as_json(explanation: Explanation, *, directions: bool) -> list[str]:
    """Write each row as the engine did."""
    names = [json.dumps(name, ensure_ascii=False) for name in explanation.columns]
    texts = []
    for row in explanation:
        columns = []
        for name, part in zip(names, row, strict=True):
            direction = (
                f'"DIRECTION":"{part.direction.upper()}","STRENGTH":"{part.strength:.4f}",'
                if directions
                else ""
            )
            columns.append(f'{name}:{{{direction}"ATTRIBUTION_SCORE":"{part.attribution:.4f}"}}')
        texts.append("{" + ",".join(columns) + "}")
    return texts


def _checked(columns: Names) -> Names:
    if not 1 <= len(columns) <= _MAX_COLUMNS:
        what = "a column" if not columns else f"at most {_MAX_COLUMNS} columns"
        raise ValueError(f"columns: expected {what} of numbers to score, got {len(columns)}")
    if len(set(columns)) < len(columns) or not all(isinstance(name, str) for name in columns):
        raise ValueError(f"columns: expected different names, got {list(columns)}")
    return columns


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r} ({type(value).__name__})")
    return bool(value)


def _refuse_what_the_forest_would(values: FloatArray, columns: Names) -> None:
    """Refuse values before any row is learned, as bulk may go row by row."""
    bad = np.argwhere(np.abs(values) > _LARGEST)
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"records: row {row}, column {columns[column]!r} is {values[row, column]}; values must "
            f"lie within -{_LARGEST:g} and {_LARGEST:g}, and NULL or NaN mean missing"
        )
