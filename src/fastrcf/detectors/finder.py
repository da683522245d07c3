"""From the levels of rows to what is said of an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.detectors.alarms import Event, cutoff_of
from fastrcf.detectors.detection import Detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.engine import Engine

__all__ = ["Finder"]

_RECENT = 64
"""Rows whose median is expected where nothing repeats."""


class Finder:
    """Tells which of the rows that came lie beyond the cutoff, and what is to be said of them."""

    def __init__(
        self,
        engine: Engine,
        rows: FloatArray,
        levels: FloatArray,
        excess: FloatArray,
        *,
        times: Sequence[Any] | None,
        shares: FloatArray | None,
    ) -> None:
        self.engine, self.levels = engine, levels
        self.outside, self.excess = excess, np.abs(excess)
        self.times, self.shares = times, shares
        self.first, self.n_past = engine.n_seen, len(engine.history)
        self.rows = rows
        self.known: FloatArray | None = None
        self.cutoff = cutoff_of(engine.settings.alarm_rate)

    def beyond(self) -> list[int]:
        """Numbers of the rows beyond the cutoff, but for those within the ignored bands."""
        places = np.flatnonzero((self.levels > self.cutoff) | (self.excess > 1.0).any(axis=1))
        return [self.first + place for place in places.tolist() if not self._ignored(place)]

    def _ignored(self, place: int) -> bool:
        amount, ratio = self.engine.settings.ignore_amount, self.engine.settings.ignore_ratio
        if amount is None and ratio is None:
            return False
        expected = self._expected(place)
        band = np.zeros(len(expected))
        if amount is not None:
            band = np.maximum(band, amount)
        if ratio is not None:
            band = np.maximum(band, ratio * np.abs(expected))
        column = self._column(place)
        return bool(abs(self.rows[place, column] - expected[column]) < band[column])

    def _expected(self, place: int) -> FloatArray:
        if self.known is None:
            self.known = np.concatenate([self.engine.history, self.rows])
        plan = self.engine.plan
        return _expected(self.known, self.n_past + place, plan.period if plan else 0)

    def _share(self, place: int) -> FloatArray:
        """Tell what each column adds to the score, signed."""
        share: FloatArray
        if self.shares is not None:
            share = self.shares[place]
        else:
            explaining = [watch for watch in self.engine.watches if watch.explains]
            row = self.rows[place : place + 1]
            share = explaining[0].explain(row)[0] if explaining else np.zeros(len(row[0]))
        if not share.any():  # no forest can tell: the distance from what was expected does
            share = np.nan_to_num(self.rows[place] - self._expected(place))
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
            expected=self._expected(place),
            attribution=dict(zip(names, sizes.tolist(), strict=True)),
        )


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
