"""Names and number of columns: what the forest learned first is what it takes afterwards."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastrcf._typing import Names

__all__ = ["OWNER", "check_names", "check_width", "names_of", "pick", "same_names"]

OWNER = "RandomCutForest"
_SHOWN_NAMES = 5


def check_width(
    width: int, expected: int, *, name: str = "X", hint: str = "", owner: str = OWNER
) -> None:
    """Refuse rows of another width than the model has learned.

    Parameters
    ----------
    width, expected : int
        Columns that came, columns that the model has.
    name : str
        What the caller's argument is called in error messages.
    hint : str
        Appended to the message.
    owner : str
        What the model is called.

    Raises
    ------
    ValueError
        The widths differ.
    """
    if width != expected:
        raise ValueError(
            f"{name} has {width} features, but {owner} is expecting {expected} features as "
            f"input{hint}"
        )


def same_names(came: Names | None, expected: Names | None) -> None:
    """Refuse columns that have other names, or another order, than those the forest has learned.

    Parameters
    ----------
    came, expected : tuple of str or None
        Names that came, names that the forest has. None means that there are none.

    Raises
    ------
    ValueError
        Both have names, and they differ.
    """
    if came is None or expected is None or came == expected:
        return
    message = "The feature names should match those that were passed during fit.\n"
    unexpected = sorted(set(came) - set(expected))
    missing = sorted(set(expected) - set(came))
    if unexpected:
        message += "Feature names unseen at fit time:\n" + _bullets(unexpected)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _bullets(missing)
    if not (unexpected or missing):
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(message)


def check_names(came: Names | None, expected: Names | None) -> None:
    """Compare column names as scikit-learn does: differing ones are refused, lost ones are told.

    Parameters
    ----------
    came, expected : tuple of str or None
        Names that came, names that the forest has. None means that there are none.

    Raises
    ------
    ValueError
        Both have names, and they differ.
    """
    if came is None and expected is not None:
        _warn(f"X does not have valid feature names, but {OWNER} was fitted with feature names")
    elif came is not None and expected is None:
        _warn(f"X has feature names, but {OWNER} was fitted without feature names")
    same_names(came, expected)


def names_of(labels: tuple[Any, ...], name: str) -> Names | None:
    """Tell names from numbers: a frame without names has 0, 1, 2 … for labels.

    Parameters
    ----------
    labels : tuple
        The labels of the columns.
    name : str
        What the caller's argument is called in error messages.

    Returns
    -------
    tuple of str or None
        The labels if they are names.

    Raises
    ------
    TypeError
        Some labels are names and some are not.
    """
    kinds = {type(label).__name__ for label in labels if not isinstance(label, str)}
    if not kinds:
        return tuple(str(label) for label in labels) or None
    if any(isinstance(label, str) for label in labels):
        raise TypeError(
            f"{name}: Feature names are only supported if all input features have string names, "
            f"but your input has {sorted({*kinds, 'str'})} as feature name / column name types"
        )
    return None


def pick(data: Mapping[Any, Any], expected: Names | None, name: str) -> Names:
    """Put the keys of a row into the order that the forest knows.

    Parameters
    ----------
    data : mapping
        The row.
    expected : tuple of str or None
        The names that the forest knows; None before it knows any.
    name : str
        What the caller's argument is called in error messages.

    Returns
    -------
    tuple of str
        The keys in order.

    Raises
    ------
    TypeError
        A key is not a str.
    ValueError
        A key is missing or unknown.
    """
    if expected is not None and len(data) == len(expected) and all(key in data for key in expected):
        return expected
    for key in data:
        if not isinstance(key, str):
            raise TypeError(f"{name}: expected keys of type str, got {key!r}")
    if expected is None:
        return tuple(data)
    missing = [key for key in expected if key not in data]
    unknown = [key for key in data if key not in expected]
    raise ValueError(
        f"{name}: expected the keys {list(expected)}; missing: {missing}, unknown: {unknown}"
    )


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)


def _bullets(names: Sequence[str]) -> str:
    shown = [f"- {name}\n" for name in names[:_SHOWN_NAMES]]
    return "".join(shown) + ("- ...\n" if len(names) > _SHOWN_NAMES else "")
