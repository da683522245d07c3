"""The forest as an anomaly detector of river; needs ``pip install 'fastrcf[river]'``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastrcf import forest as native
from fastrcf._extras import require

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from river.base import AnomalyDetector
else:
    AnomalyDetector = require("river.base", "river").AnomalyDetector

__all__ = ["RandomCutForest"]

_MISSING = float("nan")


class RandomCutForest(AnomalyDetector):  # type: ignore[misc, unused-ignore]  # if river is absent
    """Random cut forest for river's pipelines, filters and evaluations.

    The first row that is learned fixes the features; their order does not matter. A feature that a
    later row leaves out is a missing value, as NaN is; one that no row had before is an error.

    Scores are about 1 for ordinary rows and may be larger; ``river.metrics.ROCAUC`` expects them
    between 0 and 1.

    Parameters
    ----------
    n_trees, sample_size, shingle_size, time_decay, output_after, scoring
        As in `fastrcf.RandomCutForest`.
    seed : int or None, default 0
        What is called `random_state` elsewhere.

    Examples
    --------
    >>> from river import preprocessing
    >>> from fastrcf.compat.river import RandomCutForest
    >>> model = preprocessing.StandardScaler() | RandomCutForest(n_trees=20)
    >>> for hour in range(200):
    ...     model.learn_one({"load": hour % 24, "heat": hour % 7})
    >>> model.score_one({"load": 90, "heat": 3}) > model.score_one({"load": 9, "heat": 3})
    True
    """

    def __init__(
        self,
        n_trees: int = 100,
        sample_size: int = 256,
        shingle_size: int = 1,
        *,
        time_decay: float | None = None,
        output_after: int | None = None,
        scoring: Literal["standard", "kinesis"] = "standard",
        seed: int | None = 0,
    ) -> None:
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.shingle_size = shingle_size
        self.time_decay = time_decay
        self.output_after = output_after
        self.scoring = scoring
        self.seed = seed
        self._features: tuple[Hashable, ...] | None = None
        self._forest = native.RandomCutForest(
            n_trees,
            sample_size,
            shingle_size,
            time_decay=time_decay,
            output_after=output_after,
            scoring=scoring,
            random_state=seed,
        )

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        """Learn one row.

        Parameters
        ----------
        x : mapping
            Features by name; numbers, or NaN or None for missing.

        Raises
        ------
        TypeError, ValueError
            A value is not a number or is infinite, or a feature is new. Nothing is learned then.
        """
        self._forest.update_one(self._row(x))
        if self._features is None:
            self._features = _in_order(x)

    def score_one(self, x: Mapping[Any, Any]) -> float:
        """Score one row without learning it.

        Parameters
        ----------
        x : mapping
            Features by name.

        Returns
        -------
        float
            Higher is more anomalous; 0.0 before the forest is ready and for rows that miss a value.

        Raises
        ------
        TypeError, ValueError
            As in `learn_one`.
        """
        return self._forest.score_one(self._row(x))

    def _row(self, x: Mapping[Any, Any]) -> dict[str, Any]:
        """Name the values as the forest does, missing ones included."""
        features = self._features
        if features is None:
            features = _in_order(x)
        elif new := [name for name in x if name not in features]:
            raise ValueError(
                f"x: expected features among {list(features)}, got the new {new}: the forest keeps "
                "the features that it learned first"
            )
        row = {str(name): x.get(name, _MISSING) for name in features}
        if len(row) < len(features):
            raise ValueError(f"x: expected features with different names, got {list(features)}")
        return row


def _in_order(x: Mapping[Any, Any]) -> tuple[Hashable, ...]:
    """Names in an order that does not depend on that of the first row."""
    return tuple(sorted(x, key=str))
