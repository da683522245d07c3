"""The forest obeys the laws of random cut forests: what it holds after a stream is distributed as
if it had been made at once (Guha et al. 2016), and its sample fades with age as it should.

Seeds are fixed, so these tests pass or fail for good; the limits are those of chance at 10^-6.
"""

import math
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrcf import RandomCutForest
from reference.at_once import decayed_sample, path, score

Array = NDArray[np.float64]
Trees = list[dict[str, NDArray[Any]]]

CHANCE = 4.9  # standard deviations that a fair test exceeds once in a million


def trees_of(forest: RandomCutForest) -> Trees:
    core = cast("Any", forest)._core
    return [core.tree(index) for index in range(forest.n_trees)]


def arrivals_of(trees: Trees) -> list[NDArray[np.int64]]:
    return [np.sort(tree["arrival"][tree["arrival"] >= 0]) for tree in trees]


def excess(observed: Array, expected: Array, freedom: int) -> float:
    """Chi-squared of counts, as standard deviations above its mean (Wilson & Hilferty 1931)."""
    chi2 = ((observed - expected) ** 2 / expected).sum()
    spread = 2 / (9 * freedom)
    return float((np.cbrt(chi2 / freedom) - (1 - spread)) / math.sqrt(spread))


def excess_of_two(one: Array, other: Array) -> float:
    """Chi-squared of two histograms against their common law, as in `excess`."""
    keep = one + other >= 20
    counts = np.array([[*side[keep], side[~keep].sum()] for side in (one, other)]) + 1e-9
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return excess(counts, expected, counts.shape[1] - 1)


def assert_uniform(values: Array, bins: int = 20) -> None:
    """Assert that values on [0, 1) show no sign of not being uniform."""
    counts = np.histogram(values, bins=bins, range=(0, 1))[0].astype(float)
    assert counts.sum() == len(values)
    assert excess(counts, np.full(bins, len(values) / bins), bins - 1) < CHANCE


def single(rows: Array) -> Array:
    """Round to what the forest keeps."""
    return np.asarray(rows, dtype=np.float32).astype(np.float64)


def drifting(n: int, d: int, seed: int) -> Array:
    """Three clouds of different widths that move, so that old points differ from new ones."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * np.array([1.0, 2.0, 4.0, 0.5])[np.arange(d) % 4]
    rows += rng.choice([-3.0, 0.0, 5.0], size=(n, 1)) + np.linspace(0, 8, n)[:, None]
    return single(rows)


# ---- cuts ---------------------------------------------------------------------------------------


def depths_of(tree: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    depth = np.zeros(len(tree["dimension"]), dtype=np.int64)
    for node in np.flatnonzero(tree["dimension"] >= 0):  # parents come before their children
        depth[[tree["left"][node], tree["right"][node]]] = depth[node] + 1
    return depth


def cuts_of(trees: Trees) -> dict[str, Array]:
    """Where the cuts of all trees lie, in coordinates in which they should be uniform."""
    parts = []
    for tree in trees:
        inner = np.flatnonzero(tree["dimension"] >= 0)
        low, high = (tree[side][inner].astype(float) for side in ("low", "high"))
        sides, dimension, rows = high - low, tree["dimension"][inner], np.arange(len(inner))
        before = np.cumsum(sides, axis=1)[rows, dimension] - sides[rows, dimension]
        offset = tree["cut"][inner] - low[rows, dimension]
        parts.append(
            {
                "depth": depths_of(tree)[inner],
                "place": (before + offset) / sides.sum(axis=1),
                "inside": offset / sides[rows, dimension],
                "chosen": dimension[:, None] == np.arange(sides.shape[1]),
                "chance": sides / sides.sum(axis=1, keepdims=True),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize(
    ("n_columns", "shingle_size", "n", "decay"),
    [
        pytest.param(3, 1, 24, 0.0, id="inserts"),
        pytest.param(3, 1, 600, 0.02, id="inserts-and-deletes"),
        pytest.param(1, 1, 600, 0.02, id="one-column"),
        pytest.param(2, 5, 400, 0.05, id="shingles"),
        pytest.param(3, 1, 900, 0.0, id="no-decay"),
    ],
)
def test_cuts_are_uniform_over_the_boxes(
    n_columns: int, shingle_size: int, n: int, decay: float
) -> None:
    forest = RandomCutForest(
        n_trees=1500, sample_size=32, shingle_size=shingle_size, time_decay=decay
    )
    cuts = cuts_of(trees_of(forest.update(drifting(n, n_columns, seed=n))))
    root = cuts["depth"] == 0
    assert root.sum() == 1500
    for level in (root, cuts["depth"] == 3, cuts["depth"] >= 6, cuts["depth"] >= 0):
        assert_uniform(cuts["place"][level])
        assert_uniform(cuts["inside"][level])
        surplus = (cuts["chosen"][level] - cuts["chance"][level]).sum(axis=0)
        variance = (cuts["chance"][level] * (1 - cuts["chance"][level])).sum(axis=0)
        if n_columns * shingle_size > 1:
            assert (np.abs(surplus) < CHANCE * np.sqrt(variance)).all()


# ---- trees --------------------------------------------------------------------------------------


def test_depths_are_those_of_trees_made_at_once() -> None:
    n, size, decay, n_trees = 600, 32, 0.01, 2000
    rows = drifting(n, 3, seed=1)
    forest = RandomCutForest(n_trees=n_trees, sample_size=size, time_decay=decay).update(rows)
    depths: dict[str, tuple[list[int], list[int]]] = {"oldest": ([], []), "newest": ([], [])}
    for tree in trees_of(forest):
        arrival, depth = tree["arrival"], depths_of(tree)
        depths["newest"][0].append(depth[arrival.argmax()])
        depths["oldest"][0].append(depth[np.where(arrival < 0, n, arrival).argmin()])
    rng = np.random.default_rng(2)
    for _ in range(n_trees):
        sample = decayed_sample(n, size, decay, rng)
        points = rows[sample]
        depths["newest"][1].append(path(points, points[-1], rng).depth)
        depths["oldest"][1].append(path(points, points[0], rng).depth)
    for streamed, made in depths.values():
        counts = [np.bincount(side, minlength=size).astype(float) for side in (streamed, made)]
        assert excess_of_two(*counts) < CHANCE


@pytest.mark.parametrize(("d", "decay"), [(1, 0.01), (3, 0.0), (3, 0.01)])
def test_scores_are_those_of_trees_made_at_once(d: int, decay: float) -> None:
    n, size, n_trees = 600, 32, 1000
    rows = drifting(n, d, seed=3)
    queries = np.vstack([rows[[10, -1]], rows[-1] + 1.0, rows[0] - 2.0, rows[-1] + 30.0])
    queries = single(queries)
    forest = RandomCutForest(n_trees=n_trees, sample_size=size, time_decay=decay).update(rows)
    rng = np.random.default_rng(4)
    for query, streamed in zip(queries, forest.score(queries), strict=True):
        made = [
            score(rows[decayed_sample(n, size, decay, rng)], query, rng) for _ in range(n_trees)
        ]
        error = float(np.std(made)) * math.sqrt(2 / n_trees)
        assert streamed == pytest.approx(np.mean(made), abs=CHANCE * error)


def test_scores_after_fit_are_those_of_trees_made_at_once() -> None:
    rows = drifting(400, 2, seed=5)
    queries = np.vstack([rows[[0, 200]], rows.mean(axis=0), rows.max(axis=0) + 5.0])
    forest = RandomCutForest(n_trees=1000, sample_size=32).fit(rows)
    rng = np.random.default_rng(6)
    for query, fitted in zip(queries, forest.score(queries), strict=True):
        made = [score(rows[rng.permutation(400)[:32]], query, rng) for _ in range(1000)]
        error = float(np.std(made)) * math.sqrt(2 / 1000)
        assert fitted == pytest.approx(np.mean(made), abs=CHANCE * error)


def test_the_highest_score_is_that_of_a_point_beside_equal_ones() -> None:
    forest = RandomCutForest().update(np.full((20_000, 2), 7.0))
    assert forest.score([[8.0, 7.0]])[0] == pytest.approx(math.log2(257), rel=1e-6)
    assert forest.score([[7.0, 7.0]])[0] == pytest.approx(0.5, rel=1e-6)


# ---- samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 1 / 320, 1 / 50, 0.3])
def test_samples_are_those_drawn_at_once(decay: float) -> None:
    n, size, n_trees = 2000, 32, 1200
    forest = RandomCutForest(n_trees=n_trees, sample_size=size, time_decay=decay)
    streamed = np.concatenate(arrivals_of(trees_of(forest.update(np.arange(float(n))))))
    rng = np.random.default_rng(8)
    made = np.concatenate([decayed_sample(n, size, decay, rng) for _ in range(n_trees)])
    assert len(streamed) == len(made) == n_trees * size
    edges = np.unique(np.quantile(made, np.linspace(0, 1, 21)))
    edges[-1] += 1
    assert excess_of_two(*(np.histogram(side, edges)[0] * 1.0 for side in (streamed, made))) < (
        CHANCE
    )


def test_retention_fades_with_the_decay() -> None:
    """With few points kept of many, age a is held in proportion to e^(-decay·a)."""
    decay, n = 1 / 400, 8000
    forest = RandomCutForest(n_trees=1500, sample_size=16, time_decay=decay)
    arrivals = np.concatenate(arrivals_of(trees_of(forest.update(np.arange(float(n))))))
    held = np.histogram(n - 1 - arrivals, np.arange(0, 1600, 100))[0]
    slope, _ = np.polyfit(np.arange(len(held)) * 100.0, np.log(held), 1, w=np.sqrt(held))
    assert -slope == pytest.approx(decay, rel=0.05)


def test_a_tenth_of_the_points_is_taken_at_the_default_decay() -> None:
    """The share is 1 - e^(-c), where c solves Ein(c) = sample_size · decay = 0.1."""
    forest = RandomCutForest(n_trees=300, sample_size=256)
    taken = []
    for _ in range(40):
        forest.update(np.arange(500.0))
        taken += [tree["next_index"] == forest.n_seen for tree in trees_of(forest)]
    share, seen = 0.0975, taken[10 * 300 :]
    error = math.sqrt(share * (1 - share) / len(seen))
    assert np.mean(seen) == pytest.approx(share, abs=CHANCE * error)


def test_a_fitted_sample_is_uniform_and_distinct() -> None:
    trees = trees_of(RandomCutForest(n_trees=1500, sample_size=16).fit(np.arange(100.0)[:, None]))
    arrivals = arrivals_of(trees)
    assert all(len(np.unique(sample)) == 16 for sample in arrivals)
    counts = np.bincount(np.concatenate(arrivals), minlength=100).astype(float)
    assert excess(counts, np.full(100, 1500 * 0.16), 99) < CHANCE


def test_rows_after_fit_join_as_if_the_table_had_come_at_once() -> None:
    decay, n, later = 0.02, 300, 80
    forest = RandomCutForest(n_trees=2000, sample_size=16, time_decay=decay)
    forest.fit(np.arange(float(n))[:, None]).update(n + np.arange(float(later)))
    streamed = [int((sample >= n).sum()) for sample in arrivals_of(trees_of(forest))]
    rng = np.random.default_rng(10)
    age = np.append(np.full(n, float(later)), np.arange(later)[::-1])
    keys = rng.exponential(size=(2000, n + later)) * np.exp(decay * age)
    made = (np.argpartition(keys, 15, axis=1)[:, :16] >= n).sum(axis=1)
    counts = [np.bincount(side, minlength=17).astype(float) for side in (streamed, made)]
    assert excess_of_two(*counts) < CHANCE


def test_trees_differ_from_the_start() -> None:
    """Beyond an eighth of the sample each tree tosses its own coin for every point."""
    rows = drifting(400, 2, seed=9)
    forest = RandomCutForest(n_trees=100, sample_size=256)
    for n_seen, n_different, overlap in [(60, 50, 0.98), (150, 100, 0.85), (400, 100, 0.5)]:
        forest.update(rows[forest.n_seen : n_seen])
        samples = [frozenset(a.tolist()) for a in arrivals_of(trees_of(forest))]
        assert len(set(samples)) >= n_different
        shared = [len(a & b) / len(a | b) for a, b in pairwise(samples)]
        assert np.mean(shared) < overlap


@pytest.mark.parametrize("decay", [100.0, 800.0, 1e6, 1e300])
def test_a_decay_beyond_measure_keeps_the_newest(decay: float) -> None:
    forest = RandomCutForest(n_trees=3, sample_size=4, time_decay=decay).update(np.arange(50.0))
    for arrivals in arrivals_of(trees_of(forest)):
        assert arrivals.tolist() == [46, 47, 48, 49]


# ---- figures that the reference implementations give ---------------------------------------------


def test_the_mean_score_of_a_sine() -> None:
    rng = np.random.default_rng(0)
    series = np.sin(np.arange(5_000) * (2 * np.pi / 50)) + rng.normal(scale=0.1, size=5_000)
    # The mean of one forest has a standard deviation of 0.004, by its trees.
    forests = [RandomCutForest(shingle_size=8, random_state=seed) for seed in range(4)]
    scores = np.array([forest.score_update(series) for forest in forests])
    assert scores[:, 1000:].mean() == pytest.approx(0.80, abs=0.01)
