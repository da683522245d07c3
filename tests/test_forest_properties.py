"""Whatever is done to a forest, in whatever order, it stays a forest."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from fastrcf._core import Forest

Array = NDArray[np.float64]

# Few values, so that points meet again; large, tiny and missing ones among them.
values = st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, -7.0, 1.0000001, 1e-40, -1e29, math.nan])
# A column may lie far from zero, where what differs in it or beside it is small.
offsets = st.tuples(*[st.sampled_from([0.0, 1e5, -3e7, 1e29])] * 3)
options = st.fixed_dictionaries(
    {
        "n_columns": st.integers(1, 3),
        "n_trees": st.integers(1, 4),
        "sample_size": st.integers(1, 9),
        "shingle_size": st.integers(1, 4),
        "time_decay": st.sampled_from([0.0, 0.01, 0.3, 20.0]),
        "output_after": st.integers(1, 6),
        "initial_accept_fraction": st.sampled_from([1e-6, 0.125, 0.7, 1.0]),
        "random_state": st.integers(0, 2**64 - 1),
        "n_jobs": st.integers(1, 2),
    }
)


@st.composite
def tables(draw: st.DrawFn) -> NDArray[np.float64]:
    """Three columns, of which a forest takes the first ones."""
    rows = draw(st.lists(st.tuples(values, values, values), max_size=24))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def check_tree(tree: dict[str, Any], capacity: int, n_rows: int, *, grown: bool) -> None:
    """Check everything that makes the arrays a random cut tree, or leaves, with its sample."""
    mass, left, right, arrival = (tree[name] for name in ("mass", "left", "right", "arrival"))
    low, high = tree["low"], tree["high"]
    leaf = tree["dimension"] < 0
    inner = np.flatnonzero(~leaf)
    n_kept = len(tree["sample_keys"])

    if grown:
        assert len(mass) == 2 * leaf.sum() - 1
        assert sorted([*left[inner], *right[inner]]) == list(range(1, len(mass)))
    else:
        assert leaf.all()
        assert (np.diff(arrival) > 0).all()
    assert_array_equal(mass[inner], mass[left[inner]] + mass[right[inner]])
    assert mass[leaf].sum() == n_kept <= capacity
    assert (mass > 0).all()

    assert_array_equal(low[inner], np.minimum(low[left[inner]], low[right[inner]]))
    assert_array_equal(high[inner], np.maximum(high[left[inner]], high[right[inner]]))
    assert_array_equal(low[leaf], high[leaf])
    cut, dimension = tree["cut"][inner], tree["dimension"][inner]
    assert (high[left[inner], dimension] <= cut).all()
    assert (cut <= low[right[inner], dimension]).all()
    assert (high[left[inner], dimension] < low[right[inner], dimension]).all()
    assert not np.signbit(low[leaf][low[leaf] == 0]).any()

    assert (arrival[leaf] >= 0).all()
    assert (arrival[leaf] < n_rows).all()
    assert len(np.unique(arrival[leaf])) == leaf.sum()
    assert_array_equal(np.bincount(tree["sample_leaves"], minlength=len(mass))[leaf], mass[leaf])
    check_heap(tree["sample_keys"])


def check_heap(keys: Array) -> None:
    assert np.isfinite(keys).all()
    for child in range(1, len(keys)):
        assert keys[(child - 1) // 2] >= keys[child]


class AnyHistory(RuleBasedStateMachine):
    """Any calls in any order; beside it a forest that learns the same, one row at a time."""

    @initialize(options=options, offsets=offsets)
    def start(self, options: dict[str, Any], offsets: tuple[float, ...]) -> None:
        self.options = options
        self.offsets = np.array(offsets)
        self.forest = Forest(**options)
        self.plain = Forest(**options | {"n_jobs": 1})
        self.n_rows = 0

    def cut(self, table: Array) -> Array:
        moved: Array = table + self.offsets
        return moved[:, : self.options["n_columns"]]

    def learned(self, table: Array) -> Array:
        """Teach the plain forest; return the scores that the rows have as they come."""
        self.n_rows += len(table)
        return np.array([self.plain.score_update_one(row) for row in table], dtype=np.float64)

    def check_scores(self, scores: Array) -> None:
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()
        assert (scores <= math.log2(1 + self.options["sample_size"]) + 1e-6).all()

    @rule(table=tables())
    def update(self, table: Array) -> None:
        rows = self.cut(table)
        self.forest.update(rows)
        self.learned(rows)

    @rule(table=tables(), narrow=st.booleans(), backwards=st.booleans())
    def score_update(self, table: Array, narrow: bool, backwards: bool) -> None:
        rows = self.cut(table)[::-1] if backwards else self.cut(table)
        scores = self.forest.score_update(rows.astype(np.float32) if narrow else rows)
        self.check_scores(scores)
        assert_array_equal(scores, self.learned(rows))

    @rule(table=tables())
    def score_changes_nothing(self, table: Array) -> None:
        before = self.forest.to_bytes()
        rows = self.cut(table)
        scores = self.forest.score(rows)
        self.check_scores(scores)
        if len(rows):
            assert self.forest.score_one(rows[0]) == scores[0]
        assert self.forest.to_bytes() == before
        assert_array_equal(self.forest.score(rows), scores)

    @rule(table=tables(), n=st.integers(0, 24))
    def later_rows_change_no_score(self, table: Array, n: int) -> None:
        rows = self.cut(table)
        assert_array_equal(self.forest.score(rows[:n]), self.forest.score(rows)[:n])

    @rule(bad=st.sampled_from([math.inf, -math.inf, 1e31]), row=st.integers(0, 2))
    def errors_change_nothing(self, bad: float, row: int) -> None:
        before = self.forest.to_bytes()
        rows = np.zeros((3, self.options["n_columns"]))
        rows[row, -1] = bad
        for call in (self.forest.update, self.forest.score_update, self.forest.score):
            with pytest.raises(ValueError, match=f"row {row}, column {rows.shape[1] - 1}"):
                call(rows)
        assert self.forest.to_bytes() == before

    @rule()
    def save_and_load(self) -> None:
        saved = self.forest.to_bytes()
        self.forest = Forest.from_bytes(saved)
        assert self.forest.to_bytes() == saved

    @rule()
    def leave_a_copy_behind(self) -> None:
        """What the copy learns is its own."""
        copy = Forest.from_bytes(self.forest.to_bytes())
        copy.update(np.full((5, self.options["n_columns"]), 3.0))

    @rule(n_jobs=st.integers(1, 3))
    def other_threads(self, n_jobs: int) -> None:
        self.forest.n_jobs = n_jobs

    @invariant()
    def is_a_forest(self) -> None:
        for index in range(self.options["n_trees"]):
            tree = self.forest.tree(index)
            grown = self.forest.is_ready
            check_tree(tree, self.options["sample_size"], self.n_rows, grown=grown)
            assert tree["next_index"] >= 0

    @invariant()
    def learned_what_the_plain_one_learned(self) -> None:
        assert self.forest.to_bytes() == self.plain.to_bytes()
        assert self.forest.n_seen + self.forest.n_skipped == self.n_rows
        assert self.forest.is_ready == self.plain.is_ready


AnyHistory.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyHistory = AnyHistory.TestCase


@settings(max_examples=40)
@given(
    options=options,
    table=tables(),
    cuts=st.lists(st.integers(0, 24), max_size=6),
)
def test_chunks_do_not_matter(options: dict[str, Any], table: Array, cuts: list[int]) -> None:
    rows = table[:, : options["n_columns"]]
    whole, chunked = Forest(**options), Forest(**options)
    scores = whole.score_update(rows)
    ends = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [chunked.score_update(rows[start:stop]) for start, stop in pairwise(ends)]
    assert_array_equal(np.concatenate([np.empty(0), *parts]), scores)
    assert chunked.to_bytes() == whole.to_bytes()


@settings(max_examples=40)
@given(options=options, table=tables(), later=tables())
def test_fit_is_a_forest_that_can_go_on(
    options: dict[str, Any], table: Array, later: Array
) -> None:
    width = options["n_columns"]
    rows = np.vstack([table, np.ones((options["shingle_size"], 3))])[:, :width]
    forest = Forest(**options)
    forest.fit(rows)
    assert forest.is_ready
    samples = [len(forest.tree(index)["sample_keys"]) for index in range(options["n_trees"])]
    full = [not np.isnan(rows[i : i + options["shingle_size"]]).any() for i in range(len(rows))]
    n_windows = sum(full[: len(rows) - options["shingle_size"] + 1])
    assert set(samples) == {min(options["sample_size"], n_windows)}
    assert np.isfinite(forest.score_update(later[:, :width])).all()
    for index in range(options["n_trees"]):
        tree = forest.tree(index)
        check_tree(tree, options["sample_size"], len(rows) + len(later), grown=True)
