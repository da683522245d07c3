"""Anomaly detection on streams and tables: a native random cut forest, and networks over windows.

``import fastrcf`` loads nothing but this file; each name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf import detectors, events, metrics, neural, scaling, thresholds, windowing
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
    from fastrcf.errors import (
        DeviceError,
        FastRCFError,
        MissingExtraError,
        ModelFormatError,
        NotFittedError,
        TrainingError,
    )
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
    "DeviceError",
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
    "TrainingError",
    "TwoStageDetector",
    "__version__",
    "detectors",
    "events",
    "load",
    "metrics",
    "neural",
    "save",
    "scaling",
    "thresholds",
    "windowing",
]

_HOME = {
    "Directional": "fastrcf.directional",
    "Attribution": "fastrcf.attribution",
    "AutoencoderDetector": "fastrcf.detectors",
    "CascadeDetector": "fastrcf.detectors",
    "ConvClassifier": "fastrcf.neural",
    "Detection": "fastrcf.detectors",
    "DeviceError": "fastrcf.errors",
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
    "TrainingError": "fastrcf.errors",
    "TwoStageDetector": "fastrcf.detectors",
    "load": "fastrcf.persistence",
    "save": "fastrcf.persistence",
}


_MODULES = frozenset(
    {"detectors", "events", "metrics", "neural", "scaling", "thresholds", "windowing"}
)


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
