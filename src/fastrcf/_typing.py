"""Types that several modules share; nothing here is needed at run time beyond NumPy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FloatArray",
    "Frame",
    "IntArray",
    "Names",
    "RealArray",
    "RowLike",
    "SeriesLike",
    "StrPath",
    "TableLike",
]

FloatArray: TypeAlias = NDArray[np.float64]
"""What every score comes in."""

IntArray: TypeAlias = NDArray[np.int64]
"""Labels."""

RealArray: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
"""What the native core takes."""

Names: TypeAlias = tuple[str, ...]
"""Column names in the order of the columns."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A file name."""


class SeriesLike(Protocol):
    """A column of pandas, polars or a package like them."""

    def to_numpy(self) -> NDArray[Any]:
        """Return the values as an array."""


class Frame(Protocol):
    """A table of pandas, polars or a package like them."""

    @property
    def columns(self) -> Any:
        """The labels of the columns, in order."""

    def to_numpy(self) -> NDArray[Any]:
        """Return the values as a 2-D array."""


TableLike: TypeAlias = ArrayLike | Frame | SeriesLike | Mapping[str, Any]
"""Rows to learn or to score."""

RowLike: TypeAlias = float | Sequence[float] | NDArray[Any] | Mapping[str, Any] | SeriesLike
"""One row to learn or to score."""
