"""Clicks of a web site over nine days of July 2020, with a stop of all traffic planted in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST = np.datetime64("2020-07-07T00:00:00")
OUTAGE = (np.datetime64("2020-07-15T17:30:00"), np.datetime64("2020-07-15T17:40:00"))
DAYS = 9
TRAINING_DAYS = 8


@dataclass(frozen=True)
class Clicks:
    """Clicks per bin."""

    minutes: int
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]

    @property
    def n_training(self) -> int:
        """Rows before the day that is judged."""
        return TRAINING_DAYS * 1440 // self.minutes

    @property
    def outage(self) -> int:
        """The row in which the traffic stops."""
        return int((OUTAGE[0] - FIRST).astype(int)) // (60 * self.minutes)


def clicks(minutes: int = 10, *, random_state: int = 0) -> Clicks:
    """Draw clicks: a daily course, noise that lasts for an hour, and noise that does not."""
    rng = np.random.default_rng(random_state)
    n = DAYS * 1440
    hour = np.arange(n) / 60.0 % 24.0
    course = 6.0 + 5.0 * np.sin((hour - 9.0) * np.pi / 12.0) + 1.5 * np.sin(hour * np.pi / 6.0)
    lasting = np.empty(n)
    level = 0.0
    for minute, step in enumerate(rng.normal(0.0, 0.08 * np.sqrt(2 / 60), n).tolist()):
        level = np.exp(-1 / 60) * level + step
        lasting[minute] = level
    rate = np.maximum(course, 0.8) * np.exp(lasting)
    stop = ((np.array(OUTAGE) - FIRST).astype(int) // 60).tolist()
    rate[stop[0] : stop[1]] = 0.0
    values = rng.poisson(rate).reshape(-1, minutes).sum(axis=1).astype(np.float64)
    times = FIRST + np.arange(len(values)) * np.timedelta64(60 * minutes, "s")
    return Clicks(minutes, times, values)
