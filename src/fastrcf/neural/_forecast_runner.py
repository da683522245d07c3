"""Runs the graph that forecasts, over long series and in short steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf.errors import ModelFormatError
from fastrcf.neural._devices import find_device, open_session
from fastrcf.neural._forecast_graph import PLACES, State, zero_state
from fastrcf.neural._wire import check_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_features import FeatureStream
    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["Judged", "Runner"]

_CHUNK = 8192
"""Rows times series in a run of the graph."""

_SEGMENTS = 128
"""Parts of a series that run side by side; a fixed number, so that threads change nothing."""


class Judged(NamedTuple):
    """What the graph says of rows."""

    params: FloatArray
    """Shape (n, series, parameters): the law of each row."""

    quantiles: FloatArray
    """Shape (n, series, q)."""


class Runner:
    """The graph in ONNX Runtime, with the embeddings of what is to be run.

    Parameters
    ----------
    spec : ForecastSpec
    model : bytes
        What `forecast_graph` wrote.
    device : str
        As for `QuantileForecaster`.
    """

    def __init__(self, spec: ForecastSpec, model: bytes, device: str = "cpu") -> None:
        self.spec = spec
        check_model(model)
        self._session = open_session(model, find_device(device))
        self._tables: dict[tuple[float, ...], NDArray[np.float32]] = {}
        found = {each.name: each.shape for each in self._session.get_inputs()}
        found |= {each.name: each.shape for each in self._session.get_outputs()}
        for name, last in {"x": spec.n_inputs, "scale": 1, "params": spec.n_params}.items():
            _check_shape(name, found.get(name), (None, None, last))
        for name in ("h0", "c0", "hn", "cn"):
            _check_shape(name, found.get(name), (spec.layers, None, spec.units))

    def run(
        self,
        stream: FeatureStream,
        rows: FloatArray,
        embedded: NDArray[np.float32],
        state: State,
        *,
        quantiles: tuple[float, ...] = (),
        dynamic: FloatArray | None = None,
    ) -> tuple[Judged, State]:
        """Judge each row by those before it, then let the stream take it.

        Parameters
        ----------
        stream : FeatureStream
            It takes the rows.
        rows : ndarray of shape (n, series)
            The next rows.
        embedded : ndarray of shape (series, e)
            Embeddings of the series.
        state : State
            Before the first row.
        quantiles : tuple of float
            Which are wanted.
        dynamic : ndarray of shape (n, series, k), optional
            Dynamic features.

        Returns
        -------
        judged : Judged
            One law for each row and series.
        state : State
            Behind the last row.
        """
        size = max(1, _CHUNK // rows.shape[1])
        parts = []
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            inputs, scale = stream.push(rows[part], None if dynamic is None else dynamic[part])
            judged, state = self.step(inputs, scale, embedded, state, quantiles)
            parts.append(judged)
        return _joined(parts), state

    def run_segments(
        self,
        stream: FeatureStream,
        rows: FloatArray,
        embedded: NDArray[np.float32],
        *,
        quantiles: tuple[float, ...],
        dynamic: FloatArray | None,
        warm_up: int,
        n_jobs: int,
    ) -> Judged:
        """Judge rows as `run` does, in segments side by side; see `QuantileForecaster.bands`.

        Each segment begins with the empty state, `warm_up` rows before its first one.
        """
        n, n_series = rows.shape
        length = -(-n // _SEGMENTS)
        starts = np.maximum(0, np.arange(-(-n // length)) * length - warm_up)
        size = max(1, _CHUNK // (n_series * max(1, len(starts) // n_jobs)))

        def judge(group: NDArray[np.int64]) -> Judged:
            first, last = int(group[0]), min(n, int(group[-1]) + warm_up + length)
            mine = None if dynamic is None else dynamic[first:last]
            inputs, scale = stream.before(rows, first).push(rows[first:last], mine)
            state = zero_state(self.spec, n_series * len(group))
            repeated = np.tile(embedded, (len(group), 1))
            parts = []
            for begin in range(0, warm_up + length, size):
                places = begin + np.arange(min(size, warm_up + length - begin))
                at = np.minimum(places[:, np.newaxis] + group - first, last - first - 1)
                shape = (len(places), len(group) * n_series)
                x = inputs[at].reshape(*shape, inputs.shape[2])
                judged, state = self.step(x, scale[at].reshape(shape), repeated, state, quantiles)
                parts.append(judged)
            return _joined(parts)

        groups = np.array_split(starts, min(n_jobs, len(starts)))
        with ThreadPoolExecutor(len(groups)) as pool:
            found = list(pool.map(judge, groups))
        places = np.arange(n)
        segment = places // length
        group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        firsts = np.cumsum([0, *(len(group) for group in groups)])

        def gathered(index: int) -> FloatArray:
            width = found[0][index].shape[-1]
            result = np.empty((n, n_series, width))
            for number, judged in enumerate(found):
                mine = group_of[segment] == number
                values = judged[index].reshape(-1, len(groups[number]), n_series, width)
                row = places[mine] - starts[segment[mine]]
                result[mine] = values[row, segment[mine] - firsts[number]]
            return result

        return Judged(gathered(0), gathered(1))

    def step(
        self,
        inputs: NDArray[np.float32],
        scale: FloatArray,
        embedded: NDArray[np.float32],
        state: State,
        quantiles: tuple[float, ...],
    ) -> tuple[Judged, State]:
        """Run the graph once; see `FeatureStream.push` for inputs and scale."""
        if embedded.shape[1]:
            shape = (len(inputs), *embedded.shape)
            inputs = np.concatenate([inputs, np.broadcast_to(embedded, shape)], axis=2)
        feed = {
            "x": np.ascontiguousarray(inputs),
            "scale": scale[..., np.newaxis].astype(np.float32),
            "h0": state.hidden,
            "c0": state.cell,
        }
        names = ["params", "hn", "cn"]
        closed = self.spec.likelihood == "student-t" and len(quantiles) > 0
        if closed:
            feed["table"] = self._table(quantiles)
            names.append("quantiles")
        params, hidden, cell, *rest = self._session.run(names, feed)
        found = rest[0] if closed else _count_quantiles(params, quantiles)
        judged = Judged(params.astype(np.float64), found.astype(np.float64))
        return judged, State(hidden, cell)

    def _table(self, quantiles: tuple[float, ...]) -> NDArray[np.float32]:
        if quantiles not in self._tables:
            if len(self._tables) > 16:
                self._tables.clear()
            self._tables[quantiles] = student_table(quantiles)
        return self._tables[quantiles]


def _check_shape(name: str, found: Any, expected: tuple[int | None, ...]) -> None:
    """Compare the shape of an input or output of a graph with what it must be."""
    fits = found is not None and len(found) == len(expected)
    if not fits or any(e not in (None, f) for f, e in zip(found, expected, strict=True)):
        raise ModelFormatError(f"model: not the graph of this forecaster: {name} is {found}")


def student_table(quantiles: tuple[float, ...]) -> NDArray[np.float32]:
    """Tabulate quantiles of Student's t for the graph."""
    from fastrcf._kernels_laws import t_table

    table: NDArray[np.float32] = t_table(np.array(quantiles), PLACES).astype(np.float32)
    return table


def _count_quantiles(params: NDArray[np.float32], quantiles: tuple[float, ...]) -> FloatArray:
    from fastrcf._kernels_laws import nb_quantiles

    if not quantiles:
        return np.empty((*params.shape[:2], 0))
    flat = params.reshape(-1, 2).astype(np.float64)
    result: FloatArray = nb_quantiles(flat, np.array(quantiles, np.float64))
    return result.reshape(*params.shape[:2], len(quantiles))


def _joined(parts: list[Judged]) -> Judged:
    if len(parts) == 1:
        return parts[0]
    return Judged(*(np.concatenate(each) for each in zip(*parts, strict=True)))
