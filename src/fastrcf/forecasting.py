"""What `RandomCutForest.forecast` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["Forecast"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """Quantiles of the rows to come.

    Parameters
    ----------
    quantiles : tuple of float
        The quantiles asked for, in that order.
    values : ndarray of shape (len(quantiles), horizon, d), float64
        ``values[i, h, j]`` is quantile ``quantiles[i]`` of column *j*, *h* + 1 rows ahead, in the
        units of the rows. Each is taken by itself: together they are not one course of events.
    median : ndarray of shape (horizon, d), float64
        The median, whether it was asked for or not.
    paths : ndarray of shape (n_paths, horizon, d), float64, or None
        The drawn continuations, if they were asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf import RandomCutForest
    >>> forest = RandomCutForest(shingle_size=8).update(np.tile([0.0, 1.0, 5.0], 200))
    >>> forecast = forest.forecast(3, quantiles=(0.1, 0.9))
    >>> forecast.median.ravel()
    array([0., 1., 5.])
    >>> low, high = forecast.values
    >>> low.shape
    (3, 1)
    """

    quantiles: tuple[float, ...]
    values: FloatArray
    median: FloatArray
    paths: FloatArray | None = None
