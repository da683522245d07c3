"""Input files as chunks of rows, a few at a time."""

from __future__ import annotations

import io
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from fastrcf.cli.exits import CliError, ExitCode, bad_data
from fastrcf.cli.formats import Format, decompress, format_of_name, format_of_start

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chunk", "ReadOptions", "Source", "open_source", "share_read", "spool_stdin"]

STDIN = "-"


@dataclass(frozen=True)
class Chunk:
    """Some rows of the input.

    Attributes
    ----------
    table : pyarrow.Table
        All columns. Those of text formats are text, or what JSON says.
    first_row : int
        Rows that came before.
    lines : list of str, optional
        JSON Lines: the rows as they were written.
    """

    table: Any
    first_row: int
    lines: list[str] | None = None

    @property
    def n_rows(self) -> int:
        """Rows in this chunk."""
        return int(self.table.num_rows)


@dataclass(frozen=True)
class ReadOptions:
    """How to read the input.

    Attributes
    ----------
    format : Format, optional
        What it is; by default the name or the first bytes tell.
    delimiter : str, optional
        Between the cells of CSV; by default the first line tells.
    header : bool, optional
        Whether the first line of CSV names the columns; by default it does unless it holds
        numbers only.
    chunk_rows : int
        Rows at a time, at most.
    """

    format: Format | None = None
    delimiter: str | None = None
    header: bool | None = None
    chunk_rows: int = 65_536


class Source(Protocol):
    """An open input."""

    @property
    def format(self) -> Format:
        """What it is."""

    @property
    def delimiter(self) -> str | None:
        """Between the cells of CSV; known once the first chunk is there."""

    def chunks(self) -> Iterator[Chunk]:
        """Go through the rows, once."""

    def done(self) -> float | None:
        """How much has been read, from 0 to 1; None where nobody knows."""


@contextmanager
def open_source(name: str, options: ReadOptions) -> Iterator[Source]:
    """Open a file, or standard input for ``-``.

    Parameters
    ----------
    name
        The file name.
    options
        How to read it.

    Yields
    ------
    Source
        Its rows.
    """
    with _open_bytes(name) as raw, ExitStack() as stack:
        with _unreadable_as_bad_data():
            source = _choose_reader(name, raw, options, stack)
        yield _Guarded(source)


def _choose_reader(
    name: str, raw: io.BufferedReader, options: ReadOptions, stack: ExitStack
) -> Source:
    is_pipe = name == STDIN
    unpacked = decompress(raw)
    kind = options.format or (None if is_pipe else format_of_name(name))
    kind = kind or format_of_start(unpacked.peek(64))
    n_bytes = None if is_pipe else Path(name).stat().st_size or None
    if kind.is_text:
        from fastrcf.cli.text_readers import open_text

        return open_text(kind, unpacked, raw, n_bytes, options, eager=is_pipe)
    from fastrcf.cli.arrow_readers import open_arrow, open_parquet

    if kind is Format.PARQUET:
        # Its table of contents is at the end: what cannot seek goes to a temporary file first.
        can_seek = raw is unpacked and not is_pipe
        return open_parquet(raw if can_seek else _spool(unpacked, stack), options)
    return open_arrow(unpacked, raw, n_bytes, options)


class _Guarded:
    """A source whose low-level errors are bad data."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.format = source.format

    @property
    def delimiter(self) -> str | None:
        return self._source.delimiter

    def chunks(self) -> Iterator[Chunk]:
        chunks = iter(self._source.chunks())
        while True:
            with _unreadable_as_bad_data():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def done(self) -> float | None:
        return self._source.done()


def share_read(raw: io.BufferedReader, n_bytes: int | None) -> float | None:
    """How much of a file has been read; None where its size is not known."""
    if not n_bytes:
        return None
    return 1.0 if raw.closed else raw.tell() / n_bytes


@contextmanager
def _open_bytes(name: str) -> Iterator[io.BufferedReader]:
    if name == STDIN:
        stdin: Any = sys.stdin.buffer
        yield stdin if hasattr(stdin, "peek") else io.BufferedReader(stdin)
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise CliError(ExitCode.INPUT_MISSING, f"{name}: {error.strerror}") from None
    with stream:
        yield stream


@contextmanager
def _unreadable_as_bad_data() -> Iterator[None]:
    """Name what broken packing and broken Arrow and Parquet files raise."""
    import lzma
    import zlib
    from gzip import BadGzipFile

    import pyarrow as pa

    try:
        yield
    except (BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise bad_data(f"the input cannot be unpacked: {error}") from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise bad_data(f"the input cannot be read: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise bad_data(f"the input cannot be read: {error}") from None  # as Arrow says it


def _spool(stream: io.BufferedReader, stack: ExitStack) -> BinaryIO:
    import shutil
    import tempfile

    copy: BinaryIO = tempfile.TemporaryFile(prefix="fastrcf-")  # noqa: SIM115 - the stack closes it
    stack.enter_context(copy)
    shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    return copy


@contextmanager
def spool_stdin() -> Iterator[str]:
    """Keep standard input in a temporary file, for what has to be read twice."""
    import shutil
    import tempfile

    with _open_bytes(STDIN) as stream, tempfile.TemporaryDirectory(prefix="fastrcf-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        yield str(path)
