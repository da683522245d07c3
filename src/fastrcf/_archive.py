"""Files in one zip archive whose every byte follows from names and contents.

Members are stored, not packed: nothing can blow up when it is read, and the bytes depend on no
compressor. They have one fixed date and no attributes. So a reader that knows names and contents
knows the whole archive, and whatever differs was not written here. Any zip program can read it.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_BYTES", "archive_size", "check_name", "first_member", "pack_members", "unpack_rest"]

MAX_BYTES = 2**31 - 1
"""Largest archive: beyond, zip needs other fields."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")

_VERSION = 20
_DATE = 0x0021  # 1 January 1980, the first day that zip knows
_DAMAGED = "damaged, or packed anew by another program; take a copy that fastrcf wrote"


def check_name(name: object) -> bool:
    """Tell whether a member may have this name.

    Parameters
    ----------
    name : object
        Anything.

    Returns
    -------
    bool
        True for at most 64 lower-case letters, digits, dots, dashes and underscores, the first and
        the last of them a letter or digit: no folders, nothing that a file system could misread.
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _local(name: bytes, size: int, crc: int) -> bytes:
    fields = (_VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0)
    return _LOCAL.pack(b"PK\3\4", *fields) + name


def _directory(members: list[tuple[bytes, int, int]]) -> bytes:
    """List the members: names, sizes and checksums."""
    entries, offset = [], 0
    for name, size, crc in members:
        fields = (_VERSION, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0, 0, 0)
        entries.append(_ENTRY.pack(b"PK\1\2", *fields, offset) + name)
        offset += _LOCAL.size + len(name) + size
    listing = b"".join(entries)
    count = len(members)
    return listing + _END.pack(b"PK\5\6", 0, 0, count, count, len(listing), offset, 0)


def archive_size(sizes: Iterable[tuple[str, int]]) -> int:
    """Compute the size of an archive.

    Parameters
    ----------
    sizes : iterable of (str, int)
        Names and sizes of its members.

    Returns
    -------
    int
        In bytes.
    """
    each = (_LOCAL.size + _ENTRY.size + 2 * len(name) + size for name, size in sizes)
    return _END.size + sum(each)


def pack_members(members: list[tuple[str, bytes]]) -> bytes:
    """Make an archive.

    Parameters
    ----------
    members : list of (str, bytes)
        Names and contents, in order.

    Returns
    -------
    bytes
        The archive.

    Raises
    ------
    ValueError
        It would be larger than 2 GiB.
    """
    total = archive_size((name, len(data)) for name, data in members)
    if total > MAX_BYTES:
        raise ValueError(f"model: too large for one file: {total:,} bytes, at most {MAX_BYTES:,}")
    heads = [(name.encode(), len(data), zlib.crc32(data)) for name, data in members]
    pieces = [
        piece
        for head, (_, data) in zip(heads, members, strict=True)
        for piece in (_local(*head), data)
    ]
    return b"".join([*pieces, _directory(heads)])


def first_member(data: bytes, name: str, limit: int) -> bytes:
    """Read the first member of an archive; the rest need not be there.

    Parameters
    ----------
    data : bytes
        How the archive begins.
    name : str
        What the member must be called.
    limit : int
        The largest size to be believed.

    Returns
    -------
    bytes
        Its contents.

    Raises
    ------
    ModelFormatError
        It is not there, or damaged.
    """
    if data[:4] != b"PK\3\4"[: len(data)] or not data:
        raise ModelFormatError("not a bundle of fastrcf (it does not begin as a zip archive does)")
    if len(data) < _LOCAL.size:
        raise ModelFormatError(f"cut short, only {len(data)} bytes; take another copy")
    _, _, flags, method, _, _, crc, packed, size, name_size, extra = _LOCAL.unpack_from(data)
    start = _LOCAL.size + name_size + extra
    found = data[_LOCAL.size : _LOCAL.size + name_size]
    if found != name.encode():
        raise ModelFormatError(f"not a bundle of fastrcf: the first member is not {name}")
    if flags or method or packed != size:
        raise ModelFormatError(f"{name}: {_DAMAGED}")
    if size > limit:
        raise ModelFormatError(f"{name}: {size:,} bytes; at most {limit:,} are read")
    contents = data[start : start + size]
    if len(contents) < size:
        raise ModelFormatError("cut short in its first member; take another copy")
    if zlib.crc32(contents) != crc:
        raise ModelFormatError(f"{name}: damaged (the checksum does not match); take another copy")
    return contents


def unpack_rest(data: bytes, first: tuple[str, bytes], sizes: list[tuple[str, int]]) -> list[bytes]:
    """Read the other members, and check every byte of the archive.

    Parameters
    ----------
    data : bytes
        The archive.
    first : (str, bytes)
        Name and contents of the first member.
    sizes : list of (str, int)
        Names and sizes of the others.

    Returns
    -------
    list of bytes
        Their contents.

    Raises
    ------
    ModelFormatError
        The archive is not the one that follows from the members.
    """
    names = [first[0], *(name for name, _ in sizes)]
    lengths = [len(first[1]), *(size for _, size in sizes)]
    total = archive_size(zip(names, lengths, strict=True))
    if len(data) != total:
        what = "cut short, or parts are missing" if len(data) < total else "there are extra parts"
        raise ModelFormatError(f"{what}: {len(data):,} bytes instead of {total:,}")
    heads, contents, place = [], [], 0
    for name, length in zip(names, lengths, strict=True):
        start = place + _LOCAL.size + len(name)
        member = data[start : start + length]
        heads.append((name.encode(), length, zlib.crc32(member)))
        if data[place:start] != _local(*heads[-1]):
            raise ModelFormatError(f"{name}: {_DAMAGED}")
        contents.append(member)
        place = start + length
    if data[place:] != _directory(heads):
        raise ModelFormatError(f"the list of members: {_DAMAGED}")
    return contents[1:]
