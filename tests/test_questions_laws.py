"""What displacement, density and neighbours must say of data whose shape is known."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf import Directional, Neighbors, RandomCutForest
from question_helpers import wave


@pytest.fixture(scope="module")
def mixture() -> RandomCutForest:
    """Ordinary rows about 0, in runs; anomalies about 5, of which a run begins with chance 0.01."""
    rng = np.random.default_rng(8)
    states = np.zeros(10_000, dtype=bool)
    for i in range(1, len(states)):
        states[i] = rng.random() < (0.6 if states[i - 1] else 0.01)
    table = rng.normal(size=(len(states), 3))
    table[states] = 5 + 1.5 * table[states]
    return RandomCutForest().update(table)


def test_displacement_tells_outliers(mixture: RandomCutForest) -> None:
    middle, edge, far = mixture.displacement([[0.0] * 3, [3.0] * 3, [8.0] * 3])
    scale = math.log2(257)
    assert middle * scale < 25
    assert far * scale > 100
    assert middle < edge < far <= 256


def test_codisp_tells_outliers(mixture: RandomCutForest) -> None:
    middle, edge, far = mixture.codisp([[0.0] * 3, [3.0] * 3, [8.0] * 3])
    assert 3 * middle < edge < far <= 256


def test_codisp_is_at_least_the_displacement(mixture: RandomCutForest) -> None:
    rows = np.random.default_rng(9).normal(scale=3.0, size=(200, 3))
    assert (mixture.codisp(rows) >= mixture.displacement(rows) * (1 - 1e-12)).all()


def test_codisp_sees_a_small_group_that_displacement_overlooks() -> None:
    rng = np.random.default_rng(10)
    table = rng.normal(size=(500, 2))
    table[:4] = 9 + 0.1 * rng.normal(size=(4, 2))
    forest = RandomCutForest(100, 500).fit(table)
    in_group, ordinary = [9.0, 9.0], [0.3, 0.1]
    assert forest.displacement([in_group])[0] < 10
    assert forest.codisp([in_group])[0] > 50 > 5 * forest.codisp([ordinary])[0]


def test_density_falls_with_distance(mixture: RandomCutForest) -> None:
    rows = np.array([[0.0, 0.0, 0.0], [2.5, 0.0, 0.0], [9.0, 0.0, 0.0], [40.0, 0.0, 0.0]])
    densities = mixture.density(rows)
    assert (np.diff(densities) < 0).all()
    assert densities[0] > 100 * densities[2]
    assert densities.max() <= 1000


def test_density_of_two_distributions() -> None:
    rng = np.random.default_rng(11)
    table = rng.normal(size=(4000, 3)) * 0.5
    table[::2, 0] += 5.0
    table[1::2, 0] -= 5.0
    forest = RandomCutForest().update(table)
    left, between, right, beside = forest.density([[-5, 0, 0], [0, 0, 0], [5, 0, 0], [0, 5, 5]])
    assert min(left, right) > 256 * max(between, beside)
    assert left == pytest.approx(right, rel=0.5)
    displaced = forest.displacement([[-5, 0, 0], [5, 0, 0], [0, 5, 5]])
    assert (displaced[:2] * math.log2(257) / 257 < 0.8).all()
    assert displaced[2] * math.log2(257) / 257 > 1.5


@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_directions_point_away_from_the_data(
    mixture: RandomCutForest, column: int, sign: float
) -> None:
    row = np.zeros((1, 3))
    row[0, column] = 14.0 * sign
    for high, low in (mixture.directional_density(row), mixture.distances(row)):
        total = high.sum() + low.sum()
        assert (high if sign > 0 else low)[0, column] > 0.9 * total


def test_distances_are_in_the_units_of_the_data(mixture: RandomCutForest) -> None:
    far = mixture.distances([[1e6, 0.0, 0.0]])
    assert far.high[0, 0] == pytest.approx(1e6, rel=1e-4)
    assert far.low.max() < 1.0


def test_directional_density_sums_to_density(mixture: RandomCutForest) -> None:
    rows = np.random.default_rng(12).normal(scale=2.0, size=(50, 3))
    directed = mixture.directional_density(rows)
    assert isinstance(directed, Directional)
    total = directed.high.sum(axis=1) + directed.low.sum(axis=1)
    assert_allclose(total, mixture.density(rows), rtol=1e-12)


def test_density_of_a_constant_series_is_the_greatest() -> None:
    forest = RandomCutForest(5, 16).update(np.ones(100))
    assert_allclose(forest.density([1.0]), 1000.0)
    assert_array_equal(np.concatenate([*forest.distances([1.0])]), 0.0)
    assert_array_equal(forest.displacement([1.0]), 1.0)
    assert_array_equal(forest.displacement([2.0]), 16.0)


def test_the_density_of_a_uniform_square_is_even() -> None:
    rng = np.random.default_rng(13)
    forest = RandomCutForest(200).fit(rng.random((5000, 2)))
    inside = forest.density(0.2 + 0.6 * rng.random((100, 2)))
    assert inside.std() < 0.35 * inside.mean()
    half = RandomCutForest(200).fit(2 * rng.random((5000, 2)))
    ratio = inside.mean() / half.density(0.4 + 1.2 * rng.random((100, 2))).mean()
    assert 3.3 < ratio < 4.7  # the same points on four times the area


# ---- neighbours ---------------------------------------------------------------------------------


def test_neighbors_are_learned_rows_in_order(mixture: RandomCutForest) -> None:
    rows = np.random.default_rng(14).normal(scale=2.0, size=(40, 3))
    near = mixture.near_neighbors(rows, k=100)
    assert isinstance(near, Neighbors)
    assert near.distance.shape == near.arrival.shape == near.count.shape == (40, 100)
    assert near.point.shape == (40, 100, 3)
    assert (near.count.sum(axis=1) == 100).all()
    known = near.count > 0
    assert (np.isnan(near.distance) == ~known).all()
    apart = np.linalg.norm(rows[:, np.newaxis].astype(np.float32) - near.point, axis=2)
    assert_allclose(near.distance[known], apart[known], rtol=1e-6)
    for row in range(40):
        assert (np.diff(near.distance[row, known[row]]) > 0).all()
        assert (np.diff(known[row].astype(int)) <= 0).all()


def test_neighbors_come_from_the_rows_that_their_arrival_names() -> None:
    series = wave(400, 2, 15)
    series[[50, 51, 200], 0] = np.nan
    forest = RandomCutForest(40, 64, 3, time_decay=0.0)
    forest.update(series[:150])
    forest.update(series[150:])
    near = forest.near_neighbors(wave(20, 2, 16), k=5)
    for arrival, point in zip(near.arrival.ravel(), near.point.reshape(-1, 6), strict=True):
        if arrival >= 0:
            assert_array_equal(point, series[arrival - 2 : arrival + 1].astype(np.float32).ravel())


def test_equal_points_are_one_neighbor() -> None:
    forest = RandomCutForest(50, 4, time_decay=0.0).update([5.0, 1.0, 1.0, 5.0] * 10)
    near = forest.near_neighbors([0.9], k=3)
    assert near.distance[0, 0] == pytest.approx(0.1)
    assert_array_equal(near.point[0, :, 0] == 1.0, [True, False, False])
    assert near.arrival[0, 0] % 4 in (1, 2)
    assert near.count.sum() == 50


def test_equally_near_neighbors_stand_by_arrival() -> None:
    forest = RandomCutForest(30, 16).fit([[2.0], [-2.0], [3.0], [-3.0]])
    near = forest.near_neighbors([[0.0]], k=4)
    found = near.arrival[0][near.arrival[0] >= 0].tolist()
    assert len(found) > 1
    assert found == sorted(found)


def test_neighbors_further_away_than_max_distance_are_left_out(mixture: RandomCutForest) -> None:
    row = [[2.0, 2.0, 2.0]]
    everyone = mixture.near_neighbors(row, k=100)
    limit = float(everyone.distance[0, 3])
    close = mixture.near_neighbors(row, k=100, max_distance=limit)
    assert_array_equal(close.distance[0, :4], everyone.distance[0, :4])
    assert np.isnan(close.distance[0, 4:]).all()
    nobody = mixture.near_neighbors(row, max_distance=0.0)
    assert (nobody.arrival == -1).all()


# ---- two clusters, and rows between them --------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_rows_between_two_clusters_stand_out(data_dir: Path, seed: int) -> None:
    path = data_dir / "aws_rcf" / "rcf-paper.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the data sets")
    rows = np.loadtxt(path, delimiter=",")
    between = np.abs(rows[:, 0]) < 2
    assert between.sum() == 11
    forest = RandomCutForest(random_state=seed).fit(rows)
    codisp, density = forest.codisp(rows), forest.density(rows)
    assert codisp[between].min() > 1.15 * codisp[~between].max()
    assert np.quantile(density[~between], 0.01) > 256 * density[between].max()
