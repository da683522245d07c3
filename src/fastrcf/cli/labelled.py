"""Scores and labels from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cells import is_text_type, numbers, seconds, texts
from fastrcf.cli.exits import CliError, ExitCode, bad_data
from fastrcf.cli.progress import progress
from fastrcf.cli.readers import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.cli.readers import Chunk, ReadOptions

__all__ = ["Labelled", "LabelledColumns", "read_labelled"]


@dataclass(frozen=True)
class LabelledColumns:
    """The columns as the user named them.

    Attributes
    ----------
    labels, score : str
        0 or 1 (also true and false); higher is more anomalous.
    time, key : str, optional
        The clock, found when it is not named; the column that tells series apart.
    cutoffs : tuple of str
        Columns of cutoffs.
    """

    labels: str
    score: str
    time: str | None = None
    key: str | None = None
    cutoffs: tuple[str, ...] = ()

    def flags(self) -> list[tuple[str, str]]:
        """List each option with its column."""
        given = [("--labels", self.labels), ("--score", self.score)]
        given += [("--time-col", self.time)] if self.time is not None else []
        given += [("--key-col", self.key)] if self.key is not None else []
        return given + [("--threshold column", name) for name in self.cutoffs]


@dataclass(frozen=True)
class Labelled:
    """All rows that count.

    Attributes
    ----------
    labels : ndarray of bool, shape (n,)
        True is anomalous.
    scores : ndarray of float64, shape (n,)
        0.0 where there is none.
    cutoffs : dict of str to ndarray of float64, shape (n,)
        By column; NaN where there is none.
    seconds : ndarray of float64, shape (n,), optional
        Times since 1970.
    series : list of ndarray of int64
        The rows of each series, in their order.
    n_skipped : int
        Rows left out for want of a label or a score.
    time : str, optional
        The column that the times are from.
    """

    labels: NDArray[np.bool_]
    scores: FloatArray
    cutoffs: dict[str, FloatArray]
    seconds: FloatArray | None
    series: list[IntArray]
    n_skipped: int
    time: str | None


@dataclass
class _Columns:
    labels: list[FloatArray] = field(default_factory=list)
    scores: list[FloatArray] = field(default_factory=list)
    cutoffs: dict[str, list[FloatArray]] = field(default_factory=dict)
    seconds: list[FloatArray | None] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)


def read_labelled(
    file: str,
    read: ReadOptions,
    columns: LabelledColumns,
    *,
    own_cutoff: str | None = None,
    skip_missing: bool = False,
) -> Labelled:
    """Read the columns that an evaluation needs; the others are not kept.

    Parameters
    ----------
    file
        The file name, ``-`` for standard input.
    read
        How to read it.
    columns
        Which columns are what.
    own_cutoff
        A column of cutoffs that is read if it is there.
    skip_missing
        Leave rows without a label or a score out, instead of refusing them.

    Returns
    -------
    Labelled
        The rows.

    Raises
    ------
    CliError
        A column is absent, a cell is not what it should be, or there are no rows.
    """
    kept = _Columns()
    with open_source(file, read) as source, progress() as bar:
        chunks = (chunk for chunk in source.chunks() if chunk.n_rows)
        first = next(chunks, None)
        if first is None:
            raise bad_data("the input has no rows")
        _check(columns, first.table.column_names)
        time = columns.time or _first_with_times(first, columns)
        cutoffs = list(columns.cutoffs)
        if own_cutoff is not None and own_cutoff in first.table.column_names:
            cutoffs.append(own_cutoff)
        kept.cutoffs = {name: [] for name in cutoffs}
        for chunk in _and(first, chunks):
            _keep(kept, chunk, columns, time, skip_missing=skip_missing)
            bar.step(source.done(), chunk.first_row + chunk.n_rows)
    return _joined(kept, time)


def _and(first: Chunk, rest: Iterator[Chunk]) -> Iterator[Chunk]:
    yield first
    yield from rest


def _check(columns: LabelledColumns, present: list[str]) -> None:
    taken: dict[str, str] = {}
    for flag, name in columns.flags():
        if name not in present:
            known = ", ".join(map(repr, present))
            raise CliError(
                ExitCode.BAD_CONFIG, f"{flag}: there is no column {name!r}; there are {known}"
            )
        if name in taken:
            raise CliError(
                ExitCode.BAD_CONFIG, f"{taken[name]} and {flag}: column {name!r} is named twice"
            )
        taken[name] = flag


def _first_with_times(first: Chunk, columns: LabelledColumns) -> str | None:
    others = {name for _, name in columns.flags()}
    names = (name for name in first.table.column_names if name not in others)
    return next((name for name in names if seconds(first.table, name) is not None), None)


def _keep(
    kept: _Columns,
    chunk: Chunk,
    columns: LabelledColumns,
    time: str | None,
    *,
    skip_missing: bool,
) -> None:
    table, first_row = chunk.table, chunk.first_row
    labels = _labels(table, columns.labels, first_row)
    scores = numbers(table, columns.score, first_row, hint="")
    if not skip_missing:
        _refuse_missing(labels, columns.labels, first_row, "a label, 0 or 1")
        _refuse_missing(scores, columns.score, first_row, "a score (0.0 where there is none yet)")
    kept.labels.append(labels)
    kept.scores.append(scores)
    for name, parts in kept.cutoffs.items():
        parts.append(numbers(table, name, first_row, hint=""))
    if time is not None:
        times = seconds(table, time)
        if times is None and columns.time is not None:
            raise bad_data(
                f"--time-col: column {time!r} holds no times, as 2024-01-31 12:00:00 is one"
            )
        kept.seconds.append(times)
    if columns.key is not None:
        kept.keys.append(texts(table, columns.key))


def _labels(table: Any, name: str, first_row: int) -> FloatArray:
    """Read 0 and 1, true and false; NaN where a cell is empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(name).combine_chunks() if name in table.column_names else None
    if column is not None and pa.types.is_boolean(column.type):
        table = pa.table({name: pc.cast(column, pa.int8())})
    elif column is not None and is_text_type(column.type):
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        for word, digit in (("true", "1"), ("false", "0")):
            is_word = pc.equal(lower, pa.scalar(word, lower.type))
            column = pc.if_else(is_word, pa.scalar(digit, column.type), column)
        table = pa.table({name: column})
    values = numbers(table, name, first_row, hint="(labels are 0 and 1, or false and true)")
    odd = ~(np.isin(values, (0.0, 1.0)) | np.isnan(values))
    if odd.any():
        row = int(np.argmax(odd))
        raise bad_data(
            f"row {first_row + row + 1}, column {name!r}: expected a label, 0 or 1, got "
            f"{values[row]:g}"
        )
    return values


def _refuse_missing(values: FloatArray, name: str, first_row: int, expected: str) -> None:
    missing = np.isnan(values)
    if missing.any():
        raise bad_data(
            f"row {first_row + int(np.argmax(missing)) + 1}, column {name!r}: expected {expected}, "
            "got an empty cell; --skip-missing leaves such rows out"
        )


def _joined(kept: _Columns, time: str | None) -> Labelled:
    labels, scores = np.concatenate(kept.labels), np.concatenate(kept.scores)
    counts = ~(np.isnan(labels) | np.isnan(scores))
    if not counts.any():
        raise bad_data("no row has both a label and a score")
    times = [part for part in kept.seconds if part is not None]
    is_timed = time is not None and len(times) == len(kept.seconds)
    return Labelled(
        labels=labels[counts] == 1.0,
        scores=scores[counts],
        cutoffs={name: np.concatenate(parts)[counts] for name, parts in kept.cutoffs.items()},
        seconds=np.concatenate(times)[counts] if is_timed else None,
        series=_series(kept.keys, counts),
        n_skipped=int(np.count_nonzero(~counts)),
        time=time if is_timed else None,
    )


def _series(keys: list[Any], counts: NDArray[np.bool_]) -> list[IntArray]:
    """Tell the rows of each series."""
    import pyarrow as pa

    if not keys:
        return [np.arange(int(counts.sum()))]
    joined = pa.chunked_array(keys).combine_chunks().dictionary_encode()
    codes = joined.indices.to_numpy(zero_copy_only=False)[counts]
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
