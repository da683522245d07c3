"""Threads that ask and teach one forest at the same time."""

import itertools
import sys
import threading
import time

import numpy as np
import pytest

from fastrcf import RandomCutForest
from forest_helpers import clouds, sine


@pytest.fixture
def quick_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def in_threads(*jobs):
    """Run jobs at the same time; raise what any of them raised."""
    errors = []
    start = threading.Barrier(len(jobs))

    def guarded(job):
        try:
            start.wait(60)
            job()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_eight_threads_score_while_one_updates(n_jobs):
    rows = sine(3000)
    forest = RandomCutForest(n_trees=20, shingle_size=4, n_jobs=n_jobs).update(rows[:500])
    done = threading.Event()

    def learn():
        try:
            for i in range(500, 3000, 50):
                forest.score_update(rows[i : i + 25])
                for row in rows[i + 25 : i + 50]:
                    forest.update_one(row)
        finally:
            done.set()

    def score():
        while not done.is_set():
            scores = forest.score(rows[:40])
            assert ((scores > 0.0) & (scores < 10.0)).all()
            assert 0.0 < forest.score_one(0.5) < 10.0
            assert forest.is_ready
            assert RandomCutForest.from_bytes(forest.to_bytes()).n_seen <= 3000

    in_threads(learn, *[score] * 8)
    alone = RandomCutForest(n_trees=20, shingle_size=4).update(rows)
    forest.set_params(n_jobs=1)
    assert forest.to_bytes() == alone.to_bytes()


def test_asking_while_another_thread_learns_holds_up_no_third():
    forest = RandomCutForest().update(sine(1000))
    long = clouds(60_000, 1)
    ticks = []
    done = threading.Event()

    def learn():
        try:
            forest.score_update(long)
        finally:
            done.set()

    def tick():
        while not done.wait(0.002):
            ticks.append(time.perf_counter())

    def ask():
        names = itertools.cycle(("n_seen", "n_skipped", "is_ready", "memory_bytes"))
        while not done.wait(0.02):
            name = next(names)
            before = time.perf_counter()
            getattr(forest, name)
            waited = time.perf_counter() - before
            during = sum(before < tick < before + waited for tick in ticks)
            assert waited < 0.1 or during > 3, f"{name} stopped all threads for {waited:.2f} s"

    in_threads(learn, tick, ask)


@pytest.mark.usefixtures("quick_switches")
def test_threads_that_start_a_forest_together_lose_nothing():
    for _ in range(20):
        forest = RandomCutForest(n_trees=5)
        in_threads(*[lambda forest=forest: forest.update(sine(50))] * 6)
        assert forest.n_seen == 300


@pytest.mark.usefixtures("quick_switches")
def test_the_first_rows_decide_the_width_for_all_threads():
    for _ in range(20):
        forest = RandomCutForest(n_trees=5)
        refused = []

        def learn(width, forest=forest, refused=refused):
            try:
                forest.update(clouds(10, width))
            except ValueError as error:
                refused.append(str(error))

        in_threads(lambda learn=learn: learn(2), lambda learn=learn: learn(3))
        assert len(refused) == 1
        assert "features, but RandomCutForest is expecting" in refused[0]
        assert forest.n_seen == 10


@pytest.mark.usefixtures("quick_switches")
def test_predict_never_mixes_two_fits():
    tables = [clouds(60, 2), clouds(60, 2, seed=1) * 100.0]
    probe = np.zeros((1, 2))
    forest = RandomCutForest(n_trees=10).fit(tables[0])
    expected = set()
    for table in tables:
        expected.add(float(RandomCutForest(n_trees=10).fit(table).decision_function(probe)[0]))
    done = threading.Event()

    def refit():
        try:
            for i in range(60):
                forest.fit(tables[i % 2])
        finally:
            done.set()

    def predict():
        while not done.is_set():
            assert float(forest.decision_function(probe)[0]) in expected

    in_threads(refit, predict, predict)
