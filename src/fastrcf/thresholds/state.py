"""What thresholds have learned as plain values, read back with distrust."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["Stored"]

_LARGEST_COUNT = 2**53


class Stored:
    """An object of JSON whose members are asked for by name and kind.

    Parameters
    ----------
    values : object
        The object.
    name : str
        What it is called in errors.

    Raises
    ------
    ModelFormatError
        From here and every method: something is not there, or is not what it should be.
    """

    def __init__(self, values: object, name: str = "threshold") -> None:
        if not isinstance(values, dict):
            raise self._error(name, "an object", values)
        self._values: dict[str, Any] = values
        self._name = name

    @staticmethod
    def _error(name: str, expected: str, value: object) -> ModelFormatError:
        text = repr(value)
        return ModelFormatError(
            f"{name}: expected {expected}, got {text if len(text) <= 60 else text[:57] + '...'}"
        )

    def raw(self, name: str) -> Any:
        """Give a member as it is."""
        if name not in self._values:
            raise ModelFormatError(f"{self._name}: {name} is missing")
        return self._values[name]

    def text(self, name: str) -> str:
        """Give a string."""
        value = self.raw(name)
        if not isinstance(value, str):
            raise self._error(f"{self._name}.{name}", "a string", value)
        return value

    def number(self, name: str, *, low: float = -math.inf) -> float:
        """Give a finite number."""
        value = self.raw(name)
        if not _is_number(value) or value < low:
            raise self._error(f"{self._name}.{name}", "a number", value)
        return float(value)

    def optional(self, name: str) -> float:
        """Give a finite number, NaN for None."""
        return math.nan if self.raw(name) is None else self.number(name)

    def count(self, name: str, *, high: int = _LARGEST_COUNT) -> int:
        """Give a whole number of at least 0."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
            raise self._error(f"{self._name}.{name}", f"a whole number of 0 to {high}", value)
        return value

    def numbers(self, name: str, *, high: int) -> FloatArray:
        """Give at most `high` finite numbers."""
        value = self.raw(name)
        if not isinstance(value, list) or len(value) > high or not all(map(_is_number, value)):
            raise self._error(f"{self._name}.{name}", f"at most {high} numbers", value)
        return np.array(value, dtype=np.float64)

    def child(self, name: str) -> Stored:
        """Give an object."""
        return Stored(self.raw(name), f"{self._name}.{name}")

    def items(self, name: str, *, high: int) -> list[Stored]:
        """Give at most `high` objects."""
        value = self.raw(name)
        if not isinstance(value, list) or len(value) > high:
            raise self._error(f"{self._name}.{name}", f"at most {high} objects", value)
        return [Stored(each, f"{self._name}.{name}[{i}]") for i, each in enumerate(value)]


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e308  # no NaN compares; an int may be of any size
