"""How rows stand out of what the forest has learned, by coordinate and side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastrcf._forest.native import NativeEstimator
from fastrcf._forest.questions import density_options
from fastrcf.directional import Directional

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, RealArray, TableLike

__all__ = ["DirectionVerbs"]


class DirectionVerbs(NativeEstimator):
    """Questions whose answer has a part for each coordinate and each of its two sides."""

    def directional_density(
        self,
        X: TableLike,
        *,
        smoothing: float = 0.001,
        manifold_dimension: float | None = None,
    ) -> Directional:
        """Divide the density at each row over the directions that the points lie in.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.
        smoothing : float, default 0.001
            As in `density`.
        manifold_dimension : float, optional
            As in `density`.

        Returns
        -------
        Directional
            Two arrays of shape (n, n_columns * shingle_size), which sum to `density`. ``high`` is
            large where the row lies above the points, ``low`` where below. NaN as in `density`.

        Raises
        ------
        TypeError, ValueError
            As in `density`.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> forest = RandomCutForest(n_trees=20).fit(rng.normal(size=(1000, 2)))
        >>> high, low = forest.directional_density([[9.0, 0.0], [0.0, -9.0]])
        >>> int(high[0].argmax()), int(low[1].argmax())
        (0, 1)
        """
        options = density_options(smoothing, manifold_dimension)
        return self._directed(X, lambda core, rows: core.directional_density(rows, **options))

    def distances(self, X: TableLike) -> Directional:
        """Tell how far each row lies from the learned points, for each coordinate and direction.

        In a tree a row would be cut off from the box of some node, by a cut in one coordinate, on
        one side. The distance is that from the row to the far side of the box, weighted with the
        chance of such a cut, as a mean over the trees (those where no cut would fall there count
        as 0). It is the distance that the open reference implementation interpolates.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.

        Returns
        -------
        Directional
            Two arrays of shape (n, n_columns * shingle_size), in the units of the data, or those
            that a `transformation` makes. ``high`` where the row lies above the points, ``low``
            where below. NaN as in `density`.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> forest = RandomCutForest(n_trees=20).fit(rng.normal(size=(1000, 2)))
        >>> high, low = forest.distances([[99.0, 0.0]])
        >>> bool(95 < high[0, 0] < 105), bool(low.max() < 1)
        (True, True)
        """
        return self._directed(X, lambda core, rows: core.distances(rows))

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
            Two arrays of shape (n, n_columns * shingle_size), in the units of the data, or those
            that a `transformation` makes: how far above the others, and how far below. 0.0 for
            rows with a NaN, rows without a full window, and before the forest is ready.

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
        return self._directed(X, lambda core, rows: core.expected_gaps(rows))

    def _directed(
        self,
        X: TableLike,
        ask: Callable[[Forest, RealArray], tuple[FloatArray, FloatArray]],
    ) -> Directional:
        core, table = self._asked(X)
        return Directional(*ask(core, table.array), *self._layout(core, table))
