"""The score of the Numenta Anomaly Benchmark (NAB).

Lavin and Ahmad (2015), "Evaluating real-time anomaly detection algorithms", IEEE ICMLA, with the
details as in the benchmark's own scorer (numenta/NAB, version 1.1). An anomaly is a window of rows.
The first flagged row of a window earns up to 1, the earlier the more; a window without any costs
``fn``; each flagged row outside costs up to ``fp``, the less the closer it follows a window. The
sum over all records is put on a scale where 0 is a detector that flags nothing and 100 is one that
flags the first row of every window and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastrcf._typing import IntArray
from fastrcf.metrics._nab import Record, Records, nab_probation, records_of, sweep_of

__all__ = [
    "NAB_PROFILES",
    "NabProfile",
    "NabScore",
    "nab_probation",
    "nab_score",
    "nab_scores",
    "nab_windows",
]


class NabProfile(NamedTuple):
    """What detections and mistakes are worth."""

    tp: float
    """Gain for a window that is found at its first row."""

    fp: float
    """Loss for a flagged row far behind any window."""

    fn: float
    """Loss for a window that is missed."""


NAB_PROFILES: Mapping[str, NabProfile] = {
    "standard": NabProfile(tp=1.0, fp=0.11, fn=1.0),
    "reward_low_FP_rate": NabProfile(tp=1.0, fp=0.22, fn=1.0),
    "reward_low_FN_rate": NabProfile(tp=1.0, fp=0.11, fn=2.0),
}
"""The three profiles of the benchmark's tables."""


class NabScore(NamedTuple):
    """How a detector did on a corpus, at one cutoff and by one profile."""

    score: float
    """From 0 (flags nothing) to 100 (perfect); below 0 when false alarms outweigh the rest."""

    cutoff: float
    """Rows with a greater score were flagged."""

    raw: float
    """The sum before it is put on the scale from 0 to 100."""

    n_windows: int
    """Windows that could be found."""

    n_found: int
    """Windows with a flagged row."""

    n_false: int
    """Flagged rows outside windows."""

    n_rows: int
    """Rows behind the probationary periods."""

    by_record: tuple[float, ...]
    """Each record's part of the raw sum."""


def nab_windows(timestamps: ArrayLike, limits: Sequence[Sequence[object]]) -> IntArray:
    """Turn windows in time into windows in rows.

    Parameters
    ----------
    timestamps : array-like of shape (n,)
        Time of each row: datetimes, or strings in ISO 8601.
    limits : sequence of (first, last)
        Times of the first and the last row of each window, as NAB's ``combined_windows.json`` has
        them.

    Returns
    -------
    ndarray of shape (k, 2), int64
        First row of each window and the row after its last.

    Raises
    ------
    ValueError
        No row lies in a window.

    Examples
    --------
    >>> times = ["2014-07-01 00:00", "2014-07-01 00:30", "2014-07-01 01:00", "2014-07-01 01:30"]
    >>> nab_windows(times, [("2014-07-01 00:30:00.000000", "2014-07-01 01:00:00.000000")])
    array([[1, 3]])
    """
    times = np.asarray(timestamps, dtype="datetime64[us]")
    rows = np.empty((len(limits), 2), np.int64)
    for index, (first, last) in enumerate(limits):
        begun = times >= np.datetime64(first, "us")  # type: ignore[call-overload]
        start = int(np.argmax(begun)) if begun.any() else len(times)
        over = times[start:] > np.datetime64(last, "us")  # type: ignore[call-overload]
        stop = start + int(np.argmax(over)) if over.any() else len(times)
        if start >= stop:
            raise ValueError(f"limits: no row lies in window {index}, from {first} to {last}")
        rows[index] = start, stop
    return rows


def nab_score(
    windows: Records,
    scores: Records,
    *,
    cutoff: float | None = None,
    profile: str | NabProfile = "standard",
) -> NabScore:
    """Compute the NAB score of a corpus.

    Parameters
    ----------
    windows : sequence or mapping of array-like
        For each record its anomaly windows, of shape (k, 2): first row and the row after the
        last; or labels of shape (n,), 0 or 1, whose runs of 1 are the windows.
    scores : sequence or mapping of array-like of shape (n,)
        For each record the scores of its rows. With mappings, both have the same keys.
    cutoff : float, optional
        Rows with a greater score are flagged. The default searches the best cutoff for the whole
        corpus among all distinct scores, the highest of the best, as NAB does. NAB itself flags a
        row at the threshold, too: its threshold *t* is the cutoff ``numpy.nextafter(t, -inf)``.
    profile : str or NabProfile, default="standard"
        A name from `NAB_PROFILES`, or weights.

    Returns
    -------
    NabScore
        The score from 0 to 100, its cutoff and its parts.

    Raises
    ------
    ValueError
        Windows and scores do not fit each other, a score is not finite, windows overlap or leave
        the record, no record has a window behind its probationary period, or there is no such
        profile.

    Notes
    -----
    Within a window of *w* rows, the row with *r* rows left (the row itself included) earns
    ``s(-r / w) / s(-1)`` with ``s(x) = 2 / (1 + exp(5 x)) - 1``; the row *d* rows behind the last
    row of a window costs ``-s(d / (w - 1))``, and 1 from three widths on, before the first window,
    and behind a window of a single row. The first 15 % of a record, at most 750 rows, do not
    count; a window within them can neither be found nor missed.

    Examples
    --------
    >>> labels = [0] * 40 + [1] * 10 + [0] * 50
    >>> scores = [0.1] * 40 + [0.9] * 10 + [0.1] * 50
    >>> nab_score([labels], [scores]).score
    100.0
    """
    weights, name = _weights(profile)
    return _scores(windows, scores, cutoff, {name: weights})[name]


def nab_scores(
    windows: Records, scores: Records, *, cutoff: float | None = None
) -> dict[str, NabScore]:
    """Compute the NAB score of a corpus by each of the benchmark's profiles.

    Parameters
    ----------
    windows, scores, cutoff
        As in `nab_score`; without a cutoff, each profile gets its own best.

    Returns
    -------
    dict of str to NabScore
        ``"standard"``, ``"reward_low_FP_rate"`` and ``"reward_low_FN_rate"``.

    Raises
    ------
    ValueError
        As in `nab_score`.
    """
    return _scores(windows, scores, cutoff, NAB_PROFILES)


def _weights(profile: str | NabProfile) -> tuple[NabProfile, str]:
    if not isinstance(profile, str):
        weights = NabProfile(*profile)
        if not (all(weight >= 0 for weight in weights) and weights.tp + weights.fn > 0):
            raise ValueError(
                f"profile: expected weights from 0, with tp or fn above 0, got {weights}"
            )
        return weights, "own"
    if profile not in NAB_PROFILES:
        known = ", ".join(map(repr, NAB_PROFILES))
        raise ValueError(f"profile: expected one of {known} or a NabProfile, got {profile!r}")
    return NAB_PROFILES[profile], profile


def _scores(
    windows: Records, scores: Records, cutoff: float | None, profiles: Mapping[str, NabProfile]
) -> dict[str, NabScore]:
    records = records_of(windows, scores)
    if not any(record.n_windows for record in records):
        raise ValueError(
            "windows: the NAB score is undefined when no record has a window behind its "
            "probationary period"
        )
    if cutoff is None:
        sweep = sweep_of(records)
        return {
            name: _at(records, sweep.best_cutoff(*weights), weights)
            for name, weights in profiles.items()
        }
    if math.isnan(cutoff):
        raise ValueError("cutoff: expected a number, got nan")
    return {name: _at(records, float(cutoff), weights) for name, weights in profiles.items()}


def _at(records: list[Record], cutoff: float, weights: NabProfile) -> NabScore:
    """Score a corpus at a cutoff, straight from the definition."""
    parts, n_found, n_false = [], 0, 0
    for record in records:
        flagged = record.scores > cutoff
        inside = record.window >= 0
        false = flagged & ~inside
        hit = np.flatnonzero(flagged & inside)
        # Rows are in order: the first of a window that appears is the first flagged one.
        found, first = np.unique(record.window[hit], return_index=True)
        earned = math.fsum(record.gain[hit[first]])
        lost = math.fsum(record.gain[false])
        missed = record.n_windows - len(found)
        parts.append(weights.tp * earned + weights.fp * lost - weights.fn * missed)
        n_found += len(found)
        n_false += int(np.count_nonzero(false))
    n_windows = sum(record.n_windows for record in records)
    raw = math.fsum(parts)
    null, perfect = -weights.fn * n_windows, weights.tp * n_windows
    return NabScore(
        score=100.0 * (raw - null) / (perfect - null),
        cutoff=cutoff,
        raw=raw,
        n_windows=n_windows,
        n_found=n_found,
        n_false=n_false,
        n_rows=sum(len(record.scores) for record in records),
        by_record=tuple(parts),
    )
