"""scikit-learn's verbs on a native forest: train on a table, tell outliers from inliers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from fastrcf._forest.inputs import as_table
from fastrcf._forest.native import NativeEstimator
from fastrcf._forest.options import check_contamination
from fastrcf.errors import not_fitted

if TYPE_CHECKING:
    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, IntArray, TableLike

__all__ = ["BatchVerbs"]


class BatchVerbs(NativeEstimator):
    """`fit`, `predict` and what belongs to them, with scikit-learn's meaning and sign."""

    shingle_size: int
    contamination: float | Literal["auto"]

    def fit(self, X: TableLike, y: object = None) -> Self:  # noqa: ARG002
        """Train on a table, forgetting what was learned before.

        Every tree draws its own sample of the rows, without replacement; nothing decays. The
        forest is ready at once and its window is empty. It may go on learning with `update`: the
        sample counts as having arrived at one instant.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows. With shingles, their order counts.
        y : object
            Ignored; scikit-learn passes it.

        Returns
        -------
        self
            The forest itself.

        Raises
        ------
        TypeError, ValueError
            As in `score`; or a parameter is wrong; or no row could be learned. The forest stays as
            it was then.
        """
        self._fit(X)
        return self

    def partial_fit(self, X: TableLike, y: object = None) -> Self:  # noqa: ARG002
        """Learn rows: `update` with scikit-learn's checks.

        `offset_` is left alone: only `fit` sets it.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows, in the order of time.
        y : object
            Ignored; scikit-learn passes it.

        Returns
        -------
        self
            The forest itself.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.
        """
        self._learn("update", self._matrix(X))
        return self

    def score_samples(self, X: TableLike) -> FloatArray:
        """Score rows with scikit-learn's sign.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.

        Returns
        -------
        ndarray of shape (n,), float64
            ``-score(X)``: lower is more anomalous.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        TypeError, ValueError
            As in `score`.
        """
        core, _ = self._fitted()
        return 0.0 - core.score(self._matrix(X).array)

    def decision_function(self, X: TableLike) -> FloatArray:
        """Tell how far rows are on the good side of `offset_`.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.

        Returns
        -------
        ndarray of shape (n,), float64
            ``score_samples(X) - offset_``: below 0 is an outlier.

        Raises
        ------
        NotFittedError
            `fit` has not been called.
        TypeError, ValueError
            As in `score`.
        """
        core, offset = self._fitted()
        if offset is None:
            raise not_fitted(
                f"This {type(self).__name__} has learned rows but has no offset_: call fit, or set "
                "offset_ to minus the score above which a row is an outlier"
            )
        return (0.0 - core.score(self._matrix(X).array)) - offset

    def predict(self, X: TableLike) -> IntArray:
        """Tell outliers from inliers.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.

        Returns
        -------
        ndarray of shape (n,), int64
            -1 for outliers, 1 for inliers. Rows that cannot be scored are inliers.

        Raises
        ------
        NotFittedError
            `fit` has not been called.
        TypeError, ValueError
            As in `score`.
        """
        return _labels(self.decision_function(X))

    def fit_predict(self, X: TableLike, y: object = None) -> IntArray:  # noqa: ARG002
        """Train on a table and tell its outliers: `fit`, then `predict` on the same rows.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.
        y : object
            Ignored; scikit-learn passes it.

        Returns
        -------
        ndarray of shape (n,), int64
            -1 for outliers, 1 for inliers.

        Raises
        ------
        TypeError, ValueError
            As in `fit`.
        """
        scores, offset = self._fit(X)
        return _labels((0.0 - scores) - offset)

    def _fitted(self) -> tuple[Forest, float | None]:
        core, _, _, offset = self._snapshot()
        if core is None:
            raise not_fitted(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with "
                "appropriate arguments before using this estimator."
            )
        return core, offset

    def _fit(self, X: TableLike) -> tuple[FloatArray, float]:
        table = as_table(X, columns="two")
        core = self._new_core(table.array.shape[1])
        core.fit(table.array)
        scores = core.score(table.array)
        offset = self._place_offset(scores)
        with self._guard():
            self._install(core, table.array.shape[1], table.names, offset)
        return scores, offset

    def _place_offset(self, scores: FloatArray) -> float:
        known = scores[scores > 0.0]  # 0.0 marks rows that have no score
        if known.size == 0:
            raise ValueError(
                f"X: no row can be learned: expected at least {self.shingle_size} consecutive "
                "row(s) without NaN"
            )
        share = check_contamination(self.contamination)
        if share is None:
            return -float(known.mean() + 3.0 * known.std())
        return float(np.percentile(0.0 - known, 100.0 * share))


def _labels(decision: FloatArray) -> IntArray:
    return np.where(decision >= 0.0, 1, -1).astype(np.int64)
