"""What estimators with a network share: the learned state, its file form, sessions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from fastrcf._forest.container import plain, write_whole
from fastrcf._forest.estimator import Estimator
from fastrcf._forest.names import check_width, same_names
from fastrcf._forest.options import resolve_n_jobs
from fastrcf.errors import ModelFormatError, not_fitted
from fastrcf.neural._history import History
from fastrcf.neural._weights import check_weights, weight_shapes
from fastrcf.neural._wire import check_model
from fastrcf.neural.spec import spec_from_dict, spec_to_dict
from fastrcf.neural.training import Training
from fastrcf.scaling import Scaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._forest.inputs import Table
    from fastrcf._typing import Names, RealArray, StrPath
    from fastrcf.neural.session import Session
    from fastrcf.neural.spec import Spec

    Weights = dict[str, NDArray[np.float32]]

__all__ = ["Learned", "NetworkEstimator", "digest"]

_WEIGHTS = "weights.bin"


class Learned(NamedTuple):
    """What training gives; all that scores depend on, and where it came from."""

    spec: Spec
    weights: Weights
    scaler: Scaler
    graphs: dict[str, bytes]
    history: History
    facts: dict[str, Any]
    """What else the kind of estimator keeps, as JSON holds it."""


class NetworkEstimator(Estimator):
    """An estimator that trains a network in PyTorch and runs it without."""

    _bundle_kind: str
    _spec_kind: type[Spec]
    _graphs: tuple[str, ...]
    _learned: Learned | None = None
    _names: Names | None = None
    n_jobs: int | None
    device: str

    # ---- what was learned -----------------------------------------------------------------------

    @property
    def spec_(self) -> Any:
        """What the network is."""
        return self._state().spec

    @property
    def weights_(self) -> Weights:
        """The network's weights by name, float32, as `fastrcf.neural.graphs` takes them."""
        return {name: each.copy() for name, each in self._state().weights.items()}

    @property
    def scaler_(self) -> Scaler:
        """The scaler, fitted on the training rows."""
        return self._state().scaler

    @property
    def history_(self) -> dict[str, list[float]]:
        """Losses of the epochs: ``loss``, and ``val_loss``, which is empty without validation."""
        return self._state().history.to_dict()

    @property
    def best_epoch_(self) -> int:
        """The epoch whose weights were kept, counted from 1."""
        return self._state().history.best_epoch

    @property
    def fingerprint(self) -> str:
        """What scores depend on besides the rows: network, weights, scaler and kind of error.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        """
        state = self._state()
        facts = [self._bundle_kind, spec_to_dict(state.spec), state.scaler.to_dict(), state.facts]
        return digest(facts, *state.weights.values())[:32]

    def export_onnx(self, path: StrPath) -> None:
        """Write the network as a standard ONNX model, windows in, for any runtime.

        The input is ``windows`` (n, window_size, n_features) float32 in the units of the training
        rows; the scaler is part of the model.

        Parameters
        ----------
        path : path-like
            The file, written whole or not at all.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        OSError
            The file cannot be written.
        """
        write_whole(path, self._state().graphs["window"])

    def __sklearn_is_fitted__(self) -> bool:
        return self._learned is not None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_sessions"}

    # ---- inside ---------------------------------------------------------------------------------

    def _training(self) -> Training:
        """Check the options of training."""
        names = Training.__dataclass_fields__
        return Training(**{name: getattr(self, name) for name in names})

    def _state(self) -> Learned:
        if self._learned is None:
            raise not_fitted(f"{type(self).__name__} has learned nothing: call fit first")
        return self._learned

    def _install(self, learned: Learned, names: Names | None) -> None:
        self._learned, self._names = learned, names
        self._sessions: dict[Any, Any] = {}
        self.n_features_in_ = learned.spec.n_features
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)

    def _read(self, table: Table) -> RealArray:
        """Refuse other columns than those that were learned."""
        width = self._state().spec.n_features
        same_names(table.names, self._names)
        check_width(table.array.shape[1], width, owner=type(self).__name__)
        return table.array

    def _kept(self) -> dict[Any, Any]:
        """Give what was made ready to run, by what it is."""
        kept: dict[Any, Any] = vars(self).setdefault("_sessions", {})
        return kept

    def _session(self, graph: str) -> Session:
        """Give the session that runs a graph; it is kept."""
        from fastrcf.neural.session import Session

        sessions = self._kept()
        key = (graph, self.device, resolve_n_jobs(self.n_jobs))
        if key not in sessions:
            sessions[key] = Session(self._state().graphs[graph], key[1], key[2])
        found: Session = sessions[key]
        return found

    def _run(self, graph: str, data: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Run a graph; the results must have the shape that is expected."""
        scaler = self._state().scaler
        result = self._session(graph).run(data, scaler.center_, scaler.scale_)
        if result.shape != shape:
            raise ModelFormatError(f"{graph}.onnx: gives {result.shape} instead of {shape}")
        return result

    # ---- the file -------------------------------------------------------------------------------

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        params = {name: plain(value) for name, value in self.get_params().items()}
        section: dict[str, Any] = {"params": params, "names": self._names, "state": None}
        if self._learned is None:
            return section, {}
        state = self._learned
        section["state"] = {
            "spec": spec_to_dict(state.spec),
            "scaler": state.scaler.to_dict(),
            "history": state.history.to_dict(),
            "facts": state.facts,
        }
        parts = {f"{name}.onnx": model for name, model in state.graphs.items()}
        weights = [np.ascontiguousarray(each, "<f4") for each in state.weights.values()]
        parts[_WEIGHTS] = b"".join(each.tobytes() for each in weights)
        return section, parts

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:
        params = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in section["params"].items()
        }
        model = cls(**params)
        state, names = section["state"], section["names"]
        if state is None:
            return model
        expected = {_WEIGHTS, *(f"{name}.onnx" for name in cls._graphs)}
        if set(parts) != expected:
            raise ModelFormatError(f"parts: expected {sorted(expected)}, got {sorted(parts)}")
        spec = spec_from_dict(state["spec"])
        scaler = Scaler.from_dict(state["scaler"])
        if not isinstance(spec, cls._spec_kind) or len(scaler.center_) != spec.n_features:
            raise ModelFormatError("spec: not that of this kind of model, or not of its scaler")
        if names is not None and len(names) != spec.n_features:
            raise ModelFormatError("names: expected one for each column")
        graphs = {name: parts[f"{name}.onnx"] for name in cls._graphs}
        for graph in graphs.values():
            check_model(graph)
        learned = Learned(
            spec=spec,
            weights=_weights(spec, parts[_WEIGHTS]),
            scaler=scaler,
            graphs=graphs,
            history=History.from_dict(state["history"]),
            facts=cls._checked_facts(spec, state["facts"]),
        )
        model._install(learned, None if names is None else tuple(map(str, names)))
        return model

    @classmethod
    def _checked_facts(cls, spec: Any, facts: dict[str, Any]) -> dict[str, Any]:
        """Check what the kind keeps; whatever is wrong is an error."""
        raise NotImplementedError


def digest(facts: object, *arrays: NDArray[Any]) -> str:
    """Give the SHA-256 of what JSON holds and of arrays."""
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for each in arrays:
        whole.update(np.ascontiguousarray(each).data)
    return whole.hexdigest()


def _weights(spec: Spec, data: bytes) -> Weights:
    shapes = weight_shapes(spec)
    sizes = [int(np.prod(shape, dtype=object)) for shape in shapes.values()]
    if len(data) != 4 * sum(sizes):
        raise ModelFormatError(f"{_WEIGHTS}: {len(data)} bytes instead of {4 * sum(sizes)}")
    numbers = np.frombuffer(data, "<f4").astype(np.float32)
    pieces = np.split(numbers, np.cumsum(sizes)[:-1])
    named = zip(shapes.items(), pieces, strict=True)
    return check_weights(spec, {name: piece.reshape(shape) for (name, shape), piece in named})
