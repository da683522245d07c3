"""Where results go: standard output, or a file that appears only when it is whole."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fastrcf.cli.exits import CliError, ExitCode
from fastrcf.cli.formats import Format, Target, target_of_name

__all__ = ["check_file", "compressed", "file_output", "open_target", "stdout_output", "typed_file"]


def check_file(flag: str, name: str, inputs: tuple[str, ...] = ()) -> None:
    """Complain early about a file that could not be written later.

    Parameters
    ----------
    flag
        The option that names it, for the message.
    name
        The file name.
    inputs
        Files that are read, which it must not be.

    Raises
    ------
    CliError
        Its folder does not exist or cannot be written, it is a folder, or it is an input.
    """
    path = Path(name)
    if path.is_dir():
        raise CliError(ExitCode.USAGE, f"{flag} {name}: that is a folder")
    if not path.absolute().parent.is_dir():
        raise CliError(ExitCode.USAGE, f"{flag} {name}: there is no folder {path.parent}")
    if not os.access(path.absolute().parent, os.W_OK):
        raise CliError(ExitCode.USAGE, f"{flag} {name}: the folder cannot be written")
    for other in inputs:
        if path.exists() and Path(other).exists() and path.samefile(other):
            raise CliError(ExitCode.USAGE, f"{flag} {name}: that is the input")


@contextmanager
def file_output(name: str) -> Iterator[BinaryIO]:
    """Open a file for writing; it takes its name when the block ends without an error.

    Until then the bytes are in a hidden file beside it, which an error removes. Devices and named
    pipes are written directly.

    Parameters
    ----------
    name
        The file name.

    Yields
    ------
    BinaryIO
        To be written to; closing is ours.
    """
    target = Path(os.path.realpath(name))
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as stream:
            yield stream
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def stdout_output(*, is_binary: bool) -> Iterator[BinaryIO]:
    """Write to standard output.

    Parameters
    ----------
    is_binary
        The format is not meant for eyes, and a terminal is refused.

    Yields
    ------
    BinaryIO
        To be written to.
    """
    if is_binary and sys.stdout.isatty():
        raise CliError(
            ExitCode.USAGE, "a binary format does not belong on a terminal; name a file in --output"
        )
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def open_target(
    stack: ExitStack, name: str | None, wanted: Format | None, source: Format
) -> tuple[BinaryIO, Target]:
    """Open a file by its name, or standard output.

    Parameters
    ----------
    stack
        Closes it.
    name
        The file, None for standard output.
    wanted, source
        Format of standard output, and that of the input, which is the default.

    Returns
    -------
    stream : BinaryIO
        To be written to.
    target : Target
        In which format.
    """
    if name is None:
        kind = wanted or (Format.CSV if source is Format.PARQUET else source)
        target = Target(kind, is_stream=True)
        stream = stack.enter_context(stdout_output(is_binary=not kind.is_text))
    else:
        target = target_of_name(name)
        stream = stack.enter_context(file_output(name))
    return stack.enter_context(compressed(stream, target.compression)), target


def typed_file(stream: BinaryIO, target: Target, schema: Any) -> Any:
    """Begin a file whose columns have types.

    Parameters
    ----------
    stream
        Takes the bytes.
    target
        Parquet or Arrow.
    schema
        A ``pyarrow.Schema``.

    Returns
    -------
    pyarrow.parquet.ParquetWriter or pyarrow.ipc.RecordBatchStreamWriter
        A context; tables go to its ``write_table``.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if target.format is Format.PARQUET:
        return parquet.ParquetWriter(stream, schema)
    return (pa.ipc.new_stream if target.is_stream else pa.ipc.new_file)(stream, schema)


@contextmanager
def compressed(stream: BinaryIO, kind: str | None) -> Iterator[BinaryIO]:
    """Pack what is written to a stream.

    Parameters
    ----------
    stream
        Takes the packed bytes; it stays open.
    kind
        ``"gzip"``, ``"bz2"``, ``"xz"``, ``"zstd"``, or None for as it is.

    Yields
    ------
    BinaryIO
        To be written to.
    """
    if kind is None:
        yield stream
        return
    with _packer(stream, kind) as packed:
        yield packed


def _packer(stream: BinaryIO, kind: str) -> Any:
    if kind == "gzip":
        import gzip

        return gzip.GzipFile("", "wb", 6, stream, mtime=0)
    if kind == "bz2":
        import bz2

        return bz2.BZ2File(stream, "wb")
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(stream, "wb", preset=3)
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(stream, mode="w"), "zstd")
