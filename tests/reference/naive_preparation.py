"""What happens to rows before the trees see them, one value at a time; and a forest fed that way.

Statistics are kept in double precision in the order of the definition, so a native forest and its
twin hold the same trees bit for bit, whatever the options.
"""

import math
from collections.abc import Iterable
from copy import deepcopy
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference import naive_conditional
from reference.naive_forest import NaiveForest, Row
from reference.naive_sampler import SplitMix
from reference.naive_tree import Point, Single

START = 10
ORDINARY = 4.0
FAR = 200.0
LARGEST = 1000.0


class Scale:
    """Centre and scale of a column."""

    def __init__(self, noise_floor: float, rate: float) -> None:
        self.noise_floor = noise_floor
        self.rate = rate
        self.start: list[float] = []
        self.n = 0
        self.centre = self.spread = self.reach = 0.0

    @property
    def started(self) -> bool:
        return self.n >= START

    @property
    def own(self) -> float:
        return max(self.spread, 0.1 * self.reach)

    @property
    def floor(self) -> float:
        return self.noise_floor * abs(self.centre)

    @property
    def scale(self) -> float:
        return max(self.own, self.floor)

    def take_all(self, values: list[float]) -> None:
        self.n = max(len(values), START)
        self.centre = middle(values)
        distances = sorted(abs(value - self.centre) for value in values)
        scale = max(middle(distances), self.floor)
        self.spread = sum((min(d, limit(ORDINARY, scale)) / len(values) for d in distances), 0.0)
        self.reach = sum((min(d, limit(FAR, scale)) / len(values) for d in distances), 0.0)

    def add(self, value: float) -> None:
        if not self.started:
            self.start.append(value)
            self.n = len(self.start)
            if self.started:
                self.take_all(self.start)
            return
        share = max(1 / (self.n + 1), self.rate)
        scale = self.scale
        ordinary, far = limit(ORDINARY, scale), limit(FAR, scale)
        off = value - self.centre
        self.n += 1
        self.centre += share * min(max(off, -ordinary), ordinary)
        self.spread += share * (min(abs(off), ordinary) - self.spread)
        self.reach += share * (min(abs(off), far) - self.reach)

    def normalize(self, value: float, noise: float) -> float:
        off = value - self.centre
        if self.scale == 0.0:
            return 0.0 if off == 0.0 else math.copysign(LARGEST, off)
        lacking = max(0.0, self.floor - self.own)
        return min(max((off + lacking * noise) / self.scale, -LARGEST), LARGEST)


def middle(values: Iterable[float]) -> float:
    return float(median(values))


def limit(scales: float, scale: float) -> float:
    return scales * scale if scale > 0 else math.inf


def mixed(bits: int) -> int:
    return SplitMix(bits % 2**64).bits()


class Prepared(NamedTuple):
    """A row as the trees see it, which of its values were filled in, and whether it is one."""

    values: Point
    filled: list[bool]
    usable: bool


class NaivePreparation:
    """The options are those of the native forest's ``preparation``, all of them."""

    def __init__(self, options: dict[str, Any], prepare: dict[str, Any]) -> None:
        self.prepare = prepare
        self.differences = "difference" in prepare["transformation"]
        self.normalizes = "normalize" in prepare["transformation"]
        n_columns = options["n_columns"]
        rate = min(options["time_decay"], 0.05)
        self.seed = mixed(options["random_state"])
        self.scales = [Scale(prepare["noise_floor"], rate) for _ in range(n_columns)]
        self.last = [math.nan] * n_columns
        self.known = [math.nan] * n_columns
        self.n_rows = 0

    def next(self, row: Row, *, learn: bool) -> Prepared:
        values, filled, usable = [], [], True
        for column, value in enumerate(row):
            told = float(value) - self.last[column] if self.differences else float(value)
            missing = math.isnan(told)
            taken = self._stand_in(column) if missing else told
            self.last[column] = float(value)
            if not math.isnan(value):
                self.known[column] = float(value)
            if self.normalizes:
                scale = self.scales[column]
                raw = taken
                taken = scale.normalize(raw, self.noise(column)) if scale.started else math.nan
                if learn and not missing:
                    scale.add(raw)
            if self.prepare["weights"]:
                taken *= self.prepare["weights"][column]
            if math.isnan(taken) or (missing and self.prepare["missing"] == "skip"):
                usable = False
            values.append(Single(min(max(taken, -1e30), 1e30)) + Single(0))
            filled.append(missing)
        self.n_rows += 1
        return Prepared(values, filled, usable)

    def _stand_in(self, column: int) -> float:
        if self.prepare["missing"] == "constant":
            return float(self.prepare["fill_value"][column])
        return 0.0 if self.differences else self.known[column]

    def noise(self, column: int) -> float:
        bits = mixed(mixed(self.seed ^ self.n_rows) ^ column)
        total = sum(bits >> 16 * i & 0xFFFF for i in range(4))
        return (total - 131070.0) / 37837.226969

    def fit(self, rows: NDArray[np.float64]) -> None:
        values = np.diff(rows, axis=0) if self.differences else rows
        for scale, column in zip(self.scales, values.T, strict=True):
            known = [float(value) for value in column if not math.isnan(value)]
            if self.normalizes and known:
                scale.take_all(known)

    def forget_rows(self) -> None:
        self.last = [math.nan] * len(self.last)
        self.known = [math.nan] * len(self.known)


class Window(NamedTuple):
    """The newest rows and which of their values were filled in."""

    rows: list[Point]
    filled: list[list[bool]]


class PreparedForest(NaiveForest):
    """The native forest with a preparation, slowly."""

    def __init__(self, *, preparation: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.preparation = NaivePreparation(options, preparation)
        self.prepared = Window([], [])
        size = options["n_columns"] * options["shingle_size"]
        self.most_filled = int(preparation["max_missing"] * size)
        self.quality = 1.0

    def _next(self, window: Window, row: Prepared) -> Window:
        """Add a row to the window, or break it."""
        shingle_size = self.options["shingle_size"]
        rows = [*window.rows, row.values][-shingle_size:]
        filled = [*window.filled, row.filled][-shingle_size:]
        if not row.usable:
            return Window([], [])
        if all(row.filled) and (len(rows) == 1 or np.sum(filled) > self.most_filled):
            return Window([], [])
        return Window(rows, filled)

    def _judged(self, window: Window) -> Point | None:
        """Return the window's point for the trees, or None if it is none."""
        too_few = len(window.rows) < self.options["shingle_size"]
        if too_few or np.sum(window.filled) > self.most_filled:
            return None
        return [value for row in window.rows for value in row]

    def _completed(self, window: Window) -> Window:
        """Complete the newest row, from all in the window that was not filled in."""
        imputes = self.preparation.prepare["missing"] == "impute"
        if not (imputes and self.is_ready and self._judged(window) and any(window.filled[-1])):
            return window
        point = np.array(self._judged(window), dtype=np.float32)
        point[np.ravel(window.filled)] = np.nan
        trees = [self.tree(i) for i in range(len(self.trees))]
        newest = naive_conditional.complete(trees, point)[-self.options["n_columns"] :]
        return Window([*window.rows[:-1], list(newest)], window.filled)

    def score(self, rows: Iterable[Row]) -> NDArray[np.float64]:
        scores = []
        preparation, window = deepcopy(self.preparation), self.prepared
        for row in rows:
            window = self._completed(self._next(window, preparation.next(row, learn=False)))
            scores.append(self._score_point(self._judged(window)))
        return np.array(scores)

    def update(self, rows: Iterable[Row]) -> None:
        for row in rows:
            added = self._next(self.prepared, self.preparation.next(row, learn=True))
            self.prepared = self._completed(added)
            point = self._judged(self.prepared)
            if not self.prepared.rows:
                self.n_skipped += 1
            elif point is not None:
                self._learn_point(point)
            self.n_rows += 1
            share = np.mean(~np.isnan(np.array(list(row), dtype=np.float64)))
            self.quality += (share - self.quality) * (1 / self.options["sample_size"])

    def fit(self, rows: Iterable[Row]) -> None:
        table = np.array([list(row) for row in rows], dtype=np.float64)
        self.preparation.fit(table)
        window = Window([], [])
        points: list[tuple[Point, int]] = []
        for number, row in enumerate(table):
            window = self._next(window, self.preparation.next(row, learn=False))
            point = self._judged(window)
            if not window.rows:
                self.n_skipped += 1
            elif point is not None:
                points.append((point, number - self.options["shingle_size"] + 1))
        self.preparation.forget_rows()
        self.n_rows = len(table)
        self._fit_points(points)
