"""From the cells of a column to numbers, texts and times, with errors that name the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.exits import bad_data

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.exits import CliError

__all__ = ["is_number_type", "is_text_type", "numbers", "parse_numbers", "seconds", "texts"]

# What an absent number is written as. Spaces around a cell do not matter.
_MISSING = (
    "", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null",
    "None", "none", "#N/A", "<NA>",
)  # fmt: skip
_LARGEST = 1e37  # beyond it the forest's single precision runs out
_SHOWN = 40
_HINT = "(a column that only passes through is named in --id-cols)"


def is_text_type(kind: Any) -> bool:
    """Whether an Arrow type holds text."""
    import pyarrow as pa

    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_number_type(kind: Any) -> bool:
    """Whether an Arrow type holds numbers; true and false are none."""
    import pyarrow as pa

    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def parse_numbers(text: Any) -> Any:
    """Parse a column of text as float64; missing ones become null. Raises ArrowInvalid."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(text)
    missing = pc.is_in(trimmed, value_set=pa.array(_MISSING, type=trimmed.type))
    return pc.cast(pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed), pa.float64())


def numbers(table: Any, name: str, first_row: int, *, hint: str = _HINT) -> FloatArray:
    """Read a column as numbers.

    Parameters
    ----------
    table : pyarrow.Table
        The rows at hand.
    name : str
        The column. Where it is absent, all its cells are missing.
    first_row : int
        Rows that came before, so that errors name the right row.
    hint : str
        What to do about a cell that is no number.

    Returns
    -------
    ndarray of float64
        NaN where a cell is missing.

    Raises
    ------
    CliError
        A cell is no number, or not a finite one.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table.column(name).combine_chunks()
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    try:
        if is_text_type(column.type):
            parsed = parse_numbers(column)
        elif is_number_type(column.type):
            parsed = pc.cast(column, pa.float64(), safe=False)
        else:
            raise bad_data(f"column {name!r} holds {column.type}, not numbers")
    except pa.ArrowInvalid:
        raise _no_number(column, name, first_row, hint) from None
    values: FloatArray = parsed.to_numpy(zero_copy_only=False)
    too_large = np.abs(values) > _LARGEST
    if too_large.any():
        row = int(np.argmax(too_large))
        reason = "is not finite" if np.isinf(values[row]) else f"is larger than {_LARGEST:g}"
        cell = str(column[row].as_py()).strip()
        raise bad_data(f"row {first_row + row + 1}, column {name!r}: {cell} {reason}")
    return values


def _no_number(text: Any, name: str, first_row: int, hint: str) -> CliError:
    """Find the first cell that is no number by halving."""
    import pyarrow as pa

    start, stop = 0, len(text)
    while stop - start > 1:
        middle = (start + stop) // 2
        try:
            parse_numbers(text.slice(start, middle - start))
        except pa.ArrowInvalid:
            stop = middle
        else:
            start = middle
    cell = text[start].as_py()
    shown = cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…"
    message = f"row {first_row + start + 1}, column {name!r}: expected a number, got {shown!r}"
    return bad_data(f"{message} {hint}".rstrip())


def texts(table: Any, name: str, *, missing: str | None = "") -> Any:
    """Read a column as text.

    Parameters
    ----------
    table : pyarrow.Table
        The rows at hand.
    name : str
        The column. Where it is absent, all its cells are missing.
    missing : str, optional
        What stands where a cell is missing.

    Returns
    -------
    pyarrow.StringArray
        One text a row.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in table.column_names:
        return pa.array([missing] * table.num_rows, type=pa.string())
    column = table.column(name).combine_chunks()
    if pa.types.is_null(column.type):
        return pa.array([missing] * len(column), type=pa.string())
    cells = pc.cast(column, pa.string())
    return cells if missing is None else pc.fill_null(cells, pa.scalar(missing))


def seconds(table: Any, name: str) -> FloatArray | None:
    """Read a column as seconds since 1970; None when it holds no times that we can read.

    Times of day of zoned and of plain timestamps are taken as they are written in UTC.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in table.column_names:
        return None
    column = table.column(name).combine_chunks()
    is_time = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    if not (is_time or is_text_type(column.type)):
        return None
    if not is_time:
        column = pc.utf8_trim_whitespace(column)
        is_empty = pc.equal(column, pa.scalar("", column.type))
        column = pc.if_else(is_empty, pa.scalar(None, column.type), column)
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            instants = pc.cast(column, kind, safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        if instants.null_count == len(instants):
            return None
        whole = pc.cast(instants, pa.int64())
        return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6
    return None
