"""The detectors: functions ``(train, rows) -> scores`` by name.

`fastrcf` is the package's own default detector and stands in one place, `_fastrcf`. All others are
controls (what a line or two of arithmetic reach), the raw forest, and peers.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.accuracy import controls, forests, networks, peers, rules
from benchmarks.accuracy.data import FloatArray, Series, kinesis_scores
from benchmarks.accuracy.protocols import Protocol, Scorer

LONG = 150_000
"""Rows of the longest series that slow detectors are given."""

SERVERS = ("smd", "asd", "smap_msl", "gecco", "skab")
SHAPES = ("ucr", "discords")
WHOLE = (
    "smd-prefix",
    "smap_msl-prefix",
    "gecco",
)  # where TSB-AD's figures may be held against ours


NO_LIMIT = 10**9


@dataclass(frozen=True)
class Detector:
    """A detector and where it takes part.

    Attributes
    ----------
    score : callable
        ``(train, rows) -> scores``.
    says : str
        What it is.
    streams, freezes : bool
        Which kinds of protocol it can answer.
    only : tuple of str
        Collections or protocols where it takes part; empty: everywhere.
    longest : int
        Rows of the longest series that it is given.
    level : float, optional
        Fixed cutoff of its own.
    looks_up : callable, optional
        Gives published scores of a series in place of `score`.
    """

    score: Scorer
    says: str
    streams: bool = True
    freezes: bool = True
    only: tuple[str, ...] = ()
    longest: int = NO_LIMIT
    level: float | None = None
    looks_up: Callable[[Series], FloatArray | None] | None = None

    def takes(self, protocol: Protocol) -> bool:
        """Tell whether it can answer `protocol`."""
        able = self.freezes if protocol.frozen else self.streams
        here = {protocol.name, protocol.collection} & set(self.only)
        return able and (not self.only or bool(here))

    def takes_series(self, series: Series) -> bool:
        """Tell whether it is given `series`."""
        if self.looks_up is not None and self.looks_up(series) is None:
            return False
        return len(series) <= self.longest

    def scorer(self, series: Series) -> Scorer:
        """Return what scores `series`."""
        if self.looks_up is None:
            return self.score
        known = self.looks_up(series)
        assert known is not None
        return lambda train, rows: known


def _fastrcf(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with the package's default detector."""
    detector = importlib.import_module("fastrcf.detectors").ForestDetector(random_state=1)
    if train is None:
        return np.asarray(detector.score_update(rows))
    return np.asarray(detector.fit(train).score(rows))


def _alarms(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Give the alarms of the default detector: their strength in the rows that raised them."""
    detector = importlib.import_module("fastrcf.detectors").ForestDetector(random_state=1)
    strength = np.zeros(len(rows))
    for alarm in detector.detect_update(rows):
        strength[alarm.start] = detector.cutoff / max(1.0 - alarm.grade, 1e-9)
    return strength


def _kinesis(series: Series) -> FloatArray | None:
    return kinesis_scores(series.name) if series.collection == "nab" else None


def ruled(rule_name: str, detector: Detector) -> Detector:
    """Return a detector whose scores go through a rule; an alarm rule is for NAB."""
    rule = rules.RULES[rule_name]

    def score(train: FloatArray | None, rows: FloatArray) -> FloatArray:
        return rule.apply(np.nan_to_num(detector.score(train, rows), nan=0.0), rows)

    says = f"{detector.says}; then {rule.says}"
    if rule.level is None:
        return replace(detector, score=score, says=says)
    return Detector(score, says, freezes=False, only=("nab",), level=rule.level)


def _peer(score: Scorer, says: str, *only: str) -> Detector:
    return Detector(score, says, streams=False, only=only)


def _network(score: Scorer, says: str) -> Detector:
    return Detector(score, says, streams=False, only=("smd", "asd", "smap_msl-prefix"))


def _pyod(name: str) -> Detector:
    return _peer(peers.pyod(name), f"PyOD's {name} on the rows, defaults", "asd")


DETECTORS: dict[str, Detector] = {
    "fastrcf": Detector(
        _fastrcf,
        "ForestDetector at its defaults",
        only=("ucr", "discords", "wsd", *SERVERS),
    ),
    "fastrcf-alarms": Detector(
        _alarms,
        "alarms of ForestDetector at its defaults",
        freezes=False,
        only=("nab",),
        level=rules.CUTOFF * (1 - 1e-12),
    ),
    "autoencoder": _network(networks.autoencoder, "AutoencoderDetector at its defaults"),
    "autoencoder-lstm": _network(networks.lstm, "the same of an LSTM with 64 and 32 units"),
    "two-stage": _network(networks.two_stage, "TwoStageDetector at its defaults"),
    "cascade": _network(networks.cascade, "CascadeDetector at its defaults"),
    "z": Detector(controls.abs_z, "control: |z| of the value, mean of the columns"),
    "dz": Detector(controls.abs_z_of_change, "control: |z| of the change, mean of the columns"),
    "range": Detector(controls.outside_range, "control: outside the range seen"),
    "forest-1": Detector(
        forests.raw(1), "raw forest, shingle 1", only=("nab", "wsd", *SERVERS, *SHAPES)
    ),
    "forest-8": Detector(
        forests.raw(8), "raw forest, shingle 8", only=("nab", "wsd", "gecco", *SHAPES)
    ),
    "forest-z": Detector(
        forests.standardised(1), "forest on standardised columns, shingle 1", only=SERVERS
    ),
    "forest-z60": Detector(
        forests.standardised(60), "the same, its score averaged over 60 rows", only=SERVERS
    ),
    "krcf-1": Detector(forests.krcf, "krcf, shingle 1", only=("nab",)),
    "kinesis": Detector(
        forests.raw(1),
        "the managed engine's published scores",
        freezes=False,
        only=("nab",),
        looks_up=_kinesis,
    ),
    "iforest": Detector(
        peers.on_windows(peers.isolation_forest),
        "isolation forest on windows of a period",
        streams=False,
        only=SHAPES,
        longest=LONG,
    ),
    "iforest-1": _peer(
        peers.on_windows(peers.isolation_forest, 1), "isolation forest on the rows", *SERVERS
    ),
    "iforest-10": _peer(
        peers.on_windows(peers.isolation_forest, 10),
        "isolation forest on windows of 10 rows",
        *SERVERS,
    ),
    "pca": _peer(
        peers.on_windows(peers.principal_components),
        "what 10 principal components leave of a window of a period",
        *SHAPES,
    ),
    "pca-10": _peer(
        peers.on_windows(peers.principal_components, 10),
        "what 10 principal components leave of windows of 10 rows",
        *SERVERS,
    ),
    "iforest-whole": Detector(
        peers.tsb_isolation_forest,
        "isolation forest as TSB-AD runs it: fitted on the file that it scores",
        only=(*WHOLE, "wsd"),
    ),
    "pca-whole": Detector(
        peers.tsb_components,
        "principal components as TSB-AD runs them: fitted on the file that it scores",
        only=WHOLE,
    ),
    **{
        f"pyod-{name}": _pyod(name)
        for name in ("HBOS", "ECOD", "COPOD", "KNN", "LOF", "PCA", "OCSVM")
    },
}
DETECTORS |= {
    f"{rule}:{name}": ruled(rule, DETECTORS[name])
    for rule in ("calibrated", "likelihood")
    for name in ("z", "dz", "forest-1")
}
DETECTORS |= {
    f"hold:{name}": replace(ruled("hold", DETECTORS[name]), only=SERVERS)
    for name in ("z", "dz", "forest-z", "iforest-1", "pca-10")
}
DETECTORS |= {f"hold:{name}": ruled("hold", DETECTORS[name]) for name in ("pyod-LOF", "pyod-KNN")}


def named(name: str) -> Detector:
    """Return a detector by its name, ``rule:name`` or ``package.module:function``."""
    if name in DETECTORS:
        return DETECTORS[name]
    head, _, tail = name.partition(":")
    if head in rules.RULES and tail in DETECTORS:
        return ruled(head, DETECTORS[tail])
    if not tail:
        raise ValueError(
            f"detector: expected one of {', '.join(DETECTORS)}, rule:name or module:function, "
            f"got {name!r}"
        )
    score = getattr(importlib.import_module(head), tail)
    return Detector(score, name, level=getattr(score, "level", None))


def choose(wanted: Sequence[str]) -> list[str]:
    """Return the names wanted; all that are installed, if none is named."""
    for name in wanted:
        named(name)
    if wanted:
        return list(wanted)
    missing = {
        "fastrcf": "fastrcf.detectors",
        "krcf-1": "krcf",
        "iforest": "sklearn",
        "pyod": "pyod",
        **dict.fromkeys(("autoencoder", "two-stage", "cascade"), "torch"),
    }
    gone = [name for name, module in missing.items() if not _installed(module)]
    return [name for name in DETECTORS if not any(name.startswith(start) for start in gone)]


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
