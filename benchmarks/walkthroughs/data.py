"""The recordings that the walkthroughs use."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.data import FloatArray, Range, folder

BEARINGS = {
    "Normal_0": "1797_Normal",
    "B007_0": "1797_B_7_DE12",
    "OR007@3_0": "1797_ORat3_7_DE12",
    "IR007_0": "1797_IR_7_DE12",
    "B014_0": "1797_B_14_DE12",
}
"""CWRU's names of the recordings, at 12 kHz, and the files here."""

HEARTS = (
    "chfdb_chf01_275",
    "chfdb_chf13_45590",
    "chfdbchf15",
    "qtdbsel102",
    "mitdb__100_180",
    "ltstdb_20221_43",
)
"""Electrocardiograms with one labelled discord each."""


def bearing(name: str, channels: tuple[str, ...]) -> FloatArray:
    """Read a recording: a row per sample, a column per channel (Normal_0 has no BA)."""
    with np.load(folder() / "cwru" / f"{BEARINGS[name]}.npz") as parts:
        return np.column_stack([parts[channel] for channel in channels]).astype(np.float64)


@dataclass(frozen=True)
class Record:
    """An electrocardiogram of two channels."""

    name: str
    values: FloatArray
    discord: Range
    """The labelled rows, half-open."""

    @property
    def clean(self) -> Range:
        """The longer of the two parts before and after the discord."""
        first, stop = self.discord
        return max((0, first), (stop, len(self.values)), key=lambda part: part[1] - part[0])


def heart(name: str) -> Record:
    """Read an electrocardiogram."""
    import pandas as pd

    source = folder() / "ucr_discords"
    facts = {row["name"]: row for row in json.loads((source / "labels.json").read_text())}[name]
    frame = pd.read_csv(source / f"{facts['family']}__{name}.csv.gz")
    first, stop = facts["anomaly_intervals_halfopen"][0]
    return Record(name, frame[["target1", "target2"]].to_numpy(np.float64), (first, stop))
