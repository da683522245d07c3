r"""The bytes of a model: a small container around the native state, and files written whole.

Layout, little-endian throughout::

    0   8  magic   b"FASTRCF\0"
    8   2  version of this layout (1)
    10  2  reserved, 0
    12  4  length of the header in bytes
    16  8  length of the native state in bytes; 0 for a forest that has learned nothing
    24  .  header: UTF-8 JSON, an object
    .   .  native state
    .   4  CRC-32 of everything before it
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import secrets
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastrcf._typing import StrPath

__all__ = ["only_part", "pack", "plain", "read_whole", "unpack", "write_whole"]

Model = TypeVar("Model")

_MAGIC = b"FASTRCF\0"
_VERSION = 1
_HEAD = struct.Struct("<8sHHIQ")
_CRC = struct.Struct("<I")


def plain(value: Any) -> Any:
    """Turn a parameter into what JSON holds.

    Parameters
    ----------
    value : None, str, number or sequence of numbers
        A checked parameter, possibly of one of NumPy's types.

    Returns
    -------
    None, str, int, float or list
        The same value.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return [plain(each) for each in value]
    try:
        return operator.index(value)
    except TypeError:
        return float(value)


def pack(header: dict[str, Any], core: bytes) -> bytes:
    """Put a header and a native state into one piece.

    Parameters
    ----------
    header : dict
        What JSON can hold.
    core : bytes
        The native state, possibly empty.

    Returns
    -------
    bytes
        Equal for equal arguments.
    """
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    body = _HEAD.pack(_MAGIC, _VERSION, 0, len(text), len(core)) + text + core
    return body + _CRC.pack(zlib.crc32(body))


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Take apart what `pack` put together.

    Parameters
    ----------
    data : bytes
        Anything.

    Returns
    -------
    header : dict
        The header.
    core : bytes
        The native state.

    Raises
    ------
    ModelFormatError
        The bytes are not what `pack` makes: foreign, cut short, changed or of a later version.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise ModelFormatError("data: not a fastrcf model (the first bytes are not its mark)")
    if len(data) < _HEAD.size + _CRC.size:
        raise ModelFormatError(f"data: cut short, only {len(data)} bytes")
    _, version, reserved, text_size, core_size = _HEAD.unpack_from(data)
    if version != _VERSION or reserved != 0:
        raise ModelFormatError(
            f"data: version {version} of the format is unknown; this is version {_VERSION}. "
            "Read it with the fastrcf that wrote it or a later one"
        )
    expected = _HEAD.size + text_size + core_size + _CRC.size
    if len(data) != expected:
        raise ModelFormatError(f"data: expected {expected} bytes, got {len(data)}")
    body = memoryview(data)[: -_CRC.size]
    if (zlib.crc32(body),) != _CRC.unpack_from(data, len(body)):
        raise ModelFormatError("data: damaged (the checksum does not match)")
    try:
        header = json.loads(bytes(body[_HEAD.size : _HEAD.size + text_size]))
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"data: the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ModelFormatError("data: the header is not a JSON object")
    return header, bytes(body[_HEAD.size + text_size :])


def only_part(name: str, parts: dict[str, bytes]) -> bytes:
    """Give the one part of a bundle that is to be there.

    Parameters
    ----------
    name : str
        Of the part.
    parts : dict
        Parts by name.

    Returns
    -------
    bytes
        The part.

    Raises
    ------
    ModelFormatError
        There are others, or it is not there.
    """
    if set(parts) != {name}:
        raise ModelFormatError(f"parts: expected {[name]}, got {sorted(parts)}")
    return parts[name]


def read_whole(path: StrPath, make: Callable[[bytes], Model]) -> Model:
    """Make a model from a file.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    make : callable
        Makes the model from the bytes.

    Returns
    -------
    object
        What `make` gave.

    Raises
    ------
    ModelFormatError
        As `make` raised it, with the name of the file.
    OSError
        The file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        return make(data)
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def write_whole(path: StrPath, data: bytes) -> None:
    """Write a file so that a reader sees all of it, or what was there before.

    The bytes go to a new file beside the old one, reach the disk, and take the old one's place. A
    symbolic link stays a link: the file that it names is replaced.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    data : bytes
        Its new contents.

    Raises
    ------
    OSError
        The file cannot be written; what was there before still is.
    """
    target = Path(path).resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last as well, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
