"""LSTM autoencoders as graphs from rows to errors, in the forms that run fast.

What the forms share: the rows are projected onto the first layer's gates once, not once for each
window that holds them; what the decoder reads is the same at each step and projected once; the
first step has no state, hence no recurrent product and no forget gate; each gate is a product of
its own, which onnxruntime fuses with the activation; errors are added up step by step, so no
reconstruction is kept.

What differs: short windows are written out step by step, long ones as two loops, whose size does
not grow with the window; and tiny layers lie features first, so that loops run along the windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastrcf.neural._onnx import Graph
    from fastrcf.neural.spec import LstmSpec

    Weights = Mapping[str, NDArray[Any]]
    Gates = dict[str, str]
    # Gets the form, the row of the window (from 0; in loops a value) and the states.
    Step = Callable[["LstmForm", int | str, list[str]], list[str]]

__all__ = ["LONG", "TINY", "LstmForm"]

LONG = 8  # rows: windows longer than this become loops
TINY = 8  # units: networks whose layers have no more lie features first

_GATES = ("i", "f", "g", "o")


@dataclass(frozen=True)
class LstmForm:
    """An autoencoder that is written into a graph.

    Parameters
    ----------
    graph : Graph
        Gets the nodes.
    spec : LstmSpec
        The network.
    weights : mapping of str to ndarray
        Its weights.
    error : {'abs', 'square', 'last'}
        What is kept: the sum over a window's rows of the size of row − reconstruction or of its
        square; or that difference at the last row.
    features_first : bool
        Values are (features, n), not (n, features).
    """

    graph: Graph
    spec: LstmSpec
    weights: Weights
    error: str
    features_first: bool

    def write(self, rows: str, *, looped: bool) -> str:
        """Write the network.

        Parameters
        ----------
        rows : str
            Scaled rows.
        looped : bool
            With loops, not step by step.

        Returns
        -------
        str
            What is kept, for each column and each of the t - window_size + 1 windows.
        """
        names = [name for name, _, _ in self.spec.layers]
        encoder, decoder = names[: len(self.spec.encoder)], names[len(self.spec.encoder) :]
        count = self._count(rows) if looped else ""
        projected = self._project(encoder[0], rows)

        def encode(form: LstmForm, place: int | str, states: list[str]) -> list[str]:
            inputs = {gate: form.rows_at(place, value, count) for gate, value in projected.items()}
            return form.advance(encoder, inputs, states)

        code = self._repeat(encode, [""] * (2 * len(encoder)), count)[-2]
        repeated = self._project(decoder[0], code)

        def decode(form: LstmForm, place: int | str, states: list[str]) -> list[str]:
            *before, total = states
            after = form.advance(decoder, repeated, before)
            if self.error != "last":
                kept = form.kept(after[-2], form.rows_at(place, rows, count))
                total = form.graph.op("Add", total, kept) if total else kept
            return [*after, total or after[-2]]

        *_, hidden, _, total = self._repeat(decode, [""] * (2 * len(decoder) + 1), count)
        if self.error != "last":
            return total
        return self.kept(hidden, self.rows_at(self.spec.window_size - 1, rows, count))

    def _repeat(self, step: Step, states: list[str], count: str) -> list[str]:
        """Take all steps, in a loop where windows are counted; give the last states."""
        states = step(self, 0, states)
        if not count:
            for place in range(1, self.spec.window_size):
                states = step(self, place, states)
            return states

        def body(graph: Graph, number: str, before: list[str]) -> list[str]:
            place = graph.op("Add", number, graph.constant([1], np.int64))
            return step(replace(self, graph=graph), place, before)

        return self.graph.loop(self.spec.window_size - 1, states, body)

    # ---- steps ------------------------------------------------------------------------------

    def advance(self, names: list[str], first: Gates, states: list[str]) -> list[str]:
        """Take a stack of layers one step on; the states are hidden and cell of each layer."""
        after: list[str] = []
        for place, name in enumerate(names):
            projected = self._project(name, after[-2]) if place else first
            after += self._step(name, projected, *states[2 * place : 2 * place + 2])
        return after

    def _step(self, name: str, projected: Gates, hidden: str, cell: str) -> tuple[str, str]:
        """Take one layer one step on; at the start its state has no names."""
        op, activation = self.graph.op, {"tanh": "Tanh", "relu": "Relu"}[self.spec.activation]
        kinds = dict.fromkeys(_GATES, "Sigmoid") | {"g": activation}
        if hidden:
            parts = dict(zip(_GATES, np.split(self.weights[f"{name}.hidden"], 4), strict=True))
            projected = {g: self._product(parts[g], hidden, projected[g]) for g in _GATES}
        else:
            projected = {gate: value for gate, value in projected.items() if gate != "f"}
        gates = {gate: op(kinds[gate], value) for gate, value in projected.items()}
        new = op("Mul", gates["i"], gates["g"])
        if hidden:
            new = op("Add", op("Mul", gates["f"], cell), new)
        # Made of nothing negative, the state of a cell with ReLU is its own rectification.
        shown = op("Tanh", new) if activation == "Tanh" else new
        return op("Mul", gates["o"], shown), new

    def kept(self, hidden: str, rows: str) -> str:
        """Make the reconstruction of one row of each window, and of it what is kept."""
        made = self._dense(self.weights["output.weight"], self.weights["output.bias"], hidden)
        if self.spec.output == "sigmoid":
            made = self.graph.op("Sigmoid", made)
        difference = self.graph.op("Sub", rows, made)
        if self.error == "last":
            return difference
        if self.error == "abs":
            return self.graph.op("Abs", difference)
        return self.graph.op("Mul", difference, difference)

    # ---- layout -----------------------------------------------------------------------------

    def _project(self, name: str, x: str) -> Gates:
        """Give the share of each gate that comes from the layer's input."""
        weights, biases = (
            np.split(self.weights[f"{name}.{part}"], 4) for part in ("input", "bias")
        )
        return {g: self._dense(weights[k], biases[k], x) for k, g in enumerate(_GATES)}

    def _dense(self, weight: NDArray[Any], bias: NDArray[Any], x: str) -> str:
        shaped = bias[:, np.newaxis] if self.features_first else bias
        return self._product(weight, x, self.graph.constant(shaped))

    def _product(self, weight: NDArray[Any], x: str, added: str) -> str:
        if self.features_first:
            return self.graph.op("Gemm", self.graph.constant(weight), x, added)
        return self.graph.op("Gemm", x, self.graph.constant(weight.T), added)

    def rows_at(self, place: int | str, values: str, count: str) -> str:
        """Give for each window what stands at one of its rows; in loops windows are counted."""
        axis = 1 if self.features_first else 0
        if not count:
            assert isinstance(place, int)
            return self.graph.part(values, place, place + 1 - self.spec.window_size, axis)
        start = self.graph.constant([place], np.int64) if isinstance(place, int) else place
        end = self.graph.op("Add", start, count)
        return self.graph.op("Slice", values, start, end, self.graph.constant([axis], np.int64))

    def _count(self, rows: str) -> str:
        """Count the windows."""
        axis = 1 if self.features_first else 0
        shape = self.graph.op("Shape", rows, start=axis, end=axis + 1)
        return self.graph.op(
            "Sub", shape, self.graph.constant([self.spec.window_size - 1], np.int64)
        )
