"""From the levels of rows to what is said of an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastrcf.detectors.alarms import Event, cutoff_of
from fastrcf.detectors.detection import Detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.engine import Engine

__all__ = ["Account", "Finder", "Hindsight"]

_RECENT = 64
"""Rows whose median is expected where nothing repeats."""


class Watched(Protocol):
    """The engine that a finder works for."""

    settings: Any
    """With `alarm_rate`, `ignore_amount` and `ignore_ratio` of `AlarmSettings`."""

    names: tuple[str | int, ...]
    n_seen: int


class Account(Protocol):
    """What can be said of rows besides their levels; a place is that of a row among them."""

    def expected(self, place: int) -> FloatArray:
        """Tell what was expected, shape (d,); NaN where nothing was."""

    def share(self, place: int) -> FloatArray:
        """Tell what each column adds to the score, signed, shape (d,); all 0 if none can tell."""


class Finder:
    """Tells which of the rows that came lie beyond the cutoff, and what is to be said of them.

    Parameters
    ----------
    engine : Watched
        Before it has learned the rows.
    rows, levels, excess : ndarray of shape (n, d), (n,), (n, d)
        The rows, their levels, and how far each value lies outside everything seen (`Range`).
    account : Account
        Explains them.
    times : sequence or None
        The times of the rows.
    """

    def __init__(
        self,
        engine: Watched,
        rows: FloatArray,
        levels: FloatArray,
        excess: FloatArray,
        account: Account,
        *,
        times: Sequence[Any] | None,
    ) -> None:
        self.engine, self.levels = engine, levels
        self.outside, self.excess = excess, np.abs(excess)
        self.times, self.account = times, account
        self.first, self.rows = engine.n_seen, rows
        self.cutoff = cutoff_of(engine.settings.alarm_rate)

    def beyond(self) -> list[int]:
        """Numbers of the rows beyond the cutoff, but for those within the ignored bands."""
        places = np.flatnonzero((self.levels > self.cutoff) | (self.excess > 1.0).any(axis=1))
        return [self.first + place for place in places.tolist() if not self._ignored(place)]

    def _ignored(self, place: int) -> bool:
        amount, ratio = self.engine.settings.ignore_amount, self.engine.settings.ignore_ratio
        if amount is None and ratio is None:
            return False
        expected = self.account.expected(place)
        band = np.zeros(len(expected))
        if amount is not None:
            band = np.maximum(band, amount)
        if ratio is not None:
            band = np.maximum(band, ratio * np.abs(expected))
        column = self._column(place)
        return bool(abs(self.rows[place, column] - expected[column]) < band[column])

    def _share(self, place: int) -> FloatArray:
        """Tell what each column adds to the score, signed."""
        share = self.account.share(place)
        if not share.any():  # nothing can tell: the distance from what was expected does
            share = np.nan_to_num(self.rows[place] - self.account.expected(place))
        return share if share.any() else self.outside[place]

    def _column(self, place: int) -> int:
        if self.excess[place].max() > 1.0 and self.levels[place] <= self.cutoff:
            return int(self.excess[place].argmax())
        return int(np.abs(self._share(place)).argmax())

    def detection(self, event: Event) -> Detection:
        """Say what is known of an event when its alarm is raised."""
        place, names = event.start - self.first, self.engine.names
        share = self._share(place)
        sizes = np.abs(share) / max(float(np.abs(share).sum()), 1e-300)
        score = float(self.levels[place])
        by_score = score > self.cutoff
        strength = score if by_score else self.cutoff * float(self.excess[place].max())
        column = self._column(place)
        upward = share[column] >= 0.0 if by_score else self.outside[place, column] > 0.0
        return Detection(
            start=event.start,
            end=None,
            time=event.start if self.times is None else self.times[place],
            score=score,
            grade=1.0 - self.cutoff / strength,
            reason="score" if by_score else "range",
            column=names[column],
            direction="high" if upward else "low",
            values=self.rows[place].copy(),
            expected=self.account.expected(place),
            attribution=dict(zip(names, sizes.tolist(), strict=True)),
        )


class Hindsight:
    """What an engine of forests can say of rows: by its history, and by its forests.

    Parameters
    ----------
    engine : Engine
        Before it has learned the rows.
    rows : ndarray of shape (n, d)
    shares : ndarray of shape (n, d) or None
        What each column adds to the scores, if that is known already.
    """

    def __init__(self, engine: Engine, rows: FloatArray, shares: FloatArray | None) -> None:
        self.engine, self.rows, self.shares = engine, rows, shares
        self.n_past = len(engine.history)
        self.known: FloatArray | None = None

    def expected(self, place: int) -> FloatArray:
        """Tell what was expected; see `Detection`."""
        if self.known is None:
            self.known = np.concatenate([self.engine.history, self.rows])
        plan = self.engine.plan
        return _expected(self.known, self.n_past + place, plan.period if plan else 0)

    def share(self, place: int) -> FloatArray:
        """Tell what each column adds to the score, signed."""
        share: FloatArray
        if self.shares is not None:
            share = self.shares[place]
            return share
        row = self.rows[place : place + 1]
        explaining = [watch for watch in self.engine.watches if watch.explains]
        share = explaining[0].explain(row)[0] if explaining else np.zeros(row.shape[1])
        return share


def _expected(rows: FloatArray, place: int, period: int) -> FloatArray:
    """Tell what was expected at a place in rows: see `Detection`."""
    if period:
        past = rows[[place - k * period for k in (1, 2, 3) if place >= k * period]]
    else:
        past = rows[max(0, place - _RECENT) : place]
    values: FloatArray = np.full(rows.shape[1], np.nan)
    known = ~np.isnan(past).all(axis=0) if len(past) else np.zeros(rows.shape[1], bool)
    if known.any():
        values[known] = np.nanmedian(past[:, known], axis=0)
    return values
