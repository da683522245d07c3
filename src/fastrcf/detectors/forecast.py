"""The detector that forecasts each row and alarms where a row lies outside what was expected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._forest.checks import real
from fastrcf._forest.container import plain
from fastrcf.detectors.base import Detector
from fastrcf.detectors.settings import alarm_settings
from fastrcf.detectors.state import names_from
from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastrcf._typing import StrPath, TableLike
    from fastrcf.detectors.forecast_engine import ForecastEngine
    from fastrcf.neural.forecaster import QuantileForecaster

__all__ = ["ForecastDetector"]

_CLOCK = "1970-01-05"
"""Where the clock of rows begins that have a distance but no time: on a Monday."""

_ROWS_PER_ALARM = 2.5
"""What `cutoff_of` takes an alarm for; here every row outside the band counts."""


class ForecastDetector(Detector):
    """Alarms where a value lies outside the band that the rows before it let expect.

    A `QuantileForecaster` is trained once; then it gives for each row the law of its value, one row
    ahead. A value below or above the band between two quantiles of it raises an alarm, with the
    direction, the band and the expected value, the median. Each column is a series of its own; one
    network serves all of them.

    Parameters
    ----------
    forecaster : QuantileForecaster, optional
        What to train, and how; or one that is trained already, which then judges from the first row
        on, `fit` or not. The defaults of a `QuantileForecaster` if left out.
    band : (float, float), default (0.01, 0.99)
        The quantiles that the band lies between, as far from 0 as from 1. Of several columns, all
        of them together lie in it with this probability.
    start : str or datetime64, optional
        Time of the first row. Phases of day and week need the `freq` of the forecaster and no
        start: without one they count from the first row of `fit`. Rows come one distance apart; a
        gap is given as rows of NaN.
    rest : int, default 5
        Rows outside the band that are no more apart than this belong to one event: one alarm.
    ignore_amount, ignore_ratio : float or sequence of float, optional
        No alarm for a value that differs from the expected one by less than this amount, or by less
        than this share of it; one number, or one per column.

    See Also
    --------
    ForestDetector : Needs no training, and hardly ever a setting.

    Notes
    -----
    The score is ``-log10`` of the probability of a value at least as far out, on either side, by
    the forecast law itself: a row lies outside the band if and only if its score is above `cutoff`,
    -log10(2·0.01) by default. If the law is right, one row in fifty does so. A narrower choice,
    such as ``(0.0005, 0.9995)``, has one in a thousand. Salinas et al. (2020) have the network; as
    a detector with the band from 0.01 to 0.99 it is in common use.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.neural.forecaster import QuantileForecaster
    >>> rng = np.random.default_rng(0)
    >>> rows = 10 + np.sin(np.arange(900) * np.pi / 12) + rng.normal(0, 0.2, 900)
    >>> rows[850] = 0.0
    >>> small = QuantileForecaster(context=24, horizon=12, units=8, epochs=5, learning_rate=0.01)
    >>> detector = ForecastDetector(small, band=(1e-6, 1 - 1e-6)).fit(rows[:800])
    >>> [(found.start, found.direction) for found in detector.detect(rows[800:])]
    [(850, 'low')]
    """

    _bundle_kind = "ForecastDetector"

    def __init__(
        self,
        forecaster: QuantileForecaster | None = None,
        *,
        band: tuple[float, float] = (0.01, 0.99),
        start: Any = None,
        rest: int = 5,
        ignore_amount: float | Sequence[float] | None = None,
        ignore_ratio: float | Sequence[float] | None = None,
    ) -> None:
        self.forecaster = forecaster
        self.band = band
        self.start = start
        self.rest = rest
        self.ignore_amount = ignore_amount
        self.ignore_ratio = ignore_ratio

    @property
    def _needs_fit(self) -> bool:  # type: ignore[override]
        trained = self.forecaster is not None and self.forecaster.__sklearn_is_fitted__()
        return not trained

    def fit(
        self,
        X: TableLike,
        y: object = None,  # noqa: ARG002
        *,
        callback: Callable[..., Any] | None = None,
        progress: bool = False,
        checkpoint: StrPath | None = None,
    ) -> Self:
        """Train on a table of normal rows, forgetting what was learned before.

        Needs the extra ``train``; what comes after needs the extra ``onnx`` alone.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time, one distance apart. NaN is missing.
        y : object
            Ignored.
        callback, progress, checkpoint
            As of `QuantileForecaster.fit`.

        Returns
        -------
        self
            The detector itself.

        Raises
        ------
        MissingExtraError
            PyTorch or onnx is not installed.
        TypeError, ValueError
            An option is wrong, or `X` is not numbers, is infinite somewhere, or too short for the
            windows. Nothing is changed then.
        """
        return self._fit(X, callback=callback, progress=progress, checkpoint=checkpoint)

    @property
    def forecaster_(self) -> QuantileForecaster | None:
        """The trained forecaster."""
        found: QuantileForecaster | None
        found = None if self._engine is None else self._engine.forecaster
        return found

    @property
    def cutoff(self) -> float:
        """Scores above it lie outside the band."""
        return -math.log10(2.0 * float(self._options()["band"][0]))

    # ---- inside ---------------------------------------------------------------------------------

    def _new_engine(self, names: tuple[str | int, ...]) -> ForecastEngine:
        from fastrcf.detectors.forecast_engine import ForecastEngine
        from fastrcf.neural.forecaster import QuantileForecaster
        from fastrcf.neural.records import time_of

        forecaster = QuantileForecaster() if self.forecaster is None else self.forecaster
        if not isinstance(forecaster, QuantileForecaster):
            raise TypeError(
                "forecaster: expected a QuantileForecaster or None, "
                f"got {type(forecaster).__name__}"
            )
        low, high = _band(self.band)
        start = None if self.start is None else time_of(self.start)
        if start is None and forecaster.freq is not None:
            start = time_of(_CLOCK)
        rate = 2.0 * low / _ROWS_PER_ALARM
        settings = alarm_settings(
            rate, self.rest, self.ignore_amount, self.ignore_ratio, len(names)
        )
        return ForecastEngine(settings, names, forecaster, (low, high), start)

    def _trained(self, engine: ForecastEngine) -> list[str]:
        return [engine.forecaster.fingerprint]

    def _plain_params(self) -> dict[str, Any]:
        options = self.get_params()
        forecaster, start = options.pop("forecaster"), options.pop("start")
        if forecaster is not None and hasattr(forecaster, "get_params"):
            params = {name: plain(each) for name, each in forecaster.get_params().items()}
            forecaster = {"kind": "QuantileForecaster", "options": params}
        result = {name: plain(value) for name, value in options.items()}
        return result | {"forecaster": forecaster, "start": None if start is None else str(start)}

    @classmethod
    def _params_of(cls, options: dict[str, Any]) -> dict[str, Any]:
        from fastrcf.neural.forecaster import QuantileForecaster

        template = options["forecaster"]
        if template is not None:
            if template["kind"] != "QuantileForecaster":
                raise ModelFormatError(f"forecaster: of an unknown kind, {template['kind']!r}")
            template = QuantileForecaster.from_plain(template["options"])
        return options | {"forecaster": template, "band": tuple(options["band"])}

    def _engine_to_parts(self, engine: ForecastEngine) -> tuple[dict[str, Any], dict[str, bytes]]:
        return engine.to_parts()

    def _engine_from_parts(self, section: dict[str, Any], parts: dict[str, bytes]) -> Any:
        engine = self._new_engine(names_from(section))
        engine.restore(section, parts)
        return engine


def _band(band: Any) -> tuple[float, float]:
    if isinstance(band, str) or np.shape(band) != (2,):
        raise TypeError(f"band: expected two quantiles, got {band!r}")
    low, high = (real("band", each) for each in band)
    if not 1e-9 <= low < 0.5 or abs(low + high - 1.0) > 1e-12:
        raise ValueError(
            f"band: expected quantiles as far from 0 as from 1, such as (0.01, 0.99), got {band!r}"
        )
    return low, high
