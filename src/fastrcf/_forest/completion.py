"""What is missing, might have been or is to come: imputed, expected and forecast rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastrcf._forest.checks import choice, integer, real
from fastrcf._forest.fill import check_fill_value, fill_constant, fill_linear, fill_previous
from fastrcf._forest.native import NativeEstimator
from fastrcf._forest.options import resolve_random_state
from fastrcf._rows import complete_rows
from fastrcf.errors import not_fitted
from fastrcf.forecasting import Forecast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, RowLike, TableLike

__all__ = ["CompletionVerbs"]

_METHODS = ("forest", "previous", "linear", "constant")
_MOST_PATHS = 10_000_000
_MOST_VALUES = 2**31


class CompletionVerbs(NativeEstimator):
    """Questions whose answers are rows. None of them changes the forest."""

    shingle_size: int

    def impute(
        self,
        X: TableLike,
        *,
        method: Literal["forest", "previous", "linear", "constant"] = "forest",
        fill_value: ArrayLike | None = None,
    ) -> FloatArray:
        """Fill in missing values.

        With ``method="forest"`` the rows are taken as those that follow the rows learned last. A
        row with NaN is completed in the window that ends with it: each tree offers the stored
        point that goes best with what is known of the window, and the median of the nearest
        offers is taken for each missing value. Rows filled in before count as known; where there
        is no row before, that part of the window is missing too. If nothing is known, the answer
        is the median of all points in the forest.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows. NaN marks what is missing.
        method : {"forest", "previous", "linear", "constant"}, default "forest"
            ``"previous"`` repeats the last value before the gap, ``"linear"`` draws a line over
            it, ``"constant"`` takes `fill_value`; these look at nothing but `X` and need no forest
            that is ready. A gap at an edge gets the nearest value; a column without any value
            stays NaN, but for ``"constant"``.
        fill_value : float or array_like of shape (d,), optional
            For ``method="constant"`` and no other.

        Returns
        -------
        ndarray of shape (n, d), float64
            The rows. What was not missing is unchanged, bit for bit; values from the forest are
            single precision.

        Raises
        ------
        NotFittedError
            ``method="forest"`` and the forest is not ready.
        TypeError, ValueError
            As in `score`; or `method` or `fill_value` is wrong.

        Notes
        -----
        Of the leaves of one tree that the known values lead to, the one is taken that scores
        lowest, and of the trees' offers those that lie nearest in the L1 distance over the known
        values: all that meet them exactly and the nearer half of the others. It is the imputation
        of the open reference implementation with its centrality 1, and draws no random number.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(shingle_size=8).update(np.tile([0.0, 1.0, 5.0], 200))
        >>> forest.impute([0.0, 1.0, np.nan, np.nan, 1.0]).ravel()
        array([0., 1., 5., 0., 1.])
        """
        choice("method", method, _METHODS)
        table = self._rows(X).array
        if method == "forest":
            self._check_fill_value_unused(method, fill_value)
            return self._ready_core("impute").impute(table)
        filled = np.array(table, dtype=np.float64)
        complete_rows(filled)
        if method == "constant":
            fill_constant(filled, check_fill_value(fill_value, filled.shape[1]))
            return filled
        self._check_fill_value_unused(method, fill_value)
        (fill_previous if method == "previous" else fill_linear)(filled)
        return filled

    def impute_one(self, x: RowLike) -> FloatArray:
        """Fill in the missing values of one row with the forest.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row, as in `score_one`.

        Returns
        -------
        ndarray of shape (d,), float64
            The row as `impute` gives it, in the order of the columns.

        Raises
        ------
        NotFittedError
            The forest is not ready.
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(shingle_size=8).update(np.tile([0.0, 1.0, 5.0], 200))
        >>> forest.impute_one(np.nan)
        array([0.])
        """
        row = self._row(x).array
        filled: FloatArray = self._ready_core("impute_one").impute(row[np.newaxis])[0]
        return filled

    def expected(self, X: TableLike) -> FloatArray:
        """Tell what each row might have been expected to be.

        The rows are taken as those that follow the rows learned last. With shingles, the answer
        for row *i* is what `impute` would put in its place given the ``shingle_size - 1`` rows
        before it, all of its own values left out. Without, it is in each column what `impute`
        would put there given the other columns of the row; with one column, the median of all
        points in the forest.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows.

        Returns
        -------
        ndarray of shape (n, d), float64
            NaN where a value that the answer rests on is missing, where there is no full window,
            and before the forest is ready.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(shingle_size=8).update(np.tile([0.0, 1.0, 5.0], 200))
        >>> forest.expected([0.0, 9.0]).ravel()
        array([0., 1.])
        """
        table = self._rows(X).array
        core = self._core or self._new_core(table.shape[1])
        return core.expect(table)

    def forecast(
        self,
        horizon: int,
        quantiles: Sequence[float] = (0.01, 0.5, 0.99),
        *,
        n_paths: int = 1000,
        random_state: int | None = 0,
        keep_paths: bool = False,
    ) -> Forecast:
        """Forecast the rows that follow those learned last.

        Many paths are drawn. The next row of a path is one that followed a stored window like the
        newest one; it becomes part of the window for the row after it, noise and all, so the
        paths drift apart as the uncertainty grows. The quantiles are those of the paths.

        A path is made of rows that are in the forest: the forecast stays within what has been
        seen. It follows seasons and recurring shapes, not a trend; give it differences for that.

        Parameters
        ----------
        horizon : int
            Number of rows to forecast.
        quantiles : sequence of float, default (0.01, 0.5, 0.99)
            Numbers in (0, 1).
        n_paths : int, default 1000
            Number of paths. Time grows with ``n_paths * horizon``.
        random_state : int or None, default 0
            Seed of the paths; each has its own stream of random numbers. The same seed on the
            same forest gives the same bits for any number of threads. None draws a seed from the
            operating system.
        keep_paths : bool, default False
            Whether to return the paths too.

        Returns
        -------
        Forecast
            Quantiles by step and column.

        Raises
        ------
        NotFittedError
            The forest is not ready.
        TypeError, ValueError
            An argument is wrong; or the forest has no shingles (``shingle_size=1``); or its newest
            window is not full, because too few rows came since the start, a NaN or `fit`.

        Notes
        -----
        For each row of a path six trees are drawn at random. Each offers the stored point that
        goes best with the window, as in `impute`; the one farthest from it (L1 distance) is left
        out, and the newest row of one of the others, drawn at random, goes on with the path. A
        longer `shingle_size` tells similar situations apart and makes the bands narrower: half a
        season and more is a good start.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> rng = np.random.default_rng(0)
        >>> series = np.sin(np.arange(3000) / 8) + rng.normal(scale=0.1, size=3000)
        >>> forecast = RandomCutForest(shingle_size=32).update(series).forecast(24)
        >>> forecast.values.shape
        (3, 24, 1)
        >>> truth = np.sin(np.arange(3000, 3024) / 8)
        >>> bool(np.abs(forecast.median.ravel() - truth).max() < 0.2)
        True
        """
        horizon = integer("horizon", horizon, 1, _MOST_VALUES)
        n_paths = integer("n_paths", n_paths, 1, _MOST_PATHS)
        levels = _check_quantiles(quantiles)
        seed = resolve_random_state(random_state)
        core = self._ready_core("forecast")
        if n_paths * horizon * self.n_features_in_ > _MOST_VALUES:
            raise ValueError(
                f"horizon: expected n_paths * horizon * columns of at most {_MOST_VALUES}, got "
                f"{n_paths} * {horizon} * {self.n_features_in_}"
            )
        paths = core.forecast(n_paths, horizon, seed)
        values = np.quantile(paths, (*levels, 0.5), axis=0)
        return Forecast(levels, values[:-1], values[-1], paths if keep_paths else None)

    # ---- inside ---------------------------------------------------------------------------------

    def _ready_core(self, verb: str) -> Forest:
        core = self._core
        if core is None or not core.is_ready:
            raise not_fitted(
                f"{verb}: the forest is not ready: let it learn more rows with update or fit "
                "(output_after says how many)"
            )
        return core

    @staticmethod
    def _check_fill_value_unused(method: str, fill_value: Any) -> None:
        if fill_value is not None:
            raise ValueError(
                f"fill_value: expected None, as method={method!r} does not use it, got "
                f"{fill_value!r}"
            )


def _check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    expected = "one or more numbers in (0, 1)"
    if np.ndim(quantiles) != 1:
        raise TypeError(f"quantiles: expected {expected}, got {quantiles!r}")
    levels = tuple(real("quantiles", level, expected=expected) for level in quantiles)
    if not levels or not all(0.0 < level < 1.0 for level in levels):
        raise ValueError(f"quantiles: expected {expected}, got {quantiles!r}")
    return levels
