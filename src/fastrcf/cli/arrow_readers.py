"""Parquet and Arrow as chunks; the types of the columns are those of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastrcf.cli.exits import bad_data
from fastrcf.cli.formats import Format
from fastrcf.cli.readers import Chunk, share_read

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

    from fastrcf.cli.readers import ReadOptions, Source

__all__ = ["open_arrow", "open_parquet"]


def open_parquet(stream: Any, options: ReadOptions) -> Source:
    """Open Parquet; a row group is unpacked a few rows at a time.

    Parameters
    ----------
    stream
        The file; it must be seekable.
    options
        How to read it.

    Returns
    -------
    Source
        Its rows.
    """
    from pyarrow import parquet

    file = parquet.ParquetFile(stream)
    batches = file.iter_batches(batch_size=options.chunk_rows, use_threads=False)
    return _Batches(Format.PARQUET, batches, options, n_rows=file.metadata.num_rows)


def open_arrow(
    stream: io.BufferedReader, raw: io.BufferedReader, n_bytes: int | None, options: ReadOptions
) -> Source:
    """Open Arrow IPC, the stream format or the file format.

    Both are read from front to back: behind its mark a file holds a stream.

    Parameters
    ----------
    stream
        The data.
    raw
        Where it comes from, to tell how far we are.
    n_bytes
        Size of ``raw`` where it is known.
    options
        How to read it.

    Returns
    -------
    Source
        Its rows.
    """
    import pyarrow as pa

    if stream.peek(6).startswith(b"ARROW1"):
        stream.read(8)
    batches = pa.ipc.open_stream(pa.PythonFile(stream, mode="r"))
    return _Batches(Format.ARROW, batches, options, raw=raw, n_bytes=n_bytes)


class _Batches:
    delimiter: str | None = None

    def __init__(
        self,
        kind: Format,
        batches: Iterable[Any],
        options: ReadOptions,
        *,
        n_rows: int | None = None,
        raw: io.BufferedReader | None = None,
        n_bytes: int | None = None,
    ) -> None:
        self.format = kind
        self._batches = batches
        self._chunk_rows = options.chunk_rows
        self._n_rows = n_rows
        self._n_read = 0
        self._raw = raw
        self._n_bytes = n_bytes

    def chunks(self) -> Iterator[Chunk]:
        import pyarrow as pa

        step = self._chunk_rows
        for batch in self._batches:
            table = _without_dictionaries(pa.Table.from_batches([batch]))
            if len(set(table.column_names)) < len(table.column_names):
                raise bad_data("two columns of the input have the same name")
            for start in range(0, table.num_rows, step):
                yield Chunk(table.slice(start, step), self._n_read + start)
            self._n_read += table.num_rows

    def done(self) -> float | None:
        if self._n_rows:
            return self._n_read / self._n_rows
        return None if self._raw is None else share_read(self._raw, self._n_bytes)


def _without_dictionaries(table: Any) -> Any:
    """Decode dictionary columns, whose dictionaries may change from batch to batch."""
    import pyarrow as pa

    if not any(pa.types.is_dictionary(field.type) for field in table.schema):
        return table
    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(plain, metadata=table.schema.metadata))
