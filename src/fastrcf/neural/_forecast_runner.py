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
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_features import FeatureStream
    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["Judged", "Runner"]

_CHUNK = 8192
"""Rows times series in a run of the graph."""

_SEGMENTS, _LANES, _LONGEST = 256, 128, 4096
"""Segments of a series; those, times series, that run side by side; and the most rows of one.

None depends on the number of threads, so that these change nothing.
"""


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
        _check_shape("x", found.get("x"), (None, None, spec.n_inputs))
        _check_shape("scale", found.get("scale"), (None, None))
        _check_shape("params", found.get("params"), (spec.n_params, None, None))
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
    ) -> FloatArray:
        """Give quantiles as `run` does, in segments side by side; see `QuantileForecaster.bands`.

        Each segment begins with the empty state, `warm_up` rows before its first one.

        Returns
        -------
        ndarray of shape (q, n, series)
        """
        n, n_series = rows.shape
        length = max(1, min(n, max(warm_up, min(-(-n // _SEGMENTS), _LONGEST))))
        count = -(-n // length)
        warm_up = warm_up if count > 1 else 0
        result = np.empty((len(quantiles), count, length, n_series))

        def judge(segments: NDArray[np.int64]) -> None:
            begin = max(0, int(segments[0]) * length - warm_up)
            end = min(n, int(segments[-1] + 1) * length)
            mine = None if dynamic is None else dynamic[begin:end]
            inputs, scale = _pushed(stream.before(rows, begin), rows[begin:end], mine)
            shown = np.tile(embedded, (len(segments), 1))
            state = zero_state(self.spec, len(shown))
            for places in _steps(warm_up, length, max(1, _CHUNK // len(shown))):
                if segments[0] == places[0] == 0:  # before the first segment there is nothing
                    state = state.emptied(n_series)
                at = places[:, np.newaxis] + segments * length - begin
                shape = (len(places), len(shown))
                # Before the first segment and behind the last one any row will do.
                x = inputs.take(at, axis=0, mode="clip").reshape(*shape, -1)
                size = scale.take(at, axis=0, mode="clip").reshape(shape)
                _, found, state = self._run(x, size, shown, state, quantiles)
                if places[0] >= 0:
                    found = found.reshape(len(quantiles), *at.shape, n_series).swapaxes(1, 2)
                    result[:, segments[0] : segments[-1] + 1, places[0] : places[-1] + 1] = found

        size = max(1, _LANES // n_series)
        groups = [np.arange(k, min(k + size, count)) for k in range(0, count, size)]
        with ThreadPoolExecutor(min(n_jobs, len(groups))) as pool:
            list(pool.map(judge, groups))
        return result.reshape(len(quantiles), -1, n_series)[:, :n]

    def step(
        self,
        inputs: NDArray[np.float32],
        scale: FloatArray,
        embedded: NDArray[np.float32],
        state: State,
        quantiles: tuple[float, ...],
    ) -> tuple[Judged, State]:
        """Run the graph once; see `FeatureStream.push` for inputs and scale."""
        small = scale.astype(np.float32)
        params, found, state = self._run(inputs, small, embedded, state, quantiles)
        judged = (np.moveaxis(each, 0, 2).astype(np.float64, order="C") for each in (params, found))
        return Judged(*judged), state

    def _run(
        self,
        inputs: NDArray[np.float32],
        scale: NDArray[np.float32],
        embedded: NDArray[np.float32],
        state: State,
        quantiles: tuple[float, ...],
    ) -> tuple[NDArray[np.float32], NDArray[Any], State]:
        """Give parameters, quantiles and the state; in the first two rows and series lie last."""
        if embedded.shape[1]:
            shape = (len(inputs), *embedded.shape)
            inputs = np.concatenate([inputs, np.broadcast_to(embedded, shape)], axis=2)
        feed = {
            "x": np.ascontiguousarray(inputs),
            "scale": scale,
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
        return params, found, State(hidden, cell)

    def _table(self, quantiles: tuple[float, ...]) -> NDArray[np.float32]:
        # Threads may come here at once.
        table = self._tables.get(quantiles)
        if table is None:
            table = student_table(quantiles)
            if len(self._tables) > 16:
                self._tables.clear()
            self._tables[quantiles] = table
        return table


def _check_shape(name: str, found: Any, expected: tuple[int | None, ...]) -> None:
    """Compare the shape of an input or output of a graph with what it must be."""
    fits = found is not None and len(found) == len(expected)
    if not fits or any(e not in (None, f) for f, e in zip(found, expected, strict=True)):
        raise ModelFormatError(f"model: not the graph of this forecaster: {name} is {found}")


def student_table(quantiles: tuple[float, ...]) -> NDArray[np.float32]:
    """Tabulate quantiles of Student's t for the graph."""
    from fastrcf._kernels_laws import t_table

    table: NDArray[np.float32] = t_table(np.array(quantiles), PLACES).astype(np.float32)
    return np.ascontiguousarray(table.T)


def _count_quantiles(params: NDArray[np.float32], quantiles: tuple[float, ...]) -> FloatArray:
    from fastrcf._kernels_laws import nb_quantiles

    if not quantiles:
        return np.empty((0, *params.shape[1:]))
    flat = params.reshape(len(params), -1).T.astype(np.float64, order="C")
    result: FloatArray = nb_quantiles(flat, np.array(quantiles, np.float64))
    return result.T.reshape(len(quantiles), *params.shape[1:])


def _pushed(
    stream: FeatureStream, rows: FloatArray, dynamic: FloatArray | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give inputs and scale of many rows, made in parts that a cache holds."""
    inputs = np.empty((*rows.shape, stream.spec.n_rolled), np.float32)
    scale = np.empty(rows.shape, np.float32)
    size = max(1, _CHUNK // rows.shape[1])
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        given = None if dynamic is None else dynamic[part]
        inputs[part], scale[part] = stream.push(rows[part], given)
    return inputs, scale


def _steps(warm_up: int, length: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Give the places of a segment, at most `size` at once: before its first row, then from 0."""
    for start, stop in ((-warm_up, 0), (0, length)):
        for place in range(start, stop, size):
            yield np.arange(place, min(place + size, stop))


def _joined(parts: list[Judged]) -> Judged:
    if len(parts) == 1:
        return parts[0]
    return Judged(*(np.concatenate(each) for each in zip(*parts, strict=True)))
