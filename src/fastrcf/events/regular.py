"""Rows at regular times, and the bins that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf._times import Ticks, as_step, as_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["Bins", "Grid", "Regular", "make_grid"]

_MOST_BINS = 10**8


@dataclass(frozen=True, eq=False)
class Regular:
    """A table with one row for each interval.

    Parameters
    ----------
    times : ndarray of datetime64[us], int64 or float64, shape (n,)
        When each interval begins: stamps (UTC where they had a zone), or seconds when the times
        were numbers.
    columns : mapping of str to ndarray of float64, shape (n,)
        The values by name, in order.
    """

    times: NDArray[Any]
    columns: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, name: str) -> FloatArray:
        return self.columns[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    @property
    def array(self) -> FloatArray:
        """All columns side by side, shape (n, F): what forests and detectors take."""
        return np.column_stack(list(self.columns.values()))

    def to_frame(self) -> Any:
        """Make a pandas frame.

        Returns
        -------
        pandas.DataFrame
            Indexed by time.

        Examples
        --------
        >>> Regular(np.array([0, 60]), {"click": np.array([3.0, 4.0])}).to_frame().shape
        (2, 1)
        """
        import pandas as pd

        return pd.DataFrame(dict(self.columns), index=pd.Index(self.times, name="time"))


class Bins(NamedTuple):
    """Where each event belongs.

    Attributes
    ----------
    numbers : ndarray of int32, shape (n,)
        Of the event's interval, -1 for none.
    never_down : bool
        Whether they never go down.
    """

    numbers: NDArray[np.int32]
    never_down: bool


@dataclass(frozen=True, eq=False)
class Grid:
    """Intervals of one length; numbers are in the unit of the ticks."""

    ticks: Ticks
    first: Any
    stop: Any
    step: Any
    n_bins: int

    @property
    def starts(self) -> NDArray[Any]:
        """When each interval begins, as numbers."""
        return np.asarray(self.first + self.step * np.arange(self.n_bins))

    @property
    def times(self) -> NDArray[Any]:
        """When each interval begins, as the user has times."""
        return self.ticks.restore(self.starts)

    def bins(self) -> Bins:
        """Find the interval of each event."""
        from fastrcf import _kernels

        bins = np.empty(len(self.ticks.numbers), dtype=np.int32)
        never_down = _kernels.bin_events(
            self.ticks.numbers, self.first, self.stop, self.step, self.n_bins, bins
        )
        return Bins(bins, bool(never_down))


def make_grid(times: Any, interval: Any, start: Any = None, stop: Any = None) -> Grid:
    """Lay intervals over times.

    Parameters
    ----------
    times, interval, start, stop
        As in `aggregate`.

    Returns
    -------
    Grid

    Raises
    ------
    TypeError, ValueError
        As in `aggregate`.
    """
    ticks = as_ticks(times)
    edges = [_edge(start, "start"), _edge(stop, "stop")]
    if len(ticks.numbers) == 0:
        if edges[0] is None or edges[1] is None:
            raise ValueError("times: expected at least one event, or both start and stop, got none")
        ticks = edges[0]._replace(numbers=edges[0].numbers[:0])
    ticks, step, (first, last) = _alike(ticks, as_step(interval, ticks), edges)
    if first is None:
        first = type(step)(ticks.numbers.min()) // step * step
    if last is None:
        n_bins = (type(step)(ticks.numbers.max()) - first) // step + 1
        last = first + (n_bins + 1) * step  # after all events, whatever is rounded
    else:
        n_bins = -((first - last) // step)
        if n_bins < 1:
            raise ValueError(f"stop: expected a time after the first, got {stop}")
    if n_bins < 1:
        raise ValueError(f"start: {start} comes after all events; name a stop too")
    if n_bins > _MOST_BINS:
        raise ValueError(
            f"interval: {interval!r} makes {int(n_bins):,} intervals, at most {_MOST_BINS:,} are "
            "taken; is a time far off the others?"
        )
    return Grid(ticks, first, last, step, int(n_bins))


def _edge(time: Any, name: str) -> Ticks | None:
    return None if time is None else as_ticks([time], name)


def _alike(ticks: Ticks, step: Any, edges: list[Ticks | None]) -> tuple[Ticks, Any, list[Any]]:
    """Bring times, step and edges to one kind of number: int, where all of them are."""
    for name, edge in zip(("start", "stop"), edges, strict=True):
        if edge is not None and edge.stamped != ticks.stamped:
            wanted = "a time stamp" if ticks.stamped else "seconds"
            given = edge.restore(edge.numbers)[0]
            raise TypeError(f"{name}: expected {wanted}, as the times are, got {given}")
    numbers = [ticks.numbers, *(edge.numbers for edge in edges if edge is not None)]
    kind = int if isinstance(step, int) and all(n.dtype == np.int64 for n in numbers) else float
    if kind is float:
        ticks = ticks._replace(numbers=ticks.numbers.astype(np.float64))
    return ticks, kind(step), [None if edge is None else kind(edge.numbers[0]) for edge in edges]
