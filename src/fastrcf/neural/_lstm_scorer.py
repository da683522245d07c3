"""LSTM autoencoders on the CPU: the core's own scorer, faster than a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf import _core

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray, RealArray
    from fastrcf.neural.spec import LstmSpec

__all__ = ["LstmScorer"]

_LSTM, _DENSE = ("input", "hidden", "bias"), ("weight", "bias")

_TOGETHER, _PRODUCTS = 2**16, 2**36
"""Windows in a call of the core, which an interrupt waits for, and a thread's products there."""


class LstmScorer:
    """An LSTM autoencoder that is ready to run on the CPU.

    It gives what the graphs of `fastrcf.neural.graphs` give, up to rounding. A window's results
    have the same bits wherever it lies, whatever else is asked for and for any number of threads.

    Parameters
    ----------
    spec : LstmSpec
        The network.
    weights : mapping of str to ndarray of float32
        Its weights, checked.
    center, scale : ndarray of shape (n_features,), float64
        The network sees (x - center) / scale.
    """

    def __init__(
        self,
        spec: LstmSpec,
        weights: Mapping[str, NDArray[np.float32]],
        center: FloatArray,
        scale: FloatArray,
    ) -> None:
        names = [name for name, _, _ in spec.layers]
        parts = [
            tuple(np.ascontiguousarray(weights[f"{name}.{part}"]) for part in _LSTM)
            for name in names
        ]
        output = tuple(np.ascontiguousarray(weights[f"output.{part}"]) for part in _DENSE)
        self._affine = {"center": center, "scale": scale}
        row = sum(4 * units * (inputs + units) for _, inputs, units in spec.layers)
        self._share = max(192, _PRODUCTS // (row * spec.window_size))  # enough to fill all lanes
        self._core = _core.LstmScorer(
            window_size=spec.window_size,
            relu=spec.activation == "relu",
            sigmoid=spec.output == "sigmoid",
            encoder=parts[: len(spec.encoder)],
            decoder=parts[len(spec.encoder) :],
            output=output,
        )

    def run(
        self, result: str, rows: RealArray, starts: IntArray, error: str, threads: int
    ) -> NDArray[np.float32]:
        """Run windows.

        Parameters
        ----------
        result : {'score', 'errors', 'residuals'}
            What is given for each window: its error; the same for each column, without the root;
            or its last row minus the reconstruction. All in scaled units.
        rows : ndarray of shape (n, n_features)
            The rows.
        starts : ndarray of int
            Numbers of the rows that windows begin at. Consecutive ones share work.
        error : {'rmse', 'mae', 'mse'}
            What an error is.
        threads : int
            How many are used; they live as long as the call.

        Returns
        -------
        ndarray of shape (len(starts),) or (len(starts), n_features), float32
        """
        if rows.dtype not in (np.float32, np.float64):
            rows = rows.astype(np.float64)
        how: dict[str, Any] = {"result": result, "error": error, "n_threads": threads}
        how |= self._affine
        size = min(_TOGETHER, self._share * threads)
        parts = [
            self._core.run(rows, starts[at : at + size], **how)
            for at in range(0, max(len(starts), 1), size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
