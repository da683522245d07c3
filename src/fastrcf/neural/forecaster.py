"""Forecasts of the law of what comes next: a network that is trained on one or many series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._forest.checks import choice, integer, real
from fastrcf.forecasting import Forecast
from fastrcf.neural._forecast_features import Scales
from fastrcf.neural._forecast_fitting import Options, fit_network, identity_of, plan
from fastrcf.neural._forecast_graph import forecast_graph, zero_state
from fastrcf.neural._forecast_runner import student_table
from fastrcf.neural._forecast_sampling import draw_paths, quantiles_ahead
from fastrcf.neural._forecast_series import Series, as_series
from fastrcf.neural._forecast_spec import LIKELIHOODS, seconds_of
from fastrcf.neural._forecast_trained import TrainedForecaster, joint_level, levels_of
from fastrcf.neural.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastrcf._typing import FloatArray, StrPath

__all__ = ["QUANTILES", "QuantileForecaster"]

QUANTILES = (0.01, 0.5, 0.99)
"""Quantiles that are given unless others are asked for: a band of 98 %, and the median."""

_CLIP_NORM = 10.0
"""Longer gradients are shortened to it."""


class QuantileForecaster(TrainedForecaster):
    """Tells, for each row of a series, the law that the rows before it let expect.

    An LSTM reads a series row by row: earlier values over their scale, the phase of the day and the
    week, further series that are known in advance, and what kind of series it is. It gives the
    parameters of the law of the next value: Student's t, or the negative binomial for counts. One
    network is trained on any number of series. Training needs PyTorch; afterwards the
    native core runs the network on a CPU, ONNX Runtime on a GPU.

    Parameters
    ----------
    context : int, default 72
        Rows before a row whose mean absolute value is its scale. Nothing is said of the first
        `context` rows of a series. A period of the series is a good choice.
    horizon : int, default 24
        Rows that `forecast` looks ahead; training windows have ``context + horizon`` rows.
    units : int, default 40
        Units of an LSTM layer.
    layers : int, default 1
        LSTM layers.
    likelihood : {'student-t', 'negative-binomial'}
        Law of a value; the second one is for counts: whole numbers from 0 on.
    freq : str, optional
        Distance between rows, such as ``"10min"``, ``"h"``, ``"D"``. It decides, together with the
        length of the series, which lags are used (a day, a week), and, together with the time of
        the first row, which phases.
    lags : sequence of int, optional
        How many rows back the values lie that the network sees. By default 1 to 7 and, where `freq`
        is given, those around a day and a week, where the series are three times as long.
    epochs : int, default 100
        Rounds of training at most.
    batches_per_epoch : int, default 50
        Batches in a round.
    batch_size : int, default 32
        Windows in a batch, drawn at random.
    learning_rate : float, default 1e-3
        Of the optimiser, Adam.
    patience : int or None, default 10
        Rounds without a better loss on the held-out rows after which training ends.
    validation_fraction : float, default 0.1
        Share of each series, its end, that is held out to judge the training by; none of a series
        that would be too short then.
    random_state : int, default 0
        Seed of training and sampling: the same numbers on the same machine.
    device : str, default 'auto'
        'cpu', 'cuda', 'cuda:1' or 'auto': the first GPU where there is one.
    n_jobs : int, default 1
        Threads of training on the CPU. Networks of this size are rarely faster with more than one.

    Attributes
    ----------
    spec_ : ForecastSpec
        What the network is.
    history_ : dict of str to list of float
        ``"loss"`` and ``"val_loss"`` of each round: mean negative log-likelihoods.
    n_seen_ : int
        Rows that it was trained on.

    Notes
    -----
    The model is that of Salinas et al. (2020, DeepAR, Int. J. Forecasting 36:1181) with these
    differences. The scale moves along with the series, so that the same network can follow a
    series of any length with its state carried on. Quantiles come from the laws themselves and not
    from drawn values: one row ahead in closed form, several rows ahead as those of the mixture of
    the laws along drawn paths. A missing value is fed as the latest known one, with the number
    of missing rows since as another input; missing rows do not count in the loss.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> series = 10 + np.sin(np.arange(600) * np.pi / 12) + rng.normal(0, 0.1, 600)
    >>> model = QuantileForecaster(context=24, horizon=12, units=8, epochs=2, batches_per_epoch=5)
    >>> low, median, high = model.fit(series).bands(series)
    >>> bool((low[24:] < high[24:]).all())
    True
    >>> model.forecast(series, horizon=6).values.shape
    (3, 6, 1)
    """

    _bundle_kind = "QuantileForecaster"

    def __init__(
        self,
        *,
        context: int = 72,
        horizon: int = 24,
        units: int = 40,
        layers: int = 1,
        likelihood: str = "student-t",
        freq: str | None = None,
        lags: Sequence[int] | None = None,
        epochs: int = 100,
        batches_per_epoch: int = 50,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        patience: int | None = 10,
        validation_fraction: float = 0.1,
        random_state: int = 0,
        device: str = "auto",
        n_jobs: int = 1,
    ) -> None:
        self.context = context
        self.horizon = horizon
        self.units = units
        self.layers = layers
        self.likelihood = likelihood
        self.freq = freq
        self.lags = lags
        self.epochs = epochs
        self.batches_per_epoch = batches_per_epoch
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs

    # ---- training -------------------------------------------------------------------------------

    def fit(
        self,
        series: Any,
        *,
        start: object = None,
        dynamic_feat: Any = None,
        cat: Any = None,
        callback: Callable[[int, Mapping[str, Any]], object] | None = None,
        progress: bool = False,
        checkpoint: StrPath | None = None,
    ) -> Self:
        """Train the network, forgetting what was learned before.

        Parameters
        ----------
        series : array_like of shape (n,) or (n, s), frame, mapping of columns, or list of records
            The columns of a table are series on one clock. A record is a `Record`, or a dictionary
            as in `fastrcf.neural.records`. NaN is missing.
        start : str or datetime64, optional
            Time of a table's first row; by default that of an index of times.
        dynamic_feat : array_like of shape (n,) or (n, k), optional
            Of a table: what is known in advance at each row.
        cat : array_like of shape (s,) or (s, c), optional
            Of a table: the categories of its columns, whole numbers from 0 on.
        callback : callable, optional
            Called as ``callback(epoch, logs)`` after each epoch, from 1 on; `logs` has ``loss``,
            ``val_loss``, ``best_epoch`` and ``seconds``. Training ends if it gives True.
        progress : bool, default False
            Show the losses on standard error.
        checkpoint : path-like, optional
            A file that is replaced after each epoch; if it is there, training goes on from it.

        Returns
        -------
        self
            The forecaster itself.

        Raises
        ------
        TypeError, ValueError
            An option or a series is wrong. Nothing is changed then.
        MissingExtraError
            PyTorch or onnx are not installed.
        TrainingError
            The loss is not a number any more; the message says what may help.
        """
        options = self.check_options()
        given, _ = as_series(series, start, dynamic_feat, cat)
        spec = plan(options, given)
        scales = Scales.of(
            [rows for each in given for rows in each.rows.T],
            [np.concatenate(each.dynamic[: len(each.rows)]) for each in given],
        )
        how = {"callback": callback, "progress": progress, "checkpoint": checkpoint}
        identity = identity_of(options, spec, scales, given) if checkpoint is not None else ""
        weights, history = fit_network(options, spec, scales, given, identity=identity, **how)
        graph = forecast_graph(spec, weights, student_table(QUANTILES))
        self._install(spec, scales, weights, graph, sum(len(each.rows) for each in given))
        self.history_ = history.to_dict()
        return self

    def check_options(self) -> Options:
        """Check the options before the work, as `fit` does.

        Returns
        -------
        Options
            In their plain form.

        Raises
        ------
        TypeError, ValueError
            One is wrong; the message names it.
        """
        lags: Any = self.lags
        fraction = real("validation_fraction", self.validation_fraction)
        if not 0.0 <= fraction <= 0.5:
            raise ValueError(f"validation_fraction: expected 0 to 0.5, got {fraction}")
        if lags is not None and (isinstance(lags, str) or not hasattr(lags, "__iter__")):
            raise TypeError(f"lags: expected whole numbers, got {lags!r}")
        return Options(
            context=integer("context", self.context, 1, 100_000),
            horizon=integer("horizon", self.horizon, 1, 100_000),
            units=integer("units", self.units, 1, 4096),
            layers=integer("layers", self.layers, 1, 16),
            likelihood=choice("likelihood", self.likelihood, tuple(LIKELIHOODS)),
            step=None if self.freq is None else seconds_of(self.freq),
            lags=None
            if lags is None
            else tuple(integer("lags", each, 1, 100_000) for each in lags),
            batches_per_epoch=integer("batches_per_epoch", self.batches_per_epoch, 1, 1_000_000),
            validation_fraction=fraction,
            training=Training(
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                patience=self.patience,
                clip_norm=_CLIP_NORM,
                random_state=self.random_state,
                device=self.device,
                n_jobs=self.n_jobs,
            ),
        )

    # ---- questions ------------------------------------------------------------------------------

    def bands(
        self,
        X: Any,
        quantiles: Sequence[float] = QUANTILES,
        *,
        start: object = None,
        dynamic_feat: Any = None,
        cat: Any = None,
        warm_up: int | None = None,
        n_jobs: int = 1,
    ) -> Any:
        """Give quantiles of each row, expected of it one row ahead.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, s), frame, mapping of columns, record or list of records
            Series, from their first row on.
        quantiles : sequence of float
            Between 0 and 1, both excluded.
        start, dynamic_feat, cat
            As in `fit`.
        warm_up : int, optional
            By default the state of the network is carried along each series, row by row. With a
            number, long series are cut into 256 segments or more that run side by side, each from
            so many rows before its first one on, and none shorter than that: faster, and different
            by what the network remembers of older rows. With twice the training window that is
            next to nothing.
        n_jobs : int, default 1
            Threads for the segments. They change the speed and never a result.

        Returns
        -------
        ndarray of shape (q, n) or (q, n, s), float64
            NaN for the first `context` rows; one array for each record of a list.

        Raises
        ------
        NotFittedError
            The network is not trained.
        TypeError, ValueError
            `X` or a quantile is wrong.
        """
        wanted = _quantiles(quantiles)
        given, many = self._read(X, start, dynamic_feat, cat)
        results = []
        for each in given:
            found = self._quantiles(each, wanted, warm_up, n_jobs)
            found[:, : self.spec_.context] = np.nan
            results.append(found[:, :, 0] if each.flat else found)
        return results if many else results[0]

    def score(
        self, X: Any, *, start: object = None, dynamic_feat: Any = None, cat: Any = None
    ) -> Any:
        """Score each row by how far in the tails of its expected law it lies.

        Parameters
        ----------
        X, start, dynamic_feat, cat
            As in `bands`.

        Returns
        -------
        ndarray of shape (n,), float64
            ``-log10`` of the probability of a value at least as far out, on either side; of several
            columns that of the most unusual one, as the most unusual of so many. 0.0 for the first
            `context` rows and missing ones. One array for each record of a list.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `bands`.
        """
        given, many = self._read(X, start, dynamic_feat, cat)
        results = []
        for each in given:
            levels = levels_of(each.rows, self._judge(each, ()).params)
            levels[: self.spec_.context] = 0.0
            results.append(joint_level(levels))
        return results if many else results[0]

    def forecast(
        self,
        history: Any,
        horizon: int | None = None,
        quantiles: Sequence[float] = QUANTILES,
        n_samples: int = 100,
        *,
        start: object = None,
        dynamic_feat: Any = None,
        cat: Any = None,
        paths: bool = False,
        random_state: int | None = None,
    ) -> Any:
        """Tell what comes after a history.

        Parameters
        ----------
        history : array_like of shape (n,) or (n, s), frame, mapping of columns, record or list
            What is known. As long as `context` and the largest lag together is long enough.
        horizon : int, optional
            Rows to look ahead; the forecaster's by default.
        quantiles : sequence of float
            Between 0 and 1, both excluded.
        n_samples : int, default 100
            Paths to draw.
        start, cat
            As in `fit`.
        dynamic_feat : array_like of shape (n + horizon,) or (n + horizon, k), optional
            As in `fit`, up to the end of the forecast.
        paths : bool, default False
            Whether to give the paths, too.
        random_state : int, optional
            Seed of the paths; the forecaster's by default.

        Returns
        -------
        Forecast
            A list of them for a list of records.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `bands`; and a dynamic feature that ends too early.
        """
        wanted = _quantiles(quantiles)
        ahead = integer("horizon", self.horizon if horizon is None else horizon, 1, 100_000)
        n_samples = integer("n_samples", n_samples, 1, 1_000_000)
        seed = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(integer("random_state", seed, 0, 2**64 - 1))
        given, many = self._read(history, start, dynamic_feat, cat)
        for each in given:
            if len(each.dynamic) < len(each.rows) + ahead and self.spec_.n_dynamic:
                raise ValueError(
                    f"dynamic_feat: expected {len(each.rows) + ahead} rows, up to the end of the "
                    f"forecast, got {len(each.dynamic)}"
                )
        results = []
        for each in given:
            drawn, params = self._ahead(each, horizon=ahead, n_samples=n_samples, rng=rng)
            values = quantiles_ahead(params, (*wanted, 0.5))
            kept = np.moveaxis(drawn, 2, 0) if paths else None
            results.append(Forecast(wanted, values[:-1], values[-1], kept))
        return results if many else results[0]

    def _ahead(
        self, series: Series, *, horizon: int, n_samples: int, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Follow a history, and draw what comes after it; see `draw_paths`."""
        n, width = series.rows.shape
        stream, embedded = self.stream(series), self.embedded(series.cat)
        _, state = self.runner().run(
            stream, series.rows, embedded, zero_state(self.spec_, width), dynamic=series.dynamic[:n]
        )
        future = series.dynamic[n : n + horizon]
        if not self.spec_.n_dynamic:
            future = np.empty((horizon, width, 0))
        return draw_paths(
            self.runner(),
            stream,
            state,
            embedded,
            horizon=horizon,
            n_samples=n_samples,
            dynamic=future,
            rng=rng,
        )


def _quantiles(quantiles: Any) -> tuple[float, ...]:
    if isinstance(quantiles, str) or not hasattr(quantiles, "__iter__"):
        raise TypeError(f"quantiles: expected numbers between 0 and 1, got {quantiles!r}")
    wanted = tuple(real("quantiles", each) for each in quantiles)
    if not wanted or not all(1e-9 <= each <= 1.0 - 1e-9 for each in wanted):
        raise ValueError(f"quantiles: expected numbers between 0 and 1, got {list(wanted)}")
    return wanted
