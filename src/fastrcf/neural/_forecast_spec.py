"""What a network that forecasts is, and the clock of its rows."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import choice, integer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIKELIHOODS", "PERIODS", "ForecastSpec", "seconds_of"]

LIKELIHOODS = {"student-t": 3, "negative-binomial": 2}
"""Laws of the next value, and the number of their parameters."""

PERIODS = {"day": 86_400, "week": 604_800, "year": 31_556_952}
"""Seconds after which the calendar repeats itself; a year is the mean Gregorian one."""

MAX_CONTEXT, MAX_LAGS, MAX_UNITS, MAX_LAYERS, MAX_INPUTS = 100_000, 256, 4096, 16, 10_000

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FREQ = re.compile(r"\s*(\d*)\s*([a-z]+)\s*", re.IGNORECASE)


def seconds_of(freq: str) -> int:
    """Read a distance between rows.

    Parameters
    ----------
    freq : str
        A number (1 if it is missing) and ``s``, ``min``, ``h``, ``D`` or ``W``.

    Returns
    -------
    int
        Seconds.

    Raises
    ------
    TypeError, ValueError
        It is something else.

    Examples
    --------
    >>> seconds_of("10min")
    600
    """
    if not isinstance(freq, str):
        raise TypeError(f"freq: expected text such as '10min', got {freq!r}")
    found = _FREQ.fullmatch(freq)
    unit = None if found is None else _UNITS.get(found[2].lower())
    if found is None or unit is None or found[1] in {"0", "00"}:
        raise ValueError(f"freq: expected a number and s, min, h, D or W, got {freq!r}")
    return integer("freq", int(found[1] or "1") * unit, 1, 366 * 86_400)


@dataclass(frozen=True, kw_only=True)
class ForecastSpec:
    """LSTM over the past of a series that gives the law of its next value.

    Parameters
    ----------
    context : int
        Rows whose mean absolute value is the scale of the next row.
    lags : tuple of int
        How many rows back the values lie that the network sees, rising.
    units : int, default 40
        Units of a layer.
    layers : int, default 1
        LSTM layers.
    likelihood : {'student-t', 'negative-binomial'}
        Law of the next value.
    step : int or None
        Seconds between rows; None where nothing is known about the clock.
    calendar : tuple of str
        Of ``"day"``, ``"week"``, ``"year"``: periods whose phase the network sees.
    n_dynamic : int, default 0
        Further series that are known in advance.
    cardinality : tuple of int
        Number of values of each category; each is embedded.
    """

    context: int
    lags: tuple[int, ...]
    units: int = 40
    layers: int = 1
    likelihood: str = "student-t"
    step: int | None = None
    calendar: tuple[str, ...] = ()
    n_dynamic: int = 0
    cardinality: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        integer("context", self.context, 1, MAX_CONTEXT)
        integer("units", self.units, 1, MAX_UNITS)
        integer("layers", self.layers, 1, MAX_LAYERS)
        choice("likelihood", self.likelihood, tuple(LIKELIHOODS))
        for place, lag in enumerate(self.lags):
            integer(f"lags[{place}]", lag, 1, MAX_CONTEXT)
        if not 1 <= len(self.lags) <= MAX_LAGS or list(self.lags) != sorted(set(self.lags)):
            raise ValueError(f"lags: expected 1 to {MAX_LAGS} rising numbers, got {self.lags}")
        if self.step is not None:
            integer("step", self.step, 1, 366 * 86_400)
        for each in self.calendar:
            choice("calendar", each, tuple(PERIODS))
        if self.calendar and self.step is None:
            raise ValueError("calendar: expected none without freq")
        integer("n_dynamic", self.n_dynamic, 0, MAX_INPUTS)
        for place, size in enumerate(self.cardinality):
            integer(f"cardinality[{place}]", size, 1, 1_000_000)

    @property
    def embedding(self) -> tuple[int, ...]:
        """Width of each category's embedding: half of its values, at most 50."""
        return tuple(min(50, (size + 1) // 2) for size in self.cardinality)

    @property
    def n_rolled(self) -> int:
        """Inputs that differ from row to row: all but the embeddings."""
        return len(self.lags) + 2 + 2 * len(self.calendar) + self.n_dynamic

    @property
    def n_inputs(self) -> int:
        """Inputs of the first layer."""
        return self.n_rolled + sum(self.embedding)

    @property
    def n_params(self) -> int:
        """Parameters of the law."""
        return LIKELIHOODS[self.likelihood]

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Give the shape of each weight; gates are in the order i, f, g, o."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.layers):
            inputs = self.units if layer else self.n_inputs
            shapes[f"lstm.{layer}.input"] = (4 * self.units, inputs)
            shapes[f"lstm.{layer}.hidden"] = (4 * self.units, self.units)
            shapes[f"lstm.{layer}.bias"] = (4 * self.units,)
        shapes["output.weight"] = (self.n_params, self.units)
        shapes["output.bias"] = (self.n_params,)
        for place, size in enumerate(zip(self.cardinality, self.embedding, strict=True)):
            shapes[f"embedding.{place}"] = size
        return shapes

    def to_dict(self) -> dict[str, Any]:
        """Give the spec as what JSON holds."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ForecastSpec:
        """Make the spec that `to_dict` gave; what is wrong is a TypeError or ValueError."""
        known = {field.name for field in fields(cls)}
        if set(state) != known:
            raise ValueError(f"spec: expected {sorted(known)}, got {sorted(state)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state.items()
        }
        return cls(**values)
