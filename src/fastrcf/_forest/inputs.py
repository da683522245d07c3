"""From what users have (arrays, lists, frames, series, dictionaries) to what the core takes.

Frames are recognised by what they can do, never by importing the package that they come from.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from fastrcf._forest.names import OWNER, names_of, pick

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, Names, RealArray

__all__ = [
    "Row",
    "Table",
    "as_row",
    "as_table",
]

_NUMBERS = "biuf"
_FLOAT64 = np.dtype(np.float64)


class Table(NamedTuple):
    """Rows, and the names of their columns where the input had names."""

    array: RealArray
    """Shape (n, d), float32 or float64, no copy of an array that is either."""

    names: Names | None


class Row(NamedTuple):
    """One row, and the names of its columns where the input had names."""

    array: RealArray
    """Shape (d,)."""

    names: Names | None


def as_table(data: object, *, name: str = "X", columns: str = "one or two") -> Table:
    """Turn user data into rows.

    Parameters
    ----------
    data : array_like, frame, series or mapping of columns
        Numbers. NaN and None mean missing.
    name : str
        What the caller's argument is called in error messages.
    columns : {"one or two", "two"}
        Which dimensions are taken: with ``"one or two"`` a 1-D input is one column; with
        ``"two"`` it is refused, as scikit-learn does.

    Returns
    -------
    Table
        At least one row and one column.

    Raises
    ------
    TypeError
        The data are not numbers, or are sparse.
    ValueError
        The data are complex, empty, ragged, or of another number of dimensions.
    """
    names: Names | None = None
    if type(data) is np.ndarray:
        values: NDArray[Any] = data
    else:
        values, names = _read(data, name)
    if values.ndim == 1:
        if columns == "two":
            raise ValueError(_one_dimensional(values))
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise ValueError(
            f"{name}: expected shape (n,) or (n, d), found array with dim {values.ndim} and "
            f"shape {values.shape}"
        )
    for axis, what in enumerate(("sample(s)", "feature(s)")):
        if values.shape[axis] == 0:
            raise ValueError(
                f"{name}: found array with 0 {what} (shape={values.shape}) while a minimum of 1 "
                f"is required by {OWNER}."
            )
    return Table(_numeric(values, name, names), names)


def as_row(data: object, expected: Names | None, *, name: str = "x") -> Row:
    """Turn user data into one row.

    Parameters
    ----------
    data : number, array_like, series or mapping
        The values of one row. The order of a mapping does not matter once the names are known.
    expected : tuple of str or None
        The names that the forest knows.
    name : str
        What the caller's argument is called in error messages.

    Returns
    -------
    Row
        At least one value.

    Raises
    ------
    TypeError, ValueError
        As in `as_table`; and a mapping's keys are not those that are expected.
    """
    values, names = _read_row(data, expected, name)
    if values.ndim != 1:
        raise ValueError(
            f"{name}: expected one row, a 1-D array, got shape {values.shape}; the methods "
            "without _one in their name take many rows"
        )
    if values.size == 0:
        raise ValueError(f"{name}: found a row with 0 values; at least 1 is required")
    if values.dtype is not _FLOAT64:
        values = _numeric(values[np.newaxis], name, names)[0]
    return Row(values, names)


def _one_dimensional(values: NDArray[Any]) -> str:
    return (
        f"Expected 2D array, got 1D array instead:\narray={reprlib.repr(values.tolist())}.\n"
        "Reshape your data either using array.reshape(-1, 1) if your data has a single feature "
        "or array.reshape(1, -1) if it contains a single sample."
    )


# ---- reading ------------------------------------------------------------------------------------


def _read_row(data: Any, expected: Names | None, name: str) -> tuple[NDArray[Any], Names | None]:
    """Get at the values of one row; the common kinds come first."""
    kind = type(data)
    if kind is list or kind is tuple:
        return _from_list(data, name), None
    if kind is int:
        return np.array([data]), None
    if kind is not dict and hasattr(data, "to_dict") and _has_names(data):
        data = data.to_dict()  # a row of a frame
    if kind is dict or isinstance(data, Mapping):
        names = pick(data, expected, name)
        return _from_list([data[key] for key in names], name), names
    if isinstance(data, str | bytes) or data is None:
        raise TypeError(
            f"{name}: expected a number, a 1-D array, a sequence or a mapping, "
            f"got {reprlib.repr(data)} ({kind.__name__})"
        )
    values, names_found = _read(data, name)
    return values.reshape(1) if values.ndim == 0 else values, names_found


def _read(data: Any, name: str) -> tuple[NDArray[Any], Names | None]:
    """Get at the values, still of any dtype, and the names."""
    if hasattr(data, "tocsr"):
        raise TypeError(
            f"{name}: sparse data was passed, but dense data is required; "
            f"use {name}.toarray() to convert it"
        )
    if hasattr(data, "collect") and not hasattr(data, "to_numpy"):
        raise TypeError(
            f"{name}: expected rows in memory, got a {type(data).__name__}; call collect() first"
        )
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.float64), np.nan), None
    if isinstance(data, Mapping):
        return _from_columns(list(data.values()), tuple(data), name)
    if hasattr(data, "columns"):
        if hasattr(data, "column_names"):  # Arrow
            return _from_columns(list(data.columns), tuple(data.column_names), name)
        if hasattr(data, "to_numpy"):
            return _from_frame(data, name)
    if isinstance(data, list | tuple):
        return _from_list(data, name), None
    return _array(data), None


def _from_list(data: Iterable[Any], name: str) -> NDArray[Any]:
    try:
        values = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{name}: expected rows of one length, got ragged data") from error
    # NumPy makes text of numbers that stand beside text.
    return np.asarray(data, dtype=object) if values.dtype.kind in "US" else values


def _from_frame(frame: Any, name: str) -> tuple[NDArray[Any], Names | None]:
    labels = tuple(frame.columns)
    if all(getattr(dtype, "kind", "O") in _NUMBERS for dtype in frame.dtypes):
        values = frame.to_numpy()
        if values.dtype.kind in _NUMBERS:
            return values, names_of(labels, name)
    if hasattr(frame, "get_columns"):  # polars
        columns = frame.get_columns()
    else:
        columns = [frame.iloc[:, position] for position in range(len(labels))]
    return _from_columns(columns, labels, name, frame.shape)


def _from_columns(
    columns: Sequence[Any],
    labels: tuple[Any, ...],
    name: str,
    shape: tuple[int, int] = (0, 0),
) -> tuple[FloatArray, Names | None]:
    names = names_of(labels, name)
    if not columns:
        return np.empty(shape), names
    arrays = [_array(column) for column in columns]
    table: list[FloatArray] = []
    for position, (array, label) in enumerate(zip(arrays, labels, strict=True)):
        if array.ndim != 1 or array.shape != arrays[0].shape:
            raise ValueError(
                f"{name}: expected columns of one length, got shape {array.shape} in "
                f"column {position} ({label!r})"
            )
        numbers = _numeric(array[:, np.newaxis], name, (str(label),), first=position)
        table.append(numbers[:, 0].astype(np.float64, copy=False))
    return np.column_stack(table), names


def _array(data: Any) -> NDArray[Any]:
    if hasattr(data, "to_pylist"):  # Arrow: copy where a view cannot be had
        return np.asarray(data.to_numpy(zero_copy_only=False))
    return np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else data)


def _has_names(data: Any) -> bool:
    labels = getattr(data, "index", (None,))
    return not callable(labels) and all(isinstance(label, str) for label in labels)


# ---- numbers ------------------------------------------------------------------------------------


def _numeric(values: NDArray[Any], name: str, names: Names | None, first: int = 0) -> RealArray:
    """Turn a 2-D array of any dtype into float32 or float64.

    ``first`` is the position of the array's first column in the user's table.
    """
    kind = values.dtype.kind
    if kind == "f" and values.dtype.itemsize in (4, 8) and values.dtype.isnative:
        return cast("RealArray", values)
    if kind in _NUMBERS:
        narrow = kind == "f" and values.dtype.itemsize <= 4
        return values.astype(np.float32) if narrow else values.astype(np.float64)
    if kind == "c":
        raise ValueError(f"{name}: Complex data not supported, got {values.dtype}")
    if kind == "O":
        return _from_objects(values, name, names, first)
    column = _column(0, names, first)
    raise TypeError(f"{name}: expected numbers, got {values.dtype} in {column}")


def _from_objects(values: NDArray[Any], name: str, names: Names | None, first: int) -> FloatArray:
    """Convert cell by cell: numbers of any kind, and None or pandas' NA for missing."""
    result = np.empty(values.shape)
    for row, cells in enumerate(values):
        for position, cell in enumerate(cells):
            reason = ""
            if cell is None or type(cell).__name__ == "NAType":
                result[row, position] = np.nan
                continue
            if isinstance(cell, complex | np.complexfloating):
                raise ValueError(  # noqa: TRY004 - as for arrays of complex dtype
                    f"{name}: Complex data not supported, got {cell!r} in row {row}, "
                    f"{_column(position, names, first)}"
                )
            if not isinstance(cell, str | bytes):
                try:
                    result[row, position] = float(cell)
                    continue
                except (TypeError, ValueError, OverflowError) as error:
                    reason = f": {error}"
            raise TypeError(
                f"{name}: expected numbers, got {reprlib.repr(cell)} ({type(cell).__name__}) in "
                f"row {row}, {_column(position, names, first)}{reason}"
            )
    return result


def _column(position: int, names: Names | None, first: int) -> str:
    label = f"column {first + position}"
    return label if names is None else f"{label} ({names[position]!r})"
