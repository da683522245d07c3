"""Rows with their scores, in each format: all columns of the input, then the results."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from fastrcf.cli.cells import texts
from fastrcf.cli.exits import bad_data
from fastrcf.cli.formats import Format, Target
from fastrcf.cli.layout import Newcomers, conform
from fastrcf.cli.outputs import typed_file

if TYPE_CHECKING:
    from fastrcf.cli.layout import Layout
    from fastrcf.cli.readers import Chunk
    from fastrcf.cli.scoring import Scored

__all__ = ["Writer", "open_writer"]

_ROW_GROUP = 65_536


class Writer(Protocol):
    """Takes rows, in order."""

    def write(self, chunk: Chunk, scored: Scored) -> None:
        """Write the next rows."""


@contextmanager
def open_writer(
    stream: BinaryIO, target: Target, layout: Layout, *, delimiter: str
) -> Iterator[Writer]:
    """Start writing.

    Parameters
    ----------
    stream
        Takes the bytes.
    target
        In which format.
    layout
        Which columns.
    delimiter
        Between the cells of CSV.

    Yields
    ------
    Writer
        Takes the rows.
    """
    if target.format is Format.JSONL:
        yield _JsonLinesWriter(stream, layout)
    elif target.format.is_text:
        yield _CsvWriter(stream, layout, "\t" if target.format is Format.TSV else delimiter)
    else:
        with typed_file(stream, target, _schema(layout)) as file:
            writer = _TypedWriter(file, layout)
            yield writer
            writer.finish()


class _CsvWriter:
    def __init__(self, stream: BinaryIO, layout: Layout, delimiter: str) -> None:
        import pyarrow as pa

        self._stream = stream
        self._layout = layout
        self._delimiter = delimiter
        self._special = f'[{delimiter}"\r\n]'
        self._newcomers = Newcomers(layout)
        names = [*layout.schema.names, *layout.results]
        header = self._quoted(pa.array(names, type=pa.string())).to_pylist()
        stream.write((delimiter.join(header) + "\n").encode())

    def write(self, chunk: Chunk, scored: Scored) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._newcomers.look(chunk)
        cells = [self._cells(chunk.table, name) for name in self._layout.schema.names]
        results = [self._text(column) for column in _result_columns(scored)]
        cells += [*results[:3], *map(self._quoted, results[3:])]
        between, end, nothing = (
            pa.scalar(text, pa.large_string()) for text in (self._delimiter, "\n", "")
        )
        rows = pc.binary_join_element_wise(*cells, between)
        rows = pc.binary_join_element_wise(rows, end, nothing)
        # The texts of an array lie one after the other: together they are the lines of the file.
        first, last = rows.offset, rows.offset + len(rows)
        offsets = np.frombuffer(rows.buffers()[1], dtype=np.int64)
        self._stream.write(memoryview(rows.buffers()[2])[offsets[first] : offsets[last]])

    def _cells(self, table: Any, name: str) -> Any:
        import pyarrow as pa

        try:
            return self._quoted(texts(table, name))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            kind = table.schema.field(name).type
            raise bad_data(
                f"column {name!r} holds {kind}, which has no place in a line of text; write "
                "Parquet, or Arrow"
            ) from None

    def _text(self, column: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.fill_null(pc.cast(column, pa.large_string()), pa.scalar("", pa.large_string()))

    def _quoted(self, text: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = pc.cast(text, pa.large_string())
        special = pc.match_substring_regex(text, self._special)
        if not pc.any(special).as_py():
            return text
        doubled = pc.replace_substring(text, '"', '""')
        quote, nothing = (pa.scalar(text, pa.large_string()) for text in ('"', ""))
        quoted = pc.binary_join_element_wise(quote, doubled, quote, nothing)
        return pc.if_else(special, quoted, text)


class _JsonLinesWriter:
    def __init__(self, stream: BinaryIO, layout: Layout) -> None:
        self._stream = stream
        self._layout = layout
        self._names = [json.dumps(name) for name in layout.results]

    def write(self, chunk: Chunk, scored: Scored) -> None:
        rows = chunk.lines if chunk.lines is not None else self._lines(chunk)
        if chunk.lines is not None:
            self._check_clash(chunk)
        columns = (scored.scores.tolist(), scored.is_anomaly.tolist(), scored.thresholds.tolist())
        score_name, flag_name, threshold_name = self._names[:3]
        ends = self._explanations(scored)
        lines = []
        for row, score, is_anomaly, threshold, end in zip(rows, *columns, ends, strict=True):
            start = row.strip()[:-1].rstrip()
            comma = "" if start == "{" else ", "
            cutoff = "null" if math.isnan(threshold) else repr(threshold)
            flag = "true" if is_anomaly else "false"
            lines.append(
                f"{start}{comma}{score_name}: {score!r}, {flag_name}: {flag}, "
                f"{threshold_name}: {cutoff}{end}}}\n"
            )
        self._stream.write("".join(lines).encode())

    def _explanations(self, scored: Scored) -> list[str]:
        """Explanations as they stand, for they are JSON."""
        if scored.explanations is None:
            return [""] * len(scored.scores)
        return [f", {self._names[3]}: {text or 'null'}" for text in scored.explanations]

    def _check_clash(self, chunk: Chunk) -> None:
        for name in self._layout.results:
            if name in chunk.table.column_names:
                raise bad_data(f"after row {chunk.first_row}: a row already has the key {name!r}")

    def _lines(self, chunk: Chunk) -> list[str]:
        rows = conform(chunk, self._layout).to_pylist()
        return [json.dumps(_without_nan(row), default=str, ensure_ascii=False) for row in rows]


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(cell, float) and not math.isfinite(cell) else cell
        for name, cell in row.items()
    }


class _TypedWriter:
    """Parquet or Arrow; rows are gathered until they make a batch of a good size."""

    def __init__(self, file: Any, layout: Layout) -> None:
        self._file = file
        self._layout = layout
        self._newcomers = Newcomers(layout)
        self._waiting: list[Any] = []
        self._n_waiting = 0

    def write(self, chunk: Chunk, scored: Scored) -> None:
        self._newcomers.look(chunk)
        table = conform(chunk, self._layout)
        for name, column in zip(self._layout.results, _result_columns(scored), strict=True):
            table = table.append_column(name, column)
        self._waiting.append(table)
        self._n_waiting += table.num_rows
        if self._n_waiting >= _ROW_GROUP:
            self.finish()

    def finish(self) -> None:
        """Write what is waiting."""
        import pyarrow as pa

        if self._waiting:
            self._file.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting, self._n_waiting = [], 0


def _schema(layout: Layout) -> Any:
    import pyarrow as pa

    schema = layout.schema
    kinds = (pa.float64(), pa.bool_(), pa.float64(), pa.string())
    for name, kind in zip(layout.results, kinds, strict=False):
        schema = schema.append(pa.field(name, kind))
    return schema


def _result_columns(scored: Scored) -> list[Any]:
    import pyarrow as pa

    columns = [
        pa.array(scored.scores),
        pa.array(scored.is_anomaly),
        pa.array(scored.thresholds, mask=np.isnan(scored.thresholds)),
    ]
    if scored.explanations is not None:
        columns.append(pa.array(scored.explanations, type=pa.string()))
    return columns
