"""What a fleet takes in memory, what it hands out when there is too little, and its bytes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from fastrcf import ForestFleet, ModelFormatError, RandomCutForest
from fleet_helpers import OPTIONS, fed, mixed

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
