"""Which device a network runs on, and the runtime's session there."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.errors import DeviceError, ModelFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shape = tuple[int, ...]

__all__ = ["BoundCall", "find_device", "on_cpu", "open_session"]

_CUDA = "CUDAExecutionProvider"
_HEAVY = ("Conv", "FusedGemm", "FusedMatMul", "Gemm", "LSTM", "MatMul")  # operators


def find_device(device: str) -> str:
    """Turn the user's word into a device that is there.

    Parameters
    ----------
    device : str
        'cpu', 'cuda', 'cuda:1' or 'auto'.

    Returns
    -------
    str
        'cpu' or 'cuda:<number>'.

    Raises
    ------
    MissingExtraError
        onnxruntime is not installed.
    DeviceError
        There is no such device.
    ValueError, TypeError
        It is none of these words.
    """
    _check_word(device)
    runtime = require("onnxruntime", "onnx")
    has_cuda = _CUDA in runtime.get_available_providers()
    if device == "cpu" or (device == "auto" and not has_cuda):
        return "cpu"
    if not has_cuda:
        raise DeviceError(_without_cuda(device, runtime.__version__))
    return f"cuda:{device.partition(':')[2] or 0}"


def on_cpu(device: str) -> bool:
    """Tell whether the user's word means the CPU here; 'auto' does where there is no GPU to use.

    Raises
    ------
    ValueError, TypeError
        It is no such word.
    """
    _check_word(device)
    if device == "auto":
        return find_spec("onnxruntime") is None or find_device("auto") == "cpu"
    return device == "cpu"


def _check_word(device: str) -> None:
    if not isinstance(device, str):
        raise TypeError(
            f"device: expected 'cpu', 'cuda', 'cuda:<number>' or 'auto', got {device!r}"
        )
    if not re.fullmatch(r"cpu|auto|cuda(:\d{1,3})?", device):
        raise ValueError(
            f"device: expected 'cpu', 'cuda', 'cuda:<number>' or 'auto', got {device!r}"
        )


def open_session(model: bytes, device: str, *, cuda_graph: bool = False) -> Any:
    """Open a model.

    Parameters
    ----------
    model : bytes
        The model.
    device : str
        What `find_device` gave.
    cuda_graph : bool
        Record what a GPU does once, and repeat it as a whole.

    Returns
    -------
    onnxruntime.InferenceSession
        One thread inside; callers bring their own.

    Raises
    ------
    ModelFormatError
        The runtime cannot read the model.
    DeviceError
        The device cannot be used.
    """
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised
    # Planning which buffers share memory takes time that is quadratic in the number of nodes.
    options.enable_mem_reuse = False
    # Threads that share a session would wait for its arena at every step of a loop.
    options.enable_cpu_mem_arena = False
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu":
        runtime.preload_dlls()
        # TF32 keeps 10 bits of a factor: scores would not be those of the CPU.
        choices = {
            "device_id": _number(device),
            "use_tf32": 0,
            "enable_cuda_graph": int(cuda_graph),
        }
        providers.insert(0, (_CUDA, {name: str(value) for name, value in choices.items()}))
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        session = runtime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:
        if device != "cpu":
            raise DeviceError(f"device={device!r}: onnxruntime cannot use it: {error}") from error
        raise ModelFormatError(f"model: onnxruntime cannot read it: {error}") from error
    if device != "cpu":
        _check_placement(session, device)
    return session


class BoundCall:
    """Calls of a session with buffers on its device that are made once, always of one shape.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        With one input and one output.
    device : str
        Where the buffers lie: 'cpu' or 'cuda:<number>'.
    given, wanted : tuple of int
        Shapes of input and output.
    """

    def __init__(self, session: Any, device: str, given: Shape, wanted: Shape) -> None:
        make = require("onnxruntime", "onnx").OrtValue.ortvalue_from_shape_and_type
        where = (device.partition(":")[0], _number(device))
        self._session, self._binding, self._lock = session, session.io_binding(), Lock()
        self._given, self._wanted = (make(shape, np.float32, *where) for shape in (given, wanted))
        self._binding.bind_ortvalue_input(session.get_inputs()[0].name, self._given)
        self._binding.bind_ortvalue_output(session.get_outputs()[0].name, self._wanted)

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one block of the shape that was announced; callers take turns."""
        with self._lock:
            self._given.update_inplace(block)
            self._session.run_with_iobinding(self._binding)
            return np.array(self._wanted.numpy())


def _number(device: str) -> int:
    return int(device.partition(":")[2] or 0)


def _check_placement(session: Any, device: str) -> None:
    """Refuse a session that would run on the CPU after all, which the runtime does silently."""
    if session.get_providers()[0] != _CUDA:
        raise DeviceError(
            f"device={device!r}: onnxruntime could not load CUDA (driver, CUDA, cuDNN?); "
            "onnxruntime.print_debug_info() says what it found"
        )
    elsewhere = {
        node.op_type
        for part in session.get_provider_graph_assignment_info()
        if part.ep_name != _CUDA
        for node in part.get_nodes()
    }
    if elsewhere & set(_HEAVY):
        raise DeviceError(
            f"device={device!r}: CUDA has no {sorted(elsewhere & set(_HEAVY))} as this model needs "
            "it; use device='cpu'"
        )


def _without_cuda(device: str, version: str) -> str:
    """Say why there is no CUDA in this onnxruntime."""
    found = (str(each.metadata["Name"]) for each in metadata.distributions())
    names = {name.lower().replace("_", "-") for name in found}
    if {"onnxruntime", "onnxruntime-gpu"} <= names:
        return (
            f"device={device!r}: onnxruntime and onnxruntime-gpu are both installed and overwrite "
            "each other; run: pip uninstall -y onnxruntime onnxruntime-gpu && "
            "pip install 'fastrcf[gpu]'"
        )
    return (
        f"device={device!r}: onnxruntime {version} is built without CUDA; "
        "run: pip uninstall -y onnxruntime && pip install 'fastrcf[gpu]'"
    )
