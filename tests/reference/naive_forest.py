"""A random cut forest as plain as it can be: the referee of the native one.

Trees are objects, samples are dictionaries, and every row is learned by itself. It draws the same
random numbers in the same order as the native forest and rounds to single precision where that
does, so after the same rows both hold the same trees, node by node and bit by bit. Its scores
follow the definition in double precision.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.naive_sampler import Random, Sampler
from reference.naive_tree import Point, Single, Tree, as_arrays
from reference.portable_math import log

Row = Iterable[float]


class SampledTree:
    """A tree, the sample that it holds and the random numbers of both."""

    def __init__(self, options: dict[str, Any], number: int) -> None:
        self.random = Random(options["random_state"], number)
        self.tree = Tree()
        self.sampler = Sampler(
            options["sample_size"],
            options["time_decay"],
            options["initial_accept_fraction"],
            self.random,
        )

    def learn(self, number: int, point: Point, arrival: int) -> None:
        """Learn point `number` of the stream, if the sample takes it."""
        if number != self.sampler.index:
            return
        if self.tree.root is None:
            leaf = self.tree.plant(point, arrival)
        else:
            leaf = self.tree.insert(point, arrival, self.random)
        lost = self.sampler.accept(leaf)
        if lost is not None:
            self.tree.delete(lost)

    def put(self, key: float, point: Point, arrival: int) -> None:
        """Add a point of a batch sample."""
        self.sampler.sample[key] = self.tree.plant(point, arrival)

    def grow(self) -> None:
        """Make a tree of the sample."""
        merged = self.tree.grow(self.random)
        sample = self.sampler.sample
        self.sampler.sample = {key: merged.get(leaf, leaf) for key, leaf in sample.items()}


class NaiveForest:
    """The native forest, slowly; the constructor takes the same keywords."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.trees = [SampledTree(options, number) for number in range(options["n_trees"])]
        self.window: list[Point] = []
        self.n_rows = self.n_skipped = self.n_points = 0
        self.fitted = False

    @property
    def is_ready(self) -> bool:
        return self.fitted or self.n_points >= self.options["output_after"]

    def _next_window(self, window: list[Point], row: Row) -> list[Point]:
        """Return the window with the row added: at most a shingle of rows, none before a NaN."""
        values = [Single(value) + Single(0) for value in row]
        if any(math.isnan(value) for value in values):
            return []
        return [*window, values][-self.options["shingle_size"] :]

    def _point(self, window: list[Point]) -> Point | None:
        if len(window) < self.options["shingle_size"]:
            return None
        return [value for row in window for value in row]

    def _score_point(self, point: Point | None) -> float:
        if point is None or not self.is_ready:
            return 0.0
        kinesis = self.options.get("scoring") == "kinesis"
        scale = math.log2(self.options["sample_size"]) if kinesis else None
        total = math.fsum(sampled.tree.score(point, scale) for sampled in self.trees)
        return total / len(self.trees)

    def score(self, rows: Iterable[Row]) -> NDArray[np.float64]:
        """Score rows as if they followed the newest one."""
        scores = []
        window = self.window
        for row in rows:
            window = self._next_window(window, row)
            scores.append(self._score_point(self._point(window)))
        return np.array(scores)

    def score_update(self, rows: Iterable[Row]) -> NDArray[np.float64]:
        """Score each row, then learn it."""
        scores = []
        for row in rows:
            scores.append(self.score([row])[0])
            self.update([row])
        return np.array(scores)

    def update(self, rows: Iterable[Row]) -> None:
        """Learn rows."""
        for row in rows:
            self.window = self._next_window(self.window, row)
            point = self._point(self.window)
            if not self.window:
                self.n_skipped += 1
            elif point is not None:
                self._learn_point(point)
            self.n_rows += 1

    def _learn_point(self, point: Point) -> None:
        """Learn the point that ends with this row; trees grow when the forest gets ready."""
        was_ready = self.is_ready
        for sampled in self.trees:
            sampled.learn(self.n_points, point, self.n_rows - self.options["shingle_size"] + 1)
        self.n_points += 1
        if self.is_ready and not was_ready:
            for sampled in self.trees:
                sampled.grow()

    def fit(self, rows: Iterable[Row]) -> None:
        """Fill the forest with a batch sample: distinct points, drawn by every tree for itself."""
        points: list[tuple[Point, int]] = []
        window: list[Point] = []
        for row in rows:
            window = self._next_window(window, row)
            point = self._point(window)
            if not window:
                self.n_skipped += 1
            elif point is not None:
                points.append((point, self.n_rows - self.options["shingle_size"] + 1))
            self.n_rows += 1
        self._fit_points(points)

    def _fit_points(self, points: list[tuple[Point, int]]) -> None:
        self.n_points = len(points)
        self.fitted = True
        shift = self.options["time_decay"] * float(self.n_points - 1)
        for sampled in self.trees:
            waited = 0.0
            chosen = distinct(
                min(self.options["sample_size"], len(points)), len(points), sampled.random
            )
            for i, number in enumerate(chosen):
                waited += sampled.random.exponential() / (self.n_points - i)
                sampled.put(log(waited) - shift, *points[number])
            sampled.grow()
            sampled.sampler.plan(self.n_points)

    def tree(self, index: int) -> dict[str, Any]:
        """Write one tree and its sample as the native forest writes them."""
        sampled = self.trees[index]
        width = self.options["n_columns"] * self.options["shingle_size"]
        arrays: dict[str, Any] = as_arrays(sampled.tree, width)
        place = {id(node): i for i, node in enumerate(sampled.tree.nodes())}
        entries = sorted((key, place[id(leaf)]) for key, leaf in sampled.sampler.sample.items())
        arrays["sample_keys"] = np.array([key for key, _ in entries])
        arrays["sample_leaves"] = np.array([leaf for _, leaf in entries], dtype=np.int64)
        arrays["next_index"] = sampled.sampler.index
        return arrays


def distinct(n: int, bound: int, random: Random) -> list[int]:
    """Draw `n` distinct numbers below `bound` in random order (Floyd 1987, then a shuffle)."""
    drawn: list[int] = []
    for last in range(bound - n, bound):
        number = random.below(last + 1)
        drawn.append(last if number in drawn else number)
    for i in range(n, 1, -1):
        j = random.below(i)
        drawn[i - 1], drawn[j] = drawn[j], drawn[i - 1]
    return drawn
