"""What a forest knows besides the score: displacement, codisp, density, neighbours."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf import Directional, Neighbors, RandomCutForest
from reference import naive_visitors

Array = NDArray[np.float64]
Question = Callable[[RandomCutForest, Array], tuple[NDArray[Any], ...]]


def neighbors(forest: RandomCutForest, rows: Array) -> tuple[NDArray[Any], ...]:
    found = forest.near_neighbors(rows, k=4)
    return found.distance, found.arrival, found.count, found.point


QUESTIONS: dict[str, Question] = {
    "displacement": lambda forest, rows: (forest.displacement(rows),),
    "codisp": lambda forest, rows: (forest.codisp(rows),),
    "codisp_sampled": lambda forest, rows: (forest.codisp(rows, sampled=True),),
    "density": lambda forest, rows: (forest.density(rows),),
    "directional_density": lambda forest, rows: forest.directional_density(rows),
    "distances": lambda forest, rows: forest.distances(rows),
    "near_neighbors": neighbors,
}
NO_ANSWER = {
    "displacement": (0.0,),
    "codisp": (0.0,),
    "codisp_sampled": (np.nan,),
    "density": (np.nan,),
    "directional_density": (np.nan, np.nan),
    "distances": (np.nan, np.nan),
    "near_neighbors": (np.nan, -1, 0, np.nan),
}
every_question = pytest.mark.parametrize("question", QUESTIONS)


def wave(n: int, columns: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    phase = np.arange(n)[:, np.newaxis] / 7 + np.arange(columns)
    return np.sin(phase) + rng.normal(scale=0.1, size=(n, columns))


def few_values(n: int, columns: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 3, size=(n, columns)).astype(np.float64)


def trees_of(forest: RandomCutForest) -> list[dict[str, Any]]:
    core = forest._core
    assert core is not None
    return [core.tree(i) for i in range(forest.n_trees)]


def windows(history: Array, rows: Array, shingle_size: int) -> list[Array]:
    """The points that the rows complete after the history."""
    series = np.concatenate([history, rows])
    ends = range(len(history) + 1, len(series) + 1)
    return [series[end - shingle_size : end].ravel() for end in ends]


# ---- the slow twin ------------------------------------------------------------------------------


def compare_with_twin(forest: RandomCutForest, rows: Array, points: list[Array]) -> None:
    trees = trees_of(forest)
    shingle_size = forest.shingle_size
    near = lambda answers, expected: assert_allclose(answers, expected, rtol=1e-9, atol=1e-12)  # noqa: E731

    each = [[naive_visitors.displacement(tree, point) for tree in trees] for point in points]
    near(forest.displacement(rows), np.mean(each, axis=1))
    each = [[naive_visitors.codisp_inserted(tree, point) for tree in trees] for point in points]
    near(forest.codisp(rows), np.mean(each, axis=1))
    held = [
        [value for tree in trees if (value := naive_visitors.codisp_held(tree, point)) is not None]
        for point in points
    ]
    near(
        forest.codisp(rows, sampled=True),
        [np.mean(values) if values else np.nan for values in held],
    )

    means = [naive_visitors.mean_surroundings(trees, point) for point in points]
    d = points[0].size
    for smoothing, dimension in ((0.001, float(d)), (0.1, 1.5)):
        densities = [naive_visitors.density(mean, smoothing, dimension) for mean in means]
        options = {"smoothing": smoothing, "manifold_dimension": dimension}
        near(forest.density(rows, **options), densities)
        directed = [
            mean.share / mean.share.sum() * total
            for mean, total in zip(means, densities, strict=True)
        ]
        near(np.concatenate(forest.directional_density(rows, **options), axis=1), directed)
    near(forest.density(rows), [naive_visitors.density(mean, 0.001, d) for mean in means])
    near(np.concatenate(forest.distances(rows), axis=1), [mean.distance for mean in means])

    found = forest.near_neighbors(rows, k=forest.n_trees + 1)
    for row, point in enumerate(points):
        expected = naive_visitors.near_neighbors(trees, point, shingle_size)
        n = len(expected)
        near(found.distance[row, :n], [neighbor[0] for neighbor in expected])
        assert found.arrival[row, :n].tolist() == [neighbor[1] for neighbor in expected]
        assert found.count[row, :n].tolist() == [neighbor[2] for neighbor in expected]
        assert_array_equal(found.point[row, :n], [neighbor[3] for neighbor in expected])
        assert np.isnan(found.distance[row, n:]).all()
        assert np.isnan(found.point[row, n:]).all()
        assert (found.arrival[row, n:] == -1).all()
        assert (found.count[row, n:] == 0).all()


@pytest.mark.parametrize(
    ("make", "columns", "shingle_size"),
    [
        (wave, 1, 1),
        (wave, 3, 1),
        (wave, 1, 5),
        (wave, 9, 2),
        (few_values, 3, 1),
        (few_values, 1, 4),
    ],
)
def test_answers_are_those_of_the_twin(
    make: Callable[[int, int, int], Array], columns: int, shingle_size: int
) -> None:
    past = make(300, columns, 1)
    forest = RandomCutForest(6, 24, shingle_size, random_state=3).update(past)
    fresh = make(12, columns, 2)
    rows = np.concatenate([fresh, past[-12:], fresh * 4.0])  # strange rows, known ones, far ones
    compare_with_twin(forest, rows, windows(past, rows, shingle_size))


numbers = st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, -7.0, 1.0000001, 1e6])
tables = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20)


@settings(max_examples=60)
@given(past=tables, rows=tables, sample_size=st.integers(1, 8))
def test_answers_are_those_of_the_twin_on_odd_tables(
    past: list[tuple[float, float]], rows: list[tuple[float, float]], sample_size: int
) -> None:
    forest = RandomCutForest(3, sample_size, output_after=1).update(past)
    asked = np.array(rows[:6])
    compare_with_twin(forest, asked, list(asked))


# ---- other packages -----------------------------------------------------------------------------


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


# ---- laws ---------------------------------------------------------------------------------------


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
    assert_array_equal(np.concatenate(forest.distances([1.0])), 0.0)
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


# ---- what holds for all of them -----------------------------------------------------------------


@pytest.fixture(scope="module")
def stream() -> tuple[RandomCutForest, Array]:
    past = wave(600, 2, 17)
    rows = np.concatenate([wave(40, 2, 18), 3 * wave(10, 2, 19), past[-30:]])
    rows[[7, 8, 33], 1] = np.nan
    return RandomCutForest(30, 64, 3).update(past), rows


@every_question
def test_a_question_changes_nothing(question: str, stream: tuple[RandomCutForest, Array]) -> None:
    forest, rows = stream
    before = forest.to_bytes()
    first = QUESTIONS[question](forest, rows)
    assert forest.to_bytes() == before
    for one, other in zip(first, QUESTIONS[question](forest, rows), strict=True):
        assert_array_equal(one, other)


@every_question
def test_threads_change_no_bit(question: str, stream: tuple[RandomCutForest, Array]) -> None:
    forest, _ = stream
    rows = wave(400, 2, 20)
    alone = QUESTIONS[question](forest, rows)
    forest.set_params(n_jobs=4)
    together = QUESTIONS[question](forest, rows)
    forest.set_params(n_jobs=1)
    for one, other in zip(alone, together, strict=True):
        assert one.tobytes() == other.tobytes()


@every_question
def test_one_row_at_a_time_is_the_same_as_in_bulk(question: str) -> None:
    forest = RandomCutForest(20, 64).update(wave(300, 2, 21))
    rows = wave(30, 2, 22)
    rows[4] = np.nan
    bulk = QUESTIONS[question](forest, rows)
    single = [QUESTIONS[question](forest, row[np.newaxis]) for row in rows]
    for part, answers in enumerate(bulk):
        assert np.concatenate([answer[part] for answer in single]).tobytes() == answers.tobytes()


@every_question
def test_rows_are_asked_about_in_the_window_that_they_end(
    question: str, stream: tuple[RandomCutForest, Array]
) -> None:
    forest, rows = stream
    bulk = QUESTIONS[question](forest, rows)
    without_answer = np.zeros(len(rows), dtype=bool)
    for missing in (7, 8, 33):
        without_answer[missing : missing + 3] = True
    for answers, nothing in zip(bulk, NO_ANSWER[question], strict=True):
        flat = answers.reshape(len(rows), -1)
        assert_array_equal(flat[without_answer], np.full_like(flat[without_answer], nothing))
        if question != "codisp_sampled":
            assert not (flat[~without_answer][:, 0] == nothing).any()
            assert not np.isnan(flat[~without_answer][:, 0]).any()
    for end in (3, 20, 50):
        part = QUESTIONS[question](forest, rows[:end])
        for one, other in zip(part, bulk, strict=True):
            assert_array_equal(one, other[:end])


@every_question
def test_before_the_forest_is_ready_there_is_no_answer(question: str) -> None:
    rows = wave(5, 2, 23)
    unused = RandomCutForest(4, 16, output_after=9)
    learning = RandomCutForest(4, 16, output_after=9).update(wave(8, 2, 24))
    for forest in (unused, learning):
        answers = QUESTIONS[question](forest, rows)
        for answer, nothing in zip(answers, NO_ANSWER[question], strict=True):
            assert len(answer) == 5
            assert_array_equal(answer, np.full_like(answer, nothing))
    assert not unused.n_seen
    ready = QUESTIONS[question](learning.update(rows[:1]), rows[:1])
    if question != "codisp_sampled":
        assert not np.isnan(ready[0].ravel()[0])


@every_question
def test_bad_rows_are_refused(question: str) -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 25))
    before = forest.to_bytes()
    rows = wave(5, 2, 26)
    rows[3, 1] = np.inf
    with pytest.raises(ValueError, match="row 3, column 1 is inf"):
        QUESTIONS[question](forest, rows)
    with pytest.raises(ValueError, match="3 features"):
        QUESTIONS[question](forest, wave(5, 3, 27))
    with pytest.raises(TypeError, match="numbers"):
        QUESTIONS[question](forest, np.array([["a", "b"]]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_trees"):
        QUESTIONS[question](RandomCutForest(n_trees=0), wave(5, 2, 28))
    assert forest.to_bytes() == before


@pytest.mark.parametrize("verb", ["density", "directional_density"])
@pytest.mark.parametrize("name", ["smoothing", "manifold_dimension"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_options_of_density_must_be_positive(verb: str, name: str, value: float) -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 29))
    with pytest.raises(ValueError, match=f"{name}: expected a positive number"):
        getattr(forest, verb)([[0.0, 0.0]], **{name: value})
    with pytest.raises(TypeError, match=f"{name}: expected a positive number"):
        getattr(forest, verb)([[0.0, 0.0]], **{name: "much"})


def test_options_of_near_neighbors_are_checked() -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 30))
    with pytest.raises(ValueError, match="k: expected an integer of at least 1, got 0"):
        forest.near_neighbors([[0.0, 0.0]], k=0)
    with pytest.raises(TypeError, match="k: expected an integer"):
        forest.near_neighbors([[0.0, 0.0]], k=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"max_distance: expected .* got -1"):
        forest.near_neighbors([[0.0, 0.0]], max_distance=-1.0)
    with pytest.raises(ValueError, match="max_distance"):
        forest.near_neighbors([[0.0, 0.0]], max_distance=math.nan)


@pytest.mark.parametrize("kernel", ["baseline", "avx2", "avx512"])
@every_question
def test_kernels_change_no_bit(
    kernel: str, question: str, stream: tuple[RandomCutForest, Array]
) -> None:
    from fastrcf import _core

    if kernel != "baseline" and not _core.cpu_features()[kernel]:
        pytest.skip(f"this machine has no {kernel}")
    forest, rows = stream
    usual = QUESTIONS[question](forest, rows)
    _core.use_kernel(kernel)
    try:
        again = QUESTIONS[question](forest, rows)
    finally:
        _core.use_kernel("auto")
    for one, other in zip(usual, again, strict=True):
        assert one.tobytes() == other.tobytes()
