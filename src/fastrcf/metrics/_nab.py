"""How the NAB score of a corpus follows from windows, scores and a cutoff."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import checked_labels, checked_scores, cutoffs_of, stretches

__all__ = ["Record", "Records", "nab_probation", "records_of", "sweep_of"]

Records = Sequence[ArrayLike] | Mapping[str, ArrayLike]


class Record(NamedTuple):
    """Rows of one record that count: those behind its probationary period."""

    scores: FloatArray
    window: IntArray  # which window of the record the row lies in, or -1
    left: IntArray  # rows from here to the window's end, this row included; 0 outside
    gain: FloatArray  # inside: what the row earns as the first found; outside: what it costs
    widths: IntArray  # of the windows, in rows

    @property
    def n_windows(self) -> int:
        return len(self.widths)


def nab_probation(n_rows: int) -> int:
    """Count the rows at the start of a record that are not judged.

    Parameters
    ----------
    n_rows : int
        Length of the record.

    Returns
    -------
    int
        15 % of the rows, at most 750.

    Examples
    --------
    >>> nab_probation(4032), nab_probation(22695)
    (604, 750)
    """
    return min(math.floor(0.15 * n_rows), 750)


def records_of(windows: Records, scores: Records) -> list[Record]:
    if isinstance(windows, Mapping) and isinstance(scores, Mapping):
        if windows.keys() != scores.keys():
            odd = min(windows.keys() ^ scores.keys())
            raise ValueError(f"windows, scores: expected the same records in both, not so {odd!r}")
        return [_record(windows[key], scores[key], f"[{key!r}]") for key in windows]
    if isinstance(windows, Mapping) or isinstance(scores, Mapping):
        raise TypeError("windows, scores: expected two mappings or two sequences, got one of each")
    if len(windows) != len(scores):
        raise ValueError(
            f"scores: expected one array for each of {len(windows)} records, got {len(scores)}"
        )
    return [
        _record(its_windows, its_scores, f"[{index}]")
        for index, (its_windows, its_scores) in enumerate(zip(windows, scores, strict=True))
    ]


def _record(windows: ArrayLike, scores: ArrayLike, key: str) -> Record:
    values = checked_scores(scores, f"scores{key}")
    n_rows = len(values)
    bounds = _bounds(windows, n_rows, f"windows{key}")
    start = nab_probation(n_rows)
    first, stop = bounds[:, 0], bounds[:, 1]
    widths = stop - first

    rows = np.arange(start, n_rows)
    latest = np.searchsorted(first, rows, side="right") - 1  # the window begun last, or -1
    begun = latest >= 0
    last_stop = np.append(stop, 0)[latest]
    width = np.append(widths, 0)[latest]
    inside = begun & (rows < last_stop)

    gain = np.full(len(rows), -1.0)
    gain[inside] = sigmoid((rows - last_stop)[inside] / width[inside]) / sigmoid(-1.0)
    near = begun & ~inside & (rows - last_stop + 1 < 3 * (width - 1))
    gain[near] = sigmoid((rows - last_stop + 1)[near] / (width - 1)[near])
    left = np.where(inside, last_stop - rows, 0)
    unjudged = int(np.count_nonzero(stop <= start))  # nothing can find these windows
    window = np.where(inside, latest - unjudged, -1)
    return Record(values[start:], window, left, gain, widths[unjudged:])


def _bounds(windows: ArrayLike, n_rows: int, name: str) -> IntArray:
    given = np.asarray(windows)
    if given.size == 0:
        return np.empty((0, 2), np.int64)
    if given.ndim == 1:
        if len(given) != n_rows:
            raise ValueError(f"{name}: expected {n_rows} labels, got {len(given)}")
        return stretches(checked_labels(given, name))
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: expected pairs of rows, of shape (k, 2), or labels, of shape ({n_rows},), "
            f"got {given.dtype} of shape {given.shape}"
        )
    bounds = given[np.argsort(given[:, 0], kind="stable")].astype(np.int64)
    wrong = (bounds[:, 0] < 0) | (bounds[:, 0] >= bounds[:, 1]) | (bounds[:, 1] > n_rows)
    wrong[1:] |= bounds[1:, 0] < bounds[:-1, 1]
    if wrong.any():
        start, stop = bounds[np.argmax(wrong)]
        raise ValueError(
            f"{name}: expected half-open windows within {n_rows} rows that do not overlap, "
            f"got ({start}, {stop})"
        )
    return bounds


def sigmoid(position: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Give what a row is worth by its place: -1 at a window's start, 0 at its end."""
    return np.asarray(2.0 / (1.0 + np.exp(5.0 * np.asarray(position))) - 1.0)


class Sweep(NamedTuple):
    """The parts of the corpus's sum for every cutoff, from flagging nothing to everything."""

    cutoffs: FloatArray
    earned: FloatArray
    lost: FloatArray
    missed: IntArray

    def best_cutoff(self, tp: float, fp: float, fn: float) -> float:
        """Find the cutoff of the highest sum; of several, the highest."""
        return float(self.cutoffs[np.argmax(tp * self.earned + fp * self.lost - fn * self.missed)])


def sweep_of(records: list[Record]) -> Sweep:
    """Lower the cutoff over all distinct scores of a corpus, after one sort."""
    n_windows = sum(record.n_windows for record in records)
    base = np.cumsum([0, *(record.n_windows for record in records)])
    scores = np.concatenate([record.scores for record in records])
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    window = np.concatenate(
        [np.where(r.window >= 0, r.window + b, -1) for r, b in zip(records, base, strict=False)]
    )[order]
    left = np.concatenate([record.left for record in records])[order]
    widths = np.concatenate([record.widths for record in records])
    inside = window >= 0

    lost = np.where(inside, 0.0, np.concatenate([record.gain for record in records])[order])
    earned, missed = np.zeros(len(scores)), np.zeros(len(scores), np.int64)
    # Window by window, within each from the highest score down: the earliest row so far counts.
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(window[rows], kind="stable")]
    owner = window[rows]
    span = int(widths.max()) + 1
    most_left = np.maximum.accumulate(owner * span + left[rows]) - owner * span
    worth = sigmoid(-most_left / widths[owner]) / sigmoid(-1.0)
    opens = np.diff(owner, prepend=-1) > 0
    earned[rows] = np.where(opens, worth, np.diff(worth, prepend=0.0))
    missed[rows[opens]] = -1

    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    return Sweep(
        cutoffs=cutoffs_of(scores[ends]),
        earned=np.append(0.0, np.cumsum(earned)[ends]),
        lost=np.append(0.0, np.cumsum(lost)[ends]),
        missed=np.append(n_windows, n_windows + np.cumsum(missed)[ends]),
    )
