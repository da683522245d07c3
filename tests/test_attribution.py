"""Attributions add up to scores, point to what stands out, and are those of the definition."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf import Attribution, RandomCutForest
from fastrcf._core import Forest, cpu_features, use_kernel
from reference.naive_attribution import forest_attribution

Array = NDArray[np.float64]

PLAIN: dict[str, Any] = {
    "n_columns": 1,
    "n_trees": 4,
    "sample_size": 32,
    "shingle_size": 1,
    "time_decay": 0.01,
    "output_after": 4,
    "initial_accept_fraction": 0.125,
    "random_state": 7,
    "n_jobs": 1,
}
LAWS = ["standard", "kinesis"]
# Widths with and without padding, with one block of lanes and with several, fixed and at run time.
WIDTHS = [1, 2, 3, 4, 5, 8, 9, 16, 17, 24, 50, 64, 100]


def native(**changes: Any) -> Forest:
    return Forest(**(PLAIN | changes))


def noise(n: int, d: int = 1, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d))


def kernels() -> list[str]:
    features = cpu_features()
    return ["baseline", *(name for name in ("avx2", "avx512") if features.get(name))]


@pytest.fixture(autouse=True)
def any_kernel() -> Iterator[None]:
    yield
    use_kernel("auto")


def check_against_twin(forest: Forest, points: Array, single: float = 1e-6) -> None:
    scores, high, low = forest.attribution(points)
    naive_scores, naive_high, naive_low = forest_attribution(forest, points)
    assert_allclose(scores, naive_scores, rtol=2e-6)
    assert_allclose(high, naive_high, atol=single, rtol=0)
    assert_allclose(low, naive_low, atol=single, rtol=0)
    assert_allclose(high.sum(axis=1) + low.sum(axis=1), scores, rtol=1e-12)
    assert_array_equal(scores, forest.score(points))


# ---- the definition -----------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("scoring", LAWS)
@pytest.mark.parametrize("width", WIDTHS)
def test_parts_are_those_of_the_definition(width: int, scoring: str, kernel: str) -> None:
    if kernel not in kernels():
        pytest.skip(f"this processor has no {kernel}")
    use_kernel(kernel)
    rows = noise(200, width)
    forest = native(n_columns=width, scoring=scoring)
    forest.update(rows)
    check_against_twin(forest, np.vstack([3 * noise(12, width, seed=1), rows[-15:]]))


@pytest.mark.parametrize("scoring", LAWS)
@pytest.mark.parametrize("width", [1, 2, 3, 9])
def test_copies_of_learned_points(width: int, scoring: str) -> None:
    """Few rows, so that leaves hold many copies and nearly every point is one."""
    rows = np.round(noise(14, width))[np.random.default_rng(3).integers(0, 14, size=300)]
    forest = native(n_columns=width, scoring=scoring)
    forest.update(rows)
    assert forest.tree(0)["mass"][forest.tree(0)["dimension"] < 0].max() > 1
    check_against_twin(forest, rows[-40:])


@pytest.mark.parametrize("scoring", LAWS)
def test_a_constant_stream(scoring: str) -> None:
    """One leaf: a copy has no direction at all, another point has its own alone."""
    forest = native(n_columns=3, scoring=scoring)
    forest.update(np.full((60, 3), 2.5))
    check_against_twin(forest, np.array([[2.5, 2.5, 2.5], [2.5, 2.5, 9.0], [0.0, 2.5, 2.5]]))
    scores, high, low = forest.attribution(np.full((1, 3), 2.5))
    assert_allclose(np.concatenate([high, low], axis=1), np.full((1, 6), scores[0] / 6))
    scores, high, low = forest.attribution(np.array([[2.5, 2.5, 9.0]]))
    assert_allclose(high, [[0, 0, scores[0]]])
    assert_array_equal(low, np.zeros((1, 3)))


@pytest.mark.parametrize("offset", [1e4, -1e6])
@pytest.mark.parametrize("width", [3, 8, 17])
def test_columns_far_from_zero(width: int, offset: float) -> None:
    rows = noise(200, width)
    rows[:, ::2] += offset
    forest = native(n_columns=width)
    forest.update(rows)
    check_against_twin(forest, rows[-20:] + noise(20, width, seed=1))


@pytest.mark.parametrize("scale", [1e-42, 1e-39, 1e-30, 1e29])
def test_the_edges_of_single_precision(scale: float) -> None:
    """Below 1e-38 boxes are too small for the shares to be exact; their sum still is."""
    rows = scale * noise(200, 3)
    forest = native(n_columns=3)
    forest.update(rows)
    points = np.vstack([rows[-10:], 3 * scale * noise(10, 3, seed=1)])
    if scale >= 1e-30:
        check_against_twin(forest, points)
    scores, high, low = forest.attribution(points)
    assert (scores > 0).all()
    assert (high >= 0).all()
    assert (low >= 0).all()
    assert_allclose(high.sum(axis=1) + low.sum(axis=1), scores, rtol=1e-12)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 1.5, -7.0, 3e5, -1e-3])] * 3), min_size=6),
    scoring=st.sampled_from(LAWS),
    shingle_size=st.integers(1, 3),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_rows(
    rows: list[tuple[float, ...]], scoring: str, shingle_size: int, seed: int
) -> None:
    table = np.array(rows)
    forest = native(
        n_columns=3, sample_size=8, shingle_size=shingle_size, scoring=scoring, random_state=seed
    )
    forest.update(table)
    scores, high, low = forest.attribution(table)
    assert_array_equal(scores, forest.score(table))
    assert_allclose(high.sum(axis=1) + low.sum(axis=1), scores, rtol=1e-12)
    if forest.is_ready:
        windows = np.lib.stride_tricks.sliding_window_view(
            np.vstack([table[len(table) - shingle_size + 1 :], table]), shingle_size, axis=0
        )
        points = windows.transpose(0, 2, 1).reshape(len(table), -1)
        _, naive_high, naive_low = forest_attribution(forest, points)
        assert_allclose(high, naive_high, atol=2e-6)
        assert_allclose(low, naive_low, atol=2e-6)


# ---- the same bits ------------------------------------------------------------------------------


def same_parts(one: tuple[Array, ...], other: tuple[Array, ...]) -> None:
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("scoring", LAWS)
@pytest.mark.parametrize("width", WIDTHS)
def test_bits_do_not_depend_on_the_kernel(width: int, scoring: str) -> None:
    rows = np.round(noise(300, width), 1 if width < 3 else 2)
    answers = []
    for kernel in kernels():
        use_kernel(kernel)
        forest = native(n_columns=width, scoring=scoring)
        answers.append([*forest.score_update_attribution(rows), *forest.attribution(rows[-60:])])
    for answer in answers[1:]:
        same_parts(tuple(answer), tuple(answers[0]))


@pytest.mark.parametrize("n_jobs", [2, 3, 7])
def test_bits_do_not_depend_on_threads(n_jobs: int) -> None:
    rows = np.round(noise(3000, 2), 1)
    one = native(n_columns=2, n_trees=30, shingle_size=2)
    many = native(n_columns=2, n_trees=30, shingle_size=2, n_jobs=n_jobs)
    same_parts(one.score_update_attribution(rows), many.score_update_attribution(rows))
    same_parts(one.attribution(rows), many.attribution(rows))
    many.n_jobs = 1
    assert one.to_bytes() == many.to_bytes()


@pytest.mark.parametrize("width", [1, 3, 10])
@pytest.mark.parametrize("chunk", [1, 3, 8, 77])
def test_bits_do_not_depend_on_chunks(chunk: int, width: int) -> None:
    rows = np.round(noise(5000 // (8 if chunk < 8 else 1), width), 1)
    rows[100] = np.nan
    whole, parts = (native(n_columns=width, shingle_size=3) for _ in range(2))
    expected = whole.score_update_attribution(rows)
    pieces = [
        parts.score_update_attribution(rows[start : start + chunk])
        for start in range(0, len(rows), chunk)
    ]
    same_parts(expected, tuple(np.concatenate(piece) for piece in zip(*pieces, strict=True)))
    assert whole.to_bytes() == parts.to_bytes()


def test_one_row_at_a_time_is_as_in_bulk() -> None:
    rows = np.round(noise(400, 5), 1)
    forest = native(n_columns=5)
    forest.update(rows)
    bulk = forest.attribution(rows[-30:])
    for i, row in enumerate(rows[-30:]):
        same_parts(forest.attribution(row[None]), tuple(part[i : i + 1] for part in bulk))


@pytest.mark.parametrize("width", [1, 4, 12])
@pytest.mark.parametrize("scoring", LAWS)
def test_scores_and_trees_are_as_without(width: int, scoring: str) -> None:
    rows = np.round(noise(2000, width), 1)
    plain, parted = (native(n_columns=width, shingle_size=2, scoring=scoring) for _ in range(2))
    for start, stop in [(0, 3), (3, 700), (700, 705), (705, 2000)]:
        scores = plain.score_update(rows[start:stop])
        assert_array_equal(parted.score_update_attribution(rows[start:stop])[0], scores)
    assert plain.to_bytes() == parted.to_bytes()


def test_it_is_that_of_the_forest_before_each_row() -> None:
    rows = noise(300, 2)
    bulk, single = native(n_columns=2), native(n_columns=2)
    expected = bulk.score_update_attribution(rows)
    for i, row in enumerate(rows):
        same_parts(single.attribution(row[None]), tuple(part[i : i + 1] for part in expected))
        single.update(row[None])


# ---- what it says -------------------------------------------------------------------------------


def mixture(n: int = 10_000) -> Array:
    """Rows of three columns: normal, and now and then a spell of another normal around 5."""
    rng = np.random.default_rng(1)
    rows = np.empty((n, 3))
    odd = False
    for row in rows:
        odd = rng.random() < (0.6 if odd else 0.01)
        row[:] = rng.normal(5.0 if odd else 0.0, 1.5 if odd else 1.0, size=3)
    return rows


def test_a_point_off_one_axis_is_blamed_on_that_axis() -> None:
    forest = RandomCutForest().update(mixture())
    points = np.zeros((2, 3))
    points[:, 0] = [6.0, -6.0]
    parts, scores = forest.attribution(points), forest.score(points)
    assert parts.high[0, 0] > scores[0] / 3
    assert parts.high[0, 0] == parts.high[0].max() > parts.low[0].max()
    assert parts.low[1, 0] > scores[1] / 3
    assert parts.low[1, 0] == parts.low[1].max() > parts.high[1].max()


def test_coordinates_come_in_the_order_of_time() -> None:
    """A spike is blamed on its own place in the window, which moves back row by row."""
    rows = 0.1 * noise(600, 2)
    rows[500, 1] = 9.0
    _, parts = RandomCutForest(shingle_size=3).score_update(rows, attribution=True)
    assert [int(parts.high[500 + k].argmax()) for k in range(3)] == [5, 3, 1]
    assert [int(parts.by_lag().high[500 + k].argmax()) for k in range(3)] == [2, 1, 0]
    assert [int(parts.by_column().high[500 + k].argmax()) for k in range(3)] == [1, 1, 1]


def test_parts_are_those_of_krcf() -> None:
    krcf = pytest.importorskip("krcf", reason="krcf (the AWS core in Rust) is not installed")
    rng = np.random.default_rng(0)
    rows = np.sin(np.arange(1500) / 8)[:, None] + rng.normal(scale=0.1, size=(1500, 2))
    theirs = krcf.RandomCutForest(
        {
            "dimensions": 2,
            "shingle_size": 4,
            "num_trees": 100,
            "sample_size": 256,
            "lambda": 1 / 2560,
            "output_after": 64,
            "initial_accept_fraction": 0.125,
            "internal_shingling": True,
            "random_seed": 1,
        }
    )
    for row in rows.tolist():
        theirs.update(row)
    ours = RandomCutForest(shingle_size=4).update(rows)
    expected, got = [], []
    for row in rows[-60:] + rng.choice([-1.0, 0.0, 1.0], size=(60, 2)):
        parts = ours.attribution_one(row)
        got.append(np.concatenate([parts.high, parts.low]))
        answer = theirs.attribution(row.tolist())
        expected.append(np.concatenate([answer["high"], answer["low"]]))
    assert np.corrcoef(np.ravel(got), np.ravel(expected))[0, 1] > 0.97
    assert np.abs(np.subtract(got, expected)).mean() < 0.02


# ---- bad input ----------------------------------------------------------------------------------


def test_nothing_is_said_of_rows_without_a_score() -> None:
    forest = native(n_columns=2, shingle_size=3, output_after=20)
    rows = noise(60, 2)
    rows[40, 1] = np.nan
    scores, high, low = forest.score_update_attribution(rows)
    silent = np.r_[0:22, 40:43]
    assert_array_equal(np.flatnonzero(scores == 0), silent)
    assert_array_equal(np.flatnonzero((high == 0).all(axis=1) & (low == 0).all(axis=1)), silent)
    _, high, low = native(n_columns=2, shingle_size=3).attribution(rows)
    assert_array_equal([high, low], np.zeros((2, 60, 6)))


def test_questions_change_nothing() -> None:
    rows = np.round(noise(500, 2), 1)
    forest = native(n_columns=2, shingle_size=2)
    forest.update(rows)
    before = forest.to_bytes()
    forest.attribution(rows)
    forest.attribution(rows[:1])
    assert forest.to_bytes() == before


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        pytest.param(np.zeros((2, 3)), ValueError, "X has 3 features", id="width"),
        pytest.param([[0.0, 1.0], [np.inf, 0.0]], ValueError, "row 1", id="infinity"),
        pytest.param([["a", "b"]], TypeError, "X: expected numbers", id="text"),
        pytest.param(np.zeros((0, 2)), ValueError, "X", id="nothing"),
    ],
)
def test_bad_rows_are_refused(rows: Any, error: type[Exception], words: str) -> None:
    forest = RandomCutForest(n_trees=5).update(noise(100, 2))
    before = forest.to_bytes()
    with pytest.raises(error, match=words):
        forest.attribution(rows)
    with pytest.raises(error, match=words):
        forest.score_update(rows, attribution=True)
    assert forest.to_bytes() == before


def test_a_bad_row_is_refused() -> None:
    forest = RandomCutForest(n_trees=5).update(noise(100, 2))
    with pytest.raises(ValueError, match="x has 3 features"):
        forest.attribution_one([1.0, 2.0, 3.0])


# ---- the object ---------------------------------------------------------------------------------


def test_sums_over_columns_and_over_rows() -> None:
    forest = RandomCutForest(n_trees=20, shingle_size=3).update(noise(300, 2))
    parts = forest.attribution(3 * noise(10, 2, seed=1))
    assert (parts.high.shape, parts.n_columns, parts.shingle_size) == ((10, 6), 2, 3)
    assert_allclose(parts.by_column().low[:, 1], parts.low[:, [1, 3, 5]].sum(axis=1))
    assert_allclose(parts.by_lag().high[:, 2], parts.high[:, [4, 5]].sum(axis=1))
    assert parts.by_column().high.shape == (10, 2)
    assert parts.by_lag().high.shape == (10, 3)
    for other in (parts.by_column(), parts.by_lag()):
        assert_allclose(other.total, parts.total)
    one = forest.attribution_one(3 * noise(10, 2, seed=1)[0])
    assert_array_equal(one.high, parts.high[0])
    assert one.by_column().high.shape == (2,)
    assert float(one.total) == pytest.approx(float(parts.total[0]), rel=1e-12)


def test_names_of_the_columns() -> None:
    rows = {"load": [1.0, 2.0, 9.0], "heat": [1.0, 2.0, 3.0]}
    forest = RandomCutForest(n_trees=5, output_after=1)
    assert forest.attribution(rows).names == ("load", "heat")
    _, parts = forest.score_update(rows, attribution=True)
    assert parts.names == ("load", "heat")
    assert forest.attribution_one({"heat": 1.0, "load": 5.0}).names == ("load", "heat")
    assert parts.by_column().names == ("load", "heat")
    assert parts.by_lag().names is None
    assert RandomCutForest(n_trees=5).update([[1.0]]).attribution([[1.0]]).names is None


def test_a_score_update_without_attribution_returns_scores() -> None:
    forest = RandomCutForest(n_trees=5)
    assert isinstance(forest.score_update([1.0, 2.0]), np.ndarray)
    assert isinstance(forest.score_update([1.0, 2.0], attribution=False), np.ndarray)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(4), np.zeros(3), 2), "low: expected the shape"),
        ((np.zeros(4), np.zeros(4), 3), "n_columns: expected a divisor"),
        ((np.zeros(4), np.zeros(4), 2, ("a",)), "names: expected one for each of 2"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Attribution(*cast("tuple[Any, Any, Any]", arguments))
