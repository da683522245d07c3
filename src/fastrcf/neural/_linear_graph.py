"""Autoencoders of dense layers as graphs from rows to errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.neural._window_graph import dense_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural._onnx import Graph
    from fastrcf.neural.spec import LinearSpec

    Weights = Mapping[str, NDArray[Any]]

__all__ = ["flat_errors"]


def flat_errors(graph: Graph, spec: LinearSpec, weights: Weights, rows: str, error: str) -> str:
    """Write a network of dense layers.

    Parameters
    ----------
    graph : Graph
        Gets the nodes.
    spec : LinearSpec
        The network.
    weights : mapping of str to ndarray
        Its weights.
    rows : str
        Scaled rows (t, n_features).
    error : {'abs', 'square', 'last'}
        What is kept, as in `LstmForm`.

    Returns
    -------
    str
        It, for each of the t - window_size + 1 windows and each column.
    """
    windows = _unfold(graph, rows, spec.window_size)
    difference = graph.op("Sub", windows, dense_layers(graph, spec, weights, windows))
    wide, size = spec.n_features, spec.window_size
    if error == "last":
        return graph.part(difference, (size - 1) * wide, axis=1)
    both = (difference,) if error == "abs" else (difference, difference)
    kept = graph.op("Abs" if error == "abs" else "Mul", *both)
    # A product with a stack of unit matrices adds up the rows of a window.
    stack = np.tile(np.eye(wide), (size, 1))
    return graph.op("MatMul", kept, graph.constant(stack)) if size > 1 else kept


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
