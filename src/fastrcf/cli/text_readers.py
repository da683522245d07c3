"""CSV, TSV and JSON Lines as chunks.

Cells stay the text they are, so that what passes through comes out as it went in, and a bad cell
can be named. Only the columns that are scored are turned into numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from fastrcf.cli.exits import bad_data
from fastrcf.cli.formats import Format
from fastrcf.cli.lines import line_blocks
from fastrcf.cli.readers import Chunk, share_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastrcf.cli.readers import ReadOptions, Source

__all__ = ["open_text"]

_DELIMITERS = ",;\t|"
_BOM = b"\xef\xbb\xbf"


def open_text(
    kind: Format,
    stream: io.BufferedReader,
    raw: io.BufferedReader,
    n_bytes: int | None,
    options: ReadOptions,
    *,
    eager: bool,
) -> Source:
    """Open CSV, TSV or JSON Lines.

    Parameters
    ----------
    kind
        Which of them.
    stream
        The text.
    raw
        Where it comes from, packed or not, to tell how far we are.
    n_bytes
        Size of ``raw`` where it is known.
    options
        How to read it.
    eager
        Hand rows on as soon as they arrive.

    Returns
    -------
    Source
        Its rows.
    """
    blocks = line_blocks(stream, eager=eager, quoted=kind is not Format.JSONL)
    source = _JsonLines if kind is Format.JSONL else _Csv
    return source(kind, blocks, raw, n_bytes, options)


class _Text:
    """What both have in common."""

    def __init__(
        self,
        kind: Format,
        blocks: Iterator[bytes],
        raw: io.BufferedReader,
        n_bytes: int | None,
        options: ReadOptions,
    ) -> None:
        self.format = kind
        self.delimiter: str | None = None
        self._blocks = blocks
        self._raw = raw
        self._n_bytes = n_bytes
        self._options = options

    def done(self) -> float | None:
        return share_read(self._raw, self._n_bytes)


class _JsonLines(_Text):
    def chunks(self) -> Iterator[Chunk]:
        step, first_row = self._options.chunk_rows, 0
        for block in self._blocks:
            try:
                text = block.decode("utf-8-sig" if first_row == 0 else "utf-8")
            except UnicodeDecodeError as error:
                raise bad_data(f"after row {first_row}: not UTF-8 text: {error.reason}") from None
            lines = [line for line in text.split("\n") if line and not line.isspace()]
            for start in range(0, len(lines), step):
                some = lines[start : start + step]
                yield Chunk(_table_of_objects(some, first_row), first_row, some)
                first_row += len(some)


def _table_of_objects(lines: list[str], first_row: int) -> Any:
    import pyarrow as pa

    rows = [_object(line, first_row + place + 1) for place, line in enumerate(lines)]
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    return pa.table({name: _column_of([row.get(name) for row in rows]) for name in names})


def _object(line: str, row: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise bad_data(f"row {row}: not JSON: {error}") from None
    if isinstance(value, dict):
        return value
    hint = "; one object in each line is expected, not one array" if line[:1] == "[" else ""
    raise bad_data(f"row {row}: expected an object, got {type(value).__name__}{hint}")


def _column_of(cells: list[Any]) -> Any:
    """Make a column of what JSON says; what is of no simple type becomes JSON text."""
    import pyarrow as pa

    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int} or kinds <= {int, float}:
        kind = pa.float64() if float in kinds else pa.int64()
        try:
            return pa.array(cells, type=kind if kinds else pa.null())
        except (OverflowError, pa.ArrowInvalid):
            return pa.array([None if c is None else float(c) for c in cells], type=pa.float64())
    if kinds == {bool}:
        return pa.array(cells, type=pa.bool_())
    text = [cell if cell is None or isinstance(cell, str) else json.dumps(cell) for cell in cells]
    return pa.array(text, type=pa.string())


class _Csv(_Text):
    def chunks(self) -> Iterator[Chunk]:
        block = next(self._blocks, b"").removeprefix(_BOM).lstrip(b"\r\n")
        while not block:
            following = next(self._blocks, None)
            if following is None:
                return
            block = following.lstrip(b"\r\n")
        names, n_skipped = self._header(block)
        first_row, step = 0, self._options.chunk_rows
        for part in chain([block], self._blocks):
            table = self._parse(part, names, n_skipped, first_row)
            for start in range(0, table.num_rows, step):
                yield Chunk(table.slice(start, step), first_row + start)
            first_row += table.num_rows
            n_skipped = 0

    def _header(self, block: bytes) -> tuple[list[str], int]:
        """Read the names of the columns; they are made up where the first line has numbers."""
        start = block[: 1 << 20].decode("utf-8", errors="replace")
        self.delimiter = self._options.delimiter or (
            "\t" if self.format is Format.TSV else _guess_delimiter(start)
        )
        cells = next(csv.reader(io.StringIO(start, newline=""), delimiter=self.delimiter), [])
        cells = [cell.strip() for cell in cells]
        has_names = self._options.header
        if has_names is None:
            has_names = not all(_is_number(cell) for cell in cells if cell)
        if not has_names:
            return [f"column_{place}" for place in range(1, len(cells) + 1)], 0
        repeated = [name for name, count in Counter(cells).items() if count > 1]
        if repeated:
            raise bad_data(f"the header names column {repeated[0]!r} more than once")
        return cells, 1

    def _parse(self, block: bytes, names: list[str], n_skipped: int, first_row: int) -> Any:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        broken: list[str] = []

        def report(row: Any) -> str:
            number = f"row {first_row + row.number - n_skipped}" if row.number else "a row"
            broken.append(
                f"{number}: expected {row.expected_columns} cells, got {row.actual_columns}"
            )
            return "error"

        try:
            return arrow_csv.read_csv(
                pa.py_buffer(block),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=len(block) + 1,
                    column_names=names,
                    skip_rows_after_names=n_skipped,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=report
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string())
                ),
            )
        except pa.ArrowInvalid as error:
            reason = broken[0] if broken else _readable(str(error), names, first_row - n_skipped)
            if reason is None:  # nothing but empty lines
                return pa.table({name: pa.array([], type=pa.string()) for name in names})
            raise bad_data(reason) from None


def _readable(message: str, names: list[str], offset: int) -> str | None:
    """Say in our words what Arrow complains about; None when there simply was no row."""
    if "Empty CSV" in message:
        return None
    found = re.search(r"CSV column #(\d+): Row #(\d+): .*invalid UTF8", message)
    if found:
        column, row = int(found[1]), int(found[2])
        return f"row {offset + row}, column {names[column]!r}: not UTF-8 text"
    if "invalid UTF8" in message:
        return f"after row {max(offset, 0)}: not UTF-8 text"
    return f"after row {max(offset, 0)}: {message}"


def _guess_delimiter(text: str) -> str:
    first_line = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    return max(_DELIMITERS, key=first_line.count)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
