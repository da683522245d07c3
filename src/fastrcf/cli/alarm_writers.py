"""Alarms in each format, one row for each."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from fastrcf.cli.formats import Format
from fastrcf.cli.outputs import typed_file

if TYPE_CHECKING:
    from fastrcf.cli.columns import Roles
    from fastrcf.cli.formats import Target

__all__ = ["alarm_columns", "write_alarms"]

_COLUMNS = (
    "row",
    "end",
    "score",
    "grade",
    "reason",
    "column",
    "direction",
    "value",
    "expected",
    "attribution",
)
_WHOLE, _TEXT = {"row", "end"}, {"key", "time", "end_time", *_COLUMNS[4:7], "attribution"}


def alarm_columns(roles: Roles) -> tuple[str, ...]:
    """Name what is told of alarms in an input, in order."""
    key = () if roles.key is None else ("key",)
    times = () if roles.time is None else ("time", "end_time")
    return (*key, *times, *_COLUMNS)


def write_alarms(
    stream: BinaryIO,
    target: Target,
    columns: tuple[str, ...],
    alarms: list[dict[str, Any]],
    *,
    delimiter: str,
) -> None:
    """Write alarms.

    Parameters
    ----------
    stream
        Takes the bytes.
    target
        In which format.
    columns
        From `alarm_columns`.
    alarms
        As `fastrcf.cli.detecting.Series` makes them.
    delimiter
        Between the cells of CSV.
    """
    if target.format is Format.JSONL:
        lines = [json.dumps(alarm, ensure_ascii=False) + "\n" for alarm in alarms]
        stream.write("".join(lines).encode())
        return
    rows = [alarm | {"attribution": _compact(alarm["attribution"])} for alarm in alarms]
    if not target.format.is_text:
        _write_typed(stream, target, columns, rows)
        return
    text = io.StringIO()
    between = "\t" if target.format is Format.TSV else delimiter
    writer = csv.DictWriter(text, columns, delimiter=between, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    stream.write(text.getvalue().encode())


def _compact(attribution: dict[str, float]) -> str:
    return json.dumps(attribution, ensure_ascii=False, separators=(",", ":"))


def _write_typed(
    stream: BinaryIO, target: Target, columns: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    import pyarrow as pa

    kinds = [
        pa.int64() if name in _WHOLE else pa.string() if name in _TEXT else pa.float64()
        for name in columns
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(zip(columns, kinds, strict=True))))
    with typed_file(stream, target, table.schema) as file:
        file.write_table(table)
