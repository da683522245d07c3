"""Runs the network that forecasts in the core, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastrcf import _core
from fastrcf.neural._forecast_graph import LEAST_DISPERSION, LEAST_SPREAD, State
from fastrcf.neural._forecast_runner import Given, Runner, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["CoreRunner"]


class CoreRunner(Runner):
    """The network in the core, on the CPU.

    Parameters
    ----------
    spec : ForecastSpec
    weights : mapping of str to ndarray of float32
        By the names of `ForecastSpec.weight_shapes`.
    """

    def __init__(self, spec: ForecastSpec, weights: Mapping[str, NDArray[np.float32]]) -> None:
        super().__init__(spec)
        arrays = {name: np.ascontiguousarray(each) for name, each in weights.items()}
        parts = ("input", "hidden", "bias")
        self._network = _core.LstmForecaster(
            layers=[
                tuple(arrays[f"lstm.{layer}.{part}"] for part in parts)
                for layer in range(spec.layers)
            ],
            output=(arrays["output.weight"], arrays["output.bias"]),
            n_embedded=sum(spec.embedding),
            law=spec.likelihood,
            least_spread=LEAST_SPREAD,
            least_dispersion=LEAST_DISPERSION,
        )

    def laws(self, given: Given, state: State, wanted: Wanted) -> State:
        after = State(state.hidden.copy(), state.cell.copy())
        self._network.run(**given._asdict(), **after._asdict(), **wanted._asdict())
        return after
