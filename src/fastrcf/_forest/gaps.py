"""How far rows stand out of what the forest has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastrcf._forest.native import NativeEstimator
from fastrcf.directional import Directional

if TYPE_CHECKING:
    from fastrcf._typing import TableLike

__all__ = ["GapVerbs"]


class GapVerbs(NativeEstimator):
    """`expected_gaps` of rows."""

    def expected_gaps(self, X: TableLike) -> Directional:
        """Tell how far rows stand out, by coordinate and side, without learning them.

        A random cut parts a point from the box of some learned points. If it falls into the gap
        between both in one coordinate, that gap counts; this is its expectation over the cuts, as a
        mean over the trees. Copies of the point are left out of the boxes. (`distances` adds the
        side of the box to each gap.)

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.

        Returns
        -------
        Directional
            Two arrays of shape (n, n_columns * shingle_size), in the units of the data: how far
            above the others, and how far below. 0.0 for rows with a NaN, rows without a full
            window, and before the forest is ready.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> rows = np.random.default_rng(0).uniform(size=(500, 2))
        >>> high, low = RandomCutForest().update(rows).expected_gaps([[0.5, 101.0]])
        >>> bool(90 < high[0, 1] < 101), bool(low[0, 1] < 0.01)
        (True, True)
        """
        table = self._rows(X)
        core = self._core or self._new_core(table.array.shape[1])
        return Directional(*core.expected_gaps(table.array))
