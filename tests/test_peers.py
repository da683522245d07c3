"""Other implementations give the same scores and the same trees on the same rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fastrcf import RandomCutForest

Array = NDArray[np.float64]
Scorer = Callable[..., Array]


@pytest.fixture(scope="module")
def krcf_scores() -> Scorer:
    """Score each row by krcf, then learn it."""
    krcf = pytest.importorskip("krcf", reason="krcf (the AWS core in Rust) is not installed")

    def score_update(rows: Array, n_trees: int) -> Array:
        table = rows.reshape(len(rows), -1)
        forest = krcf.RandomCutForest(
            {
                "dimensions": table.shape[1],
                "shingle_size": 1,
                "num_trees": n_trees,
                "sample_size": 256,
                "lambda": 1 / 2560,
                "output_after": 64,
                "initial_accept_fraction": 0.125,
                "random_seed": 1,
            }
        )
        scores = []
        for point in table.tolist():
            scores.append(forest.score(point))
            forest.update(point)
        return np.array(scores)

    return score_update


def spearman(one: Array, other: Array) -> float:
    return float(pd.Series(one).rank().corr(pd.Series(other).rank()))


# ---- two clusters, and rows between them --------------------------------------------------------


@pytest.fixture(scope="module")
def clusters(data_dir: Path) -> Array:
    path = data_dir / "aws_rcf" / "rcf-paper.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the data sets")
    return np.loadtxt(path, delimiter=",")


def check_clusters(rows: Array, scores: Array) -> None:
    """The rows between the clusters stand out, the first of them most."""
    between = np.flatnonzero(np.abs(rows[:, 0]) < 2)
    assert len(between) == 11
    assert between[[0, -1]].tolist() == [293, 2005]
    assert scores[293] == pytest.approx(3.7, abs=0.2)
    assert scores[2005] == pytest.approx(2.8, abs=0.3)
    inside = np.setdiff1d(np.arange(len(rows)), between)
    inside = inside[scores[inside] > 0]
    ordinary = (scores[inside] > 0.5) & (scores[inside] < 1.4)
    assert ordinary.mean() >= 0.98


@pytest.mark.parametrize("seed", range(5))
def test_two_clusters(clusters: Array, seed: int) -> None:
    check_clusters(clusters, RandomCutForest(random_state=seed).score_update(clusters))


def test_two_clusters_by_krcf(clusters: Array, krcf_scores: Scorer) -> None:
    scores = krcf_scores(clusters, n_trees=100)
    check_clusters(clusters, scores)
    ours = RandomCutForest().score_update(clusters)
    assert ours[64:].mean() == pytest.approx(scores[66:].mean(), rel=0.03)


# ---- sine ---------------------------------------------------------------------------------------


def test_mean_score_of_a_sine_by_krcf(krcf_scores: Scorer) -> None:
    rng = np.random.default_rng(0)
    series = np.sin(np.arange(3000) * (2 * np.pi / 50)) + rng.normal(scale=0.1, size=3000)
    shingles = np.lib.stride_tricks.sliding_window_view(series, 8)
    theirs = krcf_scores(shingles, n_trees=100)
    ours = RandomCutForest(shingle_size=8).score_update(series)[7:]
    assert ours[500:].mean() == pytest.approx(theirs[500:].mean(), abs=0.015)


# ---- forty-one series of the Numenta Anomaly Benchmark -------------------------------------------


@pytest.mark.slow
def test_scores_of_the_benchmark_series_by_krcf(data_dir: Path, krcf_scores: Scorer) -> None:
    """Scores rank the rows as krcf's do: about as well as two seeds of krcf agree (median 0.95)."""
    paths = sorted((data_dir / "nab" / "data").rglob("*.csv"))
    if not paths:
        pytest.skip(f"no NAB series under {data_dir}")
    ranks, levels = [], []
    for path in paths:
        series = pd.read_csv(path)["value"].to_numpy(np.float64)
        ours = RandomCutForest(n_trees=50).score_update(series)
        theirs = krcf_scores(series, n_trees=50)
        ranks.append(spearman(ours[65:], theirs[65:]))
        levels.append(ours[65:].mean() / theirs[65:].mean())
    assert np.median(ranks) >= 0.9
    assert np.mean(np.array(ranks) > 0.75) >= 0.9
    assert np.abs(np.array(levels) - 1).max() < 0.06


# ---- trees --------------------------------------------------------------------------------------


def depth_and_codisp(tree: dict[str, NDArray[Any]], arrival: int) -> tuple[int, float]:
    """Depth of a point, and its collusive displacement: how many points go if it goes."""
    node = int(np.flatnonzero(tree["arrival"] == arrival)[0])
    depth, codisp = 0, 0.0
    while node > 0:
        parent = int(np.flatnonzero((tree["left"] == node) | (tree["right"] == node))[0])
        others = tree["mass"][parent] - tree["mass"][node]
        codisp = max(codisp, float(others / tree["mass"][node]))
        node, depth = parent, depth + 1
    return depth, codisp


def test_trees_are_those_of_rrcf() -> None:
    """Depth and displacement of an inner point, an outer one and a far one, over many trees."""
    rrcf = pytest.importorskip("rrcf", reason="rrcf is not installed")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(40, 2)) * np.array([1.0, 3.0])
    rows[:3] = [[0.0, 0.0], [2.0, 5.0], [9.0, -9.0]]
    n_trees = 400
    forest = RandomCutForest(n_trees=n_trees, sample_size=40).fit(rows)
    core = cast("Any", forest)._core
    ours, theirs = [], []
    for number in range(n_trees):
        tree = core.tree(number)
        ours.append([depth_and_codisp(tree, point) for point in range(3)])
        other = rrcf.RCTree(rows, random_state=number)
        theirs.append([(other.leaves[point].d, other.codisp(point)) for point in range(3)])
    error = np.std(theirs, axis=0) * np.sqrt(2 / n_trees)
    difference = np.mean(ours, axis=0) - np.mean(theirs, axis=0)
    assert (np.abs(difference) < 4.9 * error).all()
