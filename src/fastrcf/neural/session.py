"""Running networks: a session of ONNX Runtime with explicit device, threads and chunks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import integer
from fastrcf.errors import ModelFormatError
from fastrcf.neural._devices import BoundCall, find_device, open_session
from fastrcf.neural._signature import Signature
from fastrcf.neural._wire import check_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Call = Callable[[NDArray[np.float32]], NDArray[np.float32]]

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
    cuda_graph : bool, default False
        On a GPU, record the work of a chunk once and repeat it as a whole. The model must be free
        of loops (``loops=False`` when it is written).

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
    A GPU gives the same results as the CPU up to rounding: TF32 is off. Models written with
    ``half=True`` compute in float16, which changes results.

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
        cuda_graph: bool = False,
    ) -> None:
        check_model(model)
        self.model = model
        self._cuda_graph = bool(cuda_graph)
        self.device = find_device(device)
        self.threads = _processors() if threads is None else integer("threads", threads, 1, 1024)
        session = open_session(model, self.device, cuda_graph=self._cuda_graph)
        self._signature = Signature.read(session)
        size = self._signature.window_size if window_size is None else window_size
        self._lookback = integer("window_size", size, 1, 10_000) - 1
        self.chunk, self._fixed = self._find_chunk(chunk)
        self._opened: tuple[int, Call] = (os.getpid(), self._bind(session))

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
        affine = _affine(center, scale, values.shape[-1])
        call, starts = self._ready(), range(0, n, self.chunk)

        def work(start: int) -> NDArray[np.float32]:
            stop = min(start + self.chunk, n)
            block = self._block(values[start : stop + self._lookback], stop - start, affine)
            return call(block)[: stop - start]

        wanted = self._signature.wanted
        shape = tuple(length if isinstance(length, int) else 0 for length in wanted)
        if starts and not all(isinstance(length, int) for length in wanted):
            shape = work(0).shape[1:]  # the model does not tell
        results = np.empty((n, *shape), np.float32)

        def fill(start: int) -> None:
            part = work(start)
            if part.shape[1:] != results.shape[1:]:
                raise ModelFormatError(
                    f"model: expected results of shape {results.shape[1:]}, got {part.shape[1:]}"
                )
            results[start : start + self.chunk] = part

        n_threads = min(self.threads, len(starts)) if self.device == "cpu" else 1
        if n_threads <= 1:
            for start in starts:
                fill(start)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                for _ in pool.map(fill, starts):
                    pass
        return results

    @property
    def input_shape(self) -> tuple[int | str | None, ...]:
        """Shape of a row or window that the model takes; what it leaves open has a name or none."""
        return self._signature.given

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    # ---- one call ---------------------------------------------------------------------------

    def _ready(self) -> Call:
        """Give what runs a block; after a fork or a copy the model is opened anew."""
        if getattr(self, "_opened", (None,))[0] != os.getpid():
            session = open_session(self.model, self.device, cuda_graph=self._cuda_graph)
            self._opened = (os.getpid(), self._bind(session))
        return self._opened[1]

    def _bind(self, session: Any) -> Call:
        if self.device != "cpu":
            given, wanted = self._signature.given, self._signature.wanted
            if not all(isinstance(length, int) for length in (*given, *wanted)):
                raise ModelFormatError(f"model: open shapes on a GPU: {given} to {wanted}")
            shapes = (self.chunk + self._lookback, *given), (self.chunk, *wanted)
            return BoundCall(session, self.device, *shapes)  # type: ignore[arg-type]
        name = session.get_inputs()[0].name

        def call(block: NDArray[np.float32]) -> NDArray[np.float32]:
            try:
                result: NDArray[np.float32] = session.run(None, {name: block})[0]
            except Exception as error:
                raise ModelFormatError(f"model: onnxruntime cannot run it: {error}") from error
            if len(result) != len(block) - self._lookback:
                raise ModelFormatError(
                    f"model: expected one result for each window, got shape {result.shape} for "
                    f"{len(block) - self._lookback} windows"
                )
            return result

        return call

    def _block(
        self,
        values: NDArray[Any],
        n_windows: int,
        affine: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    ) -> NDArray[np.float32]:
        """Make the runtime's input: scaled, float32, filled up to whole blocks of windows.

        Where every call has one shape, on a GPU or by the model's word, that is a whole chunk.
        """
        missing = -n_windows % (self.chunk if self._fixed else _BLOCK)
        if affine is None and missing == 0 and values.dtype == np.float32:
            return np.ascontiguousarray(values)
        block = np.zeros((len(values) + missing, *values.shape[1:]), np.float32)
        with np.errstate(over="ignore"):  # beyond float32 is infinite
            if affine is None:
                block[: len(values)] = values
            else:
                difference = np.subtract(values, affine[0], dtype=np.float64)
                np.divide(difference, affine[1], out=block[: len(values)], casting="same_kind")
        return block

    def _find_chunk(self, chunk: int | None) -> tuple[int, bool]:
        """Give the windows of a call, and whether every call has just as many."""
        batch = self._signature.batch
        if isinstance(batch, int):
            if batch <= self._lookback:
                raise ModelFormatError(f"model: {batch} rows are less than a window")
            return batch - self._lookback, True
        if chunk is None:
            # The values of a layer's gates stay in the cache; a GPU wants more windows.
            size = min(max(2**15 // max(self._signature.widest, 1), 512), 4096)
            size = size if self.device == "cpu" else 16_384
        else:
            size = integer("chunk", chunk, 1, 2**24)
        return -(-size // _BLOCK) * _BLOCK, self.device != "cpu"

    def _checked(self, data: ArrayLike) -> NDArray[Any]:
        values = np.asarray(data)
        if values.dtype.kind not in "biuf":
            raise TypeError(f"data: expected numbers, got {values.dtype}")
        given = self._signature.given
        fits = values.ndim == 1 + len(given) and all(
            not isinstance(wanted, int) or wanted == length
            for length, wanted in zip(values.shape[1:], given, strict=True)
        )
        if not fits:
            shape = ", ".join(str(length or "any") for length in ("n", *given))
            raise ValueError(f"data: expected shape ({shape}), got {values.shape}")
        return values


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
