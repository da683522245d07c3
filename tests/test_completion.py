"""Imputed and expected rows: against the slow twin, laws, peers, and bad input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fastrcf import NotFittedError, RandomCutForest
from fastrcf._core import Forest
from reference import naive_conditional

Rows = NDArray[np.float64]

NAN = float("nan")


def holes(rows: Rows, share: float, seed: int = 0) -> Rows:
    rows = rows.copy()
    rows[np.random.default_rng(seed).random(rows.shape) < share] = np.nan
    return rows


def trees_of(forest: Forest) -> list[dict[str, Any]]:
    return [forest.tree(i) for i in range(forest.options()["n_trees"])]


def native(**options: Any) -> Forest:
    plain = {
        "n_columns": 1,
        "n_trees": 7,
        "sample_size": 32,
        "shingle_size": 1,
        "time_decay": 0.01,
        "output_after": 4,
        "initial_accept_fraction": 0.125,
        "random_state": 3,
        "n_jobs": 1,
    }
    return Forest(**plain | options)


def mixture(n: int = 10_000, seed: int = 0) -> Rows:
    """Three columns of N(0, 1), now and then for a few rows of N(5, 1.5)."""
    rng = np.random.default_rng(seed)
    odd = np.zeros(n, dtype=bool)
    for i in range(1, n):
        odd[i] = rng.random() < (0.6 if odd[i - 1] else 0.01)
    rows = rng.normal(size=(n, 3))
    rows[odd] = 5 + 1.5 * rows[odd]
    return rows


# ---- the twin -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_columns", "shingle_size"), [(1, 1), (3, 1), (1, 6), (2, 5), (9, 2)])
def test_as_the_twin(n_columns: int, shingle_size: int) -> None:
    rng = np.random.default_rng(n_columns)
    learned = np.round(rng.normal(size=(150, n_columns)), 1)  # some values meet again
    forest = native(n_columns=n_columns, shingle_size=shingle_size)
    forest.update(learned)
    trees = trees_of(forest)
    rows = holes(np.round(rng.normal(size=(40, n_columns)), 1), 0.3)
    rows[20:28] = np.nan
    assert_array_equal(
        forest.impute(rows), naive_conditional.impute(trees, learned, rows, shingle_size)
    )
    assert_array_equal(
        forest.expect(rows), naive_conditional.expect(trees, learned, rows, shingle_size)
    )


cells = st.sampled_from([0.0, -0.0, 1.0, 2.5, -7.0, 1.0000001, 1e-40, -1e29, NAN])


@settings(max_examples=60)
@given(
    learned=st.lists(st.tuples(cells, cells), min_size=1, max_size=25),
    asked=st.lists(st.tuples(cells, cells), min_size=1, max_size=8),
    shingle_size=st.integers(1, 4),
    accept=st.sampled_from([1e-6, 0.5, 1.0]),
)
def test_as_the_twin_whatever_was_learned(
    learned: list[tuple[float, float]],
    asked: list[tuple[float, float]],
    shingle_size: int,
    accept: float,
) -> None:
    forest = native(
        n_columns=2,
        shingle_size=shingle_size,
        sample_size=6,
        output_after=1,
        initial_accept_fraction=accept,
    )
    forest.update(np.array(learned))
    if not forest.is_ready:
        return
    trees, rows, before = trees_of(forest), np.array(asked), np.array(learned)
    state = forest.to_bytes()
    imputed = forest.impute(rows)
    assert_array_equal(imputed, naive_conditional.impute(trees, before, rows, shingle_size))
    assert_array_equal(
        forest.expect(rows), naive_conditional.expect(trees, before, rows, shingle_size)
    )
    known = ~np.isnan(rows)
    assert imputed[known].tobytes() == rows[known].tobytes()
    assert forest.to_bytes() == state


# ---- what the values mean -----------------------------------------------------------------------


def test_missing_column_of_a_mixture() -> None:
    forest = RandomCutForest(n_trees=100, sample_size=256).update(mixture())
    ordinary, odd = forest.impute([[NAN, 0.0, 0.0], [NAN, 5.0, 5.0]])
    assert abs(ordinary[0]) < 0.5
    assert abs(odd[0] - 5.0) < 1.0


def test_two_clusters_with_one_column_missing() -> None:
    rng = np.random.default_rng(1)
    side = rng.choice([-5.0, 5.0], size=(3000, 1))
    forest = RandomCutForest().update(side + rng.normal(scale=0.1, size=(3000, 3)))
    filled = forest.impute([[5.0, NAN, 5.0], [-5.0, -5.0, NAN], [NAN, NAN, 5.0]])
    assert np.abs(np.abs(filled) - 5.0).max() < 0.3
    assert_array_equal(np.sign(filled), [[1, 1, 1], [-1, -1, -1], [1, 1, 1]])


def test_gaps_of_a_sine_are_filled_better_than_by_lines() -> None:
    time = np.arange(3000)
    rng = np.random.default_rng(2)
    series = np.sin(time / 5) + rng.normal(scale=0.05, size=3000)
    forest = RandomCutForest(shingle_size=16).update(series[:2500])
    truth = series[2500:, np.newaxis]
    gappy = truth.copy()
    for start in range(40, 480, 50):
        gappy[start : start + 12] = np.nan
    gone = np.isnan(gappy)
    error = {
        method: np.abs(forest.impute(gappy, method=method) - truth)[gone].mean()  # type: ignore[arg-type]
        for method in ("forest", "linear", "previous")
    }
    assert error["forest"] < 0.15
    assert error["forest"] < 0.5 * min(error["linear"], error["previous"])


def test_as_good_as_a_peer() -> None:
    rcf3 = pytest.importorskip("rcf3", reason="rcf3 is not installed")
    time = np.arange(3000)
    rng = np.random.default_rng(8)
    series = np.sin(time / 8) + rng.normal(scale=0.1, size=3000)
    ours = RandomCutForest(shingle_size=8).update(series[:2500])
    theirs = rcf3.Forest(
        input_dim=1, shingle_size=8, num_trees=100, capacity=256, internal_shingling=True, seed=1
    )
    for value in series[:2500].tolist():
        theirs.update([value])
    errors = []
    for end in range(2520, 3000, 3):
        rows = series[end - 14 : end + 1].copy()
        rows[[10, 14]] = NAN
        filled = ours.impute(rows)[:, 0]
        peer = theirs.impute(np.nan_to_num(rows[-8:]).tolist(), [3, 7])
        errors.append(np.abs([filled[-1] - series[end], peer[-1] - series[end]]))
    mean_ours, mean_theirs = np.mean(errors, axis=0)
    assert mean_ours < 0.13
    assert mean_ours < 1.2 * mean_theirs


def test_expected_is_what_would_have_been_imputed() -> None:
    series = np.sin(np.arange(1500) / 4)[:, np.newaxis]
    forest = RandomCutForest(shingle_size=8).update(series[:1000])
    expected = forest.expected(series[1000:])
    for i in (0, 1, 200):
        rows = series[1000 : 1000 + i + 1].copy()
        rows[-1] = np.nan
        assert_array_equal(forest.impute(rows)[-1], expected[i])
    assert np.abs(expected - series[1000:]).mean() < 0.1


def test_expected_does_not_look_at_the_row_itself() -> None:
    series = np.sin(np.arange(1000) / 4)
    forest = RandomCutForest(shingle_size=8).update(series)
    assert_array_equal(forest.expected([17.0]), forest.expected([NAN]))
    table = RandomCutForest().update(mixture(2000))
    changed = table.expected([[0.1, 0.2, 0.3], [9.0, 0.2, 0.3]])
    assert changed[0, 0] == changed[1, 0]
    assert changed[0, 1] != changed[1, 1]


def test_expected_of_one_column_is_the_median_of_the_points() -> None:
    forest = RandomCutForest(n_trees=30).update(np.random.default_rng(3).exponential(size=2000))
    core = forest._core
    assert core is not None
    stored = np.concatenate([naive_conditional.unfolded(tree)[:, 0] for tree in trees_of(core)])
    median = naive_conditional.lower_median(list(stored))
    assert_array_equal(forest.expected([0.0, NAN, 3.0]), np.full((3, 1), median))
    assert_array_equal(forest.impute([NAN]), [[median]])


def test_expected_is_nan_where_something_it_rests_on_is_missing() -> None:
    forest = RandomCutForest(shingle_size=3, output_after=5)
    series = np.arange(20.0)
    assert np.isnan(forest.expected(series)).all()
    forest.update(series[:4])
    assert np.isnan(forest.expected(series)).all()
    forest.update(series)
    gone = np.isnan(forest.expected([1.0, NAN, 3.0, 4.0, 5.0]).ravel())
    assert_array_equal(gone, [False, False, True, True, False])
    table = RandomCutForest(output_after=5).update(mixture(50))
    assert_array_equal(
        np.isnan(table.expected([[NAN, 0.0, 0.0], [0.0, NAN, NAN]])),
        [[False, True, True], [True, True, True]],
    )


# ---- how it is asked ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught() -> RandomCutForest:
    rng = np.random.default_rng(4)
    waves = np.sin(np.arange(2000)[:, np.newaxis] / [5.0, 9.0])
    return RandomCutForest(n_trees=40, shingle_size=6).update(waves + rng.normal(0, 0.1, (2000, 2)))


def test_same_bits_for_any_number_of_threads_and_any_cut(taught: RandomCutForest) -> None:
    rows = holes(np.random.default_rng(5).normal(size=(3000, 2)), 0.1)
    twin = RandomCutForest.from_bytes(taught.to_bytes())
    imputed, expected = taught.impute(rows), taught.expected(rows)
    twin.set_params(n_jobs=4)
    assert_array_equal(twin.impute(rows), imputed)
    assert_array_equal(twin.expected(rows), expected)
    assert_array_equal(taught.impute(rows[:100]), imputed[:100])
    assert_array_equal(taught.impute(np.asfortranarray(rows)[:, ::-1][:, ::-1]), imputed)


def test_nothing_is_changed(taught: RandomCutForest) -> None:
    state = taught.to_bytes()
    rows = holes(np.ones((50, 2)), 0.5)
    taught.impute(rows)
    taught.impute_one([NAN, 1.0])
    taught.expected(rows)
    assert taught.to_bytes() == state


def test_one_row_as_in_bulk(taught: RandomCutForest) -> None:
    assert_array_equal(taught.impute_one([NAN, 0.5]), taught.impute([[NAN, 0.5]])[0])
    named = RandomCutForest(output_after=2)
    for value in range(10):
        named.update_one({"load": float(value), "heat": 2.0 * value})
    assert_array_equal(named.impute_one({"heat": 6.0, "load": NAN}), [3.0, 6.0])


def test_known_cells_keep_their_bits(taught: RandomCutForest) -> None:
    odd = np.array([[-0.0, NAN], [0.1, 1e-300], [np.nextafter(1, 2), 1e30]])
    for method in ("forest", "previous", "linear"):
        filled = taught.impute(odd, method=method)  # type: ignore[arg-type]
        known = ~np.isnan(odd)
        assert filled[known].tobytes() == odd[known].tobytes()
        assert np.isfinite(filled).all()


# ---- the other methods --------------------------------------------------------------------------

GAPPY = [[NAN, 1.0], [2.0, NAN], [NAN, NAN], [NAN, 4.0], [8.0, NAN]]


def test_previous() -> None:
    assert_array_equal(
        RandomCutForest().impute(GAPPY, method="previous"),
        [[2, 1], [2, 1], [2, 1], [2, 4], [8, 4]],
    )


def test_linear() -> None:
    assert_array_equal(
        RandomCutForest().impute(GAPPY, method="linear"),
        [[2, 1], [2, 2], [4, 3], [6, 4], [8, 4]],
    )


@pytest.mark.parametrize(("value", "second"), [(-1.0, -1.0), ([-1, -2], -2.0)])
def test_constant(value: Any, second: float) -> None:
    filled = RandomCutForest().impute(GAPPY, method="constant", fill_value=value)
    assert_array_equal(filled, [[-1, 1], [2, second], [-1, second], [-1, 4], [8, second]])


def test_a_column_without_values_stays_missing() -> None:
    for method in ("previous", "linear"):
        filled = RandomCutForest().impute([[NAN, 1.0], [NAN, NAN]], method=method)  # type: ignore[arg-type]
        assert_array_equal(filled, [[NAN, 1.0], [NAN, 1.0]])


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("learned", [0, 3])
def test_not_ready(learned: int) -> None:
    forest = RandomCutForest(output_after=10)
    if learned:
        forest.update(np.arange(float(learned)))
    with pytest.raises(NotFittedError, match="impute: the forest is not ready: let it learn"):
        forest.impute([NAN])
    with pytest.raises(NotFittedError, match="impute_one"):
        forest.impute_one(NAN)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "nearest"}, ValueError, "method: expected one of"),
        ({"method": 1}, TypeError, "method: expected one of"),
        ({"method": "constant"}, ValueError, "fill_value: .* got None"),
        ({"method": "constant", "fill_value": NAN}, ValueError, "fill_value: .* got nan"),
        ({"method": "constant", "fill_value": [1, 2, 3]}, ValueError, "fill_value: .*shape"),
        ({"method": "constant", "fill_value": "0"}, TypeError, "fill_value"),
        ({"method": "linear", "fill_value": 0.0}, ValueError, "fill_value: expected None"),
        ({"fill_value": 0.0}, ValueError, "fill_value: expected None"),
    ],
)
def test_wrong_arguments(
    taught: RandomCutForest, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        taught.impute([[0.0, NAN]], **arguments)


@pytest.mark.parametrize("method", ["forest", "previous", "linear", "constant"])
def test_infinity_and_wrong_width_are_named(taught: RandomCutForest, method: Any) -> None:
    fill = {"fill_value": 0.0} if method == "constant" else {}
    with pytest.raises(ValueError, match=r"row 1, column 0 is -?inf"):
        taught.impute([[0.0, NAN], [-np.inf, 0.0]], method=method, **fill)
    with pytest.raises(ValueError, match="X has 3 features"):
        taught.impute([[0.0, NAN, 1.0]], method=method, **fill)


def test_expected_refuses_what_score_refuses(taught: RandomCutForest) -> None:
    with pytest.raises(ValueError, match="row 0, column 1 is inf"):
        taught.expected([[0.0, np.inf]])
    with pytest.raises(ValueError, match="X has 1 features"):
        taught.expected([0.0])
