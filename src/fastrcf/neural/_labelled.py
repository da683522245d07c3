"""Windows and their labels, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import real
from fastrcf._forest.container import plain

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Label = int | str

__all__ = ["as_windows", "encoded", "split_classes"]


def as_windows(windows: ArrayLike) -> NDArray[Any]:
    table = np.asarray(windows)
    if table.dtype.kind not in "biuf":
        raise TypeError(f"windows: expected numbers, got {table.dtype}")
    if table.ndim == 2:
        table = table[:, :, np.newaxis]
    if table.ndim != 3 or 0 in table.shape:
        raise ValueError(
            f"windows: expected shape (n, window_size) or (n, window_size, d), got {table.shape}"
        )
    wrong = ~np.isfinite(table).all(axis=(1, 2))
    if wrong.any():
        raise ValueError(f"windows: window {int(wrong.argmax())} has a missing or infinite value")
    return table


def encoded(
    y: ArrayLike, n: int, classes: Sequence[Label] | None
) -> tuple[list[Label], NDArray[np.int64]]:
    """Give the labels that there are, and each label's place among them."""
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ValueError(f"y: expected one label for each of {n} windows, got {labels.shape}")
    known = np.unique(labels) if classes is None else np.asarray(classes)
    for name, values in (("y", labels), ("classes", known)):
        if values.dtype.kind not in "iuU":
            raise TypeError(f"{name}: expected whole numbers or text, got {values.dtype}")
    if len(known) < 2 or len(np.unique(known)) != len(known):
        raise ValueError(
            f"classes: expected at least 2 different labels, got {known.tolist()}; name those that "
            "y does not show"
        )
    places = {label: place for place, label in enumerate(known.tolist())}
    unknown = sorted(set(labels.tolist()) - set(places), key=str)
    if unknown:
        raise ValueError(f"y: expected labels among {list(places)}, got {unknown}")
    codes = np.array([places[label] for label in labels.tolist()], np.int64)
    return plain(list(places)), codes


def split_classes(codes: NDArray[np.int64], value: object) -> tuple[Any, Any]:
    """Hold out the last windows of each class; a class of one window is learned."""
    fraction = real("validation_fraction", value)
    if not 0.0 <= fraction < 1.0:
        raise ValueError(f"validation_fraction: expected at least 0 and below 1, got {fraction}")
    held = np.zeros(len(codes), bool)
    for code in np.unique(codes):
        places = np.flatnonzero(codes == code)
        count = round(fraction * len(places))
        held[places[len(places) - count :]] = True
    if (~held).sum() < 2:
        raise ValueError(f"windows: expected at least 2 to learn from, got {int((~held).sum())}")
    return np.flatnonzero(~held), np.flatnonzero(held)
