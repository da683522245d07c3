"""A random cut tree of objects; every box is made anew from the boxes below it.

It rounds to single precision where the native tree does, and nowhere else.
"""

import itertools
import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.naive_sampler import Random

Single = np.float32
Point = list[np.float32]


def order(value: np.float32) -> int:
    """Map single precision onto integers in the same order; -0.0 comes just before +0.0."""
    bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else bits ^ 0x7FFFFFFF


def from_order(number: int) -> np.float32:
    """Undo `order`."""
    bits = number if number >= 0 else number ^ 0x7FFFFFFF
    return Single(struct.unpack("<f", struct.pack("<i", bits))[0])


def total_gap(below: Point, above: Point) -> np.float32:
    """Sum one gap for either side of every dimension, in the order that the native sums have."""
    if len(below) <= 4:
        return _sum_of_eight([*_padded(below, 4), *_padded(above, 4)])
    return _sum_of_eight([a + b for a, b in zip(_folded(below), _folded(above), strict=True)])


def minus_range(low: Point, high: Point) -> np.float32:
    """Sum the sides of a box, each made first: far from zero small sides would get lost."""
    sides = [a - b for a, b in zip(low, high, strict=True)]
    return _sum_of_eight(_padded(_padded(sides, 4), 8) if len(sides) <= 4 else _folded(sides))


def _sum_of_eight(lanes: Point) -> np.float32:
    a, b, c, d, e, f, g, h = lanes
    return Single(((a + b) + (c + d)) + ((e + f) + (g + h)))


def _padded(values: Point, multiple: int) -> Point:
    return values + [Single(0)] * (-len(values) % multiple)


def _folded(values: Point) -> Point:
    """Add dimensions 0, 8, 16 …, dimensions 1, 9, 17 … and so on."""
    values = _padded(values, 8)
    sums = values[:8]
    for start in range(8, len(values), 8):
        sums = [a + b for a, b in zip(sums, values[start : start + 8], strict=True)]
    return sums


class Leaf:
    def __init__(self, point: Point, arrival: int) -> None:
        self.point = self.low = self.high = point
        self.arrival = arrival
        self.mass = 1
        self.parent: Branch | None = None


class Branch:
    """Two subtrees: to the left the points whose coordinate `dimension` is not above the cut."""

    def __init__(self, dimension: int, cut: int, left: "Node", right: "Node") -> None:
        self.dimension, self.cut = dimension, cut
        self.left, self.right = left, right
        self.parent: Branch | None = None
        left.parent = right.parent = self
        self.mass = 0
        self.low: Point = []
        self.high: Point = []
        self.refresh()

    def refresh(self) -> None:
        """Take mass and box from below."""
        self.mass = self.left.mass + self.right.mass
        self.low = [min(a, b) for a, b in zip(self.left.low, self.right.low, strict=True)]
        self.high = [max(a, b) for a, b in zip(self.left.high, self.right.high, strict=True)]

    def side_of(self, point: Point) -> "Node":
        return self.left if order(point[self.dimension]) <= self.cut else self.right


Node = Leaf | Branch


class Tree:
    """Bare until it grows: leaves without a root."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.bare: list[Leaf] = []

    def plant(self, point: Point, arrival: int) -> Leaf:
        """Add a leaf to a bare tree."""
        self.bare.append(Leaf(point, arrival))
        return self.bare[-1]

    def grow(self, random: Random) -> dict[Leaf, Leaf]:
        """Make a tree of the leaves; return which leaf has become part of which."""
        merged: dict[Leaf, Leaf] = {}
        self.root = self._grown(self.bare, random, merged)
        self.bare = []
        return merged

    def _grown(self, leaves: list[Leaf], random: Random, merged: dict[Leaf, Leaf]) -> "Node":
        cut = cut_points([leaf.point for leaf in leaves], random)
        if cut is None:
            kept = min(leaves, key=lambda leaf: leaf.arrival)
            for leaf in leaves:
                merged[leaf] = kept
            kept.mass = sum(leaf.mass for leaf in leaves)
            return kept
        left = [leaf for leaf in leaves if order(leaf.point[cut[0]]) <= cut[1]]
        right = [leaf for leaf in leaves if order(leaf.point[cut[0]]) > cut[1]]
        first = self._grown(left, random, merged)
        return Branch(*cut, first, self._grown(right, random, merged))

    def insert(self, point: Point, arrival: int, random: Random) -> Leaf:
        """Add a point and return its leaf, which it may share with equal points."""
        assert self.root is not None
        node = self.root
        while isinstance(node, Branch):
            below, above = gaps(node, point)
            gap = total_gap(below, above)
            if gap > 0:
                grown = gap - minus_range(node.low, node.high)
                offset = random.uniform() * float(grown)
                if offset < float(gap):
                    return self._split(node, Leaf(point, arrival), offset)
            node = node.side_of(point)
        if node.point == point:
            node.mass += 1
            refresh_above(node)
            return node
        distance = 0.0
        for mine, other in zip(point, node.point, strict=True):
            distance += abs(float(mine) - float(other))
        return self._split(node, Leaf(point, arrival), random.uniform() * distance)

    def _split(self, node: Node, fresh: Leaf, offset: float) -> Leaf:
        """Put a branch above `node` that cuts the leaf off, `offset` into the gaps between both."""
        above = node.parent
        dimension, cut, goes_left = choose_cut(node, fresh.point, offset)
        branch = Branch(dimension, cut, *((fresh, node) if goes_left else (node, fresh)))
        self._replace(above, node, branch)
        refresh_above(branch)
        return fresh

    def _replace(self, above: Branch | None, old: Node, new: Node) -> None:
        new.parent = above
        if above is None:
            self.root = new
        elif above.left is old:
            above.left = new
        else:
            above.right = new

    def delete(self, leaf: Leaf) -> None:
        """Take one point off a leaf; an empty leaf goes, and its branch with it."""
        leaf.mass -= 1
        if self.root is None:
            self.bare.remove(leaf)
        elif leaf.mass > 0:
            refresh_above(leaf)
        elif leaf.parent is None:
            self.root = None
        else:
            branch = leaf.parent
            other = branch.right if branch.left is leaf else branch.left
            self._replace(branch.parent, branch, other)
            refresh_above(other)

    def score(self, point: Point, scale: float | None = None) -> float:
        """Return the expected inverse depth of the point, normalised by that of a lone point.

        With a scale, by the law of the stream-SQL function: copies are not damped.
        """
        assert self.root is not None
        path: list[Branch] = []
        node = self.root
        while isinstance(node, Branch):
            path.append(node)
            node = node.side_of(point)
        norm = math.log2(1 + self.root.mass) if scale is None else scale
        if node.point == point and scale is not None:
            return norm / (len(path) + math.log2(node.mass) if path else 1 + node.mass)
        if node.point == point:
            damp = 1 - node.mass / (2 * self.root.mass)
            return damp / (len(path) + math.log2(1 + node.mass)) * norm
        score = 1 / (len(path) + 1)
        for depth in reversed(range(len(path))):
            below, above = gaps(path[depth], point, exact=True)
            gap = math.fsum([*below, *above])
            if gap == 0:
                break
            box = zip(path[depth].low, path[depth].high, strict=True)
            chance = gap / (gap + math.fsum(float(high) - float(low) for low, high in box))
            score = chance / (depth + 1) + (1 - chance) * score
        return score * norm

    def nodes(self) -> list[Node]:
        """All nodes, depth first from the root, left before right; of a bare tree the leaves."""
        if self.root is None:
            return list(self.bare)
        found: list[Node] = []
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            found.append(node)
            if isinstance(node, Branch):
                waiting += [node.right, node.left]
        return found


def refresh_above(node: Node) -> None:
    above = node.parent
    while above is not None:
        above.refresh()
        above = above.parent


def gaps(node: Node, point: Point, *, exact: bool = False) -> tuple[list[Any], list[Any]]:
    """How far the point lies below and above the box, dimension by dimension."""
    number: Any = float if exact else Single
    sides = [tuple(map(number, side)) for side in zip(node.low, node.high, point, strict=True)]
    below = [max(low - x, number(0)) for low, _, x in sides]
    above = [max(x - high, number(0)) for _, high, x in sides]
    return below, above


def cut_points(points: list[Point], random: Random) -> tuple[int, int] | None:
    """Cut the box of points at random: dimension and order of the cut; None if all are equal."""
    lows, highs = (list(map(side, *points, points[0])) for side in (min, max))
    sides = [float(high) - float(low) for low, high in zip(lows, highs, strict=True)]
    if not any(sides):
        return None
    ends = list(itertools.accumulate(sides))
    offset = random.uniform() * ends[-1]
    i = next(i for i, end in enumerate(ends) if end > offset)
    cut = order(Single(float(lows[i]) + (offset - (ends[i - 1] if i else 0.0))))
    return i, min(cut, order(highs[i]) - 1)


def choose_cut(node: Node, point: Point, offset: float) -> tuple[int, int, bool]:
    """Dimension and order of the cut at `offset` into the gaps, and whether the point goes left."""
    chosen = (0, 0, False)
    passed = 0.0
    below, above = gaps(node, point)
    for i, (low, high, x) in enumerate(zip(node.low, node.high, point, strict=True)):
        if low <= x <= high:
            continue
        near, far = (x, low) if x < low else (high, x)
        cut = order(Single(float(near) + (offset - passed)))
        chosen = (i, min(max(cut, order(near)), order(far) - 1), bool(x < low))
        passed += float(below[i] + above[i])
        if offset < passed:
            break
    return chosen


def as_arrays(tree: Tree, dimensions: int) -> dict[str, NDArray[Any]]:
    """Write the tree as the native forest writes its own."""
    nodes = tree.nodes()
    place = {id(node): i for i, node in enumerate(nodes)}
    table: dict[str, list[Any]] = {
        "dimension": [n.dimension if isinstance(n, Branch) else -1 for n in nodes],
        "cut": [from_order(n.cut) if isinstance(n, Branch) else Single(0) for n in nodes],
        "left": [place[id(n.left)] if isinstance(n, Branch) else -1 for n in nodes],
        "right": [place[id(n.right)] if isinstance(n, Branch) else -1 for n in nodes],
        "mass": [n.mass for n in nodes],
        "arrival": [n.arrival if isinstance(n, Leaf) else -1 for n in nodes],
    }
    arrays: dict[str, NDArray[Any]] = {name: np.array(column) for name, column in table.items()}
    for side in ("low", "high"):
        box = np.array([getattr(node, side) for node in nodes], dtype=Single)
        arrays[side] = box.reshape(len(nodes), dimensions)
    return arrays
