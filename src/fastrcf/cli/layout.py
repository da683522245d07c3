"""The columns of the output, and how rows are brought to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cells import is_text_type, numbers, parse_numbers
from fastrcf.cli.exits import bad_data, note
from fastrcf.cli.formats import Format

if TYPE_CHECKING:
    from fastrcf.cli.columns import Roles
    from fastrcf.cli.readers import Chunk

__all__ = ["Layout", "Newcomers", "conform", "layout_of"]

_RESULTS = ("score", "is_anomaly", "threshold", "explanation")


@dataclass(frozen=True)
class Layout:
    """The columns of the output.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns of the input as typed formats write them.
    values : tuple of str
        Which of them are numbers that were scored.
    results : tuple of str
        Names of the score, the flag and the threshold, and of the explanation if there is one.
    source : Format
        What the input is; from text, typed columns are made cell by cell.
    """

    schema: Any
    values: tuple[str, ...]
    results: tuple[str, ...]
    source: Format


def layout_of(
    probe: Any, roles: Roles, source: Format, suffix: str, *, explain: bool = False
) -> Layout:
    """Lay out the output by the first rows of the input.

    Parameters
    ----------
    probe : pyarrow.Table
        The first rows.
    roles : Roles
        What the columns are for.
    source : Format
        The format of the input.
    suffix : str
        Ends the names of the new columns.
    explain : bool
        Whether there are explanations.

    Returns
    -------
    Layout
        The columns.

    Raises
    ------
    CliError
        The input already has a column of such a name.
    """
    names = _RESULTS if explain else _RESULTS[:-1]
    results = tuple(name + suffix for name in names)
    for name in results:
        if name in probe.column_names:
            raise bad_data(
                f"the input already has a column {name!r}; --suffix _2 would name the new ones "
                + ", ".join(repr(f"{name}_2") for name in names)
            )
    schema = probe.schema if not source.is_text else _typed(probe, roles)
    return Layout(schema, roles.values, results, source)


def _typed(probe: Any, roles: Roles) -> Any:
    """Choose types for text: numbers where rows are scored, ids whole, everything else text."""
    import pyarrow as pa

    fields = []
    for field in probe.schema:
        kind = field.type
        if field.name in roles.values:
            kind = pa.float64()
        elif pa.types.is_null(kind):
            kind = pa.string()
        elif field.name in roles.left_out and is_text_type(kind):
            values = numbers(probe, field.name, 0)
            kind = pa.int64() if (values == np.rint(values)).all() else pa.float64()
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def conform(chunk: Chunk, layout: Layout) -> Any:
    """Bring rows to the types that were chosen by the first of them.

    Parameters
    ----------
    chunk
        The rows.
    layout
        The types.

    Returns
    -------
    pyarrow.Table
        The columns of the layout, absent ones empty.

    Raises
    ------
    CliError
        A cell does not fit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not layout.source.is_text:
        return chunk.table
    columns = []
    for field in layout.schema:
        if field.name in layout.values:
            values = numbers(chunk.table, field.name, chunk.first_row)
            column = pa.array(values, mask=np.isnan(values))
        elif field.name not in chunk.table.column_names:
            column = pa.nulls(chunk.n_rows, field.type)
        else:
            column = chunk.table.column(field.name).combine_chunks()
            try:
                if is_text_type(column.type) and not is_text_type(field.type):
                    column = parse_numbers(column)
                column = pc.cast(column, field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise bad_data(
                    f"rows {chunk.first_row + 1} to {chunk.first_row + chunk.n_rows}, column "
                    f"{field.name!r}: {field.type} in the first rows, but not here ({error}); "
                    "write CSV or JSON Lines, which have no types"
                ) from None
        columns.append(column)
    return pa.table(columns, schema=layout.schema)


class Newcomers:
    """Says once what keys of JSON Lines come too late to become a column."""

    def __init__(self, layout: Layout) -> None:
        self._known = set(layout.schema.names)

    def look(self, chunk: Chunk) -> None:
        """Look at the next rows."""
        late = [name for name in chunk.table.column_names if name not in self._known]
        if late:
            self._known.update(late)
            names = ", ".join(repr(name) for name in late)
            note(
                f"after row {chunk.first_row}: {names} did not occur in the first rows and will "
                "be missing from the output; write JSON Lines to keep everything"
            )
