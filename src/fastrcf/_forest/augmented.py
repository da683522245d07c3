"""A native forest whose rows have one column more than the caller's: the time before the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, Names, RealArray

__all__ = ["around", "inner", "is_augmented", "with_time"]

_TAKES_ROWS = frozenset(
    {
        "attribution",
        "codisp",
        "density",
        "directional_density",
        "displacement",
        "distances",
        "expect",
        "expected_gaps",
        "fit",
        "impute",
        "near_neighbors",
        "score",
        "score_one",
        "score_update",
        "score_update_attribution",
        "score_update_one",
        "update",
        "update_one",
    }
)
_GIVES_ROWS = frozenset({"expect", "impute"})


class _Augmented:
    """Stands in for a native forest: takes the caller's rows, puts the column of time behind them.

    The verbs take the intervals before the rows as a second argument, in mean intervals; rows
    without are regular. Answers that are rows lose the column again.
    """

    __slots__ = ("forest",)

    def __init__(self, forest: Forest) -> None:
        self.forest = forest

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.forest, name)
        if name not in _TAKES_ROWS:
            return attribute

        def verb(
            rows: RealArray | float, intervals: FloatArray | float = 1.0, **options: Any
        ) -> Any:
            answer = attribute(_wide(np.atleast_1d(rows), intervals), **options)
            return _narrow(answer) if name in _GIVES_ROWS else answer

        return verb

    @property
    def n_jobs(self) -> int:
        return self.forest.n_jobs

    @n_jobs.setter
    def n_jobs(self, value: int) -> None:
        self.forest.n_jobs = value

    def forecast(self, n_paths: int, horizon: int, random_state: int) -> FloatArray:
        return _narrow(self.forest.forecast(n_paths, horizon, random_state))

    def options(self) -> dict[str, Any]:
        options = self.forest.options()
        options["n_columns"] -= 1
        return options


def around(forest: Forest) -> Forest:
    """Put the column of time behind the caller's, if the forest is one with ``"augment"``.

    Parameters
    ----------
    forest : Forest
        A native forest.

    Returns
    -------
    Forest
        The same, or what stands in for it.
    """
    if forest.options()["preparation"]["irregular"] != "augment":
        return forest
    return cast("Forest", _Augmented(forest))


def is_augmented(forest: object) -> bool:
    """Tell whether there is a column of time.

    Parameters
    ----------
    forest : object
        What `around` gave.

    Returns
    -------
    bool
        Whether it stands in for a native forest.
    """
    return isinstance(forest, _Augmented)


def inner(forest: Forest) -> Forest:
    """Return the native forest.

    Parameters
    ----------
    forest : Forest
        What `around` gave.

    Returns
    -------
    Forest
        What `around` took.
    """
    stands_in: object = forest
    return stands_in.forest if isinstance(stands_in, _Augmented) else forest


def with_time(names: Names) -> Names:
    """Name the column of time.

    Parameters
    ----------
    names : tuple of str
        Names of the caller's columns.

    Returns
    -------
    tuple of str
        These and ``"time"``, with underscores behind it if it is taken.
    """
    name = "time"
    while name in names:
        name += "_"
    return (*names, name)


def _wide(rows: RealArray, intervals: FloatArray | float) -> RealArray:
    """Append the intervals; a row without any value has none there either."""
    wide = np.empty((*rows.shape[:-1], rows.shape[-1] + 1), rows.dtype)
    wide[..., :-1] = rows
    wide[..., -1] = np.where(np.isnan(rows).all(axis=-1), np.nan, intervals)
    return wide


def _narrow(rows: NDArray[np.float64]) -> FloatArray:
    return np.ascontiguousarray(rows[..., :-1])
