"""Which device a network runs on, and the runtime's session there."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

from fastrcf._extras import require
from fastrcf.errors import DeviceError, ModelFormatError

__all__ = ["find_device", "open_session"]

_CUDA = "CUDAExecutionProvider"


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
    if not isinstance(device, str):
        raise TypeError(
            f"device: expected 'cpu', 'cuda', 'cuda:<number>' or 'auto', got {device!r}"
        )
    if not re.fullmatch(r"cpu|auto|cuda(:\d{1,3})?", device):
        raise ValueError(
            f"device: expected 'cpu', 'cuda', 'cuda:<number>' or 'auto', got {device!r}"
        )
    runtime = require("onnxruntime", "onnx")
    has_cuda = _CUDA in runtime.get_available_providers()
    if device == "cpu" or (device == "auto" and not has_cuda):
        return "cpu"
    if not has_cuda:
        raise DeviceError(_without_cuda(device, runtime.__version__))
    return f"cuda:{device.partition(':')[2] or 0}"


def open_session(model: bytes, device: str) -> Any:
    """Open a model.

    Parameters
    ----------
    model : bytes
        The model.
    device : str
        What `find_device` gave.

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
    options.log_severity_level = 3
    # Planning which buffers share memory takes time that is quadratic in the number of nodes.
    options.enable_mem_reuse = False
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu":
        runtime.preload_dlls()
        number = device.partition(":")[2]
        # TF32 keeps 10 bits of a factor: scores would not be those of the CPU.
        providers.insert(0, (_CUDA, {"device_id": number, "use_tf32": "0"}))
    try:
        session = runtime.InferenceSession(model, options, providers=providers)
    except Exception as error:
        raise ModelFormatError(f"model: onnxruntime cannot read it: {error}") from error
    if device != "cpu" and session.get_providers()[0] != _CUDA:
        raise DeviceError(
            f"device={device!r}: onnxruntime could not load CUDA (driver, CUDA, cuDNN?); "
            "onnxruntime.print_debug_info() says what it found"
        )
    return session


def _without_cuda(device: str, version: str) -> str:
    """Say why there is no CUDA in this onnxruntime."""
    names = {each.metadata["Name"] for each in metadata.distributions()}
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
