"""Anomaly detection on streams and tables with a native random cut forest.

``import fastrcf`` loads nothing but this file; each name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf import detectors, metrics, thresholds
    from fastrcf.attribution import Attribution
    from fastrcf.detectors import (
        AutoencoderDetector,
        CascadeDetector,
        Detection,
        ForecastDetector,
        ForestDetector,
        TwoStageDetector,
    )
    from fastrcf.directional import Directional
    from fastrcf.errors import FastRCFError, MissingExtraError, ModelFormatError, NotFittedError
    from fastrcf.fleet import ForestFleet
    from fastrcf.forecasting import Forecast
    from fastrcf.forest import RandomCutForest
    from fastrcf.neighbors import Neighbors
    from fastrcf.neural import (
        ConvClassifier,
        LinearAutoencoder,
        LstmAutoencoder,
        QuantileForecaster,
    )
    from fastrcf.persistence import load, save

    __version__: str

__all__ = [
    "Attribution",
    "AutoencoderDetector",
    "CascadeDetector",
    "ConvClassifier",
    "Detection",
    "Directional",
    "FastRCFError",
    "Forecast",
    "ForecastDetector",
    "ForestDetector",
    "ForestFleet",
    "LinearAutoencoder",
    "LstmAutoencoder",
    "MissingExtraError",
    "ModelFormatError",
    "Neighbors",
    "NotFittedError",
    "QuantileForecaster",
    "RandomCutForest",
    "TwoStageDetector",
    "__version__",
    "detectors",
    "load",
    "metrics",
    "save",
    "thresholds",
]

_HOME = {
    "Directional": "fastrcf.directional",
    "Attribution": "fastrcf.attribution",
    "AutoencoderDetector": "fastrcf.detectors",
    "CascadeDetector": "fastrcf.detectors",
    "ConvClassifier": "fastrcf.neural",
    "Detection": "fastrcf.detectors",
    "FastRCFError": "fastrcf.errors",
    "Forecast": "fastrcf.forecasting",
    "ForecastDetector": "fastrcf.detectors",
    "ForestDetector": "fastrcf.detectors",
    "ForestFleet": "fastrcf.fleet",
    "LinearAutoencoder": "fastrcf.neural",
    "LstmAutoencoder": "fastrcf.neural",
    "MissingExtraError": "fastrcf.errors",
    "ModelFormatError": "fastrcf.errors",
    "Neighbors": "fastrcf.neighbors",
    "NotFittedError": "fastrcf.errors",
    "QuantileForecaster": "fastrcf.neural",
    "RandomCutForest": "fastrcf.forest",
    "TwoStageDetector": "fastrcf.detectors",
    "load": "fastrcf.persistence",
    "save": "fastrcf.persistence",
}


_MODULES = frozenset({"detectors", "metrics", "thresholds"})


def __getattr__(name: str) -> object:
    import importlib

    value: object
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"fastrcf.{name}")
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
