"""Several rows ahead: paths that are drawn step by step, and the quantiles of their laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_features import FeatureStream
    from fastrcf.neural._forecast_graph import State
    from fastrcf.neural._forecast_runner import Runner

__all__ = ["draw_paths", "quantiles_ahead"]

_LARGEST = 1e30
_LARGEST_RATE = 1e15
"""Counts beyond it cannot be drawn."""


def draw_paths(
    runner: Runner,
    stream: FeatureStream,
    state: State,
    embedded: NDArray[np.float32],
    *,
    horizon: int,
    n_samples: int,
    dynamic: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Draw each step from the law that the network gives for it, and feed it as if it had come.

    Parameters
    ----------
    runner : Runner
    stream : FeatureStream
        Behind the history; it is left as it is.
    state : State
        There, too.
    embedded : ndarray of shape (s, e)
        Embeddings of the series.
    horizon, n_samples : int
        Steps; paths of each series.
    dynamic : ndarray of shape (horizon, s, k)
        Dynamic features of the steps.
    rng : Generator
        Where the noise comes from.

    Returns
    -------
    paths : ndarray of shape (horizon, s, n_samples)
        The values drawn.
    params : ndarray of shape (horizon, s, n_samples, parameters)
        The laws that they were drawn from.
    """
    n_series = stream.n_series
    stream, state = stream.repeat(n_samples), state.repeat(n_samples)
    embedded = np.repeat(embedded, n_samples, axis=0)
    paths = np.empty((horizon, n_series * n_samples))
    params = np.empty((*paths.shape, runner.spec.n_params))
    for step in range(horizon):
        known = np.repeat(dynamic[step : step + 1], n_samples, axis=1)
        inputs, scale = stream.peek(known)
        judged, state = runner.step(inputs, scale, embedded, state, ())
        params[step] = judged.params[0]
        paths[step] = _draw(params[step], rng)
        stream.push(paths[step : step + 1], known)
    shape = (horizon, n_series, n_samples)
    return paths.reshape(shape), params.reshape(*shape, -1)


def _draw(params: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw one value from each law."""
    if params.shape[1] == 3:
        loc, scale, df = params.T
        values: FloatArray = np.clip(loc + scale * rng.standard_t(df), -_LARGEST, _LARGEST)
        return values
    mean, dispersion = params.T
    rate = rng.gamma(1.0 / dispersion, dispersion * mean)
    counts: FloatArray = rng.poisson(np.minimum(rate, _LARGEST_RATE)).astype(np.float64)
    return counts


def quantiles_ahead(params: FloatArray, quantiles: tuple[float, ...]) -> FloatArray:
    """Give the quantiles of each step: those of the mixture of its paths' laws.

    The law of a step given the history is the mean, over paths, of its laws given the path. Its
    quantiles are far steadier than those of the drawn values, of which 100 hardly tell where one in
    a hundred lies.

    Parameters
    ----------
    params : ndarray of shape (horizon, s, n_samples, parameters)
        The laws.
    quantiles : tuple of float
        Which are wanted.

    Returns
    -------
    ndarray of shape (q, horizon, s)
        The quantiles.
    """
    from fastrcf._kernels_laws import nb_mixture_quantiles, t_mixture_quantiles

    mixture = t_mixture_quantiles if params.shape[3] == 3 else nb_mixture_quantiles
    flat = params.reshape(-1, *params.shape[2:])
    found: FloatArray = mixture(flat, np.array(quantiles, np.float64))
    return np.moveaxis(found.reshape(*params.shape[:2], len(quantiles)), 2, 0)
