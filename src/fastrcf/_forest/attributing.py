"""Scores with what each coordinate adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastrcf._forest.inputs import Row, Table
from fastrcf._forest.native import NativeEstimator
from fastrcf.attribution import Attribution

if TYPE_CHECKING:
    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, RowLike, TableLike

__all__ = ["AttributionVerbs"]


class AttributionVerbs(NativeEstimator):
    """`attribution` of many rows and of one."""

    def attribution(self, X: TableLike) -> Attribution:
        """Tell what each coordinate adds to the scores of rows, without learning them.

        The rows are taken as in `score`, and the parts of each row add up to that score.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows. One dimension is one column.

        Returns
        -------
        Attribution
            `high` and `low` have the shape (n, d * shingle_size). They are 0.0 where the score is:
            for rows with a NaN, rows without a full window, and before the forest is ready.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(n_trees=20).update(np.sin(np.arange(500.0)))
        >>> parts = forest.attribution([7.0, -7.0])
        >>> bool(parts.high[0] > parts.low[0]), bool(parts.high[1] > parts.low[1])
        (True, False)
        >>> bool(np.allclose(parts.total, forest.score([7.0, -7.0]), rtol=1e-12))
        True
        """
        core, table = self._asked(X)
        _scores, high, low = core.attribution(table.array)
        return self._attribution_of(core, high, low, table)

    def attribution_one(self, x: RowLike) -> Attribution:
        """Tell what each coordinate adds to the score of one row, without learning it.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row, as in `score_one`.

        Returns
        -------
        Attribution
            `high` and `low` have the shape (d * shingle_size,).

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(n_trees=20, output_after=10)
        >>> for hour in range(100):
        ...     forest.update_one({"load": hour % 24, "heat": 20.0})
        >>> parts = forest.attribution_one({"load": 12, "heat": 95.0})
        >>> dict(zip(parts.names, parts.high > 0.5))
        {'load': np.False_, 'heat': np.True_}
        """
        row = self._row(x)
        core = self._core or self._new_core(row.array.size)
        _scores, high, low = core.attribution(row.array.reshape(1, -1))
        return self._attribution_of(core, high[0], low[0], row)

    def _attribution_of(
        self, core: Forest | None, high: FloatArray, low: FloatArray, data: Table | Row
    ) -> Attribution:
        return Attribution(high, low, *self._layout(core, data))
