"""Records as they come: one or many, in frames or arrays; what of them is a number, and results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastrcf._extras import require
from fastrcf._forest.inputs import as_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, Names

__all__ = ["Records", "read_records"]

Results = dict[str, Any]
"""Names and columns to be added, each as long as there are records."""


class Records(Protocol):
    """Records of some kind."""

    @property
    def names(self) -> Sequence[str]:
        """All columns."""

    def columns_of_numbers(self) -> Names:
        """Find the columns that hold numbers; refuse decimals and columns without any value."""

    def numbers(self, columns: Names) -> FloatArray:
        """Return these columns as rows, NaN where there is NULL."""

    def with_results(self, results: Results) -> Any:
        """Return the records in their own kind, with more columns."""


def read_records(records: Any) -> Records:
    """Tell what kind of records has come.

    Parameters
    ----------
    records : mapping, sequence of mappings, frame, mapping of columns, or array
        The records.

    Returns
    -------
    Records
        A view of them.

    Raises
    ------
    MissingExtraError
        A frame has come and narwhals is not installed.
    TypeError
        It is none of these.
    ValueError
        An array is of another number of dimensions, or there are no records.
    """
    if isinstance(records, Mapping):
        lengths = {np.shape(column)[:1] for column in records.values() if _is_column(column)}
        if not lengths:
            return _Record(records)
        if len(lengths) > 1:
            raise ValueError(f"records: expected columns of one length, got {sorted(lengths)}")
        return _Columns(records)
    if hasattr(type(records), "columns"):
        return _Frame(records)
    if isinstance(records, list | tuple) and records and isinstance(records[0], Mapping):
        return _Listed(records)
    if isinstance(records, Iterable) and not hasattr(records, "__len__"):
        raise TypeError(
            f"records: expected records that are there, got {type(records).__name__}; "
            "random_cut_forest reads streams"
        )
    table = as_table(records, name="records").array
    return _Columns({f"COL{i + 1}": column for i, column in enumerate(table.T)})


class _Record:
    """One record: a mapping of names to values."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record
        self.names = tuple(record)

    def columns_of_numbers(self) -> Names:
        return tuple(name for name in self.names if _holds_numbers(name, [self._record[name]]))

    def numbers(self, columns: Names) -> FloatArray:
        return _table({name: _cells([self._record], name) for name in columns})

    def with_results(self, results: Results) -> dict[str, Any]:
        added = {name: np.asarray(column)[0].item() for name, column in results.items()}
        return {**self._record, **added}


class _Listed:
    """Many records as a list of mappings."""

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._records = records
        self.names = tuple(dict.fromkeys(name for record in records for name in record))

    def columns_of_numbers(self) -> Names:
        return tuple(
            name
            for name in self.names
            if _holds_numbers(name, (record.get(name) for record in self._records))
        )

    def numbers(self, columns: Names) -> FloatArray:
        return _table({name: _cells(self._records, name) for name in columns})

    def with_results(self, results: Results) -> list[dict[str, Any]]:
        lists = [np.asarray(column).tolist() for column in results.values()]
        return [
            {**record, **dict(zip(results, values, strict=True))}
            for record, *values in zip(self._records, *lists, strict=True)
        ]


class _Columns:
    """Many records as a mapping of names to columns."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns
        self.names = tuple(columns)

    def columns_of_numbers(self) -> Names:
        return tuple(
            name for name, column in self._columns.items() if _is_numeric(name, np.asarray(column))
        )

    def numbers(self, columns: Names) -> FloatArray:
        _refuse_missing(columns, self.names)
        return _table({name: self._columns[name] for name in columns})

    def with_results(self, results: Results) -> dict[str, Any]:
        return {**self._columns, **results}


class _Frame:
    """Many records as a frame that narwhals knows."""

    def __init__(self, frame: Any) -> None:
        self._narwhals = require("narwhals", "frames")
        try:
            self._frame = self._narwhals.from_native(frame, eager_only=True)
        except TypeError as error:
            raise TypeError(
                f"records: expected a frame in memory, got {type(frame).__name__}; collect a lazy "
                "frame first"
            ) from error
        self.names = tuple(self._frame.columns)

    def columns_of_numbers(self) -> Names:
        return tuple(name for name in self.names if self._is_numeric(name))

    def _is_numeric(self, name: str) -> bool:
        column = self._frame[name]
        kind = column.dtype
        if kind in (self._narwhals.Object, self._narwhals.Unknown, self._narwhals.Decimal):
            return _holds_numbers(name, column.to_list())
        return bool(kind.is_numeric())

    def numbers(self, columns: Names) -> FloatArray:
        _refuse_missing(columns, self.names)
        return _table({name: self._frame[name].to_native() for name in columns})

    def with_results(self, results: Results) -> Any:
        narwhals, where = self._narwhals, self._frame.implementation
        added = [
            narwhals.new_series(
                name,
                column,
                narwhals.String if isinstance(column, list) else narwhals.Float64,
                backend=where,
            )
            for name, column in results.items()
        ]
        return self._frame.with_columns(*added).to_native()


# ---- cells --------------------------------------------------------------------------------------


def _is_column(value: Any) -> bool:
    return not isinstance(value, str | bytes | Mapping) and bool(np.ndim(value))


def _is_numeric(name: str, column: NDArray[Any]) -> bool:
    if column.dtype.kind == "O":
        return _holds_numbers(name, column.tolist())
    return column.dtype.kind in "iuf"


def _holds_numbers(name: str, values: Iterable[Any]) -> bool:
    """Judge a column by its first value that is not NULL."""
    for value in values:
        if value is None or type(value).__name__ == "NAType":
            continue
        if isinstance(value, Decimal):
            raise TypeError(
                f"records: column {name!r} holds decimals, which are not scored; cast them to "
                "float, or name the columns to score in columns"
            )
        return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    raise ValueError(
        f"records: column {name!r} has nothing but NULL, so its type is not known; name the "
        "columns to score in columns"
    )


def _cells(records: Iterable[Mapping[str, Any]], name: str) -> NDArray[Any]:
    """One column of records, as objects so that texts are not mistaken for numbers."""
    cells = []
    for row, record in enumerate(records):
        if name not in record:
            raise ValueError(f"records: row {row} has no column {name!r}; NULL is None")
        cells.append(record[name])
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column


def _refuse_missing(columns: Names, names: Sequence[str]) -> None:
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"records: there is no column {missing[0]!r} among {list(names)}")


def _table(columns: dict[str, Any]) -> FloatArray:
    return as_table(columns, name="records").array.astype(np.float64, copy=False)
