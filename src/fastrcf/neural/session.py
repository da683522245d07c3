"""Running networks: a session of ONNX Runtime with explicit device, threads and chunks."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import integer
from fastrcf.errors import ModelFormatError
from fastrcf.neural._devices import find_device, open_session
from fastrcf.neural._wire import check_model

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Session"]

# Windows in one call of the runtime are a multiple of this: no value then stands in the remainder
# of a vector loop, whose bits may differ, and one window alone gives what it gives among many.
_BLOCK = 16


class Session:
    """A model that is ready to run.

    Rows go in and one result for each window comes out (`score_graph`, `feature_graph`,
    `row_graph`), or windows go in and one result for each comes out (`window_graph`). The work is
    cut into chunks of a fixed number of windows; each thread runs whole chunks, one operator after
    the other. Thus memory stays constant, and the same windows give the same bits for any number of
    threads, any chunk and any length of the input, one window at a time included.

    Parameters
    ----------
    model : bytes
        An ONNX model with one input, float32, rows (t, n_features) or windows
        (n, window_size, n_features), and one output with one result for each window.
    device : str, default 'cpu'
        'cpu', 'cuda', 'cuda:1' or 'auto': the first GPU where there is one.
    threads : int, optional
        Python threads that `run` uses at most; the processors this process may use by default.
        They live as long as a call; 1 keeps to the caller's thread, as workers of a web server
        should. One session may be called from many threads at once.
    chunk : int, optional
        Windows in one call of the runtime, rounded up to a multiple of 16; about what fits in the
        cache by default. It changes speed and memory, never results.
    window_size : int, optional
        Rows in a window, for a model that takes rows and does not say it in its metadata.

    Raises
    ------
    MissingExtraError
        onnxruntime is not installed.
    ModelFormatError
        The bytes are not a model of this kind, or one that is not allowed (see `check_model`).
    DeviceError
        The device is not there.
    TypeError, ValueError
        An option is wrong.

    Notes
    -----
    A session can be copied and pickled, and used after a fork: the model is opened anew there.

    Examples
    --------
    >>> from fastrcf.neural.graphs import score_graph, weight_shapes
    >>> from fastrcf.neural.spec import LstmSpec
    >>> spec = LstmSpec(window_size=3, n_features=2, encoder=(2,))
    >>> weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(spec).items()}
    >>> Session(score_graph(spec, weights, error="mae")).run(np.ones((5, 2)))
    array([1., 1., 1.], dtype=float32)
    """

    def __init__(
        self,
        model: bytes,
        device: str = "cpu",
        threads: int | None = None,
        *,
        chunk: int | None = None,
        window_size: int | None = None,
    ) -> None:
        check_model(model)
        self.model = model
        self.device = find_device(device)
        self.threads = _processors() if threads is None else integer("threads", threads, 1, 1024)
        self._open()
        self._read_shapes(window_size)
        size = self._usual_chunk() if chunk is None else integer("chunk", chunk, 1, 2**24)
        self.chunk = -(-size // _BLOCK) * _BLOCK

    def run(
        self, data: ArrayLike, center: ArrayLike | None = None, scale: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Run the model.

        Parameters
        ----------
        data : array_like of shape (t, n_features) or (n, window_size, n_features)
            Rows without a gap in time, or windows, as the model takes them. Numbers are passed on
            as float32.
        center, scale : array_like of shape (n_features,), optional
            The model gets (data - center) / scale, computed in float64. A model that scales in
            itself takes none; far from zero (counters, times) float32 is too coarse for that.

        Returns
        -------
        ndarray of float32
            One result for each window: shape (n,) or (n, …); empty when there are fewer rows than
            a window has.

        Raises
        ------
        ValueError
            The data are of another shape.
        """
        values = self._checked(data)
        n = max(len(values) - self._lookback, 0)
        results = np.empty((n, *self._result_shape), np.float32)
        affine = _affine(center, scale, values.shape[-1])
        starts = range(0, n, self.chunk)

        def work(start: int) -> None:
            stop = min(start + self.chunk, n)
            block = self._block(values[start : stop + self._lookback], stop - start, affine)
            results[start:stop] = self._call(block)[: stop - start]

        self._session()
        if min(self.threads, len(starts)) <= 1:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
                for _ in pool.map(work, starts):
                    pass
        return results

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    # ---- one call ---------------------------------------------------------------------------

    def _open(self) -> None:
        self._opened = (os.getpid(), open_session(self.model, self.device))

    def _session(self) -> Any:
        """Give the runtime's session; after a fork or a copy it is opened anew."""
        if getattr(self, "_opened", (None, None))[0] != os.getpid():
            self._open()
        return self._opened[1]

    def _call(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session().run(None, {self._input: block})[0]
        return result

    def _block(
        self,
        values: NDArray[Any],
        n_windows: int,
        affine: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    ) -> NDArray[np.float32]:
        """Make the runtime's input: scaled, float32, filled up to whole blocks of windows."""
        missing = -n_windows % _BLOCK
        if affine is None and missing == 0:
            return np.ascontiguousarray(values, np.float32)
        block = np.zeros((len(values) + missing, *values.shape[1:]), np.float32)
        if affine is None:
            block[: len(values)] = values
        else:
            difference = np.subtract(values, affine[0], dtype=np.float64)
            np.divide(difference, affine[1], out=block[: len(values)], casting="same_kind")
        return block

    # ---- what the model takes and gives -----------------------------------------------------

    def _read_shapes(self, window_size: int | None) -> None:
        session = self._session()
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFormatError(
                f"model: expected 1 input and 1 output, got {len(inputs)} and {len(outputs)}"
            )
        for value in (*inputs, *outputs):
            if value.type != "tensor(float)":
                raise ModelFormatError(f"model: expected float32, got {value.type} ({value.name})")
        self._input, shape = inputs[0].name, inputs[0].shape
        if len(shape) not in (2, 3) or len(outputs[0].shape) < 1:
            raise ModelFormatError(
                "model: expected an input of shape (t, n_features) or (n, window_size, "
                f"n_features) and one result for each window, got {shape} and {outputs[0].shape}"
            )
        self._facts = _facts(session.get_modelmeta().custom_metadata_map)
        if window_size is None:
            window_size = self._facts.get("spec", {}).get("window_size", 1)
        size = integer("window_size", window_size, 1, 10_000)
        self._lookback = size - 1 if len(shape) == 2 else 0
        self._input_shape = tuple(shape[1:])
        self._result_shape = tuple(outputs[0].shape[1:])
        if not all(isinstance(length, int) for length in self._result_shape):
            raise ModelFormatError(f"model: results of open shape, {outputs[0].shape}")

    def _usual_chunk(self) -> int:
        """Give the windows whose widest values take about half a megabyte."""
        spec = self._facts.get("spec", {})
        widest: int = max((*spec.get("encoder", ()), *(spec.get("decoder") or ()), 32))
        return min(max(2**17 // widest, 512), 4096)

    def _checked(self, data: ArrayLike) -> NDArray[Any]:
        values = np.asarray(data)
        if values.dtype.kind not in "biuf":
            raise TypeError(f"data: expected numbers, got {values.dtype}")
        shape = values.shape[1:]
        fits = len(shape) == len(self._input_shape) and all(
            not isinstance(wanted, int) or wanted == length
            for length, wanted in zip(shape, self._input_shape, strict=True)
        )
        if not fits:
            raise ValueError(f"data: expected shape (n, *{self._input_shape}), got {values.shape}")
        return values


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _facts(metadata: dict[str, str]) -> dict[str, Any]:
    """Read what our own graphs say about themselves; a foreign model says nothing."""
    try:
        facts = json.loads(metadata.get("fastrcf", "{}"))
        return facts if isinstance(facts.get("spec", {}), dict) else {}
    except (ValueError, AttributeError) as error:
        raise ModelFormatError(f"model: its metadata cannot be read: {error}") from error


def _affine(
    center: ArrayLike | None, scale: ArrayLike | None, n_features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if center is None and scale is None:
        return None
    values = []
    for name, given, usual in (("center", center, 0.0), ("scale", scale, 1.0)):
        array = np.asarray(usual if given is None else given, np.float64)
        if array.shape not in ((), (n_features,)):
            raise ValueError(f"{name}: expected shape ({n_features},), got {array.shape}")
        values.append(array)
    return values[0], values[1]
