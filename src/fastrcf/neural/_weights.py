"""Names and shapes of a network's weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.neural.spec import LinearSpec, LstmSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural.spec import Spec

    Weights = Mapping[str, NDArray[Any]]

__all__ = ["check_weights", "weight_shapes"]


def weight_shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Give the names and shapes of a network's weights.

    Parameters
    ----------
    spec : LstmSpec, LinearSpec or ConvSpec
        The network.

    Returns
    -------
    dict of str to tuple of int
        In the order in which the network uses them. Gates stand in the order i, f, g, o.

    Examples
    --------
    >>> weight_shapes(LinearSpec(window_size=2, n_features=3, hidden=(4,)))["layer.0.weight"]
    (4, 6)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    if isinstance(spec, LstmSpec):
        for name, inputs, units in spec.layers:
            shapes[f"{name}.input"] = (4 * units, inputs)
            shapes[f"{name}.hidden"] = (4 * units, units)
            shapes[f"{name}.bias"] = (4 * units,)
        return shapes | _dense_shapes("output", units, spec.n_features)
    if isinstance(spec, LinearSpec):
        width = spec.window_size * spec.n_features
        sizes = [width, *spec.hidden, width]
        for place, pair in enumerate(pairwise(sizes)):
            shapes |= _dense_shapes(f"layer.{place}", *pair)
        return shapes
    channels, length = spec.n_features, spec.window_size
    for place, out in enumerate(spec.channels):
        shapes[f"conv.{place}.weight"] = (out, channels, spec.kernel_size)
        shapes[f"conv.{place}.bias"] = (out,)
        channels, length = out, length // 2
    return shapes | _dense_shapes("output", channels * length, spec.n_classes)


def check_weights(spec: Spec, weights: Weights) -> dict[str, NDArray[np.float32]]:
    """Check a network's weights.

    Parameters
    ----------
    spec : LstmSpec, LinearSpec or ConvSpec
        The network.
    weights : mapping of str to ndarray
        Its weights.

    Returns
    -------
    dict of str to ndarray of float32
        The weights in the order of `weight_shapes`.

    Raises
    ------
    ValueError
        A weight is missing, unknown, not finite or of another shape.
    """
    shapes = weight_shapes(spec)
    if set(weights) != set(shapes):
        missing, unknown = sorted(set(shapes) - set(weights)), sorted(set(weights) - set(shapes))
        raise ValueError(f"weights: missing {missing}, unknown {unknown}")
    arrays = {name: np.asarray(weights[name], np.float32) for name in shapes}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"weights[{name!r}]: expected {shape}, got {arrays[name].shape}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"weights[{name!r}]: expected finite numbers, got NaN or infinity")
    return arrays


def _dense_shapes(name: str, inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (units, inputs), f"{name}.bias": (units,)}
