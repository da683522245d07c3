"""What the visitors answer, slowly: from the points below each node, weighted from the root down.

A tree comes as the arrays that the native forest and its twin write. The native visitors go from
the leaf up and mix; here every level has its own weight, the chance of being cut off there.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Level(NamedTuple):
    """A node on the way of a point, as the points below it see the point."""

    weight: float
    """Chance that the point is cut off from just this node."""

    points: int
    """Number of points below the node."""

    above: Array
    """By how much each coordinate exceeds the box."""

    below: Array
    sides: Array

    @property
    def grown(self) -> float:
        """Sum of the sides of the box grown by the point."""
        return math.fsum([*self.above, *self.below, *self.sides])


class NaiveTree:
    """One tree, and the way of one point in it."""

    def __init__(self, arrays: dict[str, Any], point: Array) -> None:
        self.arrays = arrays
        self.point = np.asarray(point, dtype=np.float32).astype(np.float64) + 0.0
        self.way = [0]
        while arrays["dimension"][self.way[-1]] >= 0:
            node = self.way[-1]
            goes_left = self.point[arrays["dimension"][node]] <= float(arrays["cut"][node])
            self.way.append(int(arrays["left" if goes_left else "right"][node]))
        self.leaf = self.way[-1]
        self.is_copy = bool((self.stored(self.leaf) == self.point).all())

    def stored(self, leaf: int) -> Array:
        """Return the point of a leaf."""
        return np.asarray(self.arrays["low"][leaf], dtype=np.float64)

    def mass(self, node: int) -> int:
        """Count the points below a node."""
        return sum(int(self.arrays["mass"][leaf]) for leaf in self.leaves(node))

    def leaves(self, node: int) -> list[int]:
        """List the leaves below a node."""
        if self.arrays["dimension"][node] < 0:
            return [node]
        return [
            leaf for side in ("left", "right") for leaf in self.leaves(int(self.arrays[side][node]))
        ]

    def levels(self, way: list[int], without: int = -1) -> list[Level]:
        """Weigh the nodes of a way down; `without` is a leaf that is taken as not there."""
        levels = []
        reached = 1.0
        for node in way:
            points = np.array([self.stored(leaf) for leaf in self.leaves(node) if leaf != without])
            low, high = points.min(axis=0), points.max(axis=0)
            above, below = np.maximum(self.point - high, 0), np.maximum(low - self.point, 0)
            gap = math.fsum([*above, *below])
            chance = gap / (gap + math.fsum(high - low)) if gap > 0 else 0.0
            levels.append(Level(reached * chance, self.mass(node), above, below, high - low))
            reached *= 1.0 - chance
        return levels


def displacement(arrays: dict[str, Any], point: Array) -> float:
    """Expect the number of points that an insertion would push down."""
    tree = NaiveTree(arrays, point)
    if tree.is_copy:
        return 1.0
    return math.fsum(level.weight * level.points for level in tree.levels(tree.way))


def codisp_inserted(arrays: dict[str, Any], point: Array) -> float:
    """Expect the collusive displacement of the point after its insertion."""
    tree = NaiveTree(arrays, point)
    beside = [0.0] + [
        (tree.mass(above) - tree.mass(node)) / (tree.mass(node) + 1)
        for above, node in zip(tree.way, tree.way[1:], strict=False)
    ]
    if tree.is_copy:
        return max(beside)
    levels = tree.levels(tree.way)
    return math.fsum(
        level.weight * max(level.points, *beside[: depth + 1], 0.0)
        for depth, level in enumerate(levels)
    )


def codisp_held(arrays: dict[str, Any], point: Array) -> float | None:
    """Return the collusive displacement of a point that the tree holds."""
    tree = NaiveTree(arrays, point)
    if not tree.is_copy:
        return None
    ratios = [
        (tree.mass(above) - tree.mass(node)) / tree.mass(node)
        for above, node in zip(tree.way, tree.way[1:], strict=False)
    ]
    return max(ratios, default=0.0)


class Surroundings(NamedTuple):
    """High values of all coordinates, then low ones."""

    chance: Array
    share: Array
    distance: Array


def surroundings(arrays: dict[str, Any], point: Array) -> Surroundings:
    """Interpolate the points around a point in one tree."""
    tree = NaiveTree(arrays, point)
    n = 2 * len(tree.point)
    chance, count, distance = np.zeros(n), np.zeros(n), np.zeros(n)
    if tree.is_copy:
        levels = tree.levels(tree.way[:-1], without=tree.leaf)
        rest = 1.0 - math.fsum(level.weight for level in levels)
        chance += rest / n
        count += rest / n * (1 + tree.mass(tree.leaf))
    else:
        levels = tree.levels(tree.way)
    for level in levels:
        if level.weight == 0.0:
            continue
        gaps = np.concatenate([level.above, level.below])
        sides = np.concatenate([level.sides, level.sides])
        lands = level.weight * gaps / gaps.sum()
        chance += lands
        count += lands * (level.points + 1)
        distance += lands * (gaps + sides)
    return Surroundings(chance, count / tree.mass(0), distance)


def mean_surroundings(trees: list[dict[str, Any]], point: Array) -> Surroundings:
    """Take the mean over the trees."""
    each = [surroundings(arrays, point) for arrays in trees]
    return Surroundings(*(np.mean(values, axis=0) for values in zip(*each, strict=True)))


def density(mean: Surroundings, smoothing: float, dimension: float) -> float:
    """Divide the points around by the volume that they fill."""
    d = len(mean.chance) // 2
    points = mean.share.sum()
    volume = smoothing * points
    for i in range(d):
        weight = mean.chance[i] + mean.chance[d + i]
        if weight > 0:
            far = (mean.distance[i] + mean.distance[d + i]) / weight
            volume += far**dimension * weight
    return float(points / volume)


def near_neighbors(
    trees: list[dict[str, Any]], point: Array, shingle_size: int
) -> list[tuple[float, int, int, Array]]:
    """List (distance, arrival, trees, point) of the points that the trees lead to."""
    found: dict[tuple[float, ...], list[int]] = {}
    for arrays in trees:
        tree = NaiveTree(arrays, point)
        completed = int(arrays["arrival"][tree.leaf]) + shingle_size - 1
        found.setdefault(tuple(tree.stored(tree.leaf)), []).append(completed)
    asked = NaiveTree(trees[0], point).point
    neighbors = [
        (math.dist(asked, near), min(arrivals), len(arrivals), np.array(near))
        for near, arrivals in found.items()
    ]
    return sorted(neighbors, key=lambda neighbor: neighbor[:2])
