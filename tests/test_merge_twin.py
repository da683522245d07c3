"""A merged forest holds the trees of its slow twin, and learns what that learns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf._core import Forest
from reference.naive_forest import NaiveForest
from reference.naive_merge import merge

PLAIN = {
    "n_columns": 2,
    "sample_size": 12,
    "shingle_size": 2,
    "time_decay": 0.01,
    "output_after": 4,
    "initial_accept_fraction": 0.125,
}


def rows_of(n: int, seed: int) -> np.ndarray:
    """Rows of which some repeat and some miss a value."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 2)).round(1)
    rows[rng.random(n) < 0.05, 1] = np.nan
    rows[:3] = 1.0  # a point at least
    return rows


def check_same(native: Forest, naive: NaiveForest) -> None:
    assert native.n_seen == naive.n_rows - naive.n_skipped
    assert native.n_skipped == naive.n_skipped
    for index in range(naive.options["n_trees"]):
        ours, theirs = native.tree(index), naive.tree(index)
        by_key = np.argsort(ours["sample_keys"])
        for name in ("sample_keys", "sample_leaves"):
            ours[name] = ours[name][by_key]
        for name, expected in theirs.items():
            assert_array_equal(ours[name], expected, err_msg=f"tree {index}: {name}")


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("time_decay", [0.0, 0.01, 0.7])
@pytest.mark.parametrize("sizes", [(60, 60), (7, 90, 20), (200, 3)])
def test_twins_stay_alike(sizes: tuple[int, ...], time_decay: float, *, fitted: bool) -> None:
    natives, naives = [], []
    for i, n in enumerate(sizes):
        options: dict[str, Any] = PLAIN | {
            "n_trees": 1 + i,
            "random_state": i // 2,  # the first two have the same
            "time_decay": time_decay,
        }
        natives.append(Forest(n_jobs=1, **options))
        naives.append(NaiveForest(**options))
        verb = "fit" if fitted else "update"
        getattr(natives[-1], verb)(rows_of(n, i))
        getattr(naives[-1], verb)(rows_of(n, i))
    native, naive = Forest.merge(natives), merge(naives)
    assert native.is_ready
    check_same(native, naive)
    for seed in (10, 11):
        rows = rows_of(100, seed)
        assert_allclose(native.score_update(rows), naive.score_update(rows), rtol=2e-6, atol=0)
        check_same(native, naive)
        native = Forest.from_bytes(native.to_bytes())


@settings(max_examples=40)
@given(
    trees=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    sizes=st.lists(st.integers(10, 200), min_size=5, max_size=5),
    shingle_size=st.integers(1, 4),
    fitted=st.booleans(),
    data=st.data(),
)
def test_the_score_is_the_mean_over_all_trees(
    trees: list[int], sizes: list[int], shingle_size: int, data: st.DataObject, *, fitted: bool
) -> None:
    forests = []
    for i, n_trees in enumerate(trees):
        options = PLAIN | {"n_trees": n_trees, "random_state": i, "shingle_size": shingle_size}
        forests.append(Forest(n_jobs=1, **options))
        getattr(forests[-1], "fit" if fitted else "update")(np.nan_to_num(rows_of(sizes[i], i)))
    # Empty windows, so that all forests see the same points: a NaN ends the window.
    asked = np.vstack([[[np.nan, 0.0]], np.random.default_rng(0).normal(size=(30, 2))])
    parts = np.array([forest.score(asked) for forest in forests])
    before = [forest.to_bytes() for forest in forests]
    merged = Forest.merge(data.draw(st.permutations(forests)))
    assert_allclose(merged.score(asked), np.average(parts, axis=0, weights=trees), rtol=1e-12)
    assert [forest.to_bytes() for forest in forests] == before
    assert Forest.from_bytes(merged.to_bytes()).to_bytes() == merged.to_bytes()
