"""Networks as graphs from windows to reconstructions, in standard operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural._onnx import Graph
    from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec

    Weights = Mapping[str, NDArray[Any]]

__all__ = ["conv_network", "dense_layers", "flat_network", "lstm_network"]


def dense_layers(graph: Graph, spec: LinearSpec, weights: Weights, x: str) -> str:
    last = len(spec.hidden)
    for place in range(last + 1):
        x = graph.dense(x, weights[f"layer.{place}.weight"], weights[f"layer.{place}.bias"])
        if place < last:
            x = graph.op("LeakyRelu", x, alpha=spec.slope)
    return graph.op("Sigmoid", x) if spec.output == "sigmoid" else x


def flat_network(graph: Graph, spec: LinearSpec, weights: Weights, windows: str) -> str:
    flat = [-1, spec.window_size * spec.n_features]
    x = graph.op("Reshape", windows, graph.constant(flat, np.int64))
    made = dense_layers(graph, spec, weights, x)
    shape = [-1, spec.window_size, spec.n_features]
    return graph.op("Reshape", made, graph.constant(shape, np.int64))


def lstm_network(graph: Graph, spec: LstmSpec, weights: Weights, windows: str) -> str:
    """Use the LSTM operator, which takes steps first and gates in the order i, o, f, g."""
    x = graph.op("Transpose", windows, perm=[1, 0, 2])
    code = x
    for name, _, units in spec.layers:
        if name == "decoder.0":
            times = graph.constant([spec.window_size, 1, 1], np.int64)
            x = graph.op("Tile", code, times)
        i, f, g, o = np.split(np.arange(4 * units), 4)
        order = np.concatenate([i, o, f, g])
        bias = np.concatenate([weights[f"{name}.bias"][order], np.zeros(4 * units)])
        tensors = [weights[f"{name}.input"][order], weights[f"{name}.hidden"][order], bias]
        inputs = [graph.constant(tensor[np.newaxis]) for tensor in tensors]
        relu = {"activations": ["Sigmoid", "Relu", "Relu"]} if spec.activation == "relu" else {}
        steps, code = graph.ops("LSTM", 2, x, *inputs, hidden_size=units, **relu)
        x = graph.op("Squeeze", steps, graph.constant([1], np.int64))
    made = graph.op("MatMul", x, graph.constant(weights["output.weight"].T))
    made = graph.op("Add", made, graph.constant(weights["output.bias"]))
    if spec.output == "sigmoid":
        made = graph.op("Sigmoid", made)
    return graph.op("Transpose", made, perm=[1, 0, 2])


def conv_network(graph: Graph, spec: ConvSpec, weights: Weights, windows: str) -> str:
    x = graph.op("Transpose", windows, perm=[0, 2, 1])
    pad = spec.kernel_size // 2
    for place in range(len(spec.channels)):
        tensors = [weights[f"conv.{place}.{part}"] for part in ("weight", "bias")]
        x = graph.op("Conv", x, *map(graph.constant, tensors), pads=[pad, pad])
        x = graph.op("MaxPool", graph.op("Relu", x), kernel_shape=[2], strides=[2])
    x = graph.op("Flatten", x)
    return graph.dense(x, weights["output.weight"], weights["output.bias"])
