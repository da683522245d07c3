"""The first member of a bundle, which says what the others are."""

from __future__ import annotations

import json
from typing import Any

from fastrcf._archive import MAX_BYTES, check_name, first_member
from fastrcf.errors import ModelFormatError

__all__ = ["FORMAT", "MANIFEST", "MAX_MANIFEST", "VERSION", "parse", "read_manifest", "sizes_of"]

FORMAT = "fastrcf bundle"
VERSION = 1
MANIFEST = "manifest.json"
MAX_MANIFEST = 2**24
_MAX_PARTS = 1000

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "kind": str,
    "library": str,
    "fingerprint": (str, type(None)),
    "training": dict,
    "n_features": (int, type(None)),
    "feature_names": (list, type(None)),
    "model": dict,
    "threshold": (dict, type(None)),
    "parts": list,
}


def parse(name: str, data: bytes) -> Any:
    """Read JSON.

    Parameters
    ----------
    name : str
        What it is called in errors.
    data : bytes
        Anything.

    Returns
    -------
    object
        What it says.

    Raises
    ------
    ModelFormatError
        It is not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{name}: not JSON: {error}") from error


def read_manifest(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Read the manifest of a bundle.

    Parameters
    ----------
    data : bytes
        How the bundle begins.

    Returns
    -------
    text : bytes
        The manifest as it was written.
    manifest : dict
        What it says; its members are there and of the right types.

    Raises
    ------
    ModelFormatError
        It is not there, damaged, or of another version.
    """
    if data[:8] == b"FASTRCF\0":
        raise ModelFormatError(
            "the state of a forest or fleet, not a bundle: read it with the load of its class, and "
            "write a bundle with fastrcf.persistence.save"
        )
    text = first_member(data, MANIFEST, MAX_MANIFEST)
    manifest = parse(MANIFEST, text)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFormatError(f"not a bundle of fastrcf ({MANIFEST} does not say so)")
    version = manifest.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ModelFormatError(
            f"version {version!r} of the format is unknown; this fastrcf reads version {VERSION}: "
            f"use the fastrcf that wrote it ({manifest.get('library')}) or a later one"
        )
    for name, kind in _FIELDS.items():
        if name not in manifest or not isinstance(manifest[name], kind):
            raise ModelFormatError(f"{MANIFEST}: {name} is missing or of the wrong type")
    _check_parts(manifest["parts"])
    return text, manifest


def sizes_of(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """List names and sizes of the parts.

    Parameters
    ----------
    manifest : dict
        From `read_manifest`.

    Returns
    -------
    list of (str, int)
        In the order of the bundle.
    """
    return [(part["name"], part["size"]) for part in manifest["parts"]]


def _check_parts(listed: list[Any]) -> None:
    if len(listed) > _MAX_PARTS:
        raise ModelFormatError(f"{MANIFEST}: {len(listed)} parts; at most {_MAX_PARTS} are read")
    for part in listed:
        is_sound = (
            isinstance(part, dict)
            and check_name(part.get("name"))
            and part["name"] != MANIFEST
            and type(part.get("size")) is int
            and 0 <= part["size"] <= MAX_BYTES
            and isinstance(part.get("sha256"), str)
        )
        if not is_sound:
            raise ModelFormatError(f"{MANIFEST}: a part has no sound name, size and checksum")
    names = [part["name"] for part in listed]
    if names != sorted(set(names)):
        raise ModelFormatError(f"{MANIFEST}: the parts are not in order, or one is there twice")
