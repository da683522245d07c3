"""Autoencoders: what a network that has learned normal windows cannot reconstruct is anomalous."""

from __future__ import annotations

from fastrcf.neural._autoencoder import Autoencoder
from fastrcf.neural.spec import LinearSpec, LstmSpec

__all__ = ["LinearAutoencoder", "LstmAutoencoder"]


class LstmAutoencoder(Autoencoder):
    """LSTM autoencoder over sliding windows: trained by PyTorch, run by the native core.

    The encoder's layers read a window; the last state, repeated, is what the decoder's layers make
    the reconstruction of. Fitting needs the extra ``train``; everything afterwards nothing on a
    CPU, where the core runs the network, and onnxruntime on a GPU (extra ``gpu``).

    Parameters
    ----------
    window_size : int, default 10
        Rows in a window.
    encoder : tuple of int, default (64, 32)
        Units of the encoder's layers, from the input on.
    decoder : tuple of int, optional
        Units of the decoder's layers; the encoder's in reverse order by default.
    activation : {'tanh', 'relu'}, default 'tanh'
        Cells and initial weights as PyTorch has them, or as Keras has them with
        ``activation='relu'``.
    output : {'linear', 'sigmoid'}, default 'linear'
        What the reconstruction ends with; 'sigmoid' goes with the scaler 'minmax'.
    dropout : float, default 0.0
        Share of the values between layers that is left out in training.
    scaler : {'standard', 'robust', 'minmax', 'none'}, default 'standard'
        How columns are scaled, by what the learned rows say.
    error : {'rmse', 'mae', 'mse'}, default 'rmse'
        What a score is, over all cells of a window, in scaled units.
    loss : {'mse', 'mae'}, default 'mse'
        What training makes small.
    epochs : int, default 50
        Times that each window is shown, at most.
    batch_size : int, default 128
        Windows in one step.
    learning_rate : float, default 0.001
        Of Adam.
    patience : int or None, default 5
        Epochs without a lower loss of the held out windows after which training stops; None for
        never. The weights of the best epoch are kept in any case.
    validation_fraction : float, default 0.1
        Share of the windows, the last ones, that is held out. With 0 the loss of training counts.
    stride : int, default 1
        Rows from one learned window to the next. `window_size` makes epochs that much shorter and
        reaches about the same loss in the same time; the default learns what little there is in
        short series.
    clip_norm : float or None, default None
        Gradients whose norm is larger are scaled down to it.
    random_state : int, default 0
        Seed. The same seed gives the same weights on the same machine, libraries and threads.
    device : str, default 'auto'
        Of training and of scoring: 'cpu', 'cuda', 'cuda:1', or 'auto' for a GPU where there is one.
    n_jobs : int, default 1
        Threads, -1 for all processors. It changes no score; the weights that are learned may
        differ in their last bits.

    Attributes
    ----------
    history_ : dict of str to list of float
        ``loss`` and ``val_loss`` of the epochs; see `fastrcf.plotting.plot_losses`.
    best_epoch_ : int
        The epoch whose weights were kept, counted from 1.
    spec_ : LstmSpec
        What the network is.
    weights_ : dict of str to ndarray of float32
        Its weights.
    scaler_ : Scaler
        Fitted on the learned rows.
    n_validation_ : int
        Rows at the end of the table that were held out.
    n_features_in_ : int
        Columns.
    feature_names_in_ : ndarray of str
        Their names, if there were any.

    Notes
    -----
    The architecture is that of Malhotra et al., LSTM-based encoder-decoder for multi-sensor anomaly
    detection (2016), with a decoder that reads the repeated code instead of its own output.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(600.0) / 5) + rng.normal(0, 0.05, 600)
    >>> model = LstmAutoencoder(window_size=8, encoder=(8,), epochs=15, learning_rate=0.01)
    >>> scores = model.fit(series[:500]).score(np.r_[series[500:550], 3.0, series[551:]])
    >>> 50 <= int(scores.argmax()) < 58
    True
    """

    _bundle_kind = "LstmAutoencoder"
    _spec_kind = LstmSpec

    def __init__(
        self,
        *,
        window_size: int = 10,
        encoder: tuple[int, ...] = (64, 32),
        decoder: tuple[int, ...] | None = None,
        activation: str = "tanh",
        output: str = "linear",
        dropout: float = 0.0,
        scaler: str = "standard",
        error: str = "rmse",
        loss: str = "mse",
        epochs: int = 50,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        validation_fraction: float = 0.1,
        stride: int = 1,
        clip_norm: float | None = None,
        random_state: int = 0,
        device: str = "auto",
        n_jobs: int | None = 1,
    ) -> None:
        self.window_size = window_size
        self.encoder = encoder
        self.decoder = decoder
        self.activation = activation
        self.output = output
        self.dropout = dropout
        self.scaler = scaler
        self.error = error
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.stride = stride
        self.clip_norm = clip_norm
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs

    def _new_spec(self, n_features: int) -> LstmSpec:
        return LstmSpec(
            window_size=self.window_size,
            n_features=n_features,
            encoder=self.encoder,
            decoder=self.decoder,
            activation=self.activation,
            output=self.output,
            dropout=self.dropout,
        )


class LinearAutoencoder(Autoencoder):
    """Autoencoder of dense layers over whole windows, with batch norm and leaky ReLU between.

    Batch norm is folded into the weights after training. Fitting needs the extra ``train``;
    everything afterwards onnxruntime alone (extra ``onnx`` or ``gpu``).

    Parameters
    ----------
    window_size : int, default 10
        Rows in a window.
    hidden : tuple of int, default (250, 125, 250)
        Units of the layers between input and reconstruction.
    slope : float, default 0.01
        Of the leaky ReLU below zero.
    output, dropout, scaler, error, loss, epochs, batch_size, learning_rate
        As in `LstmAutoencoder`.
    patience, validation_fraction, stride, clip_norm, random_state, device, n_jobs
        As in `LstmAutoencoder`.

    Attributes
    ----------
    history_, best_epoch_, spec_, weights_, scaler_, n_validation_
        As in `LstmAutoencoder`.
    n_features_in_, feature_names_in_
        As in `LstmAutoencoder`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(600.0) / 5) + rng.normal(0, 0.05, 600)
    >>> model = LinearAutoencoder(window_size=16, hidden=(8, 3, 8), epochs=15, learning_rate=0.01)
    >>> scores = model.fit(series[:500]).score(np.r_[series[500:550], 3.0, series[551:]])
    >>> 50 <= int(scores.argmax()) < 66
    True
    """

    _bundle_kind = "LinearAutoencoder"
    _spec_kind = LinearSpec

    def __init__(
        self,
        *,
        window_size: int = 10,
        hidden: tuple[int, ...] = (250, 125, 250),
        slope: float = 0.01,
        output: str = "linear",
        dropout: float = 0.0,
        scaler: str = "standard",
        error: str = "rmse",
        loss: str = "mse",
        epochs: int = 50,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        validation_fraction: float = 0.1,
        stride: int = 1,
        clip_norm: float | None = None,
        random_state: int = 0,
        device: str = "auto",
        n_jobs: int | None = 1,
    ) -> None:
        self.window_size = window_size
        self.hidden = hidden
        self.slope = slope
        self.output = output
        self.dropout = dropout
        self.scaler = scaler
        self.error = error
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.stride = stride
        self.clip_norm = clip_norm
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs

    def _new_spec(self, n_features: int) -> LinearSpec:
        return LinearSpec(
            window_size=self.window_size,
            n_features=n_features,
            hidden=self.hidden,
            slope=self.slope,
            output=self.output,
            dropout=self.dropout,
        )
