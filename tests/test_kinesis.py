"""The law of the withdrawn stream-SQL function, against its slow twin and published scores."""

import csv
import gzip
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fastrcf import RandomCutForest
from fastrcf._core import Forest
from reference.naive_forest import NaiveForest

Values = NDArray[np.float64]
OPTIONS = {
    "n_columns": 2,
    "n_trees": 5,
    "sample_size": 32,
    "shingle_size": 1,
    "time_decay": 0.01,
    "output_after": 8,
    "initial_accept_fraction": 1.0,
    "random_state": 3,
    "scoring": "kinesis",
}


def engine(random_state: int = 0) -> RandomCutForest:
    """Set a forest up as the published scores were made."""
    return RandomCutForest(
        n_trees=100,
        sample_size=256,
        time_decay=1 / 100_000,
        output_after=256,
        initial_accept_fraction=1.0,
        scoring="kinesis",
        random_state=random_state,
    )


def test_the_law_is_that_of_its_slow_twin() -> None:
    rows = np.random.default_rng(0).integers(0, 4, size=(300, 2)).astype(float)
    native, naive = Forest(n_jobs=1, **OPTIONS), NaiveForest(**OPTIONS)
    assert_allclose(native.score_update(rows), naive.score_update(rows), rtol=2e-6, atol=0)


def test_a_constant_stream() -> None:
    scores = engine().score_update(np.full(400, 7.0))
    assert (scores[:256] == 0).all()
    assert_allclose(scores[256:], 8 / 257, rtol=1e-6)


@pytest.mark.parametrize("copies", [1, 6, 100])
def test_copies_of_a_point_stand_as_deep_as_a_balanced_tree(copies: int) -> None:
    values = np.zeros(256)
    values[:copies] = 1.0
    forest = engine().update(values)  # all trees hold the first 256 rows: one cut, two leaves
    expected = [8 / (1 + math.log2(256 - copies)), 8 / (1 + math.log2(copies))]
    assert_allclose(forest.score([0.0, 1.0]), expected, rtol=1e-6)


# ---- the published scores ----------------------------------------------------------------------

CONSTANT = "art_flatline"
# Two values, 98 % of the rows the same: their scores differ in the fourth digit, by the chance of
# the samples, and so do the ranks of nearly all rows.
CHANCE = "art_increase_spike_density"


@cache
def published(folder: Path) -> dict[str, tuple[Values, Values]]:
    """Values and published scores of each series."""
    found = {}
    for path in sorted((folder / "nab" / "kinesis_rcf").glob("*/*.csv.gz")):
        name = path.name.removesuffix(".csv.gz")
        with gzip.open(path, "rt") as file:
            scores = [float(row["score"]) for row in csv.DictReader(file)]
        with (folder / "nab" / "data" / path.parent.name / f"{name}.csv").open() as file:
            values = [float(row["value"]) for row in csv.DictReader(file)]
        found[name] = np.array(values), np.array(scores)
    if not found:
        pytest.skip(f"no published scores in {folder}")
    return found


@pytest.fixture(scope="module")
def ours(data_dir: Path) -> dict[str, Values]:
    return {
        name: engine().score_update(values) for name, (values, _) in published(data_dir).items()
    }


def test_both_are_silent_for_256_rows(data_dir: Path, ours: dict[str, Values]) -> None:
    for name, (_, scores) in published(data_dir).items():
        for found in (scores, ours[name]):
            assert (found[:256] == 0).all(), name
            assert (found[256:] > 0).all(), name


def test_ranks_agree_with_the_published_scores(data_dir: Path, ours: dict[str, Values]) -> None:
    agreement = {
        name: spearmanr(scores[256:], ours[name][256:]).statistic
        for name, (_, scores) in published(data_dir).items()
        if name != CONSTANT
    }
    assert len(agreement) == 36
    assert np.median([*agreement.values()]) >= 0.95
    by_law = {name: value for name, value in agreement.items() if name != CHANCE}
    assert min(by_law.values()) >= 0.7, min(by_law, key=by_law.__getitem__)


def test_values_agree_with_the_published_scores(data_dir: Path, ours: dict[str, Values]) -> None:
    # The limits leave room for chance: with random states 0 to 7 the median error of the worst
    # series was 0.028 to 0.040 (0.037 on average; 0.020 the average of all series), and the 99 %
    # quantile of the worst 0.12 to 0.16. Samples drawn in another way gave 0.032 to 0.043.
    for name, (_, scores) in published(data_dir).items():
        error = np.abs(ours[name][256:] / scores[256:] - 1)
        assert np.median(error) < 0.045, name
        assert np.quantile(error, 0.99) < 0.25, name
        assert_allclose(ours[name].max(), scores.max(), rtol=0.09, err_msg=name)


def test_where_chance_rules_the_ranks_the_values_agree(
    data_dir: Path, ours: dict[str, Values]
) -> None:
    values, scores = published(data_dir)[CHANCE]
    common, rare = values[256:] == 0, values[256:] != 0
    found, expected = ours[CHANCE][256:], scores[256:]
    assert_allclose(found[0], expected[0], rtol=1e-6)  # the samples are still the same
    assert np.median(np.abs(found / expected - 1)[common]) < 3e-4
    assert np.median(np.abs(found / expected - 1)[rare]) < 0.05
    again = engine(random_state=1).score_update(values)[256:]
    assert spearmanr(found, again).statistic < 0.7


def test_a_constant_series_has_the_published_score(data_dir: Path, ours: dict[str, Values]) -> None:
    _, scores = published(data_dir)[CONSTANT]
    assert_allclose(ours[CONSTANT][256:], scores[256:], rtol=1e-5)
