"""File formats: told from the name, or from the first bytes where the name does not say."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fastrcf.cli.exits import CliError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Format", "Target", "decompress", "format_of_name", "format_of_start", "target_of_name"]


class Format(StrEnum):
    """What is read and written."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def is_text(self) -> bool:
        """Whether it is made of lines."""
        return self in {Format.CSV, Format.TSV, Format.JSONL}


@dataclass(frozen=True)
class Target:
    """How an output file is written."""

    format: Format
    compression: str | None = None  # of text; Parquet and Arrow compress inside
    is_stream: bool = False  # Arrow: the stream format, not the file format


_SUFFIXES = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".ipc": Format.ARROW,
    ".arrows": Format.ARROW,
}
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def format_of_name(name: str) -> Format | None:
    """Tell the format of a file from its name; None when the suffix is not known."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def format_of_start(start: bytes) -> Format:
    """Tell the format from the first bytes (after decompression): lines of text in doubt."""
    if start.startswith(b"PAR1"):
        return Format.PARQUET
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return Format.ARROW
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return Format.JSONL
    first_line = text.partition(b"\n")[0]
    return Format.TSV if b"\t" in first_line and b"," not in first_line else Format.CSV


def target_of_name(name: str) -> Target:
    """Tell from its name how to write a file.

    Parameters
    ----------
    name
        The file name.

    Returns
    -------
    Target
        Format and compression.

    Raises
    ------
    CliError
        The suffix is not known.
    """
    known = format_of_name(name)
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if known is None:
        raise CliError(
            ExitCode.USAGE,
            f"--output {name}: expected a name that ends in .csv, .tsv, .jsonl (each also with "
            ".gz, .bz2, .xz or .zst), .parquet, .arrow or .arrows",
        )
    if compression and not known.is_text:
        raise CliError(
            ExitCode.USAGE, f"--output {name}: {known} is compressed inside; leave the suffix out"
        )
    return Target(known, compression, is_stream=suffixes[-1] == ".arrows")


def decompress(stream: io.BufferedReader) -> io.BufferedReader:
    """Unpack a stream that starts as a compressed file does; others pass unchanged."""
    start = stream.peek(6)[:6]
    kind = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    return stream if kind is None else _unpackers()[kind](stream)


def _unpackers() -> dict[str, Callable[[BinaryIO], io.BufferedReader]]:
    def gz(raw: BinaryIO) -> io.BufferedReader:
        import gzip

        return io.BufferedReader(gzip.GzipFile(fileobj=raw))

    def bz2(raw: BinaryIO) -> io.BufferedReader:
        import bz2

        return io.BufferedReader(bz2.BZ2File(raw))

    def xz(raw: BinaryIO) -> io.BufferedReader:
        import lzma

        return io.BufferedReader(lzma.LZMAFile(raw))

    def zstd(raw: BinaryIO) -> io.BufferedReader:
        import pyarrow as pa

        stream: Any = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        return io.BufferedReader(stream)

    return {"gzip": gz, "bz2": bz2, "xz": xz, "zstd": zstd}
