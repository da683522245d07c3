"""What anomalies in the training rows cost: ``python -m benchmarks.accuracy.contaminated``.

Labelled events of the test half are put over rows of the training half, at seeded places, every
second one, again and again until they make up a given share; then all of the test half is scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy import data, judges


def main(arguments: Sequence[str] | None = None) -> None:
    """Print VUS-PR of each detector, by series and in the mean."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.contaminated")
    parser.add_argument("--only", default="asd", help="asd or smd")
    parser.add_argument("--share", type=float, default=0.05, help="of anomalous training rows")
    parser.add_argument("--epochs", type=int, default=50, help="of each training, at most")
    options = parser.parse_args(arguments)
    figures: dict[str, list[float]] = {}
    for name in data.names(options.only):
        series = data.load(options.only, name)
        assert series.train is not None
        dirty = contaminated(series, options.share, np.random.default_rng(0))
        for label, make, train in contenders(series.train, dirty, options.epochs):
            scores = make().fit(train).score(series.values)
            figures.setdefault(label, []).append(judges.volume(series, scores).figures["VUS-PR"])
    for label, values in figures.items():
        print(f"| {label} | {np.mean(values):.3f} | {' '.join(f'{v:.2f}' for v in values)} |")


def contaminated(series: data.Series, share: float, rng: np.random.Generator) -> data.FloatArray:
    """Return the training rows with labelled events over a share of them."""
    assert series.train is not None
    rows = series.train.copy()
    is_anomalous = np.zeros(len(rows), bool)
    while is_anomalous.mean() < share:
        for start, stop in series.windows[::2]:
            place = int(rng.integers(0, len(rows) - (stop - start)))
            rows[place : place + stop - start] = series.values[start:stop]
            is_anomalous[place : place + stop - start] = True
    return rows


def contenders(
    clean: data.FloatArray, dirty: data.FloatArray, epochs: int
) -> list[tuple[str, Callable[[], Any], data.FloatArray]]:
    """Return what is compared: a name, how it is made, and what it learns."""
    from fastrcf.detectors import AutoencoderDetector, TwoStageDetector
    from fastrcf.neural import LinearAutoencoder

    network = LinearAutoencoder(window_size=10, hidden=(250, 32, 250), epochs=epochs)

    def two_stages(first: str) -> Callable[[], Any]:
        return lambda: TwoStageDetector(network, first=first)

    return [
        ("autoencoder, clean rows", lambda: AutoencoderDetector(network), clean),
        ("autoencoder, contaminated rows", lambda: AutoencoderDetector(network), dirty),
        ("two stages, forest first", two_stages("forest"), dirty),
        ("two stages, autoencoder first", two_stages("autoencoder"), dirty),
    ]


if __name__ == "__main__":
    main()
