"""Forests that were trained apart become one."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Self

from fastrcf._core import Forest
from fastrcf._forest.augmented import around, inner
from fastrcf._forest.native import NativeEstimator
from fastrcf._forest.options import check_options, resolve_n_jobs
from fastrcf.errors import not_fitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastrcf._typing import Names

__all__ = ["Merging"]

_FREE = ("n_trees", "random_state", "n_jobs")
"""Options in which forests that belong together may differ; `contamination` is none of the core."""


class Merging(NativeEstimator):
    """Which forests belong together, and the forest of all their trees."""

    contamination: Any

    @property
    def fingerprint(self) -> str:
        """What forests must have in common to be merged, as 16 hexadecimal digits.

        It stands for the number and the names of the columns, for whether the forest was trained
        by `fit` or on a stream, and for every option but `n_trees`, `random_state`, `n_jobs` and
        `contamination`. It does not depend on what was learned, nor on the machine. A forest that
        has learned nothing has no columns yet, and no fingerprint.

        Raises
        ------
        NotFittedError
            Nothing has been learned.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> one = RandomCutForest(n_trees=10).update([1.0, 2.0])
        >>> two = RandomCutForest(n_trees=30, random_state=7).update([5.0, 4.0, 9.0])
        >>> one.fingerprint == two.fingerprint
        True
        """
        core, _, names, _ = self._snapshot()
        if core is None:
            raise not_fitted(
                f"This {type(self).__name__} has learned nothing: its columns are not known yet"
            )
        text = json.dumps(self._common(core, names), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def merge(cls, forests: Iterable[Self]) -> Self:
        """Make one forest of the trees of several.

        For data that lie in shards: train a forest on each, with its part of the trees, and merge
        them. The score is the mean over all trees; trees count alike, so give a shard trees in
        proportion to its rows.

        The merged forest goes on learning. It counts the rows of all forests as seen; its window
        is empty. For what it learns, each tree stands for everything the forests have learned: a
        forest's points weigh what they weighed in it, the newest ones of all forests count as
        equally new, and without decay new points enter exactly as in a forest trained on all of
        them. Its trees get new generators, made from their old ones and their numbers: the same
        forests in the same order always go on alike, even if they had one `random_state`.

        Parameters
        ----------
        forests : iterable of RandomCutForest
            At least one; they stay as they are. They have learned, and have equal fingerprints.

        Returns
        -------
        RandomCutForest
            A new forest with the parameters of the first, `n_trees` being the sum. Its scores do
            not depend on the order of the forests. Its `offset_`, if all forests have one, is
            their mean, weighted by their trees. Of one forest it is a copy.

        Raises
        ------
        TypeError
            Something is not a forest.
        ValueError
            There is no forest, or one differs from the first in what the fingerprint stands for;
            the message names both.
        NotFittedError
            A forest has learned nothing.

        Notes
        -----
        Scores agree with those of one forest if the shards are random shares of the rows. Rows of
        different times or places make trees that each know one of them only.

        Examples
        --------
        >>> import numpy as np
        >>> from fastrcf import RandomCutForest
        >>> table = np.random.default_rng(0).normal(size=(2000, 3))
        >>> shards = [RandomCutForest(n_trees=25).fit(table[i::4]) for i in range(4)]
        >>> forest = RandomCutForest.merge(shards)
        >>> forest.n_trees, forest.n_seen
        (100, 2000)
        """
        parts = list(forests)
        if not parts:
            raise ValueError("forests: expected at least one forest, got none")
        first: dict[str, Any] = {}
        snapshots: list[tuple[Forest, Names | None, float | None]] = []
        for index, part in enumerate(parts):
            if not isinstance(part, Merging):
                raise TypeError(
                    f"forests[{index}]: expected a RandomCutForest, got {type(part).__name__}"
                )
            core, _, names, offset = part._snapshot()  # noqa: SLF001 - a forest like this one
            if core is None:
                raise not_fitted(f"forests[{index}]: has learned nothing")
            common = part._common(core, names)  # noqa: SLF001
            first = first or common
            _check_same(index, common, first)
            snapshots.append((core, names, offset))
        core = around(Forest.merge([inner(core) for core, _, _ in snapshots]))
        merged = cls(**{**parts[0].get_params(), "n_trees": core.options()["n_trees"]})
        core.n_jobs = resolve_n_jobs(merged.n_jobs)
        merged._install(core, core.options()["n_columns"], snapshots[0][1], _offset(snapshots))
        return merged

    def _common(self, core: Forest, names: Names | None) -> dict[str, Any]:
        """Collect what the fingerprint is made of; options as they were when learning began."""
        options = {**check_options(vars(self)), **core.options()}
        common = {name: value for name, value in options.items() if name not in _FREE}
        common["names of columns"] = None if names is None else list(names)
        common["training"] = "fit" if core.is_fitted else "stream"
        return common


def _check_same(index: int, common: dict[str, Any], first: dict[str, Any]) -> None:
    for name, value in common.items():
        if value != first[name]:
            raise ValueError(
                f"forests[{index}]: {name} is {value!r}, but that of forests[0] is "
                f"{first[name]!r}; only forests with equal fingerprints can be merged"
            )


def _offset(snapshots: list[tuple[Forest, Names | None, float | None]]) -> float | None:
    """Mean offset over all trees; its bits do not depend on the order of the forests."""
    trees: list[int] = [core.options()["n_trees"] for core, _, _ in snapshots]
    offsets = [offset for _, _, offset in snapshots if offset is not None]
    if len(offsets) < len(trees):
        return None
    if len(offsets) == 1:
        return offsets[0]
    return math.fsum(n * offset for n, offset in zip(trees, offsets, strict=True)) / sum(trees)
