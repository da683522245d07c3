"""How scores are judged: a threshold from one part of the test rows, error rates on the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.data import FloatArray, IntArray, Labels
from fastrcf.metrics import auroc, confusion, inequality_error
from fastrcf.thresholds import BestThreshold


class Verdict(NamedTuple):
    """What came out on the part that the threshold was not chosen on."""

    f1: float
    auroc: float
    """Of the scores."""

    auroc_labels: float
    """Of the labels that the threshold gives, as the walkthrough has it: 1 - (FRR + FAR) / 2."""

    frr: float
    far: float
    ie: float
    """1 - AUROC of the scores."""


DRAWS = 20


def judge(scores: FloatArray, labels: Labels, seed: int, validation: float = 0.4) -> Verdict:
    """Choose the threshold on a random share of the rows, and count errors on the rest.

    The share is drawn at random: of a stretch that is normal first and faulty later, the first
    40 % hold no fault. Neighbouring windows overlap, so both parts are of the same kind: the rates
    are those of a threshold that was chosen as well as it can be. As they hang on the draw, they
    are averaged over `DRAWS` of them.
    """
    rng = np.random.default_rng(seed)
    return mean(
        [_judge(scores, labels, rng.permutation(len(scores)), validation) for _ in range(DRAWS)]
    )


def _judge(scores: FloatArray, labels: Labels, order: IntArray, validation: float) -> Verdict:
    chosen, rest = np.split(order, [round(validation * len(order))])
    threshold = BestThreshold("f1", steps=1000).fit(scores[chosen], labels[chosen])
    return by_cutoff(scores[rest], labels[rest], threshold.cutoff_)


def by_cutoff(scores: FloatArray, labels: Labels, cutoff: float) -> Verdict:
    """Count the errors of a cutoff that is known."""
    counts = confusion(labels, (scores > cutoff).astype(np.int8))
    return Verdict(
        counts.f1,
        auroc(labels, scores),
        1.0 - (counts.frr + counts.far) / 2.0,
        counts.frr,
        counts.far,
        inequality_error(labels, scores),
    )


def mean(verdicts: Sequence[Verdict]) -> Verdict:
    """Average."""
    return Verdict(*np.mean(verdicts, axis=0).tolist())


def spread(verdicts: Sequence[Verdict]) -> Verdict:
    """Give the standard deviations."""
    return Verdict(*np.std(verdicts, axis=0).tolist())
