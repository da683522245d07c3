"""Every function that Numba compiles, and nothing else.

All of them run on one thread and release the GIL: callers may put several on threads of their own,
no thread layer is started, and a process that forks has nothing to lose. Import this module inside
functions: Numba takes longer to load than the rest of the package.

Compiled code is kept in the first of these folders that can be written to: ``$NUMBA_CACHE_DIR``,
``__pycache__`` beside this file, the user's cache folder. Where none can be, in read-only
installs without a home, each process compiles what it uses. (A shared temporary folder is not
tried: whoever can write there could plant code.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "add_scores",
    "bin_events",
    "cut_windows",
    "distinct_in_bins",
    "max_scores",
    "order_by_bin",
    "reduce_bins",
    "scale_rows",
]


def _njit(function: Callable[..., Any]) -> Any:
    """Compile at the first call; keep the machine code where that is possible."""
    compiled: Any
    try:
        compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:  # no folder can be written to
        compiled = numba.njit(function, nogil=True, error_model="numpy")
    return compiled


@_njit
def scale_rows(rows: Any, center: Any, scale: Any, out: Any) -> None:
    """Write ``(rows - center) / scale``, computed in float64, to `out`."""
    for row in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            out[row, column] = (rows[row, column] - center[column]) / scale[column]


@_njit
def cut_windows(  # noqa: PLR0917 - Numba knows positions only
    rows: Any, starts: Any, center: Any, scale: Any, scratch: Any, out: Any
) -> None:
    """Write the scaled windows that begin at `starts` to the first places of `out`.

    Rows are scaled into `scratch`, flat and at least one window long, once while starts go up by
    less than a window, and from there copied, a window at a time: one run of numbers.
    """
    size, width = out.shape[1], out.shape[2]
    flat = out.reshape(out.shape[0], size * width)
    room = scratch.shape[0] // width
    first = 0
    for place in range(starts.shape[0]):
        step = starts[place] - starts[place - 1] if place > 0 else -1
        shares = 0 <= step < size and first + step + size <= room
        first = first + step if shares else 0
        for row in range(size - step if shares else 0, size):
            for column in range(width):
                value = rows[starts[place] + row, column]
                scaled = (value - center[column]) / scale[column]
                scratch[(first + row) * width + column] = scaled
        window, found = flat[place], scratch[first * width : (first + size) * width]
        for cell in range(size * width):
            window[cell] = found[cell]


@_njit
def add_scores(scores: Any, starts: Any, size: int, total: Any, count: Any) -> None:
    """Add each window's score to its rows, in the order of the windows, and count them."""
    for place in range(starts.shape[0]):
        score, start = scores[place], starts[place]
        for row in range(start, start + size):
            total[row] += score
            count[row] += 1


@_njit
def max_scores(scores: Any, starts: Any, size: int, largest: Any) -> None:
    """Raise each row's value to the scores of the windows that cover it; NaN stays NaN."""
    for place in range(starts.shape[0]):
        score, start = scores[place], starts[place]
        for row in range(start, start + size):
            if not largest[row] >= score and largest[row] == largest[row]:
                largest[row] = score


@_njit
def distinct_in_bins(bins: Any, codes: Any, order: Any, seen: Any, counts: Any) -> None:
    """Count the different codes in each bin; `order` lists the events bin by bin.

    `seen` holds -1 for each code; events with a bin or a code below 0 are left out. An empty
    `order` says that the events already lie bin by bin.
    """
    for place in range(bins.shape[0]):
        event = order[place] if order.shape[0] > 0 else place
        where, code = bins[event], codes[event]
        if where >= 0 and code >= 0 and seen[code] != where:
            seen[code] = where
            counts[where] += 1


@_njit
def order_by_bin(bins: Any, next_place: Any, order: Any) -> None:
    """List the events bin by bin: a counting sort. `next_place` holds where each bin begins.

    Bin -1 is the first.
    """
    for event in range(bins.shape[0]):
        place = next_place[bins[event] + 1]
        order[place] = event
        next_place[bins[event] + 1] = place + 1


@_njit
def bin_events(  # noqa: PLR0917
    ticks: Any, first: Any, stop: Any, step: Any, n_bins: int, bins: Any
) -> bool:
    """Write each event's bin, -1 before `first` and from `stop` on; say if they never go down."""
    ascending, before = True, -1
    for event in range(ticks.shape[0]):
        where = -1
        if first <= ticks[event] < stop:
            # Rounding may put a fraction just before the stop behind the last bin.
            where = min(int((ticks[event] - first) // step), n_bins - 1)
        bins[event] = where
        ascending = ascending and where >= before
        before = where
    return ascending


@_njit
def reduce_bins(bins: Any, values: Any, count: Any, total: Any, low: Any, high: Any) -> None:  # noqa: PLR0917
    """Count, sum, and find the smallest and the largest value of each bin; NaN is left out.

    `total`, `low` or `high` may be empty: then it is not asked for.
    """
    for event in range(bins.shape[0]):
        where, value = bins[event], values[event]
        if where < 0 or value != value:  # noqa: PLR0124 - NaN
            continue
        count[where] += 1
        if total.shape[0] > 0:
            total[where] += value
        if low.shape[0] > 0 and not low[where] <= value:
            low[where] = value
        if high.shape[0] > 0 and not high[where] >= value:
            high[where] = value
