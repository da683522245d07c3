"""Rows that windowing and scaling take: finite numbers, NaN where one is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastrcf._forest.inputs import as_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import RealArray, TableLike

__all__ = ["as_rows", "complete_rows"]

_BLOCK = 1 << 18
"""Values that are looked at together: their marks stay in the cache."""


def as_rows(X: TableLike, name: str = "X") -> RealArray:
    """Take a table and refuse infinity.

    Parameters
    ----------
    X : array_like, frame, series or mapping of columns, shape (n,) or (n, F)
        Numbers; NaN and None mean missing. A 1-D input is one column.
    name : str
        Of the caller's argument, for error messages.

    Returns
    -------
    ndarray of float32 or float64, shape (n, F)
        No copy of an array that is either.

    Raises
    ------
    TypeError, ValueError
        It is no table of numbers, is empty, or infinite somewhere; the row is named.

    Examples
    --------
    >>> as_rows([1, None, 3]).tolist()
    [[1.0], [nan], [3.0]]
    """
    rows = as_table(X, name=name).array
    complete_rows(rows, name)
    return rows


def complete_rows(rows: RealArray, name: str = "X") -> NDArray[np.bool_]:
    """Mark the rows without NaN, and refuse infinity.

    Parameters
    ----------
    rows : ndarray, shape (n, F)
    name : str
        Of the caller's argument, for error messages.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    ValueError
        A value is infinite; the row and the column are named.

    Examples
    --------
    >>> complete_rows(np.array([[1.0, 2.0], [np.nan, 2.0]])).tolist()
    [True, False]
    """
    complete = np.ones(len(rows), dtype=bool)
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        finite = np.isfinite(block)
        if finite.all():
            continue
        infinite = np.argwhere(np.isinf(block))
        if len(infinite) > 0:
            row, column = infinite[0]
            raise ValueError(
                f"{name}: row {start + row}, column {column} is {block[row, column]}; "
                "infinity is not a value, use NaN for a missing one"
            )
        complete[start : start + step] = finite.all(axis=1)
    return complete
