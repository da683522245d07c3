"""A trained network that forecasts: what it knows, its state, and how it reads series."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._forest.checks import integer
from fastrcf._forest.container import plain
from fastrcf._forest.estimator import Estimator
from fastrcf.errors import ModelFormatError, not_fitted
from fastrcf.neural._devices import on_cpu
from fastrcf.neural._forecast_core_runner import CoreRunner
from fastrcf.neural._forecast_features import FeatureStream, Scales
from fastrcf.neural._forecast_graph import zero_state
from fastrcf.neural._forecast_graph_runner import GraphRunner
from fastrcf.neural._forecast_series import Series, as_series
from fastrcf.neural._forecast_spec import ForecastSpec
from fastrcf.neural._wire import check_model
from fastrcf.neural.training import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_runner import Judged, Runner

__all__ = ["TrainedForecaster", "joint_level", "levels_of"]

_WEIGHTS, _GRAPH = "weights.bin", "forecast.onnx"


class TrainedForecaster(Estimator, ABC):
    """What a `QuantileForecaster` does once it is trained, but for the questions."""

    _bundle_kind: str
    device: str
    spec_: ForecastSpec
    scales_: Scales
    weights_: dict[str, NDArray[np.float32]]
    history_: dict[str, list[float]]
    n_seen_: int
    _graph: bytes

    def _install(
        self,
        spec: ForecastSpec,
        scales: Scales,
        weights: dict[str, NDArray[np.float32]],
        graph: bytes,
        n_seen: int,
    ) -> None:
        self.spec_, self.scales_, self.weights_, self._graph = spec, scales, weights, graph
        self.n_seen_ = n_seen
        vars(self).pop("_running", None)

    # ---- state ----------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """What its answers depend on: the network and its weights.

        Raises
        ------
        NotFittedError
            The network is not trained.
        """
        self._check_fitted()
        facts = json.dumps([self.spec_.to_dict(), self.scales_.to_dict()], sort_keys=True)
        return hashlib.sha256(facts.encode() + self._weight_bytes()).hexdigest()[:32]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "spec_")

    def _weight_bytes(self) -> bytes:
        shapes = self.spec_.weight_shapes()
        return b"".join(self.weights_[name].astype("<f4").tobytes() for name in shapes)

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        section: dict[str, Any] = {
            "params": {name: plain(value) for name, value in self.get_params().items()},
            "spec": None,
        }
        if not self.__sklearn_is_fitted__():
            return section, {}
        section |= {
            "spec": self.spec_.to_dict(),
            "scales": self.scales_.to_dict(),
            "history": self.history_,
            "rows": self.n_seen_,
        }
        return section, {_WEIGHTS: self._weight_bytes(), _GRAPH: self._graph}

    @abstractmethod
    def check_options(self) -> Any:
        """Check the options before the work."""

    @classmethod
    def from_plain(cls, options: dict[str, Any]) -> Self:
        """Make an untrained forecaster of options that JSON held.

        Parameters
        ----------
        options : dict
            Arguments of the constructor.

        Returns
        -------
        QuantileForecaster
            Its options are checked.

        Raises
        ------
        TypeError, ValueError
            One is wrong; the message names it.
        """
        lags = options.get("lags")
        model = cls(**options | {"lags": tuple(lags) if isinstance(lags, list) else lags})
        model.check_options()
        return model

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:
        model = cls.from_plain(section["params"])
        if section["spec"] is None:
            return model
        if set(parts) != {_WEIGHTS, _GRAPH}:
            raise ModelFormatError(f"parts: expected {[_WEIGHTS, _GRAPH]}, got {sorted(parts)}")
        check_model(parts[_GRAPH])
        spec = ForecastSpec.from_dict(section["spec"])
        scales = Scales.from_dict(section["scales"])
        if len(scales.center) != spec.n_dynamic or len(scales.spread) != spec.n_dynamic:
            raise ModelFormatError("scales: not of as many dynamic features as the spec says")
        weights = _weights(spec, parts[_WEIGHTS])
        rows = integer("rows", section["rows"], 0, 2**62)
        model._install(spec, scales, weights, parts[_GRAPH], rows)  # noqa: SLF001 - its own
        model.history_ = History.from_dict(section["history"]).to_dict()
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_running"}

    # ---- inside ---------------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted("QuantileForecaster is not trained: call fit first")

    def _read(
        self, X: Any, start: object, dynamic_feat: Any, cat: Any
    ) -> tuple[list[Series], bool]:
        """Read series and compare them with what the network was trained on."""
        self._check_fitted()
        given, many = as_series(X, start, dynamic_feat, cat)
        for each in given:
            self.check_series(each)
        return given, many

    def check_series(self, series: Series) -> None:
        """Compare series with what the network was trained on; for the parts of this package.

        Parameters
        ----------
        series : Series
            What is to be judged.

        Raises
        ------
        ValueError
            They have other dynamic features or categories, or no start where one is needed.
        """
        spec = self.spec_
        if spec.calendar and series.start is None:
            raise ValueError("start: expected the time of the first row: phases were learned")
        if series.dynamic.shape[2] != spec.n_dynamic:
            raise ValueError(
                f"dynamic_feat: expected {spec.n_dynamic}, as in training, "
                f"got {series.dynamic.shape[2]}"
            )
        if series.cat.shape[1] != len(spec.cardinality):
            raise ValueError(
                f"cat: expected {len(spec.cardinality)} for each series, as in training, "
                f"got {series.cat.shape[1]}"
            )
        for place, size in enumerate(spec.cardinality):
            if (series.cat[:, place] >= size).any():
                raise ValueError(
                    f"cat: expected numbers below {size}, as in training, "
                    f"got {series.cat[:, place].max()}"
                )

    def _judge(self, series: Series, quantiles: tuple[float, ...]) -> Judged:
        rows, width = series.rows, series.rows.shape[1]
        stream, embedded = self.stream(series), self.embedded(series.cat)
        dynamic = series.dynamic[: len(rows)]
        state = zero_state(self.spec_, width)
        runner = self.runner()
        return runner.run(stream, rows, embedded, state, quantiles=quantiles, dynamic=dynamic)[0]

    def _quantiles(
        self, series: Series, quantiles: tuple[float, ...], warm_up: int | None, n_jobs: int
    ) -> FloatArray:
        """Give quantiles of each row: shape (q, n, s); with a warm-up in segments."""
        if warm_up is None:
            return np.moveaxis(self._judge(series, quantiles).quantiles, 2, 0)
        return self.runner().run_segments(
            self.stream(series),
            series.rows,
            self.embedded(series.cat),
            quantiles=quantiles,
            dynamic=series.dynamic[: len(series.rows)],
            warm_up=integer("warm_up", warm_up, 0, 10_000_000),
            n_jobs=integer("n_jobs", n_jobs, 1, 1024),
        )

    def runner(self) -> Runner:
        """Open the network when it is first used; copies of the forecaster open their own.

        Returns
        -------
        Runner
            The network in the core on a CPU, the graph in ONNX Runtime on a GPU.
        """
        device, weights, runner = vars(self).get("_running", (None, None, None))
        # Another thread may train meanwhile: what was made of old weights is not taken again.
        if device != self.device or weights is not self.weights_:
            device, weights = self.device, self.weights_
            if on_cpu(device):
                runner = CoreRunner(self.spec_, weights)
            else:
                runner = GraphRunner(self.spec_, self._graph, device)
            vars(self)["_running"] = device, weights, runner
        return runner  # type: ignore[no-any-return]

    def stream(self, series: Series) -> FeatureStream:
        """Make what turns the rows of series into inputs; for the parts of this package.

        Parameters
        ----------
        series : Series
            Their number and their start count.

        Returns
        -------
        FeatureStream
            Before the first row.
        """
        return FeatureStream(self.spec_, self.scales_, series.rows.shape[1], series.first)

    def embedded(self, cat: NDArray[np.int64]) -> NDArray[np.float32]:
        """Look up the embeddings of series; for the parts of this package.

        Parameters
        ----------
        cat : ndarray of int64, shape (s, c)
            Categories.

        Returns
        -------
        ndarray of shape (s, e), float32
            One row for each series.
        """
        parts = [self.weights_[f"embedding.{k}"][codes] for k, codes in enumerate(cat.T)]
        return np.concatenate([np.empty((len(cat), 0), np.float32), *parts], axis=1)


def levels_of(rows: FloatArray, params: FloatArray) -> FloatArray:
    """Tell how far in the tails of their laws values lie: shape (n, s), 0.0 where missing."""
    from fastrcf._kernels_laws import nb_levels, t_levels

    judge = t_levels if params.shape[2] == 3 else nb_levels
    flat = judge(np.ascontiguousarray(rows).ravel(), params.reshape(-1, params.shape[2]))
    result: FloatArray = flat.reshape(rows.shape)
    return result


def joint_level(levels: FloatArray) -> FloatArray:
    """Give the level of rows with several columns: of the highest, as the highest of so many."""
    from fastrcf._kernels_laws import LEAST_LEVEL

    highest = levels.max(axis=1)
    joint = np.maximum(highest - np.log10(levels.shape[1]), LEAST_LEVEL)
    result: FloatArray = np.where(highest > 0.0, joint, 0.0)
    return result


def _weights(spec: ForecastSpec, data: bytes) -> dict[str, NDArray[np.float32]]:
    shapes = spec.weight_shapes()
    values = np.frombuffer(data, "<f4").astype(np.float32)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    if len(values) != sum(sizes) or not np.isfinite(values).all():
        raise ModelFormatError(f"{_WEIGHTS}: not the weights of this network")
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return {
        name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
