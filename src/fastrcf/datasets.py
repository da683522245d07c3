"""Generated series with planted, labelled events: for demos, tests and first experiments.

Everything here is seeded and needs NumPy alone. The same arguments give the same series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray

__all__ = ["Event", "LabelledSeries", "taxi_like"]

_STEPS_PER_DAY = 48
_FIRST_DAY = np.datetime64("2024-07-01", "D")  # a Monday
_MINIMUM_DAYS = 60


@dataclass(frozen=True)
class Event:
    """A labelled stretch of a series.

    Attributes
    ----------
    name : str
        What happened.
    start, stop : int
        The rows it covers; ``stop`` is the first row after it.
    """

    name: str
    start: int
    stop: int

    @property
    def rows(self) -> slice:
        """The rows of the event, to index arrays with."""
        return slice(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class LabelledSeries:
    """A series whose unusual stretches are known.

    Attributes
    ----------
    timestamps : ndarray of datetime64[s], shape (n,)
        When each value was taken, evenly spaced.
    values : ndarray of float64, shape (n,)
        The series.
    labels : ndarray of int64, shape (n,)
        1 inside an event, else 0.
    events : tuple of Event
        The same as stretches, in order of time.
    """

    timestamps: NDArray[np.datetime64]
    values: FloatArray
    labels: IntArray
    events: tuple[Event, ...]

    def __len__(self) -> int:
        return len(self.values)


def taxi_like(n_days: int = 215, *, random_state: int = 0) -> LabelledSeries:
    """Generate half-hourly rides that look like the taxi counts of a large city.

    Two rush hours on weekdays, long nights at the weekend, a slow drift over the year, noise that
    lasts for hours and noise that does not. Five events are planted, none in the first six weeks:
    a dispatch outage, a marathon (streets closed, then a surge), a public holiday, a storm and a
    night of festivities. Each of them may also be what an honest detector finds hard: the holiday
    looks much like a Sunday.

    Parameters
    ----------
    n_days : int, default 215
        Length of the series; 48 rows a day, 60 days at least.
    random_state : int, default 0
        Seed of the noise. The events lie at the same place for every seed.

    Returns
    -------
    LabelledSeries
        Whole numbers of rides, with the five events.

    Examples
    --------
    >>> series = taxi_like()
    >>> len(series), len(series.events)
    (10320, 5)
    >>> series.timestamps[:2]
    array(['2024-07-01T00:00:00', '2024-07-01T00:30:00'],
          dtype='datetime64[s]')
    """
    if n_days < _MINIMUM_DAYS:
        raise ValueError(f"n_days: expected {_MINIMUM_DAYS} or more, got {n_days}")
    rng = np.random.default_rng(random_state)
    n_rows = n_days * _STEPS_PER_DAY

    rides = np.resize(_typical_week(), n_rows)
    rides *= 1 + 0.05 * np.sin(2 * np.pi * np.arange(n_rows) / (364 * _STEPS_PER_DAY) + 1.0)
    rides *= np.exp(_lasting_noise(rng, n_rows) + rng.normal(0.0, 0.02, n_rows))

    labels = np.zeros(n_rows, dtype=np.int64)
    events = tuple(_plant(rides, planned, n_days) for planned in _PLAN)
    for event in events:
        labels[event.rows] = 1

    first = _FIRST_DAY.astype("datetime64[s]")
    timestamps = first + np.arange(n_rows) * np.timedelta64(1800, "s")
    return LabelledSeries(timestamps, np.maximum(np.rint(rides), 0.0), labels, events)


# Rides in thousands at the named hours; in between they follow straight lines.
_HOURS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
_WEEKDAY = (11, 6.5, 4, 2.8, 2.4, 2.6, 6.7, 14.8, 19.4, 18.6, 16.8, 17.4, 18, 17.9, 15, 16.6,
            21.8, 24, 23.4, 23.2, 22.4, 18)  # fmt: skip
_FRIDAY = (15, 9, 6, 4, 3.4, 3, 6.7, 14.6, 19.6, 19, 17, 17.6, 18.4, 18, 15, 17,
           22.5, 25.6, 25, 24.6, 25.6, 25.8)  # fmt: skip
_SATURDAY = (25, 22, 18.6, 13.5, 9.8, 4.2, 3.7, 5.1, 7.5, 12, 16, 19.9, 20.2, 20.5, 18.4, 18.8,
             23, 25.6, 23.8, 22.8, 24.3, 25.7)  # fmt: skip
_SUNDAY = (25.4, 23, 19.4, 15, 11, 4.4, 3.4, 4, 6.3, 9.9, 13.9, 18.9, 19.4, 18.2, 17.2, 17.3,
           19.4, 18.8, 16.6, 16.1, 15.2, 13)  # fmt: skip


def _typical_week() -> FloatArray:
    """Rides of a week without noise, from Monday 00:00."""
    days = (*(_WEEKDAY,) * 4, _FRIDAY, _SATURDAY, _SUNDAY)
    hours = [24 * day + hour for day in range(7) for hour in _HOURS]
    rides = [1000.0 * value for day in days for value in day]
    week: FloatArray = np.interp(np.arange(0.0, 7 * 24, 0.5), hours, rides, period=7 * 24.0)
    return week


def _lasting_noise(rng: np.random.Generator, n_rows: int) -> FloatArray:
    """Noise with a memory of about four hours and a deviation of 4 %."""
    memory, deviation = np.exp(-1 / 8), 0.04
    steps = rng.normal(0.0, deviation * np.sqrt(1 - memory**2), n_rows)
    noise = np.empty(n_rows)
    level = 0.0
    for row, step in enumerate(steps.tolist()):
        level = memory * level + step
        noise[row] = level
    return noise


@dataclass(frozen=True)
class _Planned:
    """An event to plant: which day, from which hour, how long, and what happens to the rides."""

    name: str
    place: float  # share of the series that lies before it
    weekday: int  # 0 = Monday; the day is moved to the next such day
    hour: float
    n_hours: float
    change: Callable[[FloatArray, FloatArray], FloatArray]  # (rides, hours since start) -> rides


def _plant(rides: FloatArray, planned: _Planned, n_days: int) -> Event:
    """Change the rides in place and say where."""
    day = int(planned.place * n_days)
    day += (planned.weekday - day) % 7
    start = day * _STEPS_PER_DAY + int(2 * planned.hour)
    event = Event(planned.name, start, start + int(2 * planned.n_hours))
    hours = np.arange(event.stop - event.start) / 2
    rides[event.rows] = planned.change(rides[event.rows], hours)
    return event


def _outage(rides: FloatArray, hours: FloatArray) -> FloatArray:
    return rides * np.where(hours < 0.5, 0.45, 0.02)


def _marathon(rides: FloatArray, hours: FloatArray) -> FloatArray:
    return rides * np.interp(hours, (0, 1, 5, 7, 9, 12, 15), (1, 0.45, 0.5, 1.2, 2.1, 1.8, 1.0))


def _holiday(rides: FloatArray, hours: FloatArray) -> FloatArray:
    return rides * np.interp(hours, (0, 3, 8, 14, 19, 24), (0.9, 0.5, 0.42, 0.55, 0.35, 0.8))


def _storm(rides: FloatArray, hours: FloatArray) -> FloatArray:
    return rides * np.interp(hours, (0, 6, 10, 24, 30, 36), (1.1, 0.5, 0.05, 0.04, 0.5, 0.95))


def _festivities(rides: FloatArray, hours: FloatArray) -> FloatArray:
    extra = np.interp(hours, (0, 2, 4, 7, 9, 12), (0, 6e3, 22e3, 24e3, 9e3, 0))
    return rides + extra


_PLAN = (
    _Planned("dispatch outage", 0.22, 2, 11.0, 6.0, _outage),
    _Planned("marathon", 0.42, 6, 7.0, 15.0, _marathon),
    _Planned("public holiday", 0.58, 3, 4.0, 24.0, _holiday),
    _Planned("storm", 0.74, 0, 14.0, 36.0, _storm),
    _Planned("festive night", 0.88, 2, 20.0, 12.0, _festivities),
)
