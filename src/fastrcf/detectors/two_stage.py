"""The detector whose training rows are cleaned first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import choice, integer, real
from fastrcf.detectors.autoencoder import NetworkDetector
from fastrcf.detectors.cleaning import rows_to_drop
from fastrcf.detectors.engine import forest_engine
from fastrcf.detectors.error_engine import ErrorEngine
from fastrcf.detectors.settings import AlarmSettings
from fastrcf.detectors.templates import fresh
from fastrcf.detectors.window_source import WindowSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["TwoStageDetector"]


class TwoStageDetector(NetworkDetector):
    """An autoencoder that learns only what a first model finds usual.

    Training rows are rarely free of anomalies, and a network learns these, too. The first stage
    judges each half of the training rows by the other half, and drops what is unusual; the second,
    an autoencoder, learns the rest, and no window crosses a dropped row. From then on it is an
    `AutoencoderDetector`. Rows that come later are scored whatever they are, each in its place.

    Parameters
    ----------
    autoencoder : LinearAutoencoder or LstmAutoencoder, optional
        What the second stage trains, and how; as of `AutoencoderDetector`.
    first : {"forest", "autoencoder"}, default "forest"
        What judges the training rows: random cut forests, as those of `ForestDetector`, or the
        autoencoder on robustly scaled rows, which takes as long again to train.
    drop : float, default 0.05
        Largest share of the training rows that is dropped, in [0, 0.5). Of rows without anomalies
        about one in a thousand is.
    error, alarm_rate, rest, ignore_amount, ignore_ratio
        As of `AutoencoderDetector`.
    random_state : int, default 0
        Seed of the forests.

    Attributes
    ----------
    dropped_ : ndarray of int
        Numbers of the training rows that were not learned.

    See Also
    --------
    AutoencoderDetector : The second stage alone.

    Notes
    -----
    The mean and scale of columns, too, are those of the rows that are left. The first stage finds
    what stands alone: anomalies that are many and alike hide each other, and what it takes for
    unusual without need is missing from the second stage. Where the training rows are known to be
    normal, an `AutoencoderDetector` is the better choice.

    Examples
    --------
    >>> from fastrcf import TwoStageDetector
    >>> TwoStageDetector(first="autoencoder", drop=0.1)
    TwoStageDetector(first='autoencoder', drop=0.1)
    """

    _bundle_kind = "TwoStageDetector"

    def __init__(
        self,
        autoencoder: Any = None,
        *,
        first: str = "forest",
        drop: float = 0.05,
        error: str = "soft",
        alarm_rate: float = 0.001,
        rest: int = 50,
        ignore_amount: float | Sequence[float] | None = None,
        ignore_ratio: float | Sequence[float] | None = None,
        random_state: int = 0,
    ) -> None:
        self.autoencoder = autoencoder
        self.first = first
        self.drop = drop
        self.error = error
        self.alarm_rate = alarm_rate
        self.rest = rest
        self.ignore_amount = ignore_amount
        self.ignore_ratio = ignore_ratio
        self.random_state = random_state

    @property
    def dropped_(self) -> Any:
        """Numbers of the training rows that were not learned."""
        return None if self._engine is None else self._engine.source.dropped.copy()

    def _new_engine(self, names: tuple[str | int, ...]) -> ErrorEngine:
        first = choice("first", self.first, ("forest", "autoencoder"))
        drop = real("drop", self.drop)
        if not 0.0 <= drop < 0.5:
            raise ValueError(f"drop: expected a share in [0, 0.5), got {drop}")
        seed = integer("random_state", self.random_state, 0, 2**64 - 1)
        source = _CleanedSource(self._template(), self.error, names, first, drop, seed)
        return ErrorEngine(self._settings(len(names)), names, source)


class _CleanedSource(WindowSource):
    """A source that learns only what is left of a table."""

    def __init__(  # noqa: PLR0917 - one for each option
        self,
        template: Any,
        error: str,
        names: tuple[str | int, ...],
        first: str,
        drop: float,
        seed: int,
    ) -> None:
        super().__init__(template, error, len(names))
        self.names, self.first, self.drop, self.seed = names, first, drop, seed
        self.dropped = np.empty(0, np.int64)

    def fit(self, rows: FloatArray, *, breaks: Any = None, **training: Any) -> FloatArray:
        """Train the network on what is left; give the errors that the law begins with."""
        unusual = self._unusual(rows)
        left = rows.copy()
        left[unusual] = np.nan
        errors = super().fit(left, breaks=breaks, **training)
        self.remember(rows)
        self.dropped = np.flatnonzero(unusual)
        return errors

    def _unusual(self, rows: FloatArray) -> NDArray[np.bool_]:
        teach = self._forest if self.first == "forest" else self._network
        return rows_to_drop(rows, teach, self.drop)

    def _forest(self, rows: FloatArray) -> Callable[[FloatArray], FloatArray]:
        engine = forest_engine(self.names, random_state=self.seed)
        engine.fit(rows)
        return lambda others: engine.levels(others, learn=False)

    def _network(self, rows: FloatArray) -> Callable[[FloatArray], FloatArray]:
        template = fresh(self.template).set_params(scaler="robust")
        engine = ErrorEngine(
            AlarmSettings(0.001, 0, None, None),
            self.names,
            WindowSource(template, self.error, len(self.names)),
        )
        engine.fit(rows)
        return lambda others: engine.judge(others, learn=False).levels

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what a source gives, and which rows were dropped."""
        section, parts = super().to_parts()
        return section, parts | {"dropped.bin": self.dropped.astype("<i8").tobytes()}

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `to_parts` gave."""
        dropped = np.frombuffer(parts["dropped.bin"], "<i8").astype(np.int64)
        super().restore(
            section, {name: part for name, part in parts.items() if name != "dropped.bin"}
        )
        self.dropped = dropped
