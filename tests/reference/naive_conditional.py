"""Conditional sampling from the definition, on trees as `_core.Forest.tree` writes them.

Nothing is left out that turns out not to matter: every candidate's score is worked out at every
node. Sums have the order of the native ones, so both give the same bits.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.naive_sampler import Random
from reference.naive_tree import order

Tree = dict[str, Any]
Point = NDArray[np.float32]


class Candidate(NamedTuple):
    """A leaf filled into the point, and the score of that in the subtree so far."""

    leaf: int
    rank: float
    distance: float


def candidate(tree: Tree, point: Point, node: int = 0, depth: int = 0) -> Candidate:
    """Return the lowest scoring of the leaves that the known coordinates lead to."""
    cut = int(tree["dimension"][node])
    known = [i for i, value in enumerate(point) if not math.isnan(value)]
    if cut < 0:
        leaf = tree["low"][node]
        distance = total({i: abs(float(point[i]) - float(leaf[i])) for i in known})
        seen = depth + float(np.float32(math.log2(1 + int(tree["mass"][node])))) if depth else 0.0
        rank = 1 / (depth + 1) if distance > 0 else (1 / seen if depth else 0.0)
        return Candidate(node, rank, distance)
    sides = [int(tree["left"][node]), int(tree["right"][node])]
    if cut in known:
        sides = [sides[int(order(point[cut]) > order(tree["cut"][node]))]]
    best = min(
        (candidate(tree, point, side, depth + 1) for side in sides), key=lambda found: found.rank
    )
    low, high = tree["low"][node].astype(float), tree["high"][node].astype(float)
    value = point.astype(float)
    gap = total({i: max(value[i] - high[i], 0.0) + max(low[i] - value[i], 0.0) for i in known})
    if gap == 0:
        return best
    chance = gap / (gap + total(dict(enumerate(high - low))))
    rank = chance / (depth + 1) + (1 - chance) * best.rank
    return best._replace(rank=max(best.rank, rank))  # rounding must not let it fall


def total(terms: dict[int, float]) -> float:
    """Sum by dimension modulo eight, then these sums in pairs."""
    lanes = [0.0] * 8
    for dimension, term in sorted(terms.items()):
        lanes[dimension % 8] += term
    a, b, c, d, e, f, g, h = lanes
    return float(((a + b) + (c + d)) + ((e + f) + (g + h)))


def lower_median(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def complete(trees: Sequence[Tree], point: Point) -> Point:
    """Fill the NaN of a point with medians of what the trees offer."""
    missing = [i for i, value in enumerate(point) if math.isnan(value)]
    if len(missing) == len(point):
        stored = np.concatenate([unfolded(tree) for tree in trees])
    else:
        found = [(tree, candidate(tree, point)) for tree in trees if len(tree["mass"]) > 0]
        distances = [best.distance for _, best in found]
        apart = sorted(distance for distance in distances if distance > 0)
        farthest = apart[(len(apart) + 1) // 2 - 1] if apart else 0.0
        stored = np.array(
            [tree["low"][best.leaf] for tree, best in found if best.distance <= farthest]
        )
    filled = point.copy()
    for i in missing:
        filled[i] = lower_median(list(stored[:, i]))
    return filled


def unfolded(tree: Tree) -> NDArray[np.float32]:
    """All points of a tree, copies repeated."""
    leaves = np.flatnonzero(tree["dimension"] < 0)
    points: NDArray[np.float32] = np.repeat(tree["low"][leaves], tree["mass"][leaves], axis=0)
    return points


def series_after(before: NDArray[Any], rows: NDArray[Any], shingle_size: int) -> Point:
    """Lead the rows by the newest complete ones, and by NaN where there are too few."""
    n_columns = rows.shape[1]
    lead: NDArray[np.float32] = np.full((shingle_size - 1, n_columns), np.nan, np.float32)
    incomplete = np.flatnonzero(np.isnan(before).any(axis=1))
    newest = before[incomplete[-1] + 1 :] if len(incomplete) else before
    newest = newest[len(newest) - min(len(newest), shingle_size - 1) :]
    lead[len(lead) - len(newest) :] = newest
    return np.concatenate([lead, rows.astype(np.float32)]) + np.float32(0)


def impute(
    trees: Sequence[Tree], before: NDArray[Any], rows: NDArray[Any], shingle_size: int
) -> NDArray[np.float64]:
    """Fill the rows that follow `before`, one after the other."""
    series = series_after(before, rows, shingle_size)
    filled = rows.astype(np.float64)
    for i in range(len(rows)):
        window = series[i : i + shingle_size]
        window[-1] = complete(trees, window.ravel())[-rows.shape[1] :].reshape(window[-1].shape)
        filled[i] = np.where(np.isnan(rows[i]), window[-1], rows[i])
    return filled


def expect(
    trees: Sequence[Tree], before: NDArray[Any], rows: NDArray[Any], shingle_size: int
) -> NDArray[np.float64]:
    """Tell each row from the rows before it, or each column from the other ones."""
    series = series_after(before, rows, shingle_size)
    n_columns = rows.shape[1]
    expected = np.full(rows.shape, np.nan)
    together = [range(n_columns)] if shingle_size > 1 else [[k] for k in range(n_columns)]
    for i in range(len(rows)):
        for columns in together:
            point = series[i : i + shingle_size].ravel().copy()
            left_out = [len(point) - n_columns + k for k in columns]
            if not np.isnan(np.delete(point, left_out)).any():
                point[left_out] = np.nan
                expected[i, list(columns)] = complete(trees, point)[left_out]
    return expected


OFFERS = 6


def forecast(
    trees: Sequence[Tree],
    before: NDArray[Any],
    shingle_size: int,
    *,
    n_paths: int,
    horizon: int,
    seed: int,
) -> NDArray[np.float64]:
    """Draw paths: each next row is that of a stored window that some tree finds like the newest."""
    n_columns = before.shape[1]
    newest = series_after(before, np.empty((0, n_columns)), shingle_size)
    unknown: NDArray[np.float32] = np.full((1, n_columns), np.nan, np.float32)
    paths = np.empty((n_paths, horizon, n_columns))
    for path in range(n_paths):
        random = Random(seed, path)
        window = newest
        for step in range(horizon):
            point = np.concatenate([window, unknown]).ravel()
            offers = []
            for _ in range(OFFERS):
                tree = trees[random.below(len(trees))]
                best = candidate(tree, point)
                offers.append((best.distance, tree["low"][best.leaf][-n_columns:]))
            offers.pop(int(np.argmax([distance for distance, _ in offers])))
            row = offers[random.below(len(offers))][1]
            paths[path, step] = row
            window = np.concatenate([window[1:], row[np.newaxis]])
    return paths
