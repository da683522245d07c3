"""A small writer of ONNX graphs: nodes in the order they are asked for, weights as initialisers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.neural.spec import spec_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastrcf.neural.spec import Spec

    Step = Callable[["Graph", str, list[str]], list[str]]

__all__ = ["Graph", "Shape"]

Shape = tuple[int | str, ...]
# The oldest that has what the graphs need: every onnxruntime since 1.13 reads them.
_OPSET, _IR_VERSION = 17, 8
_FLOAT, _INT64, _BOOL, _FLOAT16 = 1, 7, 9, 10  # TensorProto.DataType
_END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class _Store:
    """What a graph shares with the bodies of its loops."""

    names: dict[str, int] = field(default_factory=dict)
    known: dict[bytes, str] = field(default_factory=dict)
    weights: list[Any] = field(default_factory=list)
    real: list[type[np.generic]] = field(default_factory=lambda: [np.float32])


class Graph:
    """A graph that is being written; a value is known by its name.

    Parameters
    ----------
    store : _Store, optional
        Of the graph whose values the new one, the body of a loop, may read.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """

    def __init__(self, store: _Store | None = None) -> None:
        self.onnx = require("onnx", "train")
        self._store = _Store() if store is None else store
        self._nodes: list[Any] = []

    def name(self, stem: str) -> str:
        """Give a name that no other value has."""
        number = self._store.names.get(stem, 0)
        self._store.names[stem] = number + 1
        return f"{stem}.{number}"

    def halve(self, x: str) -> str:
        """Go on in float16, with this value."""
        self._store.real[0] = np.float16
        return self.op("Cast", x, to=_FLOAT16)

    def whole(self, x: str) -> str:
        """Give a value as float32."""
        return x if self._store.real[0] is np.float32 else self.op("Cast", x, to=_FLOAT)

    def constant(self, values: object, dtype: type[np.generic] | None = None) -> str:
        """Put an array into the graph, once for each content."""
        array = np.array(values, dtype or self._store.real[0], order="C")
        key = repr((array.shape, array.dtype)).encode() + array.tobytes()
        if key not in self._store.known:
            name = self.name("weight")
            self._store.weights.append(self.onnx.numpy_helper.from_array(array, name))
            self._store.known[key] = name
        return self._store.known[key]

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and give the output's name."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs, and give their names."""
        outputs = [self.name(kind.lower()) for _ in range(n_outputs)]
        self._nodes.append(self.onnx.helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs

    def dense(self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None, **options: Any) -> str:
        """Multiply rows (n, in) with a weight (out, in), and add a bias (out,) or none."""
        inputs = [x, self.constant(weight.T)]
        if bias is not None:
            inputs.append(self.constant(bias))
        return self.op("Gemm", *inputs, **options)

    def part(self, x: str, start: int, end: int = 0, axis: int = 0) -> str:
        """Cut out a range; an end of 0 or below counts from the end of the axis."""
        whole = (start, end) == (0, 0)
        if whole:
            return x
        stop = end if end != 0 else _END
        bounds = [self.constant([place], np.int64) for place in (start, stop, axis)]
        return self.op("Slice", x, *bounds)

    def loop(self, count: int, states: Sequence[str], step: Step) -> list[str]:
        """Repeat steps.

        Parameters
        ----------
        count : int
            Steps.
        states : sequence of str
            Values before the first step.
        step : callable
            Gets the body's graph, the number of the step (a value of shape (1,), from 0) and the
            states; gives the next states.

        Returns
        -------
        list of str
            The states after the last step.
        """
        body = Graph(self._store)
        number, go, *before = (body.name("given") for _ in range(2 + len(states)))
        place = body.op("Reshape", number, body.constant([1], np.int64))
        after = [body.op("Identity", go), *step(body, place, before)]
        inputs = [body.value(number, (), _INT64), body.value(go, (), _BOOL)]
        kind = _FLOAT if self._store.real[0] is np.float32 else _FLOAT16
        inputs += [body.value(name, None, kind) for name in before]
        outputs = [
            body.value(after[0], (), _BOOL),
            *(body.value(name, None, kind) for name in after[1:]),
        ]
        graph = self.onnx.helper.make_graph(body._nodes, body.name("body"), inputs, outputs)
        trips = self.constant(count, np.int64)
        return self.ops("Loop", len(states), trips, "", *states, body=graph)

    def value(self, name: str, shape: Shape | None, kind: int = _FLOAT) -> Any:
        """Declare a value, float32 by default."""
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)

    def model(
        self,
        spec: Spec,
        given: tuple[str, Shape],
        wanted: Mapping[str, tuple[str, Shape]],
        **facts: Any,
    ) -> bytes:
        """Close the graph.

        Parameters
        ----------
        spec : LstmSpec, LinearSpec or ConvSpec
            Goes into the metadata, as JSON under ``fastrcf``.
        given : (str, tuple)
            Name and shape of the input.
        wanted : mapping of str to (str, tuple)
            From the name of an output to the value that it is, and its shape.
        **facts
            More for the metadata.

        Returns
        -------
        bytes
            The model.
        """
        for name, (value, _) in wanted.items():
            self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        graph = self.onnx.helper.make_graph(
            self._nodes,
            "fastrcf",
            [self.value(*given)],
            [self.value(name, shape) for name, (_, shape) in wanted.items()],
            self._store.weights,
        )
        model = self.onnx.helper.make_model(
            graph,
            producer_name="fastrcf",
            ir_version=_IR_VERSION,
            opset_imports=[self.onnx.helper.make_opsetid("", _OPSET)],
        )
        about = json.dumps({"spec": spec_to_dict(spec), **facts}, sort_keys=True)
        self.onnx.helper.set_model_props(model, {"fastrcf": about})
        return bytes(model.SerializeToString(deterministic=True))
