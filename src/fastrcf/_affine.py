"""Checks of what scales rows, and of where the result goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import show

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fastrcf._typing import FloatArray, RealArray

__all__ = ["as_affine", "as_numbers", "as_out", "as_real_dtype"]


def as_affine(center: object, scale: object, n_features: int | None) -> tuple[Any, Any]:
    """Check center and scale: finite float64 of one length, no scale of 0 or less.

    None is 0 and 1, where the number of features is known.
    """
    arrays = []
    for name, given, default in (("center", center, 0.0), ("scale", scale, 1.0)):
        if given is None and n_features is not None:
            arrays.append(np.full(n_features, default))
            continue
        array = as_numbers(name, given, n_features)
        if name == "scale" and (array <= 0.0).any():
            raise ValueError(f"{name}: expected numbers above 0, got {show(given)}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            f"scale: expected as many numbers as center, {len(arrays[0])}, got {len(arrays[1])}"
        )
    return arrays[0], arrays[1]


def as_numbers(name: str, given: object, n_features: int | None) -> FloatArray:
    """Check one finite number for each column."""
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected numbers, got {show(given)}") from None
    if array.ndim != 1 or (n_features is not None and len(array) != n_features):
        wanted = "F" if n_features is None else n_features
        raise ValueError(f"{name}: expected shape ({wanted},), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {show(given)}")
    return array


def as_out(out: RealArray | None, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Check where a result goes, or make room for it."""
    if out is None:
        return np.empty(shape, dtype=as_real_dtype(dtype))
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected an array, got {show(out)}")
    if out.dtype not in (np.float32, np.float64) or not out.dtype.isnative:
        raise TypeError(f"out: expected float32 or float64, got {out.dtype}")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"out: expected a writeable C-contiguous array of shape {shape}, got {out.shape}"
        )
    return out


def as_real_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Check what numbers a network is to get."""
    kind: NDArray[Any] | np.dtype[Any] = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected float32 or float64, got {kind}")
    return np.dtype(dtype)
