"""Forests that were trained apart become one."""

import pickle
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrcf import NotFittedError, RandomCutForest


@pytest.fixture(scope="module")
def table() -> NDArray[np.float64]:
    """Two clusters of different width, and rows far from both."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(20_000, 3)) * np.array([1.0, 2.0, 0.5])
    rows[::4] = rng.normal(6.0, 0.3, size=(5_000, 3))
    rows[::20] = rng.uniform(-20.0, 20.0, size=(1_000, 3))
    return rng.permutation(rows)


def shards_of(table: NDArray[np.float64], n: int, how: str) -> list[NDArray[np.float64]]:
    if how == "interleaved":
        return [table[i::n] for i in range(n)]
    order = np.random.default_rng(1).permutation(len(table))
    return [table[np.sort(part)] for part in np.array_split(order, n)]


@pytest.mark.parametrize("how", ["interleaved", "random"])
@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("verb", ["fit", "update"])
def test_agrees_with_one_forest_of_all_rows(
    table: NDArray[np.float64], verb: str, n: int, how: str
) -> None:
    def learned(rows: NDArray[np.float64], n_trees: int, seed: int) -> RandomCutForest:
        forest = RandomCutForest(n_trees, time_decay=0.0, random_state=seed)
        getattr(forest, verb)(rows)
        return forest

    whole = learned(table, 100, 0)
    shards = [learned(rows, 100 // n, 1) for rows in shards_of(table, n, how)]
    merged = RandomCutForest.merge(shards)
    assert merged.n_seen == whole.n_seen == len(table)
    assert merged.n_trees == 100
    agreement = np.corrcoef(merged.score(table), whole.score(table))[0, 1]
    alone = np.corrcoef(shards[0].score(table), whole.score(table))[0, 1]
    assert agreement > 0.99
    assert agreement > alone


def test_goes_on_like_one_forest_of_all_rows(table: NDArray[np.float64]) -> None:
    """New rows replace as many old ones as they do in one forest that has seen everything."""

    def share_of_new(forest: RandomCutForest, since: int) -> float:
        arrivals = [forest._core.tree(i)["arrival"] for i in range(forest.n_trees)]
        held = np.concatenate([a[a >= 0] for a in arrivals])
        return float(np.mean(held >= since))

    options = {"time_decay": 0.0, "sample_size": 64}
    old, new = table[:8_000], table[8_000:12_000]
    whole = RandomCutForest(200, **options).update(old).update(new)
    shards = [RandomCutForest(50, **options).update(old[i::4]) for i in range(4)]
    merged = RandomCutForest.merge(shards).update(new)
    assert share_of_new(whole, 8_000) == pytest.approx(1 / 3, abs=0.015)
    assert share_of_new(merged, 8_000) == pytest.approx(1 / 3, abs=0.015)


def test_merge_of_one_is_a_copy() -> None:
    rows = np.sin(np.arange(900.0))
    forest = RandomCutForest(10, shingle_size=3, n_jobs=2).update(rows)
    copy = RandomCutForest.merge([forest])
    assert copy.to_bytes() == forest.to_bytes()
    assert copy.n_jobs == 2
    copy.update(rows)
    assert copy.n_seen == 1800
    assert forest.n_seen == 900


def test_order_permutes_trees_only(table: NDArray[np.float64]) -> None:
    parts = [RandomCutForest(n, random_state=n).fit(table[n::9]) for n in (5, 6, 7)]
    orders = [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    merged = [RandomCutForest.merge(parts[i] for i in order) for order in orders]
    scores = [forest.score(table[:500]) for forest in merged]
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
    assert merged[0].offset_ == merged[1].offset_ == merged[2].offset_


@pytest.mark.parametrize("shingle_size", [1, 5])
def test_goes_on_after_saving(shingle_size: int) -> None:
    rng = np.random.default_rng(3)
    parts = [
        RandomCutForest(10, shingle_size=shingle_size).update(rng.normal(size=(n, 2)))
        for n in (700, 60, 5)
    ]
    merged = RandomCutForest.merge(parts)
    twins = [
        RandomCutForest.from_bytes(merged.to_bytes()),
        pickle.loads(pickle.dumps(merged)),
        RandomCutForest.merge(parts).set_params(n_jobs=2),
    ]
    rows = rng.normal(size=(2_000, 2))
    scores = merged.score_update(rows)
    assert scores[: shingle_size - 1].tolist() == [0.0] * (shingle_size - 1)  # an empty window
    assert np.all(scores[shingle_size:] > 0.0)
    for twin in twins:
        assert np.array_equal(twin.score_update(rows), scores)
        assert twin.set_params(n_jobs=1).to_bytes() == merged.to_bytes()


def test_the_parts_stay_as_they_are() -> None:
    parts = [RandomCutForest(5, sample_size=32).update(np.arange(n * 1.0)) for n in (400, 90)]
    before = [part.to_bytes() for part in parts]
    RandomCutForest.merge(parts).update(np.arange(5_000.0))
    assert [part.to_bytes() for part in parts] == before


def test_equal_seeds_do_not_make_equal_trees() -> None:
    """The same shard twice, as after a mistake: still no two trees learn alike from then on."""
    rows = np.random.default_rng(2).normal(size=3_000)
    part = RandomCutForest(4, sample_size=16).update(rows)
    merged = RandomCutForest.merge([part, part])
    assert np.array_equal(merged.score(rows), part.score(rows))
    merged.update(np.random.default_rng(4).normal(size=5_000))
    kept = [tuple(np.sort(merged._core.tree(i)["sample_keys"])) for i in range(8)]
    assert len(set(kept)) == 8


def test_parameters_and_offset(table: NDArray[np.float64]) -> None:
    one = RandomCutForest(10, contamination=0.1, random_state=5, n_jobs=2).fit(table[::2])
    two = RandomCutForest(30, contamination=0.2, random_state=6).fit(table[1::2])
    merged = RandomCutForest.merge([one, two])
    assert merged.get_params() == {**one.get_params(), "n_trees": 40}
    assert merged.offset_ == pytest.approx((10 * one.offset_ + 30 * two.offset_) / 40, abs=1e-15)
    assert 0.08 < np.mean(merged.predict(table) == -1) < 0.22
    del two.offset_
    assert not hasattr(RandomCutForest.merge([one, two]), "offset_")


def test_names_of_columns_are_kept() -> None:
    rows = {"a": np.arange(50.0), "b": np.ones(50)}
    merged = RandomCutForest.merge([RandomCutForest(5).update(rows) for _ in range(2)])
    assert merged.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        merged.score({"b": [1.0], "a": [2.0]})


def test_ready_counts_all_points() -> None:
    parts = [RandomCutForest(5, output_after=100).update(np.arange(60.0)) for _ in range(2)]
    assert not any(part.is_ready for part in parts)
    assert RandomCutForest.merge(parts).is_ready


ROWS = np.random.default_rng(0).normal(size=(60, 2))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            RandomCutForest(5).update(ROWS[:, :1]),
            r"forests\[1\]: n_columns is 1.* forests\[0\] is 2",
        ),
        (RandomCutForest(5, shingle_size=2).update(ROWS), "shingle_size is 2"),
        (
            RandomCutForest(5, sample_size=255, time_decay=1 / 2560).update(ROWS),
            "sample_size is 255",
        ),
        (RandomCutForest(5, time_decay=0.0).update(ROWS), "time_decay is 0.0"),
        (RandomCutForest(5, output_after=1).update(ROWS), "output_after is 1"),
        (RandomCutForest(5, initial_accept_fraction=1.0).update(ROWS), "initial_accept_fraction"),
        (RandomCutForest(5, scoring="kinesis").update(ROWS), "scoring is 'kinesis'"),
        (RandomCutForest(5).fit(ROWS), "training is 'fit'.*'stream'"),
        (
            RandomCutForest(5).update({"a": ROWS[:, 0], "b": ROWS[:, 1]}),
            r"names of columns is \['a', 'b'\].* None",
        ),
    ],
)
def test_forests_that_differ_are_refused(other: RandomCutForest, message: str) -> None:
    forest = RandomCutForest(7, random_state=3, n_jobs=2).update(ROWS)
    assert other.fingerprint != forest.fingerprint
    with pytest.raises(ValueError, match=message):
        RandomCutForest.merge([forest, other])


def test_what_may_differ() -> None:
    one = RandomCutForest(5, random_state=1, contamination=0.1).update(ROWS)
    two = RandomCutForest(6, random_state=2, n_jobs=2, time_decay=1 / 2560).update(ROWS[:9])
    assert one.fingerprint == two.fingerprint
    assert RandomCutForest.merge([one, two]).fingerprint == one.fingerprint
    assert RandomCutForest.from_bytes(one.to_bytes()).fingerprint == one.fingerprint


def test_fingerprint_is_of_what_was_learned_with() -> None:
    forest = RandomCutForest(5).update(ROWS)
    before = forest.fingerprint
    assert forest.set_params(shingle_size=9).fingerprint == before  # takes effect at the next fit
    assert len(before) == 16
    assert int(before, 16) >= 0


def test_nothing_to_merge() -> None:
    learned = RandomCutForest(5).update(ROWS)
    with pytest.raises(ValueError, match="forests: expected at least one forest, got none"):
        RandomCutForest.merge([])
    with pytest.raises(NotFittedError, match=r"forests\[1\]: has learned nothing"):
        RandomCutForest.merge([learned, RandomCutForest()])
    with pytest.raises(TypeError, match=r"forests\[1\]: expected a RandomCutForest, got bytes"):
        RandomCutForest.merge([learned, learned.to_bytes()])
    with pytest.raises(NotFittedError, match="has learned nothing"):
        _ = RandomCutForest().fingerprint
    wide = [RandomCutForest(5, shingle_size=4).update(rows) for rows in (ROWS, ROWS[:3])]
    with pytest.raises(ValueError, match=r"forests\[1\]: has not learned a point"):
        RandomCutForest.merge(wide)


def test_merges_while_the_parts_learn() -> None:
    """A merge takes each part at one moment, however many threads work on it."""
    part = RandomCutForest(5, sample_size=32).update(np.arange(100.0))
    stop = threading.Event()

    def learn() -> None:
        while not stop.is_set():
            part.update(np.arange(50.0))

    thread = threading.Thread(target=learn)
    thread.start()
    try:
        for _ in range(30):
            merged = RandomCutForest.merge([part, part])
            assert merged.n_seen % 50 == 0
            assert RandomCutForest.from_bytes(merged.to_bytes()).to_bytes() == merged.to_bytes()
    finally:
        stop.set()
        thread.join()
