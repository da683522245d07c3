"""Questions get the answers that other packages give, on the same trees where that can be."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrcf import RandomCutForest
from question_helpers import few_values, trees_of, wave

Array = NDArray[np.float64]


# ---- rrcf ---------------------------------------------------------------------------------------


def as_rrcf(arrays: dict[str, Any]) -> Any:
    """The same tree as an object of rrcf; a leaf's label is its place in the arrays."""
    rrcf = pytest.importorskip("rrcf", reason="rrcf is not installed")
    tree = rrcf.RCTree()
    tree.ndim = arrays["low"].shape[1]

    def node(i: int, above: Any, depth: int) -> Any:
        low, high = (arrays[side][i].astype(np.float64) for side in ("low", "high"))
        mass = int(arrays["mass"][i])
        if arrays["dimension"][i] < 0:
            leaf = rrcf.Leaf(i=i, d=depth, u=above, x=low, n=mass)
            tree.leaves[i] = leaf
            return leaf
        box = np.vstack([low, high])
        cut = float(arrays["cut"][i])
        branch = rrcf.Branch(q=int(arrays["dimension"][i]), p=cut, u=above, n=mass, b=box)
        branch.l = node(int(arrays["left"][i]), branch, depth + 1)
        branch.r = node(int(arrays["right"][i]), branch, depth + 1)
        return branch

    tree.root = node(0, None, 0)
    return tree


@pytest.mark.parametrize("make", [wave, few_values])
def test_codisp_of_sampled_rows_is_that_of_rrcf(make: Callable[..., Array]) -> None:
    table = make(150, 3, 4)
    forest = RandomCutForest(5, 64).fit(table)
    peers = [as_rrcf(arrays) for arrays in trees_of(forest)]
    answers = forest.codisp(table, sampled=True)
    for point, answer in zip(table.astype(np.float32), answers, strict=True):
        held = [leaf for peer in peers if (leaf := peer.find_duplicate(point))]
        codisps = [peer.codisp(leaf) for peer in peers if (leaf := peer.find_duplicate(point))]
        assert bool(held) == (not math.isnan(answer))
        if held:
            assert answer == pytest.approx(np.mean(codisps), rel=1e-12)
    assert np.isnan(answers).any() == (make is wave)


def test_codisp_of_one_copy_in_one_leaf_is_0_as_rrcf_has_it() -> None:
    forest = RandomCutForest(3, 8).fit(np.ones((5, 2)))
    assert as_rrcf(trees_of(forest)[0]).codisp(0) == 0
    assert forest.codisp([[1.0, 1.0]], sampled=True) == 0.0
    assert forest.codisp([[1.0, 1.0]]) == 0.0
    assert forest.codisp([[2.0, 1.0]]) == 5.0


def codisp_after_insertion(peer: Any, point: Array) -> float:
    peer.insert_point(point, index="asked")
    codisp = float(peer.codisp("asked"))
    peer.forget_point("asked")
    return codisp


def test_codisp_of_copies_is_that_of_rrcf_after_insertion() -> None:
    table = few_values(60, 3, 5)
    forest = RandomCutForest(4, 40).fit(table)
    for row in table[:10]:
        peers = [as_rrcf(arrays) for arrays in trees_of(forest)]
        if all(peer.find_duplicate(row) for peer in peers):
            after = [codisp_after_insertion(peer, row) for peer in peers]
            assert forest.codisp([row])[0] == pytest.approx(np.mean(after), rel=1e-12)


def test_codisp_of_other_rows_is_the_mean_of_rrcf_over_many_insertions() -> None:
    table = wave(60, 2, 6)
    forest = RandomCutForest(1, 24).fit(table)
    peer = as_rrcf(trees_of(forest)[0])
    peer.rng = np.random.RandomState(0)
    for point in ([0.1, 0.2], [1.2, 1.4], [3.0, 0.0], [-1.0, -4.0]):
        drawn = [codisp_after_insertion(peer, np.array(point)) for _ in range(1200)]
        error = np.std(drawn) / math.sqrt(len(drawn))
        assert abs(np.mean(drawn) - forest.codisp([point])[0]) < 4.5 * error + 1e-9


# ---- krcf ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cloud() -> tuple[RandomCutForest, Any, Array]:
    """Our forest and krcf's on the same rows, and rows to ask about."""
    krcf = pytest.importorskip("krcf", reason="krcf (the AWS core in Rust) is not installed")
    rng = np.random.default_rng(7)
    past = rng.normal(size=(2500, 3))
    peer = krcf.RandomCutForest(
        {
            "dimensions": 3,
            "shingle_size": 1,
            "num_trees": 100,
            "sample_size": 256,
            "lambda": 1 / 2560,
            "output_after": 64,
            "initial_accept_fraction": 0.125,
            "random_seed": 1,
        }
    )
    for point in past.tolist():
        peer.update(point)
    asked = np.concatenate([rng.normal(scale=scale, size=(60, 3)) for scale in (1, 2, 4)])
    return RandomCutForest().update(past), peer, asked


def test_density_is_near_that_of_krcf(cloud: tuple[RandomCutForest, Any, Array]) -> None:
    forest, peer, asked = cloud
    measures = [peer.density_interpolant(point)["measure"] for point in asked.tolist()]
    points = np.array([sum(measure["high"]) + sum(measure["low"]) for measure in measures])
    volumes = points * (1 / np.array([peer.density(point) for point in asked.tolist()]) - 0.001)
    # krcf counts points where we count shares of 256, and leaves out the point that is asked about.
    shares = (points + 1) / 256
    theirs = shares / (0.001 * shares + volumes)
    ratios = forest.density(asked) / theirs
    assert np.corrcoef(np.log(theirs), np.log(forest.density(asked)))[0, 1] > 0.98
    assert 0.93 < np.median(ratios) < 1.07
    assert 0.4 < ratios.min() < ratios.max() < 2.5


def test_distances_are_near_those_of_krcf(cloud: tuple[RandomCutForest, Any, Array]) -> None:
    forest, peer, asked = cloud
    theirs = [peer.density_interpolant(point)["distance"] for point in asked.tolist()]
    high, low = forest.distances(asked)
    for ours, side in ((high, "high"), (low, "low")):
        expected = np.array([distance[side] for distance in theirs])
        assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.995
        assert ours.sum() == pytest.approx(expected.sum(), rel=0.03)


def test_displacement_is_near_that_of_krcf(cloud: tuple[RandomCutForest, Any, Array]) -> None:
    forest, peer, asked = cloud
    theirs = np.array([peer.displacement_score(point) for point in asked.tolist()]) * 257
    ours = forest.displacement(asked)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.05)
