"""Tables that ``fastrcf forecast`` reads and writes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from fastrcf.cli.cells import seconds
from fastrcf.cli.exits import bad_data, note
from fastrcf.cli.formats import Format
from fastrcf.cli.outputs import typed_file
from fastrcf.cli.pipeline import measures, start
from fastrcf.cli.progress import progress
from fastrcf.cli.readers import open_source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.cli.columns import Requested
    from fastrcf.cli.formats import Target
    from fastrcf.cli.readers import ReadOptions

__all__ = ["Clocked", "Results", "read_table", "write_results"]


@dataclass(frozen=True)
class Clocked:
    """Rows one distance apart."""

    names: tuple[str, ...]
    rows: FloatArray
    start: np.datetime64 | None
    step: int | None
    """Seconds between rows."""

    @property
    def is_time(self) -> bool:
        """Whether there is a clock."""
        return self.start is not None and self.step is not None

    def places(self, first: int, n: int) -> NDArray[Any]:
        """Give the times of rows, or their numbers from 1 on."""
        numbers = np.arange(first, first + n)
        if self.start is None or self.step is None:
            return numbers + 1
        return self.start + numbers * np.timedelta64(self.step, "s")

    def seconds(self, places: NDArray[Any]) -> FloatArray:
        """Turn places into numbers."""
        return places.astype(np.int64).astype(np.float64)


@dataclass(frozen=True)
class Results:
    """Quantiles of rows."""

    names: tuple[str, ...]
    places: NDArray[Any]
    values: FloatArray
    """Shape (q, n, series)."""

    rows: FloatArray | None = None
    scores: FloatArray | None = None
    """Shape (n, series), of rows that are known."""


def read_table(
    name: str, options: ReadOptions, requested: Requested, network: dict[str, Any]
) -> tuple[Clocked, Format, str]:
    """Read all rows, and set them one distance apart.

    Parameters
    ----------
    name, options, requested
        The input, how it is read, and its columns.
    network : dict
        Its ``freq`` is the distance, where it is known.

    Returns
    -------
    table : Clocked
        The rows.
    format : Format
        That of the input.
    delimiter : str
        Between the cells of CSV.
    """
    parts, clocks = [], []
    with open_source(name, options) as source, progress() as bar:
        roles, _, chunks = start(source, requested)
        for warning in roles.warnings:
            note(warning)
        for chunk in chunks:
            parts.append(measures(chunk, roles))
            if roles.time is not None:
                clocks.append(seconds(chunk.table, roles.time))
            bar.step(source.done(), chunk.first_row + chunk.n_rows)
    rows = np.concatenate(parts)
    times = None
    if clocks and all(each is not None for each in clocks):
        times = np.concatenate([np.asarray(each) for each in clocks])
    delimiter = source.delimiter if source.format is Format.CSV and source.delimiter else ","
    return _regular(roles.values, rows, times, network), source.format, delimiter


def _regular(
    names: tuple[str, ...], rows: FloatArray, times: FloatArray | None, network: dict[str, Any]
) -> Clocked:
    """Put a row of NaN wherever the clock misses one."""
    if times is None or len(times) < 2 or np.isnan(times).any():
        return Clocked(names, rows, None, None)
    if network.get("freq") is not None:
        from fastrcf.neural._forecast_spec import seconds_of

        step = seconds_of(network["freq"])
    else:
        step = round(float(np.median(np.diff(times))))
    places = (times - times[0]) / max(step, 1)
    wrong = (np.diff(places) < 0.5) | (np.abs(places - np.round(places)) > 1e-6)[1:]
    if step < 1 or wrong.any():
        row = int(np.argmax(wrong)) + 2
        raise bad_data(
            f"row {row}: expected a time that is {step} s, or a multiple of it, after the one "
            "before; resample the rows, or leave the clock out with --id-cols"
        )
    numbers = np.round(places).astype(np.int64)
    n = int(numbers[-1]) + 1
    if n > 10 * len(rows) + 1000:
        raise bad_data(f"the clock misses {n - len(rows):,} of {n:,} rows that are {step} s apart")
    if n > len(rows):
        note(f"{n - len(rows):,} rows that the clock misses are taken as missing values")
    whole = np.full((n, rows.shape[1]), np.nan)
    whole[numbers] = rows
    first = np.datetime64(round(float(times[0])), "s")
    return Clocked(names, whole, first, step)


def write_results(
    stream: BinaryIO, target: Target, results: Results, quantiles: tuple[str, ...], delimiter: str
) -> None:
    """Write one row for each place and series."""
    columns = _columns(results, quantiles)
    if target.format.is_text:
        _write_text(stream, target, columns, delimiter)
        return
    import pyarrow as pa

    table = pa.table({name: pa.array(cells) for name, cells in columns.items()})
    with typed_file(stream, target, table.schema) as file:
        file.write_table(table)


def _columns(results: Results, quantiles: tuple[str, ...]) -> dict[str, list[Any]]:
    """Put one series below the other; None is missing."""
    n_series, n = len(results.names), len(results.places)
    columns: dict[str, list[Any]] = {}
    if n_series > 1:
        columns["series"] = [name for name in results.names for _ in range(n)]
    is_time = results.places.dtype.kind == "M"
    places = [str(each).replace("T", " ") for each in results.places] if is_time else results.places
    columns["time" if is_time else "row"] = [
        each if is_time else int(each) for _ in range(n_series) for each in places
    ]
    if results.rows is not None and results.scores is not None:
        columns["value"] = _cells(results.rows)
        columns["score"] = _cells(results.scores)
    for name, values in zip(quantiles, results.values, strict=True):
        columns[f"q{name}"] = _cells(values)
    return columns


def _cells(values: FloatArray) -> list[float | None]:
    return [None if np.isnan(each) else each for each in values.T.ravel().tolist()]


def _write_text(
    stream: BinaryIO, target: Target, columns: dict[str, list[Any]], delimiter: str
) -> None:
    rows = zip(*columns.values(), strict=True)
    if target.format is Format.JSONL:
        for row in rows:
            line = json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
            stream.write(f"{line}\n".encode())
        return
    text = io.StringIO()
    between = "\t" if target.format is Format.TSV else delimiter
    writer = csv.writer(text, delimiter=between, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    stream.write(text.getvalue().encode())
