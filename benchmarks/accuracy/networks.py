"""Detectors with networks: trained on the training part, then frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.accuracy.data import FloatArray

Score = Callable[[FloatArray | None, FloatArray], FloatArray]


def autoencoder(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with `AutoencoderDetector` at its defaults."""
    from fastrcf.detectors import AutoencoderDetector

    return _score(AutoencoderDetector(), train, rows)


def lstm(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with `AutoencoderDetector` of an LSTM with layers of 64 and 32 units."""
    from fastrcf.detectors import AutoencoderDetector
    from fastrcf.neural import LstmAutoencoder

    network = LstmAutoencoder(window_size=10, encoder=(64, 32), epochs=30)
    return _score(AutoencoderDetector(network), train, rows)


def two_stage(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with `TwoStageDetector` at its defaults."""
    from fastrcf.detectors import TwoStageDetector

    return _score(TwoStageDetector(), train, rows)


def cascade(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with `CascadeDetector` at its defaults."""
    from fastrcf.detectors import CascadeDetector

    return _score(CascadeDetector(), train, rows)


def _score(detector: Any, train: FloatArray | None, rows: FloatArray) -> FloatArray:
    return np.asarray(detector.fit(train).score(rows))
