"""Blocks of whole lines from a stream, as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

__all__ = ["line_blocks"]

_BLOCK_BYTES = 1 << 20
_LONGEST_QUOTED = 32 << 20


def line_blocks(
    stream: io.BufferedReader, *, eager: bool, quoted: bool, block_bytes: int = _BLOCK_BYTES
) -> Iterator[bytes]:
    """Cut a stream into blocks that end with a line.

    Parameters
    ----------
    stream
        What to read.
    eager
        Take what there is, as a pipe needs it, instead of waiting for a full block.
    quoted
        Line ends between double quotes belong to a cell, as in CSV. A quote that is never closed
        counts as an ordinary character after 32 MiB.
    block_bytes
        How much to read at once.

    Yields
    ------
    bytes
        One or more whole lines; the last may lack its line end.
    """
    read = stream.read1 if eager else stream.read
    kept: list[bytes] = []
    n_kept = 0
    inside = False  # whether what is kept ends between quotes
    while data := read(block_bytes):
        cut = _last_line_end(data, inside=inside) if quoted else data.rfind(b"\n") + 1
        if cut == 0 and inside and n_kept + len(data) > _LONGEST_QUOTED:
            cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join([*kept, data[:cut]])
            kept, n_kept, inside = [], 0, False
        rest = data[cut:]
        if rest:
            kept.append(rest)
            n_kept += len(rest)
            inside ^= bool(rest.count(b'"') % 2)
    if kept:
        yield b"".join(kept)


def _last_line_end(data: bytes, *, inside: bool) -> int:
    """Find where the last line ends that is not inside quotes; 0 when there is none."""
    end = len(data)
    n_quotes = data.count(b'"') + inside
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        n_quotes -= data.count(b'"', newline, end)
        if n_quotes % 2 == 0:
            return newline + 1
        end = newline
    return 0
