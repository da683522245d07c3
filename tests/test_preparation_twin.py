"""Prepared rows give the native forest, node by node, the trees of its slow and obvious twin."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf._core import Forest
from reference.naive_preparation import PreparedForest

Rows = NDArray[np.float64]

PLAIN: dict[str, Any] = {
    "n_columns": 2,
    "n_trees": 3,
    "sample_size": 16,
    "shingle_size": 3,
    "time_decay": 0.01,
    "output_after": 4,
    "initial_accept_fraction": 0.125,
    "random_state": 7,
}
NOTHING: dict[str, Any] = {
    "transformation": "none",
    "weights": [],
    "noise_floor": 0.001,
    "missing": "skip",
    "fill_value": [],
    "max_missing": 0.5,
}
TRANSFORMATIONS = ["none", "normalize", "difference", "normalize_difference"]


def stream(n: int, d: int, seed: int = 0, *, gaps: bool = True) -> Rows:
    """Columns of very different kinds: noise far from zero, a constant, outliers; and gaps."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * 10.0 ** np.arange(0, 4 * d, 4) + 300.0
    rows[:, -1] = np.where(np.arange(n) < n // 2, 300.0, rows[:, -1])
    rows[rng.random(n) < 0.03, 0] = 1e9
    if gaps:
        rows[rng.random((n, d)) < 0.1] = np.nan
        rows[n // 3 : n // 3 + 2] = rows[n // 2 : n // 2 + 9] = np.nan
    return rows


class Pair:
    """A native forest and its twin."""

    def __init__(self, preparation: dict[str, Any], **changes: Any) -> None:
        options = PLAIN | changes
        preparation = NOTHING | preparation
        self.native = Forest(n_jobs=1, preparation=preparation, **options)
        self.naive = PreparedForest(preparation=preparation, **options)

    def update(self, rows: Rows) -> None:
        self.native.update(rows)
        self.naive.update(rows)

    def score_update(self, rows: Rows) -> None:
        assert_allclose(self.native.score_update(rows), self.naive.score_update(rows), rtol=2e-6)

    def score(self, rows: Rows) -> None:
        assert_allclose(self.native.score(rows), self.naive.score(rows), rtol=2e-6)

    def check(self) -> None:
        assert self.native.n_skipped == self.naive.n_skipped
        assert self.native.n_seen == self.naive.n_rows - self.naive.n_skipped
        for index in range(len(self.naive.trees)):
            native, naive = self.native.tree(index), self.naive.tree(index)
            for name in ("dimension", "cut", "left", "right", "mass", "arrival", "low", "high"):
                assert_array_equal(native[name], naive[name], err_msg=f"tree {index}: {name}")


@pytest.mark.parametrize("missing", ["skip", "impute", "previous"])
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize(("d", "shingle_size"), [(1, 1), (2, 3), (1, 6)])
def test_streams(transformation: str, missing: str, d: int, shingle_size: int) -> None:
    pair = Pair(
        {"transformation": transformation, "missing": missing},
        n_columns=d,
        shingle_size=shingle_size,
        n_trees=2,
    )
    rows = stream(150, d, seed=shingle_size)
    pair.update(rows[:60])
    pair.check()
    pair.score_update(rows[60:110])
    pair.check()
    pair.score(rows[110:])
    pair.check()


@pytest.mark.parametrize("max_missing", [0.0, 0.2, 0.9, 1.0])
@pytest.mark.parametrize("missing", ["impute", "previous", "constant"])
@pytest.mark.parametrize("shingle_size", [1, 3])
def test_share_that_may_be_filled_in(missing: str, max_missing: float, shingle_size: int) -> None:
    fill = {"fill_value": [300.0, -1.0]} if missing == "constant" else {}
    preparation = {"missing": missing, "max_missing": max_missing} | fill
    pair = Pair(preparation, shingle_size=shingle_size)
    rows = stream(120, 2, seed=1)
    pair.score_update(rows[:90])
    pair.score(rows[90:])
    pair.check()


@pytest.mark.parametrize("noise_floor", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("time_decay", [0.0, 0.3])
def test_weights_floors_and_rates(noise_floor: float, time_decay: float) -> None:
    pair = Pair(
        {"transformation": "normalize", "noise_floor": noise_floor, "weights": [2.0, 0.25]},
        time_decay=time_decay,
    )
    rows = stream(150, 2, seed=2, gaps=False)
    pair.score_update(rows)
    pair.check()


def test_columns_without_a_scale() -> None:
    rows = np.zeros((60, 2))
    rows[30:, 0] = 1e-9
    rows[40, 1] = -5.0
    pair = Pair({"transformation": "normalize"})
    pair.score_update(rows)
    pair.check()


@pytest.mark.parametrize("missing", ["skip", "impute"])
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_fit_and_what_comes_after(transformation: str, missing: str) -> None:
    pair = Pair({"transformation": transformation, "missing": missing})
    rows = stream(120, 2, seed=3)
    pair.native.fit(rows)
    pair.naive.fit(rows)
    pair.check()
    pair.score(rows[:40])
    pair.score_update(rows[60:])
    pair.check()


def test_the_share_of_given_values() -> None:
    pair = Pair({"missing": "previous"})
    pair.update(stream(80, 2, seed=4))
    assert 0.5 < pair.native.data_quality < 1.0
    assert pair.native.data_quality == pytest.approx(pair.naive.quality, rel=1e-12)
