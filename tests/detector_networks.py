"""An autoencoder in a few lines of NumPy: what detectors need of one, without any training."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastrcf._forest.estimator import Estimator
from fastrcf.detectors import templates
from fastrcf.errors import ModelFormatError
from fastrcf.scaling import Scaler, make_scaler
from fastrcf.windowing import segments

templates.NETWORKS["Components"] = "detector_networks"  # so that bundles know it


class Components(Estimator):
    """Gives windows back through their principal components."""

    def __init__(self, *, window_size=4, n_components=8, scaler="standard", held=0.1):
        self.window_size = window_size
        self.n_components = n_components
        self.scaler = scaler
        self.held = held

    def fit(self, X, *, breaks=None, callback=None, progress=False, checkpoint=None):
        self.told = callback, progress, checkpoint
        if len(X) < 2 * self.window_size:
            raise ValueError(f"X: expected at least {2 * self.window_size} rows, got {len(X)}")
        self.n_validation_ = int(self.held * len(X))
        learned = X[: len(X) - self.n_validation_]
        self.scaler_ = make_scaler(self.scaler).fit(learned)
        windows = self._windows((X - self.scaler_.center_) / self.scaler_.scale_, breaks)[1]
        windows = windows.reshape(len(windows), -1)
        self.mean = windows.mean(axis=0)
        directions = np.linalg.svd(windows - self.mean, full_matrices=False)[2]
        self.basis = np.ascontiguousarray(directions[: self.n_components])
        self.n_windows = len(windows)
        return self

    def residuals(self, X, *, breaks=None):
        scaled = (X - self.scaler_.center_) / self.scaler_.scale_
        starts, windows = self._windows(scaled, breaks)
        result = np.full(X.shape, np.nan)
        for start, window in zip(starts, windows, strict=True):  # one by one: always the same bits
            off = window.ravel() - self.mean
            back = self.basis.T @ (self.basis @ off)
            result[start + self.window_size - 1] = (off - back)[-X.shape[1] :]
        return result

    def _windows(self, rows, breaks):
        starts = [
            start
            for first, stop in segments(rows, breaks).tolist()
            for start in range(first, stop - self.window_size + 1)
        ]
        every = sliding_window_view(rows, self.window_size, axis=0) if starts else rows[:0, :, None]
        return starts, every[starts].transpose(0, 2, 1)

    def _to_parts(self):
        section = {"params": self.get_params(), "scaler": self.scaler_.to_dict()}
        section["held"] = self.n_validation_
        parts = {"mean.bin": self.mean.tobytes(), "basis.bin": self.basis.tobytes()}
        return section, parts

    @classmethod
    def _from_parts(cls, section, parts):
        model = cls(**section["params"])
        model.scaler_ = Scaler.from_dict(section["scaler"])
        model.n_validation_ = section["held"]
        model.mean = np.frombuffer(parts["mean.bin"])
        model.basis = np.frombuffer(parts["basis.bin"]).reshape(-1, len(model.mean))
        cells = model.window_size * len(model.scaler_.scale_)
        if len(model.mean) != cells or not np.isfinite([*model.mean, *model.basis.ravel()]).all():
            raise ModelFormatError("components: not those of windows")
        return model
