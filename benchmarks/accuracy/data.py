"""The labelled series: one reader per collection, all giving the same `Series`.

A series is read by its name inside the process that scores it. Nothing is scaled, filled in or cut
here: that is a detector's business.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Labels = NDArray[np.int8]
Range = tuple[int, int]

ROOT = Path(__file__).resolve().parents[2]
MISSING_CHANNELS = ("mitdbx_mitdbx_108", "qtdbsele0606")  # discords that nobody labelled


@dataclass(frozen=True)
class Series:
    """A labelled series.

    Attributes
    ----------
    collection, name : str
        Where it comes from.
    values : ndarray of shape (n, d)
        The rows, in the order of time; NaN is missing.
    labels : ndarray of shape (n,)
        1 inside a labelled anomaly.
    windows : tuple of (start, stop)
        The labelled ranges, half-open. NAB's windows are wider than its anomalies.
    train_end : int
        The first rows that a detector may learn beforehand under the "prefix" protocols; 0: none.
    train : ndarray of shape (m, d), optional
        Rows that came before, where the collection has a training half of its own.
    times : ndarray of datetime64, optional
    published : dict
        Results of others on this very series, by method.
    """

    collection: str
    name: str
    values: FloatArray
    labels: Labels
    windows: tuple[Range, ...]
    train_end: int = 0
    train: FloatArray | None = None
    times: NDArray[np.datetime64] | None = None
    published: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)


def folder() -> Path:
    """Return the folder of the data sets: ``$FASTRCF_DATA`` or ``../shared/data``."""
    return Path(os.environ.get("FASTRCF_DATA", ROOT.parent / "shared" / "data"))


def names(collection: str) -> list[str]:
    """Return the names of the series of a collection; empty if the collection is not there."""
    return COLLECTIONS[collection][0]()


def load(collection: str, name: str) -> Series:
    """Read one series."""
    return COLLECTIONS[collection][1](name)


def ranges(labels: ArrayLike) -> tuple[Range, ...]:
    """Return the runs of ones as half-open ranges."""
    steps = np.diff(np.asarray(labels).astype(bool).astype(np.int8), prepend=0, append=0)
    return tuple(
        (int(start), int(stop))
        for start, stop in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    )


def _labels(n: int, windows: Iterable[Range]) -> Labels:
    labels = np.zeros(n, np.int8)
    for start, stop in windows:
        labels[start:stop] = 1
    return labels


def _table(values: ArrayLike) -> FloatArray:
    table = np.asarray(values, np.float64)
    return np.ascontiguousarray(table if table.ndim == 2 else table[:, None])


def _stems(pattern: str) -> Callable[[], list[str]]:
    return lambda: sorted(file.name.split(".")[0] for file in folder().glob(pattern))


def _csv(file: Path, **options: Any) -> Any:
    import pandas as pd

    return pd.read_csv(file, **options)


@cache
def _rows(file: Path, key: str) -> dict[str, dict[str, str]]:
    """Return the lines of a small table of facts by the value in column `key`."""
    if not file.is_file():
        return {}
    with file.open(newline="") as lines:
        return {row[key]: row for row in csv.DictReader(lines)}


def _numbers(row: dict[str, str], pattern: str) -> dict[str, float]:
    """Return the figures in the columns that match, under the group of the pattern."""
    found = ((re.fullmatch(pattern, key), value) for key, value in row.items())
    return {match[1]: float(value) for match, value in found if match and value}


# NAB -----------------------------------------------------------------------------------------


@cache
def _nab_windows() -> dict[str, list[list[str]]]:
    file = folder() / "nab" / "combined_windows.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def _nab(name: str) -> Series:
    frame = _csv(folder() / "nab" / "data" / name)
    times = frame["timestamp"].to_numpy().astype("datetime64[s]")
    windows = tuple(
        (
            int(np.searchsorted(times, np.datetime64(first, "s"), "left")),
            int(np.searchsorted(times, np.datetime64(last, "s"), "right")),
        )
        for first, last in _nab_windows()[name]
    )
    values = _table(frame["value"])
    return Series("nab", name, values, _labels(len(values), windows), windows, times=times)


def kinesis_scores(name: str) -> FloatArray | None:
    """Return the managed engine's published scores of a NAB series; None if there are none."""
    file = folder() / "nab" / "kinesis_rcf" / f"{name}.gz"
    return _csv(file)["score"].to_numpy(np.float64) if file.is_file() else None


# Univariate ----------------------------------------------------------------------------------


def _ucr(name: str) -> Series:
    here = folder() / "ucr_archive"
    row = _rows(here / "index.csv", "file")[name]
    with np.load(here / name) as parts:
        values = _table(parts["x"])
    window = (int(row["anom_begin"]), int(row["anom_end"]) + 1)
    return Series(
        "ucr",
        name,
        values,
        _labels(len(values), [window]),
        (window,),
        train_end=int(row["train_end"]),
        published=_numbers(row, r"roc_(\w+)"),
    )


def _wsd(name: str) -> Series:
    frame = _csv(folder() / "wsd" / f"{name}.csv.gz")
    labels = (frame["label"].to_numpy(np.float64) == 1).astype(np.int8)  # a missing label is no 1
    times = frame["timestamp"].to_numpy().astype("datetime64[s]")
    return Series("wsd", name, _table(frame["value"]), labels, ranges(labels), times=times)


# Several columns -----------------------------------------------------------------------------


def _halves(file: Path, collection: str, facts: dict[str, str]) -> Series:
    """Read a training half, a test half and its labels; `facts` is the line of TSB-AD's table."""
    with np.load(file) as parts:
        train, values = _table(parts["train"]), _table(parts["test"])
        labels = parts["test_label"].astype(np.int8)
    prefix = re.search(r"_tr_(\d+)_", facts.get("file", ""))
    return Series(
        collection,
        file.stem,
        values,
        labels,
        ranges(labels),
        train_end=int(prefix[1]) if prefix else 0,
        train=train,
        published=_numbers(facts, r"([A-Z]\w+)"),
    )


def _smd(name: str) -> Series:
    facts = _rows(folder() / "tsb" / "smd_machine_VUS-PR.csv", "machine")
    return _halves(folder() / "smd" / f"{name}.npz", "smd", facts.get(name, {}))


def _asd(name: str) -> Series:
    return _halves(folder() / "asd" / f"{name}.npz", "asd", {})


def _nasa(name: str) -> Series:
    facts = _rows(folder() / "tsb" / "smap_msl_VUS-PR.csv", "channel")
    return _halves(folder() / "nasa_smap_msl" / f"{name}.npz", "smap_msl", facts.get(name, {}))


def _gecco(name: str) -> Series:
    with np.load(folder() / "gecco" / f"{name}.npz") as parts:
        values, labels = _table(parts["x"]), parts["label"].astype(np.int8)
    return Series("gecco", name, values, labels, ranges(labels))


def _skab(name: str) -> Series:
    frame = _csv(folder() / "skab" / f"{name}.csv.gz", sep=";")
    labels = frame["anomaly"].to_numpy(np.float64).astype(np.int8)
    times = frame["datetime"].to_numpy().astype("datetime64[s]")
    values = _table(frame.drop(columns=["datetime", "anomaly", "changepoint"]))
    return Series("skab", name, values, labels, ranges(labels), times=times)


@cache
def _discord_facts() -> dict[str, dict[str, Any]]:
    file = folder() / "ucr_discords" / "labels.json"
    return {row["name"]: row for row in json.loads(file.read_text())} if file.is_file() else {}


def _discord(name: str) -> Series:
    """Read a discord series so that its usual training slice comes first as `train`."""
    facts = _discord_facts()[name]
    frame = _csv(folder() / "ucr_discords" / f"{facts['family']}__{name}.csv.gz")
    train, test = (_slice(facts[key][0]) for key in ("train", "test"))
    values, labels = _table(frame.filter(like="target")), frame["label"].to_numpy(np.int8)
    found = ranges(labels[test])
    return Series("discords", name, values[test], labels[test], found, train=values[train])


def _slice(text: str) -> slice:
    start, stop = text.split(":")
    return slice(int(start or 0), int(stop) if stop else None)


COLLECTIONS: dict[str, tuple[Callable[[], list[str]], Callable[[str], Series]]] = {
    "nab": (lambda: sorted(_nab_windows()), _nab),
    "ucr": (lambda: sorted(_rows(folder() / "ucr_archive" / "index.csv", "file")), _ucr),
    "discords": (
        lambda: sorted(set(_discord_facts()) - set(MISSING_CHANNELS)),
        _discord,
    ),
    "smd": (_stems("smd/*.npz"), _smd),
    "asd": (_stems("asd/*.npz"), _asd),
    "wsd": (_stems("wsd/*.csv.gz"), _wsd),
    "smap_msl": (_stems("nasa_smap_msl/*.npz"), _nasa),
    "gecco": (_stems("gecco/*.npz"), _gecco),
    "skab": (
        lambda: [name for name in _stems("skab/*.csv.gz")() if not name.startswith("anomaly")],
        _skab,
    ),
}
