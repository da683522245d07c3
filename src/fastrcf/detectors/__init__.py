"""Detectors: from rows to few alarms."""

from fastrcf.detectors.autoencoder import AutoencoderDetector
from fastrcf.detectors.base import Detector
from fastrcf.detectors.cascade import CascadeDetector
from fastrcf.detectors.detection import Detection
from fastrcf.detectors.forecast import ForecastDetector
from fastrcf.detectors.forest import ForestDetector
from fastrcf.detectors.two_stage import TwoStageDetector

__all__ = [
    "AutoencoderDetector",
    "CascadeDetector",
    "Detection",
    "Detector",
    "ForecastDetector",
    "ForestDetector",
    "TwoStageDetector",
]
