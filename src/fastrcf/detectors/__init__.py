"""Detectors: from rows to few alarms."""

from fastrcf.detectors.base import Detector
from fastrcf.detectors.detection import Detection
from fastrcf.detectors.forest import ForestDetector

__all__ = ["Detection", "Detector", "ForestDetector"]
