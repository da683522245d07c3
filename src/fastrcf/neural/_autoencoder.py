"""What autoencoders over windows share: training on rows, and scores of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._extras import require
from fastrcf._forest.checks import choice
from fastrcf._forest.inputs import as_table
from fastrcf._forest.options import resolve_n_jobs
from fastrcf.errors import ModelFormatError
from fastrcf.neural._devices import on_cpu
from fastrcf.neural._estimator import Learned, NetworkEstimator, digest
from fastrcf.neural._fitting import WindowSets, window_loss, window_sets
from fastrcf.neural._lstm_scorer import LstmScorer
from fastrcf.neural.spec import LinearSpec, LstmSpec, spec_to_dict
from fastrcf.neural.training import Training, train, training_device
from fastrcf.windowing import row_scores, segments, window_starts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, IntArray, RealArray, StrPath, TableLike
    from fastrcf.neural.training import Callback

__all__ = ["Autoencoder"]

_CORE = "core"
_ERRORS = ("rmse", "mae", "mse")
_LOSSES = ("mse", "mae")


class Autoencoder(NetworkEstimator):
    """What the autoencoders share; see `LstmAutoencoder` and `LinearAutoencoder`."""

    _graphs = ("errors", "residuals", "score", "window")

    window_size: int
    error: str
    loss: str
    scaler: str
    stride: int
    validation_fraction: float

    def _new_spec(self, n_features: int) -> LstmSpec | LinearSpec:
        """Check the options of the network."""
        raise NotImplementedError

    # ---- training -------------------------------------------------------------------------------

    def fit(
        self,
        X: TableLike,
        y: object = None,  # noqa: ARG002
        *,
        breaks: ArrayLike | None = None,
        validation: TableLike | None = None,
        callback: Callback | None = None,
        progress: bool = False,
        checkpoint: StrPath | None = None,
    ) -> Self:
        """Learn to reconstruct the windows of normal rows, forgetting what was learned before.

        The last windows in time are held out: the epoch that reconstructs them best is kept. No
        row is in a learned and in a held out window, and the scaler sees the learned rows alone.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time. Windows do not cross a row with a NaN.
        y : object
            Ignored.
        breaks : array_like of int, optional
            Numbers of the rows before which the series has a gap; windows do not cross it.
        validation : table, optional
            Rows that are held out, instead of the last windows of `X`.
        callback : callable, optional
            Called after each epoch as ``callback(epoch, logs)``: epochs count from 1, `logs` has
            ``loss``, ``val_loss``, ``best_epoch`` and ``seconds``. Training ends if it gives True.
        progress : bool, default False
            Show a bar with the losses on standard error.
        checkpoint : path-like, optional
            A file that is replaced after each epoch. If it is there, training goes on from it, and
            gives the same bits as one that was never interrupted. It stays when training is done.

        Returns
        -------
        self
            The autoencoder itself.

        Raises
        ------
        TypeError, ValueError
            An option is wrong, or `X` is not numbers, is infinite somewhere or has too few rows.
        MissingExtraError
            torch or onnx is not installed.
        TrainingError
            The loss became infinite or NaN; the message says what to try.
        DeviceError
            The GPU that was asked for is not there.
        ModelFormatError
            The checkpoint is not one.

        Notes
        -----
        After an error, Ctrl-C included, the autoencoder is as it was before; with a checkpoint, the
        epochs that were finished are not lost.
        """
        table = as_table(X)
        spec = self._new_spec(table.array.shape[1])
        options = self._training()
        facts: dict[str, Any] = {"error": choice("error", self.error, _ERRORS)}
        choice("loss", self.loss, _LOSSES)
        sets = window_sets(
            table.array,
            spec.window_size,
            breaks=breaks,
            validation=validation,
            validation_fraction=self.validation_fraction,
            stride=self.stride,
            scaler=self.scaler,
        )
        facts["n_validation"] = sets.n_validation
        require("onnx", "train")  # better now than after the training
        network, history = self._train(
            spec, sets, options, callback=callback, progress=progress, checkpoint=checkpoint
        )
        self._install(_learned(spec, network, sets, history, facts), table.names)
        return self

    def _train(
        self, spec: LstmSpec | LinearSpec, sets: WindowSets, options: Training, **how: Any
    ) -> tuple[Any, Any]:
        require("torch", "train")
        from fastrcf.neural.modules import make_network

        network = make_network(spec, options.random_state).to(training_device(options.device))
        same = {"epochs": None, "patience": None, "n_jobs": None, "device": None}
        facts = [spec_to_dict(spec), vars(options) | same, self.loss]
        identity = ""
        if how["checkpoint"] is not None:
            identity = digest(facts, sets.rows, sets.starts, sets.validation)
        history = train(
            network,
            window_loss(network, sets.rows, spec.window_size, self.loss),
            sets.starts,
            sets.validation,
            options,
            identity=identity,
            **how,
        )
        return network, history

    # ---- scores ---------------------------------------------------------------------------------

    def window_scores(self, X: TableLike, *, breaks: ArrayLike | None = None) -> FloatArray:
        """Score each window by how badly it is reconstructed.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time; at least one window.
        breaks : array_like of int, optional
            As in `fit`.

        Returns
        -------
        ndarray of shape (n - window_size + 1,), float64
            One for each row that a window can start at: `error` over all its cells, in scaled
            units. NaN where the window would cross a NaN or a break.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        TypeError, ValueError
            `X` is not numbers, has other columns, is infinite somewhere or shorter than a window.
        """
        rows, starts = self._windows(X, breaks)
        scores = np.full(len(rows) - self.spec_.window_size + 1, np.nan)
        scores[starts] = self._each("score", rows, starts, ())
        return scores

    def score(
        self, X: TableLike, how: str = "last", *, breaks: ArrayLike | None = None
    ) -> FloatArray:
        """Score rows by the windows that cover them.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            As in `window_scores`.
        how : {'last', 'mean', 'max'}, default 'last'
            'last': the window that ends with the row; nothing looks ahead. 'mean', 'max': over all
            windows that cover the row.
        breaks : array_like of int, optional
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,), float64
            Higher is more anomalous; 0.0 where no window covers the row.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `window_scores`, or `how` is another word.
        """
        rows, starts = self._windows(X, breaks)
        scores = self._each("score", rows, starts, ())
        return row_scores(scores, starts, self.spec_.window_size, len(rows), how)

    def errors(self, X: TableLike, *, breaks: ArrayLike | None = None) -> FloatArray:
        """Say what each column contributes to a row's score.

        Parameters
        ----------
        X, breaks
            As in `window_scores`.

        Returns
        -------
        ndarray of shape (n, d), float64
            Of the window that ends with the row: the mean of a column's absolute errors with
            ``error='mae'``, else of their squares, in scaled units. The mean over the columns is
            the score, or with 'rmse' its square. NaN where no window ends.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `window_scores`.
        """
        return self._last_rows("errors", *self._windows(X, breaks))

    def residuals(self, X: TableLike, *, breaks: ArrayLike | None = None) -> FloatArray:
        """Give rows minus what is expected of them, each as the last row of its window.

        Parameters
        ----------
        X, breaks
            As in `window_scores`; here, fewer rows than a window are no error.

        Returns
        -------
        ndarray of shape (n, d), float64
            In scaled units, signed; NaN where no window ends.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `window_scores`.
        """
        return self._last_rows("residuals", *self._windows(X, breaks, least=1))

    def reconstruct(self, X: TableLike, *, breaks: ArrayLike | None = None) -> FloatArray:
        """Give what the network makes of each row as the last row of its window.

        Parameters
        ----------
        X, breaks
            As in `residuals`.

        Returns
        -------
        ndarray of shape (n, d), float64
            In the units of `X`; NaN where no window ends. `export_onnx` gives whole windows.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `residuals`.
        """
        rows, starts = self._windows(X, breaks, least=1)
        return rows - self._last_rows("residuals", rows, starts) * self.scaler_.scale_

    @property
    def n_validation_(self) -> int:
        """Rows at the end of the training table that were held out."""
        return int(self._state().facts["n_validation"])

    # ---- inside ---------------------------------------------------------------------------------

    def native_scorer(self) -> LstmScorer | None:
        """Give what runs the network in the core; for the parts of this package.

        Returns
        -------
        LstmScorer or None
            It is kept. None for other networks than LSTMs, and on a GPU.
        """
        kept = self._kept()  # first: another thread may train, and old weights must not be kept
        state = self._state()
        if not isinstance(state.spec, LstmSpec) or not on_cpu(self.device):
            return None
        if _CORE not in kept:
            scaler = state.scaler
            kept[_CORE] = LstmScorer(state.spec, state.weights, scaler.center_, scaler.scale_)
        found: LstmScorer = kept[_CORE]
        return found

    def _windows(
        self, X: TableLike, breaks: ArrayLike | None, least: int | None = None
    ) -> tuple[RealArray, IntArray]:
        """Read rows, and find the windows in them."""
        table = as_table(X)
        size = self.spec_.window_size
        rows = self._read(table)
        if len(rows) < (size if least is None else least):
            raise ValueError(f"X: expected at least window_size={size} rows, got {len(rows)}")
        return rows, window_starts(segments(rows, breaks), size)

    def _each(
        self, graph: str, rows: RealArray, starts: IntArray, shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        """Run a graph over all windows, stretch by stretch; or the core, where it can."""
        native = self.native_scorer()
        if native is not None:
            error = self._state().facts["error"]
            return native.run(graph, rows, starts, error, resolve_n_jobs(self.n_jobs))
        size = self.spec_.window_size
        ends = np.flatnonzero(np.diff(starts) > 1) + 1
        results = np.empty((len(starts), *shape), np.float32)
        for piece in np.split(np.arange(len(starts)), ends) if len(starts) else ():
            first, last = starts[piece[0]], starts[piece[-1]] + size
            wanted = (len(piece), *shape)
            results[piece[0] : piece[-1] + 1] = self._run(graph, rows[first:last], wanted)
        return results

    def _last_rows(self, graph: str, rows: RealArray, starts: IntArray) -> FloatArray:
        result = np.full(rows.shape, np.nan)
        result[starts + self.spec_.window_size - 1] = self._each(
            graph, rows, starts, (rows.shape[1],)
        )
        return result

    @classmethod
    def _checked_facts(cls, spec: Any, facts: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG003
        count = facts["n_validation"]
        if set(facts) != {"error", "n_validation"} or type(count) is not int or count < 0:
            raise ModelFormatError(f"facts: not those of an autoencoder: {facts}")
        choice("error", facts["error"], _ERRORS)
        return facts


def _learned(
    spec: LstmSpec | LinearSpec, network: Any, sets: WindowSets, history: Any, facts: dict[str, Any]
) -> Learned:
    """Take the weights out of PyTorch and write the graphs."""
    from fastrcf.neural import graphs
    from fastrcf.neural.modules import weights_of

    weights = weights_of(network)
    center, scale = sets.scaler.center_, sets.scaler.scale_
    # The graphs of rows are fed with rows that were scaled in float64.
    written = {
        "errors": graphs.feature_graph(spec, weights, error=facts["error"]),
        "residuals": graphs.row_graph(spec, weights),
        "score": graphs.score_graph(spec, weights, error=facts["error"]),
        "window": graphs.window_graph(spec, weights, center, scale),
    }
    return Learned(spec, weights, sets.scaler, written, history, facts)
