"""Anomaly detection on streams and tables with a native random cut forest.

``import fastrcf`` loads nothing but this file; each name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf.errors import FastRCFError, MissingExtraError, ModelFormatError, NotFittedError
    from fastrcf.forecasting import Forecast
    from fastrcf.forest import RandomCutForest

    __version__: str

__all__ = [
    "FastRCFError",
    "Forecast",
    "MissingExtraError",
    "ModelFormatError",
    "NotFittedError",
    "RandomCutForest",
    "__version__",
]

_HOME = {
    "FastRCFError": "fastrcf.errors",
    "Forecast": "fastrcf.forecasting",
    "MissingExtraError": "fastrcf.errors",
    "ModelFormatError": "fastrcf.errors",
    "NotFittedError": "fastrcf.errors",
    "RandomCutForest": "fastrcf.forest",
}


def __getattr__(name: str) -> object:
    value: object
    if name in _HOME:
        import importlib

        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name == "__version__":
        value = _version()
    else:
        raise AttributeError(f"module 'fastrcf' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fastrcf")
    except PackageNotFoundError:  # unpacked without its metadata, as small deployments do
        from fastrcf import _core

        return _core.version()
