"""Checks of the options that several thresholds have."""

from __future__ import annotations

from fastrcf._forest.checks import integer, real
from fastrcf.thresholds.scores import LARGEST

__all__ = ["MAX_WINDOW", "factor", "share", "warm_up", "window"]

MAX_WINDOW = 1_000_000
"""Scores that a window may hold."""


def factor(name: str, value: object) -> float:
    """Check a finite number of at least 0."""
    number = real(name, value, expected="a number of at least 0")
    if not 0.0 <= number <= LARGEST:
        raise ValueError(f"{name}: expected a number of 0 to {LARGEST:g}, got {value!r}")
    return number


def share(name: str, value: object) -> float:
    """Check a number between 0 and 1."""
    number = real(name, value, expected="a number between 0 and 1")
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name}: expected a number between 0 and 1, got {value!r}")
    return number


def warm_up(value: object) -> int:
    """Check how many scores make the first cutoff."""
    return integer("warm_up", value, 1, MAX_WINDOW)


def window(name: str, value: object, low: int = 1) -> int:
    """Check how many scores a window holds."""
    return integer(name, value, low, MAX_WINDOW)
