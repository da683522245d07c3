"""Runs the network that forecasts, over long series and in short steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastrcf.neural._forecast_graph import PLACES, State, zero_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_features import FeatureStream
    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["CHUNK", "Given", "Judged", "Runner", "Wanted", "student_table"]

CHUNK = 8192
"""Rows times series that are judged at once."""

_SEGMENTS, _LANES, _LONGEST = 256, 12, 4096
"""Segments of a series; those, times series, that one thread takes; and the most rows of one.

So few stay in the cache. None depends on the number of threads, so that these change nothing.
"""


class Judged(NamedTuple):
    """What the network says of rows."""

    params: FloatArray
    """Shape (n, series, parameters): the law of each row."""

    quantiles: FloatArray
    """Shape (n, series, q)."""


class Given(NamedTuple):
    """Rows of groups of series, which run side by side, as the network takes them."""

    inputs: NDArray[np.float32]
    """Shape (n, groups, series, rolled inputs), with any strides but for the last axis."""

    scale: NDArray[np.float32]
    """Shape (n, groups, series)."""

    embedded: NDArray[np.float32]
    """Shape (series, e)."""

    def part(self, rows: slice) -> Given:
        """Give some of the rows."""
        return Given(self.inputs[rows], self.scale[rows], self.embedded)


class Wanted(NamedTuple):
    """Where results go, if they are wanted."""

    params: FloatArray | None = None
    """Shape (parameters, n, groups, series): the laws."""

    quantiles: FloatArray | None = None
    """Shape (q, n, groups, series): quantiles of Student's t, by the table."""

    table: NDArray[np.float32] | None = None


class Runner:
    """A network that is ready to run; see `CoreRunner` and `GraphRunner` for where.

    Parameters
    ----------
    spec : ForecastSpec
    """

    def __init__(self, spec: ForecastSpec) -> None:
        self.spec = spec
        self._tables: dict[tuple[float, ...], NDArray[np.float32]] = {}

    def laws(self, given: Given, state: State, wanted: Wanted) -> State:
        """Run the network; `state` is left as it is, and that behind the last row comes back."""
        raise NotImplementedError

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
        size = max(1, CHUNK // rows.shape[1])
        judged = self._nothing(rows.shape, quantiles)
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            given = None if dynamic is None else dynamic[part]
            inputs, scale = stream.push(rows[part], given)
            into = Judged(*(each[part] for each in judged))
            state = self._judge(_group(inputs, scale, embedded), state, quantiles, into)
        return judged, state

    def step(
        self,
        inputs: NDArray[np.float32],
        scale: FloatArray,
        embedded: NDArray[np.float32],
        state: State,
        quantiles: tuple[float, ...],
    ) -> tuple[Judged, State]:
        """Judge rows; see `FeatureStream.push` for inputs and scale."""
        judged = self._nothing(scale.shape, quantiles)
        state = self._judge(_group(inputs, scale, embedded), state, quantiles, judged)
        return judged, state

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

        def judge(first: int, last: int) -> None:
            begin, end = first * length - warm_up, last * length
            inputs, scale = _pushed(stream, rows, dynamic, begin, end)
            x, size = (_side_by_side(each, warm_up + length, length) for each in (inputs, scale))
            given = Given(x, size, embedded)
            state = zero_state(self.spec, (last - first) * n_series)
            if warm_up:
                state = self.laws(given.part(slice(warm_up)), state, Wanted())
            if first == 0:  # before the first segment there is nothing
                state = state.emptied(n_series)
            found = result[:, first:last].swapaxes(1, 2)
            self._fill(given.part(slice(warm_up, None)), state, quantiles, None, found)

        step = max(6, _LANES // n_series)
        firsts = range(0, count, step)
        with ThreadPoolExecutor(min(n_jobs, len(firsts))) as pool:
            list(pool.map(judge, firsts, (min(first + step, count) for first in firsts)))
        return result.reshape(len(quantiles), -1, n_series)[:, :n]

    # ---- inside ---------------------------------------------------------------------------------

    def _nothing(self, shape: tuple[int, ...], quantiles: tuple[float, ...]) -> Judged:
        widths = (self.spec.n_params, len(quantiles))
        return Judged(*(np.empty((*shape, width)) for width in widths))

    def _judge(
        self, given: Given, state: State, quantiles: tuple[float, ...], into: Judged
    ) -> State:
        """Judge the rows of one group of series."""
        params, found = (np.moveaxis(each, 2, 0)[:, :, np.newaxis] for each in into)
        return self._fill(given, state, quantiles, params, found)

    def _fill(
        self,
        given: Given,
        state: State,
        quantiles: tuple[float, ...],
        params: FloatArray | None,
        found: FloatArray,
    ) -> State:
        """Find laws and quantiles of either kind, which lie as in `Wanted`."""
        if not quantiles:
            return self.laws(given, state, Wanted(params))
        if self.spec.likelihood == "student-t":
            return self.laws(given, state, Wanted(params, found, self._table(quantiles)))
        if params is None:
            params = np.empty((self.spec.n_params, *given.scale.shape))
        state = self.laws(given, state, Wanted(params))
        found[...] = _count_quantiles(params, quantiles)
        return state

    def _table(self, quantiles: tuple[float, ...]) -> NDArray[np.float32]:
        # Threads may come here at once.
        table = self._tables.get(quantiles)
        if table is None:
            table = student_table(quantiles)
            if len(self._tables) > 16:
                self._tables.clear()
            self._tables[quantiles] = table
        return table


def _group(inputs: NDArray[np.float32], scale: FloatArray, embedded: NDArray[np.float32]) -> Given:
    """Give series as one group."""
    return Given(inputs[:, np.newaxis], scale.astype(np.float32)[:, np.newaxis], embedded)


def student_table(quantiles: tuple[float, ...]) -> NDArray[np.float32]:
    """Tabulate quantiles of Student's t for the graph."""
    from fastrcf._kernels_laws import t_table

    table: NDArray[np.float32] = t_table(np.array(quantiles), PLACES).astype(np.float32)
    return np.ascontiguousarray(table.T)


def _count_quantiles(params: FloatArray, quantiles: tuple[float, ...]) -> FloatArray:
    from fastrcf._kernels_laws import nb_quantiles

    if not quantiles:
        return np.empty((0, *params.shape[1:]))
    flat = np.ascontiguousarray(params.reshape(len(params), -1).T)
    result: FloatArray = nb_quantiles(flat, np.array(quantiles, np.float64))
    return result.T.reshape(len(quantiles), *params.shape[1:])


def _pushed(
    stream: FeatureStream, rows: FloatArray, dynamic: FloatArray | None, begin: int, end: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give inputs and scale of the rows from `begin` to `end`; zeros where there are no rows."""
    n, n_series = rows.shape
    inputs = np.zeros((end - begin, n_series, stream.spec.n_rolled), np.float32)
    scale = np.zeros((end - begin, n_series), np.float32)
    mine, size = stream.before(rows, max(begin, 0)), max(1, CHUNK // n_series)
    for start in range(max(begin, 0), min(end, n), size):
        part = slice(start, min(start + size, end))
        given = None if dynamic is None else dynamic[part]
        made, scales = mine.push(rows[part], given)
        into = slice(start - begin, start - begin + len(made))
        inputs[into], scale[into] = made, scales
    return inputs, scale


def _side_by_side(values: NDArray[np.float32], n: int, step: int) -> NDArray[np.float32]:
    """View n rows from every `step`-th row on, as (n, groups, …)."""
    count = (len(values) - n) // step + 1
    shape = (n, count, *values.shape[1:])
    strides = (values.strides[0], step * values.strides[0], *values.strides[1:])
    return as_strided(values, shape, strides, writeable=False)
