"""Networks with their weights as ONNX graphs: windows in, or rows in and scores out.

`window_graph` is the portable one: standard operators, a window goes in and its reconstruction
comes out. `score_graph` and `feature_graph` take the rows of a series and give what is wrong with
each window, so that neither windows nor reconstructions are ever kept. Writing a graph needs the
package onnx (extra ``train``); running one does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice
from fastrcf.neural._lstm_graph import differences
from fastrcf.neural._onnx import Graph
from fastrcf.neural._weights import check_weights, weight_shapes
from fastrcf.neural._window_graph import (
    conv_network,
    dense_layers,
    flat_network,
    lstm_network,
)
from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural.spec import Spec

    Weights = Mapping[str, NDArray[Any]]

__all__ = [
    "ERRORS",
    "check_weights",
    "feature_graph",
    "row_graph",
    "score_graph",
    "weight_shapes",
    "window_graph",
]

ERRORS = ("rmse", "mae", "mse")


def window_graph(
    spec: Spec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
) -> bytes:
    """Write the graph from windows to reconstructions, for any ONNX runtime.

    The input is ``windows`` (n, window_size, n_features), the output ``reconstructions`` of the
    same shape or, for a `ConvSpec`, ``logits`` (n, n_classes); all float32, n is free.

    Parameters
    ----------
    spec : LstmSpec, LinearSpec or ConvSpec
        The network.
    weights : mapping of str to ndarray
        Its weights, by the names that `weight_shapes` gives.
    center, scale : array_like of shape (n_features,), optional
        Windows come in the user's units x: the network sees (x - center) / scale, and its
        reconstructions are turned back. Without them it is fed and read as it is.

    Returns
    -------
    bytes
        The model, with the spec as JSON in its metadata under ``fastrcf``.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    ValueError
        A weight is missing, unknown, not finite or of another shape; so for center and scale.

    Examples
    --------
    >>> spec = LinearSpec(window_size=2, n_features=1, hidden=(1,))
    >>> weights = {name: np.ones(shape, np.float32) for name, shape in weight_shapes(spec).items()}
    >>> model = window_graph(spec, weights)
    """
    arrays, affine = _checked(spec, weights, center, scale)
    graph = Graph()
    x = _scaled(graph, "windows", affine)
    if isinstance(spec, ConvSpec):
        made, name = conv_network(graph, spec, arrays, x), "logits"
        shape: tuple[int | str, ...] = ("n", spec.n_classes)
    else:
        network = lstm_network if isinstance(spec, LstmSpec) else flat_network
        made, name = network(graph, spec, arrays, x), "reconstructions"  # type: ignore[arg-type]
        shape = ("n", spec.window_size, spec.n_features)
        if affine is not None:
            made = graph.op("Mul", made, graph.constant(affine[1]))
            made = graph.op("Add", made, graph.constant(affine[0]))
    given = ("windows", ("n", spec.window_size, spec.n_features))
    return graph.model(spec, given, {name: (made, shape)})


def score_graph(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    error: str = "rmse",
) -> bytes:
    """Write the graph from rows to one score for each window.

    The input is ``rows`` (t, n_features) float32, one stretch without gaps of at least window_size
    rows; the output is ``scores`` (t - window_size + 1,) float32.

    Parameters
    ----------
    spec : LstmSpec or LinearSpec
        The network.
    weights : mapping of str to ndarray
        Its weights, by the names that `weight_shapes` gives.
    center, scale : array_like of shape (n_features,), optional
        The network sees (x - center) / scale, and errors are taken in these units.
    error : {'rmse', 'mae', 'mse'}, default 'rmse'
        Over all cells of a window: root of the mean square of the difference to the
        reconstruction, mean of its size, mean square.

    Returns
    -------
    bytes
        The model, with spec and error as JSON in its metadata under ``fastrcf``.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    TypeError, ValueError
        As in `window_graph`; and the spec is not that of an autoencoder.
    """
    graph, features = _feature_errors(spec, weights, center, scale, error)
    # A product with a column of ones gives the same bits wherever in a chunk a window lies, which
    # reductions do not; sixteen columns keep it on the same path as every other product.
    ones = graph.constant(np.full((spec.n_features, 16), 1.0 / spec.n_features))
    score = graph.part(graph.op("MatMul", features, ones), 0, 1, axis=1)
    score = graph.op("Squeeze", score, graph.constant([1], np.int64))
    if error == "rmse":
        score = graph.op("Sqrt", score)
    return _closed(graph, spec, {"scores": (score, ("n",))}, error=error)


def feature_graph(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    error: str = "rmse",
) -> bytes:
    """Write the graph from rows to what each column contributes to a window's error.

    As `score_graph`, but the output is ``errors`` (t - window_size + 1, n_features): the mean over
    the rows of a window of the difference's size with 'mae', else of its square. Their mean over
    the columns is the score, but for the root that 'rmse' takes.

    Parameters
    ----------
    spec, weights, center, scale, error
        As in `score_graph`.

    Returns
    -------
    bytes
        The model.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `score_graph`.
    """
    graph, features = _feature_errors(spec, weights, center, scale, error)
    return _closed(graph, spec, {"errors": (features, ("n", spec.n_features))}, error=error)


def row_graph(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
) -> bytes:
    """Write the graph from rows to how the last row of each window differs from what was expected.

    The input is that of `score_graph`; the output is ``residuals``
    (t - window_size + 1, n_features): the row minus its reconstruction, in scaled units.

    Parameters
    ----------
    spec, weights, center, scale
        As in `score_graph`.

    Returns
    -------
    bytes
        The model.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `score_graph`.
    """
    graph, found = _opened(spec, weights, center, scale, range(spec.window_size)[-1:])
    return _closed(graph, spec, {"residuals": (found[0], ("n", spec.n_features))})


# ---- checks -------------------------------------------------------------------------------------


def _checked(
    spec: Spec, weights: Weights, center: ArrayLike | None, scale: ArrayLike | None
) -> tuple[dict[str, NDArray[np.float32]], tuple[FloatArray, FloatArray] | None]:
    arrays = check_weights(spec, weights)
    if center is None and scale is None:
        return arrays, None
    shape = (spec.n_features,)
    middle = np.zeros(shape) if center is None else np.asarray(center, np.float64)
    width = np.ones(shape) if scale is None else np.asarray(scale, np.float64)
    for name, values in (("center", middle), ("scale", width)):
        if values.shape != shape or not np.isfinite(values).all():
            raise ValueError(f"{name}: expected {shape[0]} finite numbers, got {values!r}")
    if not (np.float32(width) > 0).all():
        raise ValueError(f"scale: expected numbers above 0, got {width!r}")
    return arrays, (middle, width)


def _scaled(graph: Graph, x: str, affine: tuple[FloatArray, FloatArray] | None) -> str:
    if affine is None:
        return x
    x = graph.op("Sub", x, graph.constant(affine[0]))
    return graph.op("Div", x, graph.constant(affine[1]))


# ---- rows to errors -----------------------------------------------------------------------------


def _opened(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None,
    scale: ArrayLike | None,
    steps: range,
) -> tuple[Graph, list[str]]:
    """Write the graph up to the differences, row − reconstruction, at some rows of a window."""
    if not isinstance(spec, LstmSpec | LinearSpec):
        raise TypeError(f"spec: expected LstmSpec or LinearSpec, got {type(spec).__name__}")
    arrays, affine = _checked(spec, weights, center, scale)
    graph = Graph()
    rows = _scaled(graph, "rows", affine)
    network = differences if isinstance(spec, LstmSpec) else _flat_differences
    return graph, network(graph, spec, arrays, rows, steps)  # type: ignore[arg-type]


def _feature_errors(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None,
    scale: ArrayLike | None,
    error: str,
) -> tuple[Graph, str]:
    choice("error", error, ERRORS)
    graph, found = _opened(spec, weights, center, scale, range(spec.window_size))
    if error == "mae":
        errors = [graph.op("Abs", difference) for difference in found]
    else:
        errors = [graph.op("Mul", difference, difference) for difference in found]
    return graph, graph.mean(errors, spec.window_size)


def _closed(graph: Graph, spec: Spec, wanted: dict[str, Any], **facts: str) -> bytes:
    return graph.model(spec, ("rows", ("t", spec.n_features)), wanted, **facts)


def _flat_differences(
    graph: Graph, spec: LinearSpec, weights: Weights, rows: str, steps: range
) -> list[str]:
    windows = _unfold(graph, rows, spec.window_size)
    difference = graph.op("Sub", windows, dense_layers(graph, spec, weights, windows))
    if spec.window_size == 1:
        return [difference]
    wide = spec.n_features
    return [graph.part(difference, step * wide, (step + 1) * wide, axis=1) for step in steps]


def _unfold(graph: Graph, rows: str, size: int) -> str:
    """Lay the rows of each window side by side, (t - size + 1, size · n_features).

    Windows of twice the length are two windows side by side: few nodes, long copies.
    """
    if size == 1:
        return rows
    half = size // 2
    short = _unfold(graph, rows, half)
    double = graph.op("Concat", graph.part(short, 0, -half), graph.part(short, half), axis=1)
    if size % 2 == 0:
        return double
    return graph.op("Concat", graph.part(double, 0, -1), graph.part(rows, size - 1), axis=1)
