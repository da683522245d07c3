"""Runs the graph that forecasts in ONNX Runtime, on a GPU or a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import ModelFormatError
from fastrcf.neural._devices import find_device, open_session
from fastrcf.neural._forecast_graph import State
from fastrcf.neural._forecast_runner import CHUNK, Given, Runner, Wanted
from fastrcf.neural._wire import check_model

if TYPE_CHECKING:
    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["GraphRunner"]


class GraphRunner(Runner):
    """The graph in ONNX Runtime.

    Parameters
    ----------
    spec : ForecastSpec
    model : bytes
        What `forecast_graph` wrote.
    device : str
        As for `QuantileForecaster`.
    """

    def __init__(self, spec: ForecastSpec, model: bytes, device: str = "cpu") -> None:
        super().__init__(spec)
        check_model(model)
        self._session = open_session(model, find_device(device))
        found = {each.name: each.shape for each in self._session.get_inputs()}
        found |= {each.name: each.shape for each in self._session.get_outputs()}
        _check_shape("x", found.get("x"), (None, None, spec.n_inputs))
        _check_shape("scale", found.get("scale"), (None, None))
        _check_shape("params", found.get("params"), (spec.n_params, None, None))
        for name in ("h0", "c0", "hn", "cn"):
            _check_shape(name, found.get(name), (spec.layers, None, spec.units))

    def laws(self, given: Given, state: State, wanted: Wanted) -> State:
        groups, n_series = given.scale.shape[1:]
        width = groups * n_series
        shown = np.tile(given.embedded, (groups, 1))
        size = max(1, CHUNK // width)
        for rows in (slice(start, start + size) for start in range(0, len(given.scale), size)):
            inputs, scale, _ = given.part(rows)
            x = inputs.reshape(-1, width, self.spec.n_rolled)
            if shown.shape[1]:
                together = np.broadcast_to(shown, (len(x), *shown.shape))
                x = np.concatenate([x, together], axis=2)
            feed = {
                "x": np.ascontiguousarray(x),
                "scale": np.ascontiguousarray(scale).reshape(-1, width),
                "h0": state.hidden,
                "c0": state.cell,
            }
            places = {"params": wanted.params}
            if wanted.table is not None:
                feed["table"] = wanted.table
                places["quantiles"] = wanted.quantiles
            hidden, cell, *found = self._session.run(["hn", "cn", *places], feed)
            state = State(hidden, cell)
            for each, into in zip(found, places.values(), strict=True):
                if into is not None:
                    into[:, rows] = each.reshape(len(each), -1, groups, n_series)
        return state


def _check_shape(name: str, found: Any, expected: tuple[int | None, ...]) -> None:
    """Compare the shape of an input or output of a graph with what it must be."""
    fits = found is not None and len(found) == len(expected)
    if not fits or any(e not in (None, f) for f, e in zip(found, expected, strict=True)):
        raise ModelFormatError(f"model: not the graph of this forecaster: {name} is {found}")
