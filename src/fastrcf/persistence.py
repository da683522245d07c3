"""One file for a model with all that belongs to it: a bundle.

A bundle is a zip archive that any zip program can read. Its first member, ``manifest.json``, says
what the model is: version of the format, kind of model, version of fastrcf, fingerprint, training
range, columns, threshold, and name, size and SHA-256 of every part. The parts hold the model, and
``threshold.json`` its threshold. Equal models make equal bytes. Nothing is ever executed when a
bundle is read, and every byte of it is checked, so that it need not be trusted.

A class of models takes part by three members: ``_bundle_kind``, its name in the manifest;
``_to_parts()``, which gives a section of the manifest (what JSON holds) and the parts (bytes by
name); and the class method ``_from_parts(section, parts)``. The kinds that can be read are fixed
here.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from fastrcf import _core
from fastrcf._archive import MAX_BYTES, archive_size, pack_members, unpack_rest
from fastrcf._forest.checks import integer
from fastrcf._forest.container import write_whole
from fastrcf._manifest import (
    FORMAT,
    MANIFEST,
    MAX_MANIFEST,
    VERSION,
    parse,
    read_manifest,
    sizes_of,
)
from fastrcf.errors import ModelFormatError, NotFittedError
from fastrcf.thresholds import Threshold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastrcf._typing import StrPath

__all__ = ["Bundled", "from_bytes", "inspect", "load", "save", "to_bytes"]

_THRESHOLD = "threshold.json"

_HOME = {
    "AutoencoderDetector": "fastrcf.detectors",
    "CascadeDetector": "fastrcf.detectors",
    "ConvClassifier": "fastrcf.neural",
    "ForecastDetector": "fastrcf.detectors",
    "ForestDetector": "fastrcf.detectors",
    "ForestFleet": "fastrcf.fleet",
    "LinearAutoencoder": "fastrcf.neural",
    "LstmAutoencoder": "fastrcf.neural",
    "QuantileForecaster": "fastrcf.neural.forecaster",
    "RandomCutForest": "fastrcf.forest",
    "TwoStageDetector": "fastrcf.detectors",
}
"""Kinds of models and their modules; a kind is the name of its class."""


class Bundled(Protocol):
    """What a model must have to go into a bundle."""

    _bundle_kind: str

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give a section of the manifest, and the parts by name."""

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:
        """Make a model of them; whatever is wrong with them is an error."""


def save(
    model: Bundled,
    path: StrPath,
    threshold: Threshold | None = None,
    *,
    training: Mapping[str, Any] | None = None,
) -> None:
    """Write a model to a bundle, whole or not at all.

    Parameters
    ----------
    model : RandomCutForest, ForestFleet or ForestDetector
        The model.
    path : str or os.PathLike
        The file. One that exists is replaced in one step, after the bytes are on the disk.
    threshold : Threshold, optional
        For the scores of this model; by default its attribute `threshold`, if it has one.
    training : mapping, optional
        The range of the training data: ``first`` and ``last``, row numbers or times as numbers or
        text, and ``rows``. By default the number of rows that the model has seen.

    Raises
    ------
    TypeError
        The model, the threshold or the range is of the wrong type.
    ValueError
        The threshold belongs to another model, or the model is larger than 2 GiB.
    OSError
        The file cannot be written; what was there before still is.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf import RandomCutForest, persistence
    >>> from fastrcf.thresholds import SigmaThreshold
    >>> forest = RandomCutForest(n_trees=10)
    >>> scores = forest.score_update(np.sin(np.arange(500.0)))
    >>> threshold = SigmaThreshold().fit(scores, fingerprint=forest.fingerprint)
    >>> persistence.save(forest, "model.frcf", threshold)
    >>> twin = persistence.load("model.frcf")
    >>> twin.threshold == threshold
    True
    >>> persistence.inspect("model.frcf")["kind"]
    'RandomCutForest'
    """
    write_whole(path, to_bytes(model, threshold, training=training))


def load(path: StrPath, *, max_bytes: int = 2**30) -> Any:
    """Read a model from a bundle.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It need not be trusted.
    max_bytes : int, default 1 GiB
        A larger file is not read.

    Returns
    -------
    RandomCutForest, ForestFleet or ForestDetector
        The model, going on with the same bits. Its attribute `threshold` is what was saved with it,
        or None.

    Raises
    ------
    ModelFormatError
        The file is not a bundle that this version can read; the message says what to do.
    OSError
        The file cannot be read; `FileNotFoundError` if there is none.
    """
    limit = integer("max_bytes", max_bytes, 1, MAX_BYTES)
    with _about(path), Path(path).open("rb") as file:
        data = file.read(limit + 1)
        if len(data) > limit:
            raise ModelFormatError(
                f"more than {limit:,} bytes; give load a larger max_bytes if the file is yours"
            )
        return from_bytes(data)


def inspect(path: StrPath) -> dict[str, Any]:
    """Read the manifest of a bundle, and nothing else.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It need not be trusted.

    Returns
    -------
    dict
        ``format``, ``version``, ``kind``, ``library``, ``fingerprint``, ``training``,
        ``n_features``, ``feature_names``, ``model``, ``threshold`` and ``parts``.

    Raises
    ------
    ModelFormatError
        The file is not a bundle that this version can read, or has not the size that its manifest
        says. Damage to a part is found by `load` alone.
    OSError
        The file cannot be read.
    """
    with _about(path), Path(path).open("rb") as file:
        text, manifest = read_manifest(file.read(MAX_MANIFEST + 1024))
        expected = archive_size([(MANIFEST, len(text)), *sizes_of(manifest)])
        found = file.seek(0, os.SEEK_END)
        if expected != found:
            raise ModelFormatError(
                f"{found:,} bytes, but its manifest says {expected:,}; take another copy"
            )
    return manifest


def to_bytes(
    model: Bundled,
    threshold: Threshold | None = None,
    *,
    training: Mapping[str, Any] | None = None,
) -> bytes:
    """Give the bytes of a bundle.

    Parameters
    ----------
    model, threshold, training
        As for `save`.

    Returns
    -------
    bytes
        Equal for equal models.

    Raises
    ------
    TypeError, ValueError
        As for `save`.
    """
    kind = getattr(model, "_bundle_kind", None)
    if kind not in _HOME or isinstance(model, type):
        raise TypeError(f"model: expected one of {sorted(_HOME)}, got {type(model).__name__}")
    threshold = getattr(model, "threshold", None) if threshold is None else threshold
    fingerprint = _fingerprint(model)
    section, parts = model._to_parts()  # noqa: SLF001 - the protocol
    if threshold is not None:
        parts = {**parts, _THRESHOLD: _dump(_checked(threshold, fingerprint).to_dict())}
    names = getattr(model, "feature_names_in_", None)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "library": _core.version(),
        "fingerprint": fingerprint,
        "training": _training(model, training),
        "n_features": getattr(model, "n_features_in_", None),
        "feature_names": None if names is None else [str(name) for name in names],
        "model": section,
        "threshold": None if threshold is None else _summary(threshold),
        "parts": [
            {"name": name, "size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
            for name, part in sorted(parts.items())
        ],
    }
    text = _dump(manifest)
    if len(text) > MAX_MANIFEST:
        raise ValueError(f"model: {len(text):,} bytes of manifest; at most {MAX_MANIFEST:,}")
    return pack_members([(MANIFEST, text), *sorted(parts.items())])


def from_bytes(data: bytes | bytearray | memoryview) -> Any:
    """Make a model from the bytes of a bundle.

    Parameters
    ----------
    data : bytes-like
        The bytes. They need not be trusted.

    Returns
    -------
    RandomCutForest, ForestFleet or ForestDetector
        As `load` gives it.

    Raises
    ------
    ModelFormatError
        The bytes are not a bundle that this version can read; the message says what to do.
    TypeError
        `data` is not bytes.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data: expected bytes, got {type(data).__name__}")
    data = bytes(data)
    text, manifest = read_manifest(data)
    contents = unpack_rest(data, (MANIFEST, text), sizes_of(manifest))
    parts = {}
    for part, member in zip(manifest["parts"], contents, strict=True):
        if hashlib.sha256(member).hexdigest() != part["sha256"]:
            raise ModelFormatError(f"{part['name']}: damaged (the checksum does not match)")
        parts[part["name"]] = member
    saved = parts.pop(_THRESHOLD, None)
    if (saved is None) != (manifest["threshold"] is None):
        raise ModelFormatError(f"{_THRESHOLD}: the manifest says something else than the parts")
    kind = _kind(manifest["kind"])
    try:
        model = kind._from_parts(manifest["model"], parts)  # noqa: SLF001 - the protocol
        threshold = None if saved is None else _threshold(saved, manifest, model)
    except ModelFormatError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ModelFormatError(f"the parts do not make a model: {error}") from error
    cast("Any", model).threshold = threshold
    return model


@contextmanager
def _about(path: StrPath) -> Iterator[None]:
    """Let errors name the file."""
    try:
        yield
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _kind(name: str) -> type[Bundled]:
    if name not in _HOME:
        raise ModelFormatError(
            f"a model of the kind {name!r}, which this fastrcf does not know; it knows "
            f"{sorted(_HOME)}: use the fastrcf that wrote it or a later one"
        )
    return cast("type[Bundled]", getattr(importlib.import_module(_HOME[name]), name))


def _fingerprint(model: object) -> str | None:
    try:
        return cast("str | None", getattr(model, "fingerprint", None))
    except NotFittedError:
        return None


def _checked(threshold: object, fingerprint: str | None) -> Threshold:
    if not isinstance(threshold, Threshold):
        raise TypeError(f"threshold: expected a Threshold or None, got {type(threshold).__name__}")
    if threshold.fingerprint not in {None, fingerprint}:
        raise ValueError(
            f"threshold: made from scores of the model {threshold.fingerprint!r}, but this model "
            f"is {fingerprint!r}: fit a threshold on the scores of this model"
        )
    return threshold


def _threshold(saved: bytes, manifest: dict[str, Any], model: object) -> Threshold:
    """Read the threshold; one that was bound to the model as it was saved is so still."""
    threshold = _checked(Threshold.from_dict(parse(_THRESHOLD, saved)), manifest["fingerprint"])
    if threshold.fingerprint is None:
        return threshold
    # A later fastrcf may have more options, and so another fingerprint of the same model.
    return Threshold.from_dict({**threshold.to_dict(), "fingerprint": _fingerprint(model)})


def _summary(threshold: Threshold) -> dict[str, Any]:
    """Say what a threshold is, for people."""
    whole = threshold.to_dict()
    return {
        "type": whole["type"],
        "options": whole["options"],
        "cutoff": threshold.cutoff_ if threshold.ready else None,
        "n_seen": threshold.n_seen_,
    }


def _training(model: object, training: Mapping[str, Any] | None) -> dict[str, Any]:
    given = dict(training or {})
    n_seen = getattr(model, "n_seen", getattr(model, "n_seen_", None))  # of a fleet it is a method
    known = {"first": None, "last": None, "rows": n_seen if isinstance(n_seen, int) else None}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"training: expected {sorted(known)}, got {name!r}")
        is_plain = isinstance(value, str | int | float | type(None)) and value == value  # noqa: PLR0124
        if not is_plain or (name == "rows" and not isinstance(value, int | None)):
            raise TypeError(f"training: expected {name} as a number or text, got {value!r}")
    return {**known, **given}
