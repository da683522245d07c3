"""Which columns make a row stand out, how much, and to which side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, Names
    from fastrcf.attribution import Attribution

__all__ = ["ColumnPart", "Explanation", "explain"]


class ColumnPart(NamedTuple):
    """What one column has to do with the score of one row."""

    column: str
    """Name of the column."""

    attribution: float
    """Its part of the score; those of all columns sum to the score."""

    share: float
    """The same as a share of the score, from 0 to 1; 0.0 where there is no score."""

    direction: Literal["high", "low"]
    """Whether the column lies above or below other rows; ``"low"`` where neither prevails."""

    strength: float
    """By how much that direction prevails over the other."""


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """Explanations of rows, a column of each array for a column of the rows.

    ``explanation[i]`` is a tuple with a `ColumnPart` for each column of row *i*.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns.
    attribution : ndarray of shape (n, n_columns), float64
        Parts of the score.
    share : ndarray of shape (n, n_columns), float64
        The same as shares.
    is_high : ndarray of shape (n, n_columns), bool
        Directions.
    strength : ndarray of shape (n, n_columns), float64
        By how much the direction prevails.
    """

    columns: Names
    attribution: FloatArray
    share: FloatArray
    is_high: NDArray[np.bool_]
    strength: FloatArray

    def __len__(self) -> int:
        return len(self.attribution)

    def __getitem__(self, row: int) -> tuple[ColumnPart, ...]:
        return tuple(
            ColumnPart(column, part, share, "high" if is_high else "low", strength)
            for column, part, share, is_high, strength in zip(
                self.columns,
                self.attribution[row].tolist(),
                self.share[row].tolist(),
                self.is_high[row].tolist(),
                self.strength[row].tolist(),
                strict=True,
            )
        )

    def __iter__(self) -> Iterator[tuple[ColumnPart, ...]]:
        return (self[row] for row in range(len(self)))


def explain(
    parts: Attribution,
    *,
    columns: Sequence[str] | None = None,
    evidence: tuple[FloatArray, FloatArray] | None = None,
) -> Explanation:
    """Sum up an attribution by columns.

    Parameters
    ----------
    parts : Attribution
        What the coordinates of rows add to their scores.
    columns : sequence of str, optional
        Names of the columns. The default is the names that the forest knows, or ``"0"``, ``"1"``
        and so on.
    evidence : (high, low), each ndarray of shape (n, n_columns), optional
        What the directions are judged by: the larger of both says where a column lies, and the
        difference how strongly. The default is the parts of the score themselves.

    Returns
    -------
    Explanation
        One for each row.

    Raises
    ------
    ValueError
        There is not one name for each column.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf import RandomCutForest
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> forest = RandomCutForest().update({"load": rows[:, 0], "heat": rows[:, 1]})
    >>> load, heat = explain(forest.attribution({"load": [0.0], "heat": [-9.0]}))[0]
    >>> heat.column, heat.direction, round(heat.share, 1)
    ('heat', 'low', 1.0)
    """
    by_column = parts.by_column()
    high, low = np.atleast_2d(by_column.high), np.atleast_2d(by_column.low)
    attribution = high + low
    names = tuple(columns or parts.names or map(str, range(parts.n_columns)))
    if len(names) != parts.n_columns:
        raise ValueError(
            f"columns: expected one name for each of {parts.n_columns} columns, got {len(names)}"
        )
    total = attribution.sum(axis=1, keepdims=True)
    share = np.divide(attribution, total, out=np.zeros_like(attribution), where=total > 0)
    for_high, for_low = (high, low) if evidence is None else evidence
    return Explanation(names, attribution, share, for_high > for_low, np.abs(for_high - for_low))
