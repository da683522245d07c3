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
from fastrcf.neural._linear_graph import flat_errors
from fastrcf.neural._lstm_graph import LONG, TINY, LstmForm
from fastrcf.neural._onnx import Graph
from fastrcf.neural._weights import check_weights, weight_shapes
from fastrcf.neural._window_graph import (
    conv_network,
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
    Affine = tuple[ArrayLike | None, ArrayLike | None]
    Form = tuple[bool | None, bool]

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
    *,
    loops: bool | None = None,
    half: bool = False,
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
    loops : bool, optional
        Write an LSTM's steps as loops; by default for windows of more than 8 rows, where that is
        faster on a CPU. Without loops a GPU may record its work (``cuda_graph``).
    half : bool, default False
        Compute in float16, for GPUs: results change by about a thousandth.

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
    graph, total, features_first = _summed(spec, weights, (center, scale), error, (loops, half))
    # Products give the same bits wherever in a chunk a window lies, which reductions do not;
    # sixteen equal columns keep this one on the same path as every other.
    share = np.full((spec.n_features, 16), 1.0 / (spec.n_features * spec.window_size))
    if features_first:
        score = graph.part(graph.op("MatMul", graph.constant(share.T), total), 0, 1, axis=0)
    else:
        score = graph.part(graph.op("MatMul", total, graph.constant(share)), 0, 1, axis=1)
    score = graph.op("Reshape", score, graph.constant([-1], np.int64))
    if error == "rmse":
        score = graph.op("Sqrt", score)
    return _closed(graph, spec, {"scores": (score, ("n",))}, error=error)


def feature_graph(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    error: str = "rmse",
    *,
    loops: bool | None = None,
    half: bool = False,
) -> bytes:
    """Write the graph from rows to what each column contributes to a window's error.

    As `score_graph`, but the output is ``errors`` (t - window_size + 1, n_features): the mean over
    the rows of a window of the difference's size with 'mae', else of its square. Their mean over
    the columns is the score, but for the root that 'rmse' takes.

    Parameters
    ----------
    spec, weights, center, scale, error, loops, half
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
    graph, total, features_first = _summed(spec, weights, (center, scale), error, (loops, half))
    features = graph.op("Mul", total, graph.constant(1.0 / spec.window_size))
    if features_first:
        features = graph.op("Transpose", features, perm=[1, 0])
    return _closed(graph, spec, {"errors": (features, ("n", spec.n_features))}, error=error)


def row_graph(
    spec: LstmSpec | LinearSpec,
    weights: Weights,
    center: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    *,
    loops: bool | None = None,
    half: bool = False,
) -> bytes:
    """Write the graph from rows to how the last row of each window differs from what was expected.

    The input is that of `score_graph`; the output is ``residuals``
    (t - window_size + 1, n_features): the row minus its reconstruction, in scaled units.

    Parameters
    ----------
    spec, weights, center, scale, loops, half
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
    graph, last, features_first = _written(spec, weights, (center, scale), "last", (loops, half))
    if features_first:
        last = graph.op("Transpose", last, perm=[1, 0])
    return _closed(graph, spec, {"residuals": (last, ("n", spec.n_features))})


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


def _written(
    spec: LstmSpec | LinearSpec, weights: Weights, affine: Affine, error: str, form: Form
) -> tuple[Graph, str, bool]:
    """Write the graph up to what is kept of row − reconstruction, and tell how that lies."""
    if not isinstance(spec, LstmSpec | LinearSpec):
        raise TypeError(f"spec: expected LstmSpec or LinearSpec, got {type(spec).__name__}")
    arrays, scaling = _checked(spec, weights, *affine)
    loops, half = form
    graph = Graph()
    rows = _scaled(graph, "rows", scaling)
    if half:
        rows = graph.halve(rows)
    if isinstance(spec, LinearSpec):
        return graph, flat_errors(graph, spec, arrays, rows, error), False
    tiny = max(units for _, _, units in spec.layers) <= TINY
    if tiny:
        rows = graph.op("Transpose", rows, perm=[1, 0])
    looped = spec.window_size > LONG if loops is None else loops and spec.window_size > 1
    network = LstmForm(graph, spec, arrays, error, features_first=tiny)
    return graph, network.write(rows, looped=looped), tiny


def _summed(
    spec: LstmSpec | LinearSpec, weights: Weights, affine: Affine, error: str, form: Form
) -> tuple[Graph, str, bool]:
    choice("error", error, ERRORS)
    return _written(spec, weights, affine, "abs" if error == "mae" else "square", form)


def _closed(graph: Graph, spec: Spec, wanted: dict[str, Any], **facts: str) -> bytes:
    name, (value, shape) = next(iter(wanted.items()))
    outputs = {name: (graph.whole(value), shape)}
    return graph.model(spec, ("rows", ("t", spec.n_features)), outputs, **facts)
