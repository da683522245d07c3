"""Windows of 500 samples: a classifier that knows all faults, or none, beside an autoencoder."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.data import FloatArray
from benchmarks.walkthroughs import data
from benchmarks.walkthroughs.judging import Verdict, judge
from benchmarks.walkthroughs.tables import table
from fastrcf.neural import ConvClassifier, LinearAutoencoder

WINDOW = 500
NORMAL = "Normal_0"
CLASSES = (NORMAL, "B007_0", "IR007_0", "OR007@3_0")
LEARNED = 0.6
"""Share of each recording, from its beginning, that may be learned."""


class Answers(NamedTuple):
    """What a classifier made of the test windows."""

    accuracy: float
    missed: float
    """Share of the faulty windows that it calls normal."""


class Outcome(NamedTuple):
    """Two classifiers and an autoencoder on the same test windows."""

    knows_all: Answers
    knows_normal: Answers
    autoencoder: Verdict
    """Trained on normal windows alone; a fault of any kind is one."""


def run(seed: int, epochs: int = 15) -> Outcome:
    """Train all three on the first 60 % of the recordings and test them on the rest."""
    recordings = {name: data.bearing(name, ("DE",)) for name in CLASSES}
    windows, labels = _windows(recordings, last=False)
    tests, truth = _windows(recordings, last=True)
    faulty = truth != NORMAL

    def answers(chosen: NDArray[np.bool_]) -> Answers:
        model = ConvClassifier(
            classes=CLASSES, epochs=epochs, batch_size=32, random_state=seed, device="cpu"
        ).fit(windows[chosen], labels[chosen])
        said = model.predict(tests)
        return Answers(float(np.mean(said == truth)), float(np.mean(said[faulty] == NORMAL)))

    normal = recordings[NORMAL]
    network = LinearAutoencoder(
        window_size=WINDOW,
        hidden=(250, 125, 250),
        stride=WINDOW // 10,
        epochs=epochs,
        random_state=seed,
        device="cpu",
    ).fit(normal[: _split(normal)])
    errors = network.window_scores(tests.reshape(-1, 1))[::WINDOW]
    return Outcome(
        answers(np.ones(len(labels), bool)),
        answers(labels == NORMAL),
        judge(errors, faulty.astype(np.int8), seed),
    )


def report(seed: int) -> str:
    """Lay out what came out."""
    found = run(seed)
    return table(
        ("", "accuracy", "faults called normal", "F1", "AUROC"),
        (
            ("1D-CNN, all classes learned", *found.knows_all, "", ""),
            ("1D-CNN, normal windows learned", *found.knows_normal, "", ""),
            (
                "linear autoencoder, normal windows learned",
                "",
                found.autoencoder.far,
                found.autoencoder.f1,
                found.autoencoder.auroc,
            ),
        ),
    )


def _split(recording: FloatArray) -> int:
    return int(LEARNED * len(recording)) // WINDOW * WINDOW


def _windows(
    recordings: dict[str, FloatArray], *, last: bool
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Cut recordings into windows that do not overlap, as many of each class."""
    parts = [
        recording[_split(recording) :] if last else recording[: _split(recording)]
        for recording in recordings.values()
    ]
    count = min(len(part) for part in parts) // WINDOW
    cut = [part[: count * WINDOW].reshape(count, WINDOW, -1) for part in parts]
    return np.concatenate(cut), np.repeat(list(recordings), count)
