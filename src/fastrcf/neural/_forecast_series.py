"""From what users have to series side by side on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.inputs import as_table
from fastrcf.neural.records import Record, record_from_dict, time_of

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, IntArray

__all__ = ["Series", "as_series"]

_LARGEST = 1e30


@dataclass(frozen=True, eq=False)
class Series:
    """Series side by side on one clock."""

    rows: FloatArray
    """Shape (n, s); NaN is missing."""

    start: np.datetime64 | None
    dynamic: FloatArray
    """Shape (m, s, k), m at least n."""

    cat: IntArray
    """Shape (s, c)."""

    flat: bool
    """Whether it came as one dimension."""

    @property
    def first(self) -> int:
        """Seconds since 1970 of the first row."""
        return 0 if self.start is None else int(self.start.astype(np.int64))


def as_series(
    data: Any, start: object = None, dynamic_feat: Any = None, cat: Any = None
) -> tuple[list[Series], bool]:
    """Read series.

    Parameters
    ----------
    data : table, record or list of records
        A table's columns are series on one clock.
    start : str or datetime64, optional
        Time of a table's first row; by default that of an index of times.
    dynamic_feat : array_like of shape (m,) or (m, k), optional
        Of a table: what is known in advance, for all its columns alike.
    cat : array_like of shape (s,) or (s, c), optional
        Of a table: the categories of its columns.

    Returns
    -------
    series : list of Series
        One for a table or a record, else one for each record.
    many : bool
        Whether a list of records came.

    Raises
    ------
    TypeError, ValueError
        It is none of these, or something in it is wrong.
    """
    if isinstance(data, Record) or _is_record(data):
        records, many = [data], False
    elif isinstance(data, Sequence) and data and all(map(_is_record, data)):
        records, many = list(data), True
    else:
        return [_from_table(data, start, dynamic_feat, cat)], False
    for name, value in (("start", start), ("dynamic_feat", dynamic_feat), ("cat", cat)):
        if value is not None:
            raise ValueError(f"{name}: records say it themselves")
    checked = [
        each if isinstance(each, Record) else record_from_dict(each, f"records[{place}]")
        for place, each in enumerate(records)
    ]
    return list(map(_from_record, checked)), many


def _is_record(data: object) -> bool:
    return isinstance(data, Record) or (isinstance(data, Mapping) and "target" in data)


def _from_record(record: Record) -> Series:
    return Series(
        rows=record.target[:, np.newaxis],
        start=record.start,
        dynamic=np.ascontiguousarray(
            record.dynamic_feat.T if len(record.dynamic_feat) else np.empty((len(record.target), 0))
        )[:, np.newaxis],
        cat=np.array(record.cat, np.int64).reshape(1, -1),
        flat=True,
    )


def _from_table(data: Any, start: object, dynamic_feat: Any, cat: Any) -> Series:
    rows = np.asarray(as_table(data).array, np.float64)
    _check_bounds("X", rows)
    n, width = rows.shape
    index: Any = getattr(data, "index", None)
    if start is None and getattr(getattr(index, "dtype", None), "kind", "") == "M":
        start = np.asarray(index)[0]
    dynamic = np.empty((n, 0))
    if dynamic_feat is not None:
        dynamic = np.asarray(as_table(dynamic_feat, name="dynamic_feat").array, np.float64)
        _check_bounds("dynamic_feat", dynamic)
        if len(dynamic) < n or np.isnan(dynamic).any():
            raise ValueError(
                f"dynamic_feat: expected numbers for each of {n} rows, got {len(dynamic)} rows"
                + (" and some that are missing" if np.isnan(dynamic).any() else "")
            )
    codes = np.empty((width, 0), np.int64)
    if cat is not None:
        codes = np.asarray(cat)
        codes = codes[:, np.newaxis] if codes.ndim == 1 else codes
        if codes.ndim != 2 or len(codes) != width or codes.dtype.kind not in "iu":
            raise ValueError(
                f"cat: expected whole numbers for each of {width} columns, got {cat!r}"
            )
        if codes.size and codes.min() < 0:
            raise ValueError(f"cat: expected numbers from 0 on, got {codes.min()}")
    return Series(
        rows=rows,
        start=None if start is None else time_of(start),
        dynamic=np.repeat(dynamic[:, np.newaxis], width, axis=1),
        cat=codes.astype(np.int64),
        flat=np.ndim(data) == 1 or (not hasattr(data, "columns") and _is_flat(data)),
    )


def _is_flat(data: Any) -> bool:
    return not isinstance(data, Mapping) and len(getattr(data, "shape", (0, 0))) == 1


def _check_bounds(name: str, rows: FloatArray) -> None:
    beyond = np.abs(rows) > _LARGEST
    if beyond.any():
        row, column = np.argwhere(beyond)[0].tolist()
        what = "infinite" if np.isinf(rows[row, column]) else "beyond 1e30"
        raise ValueError(f"{name}: row {row}, column {column} is {what}; NaN means missing")
