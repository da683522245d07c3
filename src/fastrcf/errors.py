"""The errors of fastrcf.

Wrong values and wrong types raise the built-in `ValueError` and `TypeError`; everything else is a
`FastRCFError`. Each of its subclasses is also the built-in error that callers would expect.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

__all__ = [
    "DeviceError",
    "FastRCFError",
    "MissingExtraError",
    "ModelFormatError",
    "NotFittedError",
    "TrainingError",
    "not_fitted",
]


class FastRCFError(Exception):
    """Base of the errors that are particular to fastrcf."""


class NotFittedError(FastRCFError, ValueError, AttributeError):
    """A method needs what only training provides.

    It is a `ValueError` and an `AttributeError`, as scikit-learn's error of the same name is. In a
    process that has imported scikit-learn, the errors that fastrcf raises are also instances of
    ``sklearn.exceptions.NotFittedError``.
    """


class ModelFormatError(FastRCFError, ValueError):
    """Bytes or a file are not a model that this version can read."""


class MissingExtraError(FastRCFError, ImportError):
    """A package that belongs to one of the extras of fastrcf is not installed."""


class DeviceError(FastRCFError, RuntimeError):
    """The device that was asked for, a GPU, is not there or cannot be used."""


class TrainingError(FastRCFError, ArithmeticError):
    """A network cannot be trained like this: its loss became infinite or NaN."""


class _SklearnFlavour:
    """Makes errors of a class that was put together at run time picklable."""

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return not_fitted, self.args


def not_fitted(message: str) -> NotFittedError:
    """Make a `NotFittedError`, one that scikit-learn recognises when scikit-learn is in use.

    Parameters
    ----------
    message : str
        What is missing and how to get it.

    Returns
    -------
    NotFittedError
        The error, to be raised by the caller.
    """
    theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
    return NotFittedError(message) if theirs is None else _joined(theirs)(message)


@cache
def _joined(theirs: type[Exception]) -> type[NotFittedError]:
    return type("NotFittedError", (_SklearnFlavour, NotFittedError, theirs), {})
