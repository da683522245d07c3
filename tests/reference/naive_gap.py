"""The expected gap of a point in trees given as arrays, every formula as it is written."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastrcf._core import Forest

Array = NDArray[np.float64]


def tree_gaps(tree: dict[str, Any], point: Array) -> tuple[Array, Array]:
    """Tell how far the point lies outside the box that it is cut off from, side by side."""
    path = [0]
    while tree["left"][path[-1]] >= 0:
        node = path[-1]
        goes_left = point[tree["dimension"][node]] <= tree["cut"][node]
        path.append(int(tree["left" if goes_left else "right"][node]))
    copy = (tree["low"][path[-1]] == point).all()
    high, low = np.zeros(len(point)), np.zeros(len(point))
    others: list[int] = []  # whose boxes together hold everything but the copy
    for node, below in zip(path[::-1], [None, *path[:0:-1]], strict=True):
        if copy and below is None:
            continue
        if copy:
            left, right = int(tree["left"][node]), int(tree["right"][node])
            others.append(right if below == left else left)
        else:
            others = [node]
        bottom, top = tree["low"][others].min(axis=0), tree["high"][others].max(axis=0)
        above, under = np.maximum(point - top, 0.0), np.maximum(bottom - point, 0.0)
        gap = above.sum() + under.sum()
        if gap == 0:
            break
        grown = gap + (top.astype(float) - bottom).sum()
        high = above / grown * above + (1 - gap / grown) * high
        low = under / grown * under + (1 - gap / grown) * low
    return high, low


def expected_gaps(forest: Forest, points: Array) -> tuple[Array, Array]:
    """Take the mean over the trees."""
    n_trees = forest.options()["n_trees"]
    trees = [forest.tree(index) for index in range(n_trees)]
    gaps = np.array([[tree_gaps(tree, point) for tree in trees] for point in points])
    high, low = gaps.mean(axis=1).transpose(1, 0, 2)
    return high, low
