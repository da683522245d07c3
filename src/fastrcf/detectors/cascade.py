"""The detector that asks a network only about what a forest finds doubtful."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._forest.checks import integer, real
from fastrcf._forest.options import resolve_n_jobs
from fastrcf.detectors.autoencoder import NetworkDetector
from fastrcf.detectors.doubt import Doubt
from fastrcf.detectors.engine import forest_engine
from fastrcf.detectors.error_engine import Judgement, JudgingEngine
from fastrcf.detectors.law import ScoreLaw
from fastrcf.detectors.sparse_source import SparseSource
from fastrcf.detectors.state import engine_to_parts, restore_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.engine import Engine
    from fastrcf.detectors.settings import AlarmSettings

__all__ = ["CascadeDetector"]

_FOREST = "forest-"


class CascadeDetector(NetworkDetector):
    """A forest judges all rows, an autoencoder those that the forest finds doubtful.

    The network looks at a given share of the rows, those with the highest levels of the forest. The
    bar for them is a quantile that is learned from the rows before, so nothing looks ahead. A row
    that the network has looked at scores what the network says; any other what the forest says, but
    no more than the bar. That saves time where the network costs much more than the forest, as
    LSTMs do; a small `LinearAutoencoder` is as fast as the forest, and is better asked about all
    rows.

    Parameters
    ----------
    autoencoder : LinearAutoencoder or LstmAutoencoder, optional
        What to train, and how; as of `AutoencoderDetector`.
    budget : float, default 0.1
        Share of the rows that the network looks at, in (0, 1].
    error, alarm_rate, rest, ignore_amount, ignore_ratio
        As of `AutoencoderDetector`.
    n_trees : int, default 20
        Of the forest. It need not judge, only tell what is worth a look, and is kept small: one
        forest of the values of the columns.
    sample_size : int, default 256
        Of each tree.
    random_state : int, default 0
        Seed of the forest.
    n_jobs : int, default 1
        Threads of the forest: changes the speed and never a result.

    Attributes
    ----------
    consulted_ : int
        Rows that were learned by `update` and its kind and that the network has looked at.

    See Also
    --------
    AutoencoderDetector : Budget 1 without a forest.

    Examples
    --------
    >>> from fastrcf import CascadeDetector
    >>> CascadeDetector(budget=0.05)
    CascadeDetector(budget=0.05)
    """

    _bundle_kind = "CascadeDetector"

    def __init__(
        self,
        autoencoder: Any = None,
        *,
        budget: float = 0.1,
        error: str = "soft",
        alarm_rate: float = 0.001,
        rest: int = 50,
        ignore_amount: float | Sequence[float] | None = None,
        ignore_ratio: float | Sequence[float] | None = None,
        n_trees: int = 20,
        sample_size: int = 256,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.autoencoder = autoencoder
        self.budget = budget
        self.error = error
        self.alarm_rate = alarm_rate
        self.rest = rest
        self.ignore_amount = ignore_amount
        self.ignore_ratio = ignore_ratio
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def consulted_(self) -> int:
        """Rows of the stream that the network has looked at."""
        return 0 if self._engine is None else int(self._engine.consulted)

    def _new_engine(self, names: tuple[str | int, ...]) -> CascadeEngine:
        budget = real("budget", self.budget)
        if not 0.0 < budget <= 1.0:
            raise ValueError(f"budget: expected a share in (0, 1], got {budget}")
        resolve_n_jobs(self.n_jobs)
        forest = forest_engine(
            names,
            views=("values",),
            n_trees=integer("n_trees", self.n_trees, 1, 100_000),
            sample_size=integer("sample_size", self.sample_size, 2, 32_000),
            random_state=integer("random_state", self.random_state, 0, 2**64 - 1),
            n_jobs=self.n_jobs,
        )
        source = SparseSource(self._template(), self.error, len(names))
        return CascadeEngine(self._settings(len(names)), names, forest, source, Doubt(budget))


class CascadeEngine(JudgingEngine):
    """A forest's engine, a network's source and law, and the bar between them.

    Parameters
    ----------
    settings, names
        As of `JudgingEngine`.
    forest : Engine
        Judges all rows.
    source : SparseSource
        Judges doubtful rows. Its law stays that of the training rows: of the others it would see
        only the worst.
    doubt : Doubt
        Tells which are doubtful.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        names: tuple[str | int, ...],
        forest: Engine,
        source: SparseSource,
        doubt: Doubt,
    ) -> None:
        super().__init__(settings, names)
        self.forest, self.source, self.doubt = forest, source, doubt
        self.law = ScoreLaw(1)
        self.consulted = 0

    def train(self, rows: FloatArray, **how: Any) -> None:
        """Train the network, show the rows to the forest, and begin law and bar."""
        self.law.levels(self.source.fit(rows, **how), learn=True)
        self.forest.fit(rows)
        self.doubt.begin(self.forest.levels(rows, learn=False))

    def judge(self, rows: FloatArray, *, learn: bool) -> Judgement:
        """Judge rows by the forest, and doubtful ones by the network."""
        levels = self.forest.levels(rows, learn=learn)
        doubtful, bars = self.doubt.choose(levels, learn=learn)
        answer = self.source.answer_some(rows, doubtful, learn=learn)
        seen = answer.errors > 0.0
        levels = np.where(seen, self.law.levels(answer.errors, learn=False), levels)
        if learn:
            self.consulted += int(seen.sum())
        return Judgement(np.where(seen, levels, np.minimum(levels, bars)), answer)

    def ahead(self) -> Self:
        """Give a frozen engine that goes on from here."""
        twin = super().ahead()
        twin.forest, twin.doubt = self.forest.ahead(), copy.copy(self.doubt)
        twin.source = copy.copy(self.source)
        return twin

    def learned(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give forest, network, law and bar."""
        forest, forest_parts = engine_to_parts(self.forest)
        source, parts = self.source.to_parts()
        section = {
            "forest": forest,
            "source": source,
            "law": self.law.to_dict(),
            "doubt": self.doubt.to_dict(),
            "consulted": self.consulted,
        }
        return section, parts | {_FOREST + name: part for name, part in forest_parts.items()}

    def restore_learned(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `learned` gave."""
        forest = {
            name.removeprefix(_FOREST): part
            for name, part in parts.items()
            if name.startswith(_FOREST)
        }
        restore_engine(self.forest, section["forest"], forest)
        others = {name: part for name, part in parts.items() if not name.startswith(_FOREST)}
        self.source.restore(section["source"], others)
        self.law = ScoreLaw.from_dict(section["law"])
        self.doubt.restore(section["doubt"])
        self.consulted = int(section["consulted"])
