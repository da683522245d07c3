"""The engine of the detector that forecasts: bands one row ahead, and what lies outside them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.detectors.alarms import Alarms
from fastrcf.detectors.error_engine import Judgement, JudgingEngine
from fastrcf.detectors.finder import Finder
from fastrcf.detectors.following import follow
from fastrcf.errors import ModelFormatError
from fastrcf.neural.following import Follower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.detectors.alarms import Event
    from fastrcf.detectors.detection import Detection
    from fastrcf.detectors.settings import AlarmSettings
    from fastrcf.neural.forecaster import QuantileForecaster

__all__ = ["ForecastEngine"]


class ForecastEngine(JudgingEngine):
    """Bands of each row by those before it, and alarms for the rows outside.

    Parameters
    ----------
    settings, names
        As of `JudgingEngine`.
    forecaster : QuantileForecaster
        Trained, or the options of one that is to be.
    band : (float, float)
        The quantiles that the band lies between.
    start : datetime64 or None
        Time of the first row.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        names: tuple[str | int, ...],
        forecaster: QuantileForecaster,
        band: tuple[float, float],
        start: Any,
    ) -> None:
        super().__init__(settings, names)
        self.band, self.start = band, start
        self.forecaster = copy.copy(forecaster)
        self.follower: Follower | None = None
        if forecaster.__sklearn_is_fitted__():
            self.begin()

    def train(self, rows: FloatArray, **how: Any) -> None:
        """Train the network, and let it see the rows."""
        self.forecaster = type(self.forecaster)(**self.forecaster.get_params())
        self.forecaster.fit(rows, start=self.start, cat=self._cat(), **how)
        self.begin()
        self._follower().push(rows, ())

    def begin(self) -> None:
        """Start with the first row."""
        self.follower = Follower(self.forecaster, self.width, self.start, self._cat())

    def fit(self, rows: FloatArray, **how: Any) -> None:
        """Learn a whole table."""
        self.train(rows, **how)
        self.n_seen += len(rows)

    def judge(self, rows: FloatArray, *, learn: bool) -> Judgement:
        """Judge rows by the laws that the rows before them give."""
        follower = self._follower() if learn else copy.copy(self._follower())
        return self._judgement(rows, follower)

    def _judgement(self, rows: FloatArray, follower: Follower) -> Judgement:
        from fastrcf.neural._forecast_trained import joint_level, levels_of

        unready = max(0, self.forecaster.spec_.context - follower.n_seen)
        low, high = self.band
        judged = follower.push(rows, (low, 0.5, high))
        levels = levels_of(rows, judged.params)
        levels[:unready] = 0.0
        side = np.sign(np.nan_to_num(rows - judged.quantiles[:, :, 1]))
        scores = joint_level(levels)
        scores[np.isnan(rows).any(axis=1)] = 0.0
        return Judgement(scores, Outlook(judged.quantiles, levels * side))

    def score(self, rows: FloatArray) -> FloatArray:
        """Score rows that would come next, learning nothing."""
        return self.judge(rows, learn=False).levels

    def would_find(self, rows: FloatArray, times: Sequence[Any] | None) -> list[Detection]:
        """Find the rows outside the band, learning nothing."""
        found: list[Detection] = []
        finder = self._finder(rows, self.judge(rows, learn=False), times)
        follow(finder, Alarms(self.settings.rest), found, self.n_seen + len(rows))
        return found

    def _take(self, rows: FloatArray, times: Sequence[Any] | None) -> FloatArray:
        judgement = self.judge(rows, learn=True)
        finder = self._finder(rows, judgement, times)
        follow(finder, self.alarms, self.detections, self.n_seen + len(rows))
        self.n_seen += len(rows)
        return judgement.levels

    def _finder(
        self, rows: FloatArray, judgement: Judgement, times: Sequence[Any] | None
    ) -> BandFinder:
        # What was seen before is no witness here: the band alone decides.
        nowhere = np.zeros(rows.shape)
        return BandFinder(self, rows, judgement.levels, nowhere, judgement.account, times=times)

    def _follower(self) -> Follower:
        assert self.follower is not None
        return self.follower

    def _cat(self) -> list[int] | None:
        """Let the network tell several columns apart."""
        return list(range(self.width)) if self.width > 1 else None

    # ---- state ----------------------------------------------------------------------------------

    def learned(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give the network, and where it stands."""
        section, parts = self.forecaster._to_parts()  # noqa: SLF001 - a part of this model
        state, more = self._follower().to_parts()
        return {"forecaster": section, "follower": state}, parts | more

    def restore_learned(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `learned` gave."""
        mine = {name: parts[name] for name in Follower.PARTS}
        rest = {name: part for name, part in parts.items() if name not in Follower.PARTS}
        kind = type(self.forecaster)
        self.forecaster = kind._from_parts(section["forecaster"], rest)  # noqa: SLF001
        if not self.forecaster.__sklearn_is_fitted__():
            raise ModelFormatError("forecaster: not trained")
        self.begin()
        self._follower().restore(section["follower"], mine)
        if self._follower().n_seen != self.n_seen:
            raise ModelFormatError("follower: has not seen as many rows as the detector")


class Outlook:
    """What was expected of rows.

    Parameters
    ----------
    quantiles : ndarray of shape (n, d, 3)
        Lower end of the band, median, and upper end.
    shares : ndarray of shape (n, d)
        The level of each value, below 0 for low ones.
    """

    def __init__(self, quantiles: FloatArray, shares: FloatArray) -> None:
        self.quantiles, self.shares = quantiles, shares

    def expected(self, place: int) -> FloatArray:
        """Give the medians of a row."""
        expected: FloatArray = self.quantiles[place, :, 1]
        return expected

    def share(self, place: int) -> FloatArray:
        """Tell what each column adds to the score of a row."""
        share: FloatArray = self.shares[place]
        return share

    def band(self, place: int) -> FloatArray:
        """Give the band of a row: shape (2, d)."""
        band: FloatArray = self.quantiles[place][:, [0, 2]].T.copy()
        return band


class BandFinder(Finder):
    """Adds the band to what is said of a row."""

    def detection(self, event: Event) -> Detection:
        """Say what is known of an event when its alarm is raised."""
        assert isinstance(self.account, Outlook)
        band = self.account.band(event.start - self.first)
        return replace(super().detection(event), band=band)
