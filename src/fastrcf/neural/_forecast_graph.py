"""The network that forecasts as one ONNX graph, and how it is run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf._extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural._forecast_spec import ForecastSpec

    Weights = Mapping[str, NDArray[np.float32]]

__all__ = ["PLACES", "State", "forecast_graph", "zero_state"]

PLACES = 2049
"""Places of the table of Student's t quantiles over 1/df, from 0 to 1/2."""

LEAST_SPREAD, LEAST_DISPERSION = 1e-4, 1e-6
"""Least scale of Student's t, over the scale of the row; least dispersion of counts."""

_VECTOR = 16
"""Floats in the longest vector of a processor."""

_OPSET, _IR_VERSION = 17, 8


class State(NamedTuple):
    """What an LSTM carries from row to row, each of shape (layers, series, units)."""

    hidden: NDArray[np.float32]
    cell: NDArray[np.float32]

    def repeat(self, times: int) -> State:
        """Give each series `times` times."""
        return State(np.repeat(self.hidden, times, axis=1), np.repeat(self.cell, times, axis=1))

    def emptied(self, n_series: int) -> State:
        """Give the state with that of the first series empty."""
        twin = State(self.hidden.copy(), self.cell.copy())
        for part in twin:
            part[:, :n_series] = 0.0
        return twin


def zero_state(spec: ForecastSpec, n_series: int) -> State:
    """Give the state before the first row."""
    shape = (spec.layers, n_series, spec.units)
    return State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def forecast_graph(spec: ForecastSpec, weights: Weights, table: NDArray[Any]) -> bytes:
    """Write the graph.

    Inputs, all float32: ``x`` (rows, series, inputs), ``scale`` (rows, series), ``h0`` and ``c0``
    (layers, series, units). Outputs: ``params`` (parameters, rows, series), the law of each row in
    the units of the series; ``hn`` and ``cn``, the state behind the last row; and, of Student's t,
    ``quantiles`` (q, rows, series): those of ``table`` (q, 2049), an input that has a default, by
    linear interpolation over the inverse of the degrees of freedom.

    Parameters
    ----------
    spec : ForecastSpec
        The network.
    weights : mapping of str to ndarray
        By the names of `ForecastSpec.weight_shapes`.
    table : ndarray of shape (q, 2049)
        Quantiles of Student's t.

    Returns
    -------
    bytes
        The model, with the spec as JSON in its metadata.
    """
    onnx = require("onnx", "train")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes, initial = _Nodes(onnx), {}
    hidden = "x"
    for layer in range(spec.layers):
        hidden = _lstm_layer(nodes, spec, weights, layer, hidden)
    for name in ("hn", "cn"):
        nodes.add("Concat", [f"{name}.{layer}" for layer in range(spec.layers)], name, axis=0)
    nodes.add("MatMul", [hidden, nodes.put("output.weight", weights["output.weight"].T)], "dense")
    # From here on rows and series lie last, where a loop over them is fast.
    nodes.add("Transpose", ["dense"], "dense.t", perm=[2, 0, 1])
    bias = nodes.put("output.bias", weights["output.bias"][:, np.newaxis, np.newaxis])
    nodes.add("Add", ["dense.t", bias], "raw")
    series: list[Any] = ["rows", "series"]
    inputs: dict[str, list[Any]] = {"x": [*series, spec.n_inputs], "scale": series}
    state = [spec.layers, "series", spec.units]
    inputs |= {"h0": state, "c0": state}
    outputs = {"params": [spec.n_params, *series], "hn": state, "cn": state}
    if spec.likelihood == "student-t":
        _student_head(nodes)
        initial = {"table": np.asarray(table, np.float32)}
        inputs["table"] = ["q", PLACES]
        outputs = {"quantiles": ["q", *series], **outputs}
    else:
        _count_head(nodes)
    graph = helper.make_graph(
        nodes.nodes,
        "forecast",
        [helper.make_tensor_value_info(name, float32, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, float32, shape) for name, shape in outputs.items()],
        [*nodes.weights, *(onnx.numpy_helper.from_array(v, name) for name, v in initial.items())],
    )
    model = helper.make_model(
        graph,
        producer_name="fastrcf",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )
    about = json.dumps({"forecast": spec.to_dict()}, sort_keys=True)
    helper.set_model_props(model, {"fastrcf": about})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Nodes:
    """Nodes and weights of a graph that is being written."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]

    def put(self, name: str, values: Any, dtype: type[np.generic] = np.float32) -> str:
        array = np.array(values, dtype, order="C")
        self.weights.append(self._onnx.numpy_helper.from_array(array, name))
        return name


def _lstm_layer(nodes: _Nodes, spec: ForecastSpec, weights: Weights, layer: int, below: str) -> str:
    name = f"lstm.{layer}"
    bias = _gates(weights[f"{name}.bias"])
    given = [
        below,
        nodes.put(f"{name}.input", _gates(weights[f"{name}.input"])[np.newaxis]),
        nodes.put(f"{name}.hidden", _gates(weights[f"{name}.hidden"])[np.newaxis]),
        nodes.put(f"{name}.bias", np.concatenate([bias, np.zeros_like(bias)])[np.newaxis]),
        "",
    ]
    bounds = [nodes.put(f"{name}.{end}", [layer + end], np.int64) for end in (0, 1)]
    given += [nodes.add("Slice", [name, *bounds], f"{name}.{layer}") for name in ("h0", "c0")]
    after = [f"hn.{layer}", f"cn.{layer}"]
    nodes.add("LSTM", given, f"directed.{layer}", *after, hidden_size=spec.units)
    axis = nodes.put(f"{name}.axis", [1], np.int64)
    return nodes.add("Squeeze", [f"directed.{layer}", axis], f"hidden.{layer}")


def _gates(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the gate order i, f, g, o to that of ONNX: i, o, f, g."""
    i, f, g, o = np.split(weight, 4)
    return np.concatenate([i, o, f, g])


def _positive(nodes: _Nodes, raw: str) -> None:
    """Add ``soft``, the softplus of `raw`, each value with the same bits wherever it stands.

    The end of an array, where no whole vector fits any more, is computed in another way than the
    rest. So zeros are put there.
    """
    put = nodes.put
    nodes.add("Shape", [raw], "raw.shape")
    nodes.add("Reshape", [raw, put("flat", [-1], np.int64)], "raw.flat")
    nodes.add("Concat", ["raw.flat", put("guard", np.zeros(_VECTOR))], "raw.guarded", axis=0)
    nodes.add("Softplus", ["raw.guarded"], "soft.guarded")
    bounds = [put("guard.start", [0], np.int64), put("guard.stop", [-_VECTOR], np.int64)]
    nodes.add("Slice", ["soft.guarded", *bounds], "soft.flat")
    nodes.add("Reshape", ["soft.flat", "raw.shape"], "soft")
    nodes.add("Split", ["soft", put("soft.sizes", [1, 1], np.int64)], "soft.0", "soft.1", axis=0)


def _student_head(nodes: _Nodes) -> None:
    """Location, scale and degrees of freedom; then the quantiles by the table."""
    put = nodes.put
    nodes.add("Split", ["raw", put("sizes", [1, 2], np.int64)], "raw.0", "raw.rest", axis=0)
    _positive(nodes, "raw.rest")
    nodes.add("Mul", ["raw.0", "scale"], "loc")
    nodes.add("Add", ["soft.0", put("least_spread", LEAST_SPREAD)], "spread.1")
    nodes.add("Mul", ["spread.1", "scale"], "spread")
    nodes.add("Add", ["soft.1", put("two", 2.0)], "df")
    nodes.add("Concat", ["loc", "spread", "df"], "params", axis=0)
    # 1/df lies in (0, 1/2]; the last interval belongs to its upper end, too.
    nodes.add("Div", [put("places", 2.0 * (PLACES - 1)), "df"], "place")
    nodes.add("Floor", ["place"], "place.floor")
    nodes.add("Min", ["place.floor", put("last", PLACES - 2.0)], "left")
    nodes.add("Sub", ["place", "left"], "share")
    nodes.add("Cast", ["left"], "left.int", to=7)
    nodes.add("Squeeze", ["left.int", put("first_axis", [0], np.int64)], "left.at")
    nodes.add("Add", ["left.at", put("one", 1, np.int64)], "right.at")
    nodes.add("Gather", ["table", "left.at"], "left.t", axis=1)
    nodes.add("Gather", ["table", "right.at"], "right.t", axis=1)
    nodes.add("Sub", ["right.t", "left.t"], "rise")
    nodes.add("Mul", ["rise", "share"], "rise.part")
    nodes.add("Add", ["left.t", "rise.part"], "t")
    nodes.add("Mul", ["t", "spread"], "t.scaled")
    nodes.add("Add", ["t.scaled", "loc"], "quantiles")


def _count_head(nodes: _Nodes) -> None:
    """Mean and dispersion; the latter shrinks with the scale (Salinas et al. 2020, section 3.3)."""
    _positive(nodes, "raw")
    nodes.add("Add", ["soft.0", nodes.put("least_mean", LEAST_SPREAD)], "mean.1")
    nodes.add("Mul", ["mean.1", "scale"], "mean")
    nodes.add("Sqrt", ["scale"], "scale.root")
    nodes.add("Div", ["soft.1", "scale.root"], "dispersion.1")
    least = nodes.put("least_dispersion", LEAST_DISPERSION)
    nodes.add("Add", ["dispersion.1", least], "dispersion")
    nodes.add("Concat", ["mean", "dispersion"], "params", axis=0)
