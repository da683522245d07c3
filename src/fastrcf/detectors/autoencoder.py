"""The detector that is made of an autoencoder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fastrcf._forest.checks import choice
from fastrcf._forest.container import plain
from fastrcf.detectors.base import Detector
from fastrcf.detectors.error_engine import ErrorEngine, JudgingEngine
from fastrcf.detectors.settings import alarm_settings
from fastrcf.detectors.state import names_from
from fastrcf.detectors.templates import from_plain, network_kind, to_plain, usual
from fastrcf.detectors.window_source import ERRORS, WindowSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from fastrcf._typing import StrPath, TableLike
    from fastrcf.detectors.settings import AlarmSettings

__all__ = ["AutoencoderDetector", "NetworkDetector"]


class NetworkDetector(Detector):
    """What detectors with an autoencoder share."""

    _needs_fit: ClassVar[bool] = True
    autoencoder: Any
    error: str
    rest: int
    ignore_amount: float | Sequence[float] | None
    ignore_ratio: float | Sequence[float] | None

    def fit(
        self,
        X: TableLike,
        y: object = None,  # noqa: ARG002
        *,
        breaks: ArrayLike | None = None,
        callback: Callable[..., Any] | None = None,
        progress: bool = False,
        checkpoint: StrPath | None = None,
    ) -> Self:
        """Train on a table of normal rows, forgetting what was learned before.

        Needs the extra ``train``; what comes after needs the extra ``onnx`` alone. The last rows
        are held out (`validation_fraction` of the autoencoder) to stop in time and to tell what
        errors new rows have. Rows with a missing value cut the series: no window crosses them.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time. NaN is missing.
        y : object
            Ignored.
        breaks : array_like of int, optional
            Numbers of rows before which the series is cut.
        callback : callable, optional
            Told of each epoch; see the autoencoder's `fit`.
        progress : bool, default False
            Show the loss of each epoch on standard error.
        checkpoint : str or os.PathLike, optional
            File to resume training from; see the autoencoder's `fit`.

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
        how = {"callback": callback, "progress": progress, "checkpoint": checkpoint}
        return self._fit(X, breaks=breaks, **how)

    @property
    def autoencoder_(self) -> Any:
        """The trained autoencoder."""
        return None if self._engine is None else self._source(self._engine).model

    def _source(self, engine: Any) -> WindowSource:
        source: WindowSource = engine.source
        return source

    def _settings(self, width: int) -> AlarmSettings:
        return alarm_settings(
            self.alarm_rate, self.rest, self.ignore_amount, self.ignore_ratio, width
        )

    def _template(self) -> Any:
        choice("error", self.error, ERRORS)
        if self.autoencoder is None:
            return usual()
        network_kind(self.autoencoder)
        return self.autoencoder

    def _trained(self, engine: Any) -> list[str]:
        _, parts = self._source(engine).to_parts()
        del parts["tail.bin"]  # it is of the stream
        digests = {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}
        return [f"{name} {digests[name]}" for name in sorted(digests)]

    def _plain_params(self) -> dict[str, Any]:
        params = {name: value for name, value in self.get_params().items() if name != "autoencoder"}
        options = {name: plain(value) for name, value in params.items()}
        return options | {"autoencoder": to_plain(self.autoencoder)}

    @classmethod
    def _params_of(cls, options: dict[str, Any]) -> dict[str, Any]:
        return options | {"autoencoder": from_plain(options["autoencoder"])}

    def _engine_to_parts(self, engine: JudgingEngine) -> tuple[dict[str, Any], dict[str, bytes]]:
        return engine.to_parts()

    def _engine_from_parts(self, section: dict[str, Any], parts: dict[str, bytes]) -> Any:
        engine = self._new_engine(names_from(section))
        engine.restore(section, parts)
        return engine


class AutoencoderDetector(NetworkDetector):
    """Few and right alarms by an autoencoder of windows, trained once on normal rows.

    A network learns to give windows of rows back through a bottleneck. What it cannot give back is
    unusual: the error of a row is that of the last row in the window that ends with it, each column
    in units of its usual error. The law of these errors turns them into scores, and scores into
    alarms, as in `ForestDetector`; a row's expected values are its reconstruction.

    Parameters
    ----------
    autoencoder : LinearAutoencoder or LstmAutoencoder, optional
        What to train, and how: its options are taken, it stays unfitted itself. By default a
        `LinearAutoencoder` of windows of 10 rows with layers of 250, 32 and 250 units.
    error : {"soft", "mae", "rmse", "mse"}, default "soft"
        How the errors of columns make that of a row: the mean of ``|e| / (1 + |e| / 10)``, so that
        one column gone astray does not hide the others, the mean of ``|e|``, or of ``e²``, with or
        without its root.
    alarm_rate : float, default 0.001
        The one knob: alarms to expect per row when nothing but the usual comes.
    rest : int, default 50
        Rows beyond the cutoff that are no more apart than this belong to one event: one alarm.
    ignore_amount, ignore_ratio : float or sequence of float, optional
        No alarm for a value that differs from the expected one by less than this amount, or by less
        than this share of it; one number, or one per column. The column counts that the anomaly
        shows most in.

    See Also
    --------
    ForestDetector : Needs no training.
    TwoStageDetector : For training rows that are not free of anomalies.
    CascadeDetector : Asks the network only about what a forest finds doubtful.

    Notes
    -----
    After `fit` the network is frozen. `update` goes on with the latest rows, the law of errors, the
    ranges and the alarms. Rows score 0.0 until a window is full, after a row with a missing value
    again. A first law is made of the errors of all training rows, those of rows that were learned
    made as large as those of the held-out ones; about 100 rows with an error make a law.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf import AutoencoderDetector
    >>> AutoencoderDetector(error="rmse")
    AutoencoderDetector(error='rmse')
    """

    _bundle_kind = "AutoencoderDetector"

    def __init__(
        self,
        autoencoder: Any = None,
        *,
        error: str = "soft",
        alarm_rate: float = 0.001,
        rest: int = 50,
        ignore_amount: float | Sequence[float] | None = None,
        ignore_ratio: float | Sequence[float] | None = None,
    ) -> None:
        self.autoencoder = autoencoder
        self.error = error
        self.alarm_rate = alarm_rate
        self.rest = rest
        self.ignore_amount = ignore_amount
        self.ignore_ratio = ignore_ratio

    def _new_engine(self, names: tuple[str | int, ...]) -> ErrorEngine:
        width = len(names)
        source = WindowSource(self._template(), self.error, width)
        return ErrorEngine(self._settings(width), names, source)
