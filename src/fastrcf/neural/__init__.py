"""Networks over windows: specs, training in PyTorch, ONNX graphs, scoring by ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastrcf.neural.autoencoder import LinearAutoencoder, LstmAutoencoder
    from fastrcf.neural.classifier import ConvClassifier
    from fastrcf.neural.forecaster import QuantileForecaster
    from fastrcf.neural.records import Record
    from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec

__all__ = [
    "ConvClassifier",
    "ConvSpec",
    "LinearAutoencoder",
    "LinearSpec",
    "LstmAutoencoder",
    "LstmSpec",
    "QuantileForecaster",
    "Record",
]

_HOME = {
    "ConvClassifier": "fastrcf.neural.classifier",
    "ConvSpec": "fastrcf.neural.spec",
    "LinearAutoencoder": "fastrcf.neural.autoencoder",
    "LinearSpec": "fastrcf.neural.spec",
    "LstmAutoencoder": "fastrcf.neural.autoencoder",
    "LstmSpec": "fastrcf.neural.spec",
    "QuantileForecaster": "fastrcf.neural.forecaster",
    "Record": "fastrcf.neural.records",
}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOME:
        raise AttributeError(f"module 'fastrcf.neural' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
