"""A fleet is a dictionary of lone forests, only faster: that dictionary is the slow twin here."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf import ForestFleet, RandomCutForest
from fleet_helpers import OPTIONS, fed, mixed


class Twin:
    """One lone forest per key, one row after the other."""

    def __init__(self, fleet: ForestFleet, **options: Any) -> None:
        self.fleet = fleet
        self.options = options
        self.forests: dict[Any, RandomCutForest] = {}

    def score_update(self, keys: Any, rows: Any) -> np.ndarray:
        """Score and learn row by row."""
        return np.array(
            [self.of(key).score_update_one(row) for key, row in zip(keys, rows, strict=True)]
        )

    def of(self, key: Any) -> RandomCutForest:
        """Return the forest of a key, made when it is first asked for."""
        if key not in self.forests:
            seed = self.fleet.seed_of(key)
            self.forests[key] = RandomCutForest(**self.options, random_state=seed)
        return self.forests[key]


# ---- the same as lone forests -------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_and_states_are_those_of_lone_forests(
    n_jobs: int, columns: int, dtype: type
) -> None:
    fleet = ForestFleet(**OPTIONS, n_jobs=n_jobs)
    twin = Twin(fleet, **OPTIONS)
    keys, rows = mixed(3000, 11, columns)
    rows = rows.astype(dtype)
    for start, end in ((0, 1), (1, 2500), (2500, 2501), (2501, 3000)):
        scores = fleet.score_update(keys[start:end], rows[start:end])
        assert scores.dtype == np.float64
        np.testing.assert_array_equal(scores, twin.score_update(keys[start:end], rows[start:end]))
    assert scores.max() > 0.5
    assert fleet.keys() != sorted(fleet.keys())
    assert sorted(fleet.keys()) == sorted(twin.forests)
    for key, forest in twin.forests.items():
        assert fleet.to_bytes(key) == forest.to_bytes()
        assert fleet.n_seen(key) == forest.n_seen
        assert fleet.n_skipped(key) == forest.n_skipped
        assert fleet.is_ready(key) == forest.is_ready


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3)), min_size=1, max_size=80),
    st.lists(st.integers(1, 79), max_size=4),
    st.randoms(use_true_random=False),
)
def test_neither_order_of_keys_nor_batches_count(
    data: list[tuple[int, int]], cuts: list[int], random: Any
) -> None:
    whole = ForestFleet(**OPTIONS)
    expected = whole.score_update([key for key, _ in data], [float(x) for _, x in data])
    # Another mixture in which every key keeps the order of its rows.
    queues: dict[int, list[int]] = {}
    for place, (key, _) in enumerate(data):
        queues.setdefault(key, []).append(place)
    left = [key for key, _ in data]
    random.shuffle(left)
    places = [queues[key].pop(0) for key in left]
    fleet = ForestFleet(**OPTIONS, n_jobs=2)
    scores = np.zeros(len(data))
    for part in np.split(np.array(places), sorted(cut for cut in cuts if cut < len(data))):
        if len(part):
            keys = [data[place][0] for place in part]
            scores[part] = fleet.score_update(keys, [float(data[place][1]) for place in part])
    np.testing.assert_array_equal(scores, expected)
    assert all(fleet.to_bytes(key) == whole.to_bytes(key) for key in whole)


def test_every_series_is_prepared_by_itself() -> None:
    options = OPTIONS | {"transformation": "normalize", "missing": "impute", "weights": [1.0, 0.5]}
    fleet = ForestFleet(**options)
    keys, rows = mixed(2000, 7, 2)
    rows[:, 1] += [1000.0 * int(key[-1]) for key in keys]
    twin = Twin(fleet, **options)
    assert np.array_equal(fleet.score_update(keys, rows), twin.score_update(keys, rows))
    assert ForestFleet.from_bytes(fleet.to_bytes()).score_update(keys, rows).max() > 0


def test_threads_share_keys_of_all_sizes() -> None:
    rng = np.random.default_rng(3)
    sizes = [20_000, 7000, *[50] * 40, *[1] * 100]
    keys = np.repeat(np.arange(len(sizes)), sizes)
    rng.shuffle(keys)
    rows = rng.normal(size=len(keys))
    one, three = ForestFleet(n_trees=5), ForestFleet(n_trees=5, n_jobs=3)
    np.testing.assert_array_equal(one.score_update(keys, rows), three.score_update(keys, rows))
    np.testing.assert_array_equal(one.score(keys, rows), three.score(keys, rows))
    assert one.keys() == three.keys()


def test_update_learns_what_score_update_learns() -> None:
    keys, rows = mixed(500, 4)
    scored, updated = ForestFleet(**OPTIONS), ForestFleet(**OPTIONS)
    scored.score_update(keys, rows)
    assert updated.update(keys, rows) is updated
    assert updated.to_bytes() == scored.to_bytes()


def test_score_is_that_of_the_lone_forest_and_changes_nothing() -> None:
    fleet = fed()
    before = fleet.to_bytes()
    keys, rows = mixed(100, 5, seed=9)
    scores = fleet.score(keys, rows)
    assert fleet.to_bytes() == before
    for key in fleet:
        mine = np.array([k == key for k in keys])
        np.testing.assert_array_equal(scores[mine], fleet.forest(key).score(rows[mine]))


def test_seeds_depend_on_key_and_random_state_only() -> None:
    fleet = ForestFleet()
    # Worked out from the published definitions of FNV-1a and SplitMix64.
    assert fleet.seed_of("pump") == slow_seed(b"spump", 0)
    assert fleet.seed_of(-2) == slow_seed(b"i" + (-2).to_bytes(8, "little", signed=True), 0)
    assert ForestFleet(random_state=7).seed_of("ü") == slow_seed(b"s\xc3\xbc", 7)
    seeds = {fleet.seed_of(key) for key in [*range(1000), *map(str, range(1000))]}
    assert len(seeds) == 2000
    code = "import fastrcf; print(fastrcf.ForestFleet().seed_of('pump'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == fleet.seed_of("pump")


def slow_seed(key: bytes, random_state: int) -> int:
    """Return the seed of a key's bytes, in plain Python."""
    digest = 0xCBF29CE484222325
    for byte in key:
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return splitmix(splitmix(random_state) ^ digest)


def splitmix(state: int) -> int:
    """Return the first number of SplitMix64 from a state."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_random_state_none_draws_one_seed_for_the_fleet() -> None:
    one, two = (ForestFleet(random_state=None) for _ in range(2))
    assert one.seed_of("a") != two.seed_of("a")
    before = one.seed_of("a")
    one.update(["a"], [1.0])
    twin = ForestFleet.from_bytes(one.to_bytes())
    assert before == one.seed_of("a") == twin.seed_of("a")


# ---- threads of the caller ----------------------------------------------------------------------


def test_calls_from_several_threads_take_turns() -> None:
    keys, rows = mixed(2000, 6)
    fleet = ForestFleet(**OPTIONS, n_jobs=2)
    failures: list[BaseException] = []

    def work(mine: str) -> None:
        try:
            theirs = [f"{mine}-{key}" for key in keys]
            for start in range(0, 2000, 100):
                fleet.update(theirs[start : start + 100], rows[start : start + 100])
                fleet.score(theirs[:100], rows[:100])
                assert fleet.n_seen(theirs[0]) > 0
                assert len(fleet.keys()) <= 18
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for name in "abc":
        alone = ForestFleet(**OPTIONS).update([f"{name}-{key}" for key in keys], rows)
        assert all(fleet.to_bytes(key) == alone.to_bytes(key) for key in alone)
