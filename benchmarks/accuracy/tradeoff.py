"""What a cascade gains and costs by its budget: ``python -m benchmarks.accuracy.tradeoff``.

Forest and network are trained once for each series; only the bar between them changes. The first
line is the forest alone, the last the network alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy import data, judges, protocols

BUDGETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each budget: the means over the series."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.tradeoff")
    parser.add_argument("--only", default="asd", help="protocols with a training part, by comma")
    parser.add_argument("--lstm", action="store_true", help="an LSTM instead of dense layers")
    options = parser.parse_args(arguments)
    for protocol in protocols.choose(options.only.split(",")):
        if not protocol.frozen:
            continue
        lines = [
            curve(protocol, data.load(protocol.collection, name), lstm=options.lstm)
            for name in data.names(protocol.collection)
        ]
        print(f"\n{protocol.name}\n\n| budget | rows looked at | VUS-PR | µs a row |")
        print("| --- | --- | --- | --- |")
        for place, (label, *_) in enumerate(lines[0]):
            share, quality, cost = np.mean([line[place][1:] for line in lines], axis=0)
            print(f"| {label} | {share:.3f} | {quality:.3f} | {cost:.2f} |")


def curve(
    protocol: protocols.Protocol, series: data.Series, *, lstm: bool
) -> list[tuple[str, float, float, float]]:
    """Return label, share of rows looked at, VUS-PR and microseconds a row of each budget."""
    from fastrcf.detectors import AutoencoderDetector, CascadeDetector
    from fastrcf.detectors.doubt import Doubt
    from fastrcf.neural import LstmAutoencoder

    task = protocol.ask(series)
    assert task.train is not None
    network = LstmAutoencoder(window_size=10, encoder=(64, 32), epochs=20) if lstm else None
    cascade = CascadeDetector(network, random_state=1).fit(task.train)
    engine = cascade._engine
    levels = engine.forest.levels(np.asarray(task.train), learn=False)

    def judged(label: str, score: Callable[[Any], Any]) -> tuple[str, float, float, float]:
        started = time.perf_counter()
        scores = score(task.rows)
        cost = 1e6 * (time.perf_counter() - started) / len(task.rows)
        quality = judges.volume(series, scores[task.skip :]).figures["VUS-PR"]
        return label, share(label), quality, cost

    def share(label: str) -> float:
        if label in {"forest", "network"}:
            return float(label == "network")
        found = engine.forest.levels(task.rows, learn=False)
        return float(engine.doubt.choose(found, learn=False)[0].mean())

    lines = [judged("forest", engine.forest.score)]
    for budget in BUDGETS:
        engine.doubt = Doubt(budget)
        engine.doubt.begin(levels)
        lines.append(judged(str(budget), cascade.score))
    alone = AutoencoderDetector(network)
    alone._install(alone._new_engine(engine.names), None)
    alone._engine.source, alone._engine.law = engine.source, engine.law
    return [*lines, judged("network", alone.score)]


if __name__ == "__main__":
    main()
