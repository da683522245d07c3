"""The state of a detector as a section of a manifest and parts; see `fastrcf.persistence`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastrcf.detectors.alarms import Alarms, Event, Range
from fastrcf.detectors.detection import DIRECTIONS, REASONS, Detection
from fastrcf.detectors.law import ScoreLaw
from fastrcf.detectors.plan import HISTORY, LONGEST_PERIOD, Plan
from fastrcf.detectors.views import LARGEST, view_from_dict
from fastrcf.detectors.watch import Watch
from fastrcf.errors import ModelFormatError
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from fastrcf.detectors.engine import Engine

__all__ = [
    "count",
    "engine_to_parts",
    "following_to_dict",
    "names_from",
    "number",
    "restore_engine",
    "restore_following",
]

_MOST_VIEWS = 16


class Following(Protocol):
    """What every engine keeps of the rows that came."""

    names: tuple[str | int, ...]
    width: int
    n_seen: int
    range: Range
    alarms: Alarms
    faded: float
    detections: list[Detection]


def engine_to_parts(engine: Engine) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Give all that an engine has learned: what JSON holds, and bytes by name."""
    section = following_to_dict(engine) | {
        "fitted": engine.fitted,
        "period": None if engine.plan is None else engine.plan.period,
        "watches": [watch.to_dict() for watch in engine.watches],
    }
    parts = {
        f"view-{place}.bin": watch.forest.to_bytes() for place, watch in enumerate(engine.watches)
    }
    parts["history.bin"] = np.ascontiguousarray(engine.history, "<f8").tobytes()
    return section, parts


def restore_engine(engine: Engine, section: dict[str, Any], parts: dict[str, bytes]) -> None:
    """Fill a new engine with what `engine_to_parts` gave.

    Raises
    ------
    ModelFormatError
        The parts are not those of a detector. Other wrong contents raise what they happen to.
    """
    states = section["watches"]
    expected = {"history.bin", *(f"view-{place}.bin" for place in range(len(states)))}
    if len(states) > _MOST_VIEWS or set(parts) != expected:
        raise ModelFormatError(f"parts: expected {sorted(expected)}, got {sorted(parts)}")
    restore_following(engine, section)
    engine.history = _history(parts["history.bin"], engine.width)
    if len(engine.history) != min(engine.n_seen, HISTORY):
        raise ModelFormatError("history.bin: not as many rows as were seen")
    engine.fitted = bool(section["fitted"])
    engine.watches = [
        _watch(state, parts[f"view-{place}.bin"], engine.width)
        for place, state in enumerate(states)
    ]
    if (section["period"] is None) != (not engine.watches):
        raise ModelFormatError("period: there is one if and only if there are views")
    if section["period"] is not None:
        views = tuple(watch.view for watch in engine.watches)
        engine.plan = Plan(count("period", section["period"], LONGEST_PERIOD), views)


def following_to_dict(engine: Following) -> dict[str, Any]:
    """Give what every engine keeps of the rows that came, as plain values."""
    opened = engine.alarms.open
    return {
        "names": list(engine.names),
        "n_seen": engine.n_seen,
        "range": engine.range.to_dict(),
        "open": None if opened is None else list(opened),
        "faded": engine.faded,
        "detections": [_plain(each) for each in engine.detections],
    }


def restore_following(engine: Following, section: dict[str, Any]) -> None:
    """Fill a new engine with what `following_to_dict` gave, but for the names.

    Raises
    ------
    ModelFormatError
        The state is not that of an engine. Other wrong contents raise what they happen to.
    """
    engine.n_seen = count("n_seen", section["n_seen"])
    engine.range = Range.from_dict(section["range"])
    if len(engine.range.low) != engine.width:
        raise ModelFormatError("range: of another width than the rows")
    if section["open"] is not None:
        start, last = section["open"]
        engine.alarms.open = Event(count("open", start), count("open", last, engine.n_seen - 1))
    engine.faded = number("faded", section["faded"])
    engine.detections = [_detection(each, engine) for each in section["detections"]]


def names_from(section: dict[str, Any]) -> tuple[str | int, ...]:
    """Read the names of the columns.

    Raises
    ------
    ModelFormatError
        They are not names.
    """
    names = section["names"]
    if not names or not all(type(name) in (str, int) for name in names):
        raise ModelFormatError(f"names: expected those of the columns, got {names!r}")
    return tuple(names)


def count(name: str, value: object, most: int = 2**62) -> int:
    """Check a count that came from outside."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ModelFormatError(f"{name}: expected a count of at most {most}, got {value!r}")
    return value


def number(name: str, value: object) -> float:
    """Check a finite number that came from outside."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelFormatError(f"{name}: expected a number, got {value!r}")
    return float(value)


def _history(data: bytes, width: int) -> Any:
    values = np.frombuffer(data, "<f8").astype(np.float64)
    rows = values.reshape(-1, width)
    if len(rows) > HISTORY or (np.abs(rows) > LARGEST).any():
        raise ModelFormatError("history.bin: not the latest rows of a detector")
    return rows


def _watch(state: dict[str, Any], data: bytes, width: int) -> Watch:
    view = view_from_dict(state["view"])
    forest = RandomCutForest.from_bytes(data)
    if not 0 < view.lookback <= HISTORY or forest.shingle_size != 1:
        raise ModelFormatError("view: not one of a detector")
    # What a view makes of rows must be what its forest has learned.
    points = view.points(np.zeros((view.lookback + view.hop, width)), 0, 0).values
    if forest.n_seen and points.shape[1] != forest.n_features_in_:
        raise ModelFormatError("view: makes other points than its forest has learned")
    watch = Watch(view, forest)
    watch.restore(ScoreLaw.from_dict(state["law"]), number("held", state["held"]))
    return watch


def _plain(detection: Detection) -> dict[str, Any]:
    """As `Detection.to_dict`, with shares in their order."""
    whole = detection.to_dict()
    whole["attribution"] = [list(each) for each in whole["attribution"].items()]
    return whole


def _detection(state: dict[str, Any], engine: Following) -> Detection:
    values = dict(state)
    for name in ("values", "expected"):
        numbers = [math.nan if each is None else number(name, each) for each in values[name]]
        values[name] = np.array(numbers)
    for name in ("score", "grade"):
        values[name] = number(name, values[name])
    values["attribution"] = {
        name: number("attribution", share) for name, share in values["attribution"]
    }
    if "band" in values:
        sides = [[number("band", each) for each in side] for side in values["band"]]
        values["band"] = np.array(sides).reshape(2, engine.width)
    found = Detection(**values)
    count("start", found.start, engine.n_seen - 1)
    if found.end is not None:
        count("end", found.end, engine.n_seen)
    is_sound = (
        found.reason in REASONS
        and found.direction in DIRECTIONS
        and tuple(found.attribution) == engine.names
        and found.column in engine.names
        and len(found.values) == len(found.expected) == engine.width
        and isinstance(found.time, int | float | str)
    )
    if not is_sound:
        raise ModelFormatError(f"detections: not one of this detector: {found}")
    return found
