"""Options for what happens to a row before the trees see it."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

from fastrcf._forest.checks import choice, real, show

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IRREGULAR", "MISSING", "TRANSFORMATIONS", "check_preparation", "per_column"]

TRANSFORMATIONS = ("none", "normalize", "difference", "normalize_difference")
"""What can be made of a value before the trees see it."""

MISSING = ("skip", "impute", "previous", "constant")
"""What can become of a row with a missing value."""

IRREGULAR = ("gap", "augment")
"""What time stamps can mean."""

_LARGEST = 1e30


def check_preparation(params: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters that say how rows are prepared.

    Parameters
    ----------
    params : mapping
        The parameters of `RandomCutForest` by name.

    Returns
    -------
    dict
        What the native forest takes as ``preparation``; `weights` and `fill_value` are lists, or
        numbers for all columns, or absent: see `per_column`.

    Raises
    ------
    TypeError, ValueError
        A parameter is of the wrong type or out of range, or two exclude each other; the message
        names it.
    """
    transformation = choice("transformation", params["transformation"], TRANSFORMATIONS)
    missing = choice("missing", params["missing"], MISSING)
    options: dict[str, Any] = {
        "transformation": transformation,
        "missing": missing,
        "noise_floor": _share("noise_floor", params["noise_floor"]),
        "max_missing": _share("max_missing", params["max_missing"]),
    }
    weights = params["weights"]
    if weights is not None:
        options["weights"] = _weights(weights)
    fill = _values("fill_value", params["fill_value"], one=True)
    if missing == "constant":
        if transformation in ("difference", "normalize_difference"):
            raise ValueError(
                "missing: 'constant' cannot be combined with transformation="
                f"{transformation!r}: the step to a constant and back would be two jumps; use "
                "'impute' or 'previous'"
            )
        options["fill_value"] = fill
    elif fill != 0.0:
        raise ValueError(
            "fill_value: expected only with missing='constant', got "
            f"{params['fill_value']!r} with missing={missing!r}"
        )
    if params["irregular"] is not None:
        irregular = options["irregular"] = choice("irregular", params["irregular"], IRREGULAR)
        if irregular == "augment" and transformation in ("difference", "normalize_difference"):
            raise ValueError(
                "irregular: 'augment' cannot be combined with transformation="
                f"{transformation!r}: a long interval would make two jumps; use 'gap', or hand in "
                "differences"
            )
        if irregular == "gap" and missing != "skip" and options["max_missing"] == 1.0:
            raise ValueError(
                "max_missing: expected less than 1.0 with irregular='gap': the longest gaps could "
                "not end a window"
            )
    return options


def per_column(options: dict[str, Any], width: int) -> dict[str, Any]:
    """Fit checked options to rows of a known width.

    Parameters
    ----------
    options : dict
        What `check_preparation` gave.
    width : int
        Number of columns.

    Returns
    -------
    dict
        The same with one value per column where there are values.

    Raises
    ------
    ValueError
        There are values for another number of columns.

    Notes
    -----
    With ``irregular="augment"`` there is one more value, for the column of time.
    """
    fitted = dict(options)
    if isinstance(fitted.get("fill_value"), float):
        fitted["fill_value"] = [fitted["fill_value"]] * width
    for name in ("weights", "fill_value"):
        values = fitted.get(name)
        if values is not None and len(values) != width:
            raise ValueError(
                f"{name}: expected one value per column ({width}), got {len(values)} values"
            )
        if values is not None and fitted.get("irregular") == "augment":
            fitted[name] = [*values, 1.0]
    return fitted


def _weights(value: object) -> list[float]:
    weights = cast("list[float]", _values("weights", value, one=False))
    if min(weights) < 0.0:
        raise ValueError(f"weights: expected numbers of at least 0, got {min(weights)!r}")
    if max(weights) == 0.0:
        raise ValueError("weights: expected at least one that is not 0")
    return weights


def _values(name: str, value: object, *, one: bool) -> float | list[float]:
    expected = "a number or a sequence of numbers" if one else "None or a sequence of numbers"
    if one and isinstance(value, Real):
        return _number(name, value, expected)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected {expected}, got {show(value)}")
    numbers = [_number(name, each, expected) for each in value]
    if not numbers:
        raise ValueError(f"{name}: expected {expected}, one per column, got an empty one")
    return numbers


def _number(name: str, value: object, expected: str) -> float:
    number = real(name, value, expected=expected)
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{name}: expected values within -1e30 and 1e30, got {number!r}")
    return number


def _share(name: str, value: object) -> float:
    share = real(name, value, expected="a number in [0, 1]")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"{name}: expected a number in [0, 1], got {value!r}")
    return share
