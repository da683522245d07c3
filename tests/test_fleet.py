"""A fleet is a dictionary of lone forests, only faster: that dictionary is the slow twin here."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf import ForestFleet, ModelFormatError, RandomCutForest

OPTIONS: dict[str, Any] = {"n_trees": 7, "sample_size": 16, "shingle_size": 2, "output_after": 5}


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


def mixed(n: int, n_keys: int, columns: int = 1, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Return keys in random order and rows, every twentieth row with a NaN."""
    rng = np.random.default_rng(seed)
    keys = [f"series-{key}" for key in rng.integers(n_keys, size=n)]
    rows = rng.normal(size=(n, columns)).round(1)
    rows[::20, 0] = np.nan
    return keys, rows


def fed(n: int = 400, n_keys: int = 5, **options: Any) -> ForestFleet:
    """Return a fleet that has learned."""
    return ForestFleet(**OPTIONS | options).update(*mixed(n, n_keys))


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


# ---- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        [1, 2, 1],
        (1, 2, 1),
        np.array([1, 2, 1]),
        np.array([1, 2, 1], dtype=np.uint8),
        np.array([1, 0, 2, 0, 1])[::2],
        [np.int32(1), np.uint64(2), 1],
        pd.Series([1, 2, 1]),
        np.array([1, 2, 1], dtype=object),
        range(1, 4),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_integer_keys_of_all_kinds(keys: Any) -> None:
    fleet = ForestFleet(**OPTIONS).update(keys, [1.0, 2.0, 3.0])
    assert fleet.keys()[0] in (1, 2)
    assert all(type(key) is int for key in fleet)
    assert fleet.n_seen(1) == (1 if isinstance(keys, range) else 2)


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "ü", "a"],
        np.array(["a", "ü", "a"]),
        np.array(["a", "ü", "a"], dtype=object),
        pd.Series(["a", "ü", "a"]),
        pd.Series(["a", "ü", "a"], dtype="category"),
        iter(["a", "ü", "a"]),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_text_keys_of_all_kinds(keys: Any) -> None:
    fleet = ForestFleet(**OPTIONS).update(keys, [1.0, 2.0, 3.0])
    assert fleet.keys() == ["a", "ü"]
    assert (fleet.n_seen("a"), fleet.n_seen("ü")) == (2, 1)


def test_text_and_integers_are_different_keys() -> None:
    fleet = ForestFleet(**OPTIONS).update(["1", 1, "", "\0", "1\0"], np.ones(5))
    assert len(fleet) == 5
    assert "1" in fleet
    assert 1 in fleet
    assert 2 not in fleet
    assert 1.5 not in fleet
    assert fleet.seed_of(1) != fleet.seed_of("1")


def test_remove_and_pop() -> None:
    fleet = fed()
    twin = fleet.forest("series-0")
    assert fleet.pop("series-0") == twin.to_bytes()
    assert "series-0" not in fleet
    fleet.restore("series-0", twin.to_bytes())
    keys, rows = ["series-0"] * 30, mixed(30, 1)[1]
    np.testing.assert_array_equal(fleet.score_update(keys, rows), twin.score_update(rows))
    fleet.remove("series-0")
    assert fleet.update(["series-0"], [1.0]).n_seen("series-0") == 1
    assert len(fleet) == 5


# ---- errors -------------------------------------------------------------------------------------

BAD_BATCHES: list[tuple[Any, Any, type[Exception], str]] = [
    (["a", "b"], [1.0], ValueError, "keys: expected one per row, got 2 keys for 1 rows"),
    (["a"], [[1.0, 2.0]], ValueError, "X has 2 features"),
    (["a", "new"], [1.0, np.inf], ValueError, "X: row 1, column 0 is inf"),
    (["a", "new"], [1.0, 1e31], ValueError, "X: row 1, column 0 is 1e"),
    (["new", None], [1.0, 2.0], TypeError, "keys: row 1: expected a str or an int, got NoneType"),
    (["new", 1.5], [1.0, 2.0], TypeError, "keys: row 1: .* got float"),
    (["new", True], [1.0, 2.0], TypeError, "keys: row 1: .* got bool"),
    (["new", b"x"], [1.0, 2.0], TypeError, "keys: row 1: .* got bytes"),
    (["new", "\ud800"], [1.0, 2.0], ValueError, "keys: row 1 is not valid Unicode"),
    ([0, 2**63], [1.0, 2.0], ValueError, r"keys: row 1: an int must lie in .* got 9223372036854"),
    (np.array([0, 2**63], dtype=np.uint64), [1.0, 2.0], ValueError, "keys: row 1: an int must"),
    (np.array([1.0, 2.0]), [1.0, 2.0], TypeError, "keys: row 0: .* got float"),
    (np.array([True]), [1.0], TypeError, "keys: row 0: .* got bool"),
    (np.ones((2, 1), dtype=int), [1.0, 2.0], ValueError, r"keys: expected 1 dimension, got shape"),
    ("ab", [1.0, 2.0], TypeError, "keys: expected a sequence of str or int, got str"),
    (3, [1.0], TypeError, "keys: expected a sequence of str or int, got int"),
    (["a"], ["x"], TypeError, "X: expected numbers"),
    ([], [], ValueError, "X: found array with 0 sample"),
]


@pytest.mark.parametrize("verb", ["score_update", "update", "score"])
@pytest.mark.parametrize(("keys", "rows", "error", "message"), BAD_BATCHES)
def test_a_bad_batch_changes_nothing(
    verb: str, keys: Any, rows: Any, error: type[Exception], message: str
) -> None:
    fleet = ForestFleet(**OPTIONS).update(["a", "b", "a"], [1.0, 2.0, 3.0])
    before = fleet.to_bytes()
    with pytest.raises(error, match=message):
        getattr(fleet, verb)(keys, rows)
    assert fleet.to_bytes() == before


def test_a_bad_first_batch_leaves_no_width_behind() -> None:
    fleet = ForestFleet(**OPTIONS)
    with pytest.raises(ValueError, match="row 1"):
        fleet.update(["a", "b"], [[1.0, 2.0], [np.inf, 0.0]])
    with pytest.raises(ValueError, match="row 0 has the key 'a', which is not known"):
        fleet.score(["a"], [[1.0, 2.0]])
    assert len(fleet) == 0
    assert fleet.memory_bytes == 0
    assert fleet.update(["a"], [1.0]).n_seen("a") == 1


def test_unknown_keys_are_named() -> None:
    fleet = fed()
    with pytest.raises(ValueError, match="keys: row 1 has the key 'new', which is not known"):
        fleet.score(["series-1", "new"], [1.0, 2.0])
    for ask in (fleet.n_seen, fleet.is_ready, fleet.to_bytes, fleet.forest, fleet.remove):
        with pytest.raises(ValueError, match="key: 'new' is not known to this fleet"):
            ask("new")
        with pytest.raises(ValueError, match="is not known to this fleet"):
            getattr(ForestFleet(), ask.__name__)("new")
    with pytest.raises(TypeError, match="key: expected a str or an int, got float"):
        fleet.n_seen(1.0)  # type: ignore[arg-type]


def test_columns_have_names_as_in_a_forest() -> None:
    frame = pd.DataFrame({"load": [1.0, 2.0], "heat": [3.0, 4.0]})
    fleet = ForestFleet(**OPTIONS).update(["a", "b"], frame)
    with pytest.raises(ValueError, match="feature names should match"):
        fleet.update(["a", "b"], frame.rename(columns={"heat": "cold"}))
    assert list(fleet.forest("a").feature_names_in_) == ["load", "heat"]
    assert ForestFleet.from_bytes(fleet.to_bytes()).to_bytes() == fleet.to_bytes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_trees": 0}, ValueError, "n_trees"),
        ({"scoring": "odd"}, ValueError, "scoring"),
        ({"memory_limit": 10}, ValueError, "memory_limit: expected on_evict as well"),
        ({"memory_limit": -1, "on_evict": print}, ValueError, "memory_limit: expected at least 0"),
        ({"memory_limit": 1.5, "on_evict": print}, TypeError, "memory_limit: expected bytes"),
        ({"memory_limit": True, "on_evict": print}, TypeError, "memory_limit: expected bytes"),
        ({"on_evict": 3}, TypeError, "on_evict: expected None or a callable, got int"),
        ({"on_missing": 3}, TypeError, "on_missing: expected None or a callable, got int"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ForestFleet(**options)


# ---- memory -------------------------------------------------------------------------------------


def test_memory_bytes_is_the_sum_of_the_forests_and_a_little() -> None:
    fleet = fed(n_keys=50, n=2000)
    forests = sum(fleet.forest(key).memory_bytes for key in fleet)
    # A forest that was read holds exactly what it needs, one that grew a little more.
    assert forests < fleet.memory_bytes < 1.5 * forests + 50 * 500 + 10_000
    half = fleet.memory_bytes / 2
    for key in fleet.keys()[:25]:
        fleet.remove(key)
    assert abs(fleet.memory_bytes - half) < 0.1 * half


def test_a_short_series_needs_little_memory() -> None:
    fleet = ForestFleet(shingle_size=8).update([0] * 10, np.arange(10.0))
    short = fleet.memory_bytes
    fleet.update([0] * 5000, np.random.default_rng(0).normal(size=5000))
    assert short < fleet.memory_bytes / 10


@pytest.mark.parametrize("loader", ["get", "pop"])
def test_evicted_keys_come_back_as_if_they_had_never_gone(loader: str) -> None:
    store: dict[Any, bytes] = {}
    whole = ForestFleet(**OPTIONS)
    limit = 60_000
    on_missing = store.get if loader == "get" else (lambda key: store.pop(key, None))
    fleet = ForestFleet(
        **OPTIONS, memory_limit=limit, on_evict=store.__setitem__, on_missing=on_missing
    )
    keys, rows = mixed(3000, 40)
    for start in range(0, 3000, 60):
        batch = keys[start : start + 60], rows[start : start + 60]
        np.testing.assert_array_equal(fleet.score_update(*batch), whole.score_update(*batch))
        assert fleet.memory_bytes <= limit
        np.testing.assert_array_equal(fleet.score(*batch), whole.score(*batch))
        assert fleet.memory_bytes <= limit
    assert 0 < len(fleet) < 40
    for key in whole:
        data = fleet.to_bytes(key) if key in fleet else store[key]
        assert data == whole.to_bytes(key)


def test_the_least_recently_used_go_first() -> None:
    rng = np.random.default_rng(1)
    gone: list[Any] = []
    limit = 70_000
    fleet = ForestFleet(**OPTIONS, memory_limit=limit, on_evict=lambda key, _: gone.append(key))
    order: list[int] = []
    n_gone = 0
    for _ in range(60):
        keys = rng.integers(30, size=8).tolist()
        fleet.update(keys, rng.normal(size=8))
        batch = list(dict.fromkeys(keys))
        order = [key for key in order if key not in batch] + batch
        assert gone == order[: len(gone)]
        order = order[len(gone) :]
        assert fleet.keys() == order
        assert fleet.memory_bytes <= limit
        n_gone += len(gone)
        gone.clear()
        fleet.score(order[:1], [1.0])  # a question is no use
    assert n_gone > 20


def test_keys_of_the_batch_go_when_they_alone_are_too_many() -> None:
    gone: list[Any] = []
    fleet = ForestFleet(**OPTIONS, memory_limit=50_000, on_evict=lambda key, _: gone.append(key))
    fleet.update([*range(100), 0], np.ones(101))
    assert gone == list(range(len(gone)))
    assert fleet.keys() == list(range(len(gone), 100))
    assert len(fleet) > 5


def test_a_callback_that_fails_loses_nothing() -> None:
    store: dict[Any, bytes] = {}
    broken = True

    def on_evict(key: Any, data: bytes) -> None:
        if broken and len(store) == 2:
            raise OSError("the disk is full")
        store[key] = data

    whole = fed(n_keys=8)
    fleet = ForestFleet(**OPTIONS, memory_limit=0, on_evict=on_evict)
    with pytest.raises(OSError, match="the disk is full"):
        fleet.update(*mixed(400, 8))
    assert len(fleet) == 6
    assert set(fleet.keys()).isdisjoint(store)
    data = store | {key: fleet.to_bytes(key) for key in fleet}
    assert data == {key: whole.to_bytes(key) for key in whole}
    broken = False
    fleet.update(["series-0"], [1.0])
    assert len(fleet) == 0


def test_a_loader_that_fails_loses_nothing() -> None:
    whole = fed()
    store = {key: whole.to_bytes(key) for key in whole}
    store["series-3"] = b"rubbish"
    fleet = ForestFleet(**OPTIONS, on_missing=store.pop)
    with pytest.raises(ModelFormatError, match="series-3"):
        fleet.update(["series-1", "series-3"], [1.0, 2.0])
    assert fleet.keys() == ["series-1"]
    assert fleet.to_bytes("series-1") == whole.to_bytes("series-1")
    with pytest.raises(TypeError, match="data: expected bytes, got str"):
        ForestFleet(on_missing=lambda _: "text").update([1], [1.0])  # type: ignore[arg-type, return-value]


def test_a_bad_batch_does_not_reach_the_loader() -> None:
    asked: list[Any] = []
    fleet = ForestFleet(on_missing=asked.append)
    with pytest.raises(ValueError, match="row 0"):
        fleet.update(["a"], [np.inf])
    assert asked == []
    fleet.update(["a", "b", "a"], np.ones(3)).update(["a"], [1.0])
    assert asked == ["a", "b"]


# ---- state --------------------------------------------------------------------------------------


def test_the_state_of_all(tmp_path: Any) -> None:
    fleet = fed(n_jobs=2, random_state=5)
    fleet.save(tmp_path / "fleet")
    twins = [
        ForestFleet.from_bytes(fleet.to_bytes()),
        ForestFleet.load(tmp_path / "fleet"),
        pickle.loads(pickle.dumps(fleet)),
        copy.deepcopy(fleet),
    ]
    batch = mixed(300, 8, seed=4)
    expected = fleet.score_update(*batch)
    for twin in twins:
        assert twin.n_jobs == 2
        np.testing.assert_array_equal(twin.score_update(*batch), expected)
        assert twin.to_bytes() == fleet.to_bytes()
        assert twin.keys() == fleet.keys()
    empty = ForestFleet(**OPTIONS, random_state=3)
    assert ForestFleet.from_bytes(empty.to_bytes()).seed_of(1) == empty.seed_of(1)


def test_callbacks_do_not_travel() -> None:
    store: dict[Any, bytes] = {}
    fleet = ForestFleet(**OPTIONS, memory_limit=50_000, on_evict=store.__setitem__)
    for work in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="callbacks cannot be pickled or copied"):
            work(fleet)
    fleet.update(*mixed(400, 5))
    twin = ForestFleet.from_bytes(fleet.to_bytes(), memory_limit=0, on_evict=store.__setitem__)
    twin.update(["series-0"], [1.0])
    assert len(twin) == 0
    assert len(store) == 5


def test_restore_refuses_other_forests() -> None:
    fleet = fed()
    before = fleet.to_bytes()
    other = RandomCutForest(**OPTIONS | {"n_trees": 8}).update([1.0, 2.0])
    wide = RandomCutForest(**OPTIONS).update([[1.0, 2.0]])
    for data in (other.to_bytes(), wide.to_bytes(), RandomCutForest(**OPTIONS).to_bytes(), before):
        with pytest.raises(ModelFormatError, match=r"^data: .*\(key 'x'\)"):
            fleet.restore("x", data)
        with pytest.raises(ModelFormatError, match=r"^data: "):
            ForestFleet(**OPTIONS | {"time_decay": 0.5}).restore("x", data)
    assert fleet.to_bytes() == before
    with pytest.raises(TypeError, match="data: expected bytes"):
        fleet.restore("x", "text")  # type: ignore[arg-type]
    mine = RandomCutForest(**OPTIONS, random_state=9).update([1.0, 2.0])
    fresh = ForestFleet(**OPTIONS)
    fresh.restore("x", mine.to_bytes())
    assert fresh.n_seen("x") == 2


def test_bytes_that_are_no_fleet() -> None:
    data = fed().to_bytes()
    for wrong in (b"", data[:-1], data[:200], RandomCutForest().to_bytes()):
        with pytest.raises(ModelFormatError, match="data: "):
            ForestFleet.from_bytes(wrong)
    with pytest.raises(TypeError, match="data: expected bytes"):
        ForestFleet.from_bytes("text")  # type: ignore[arg-type]


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
