"""How well detectors find labelled anomalies: ``python -m benchmarks.accuracy``."""
