"""Autoencoders that others trained, as ONNX files: windows in, reconstructions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastrcf._forest.checks import choice, integer
from fastrcf.errors import ModelFormatError
from fastrcf.neural._wire import MAX_MODEL_BYTES, check_model
from fastrcf.neural.session import Session

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import FloatArray, StrPath

__all__ = ["ForeignAutoencoder", "check_model"]

_ERRORS = ("rmse", "mae", "mse")
_CELLS = 2**22  # of windows that are cut at a time


class ForeignAutoencoder:
    """An ONNX autoencoder that scores the windows of a series.

    The model has one float32 input, windows of shape (n, window_size, n_features), or
    (n, window_size · n_features) with the rows of a window one after the other, and one output of
    the same shape. Its number of windows n is free or fixed.

    Parameters
    ----------
    model : bytes or path
        The model or its file, one file with all weights. It is untrusted: `check_model` looks
        through it first, weights in other files and foreign operators are refused.
    window_size, n_features : int, optional
        What the model leaves open.
    center, scale : array_like of shape (n_features,), optional
        The model gets (rows - center) / scale; errors are in these units. Those of a fitted
        scaler, say.
    error : {'rmse', 'mae', 'mse'}, default 'rmse'
        Over all cells of a window: root of the mean square of the difference to the
        reconstruction, mean of its size, mean square.
    device : str, default 'cpu'
        As in `Session`.
    threads : int, optional
        As in `Session`.

    Raises
    ------
    MissingExtraError
        onnxruntime is not installed.
    ModelFormatError
        The model is not such an autoencoder, is truncated, or is not allowed.
    DeviceError
        The device is not there.
    TypeError, ValueError
        An option is wrong.

    Examples
    --------
    >>> from fastrcf.neural.graphs import weight_shapes, window_graph
    >>> from fastrcf.neural.spec import LinearSpec
    >>> spec = LinearSpec(window_size=2, n_features=1, hidden=(1,))
    >>> weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(spec).items()}
    >>> ForeignAutoencoder(window_graph(spec, weights), error="mae").score([[1.0], [2.0], [4.0]])
    array([1.5, 3. ])
    """

    def __init__(
        self,
        model: bytes | StrPath,
        *,
        window_size: int | None = None,
        n_features: int | None = None,
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        error: str = "rmse",
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self.error = choice("error", error, _ERRORS)
        content = model if isinstance(model, bytes) else _read(model)
        self._session = Session(content, device, threads, window_size=1)
        shape = self._session.input_shape
        self._is_flat = len(shape) == 1
        if self._is_flat:
            self.window_size, self.n_features = _split(shape[0], window_size, n_features)
        else:
            self.window_size = _length("window_size", shape[0], window_size)
            self.n_features = _length("n_features", shape[1], n_features)
        self._center = _values("center", center, 0.0, self.n_features)
        self._scale = _values("scale", scale, 1.0, self.n_features)
        if not (self._scale > 0).all():
            raise ValueError(f"scale: expected numbers above 0, got {self._scale}")
        self.reconstruct(np.zeros((1, self.window_size, self.n_features)))  # tells if shapes differ

    def reconstruct(self, windows: ArrayLike) -> NDArray[np.float32]:
        """Run the model on windows as they are, without scaling.

        Parameters
        ----------
        windows : array_like of shape (n, window_size, n_features)
            What the model gets.

        Returns
        -------
        ndarray of float32
            Reconstructions of the same shape.

        Raises
        ------
        ModelFormatError
            The model gives another shape.
        ValueError
            The windows are of another shape.
        """
        given = np.asarray(windows)
        if given.ndim != 3 or given.shape[1:] != (self.window_size, self.n_features):
            raise ValueError(
                f"windows: expected shape (n, {self.window_size}, {self.n_features}), "
                f"got {given.shape}"
            )
        n = len(given)
        made = self._session.run(given.reshape(n, -1) if self._is_flat else given)
        wanted = (n, self.window_size * self.n_features) if self._is_flat else given.shape
        if made.shape != wanted and n:
            raise ModelFormatError(
                f"model: expected reconstructions of the windows' shape {wanted}, got {made.shape}"
            )
        return made.reshape(given.shape)

    def score(self, X: ArrayLike) -> FloatArray:
        """Score the windows of rows without a gap in time.

        Parameters
        ----------
        X : array_like of shape (t, n_features)
            Rows in the user's units.

        Returns
        -------
        ndarray of float64, shape (t - window_size + 1,)
            One score for each window; empty when there are fewer rows than a window has. Windows
            with NaN get NaN.

        Raises
        ------
        ValueError
            X is of another shape.
        """
        means: FloatArray = self.errors(X).mean(axis=1)
        return np.sqrt(means) if self.error == "rmse" else means

    def errors(self, X: ArrayLike) -> FloatArray:
        """Give what each column contributes to the error of a window.

        Parameters
        ----------
        X : array_like of shape (t, n_features)
            Rows in the user's units, without a gap in time.

        Returns
        -------
        ndarray of float64, shape (t - window_size + 1, n_features)
            Mean over the rows of a window of the difference's size with 'mae', else of its square.

        Raises
        ------
        ValueError
            X is of another shape.
        """
        rows = np.asarray(X, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"X: expected shape (t, {self.n_features}), got {rows.shape}")
        n = max(len(rows) - self.window_size + 1, 0)
        found = np.empty((n, self.n_features))
        step = max(_CELLS // (self.window_size * self.n_features), 1)
        for start in range(0, n, step):
            stop = min(start + step, n)
            scaled = (rows[start : stop + self.window_size - 1] - self._center) / self._scale
            windows = np.lib.stride_tricks.sliding_window_view(
                scaled.astype(np.float32), self.window_size, axis=0
            ).transpose(0, 2, 1)
            difference = np.subtract(windows, self.reconstruct(windows), dtype=np.float64)
            kept = np.abs(difference) if self.error == "mae" else difference**2
            found[start:stop] = kept.mean(axis=1)
        return found


def _read(path: StrPath) -> bytes:
    file = Path(path)
    if file.stat().st_size > MAX_MODEL_BYTES:
        raise ModelFormatError(
            f"model: {file} has {file.stat().st_size} bytes, more than the {MAX_MODEL_BYTES} that "
            "are allowed"
        )
    return file.read_bytes()


def _length(name: str, told: object, wished: int | None) -> int:
    """Settle a length between what the model tells and what the user says."""
    if wished is not None:
        wished = integer(name, wished, 1, 100_000)
    if not isinstance(told, int):
        if wished is None:
            raise ValueError(f"{name}: the model leaves it open; say what it is")
        return wished
    if wished not in (None, told):
        raise ValueError(f"{name}: the model takes {told}, got {wished}")
    if not 1 <= told <= 100_000:
        raise ModelFormatError(f"model: takes windows with {name} {told}")
    return told


def _split(told: object, window_size: int | None, n_features: int | None) -> tuple[int, int]:
    """Settle the two lengths of a window that the model takes in one piece."""
    if isinstance(told, int) and told < 1:
        raise ModelFormatError(f"model: takes windows of {told} cells")
    if window_size is None and n_features is None:
        raise ValueError("window_size: the model takes windows in one piece; say how many rows")
    if window_size is None or n_features is None:
        name = "window_size" if n_features is None else "n_features"
        known = integer(name, window_size if n_features is None else n_features, 1, 100_000)
        if not isinstance(told, int) or told % known:
            raise ValueError(f"{name}: windows of {told} cells do not fall into parts of {known}")
        return (known, told // known) if n_features is None else (told // known, known)
    rows = integer("window_size", window_size, 1, 100_000)
    columns = integer("n_features", n_features, 1, 100_000)
    if isinstance(told, int) and rows * columns != told:
        raise ValueError(
            f"window_size: the model takes windows of {told} cells, got {rows} rows of {columns}"
        )
    return rows, columns


def _values(name: str, given: ArrayLike | None, usual: float, n: int) -> FloatArray:
    values = np.full(n, usual) if given is None else np.asarray(given, np.float64)
    if values.shape != (n,) or not np.isfinite(values).all():
        raise ValueError(f"{name}: expected {n} finite numbers, got {values!r}")
    return values
