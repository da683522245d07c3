"""Random cut trees and samples made at once, from their definitions; no insertion, no stream.

Shares nothing with the naive forest, so that both cannot be wrong in the same way.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def decayed_sample(n: int, size: int, decay: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `size` of the numbers 0 … n-1, without replacement, with weights e^(decay·number)."""
    keys = rng.exponential(size=n) * np.exp(decay * np.arange(n)[::-1])
    return np.sort(np.argpartition(keys, size - 1)[:size])


@dataclass
class Path:
    """The way of one point down a random cut tree on some points."""

    boxes: list[tuple[Array, Array]]
    leaf: Array
    leaf_mass: int
    mass: int

    @property
    def depth(self) -> int:
        return len(self.boxes)


def path(points: Array, query: Array, rng: np.random.Generator) -> Path:
    """Cut the box of the points at random again and again, on the side of the query."""
    mass = len(points)
    boxes: list[tuple[Array, Array]] = []
    while True:
        low, high = points.min(axis=0), points.max(axis=0)
        sides = high - low
        if not sides.any():
            return Path(boxes, low, len(points), mass)
        boxes.append((low, high))
        ends = np.cumsum(sides)
        place = rng.uniform(0, ends[-1])
        dimension = int(np.searchsorted(ends, place, side="right"))
        cut = high[dimension] - (ends[dimension] - place)
        left = points[:, dimension] <= cut
        points = points[left if query[dimension] <= cut else ~left]


def score(points: Array, query: Array, rng: np.random.Generator) -> float:
    """Return the score of the query by one random cut tree on the points."""
    way = path(points, query, rng)
    norm = math.log2(1 + way.mass)
    if (way.leaf == query).all():
        damp = 1 - way.leaf_mass / (2 * way.mass)
        return damp / (way.depth + math.log2(1 + way.leaf_mass)) * norm
    expected = 1 / (way.depth + 1)
    for depth in reversed(range(way.depth)):
        low, high = way.boxes[depth]
        outside = (np.maximum(low - query, 0) + np.maximum(query - high, 0)).sum()
        separated = outside / (outside + (high - low).sum())
        expected = separated / (depth + 1) + (1 - separated) * expected
    return expected * norm
