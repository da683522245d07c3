"""A small writer of ONNX graphs: nodes in the order they are asked for, weights as initialisers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.neural.spec import spec_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastrcf.neural.spec import Spec

__all__ = ["Graph", "Shape"]

Shape = tuple[int | str, ...]
# The oldest that has what the graphs need: every onnxruntime since 1.13 reads them.
_OPSET, _IR_VERSION = 17, 8
_END = np.iinfo(np.int64).max


class Graph:
    """A graph that is being written; a value is known by its name.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """

    def __init__(self) -> None:
        self.onnx = require("onnx", "train")
        self._names: dict[str, int] = {}
        self._shared: dict[bytes, str] = {}
        self._weights: list[Any] = []
        self._nodes: list[Any] = []

    def name(self, stem: str) -> str:
        """Give a name that no other value has."""
        number = self._names.get(stem, 0)
        self._names[stem] = number + 1
        return f"{stem}.{number}"

    def constant(self, values: object, dtype: type[np.generic] = np.float32) -> str:
        """Put an array into the graph, once for each content."""
        array = np.array(values, dtype, order="C")
        key = repr((array.shape, array.dtype)).encode() + array.tobytes()
        if key not in self._shared:
            name = self.name("weight")
            self._weights.append(self.onnx.numpy_helper.from_array(array, name))
            self._shared[key] = name
        return self._shared[key]

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

    def mean(self, values: Sequence[str], count: int) -> str:
        """Average values of one shape, added one after the other and divided by a count."""
        total = values[0]
        for value in values[1:]:
            total = self.op("Add", total, value)
        return self.op("Mul", total, self.constant(1.0 / count)) if count > 1 else total

    def value(self, name: str, shape: Shape | None, kind: int = 1) -> Any:
        """Declare a value; kind 1 is float32."""
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
            self._weights,
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
