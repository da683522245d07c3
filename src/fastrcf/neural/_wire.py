"""A reader of ONNX files that looks for what must not be in a model from outside.

Only the wire format of Protocol Buffers is read (https://protobuf.dev/programming-guides/encoding)
and only the messages in which tensors and graphs can stand (field numbers of onnx.proto3): enough
to refuse a model before onnxruntime sees it, without the package onnx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_MODEL_BYTES", "check_model"]

MAX_MODEL_BYTES = 512 * 2**20
_MAX_DEPTH = 64  # of messages in messages: a loop in a loop takes 3

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# From a message to those of its fields that hold messages to be looked at.
_FIELDS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 8: "OperatorSet", 20: "Training", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph"}
    | {22: "SparseTensor", 23: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Training": {1: "Graph", 2: "Graph"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
    "OperatorSet": {},
}
_DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft")


def check_model(model: bytes) -> None:
    """Check that bytes are an ONNX model that refers to nothing outside of itself.

    Parameters
    ----------
    model : bytes
        The file's content.

    Raises
    ------
    TypeError
        It is not bytes.
    ModelFormatError
        It is too large, truncated, no ONNX model, keeps weights in other files, or needs operators
        beyond those of ONNX and onnxruntime.
    """
    if not isinstance(model, bytes):
        raise TypeError(f"model: expected bytes, got {type(model).__name__}")
    if len(model) > MAX_MODEL_BYTES:
        raise ModelFormatError(
            f"model: {len(model)} bytes are more than the {MAX_MODEL_BYTES} that are allowed"
        )
    if model[4:8] == b"ORTM":
        raise ModelFormatError(
            "model: expected ONNX, got the format that onnxruntime has of its own"
        )
    view = memoryview(model)
    found = {number for number, _, _ in _fields(view)}
    if 7 not in found:
        raise ModelFormatError("model: not an ONNX model, no graph in it")
    _look(view, "Model", 0)


def _look(message: memoryview, kind: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ModelFormatError("model: graphs are nested too deeply")
    inner = _FIELDS[kind]
    for number, wire, value in _fields(message):
        if number in inner:
            if wire != _BYTES or isinstance(value, int):
                raise ModelFormatError(f"model: field {number} of {kind} has wire type {wire}")
            _look(value, inner[number], depth + 1)
        elif kind == "Tensor" and (number == 13 or (number == 14 and value != 0)):
            raise ModelFormatError(
                "model: weights in other files are not allowed; save it as one file"
            )
        elif isinstance(value, memoryview):
            _check_name(kind, number, value)


def _check_name(kind: str, number: int, value: memoryview) -> None:
    if (kind, number) in (("Node", 7), ("OperatorSet", 1)) and bytes(value) not in _DOMAINS:
        raise ModelFormatError(f"model: operators of {_text(value)!r} are not allowed")
    if (kind, number) == ("Node", 4) and bytes(value) == b"EPContext":
        raise ModelFormatError("model: the operator EPContext, which reads files, is not allowed")


def _text(value: memoryview) -> str:
    return bytes(value[:60]).decode("utf-8", "replace")


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview | int]]:
    """Give number, wire type and value of each field: bytes, or a whole number."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, place = _varint(message, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ModelFormatError(f"model: not an ONNX model, wire type {wire} at byte {place}")
        if number == 0 or size > len(message) - place:
            raise ModelFormatError("model: not an ONNX model, or truncated")
        yield number, wire, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for count in range(10):
        if place >= len(message):
            raise ModelFormatError("model: not an ONNX model, or truncated")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place
    raise ModelFormatError("model: not an ONNX model, a number that does not end")
