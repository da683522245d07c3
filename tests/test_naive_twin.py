"""The native forest holds, node by node, the trees of its slow and obvious twin."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf._core import Forest, cpu_features, use_kernel
from reference import portable_math
from reference.naive_forest import NaiveForest
from reference.naive_sampler import Random, SplitMix
from reference.naive_tree import from_order, order

Rows = NDArray[np.float64]

PLAIN = {
    "n_columns": 1,
    "n_trees": 3,
    "sample_size": 16,
    "shingle_size": 1,
    "time_decay": 0.01,
    "output_after": 4,
    "initial_accept_fraction": 0.125,
    "random_state": 7,
}


def noise(n: int, d: int = 1, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).normal(size=(n, d))


def with_holes(rows: Rows, share: float) -> Rows:
    rows[np.random.default_rng(1).random(len(rows)) < share, -1] = np.nan
    return rows


class Pair:
    """A native forest and its twin, which live through the same."""

    def __init__(self, **changes: Any) -> None:
        options = PLAIN | changes
        self.native = Forest(n_jobs=1, **options)
        self.naive = NaiveForest(**options)

    def score_update(self, rows: Rows) -> None:
        self.check_scores(self.native.score_update(rows), self.naive.score_update(rows))

    def score(self, rows: Rows) -> None:
        self.check_scores(self.native.score(rows), self.naive.score(rows))

    def update(self, rows: Rows, chunk: int | None = None) -> None:
        for start in range(0, len(rows), chunk or len(rows)):
            self.native.update(rows[start : start + (chunk or len(rows))])
        self.naive.update(rows)

    def fit(self, rows: Rows) -> None:
        self.native.fit(rows)
        self.naive.fit(rows)

    def reload(self) -> None:
        self.native = Forest.from_bytes(self.native.to_bytes())

    @staticmethod
    def check_scores(native: NDArray[np.float64], naive: NDArray[np.float64]) -> None:
        assert_allclose(native, naive, rtol=2e-6, atol=0)

    def check_trees(self) -> None:
        assert self.native.n_seen == self.naive.n_rows - self.naive.n_skipped
        assert self.native.n_skipped == self.naive.n_skipped
        assert self.native.is_ready == self.naive.is_ready
        for index in range(len(self.naive.trees)):
            native, naive = self.native.tree(index), self.naive.tree(index)
            by_key = np.argsort(native["sample_keys"])
            for name in ("sample_keys", "sample_leaves"):
                native[name] = native[name][by_key]
            assert native.keys() == naive.keys()
            for name, expected in naive.items():
                assert_array_equal(native[name], expected, err_msg=f"tree {index}: {name}")


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    name = request.param
    if not cpu_features().get(name, name == "baseline"):
        pytest.skip(f"this processor has no {name}")
    use_kernel(name)
    yield
    use_kernel("auto")


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("n_columns", "shingle_size", "n"),
    [
        pytest.param(1, 1, 200, id="1"),
        pytest.param(3, 1, 150, id="3"),
        pytest.param(4, 1, 120, id="4"),
        pytest.param(8, 1, 120, id="8"),
        pytest.param(10, 1, 100, id="10"),
        pytest.param(1, 3, 150, id="1x3"),
        pytest.param(2, 3, 120, id="2x3"),
        pytest.param(1, 8, 120, id="1x8"),
        pytest.param(5, 5, 100, id="5x5"),
        pytest.param(1, 24, 100, id="1x24"),
        pytest.param(4, 8, 100, id="4x8"),
        pytest.param(1, 48, 120, id="1x48"),
        pytest.param(33, 1, 60, id="33"),
    ],
)
def test_every_width_on_every_kernel(n_columns: int, shingle_size: int, n: int) -> None:
    pair = Pair(n_columns=n_columns, shingle_size=shingle_size, n_trees=2, time_decay=0.1)
    pair.score_update(noise(n, n_columns))
    pair.check_trees()
    pair.score(noise(12 + shingle_size, n_columns, seed=2) * 2)


@pytest.mark.parametrize("sample_size", [1, 2, 3, 16, 60])
@pytest.mark.parametrize("time_decay", [0.0, 0.02, 0.5, 40.0])
def test_sample_sizes_and_decays(sample_size: int, time_decay: float) -> None:
    pair = Pair(sample_size=sample_size, time_decay=time_decay, n_columns=2, n_trees=2)
    pair.score_update(noise(150, 2))
    pair.check_trees()


@pytest.mark.parametrize("fraction", [1e-9, 0.125, 0.5, 0.97, 1.0])
def test_share_of_the_sample_that_is_filled_at_once(fraction: float) -> None:
    pair = Pair(initial_accept_fraction=fraction)
    for row in noise(60):
        pair.update(row[None])
        pair.check_trees()


@pytest.mark.parametrize("n_columns", [1, 3, 9])
def test_duplicates_are_multiplicities(n_columns: int) -> None:
    rows = np.random.default_rng(3).integers(0, 2, size=(250, n_columns)).astype(float)
    rows[:, 1:] *= -0.0
    pair = Pair(n_columns=n_columns, time_decay=0.05)
    pair.score_update(rows)
    pair.check_trees()
    assert pair.native.tree(0)["mass"].max() == 16
    assert len(pair.native.tree(0)["mass"]) == 3
    pair.score(np.array([[0.0], [-0.0], [1.0], [2.0]]) * np.eye(1, n_columns))


@pytest.mark.parametrize("shingle_size", [1, 2, 5])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_rows_with_nan_break_the_window(shingle_size: int, share: float) -> None:
    rows = with_holes(noise(260, 2), share)
    pair = Pair(shingle_size=shingle_size, n_columns=2)
    pair.update(rows[:100], chunk=7)
    pair.check_trees()
    pair.score_update(rows[100:200])
    pair.score(rows[200:])
    pair.check_trees()


@pytest.mark.parametrize("chunk", [1, 2, 7, 8, 9, 31])
def test_rows_in_any_chunks(chunk: int) -> None:
    rows = with_holes(noise(300, seed=chunk), 0.02)
    pair = Pair(shingle_size=4, time_decay=0.03)
    for start in range(0, 300, chunk):
        action = (pair.update, pair.score_update)[start // chunk % 2]
        action(rows[start : start + chunk])
    pair.check_trees()


def test_rows_that_no_tree_holds_are_dropped_in_time() -> None:
    rows = np.cumsum(noise(6000), axis=0)
    pair = Pair(shingle_size=3, time_decay=0.005)
    for start, stop in [(0, 1500), (1500, 1501), (1501, 4000), (4000, 6000)]:
        pair.update(rows[start:stop], chunk=50)
        pair.check_trees()
    pair.score_update(np.cumsum(noise(40, seed=5), axis=0))


@pytest.mark.parametrize("shingle_size", [1, 3])
@pytest.mark.parametrize("n", [3, 16, 200])
def test_fit_and_what_comes_after(shingle_size: int, n: int) -> None:
    pair = Pair(shingle_size=shingle_size, n_columns=2)
    pair.fit(with_holes(noise(n, 2), 0.05 if n > 16 else 0.0))
    pair.check_trees()
    pair.score(noise(20, 2, seed=1))
    pair.score_update(noise(120, 2, seed=2))
    pair.check_trees()


def test_a_reloaded_forest_goes_on_as_its_twin() -> None:
    pair = Pair(shingle_size=2, time_decay=0.05)
    rows = with_holes(noise(300), 0.03)
    for start in range(0, 300, 25):
        pair.score_update(rows[start : start + 25])
        pair.reload()
    pair.check_trees()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**64 - 1])
def test_seeds_and_trees_differ_as_they_should(seed: int) -> None:
    pair = Pair(random_state=seed, n_trees=5)
    pair.update(noise(120))
    pair.check_trees()
    assert len({tuple(pair.native.tree(i)["sample_keys"]) for i in range(5)}) == 5


def test_values_at_the_edges_of_single_precision() -> None:
    tiny = float(np.finfo(np.float32).smallest_subnormal)
    edges = np.array([0.0, -0.0, tiny, -tiny, 3 * tiny, 1e-38, -1e-38, 1.0, 1e30, -1e30])
    rows = np.random.default_rng(6).choice(edges, size=(300, 2))
    pair = Pair(n_columns=2, time_decay=0.2)
    pair.update(rows)
    pair.check_trees()


@pytest.mark.parametrize("n_columns", [1, 2, 4, 8, 9, 17])
@pytest.mark.parametrize("offset", [1e3, 1e6, -1e29])
def test_columns_far_from_zero(n_columns: int, offset: float) -> None:
    """What is small beside its column, or beside another column, is not lost."""
    rows = noise(200, n_columns)
    rows[:, ::2] += offset
    pair = Pair(n_columns=n_columns, time_decay=0.05)
    pair.score_update(rows)
    pair.check_trees()


def test_neighbouring_values_are_told_apart() -> None:
    steps = np.float32(1.0) + np.arange(8, dtype=np.float32) * np.finfo(np.float32).eps
    rows = np.random.default_rng(7).choice(steps, size=(200, 1)).astype(np.float64)
    pair = Pair(time_decay=0.1)
    pair.score_update(rows)
    pair.check_trees()


singles = st.floats(-(2.0**99), 2.0**99, width=32)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(singles, singles, singles), min_size=1, max_size=40),
    decay=st.sampled_from([0.0, 0.1, 3.0]),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_values(rows: list[tuple[float, ...]], decay: float, seed: int) -> None:
    pair = Pair(n_columns=3, n_trees=1, sample_size=5, time_decay=decay, random_state=seed)
    pair.update(np.array(rows))
    pair.check_trees()


def test_the_generator_gives_the_published_numbers() -> None:
    """State 1, 2, 3, 4: the first outputs of the authors' own code."""
    random = Random(0, 0)
    random.words = [1, 2, 3, 4]
    assert [random.bits() for _ in range(4)] == [
        41943041,
        58720359,
        3588806011781223,
        3591011842654386,
    ]
    assert SplitMix(0).bits() == 0xE220A8397B1DCDAF


@given(st.floats(2.0**-1000, 2.0**1000), st.floats(-30.0, 700.0), st.floats(0.0, 1e9))
def test_logarithms_and_exponentials(x: float, y: float, z: float) -> None:
    assert portable_math.log(x) == pytest.approx(math.log(x), rel=1e-13)
    assert portable_math.log1p(z) == pytest.approx(math.log1p(z), rel=1e-13)
    assert portable_math.expm1(y) == pytest.approx(math.expm1(y), rel=1e-13)


@given(a=singles, b=singles)
def test_the_order_of_singles(a: float, b: float) -> None:
    one, other = np.float32(a), np.float32(b)
    assert from_order(order(one)) == one
    if one != other:
        assert (order(one) < order(other)) == bool(one < other)
