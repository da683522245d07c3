"""Heartbeats: an LSTM autoencoder of the clean part; its highest error marks the discord."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy.data import FloatArray, Range
from benchmarks.walkthroughs import data
from benchmarks.walkthroughs.parallel import each
from benchmarks.walkthroughs.tables import table
from fastrcf.neural import LstmAutoencoder
from fastrcf.thresholds import SigmaThreshold
from fastrcf.windowing import row_scores, sliding_windows

STEP = 4
"""Rows that are averaged into one: 60 to 90 samples a second are enough for a heartbeat."""

WINDOW = 25
"""Averaged rows in a window: 100 rows, about half a beat."""

SMOOTH = 12
"""Averaged rows that errors are averaged over before the highest is taken: half a window."""

MOST = 1000
"""Windows to learn; longer records are sampled."""

COMPONENTS, PEER_WINDOW = 10, 100


class Finding(NamedTuple):
    """Where a record's highest smoothed error is."""

    peak: int
    """Row of the record."""

    hit: bool
    """The peak lies in the labelled discord."""

    lead: float
    """Highest error in reach of the discord, over the highest elsewhere."""


class Run(NamedTuple):
    """A record judged by a trained network, in averaged rows."""

    values: FloatArray
    scores: FloatArray
    threshold: float
    """From the errors of the learned windows: mean + 3 standard deviations."""

    loss: float
    alarms: int
    """Stretches above the threshold outside of the discord."""

    finding: Finding


def network(n_rows: int, seed: int, **options: Any) -> LstmAutoencoder:
    """Make the one network for all records."""
    usual: dict[str, Any] = {
        "encoder": (32,),
        "scaler": "minmax",
        "error": "mae",
        "loss": "mae",
        "epochs": 150,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "clip_norm": 1.0,
        "patience": None,
        "validation_fraction": 0.0,
        "stride": max(1, n_rows // MOST),
        "device": "cpu",
    }
    return LstmAutoencoder(window_size=WINDOW, random_state=seed, **(usual | options))


def averaged(values: FloatArray, step: int = STEP) -> FloatArray:
    """Average each `step` rows; a rest is left out."""
    count = len(values) // step
    return np.asarray(values[: count * step].reshape(count, step, -1).mean(axis=1))


def smoothed(scores: FloatArray, width: int) -> FloatArray:
    """Average over neighbours, the row in the middle."""
    return np.convolve(scores, np.ones(width) / width, "same")


def locate(scores: FloatArray, discord: Range, step: int, reach: int) -> Finding:
    """Say where the highest score is; a row of `scores` stands for `step` rows of the record."""
    rows = np.arange(len(scores)) * step + step // 2
    first, stop = discord
    near = (rows >= first - reach) & (rows < stop + reach)
    peak = int(rows[scores.argmax()])
    return Finding(peak, first <= peak < stop, float(scores[near].max() / scores[~near].max()))


def run(record: data.Record, seed: int, **options: Any) -> Run:
    """Train on the clean part and score the whole record."""
    first, stop = record.clean
    values = averaged(record.values)
    clean = values[-(-first // STEP) : stop // STEP]
    model = network(len(clean), seed, **options).fit(clean)
    scores = smoothed(model.score(values, "mean"), SMOOTH)
    threshold = SigmaThreshold(3.0).fit(model.window_scores(clean)).cutoff_
    finding = locate(scores, record.discord, STEP, STEP * WINDOW)
    loss = model.history_["loss"][model.best_epoch_ - 1]
    return Run(values, scores, threshold, loss, _alarms(scores > threshold, record), finding)


def peer(record: data.Record) -> Finding:
    """Take what ten principal components of windows of 100 rows leave over, the window's middle."""
    from sklearn.decomposition import PCA

    first, stop = record.clean
    low = record.values[first:stop].min(axis=0)
    scaled = (record.values - low) / np.ptp(record.values[first:stop], axis=0)
    windows = sliding_windows(scaled, PEER_WINDOW)
    flat = windows.reshape(len(windows), -1)
    learned = PCA(COMPONENTS, random_state=0).fit(flat[first : stop - PEER_WINDOW + 1])
    errors = np.abs(flat - learned.inverse_transform(learned.transform(flat))).mean(axis=1)
    starts = np.arange(len(errors))
    scores = row_scores(errors, starts, PEER_WINDOW, len(scaled), "mean")
    return locate(smoothed(scores, PEER_WINDOW // 2), record.discord, 1, PEER_WINDOW)


def _alarms(flags: Any, record: data.Record) -> int:
    first, stop = (row // STEP for row in record.discord)
    outside = flags.copy()
    outside[max(0, first - WINDOW) : stop + WINDOW] = False
    return int((np.diff(outside.astype(np.int8), prepend=0) == 1).sum())


def report(seeds: Sequence[int], jobs: int = 1, pictures: Path | None = None) -> str:
    """Judge all records with all seeds; draw those of the first seed into a folder."""
    work = partial(_line, seeds=seeds, pictures=pictures)
    return table(
        (
            "record",
            "discord",
            "found",
            "peaks",
            "lead, worst",
            "loss",
            "threshold",
            "false alarms",
            "10-component PCA",
        ),
        each(work, data.HEARTS, jobs),
    )


def _line(name: str, seeds: Sequence[int], pictures: Path | None) -> tuple[str, ...]:
    record = data.heart(name)
    runs = [run(record, seed) for seed in seeds]
    if pictures is not None:
        draw(record, runs[0], pictures)
    rival = peer(record)
    return (
        name,
        f"{record.discord[0]}–{record.discord[1]}",
        f"{sum(one.finding.hit for one in runs)} of {len(runs)}",
        ", ".join(str(one.finding.peak) for one in runs),
        f"{min(one.finding.lead for one in runs):.2f}",
        f"{np.mean([one.loss for one in runs]):.4f}",
        f"{np.mean([one.threshold for one in runs]):.4f}",
        f"{np.mean([one.alarms for one in runs]):.1f}",
        f"{'found' if rival.hit else 'missed'}, {rival.peak}",
    )


def draw(record: data.Record, judged: Run, folder: Path) -> Path:
    """Draw a record with its smoothed errors, the threshold and the labelled stretch."""
    from fastrcf.datasets import Event
    from fastrcf.plotting import plot_scores, save

    first, stop = (row // STEP for row in record.discord)
    figure = plot_scores(
        judged.values,
        judged.scores,
        threshold=judged.threshold,
        times=np.arange(len(judged.scores)) * float(STEP),
        events=[Event("discord", first, stop)],
        names=["lead 1", "lead 2"],
        title=record.name,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{record.name}.png"
    save(figure, file)
    return file
