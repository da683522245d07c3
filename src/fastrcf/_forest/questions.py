"""What a forest knows of rows besides their score: displacement, density, neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import integer, real
from fastrcf._forest.native import NativeEstimator
from fastrcf.neighbors import Neighbors

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, TableLike

__all__ = ["Questions", "density_options"]

_MAX_NEIGHBORS = 2**31 - 1


class Questions(NativeEstimator):
    """Questions about rows: each is a visitor that goes up the trees; none changes the forest."""

    def displacement(self, X: TableLike) -> FloatArray:
        """Tell how many learned points each row would displace.

        A row that is inserted into a tree is cut off from some node, and all points below that
        node move one level down. This is their number, in expectation over the random cuts of the
        insertion and as a mean over the trees; nothing is inserted. A row that a tree holds
        already displaces 1 point there, as the open reference implementation has it. Unlike the
        score it is not normalised: it lies between 1 and the size of the sample.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.

        Returns
        -------
        ndarray of shape (n,), float64
            Higher is more anomalous. 0.0 for rows with a NaN, rows without a full window, and
            before the forest is ready.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        References
        ----------
        .. [1] S. Guha, N. Mishra, G. Roy, O. Schrijvers, "Robust Random Cut Forest Based Anomaly
           Detection on Streams", PMLR 48, 2016, section 3: displacement.
        .. [2] https://github.com/aws/random-cut-forest-by-aws: the expectation over the cuts.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> import numpy as np
        >>> forest = RandomCutForest(n_trees=20).update(np.sin(np.arange(500.0)))
        >>> inside, outside = forest.displacement([0.5, 7.0])
        >>> bool(1.0 <= inside < 20.0 < 100.0 < outside <= 256.0)
        True
        """
        core, table = self._asked(X)
        return core.displacement(table.array)

    def codisp(self, X: TableLike, *, sampled: bool = False) -> FloatArray:
        """Tell the collusive displacement of each row, as the package rrcf defines it.

        A point that is taken out of a tree, alone or with those nearest to it, lets the points
        beside them move up one level. The collusive displacement is the greatest number of points
        that move up for each point taken out, over all nodes from the point's leaf to the root;
        of points that come in small groups it makes outliers where the displacement does not.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.
        sampled : bool, default False
            By default each row is taken as if it had just been inserted: the value is the
            expectation over the random cuts of the insertion, in closed form, where rrcf inserts
            the row, looks, and forgets it. With True, rows are looked up where trees hold them,
            which trees do with a sample only.

        Returns
        -------
        ndarray of shape (n,), float64
            Mean over the trees; higher is more anomalous. 0.0 for rows with a NaN, rows without a
            full window, and before the forest is ready. With `sampled`, the mean over the trees
            that hold the row, and NaN for these rows and for those that no tree holds.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        References
        ----------
        .. [1] S. Guha, N. Mishra, G. Roy, O. Schrijvers, "Robust Random Cut Forest Based Anomaly
           Detection on Streams", PMLR 48, 2016, section 3: collusive displacement.
        .. [2] M. Bartos, A. Mullapudi, S. Troutman, "rrcf: Implementation of the Robust Random Cut
           Forest algorithm for anomaly detection on streams", Journal of Open Source Software
           4(35), 2019: the definition by the nodes above the leaf.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> import numpy as np
        >>> series = np.sin(np.arange(500.0))
        >>> series[[200, 201]] = 7.0
        >>> forest = RandomCutForest(n_trees=20, time_decay=0.0).fit(series.reshape(-1, 1))
        >>> forest.codisp([0.5, 7.0]).round() > 40
        array([False,  True])
        >>> inside, outside, unknown = forest.codisp([series[7], 7.0, 8.0], sampled=True)
        >>> bool(inside < outside), bool(np.isnan(unknown))
        (True, True)
        """
        core, table = self._asked(X)
        return core.codisp(table.array, sampled=bool(sampled))

    def density(
        self,
        X: TableLike,
        *,
        smoothing: float = 0.001,
        manifold_dimension: float | None = None,
    ) -> FloatArray:
        r"""Estimate how densely the learned points lie around each row.

        In a tree a row would be cut off from the box of some node. The estimate is
        :math:`\rho / (q \rho + \sum_i p_i t_i^D)`, where :math:`\rho` is the expected share of the
        tree's points that lie in that box, :math:`p_i` the chance that the cut is in coordinate
        *i*, and :math:`t_i` the expected distance of the row to the far side of the box if it is;
        all are means over the trees. It is the interpolation of the open reference
        implementation, but the share is of the points that a tree holds, not of those that it
        may hold, and copies of the row are counted once.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.
        smoothing : float, default 0.001
            The constant *q*: no density is above ``1 / smoothing``. Take a smaller one where rows
            lie so close to each other that many densities come near that.
        manifold_dimension : float, optional
            The power *D*: of how many dimensions the set is that the points lie on. The default
            is the number of coordinates of a point, ``n_columns * shingle_size``.

        Returns
        -------
        ndarray of shape (n,), float64
            *Lower* is more anomalous. In share of points per unit of the data to the power *D*;
            good for comparing rows of one forest. NaN for rows with a NaN, rows without a full
            window, and before the forest is ready. 0.0 where a distance to the power *D* is too
            large for a float.

        Raises
        ------
        TypeError, ValueError
            As in `score`; or `smoothing` or `manifold_dimension` is not a positive number.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> forest = RandomCutForest(n_trees=20).fit(rng.normal(size=(1000, 2)))
        >>> middle, edge, far = forest.density([[0.0, 0.0], [2.0, 2.0], [9.0, 9.0]])
        >>> bool(middle > edge > far)
        True
        """
        core, table = self._asked(X)
        return core.density(table.array, **density_options(smoothing, manifold_dimension))

    def near_neighbors(
        self, X: TableLike, k: int = 10, *, max_distance: float | None = None
    ) -> Neighbors:
        """Find learned points that are near to each row.

        Every tree leads a row to one of its points. These are usually near, but seldom the
        nearest of all: the trees hold samples, and the search looks at one leaf of each. Equal
        points are one neighbour.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, taken as those that follow the rows learned last, as in `score`.
        k : int, default 10
            Most neighbours of a row. There are never more than trees.
        max_distance : float, optional
            Points further away than this are no neighbours.

        Returns
        -------
        Neighbors
            Arrays with `k` places for each row, by distance and then by arrival. All places of a
            row are empty if it has a NaN or no full window, or before the forest is ready. With a
            `transformation`, points and distances are in the units that it makes.

        Raises
        ------
        TypeError, ValueError
            As in `score`; or `k` is not a positive integer, or `max_distance` is negative.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(n_trees=20).fit([[0.0], [1.0], [5.0]])
        >>> near = forest.near_neighbors([[1.25]], k=2)
        >>> near.distance
        array([[0.25,  nan]])
        >>> near.arrival, near.count
        (array([[ 1, -1]]), array([[20,  0]]))
        """
        core, table = self._asked(X)
        reach = math.inf if max_distance is None else real("max_distance", max_distance)
        if reach < 0.0:
            raise ValueError(f"max_distance: expected a number of at least 0, got {max_distance!r}")
        k = integer("k", k, 1, _MAX_NEIGHBORS)
        return Neighbors(*core.near_neighbors(table.array, k=k, max_distance=reach))


def density_options(smoothing: float, manifold_dimension: float | None) -> dict[str, Any]:
    """Check the options of a density.

    Parameters
    ----------
    smoothing, manifold_dimension : float
        As in `Questions.density`.

    Returns
    -------
    dict
        The options.

    Raises
    ------
    TypeError, ValueError
        One is not a positive number.
    """
    return {
        "smoothing": _positive("smoothing", smoothing),
        "manifold_dimension": (
            None
            if manifold_dimension is None
            else _positive("manifold_dimension", manifold_dimension)
        ),
    }


def _positive(name: str, value: object) -> float:
    number = real(name, value, expected="a positive number")
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return number
