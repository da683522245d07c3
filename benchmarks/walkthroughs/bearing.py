"""Bearing vibration: the walkthrough's autoencoder, the default detector, honest normals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy.data import FloatArray, Labels
from benchmarks.walkthroughs import baseline, data
from benchmarks.walkthroughs.judging import Verdict, by_cutoff, judge
from benchmarks.walkthroughs.parallel import each
from benchmarks.walkthroughs.tables import RATES, rates, table
from fastrcf import AutoencoderDetector
from fastrcf.detectors.templates import usual
from fastrcf.neural import LstmAutoencoder

ALL, BOTH = ("DE", "FE", "BA"), ("DE", "FE")
FIRST, LAST = 122_000, 123_000
"""The walkthrough's test rows of B007_0 followed by OR007@3_0; the fault begins at row 122,571."""

RECENT = 20_000
"""Rows before the test rows that the default detector learns: 1.7 s of vibration."""

WINDOW = 5
PUBLISHED = ("published", 0.9639, "", 0.9661, 0.0137, 0.0541, "")
FAULTS = ("B007_0", "OR007@3_0", "IR007_0", "B014_0")


@cache
def rows() -> tuple[FloatArray, Labels]:
    """B007_0, taken for normal, then OR007@3_0, labelled 1."""
    ball, outer = (data.bearing(name, ALL) for name in ("B007_0", "OR007@3_0"))
    labels = np.zeros(len(ball) + len(outer), np.int8)
    labels[len(ball) :] = 1
    return np.concatenate([ball, outer]), labels


def recurrent(seed: int, **options: Any) -> LstmAutoencoder:
    """Make the walkthrough's network; windows for training do not overlap."""
    short: dict[str, Any] = {"epochs": 10, "patience": 2, "stride": WINDOW, "device": "cpu"}
    return LstmAutoencoder(
        window_size=WINDOW,
        encoder=(2,),
        decoder=(4,),
        output="sigmoid",
        scaler="minmax",
        error="mae",
        random_state=seed,
        **(short | options),
    )


def walkthrough(seed: int, **options: Any) -> Verdict:
    """Train on what comes before the test rows; one score per window, the label of its last row."""
    values, labels = rows()
    model = recurrent(seed, **options).fit(values[:FIRST])
    return judge(model.window_scores(values[FIRST:LAST]), labels[FIRST + WINDOW - 1 : LAST], seed)


def detector(seed: int, **options: Any) -> AutoencoderDetector:
    """Make the default detector, with another seed."""
    return AutoencoderDetector(usual().set_params(random_state=seed, device="cpu", **options))


def ours(seed: int, **options: Any) -> Verdict:
    """Let the default detector score each test row by what came before it."""
    values, labels = rows()
    found = detector(seed, **options).fit(values[FIRST - RECENT : FIRST])
    return judge(found.score(values[FIRST:LAST]), labels[FIRST:LAST], seed)


class Honest(NamedTuple):
    """One kind of fault against a bearing that has none."""

    network: Verdict
    """The walkthrough's, its threshold chosen by labels."""

    detector: Verdict
    """The default detector's, likewise."""

    alone: Verdict
    """The default detector's by its own cutoff, without any label."""


def honest(seed: int, **options: Any) -> dict[str, Honest]:
    """Train on a bearing without fault; test on the rest of its recording and on every fault.

    Normal_0 has no third channel, so there are two.
    """
    normal = data.bearing("Normal_0", BOTH)
    split = int(0.6 * len(normal))
    network = recurrent(seed, **options).fit(normal[:split])
    found = detector(seed, **({"stride": WINDOW} | options)).fit(normal[:split])
    calm = network.window_scores(normal[split:]), found.score(normal[split:])
    verdicts = {}
    for name in FAULTS:
        fault = data.bearing(name, BOTH)
        loud = network.window_scores(fault), found.score(fault)
        small, large = (_put_together(*pair) for pair in zip(calm, loud, strict=True))
        verdicts[name] = Honest(
            judge(*small, seed), judge(*large, seed), by_cutoff(*large, found.cutoff)
        )
    return verdicts


def _put_together(calm: FloatArray, loud: FloatArray) -> tuple[FloatArray, Labels]:
    labels = np.repeat(np.array([0, 1], np.int8), [len(calm), len(loud)])
    return np.concatenate([calm, loud]), labels


def report(seeds: Sequence[int], jobs: int = 1) -> str:
    """Judge everything with all seeds."""
    ways = {
        f"recurrent autoencoder, windows of {WINDOW}": each(walkthrough, seeds, jobs),
        "default `AutoencoderDetector`": each(ours, seeds, jobs),
    }
    lines = [PUBLISHED, *((name, *rates(found)) for name, found in ways.items())]
    return "\n\n".join(
        [
            f"B007_0 taken for normal, then OR007@3_0, {len(seeds)} seeds:",
            table(("", *RATES), lines),
            "Trained on Normal_0 (channels DE and FE), each fault for itself:",
            _honest_table(seeds[0]),
            f"Windows of {baseline.WINDOW} samples, channel DE:",
            baseline.report(seeds[0]),
        ]
    )


def _honest_table(seed: int) -> str:
    lines = []
    for name, found in honest(seed).items():
        lines.append((name, "recurrent autoencoder", *rates([found.network])))
        lines.append((name, "default detector", *rates([found.detector])))
        lines.append((name, "default detector, its own cutoff", *rates([found.alone])))
    return table(("fault", "", *RATES), lines)
