"""LSTM autoencoders as graphs from rows to errors, in the forms that run fast.

What the forms share: the rows are projected onto the first layer's gates once, not once for each
window that holds them; what the decoder reads is the same at each step and projected once; the
first step has no state, hence no recurrent product and no forget gate; errors are added up step by
step, so no reconstruction is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.neural._onnx import Graph

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from numpy.typing import NDArray

    from fastrcf.neural.spec import LstmSpec

    Weights = Mapping[str, NDArray[Any]]

__all__ = ["Cell", "differences"]

_GATES = ("i", "f", "g", "o")


class Cell:
    """One recurrent layer; one product for each gate, which onnxruntime fuses with its activation.

    Parameters
    ----------
    graph : Graph
        Gets the nodes.
    weights : mapping of str to ndarray
        Of the network.
    name : str
        Of the layer.
    activation : {'tanh', 'relu'}
        Of candidate and output.
    """

    def __init__(self, graph: Graph, weights: Weights, name: str, activation: str) -> None:
        self._graph = graph
        self._activation = {"tanh": "Tanh", "relu": "Relu"}[activation]
        self._input, self._hidden, self._bias = (
            dict(zip(_GATES, np.split(weights[f"{name}.{part}"], 4), strict=True))
            for part in ("input", "hidden", "bias")
        )

    def project(self, x: str) -> dict[str, str]:
        """Give the gates' share that comes from the input (n, inputs)."""
        return {g: self._graph.dense(x, self._input[g], self._bias[g]) for g in _GATES}

    def step(self, projected: dict[str, str], state: tuple[str, str] | None) -> tuple[str, str]:
        """Go one step on from a state (hidden, cell), None at the start; give the next state."""
        op = self._graph.op
        if state is None:
            i, g, o = (self._gate(gate, projected[gate]) for gate in "igo")
            cell = op("Mul", i, g)
        else:
            sums = {gate: self._recur(gate, projected[gate], state[0]) for gate in _GATES}
            i, f, g, o = (self._gate(gate, sums[gate]) for gate in _GATES)
            cell = op("Add", op("Mul", f, state[1]), op("Mul", i, g))
        return op("Mul", o, op(self._activation, cell)), cell

    def _recur(self, gate: str, projected: str, hidden: str) -> str:
        weight = self._graph.constant(self._hidden[gate].T)
        return self._graph.op("Gemm", hidden, weight, projected)

    def _gate(self, gate: str, value: str) -> str:
        return self._graph.op(self._activation if gate == "g" else "Sigmoid", value)


def differences(
    graph: Graph, spec: LstmSpec, weights: Weights, rows: str, steps: Container[int]
) -> list[str]:
    """Write an autoencoder with unrolled steps.

    Parameters
    ----------
    graph : Graph
        Gets the nodes.
    spec : LstmSpec
        The network.
    weights : mapping of str to ndarray
        Its weights.
    rows : str
        Scaled rows (t, n_features).
    steps : container of int
        The rows of a window that are wanted, from 0.

    Returns
    -------
    list of str
        For each wanted row of a window, row − reconstruction (t - window_size + 1, n_features).
    """
    size = spec.window_size
    cells = [Cell(graph, weights, name, spec.activation) for name, _, _ in spec.layers]
    encoder, decoder = cells[: len(spec.encoder)], cells[len(spec.encoder) :]

    projected = encoder[0].project(rows)
    inputs = (
        {gate: graph.part(value, step, step + 1 - size) for gate, value in projected.items()}
        for step in range(size)
    )
    *_, code = _run(encoder, inputs)
    repeated = decoder[0].project(code)
    found = []
    for step, hidden in enumerate(_run(decoder, (repeated for _ in range(size)))):
        if step in steps:
            made = graph.dense(hidden, weights["output.weight"], weights["output.bias"])
            if spec.output == "sigmoid":
                made = graph.op("Sigmoid", made)
            found.append(graph.op("Sub", graph.part(rows, step, step + 1 - size), made))
    return found


def _run(cells: list[Cell], inputs: Iterator[dict[str, str]]) -> Iterator[str]:
    """Run a stack of layers; give the last layer's hidden state after each step."""
    states: list[tuple[str, str] | None] = [None] * len(cells)
    for first in inputs:
        hidden = ""
        for place, cell in enumerate(cells):
            projected = cell.project(hidden) if place else first
            states[place] = state = cell.step(projected, states[place])
            hidden = state[0]
        yield hidden
