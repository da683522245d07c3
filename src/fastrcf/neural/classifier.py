"""A classifier of windows by convolutions: the baseline that needs a label for every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf._extras import require
from fastrcf.errors import ModelFormatError
from fastrcf.neural._estimator import Learned, NetworkEstimator, digest
from fastrcf.neural._labelled import as_windows, encoded, split_classes
from fastrcf.neural.spec import ConvSpec, spec_to_dict
from fastrcf.neural.training import train, training_device
from fastrcf.scaling import make_scaler

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, StrPath
    from fastrcf.neural.training import Callback

    Label = int | str

__all__ = ["ConvClassifier"]


class ConvClassifier(NetworkEstimator):
    """Classifier of windows by convolutions along time.

    It only knows the kinds that it was shown: a kind of fault that is new looks to it like one of
    them. That is what autoencoders are for; see `LstmAutoencoder`. Fitting needs the extra
    ``train``; everything afterwards onnxruntime alone (extra ``onnx`` or ``gpu``).

    Parameters
    ----------
    channels : tuple of int, default (16, 32)
        Channels of the convolutions, each followed by ReLU and by the maximum of pairs of rows.
    kernel_size : int, default 9
        Rows that a convolution sees, an odd number.
    dropout : float, default 0.0
        Share of the last layer's inputs that is left out in training.
    classes : sequence of int or of str, optional
        The labels that there are, if training does not show all of them.
    scaler : {'standard', 'robust', 'minmax', 'none'}, default 'standard'
        How columns are scaled, by what the learned windows say.
    validation_fraction : float, default 0.1
        Share of the windows of each class, the last ones, that is held out. With 0 the loss of
        training counts.
    epochs, batch_size, learning_rate, patience, clip_norm, random_state, device, n_jobs
        As in `LstmAutoencoder`.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        The labels, in the order of the columns of `predict_proba`.
    history_, best_epoch_, spec_, weights_, scaler_
        As in `LstmAutoencoder`; the loss is the cross-entropy.
    n_features_in_ : int
        Columns of a window.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> slow, fast = (np.sin(np.arange(32.0) / step) for step in (5, 2))
    >>> windows = np.array([slow, fast] * 40) + rng.normal(0, 0.2, (80, 32))
    >>> model = ConvClassifier(channels=(4,), learning_rate=0.01).fit(
    ...     windows, ["slow", "fast"] * 40
    ... )
    >>> model.predict([fast, slow]).tolist()
    ['fast', 'slow']
    """

    _bundle_kind = "ConvClassifier"
    _spec_kind = ConvSpec
    _graphs = ("logits", "window")

    def __init__(
        self,
        *,
        channels: tuple[int, ...] = (16, 32),
        kernel_size: int = 9,
        dropout: float = 0.0,
        classes: Sequence[Label] | None = None,
        scaler: str = "standard",
        validation_fraction: float = 0.1,
        epochs: int = 50,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        patience: int | None = 5,
        clip_norm: float | None = None,
        random_state: int = 0,
        device: str = "auto",
        n_jobs: int | None = 1,
    ) -> None:
        self.channels = channels
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.classes = classes
        self.scaler = scaler
        self.validation_fraction = validation_fraction
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.clip_norm = clip_norm
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs

    def fit(
        self,
        windows: ArrayLike,
        y: ArrayLike,
        *,
        callback: Callback | None = None,
        progress: bool = False,
        checkpoint: StrPath | None = None,
    ) -> Self:
        """Learn windows and their labels, forgetting what was learned before.

        Parameters
        ----------
        windows : array_like of shape (n, window_size) or (n, window_size, d)
            The windows; see `fastrcf.windowing.sliding_windows`.
        y : array_like of shape (n,)
            Their labels, whole numbers or text.
        callback, progress, checkpoint
            As in `LstmAutoencoder.fit`.

        Returns
        -------
        self
            The classifier itself.

        Raises
        ------
        TypeError, ValueError
            An option is wrong, a value is missing or infinite, or labels and windows do not fit.
        MissingExtraError, TrainingError, DeviceError, ModelFormatError
            As in `LstmAutoencoder.fit`; also here, nothing is changed then.
        """
        table = as_windows(windows)
        classes, codes = encoded(y, len(table), self.classes)
        spec = ConvSpec(
            window_size=table.shape[1],
            n_features=table.shape[2],
            n_classes=len(classes),
            channels=self.channels,
            kernel_size=self.kernel_size,
            dropout=self.dropout,
        )
        options = self._training()
        learned, held = split_classes(codes, self.validation_fraction)
        scaler = make_scaler(self.scaler).fit(table[learned].reshape(-1, spec.n_features))
        scaled = ((table - scaler.center_) / scaler.scale_).astype(np.float32)
        require("torch", "train")
        require("onnx", "train")
        from fastrcf.neural import graphs
        from fastrcf.neural.modules import make_network, weights_of

        network = make_network(spec, options.random_state).to(training_device(options.device))
        same = {"epochs": None, "patience": None, "n_jobs": None, "device": None}
        facts = [spec_to_dict(spec), vars(options) | same, classes]
        identity = "" if checkpoint is None else digest(facts, scaled, codes, held)
        history = train(
            network,
            _class_loss(network, scaled, codes),
            learned,
            held,
            options,
            identity=identity,
            callback=callback,
            progress=progress,
            checkpoint=checkpoint,
        )
        weights = weights_of(network)
        written = {
            "logits": graphs.window_graph(spec, weights),
            "window": graphs.window_graph(spec, weights, scaler.center_, scaler.scale_),
        }
        self._install(Learned(spec, weights, scaler, written, history, {"classes": classes}), None)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels."""
        return np.array(self._state().facts["classes"])

    def predict(self, windows: ArrayLike) -> NDArray[Any]:
        """Give the most probable label of each window.

        Parameters
        ----------
        windows : array_like of shape (n, window_size) or (n, window_size, d)
            The windows.

        Returns
        -------
        ndarray of shape (n,)
            Labels.

        Raises
        ------
        NotFittedError
            Nothing has been learned.
        TypeError, ValueError
            They are not numbers, have another shape than those learned, or a value is missing or
            infinite.
        """
        labels: NDArray[Any] = self.classes_[self.predict_proba(windows).argmax(axis=1)]
        return labels

    def predict_proba(self, windows: ArrayLike) -> FloatArray:
        """Give the probability of each label for each window.

        Parameters
        ----------
        windows : array_like of shape (n, window_size) or (n, window_size, d)
            The windows.

        Returns
        -------
        ndarray of shape (n, k), float64
            In the order of `classes_`; rows sum to 1.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As in `predict`.
        """
        spec = self.spec_
        table = as_windows(windows)
        if table.shape[1:] != (spec.window_size, spec.n_features):
            raise ValueError(
                f"windows: expected shape (n, {spec.window_size}, {spec.n_features}), "
                f"got {table.shape}"
            )
        logits = self._run("logits", table, (len(table), spec.n_classes)).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required, tags.input_tags.allow_nan = True, False
        tags.input_tags.three_d_array = True
        return tags

    @classmethod
    def _checked_facts(cls, spec: Any, facts: dict[str, Any]) -> dict[str, Any]:
        labels = facts["classes"]
        kinds = {type(label) for label in labels}
        if set(facts) != {"classes"} or kinds not in ({int}, {str}):
            raise ModelFormatError(f"facts: not those of a classifier: {facts}")
        if not len(set(labels)) == len(labels) == spec.n_classes:
            raise ModelFormatError("classes: expected one label for each output")
        return facts


def _class_loss(
    network: Any, windows: NDArray[np.float32], codes: NDArray[np.int64]
) -> Callable[[Any], Any]:
    import torch

    device = next(network.parameters()).device
    table, labels = torch.from_numpy(windows).to(device), torch.from_numpy(codes).to(device)

    def loss(items: Any) -> Any:
        return torch.nn.functional.cross_entropy(network(table[items]), labels[items])

    return loss
