"""Checks of single arguments: messages name the argument, what was expected and what came."""

from __future__ import annotations

import math
import operator
from numbers import Real

import numpy as np

__all__ = ["choice", "integer", "real", "show"]


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Check a word.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What the user gave.
    choices : tuple of str
        What it may be.

    Returns
    -------
    str
        The word.

    Raises
    ------
    TypeError, ValueError
        It is not one of the choices.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected one of {list(choices)}, got {show(value)}")
    if value not in choices:
        raise ValueError(f"{name}: expected one of {list(choices)}, got {value!r}")
    return value


def integer(name: str, value: object, low: int, high: int) -> int:
    """Check a whole number.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What the user gave.
    low, high : int
        The smallest and the largest that it may be.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError, ValueError
        It is not an integer, or out of range.
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected an integer, got {value!r} (bool)")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {show(value)}") from None
    if not low <= number <= high:
        limit = f"at least {low}" if number < low else f"at most {high}"
        raise ValueError(f"{name}: expected an integer of {limit}, got {number}")
    return number


def real(name: str, value: object, *, expected: str = "a number") -> float:
    """Check a number.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What the user gave.
    expected : str
        What the message says was expected.

    Returns
    -------
    float
        The number, which may be infinite.

    Raises
    ------
    TypeError, ValueError
        It is not a number, or NaN.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected {expected}, got {show(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond what a float holds
        number = math.inf
    if math.isnan(number):
        raise ValueError(f"{name}: expected {expected}, got nan")
    return number


def show(value: object) -> str:
    """Show a value in an error message.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        Its representation, shortened, and its type.
    """
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
