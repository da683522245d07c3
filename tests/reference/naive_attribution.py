"""What each coordinate adds to a score, from the definition, on the arrays of a native tree.

Everything is double precision and nothing is mended in the end: the parts add up to the score
because the definition says so.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tree = dict[str, Any]
Parts = tuple[float, Array, Array]


def tree_attribution(tree: Tree, point: Array, *, scoring: str, sample_size: int) -> Parts:
    """Return the score of a point in one tree, and its parts above and below."""
    path = [0]
    while tree["dimension"][path[-1]] >= 0:
        node = path[-1]
        goes_left = point[tree["dimension"][node]] <= tree["cut"][node]
        path.append(int(tree["left" if goes_left else "right"][node]))
    leaf, depth = path[-1], len(path) - 1
    kinesis = scoring == "kinesis"
    norm = math.log2(sample_size if kinesis else 1 + tree["mass"][0])
    if np.array_equal(tree["low"][leaf], point):
        score = copy_score(int(tree["mass"][leaf]), int(tree["mass"][0]), depth, kinesis=kinesis)
        high, low = copy_parts(tree, path, point, score)
    else:
        high = low = np.zeros(point.size)
        for level in range(depth, -1, -1):
            box = np.float64(tree["low"][path[level]]), np.float64(tree["high"][path[level]])
            high, low = mixed(high, low, box, point, level)
        score = float(high.sum() + low.sum())
    return score * norm, high * norm, low * norm


def copy_score(mass: int, total: int, depth: int, *, kinesis: bool) -> float:
    """Return the score, before it is normalised, of a point that a leaf holds."""
    if not kinesis:
        return (1 - mass / (2 * total)) / (depth + math.log2(1 + mass))
    return 1 / (depth + math.log2(mass)) if depth > 0 else 1 / (1 + mass)


def copy_parts(tree: Tree, path: list[int], point: Array, score: float) -> tuple[Array, Array]:
    """Start evenly, go up as if the leaf were not there, and keep the score as the sum."""
    high = low = np.full(point.size, score / (2 * point.size))
    lowest, highest = np.full(point.size, np.inf), np.full(point.size, -np.inf)
    for level in range(len(path) - 2, -1, -1):
        children = {int(tree[side][path[level]]) for side in ("left", "right")}
        (sibling,) = children - {path[level + 1]}
        lowest = np.minimum(lowest, tree["low"][sibling])
        highest = np.maximum(highest, tree["high"][sibling])
        high, low = mixed(high, low, (lowest, highest), point, level)
    share = score / (high.sum() + low.sum())
    return high * share, low * share


def mixed(
    high: Array, low: Array, box: tuple[Array, Array], point: Array, depth: int
) -> tuple[Array, Array]:
    """Mix in the chances of a cut that parts the point from a box, coordinate by coordinate."""
    lowest, highest = box
    above, below = np.maximum(point - highest, 0), np.maximum(lowest - point, 0)
    gap = above.sum() + below.sum()
    if gap == 0:
        return high, low
    grown = gap + (highest - lowest).sum()
    miss = 1 - gap / grown
    return above / grown / (depth + 1) + miss * high, below / grown / (depth + 1) + miss * low


def forest_attribution(core: Any, points: Array) -> tuple[Array, Array, Array]:
    """Return scores, parts above and parts below of points, averaged over the trees of a forest."""
    options = core.options()
    law = {"scoring": options["scoring"], "sample_size": options["sample_size"]}
    trees = [core.tree(index) for index in range(options["n_trees"])]
    exact = points.astype(np.float32).astype(np.float64)
    parts = [[tree_attribution(tree, point, **law) for tree in trees] for point in exact]
    return (
        np.array([np.mean([part[0] for part in row]) for row in parts]),
        np.array([np.mean([part[1] for part in row], axis=0) for row in parts]),
        np.array([np.mean([part[2] for part in row], axis=0) for row in parts]),
    )
