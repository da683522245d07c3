"""The forest as a detector of PyOD; needs ``pip install 'fastrcf[pyod]'``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from fastrcf._extras import require
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from pyod.models.base import BaseDetector

    from fastrcf._typing import FloatArray, TableLike
else:
    BaseDetector = require("pyod.models.base", "pyod").BaseDetector

__all__ = ["RCF"]


class RCF(BaseDetector):  # type: ignore[misc]  # PyOD ships no types
    """Random cut forest, trained on a table, with PyOD's verbs and PyOD's sign.

    Parameters
    ----------
    contamination : float or object, default 0.1
        Share of the training rows that are outliers, in (0, 0.5]; or a thresholder of PyThresh.
    n_trees, sample_size, shingle_size, scoring, random_state, n_jobs
        As in `fastrcf.RandomCutForest`.

    Attributes
    ----------
    decision_scores_ : ndarray of shape (n,)
        Scores of the training rows. Higher is more anomalous. 0.0 for rows with a NaN.
    threshold_ : float
        Rows that score higher are outliers.
    labels_ : ndarray of shape (n,)
        1 for training rows that are outliers, else 0.
    forest_ : RandomCutForest
        The forest itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.compat.pyod import RCF
    >>> table = np.random.default_rng(0).normal(size=(500, 3))
    >>> table[0] = 9.0
    >>> detector = RCF(contamination=0.02).fit(table)
    >>> detector.predict(table[:3])
    array([1, 0, 0])
    """

    decision_scores_: FloatArray
    forest_: RandomCutForest

    def __init__(
        self,
        contamination: Any = 0.1,
        n_trees: int = 100,
        sample_size: int = 256,
        shingle_size: int = 1,
        *,
        scoring: Literal["standard", "kinesis"] = "standard",
        random_state: int | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        super().__init__(contamination=contamination)
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.shingle_size = shingle_size
        self.scoring = scoring
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: TableLike, y: object = None) -> Self:
        """Train on a table, forgetting what was learned before.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.
        y : object
            Ignored, with PyOD's warning.

        Returns
        -------
        self
            The detector itself.

        Raises
        ------
        TypeError, ValueError
            As in `RandomCutForest.fit`.
        """
        options = {name: value for name, value in self.get_params().items() if name in _SHARED}
        forest = RandomCutForest(**options).fit(X)
        self._set_n_classes(y)
        self.forest_ = forest
        self.decision_scores_ = forest.score(X)
        self._process_decision_scores()
        return self

    def decision_function(self, X: TableLike) -> FloatArray:
        """Score rows.

        Parameters
        ----------
        X : array_like of shape (n, d) or frame
            The rows.

        Returns
        -------
        ndarray of shape (n,), float64
            `RandomCutForest.score`: higher is more anomalous.

        Raises
        ------
        NotFittedError
            `fit` has not been called.
        TypeError, ValueError
            As in `RandomCutForest.score`.
        """
        require("sklearn.utils.validation", "pyod").check_is_fitted(self, ["forest_"])
        return -self.forest_.score_samples(X)


_SHARED = ("n_trees", "sample_size", "shingle_size", "scoring", "random_state", "n_jobs")
