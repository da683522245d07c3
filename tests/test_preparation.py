"""Scales, differences, weights and missing values: what they promise, and what they refuse."""

import copy
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.base import clone

from fastrcf import RandomCutForest
from fastrcf.errors import ModelFormatError

Rows = NDArray[np.float64]


def small(**options: Any) -> RandomCutForest:
    return RandomCutForest(**({"n_trees": 10, "sample_size": 64} | options))


def waves(n: int, d: int = 2, seed: int = 0, gaps: float = 0.0) -> Rows:
    rng = np.random.default_rng(seed)
    rows = np.sin(np.arange(n)[:, None] / 5 + np.arange(d)) + rng.normal(scale=0.1, size=(n, d))
    rows[rng.random((n, d)) < gaps] = np.nan
    if gaps and n > 60:
        rows[40:55] = np.nan
    return rows


OPTIONS = st.fixed_dictionaries(
    {
        "transformation": st.sampled_from(
            ["none", "normalize", "difference", "normalize_difference"]
        ),
        "weights": st.sampled_from([None, [1.0, 3.0]]),
        "missing": st.sampled_from(["skip", "impute", "previous"]),
        "max_missing": st.sampled_from([0.25, 0.5, 1.0]),
        "shingle_size": st.sampled_from([1, 4]),
    }
)


@settings(max_examples=25)
@given(options=OPTIONS, cuts=st.lists(st.integers(1, 199), max_size=4), seed=st.integers(0, 99))
def test_chunks_threads_and_reloading_change_nothing(
    options: dict[str, Any], cuts: list[int], seed: int
) -> None:
    rows = waves(200, seed=seed, gaps=0.1)
    whole = small(**options)
    expected = whole.score_update(rows)
    forest = small(**options, n_jobs=2)
    scores = []
    for part in np.split(rows, sorted(cuts)):
        if len(part) == 0:
            continue
        forest = RandomCutForest.from_bytes(forest.to_bytes())
        before = forest.to_bytes()
        one = forest.score(part)
        assert forest.to_bytes() == before
        scores.append(forest.score_update(part))
        assert one[0] == scores[-1][0]
    assert_array_equal(np.concatenate(scores), expected)
    assert forest.set_params(n_jobs=1).to_bytes() == whole.to_bytes()


@settings(max_examples=15)
@given(options=OPTIONS, seed=st.integers(0, 99))
def test_one_by_one_is_in_bulk(options: dict[str, Any], seed: int) -> None:
    rows = waves(120, seed=seed, gaps=0.1)
    bulk, single, both = small(**options), small(**options), small(**options)
    expected = bulk.score_update(rows)
    for row, score in zip(rows, expected, strict=True):
        assert both.score_one(row) == score
        both.update_one(row)
        assert single.score_update_one(row) == score
    assert bulk.to_bytes() == single.to_bytes() == both.to_bytes()


@pytest.mark.parametrize("missing", ["skip", "impute", "previous", "constant"])
def test_scores_of_many_rows_are_those_of_one_at_a_time(missing: str) -> None:
    """Frozen: each row is scored after those before it, whether in one call or in blocks."""
    forest = small(missing=missing, transformation="normalize", shingle_size=3).update(waves(150))
    rows = waves(5000, seed=1, gaps=0.1)
    scores = forest.score(rows)
    assert_array_equal(forest.score(rows[:37]), scores[:37])
    assert (scores > 0).mean() > 0.5 if missing != "skip" else (scores > 0).any()


# ---- scales --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transformation", ["normalize", "normalize_difference"])
def test_units_do_not_matter(transformation: str) -> None:
    rows = waves(600, 3) + np.array([0.0, 1.0, 1000.0])
    expected = small(transformation=transformation).score_update(rows)
    by_powers = small(transformation=transformation).score_update(rows * [2.0**-30, 8.0, 2.0**40])
    assert_array_equal(by_powers, expected)
    scores = small(transformation=transformation).score_update(rows * [1e-9, 3.7, 1e12])
    assert_allclose(np.median(np.abs(scores - expected)), 0.0, atol=1e-5)
    assert_allclose(scores.mean(), expected.mean(), rtol=1e-2)


@pytest.mark.parametrize("transformation", ["difference", "normalize_difference"])
def test_levels_do_not_matter_to_differences(transformation: str) -> None:
    rows = np.round(waves(600, 3) * 2**20) / 2**20
    offsets = np.array([1024.0, -(2.0**20), 3.0])
    expected = small(transformation=transformation).score_update(rows)
    scores = small(transformation=transformation).score_update(rows + offsets)
    assert_array_equal(scores, expected)


def test_columns_of_other_units_count_as_much() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 2)) * [1.0, 1e6]
    rows[1500, 0] = 9.0
    assert small(n_trees=50).score_update(rows)[1500] < 1.5
    assert small(n_trees=50, transformation="normalize").score_update(rows)[1500] > 2.0


def test_weights_turn_columns_up_and_off() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 2))
    rows[800, 0] = 12.0
    scores = [small(n_trees=30, weights=w).score_update(rows) for w in ([1, 0], [0, 1])]
    assert scores[0].argmax() == 800
    assert scores[1][800] < np.quantile(scores[1], 0.99)
    alone = small(n_trees=30).score_update(rows[:, 0])
    assert_allclose(scores[0].mean(), alone.mean(), rtol=0.05)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shingle_size", [1, 4])
def test_homogeneous_data_do_not_alarm_at_the_least_change(seed: int, shingle_size: int) -> None:
    level = 1000 * (1 + 1e-6 * np.random.default_rng(seed).normal(size=3000))
    level[2000] *= 1.001
    level[2500] *= 1.5
    options: dict[str, Any] = {"n_trees": 50, "sample_size": 256, "shingle_size": shingle_size}
    scores = small(transformation="normalize", random_state=seed, **options).score_update(level)
    usual = np.quantile(scores[500:2000], 0.999)
    assert scores[2000 : 2000 + shingle_size].max() < 1.2 * usual
    assert scores[2500 : 2500 + shingle_size].max() > 2.0 * usual
    plain = small(random_state=seed, **options).score_update(level)
    assert plain[2000 : 2000 + shingle_size].max() > 1.5 * np.quantile(plain[500:2000], 0.999)


def scale_of(forest: RandomCutForest) -> Rows:
    assert forest._core is not None
    rows = np.outer([0.0, 1.0], np.ones(forest.n_features_in_))
    return np.diff(forest._core.restore(rows), axis=0)[0]


def test_outliers_leave_the_scale_alone() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, 2)) + np.array([0.0, 1e6])
    rows[rng.random(5000) < 0.01] *= 1e7
    scale = scale_of(small(transformation="normalize", noise_floor=0.0).update(rows))
    assert_allclose(scale, 0.8, rtol=0.15)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_columns_that_are_seldom_off_their_usual_value_keep_a_scale(share: float) -> None:
    rows = np.where(np.random.default_rng(0).random(8000) < share, 10.0, 0.0)
    scale = scale_of(small(transformation="normalize").update(rows))
    assert 0.5 * share < scale < 20 * share


def test_the_scale_follows_the_data_and_is_sound_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    forest = small(transformation="normalize")  # forgets within some 640 rows
    forest.update(1e9 + rng.normal(size=2000) * 1e7)
    assert_allclose(scale_of(forest), 0.8e7, rtol=0.15)
    forest.update(1e9 + rng.normal(size=6000) * 1e8)
    assert_allclose(scale_of(forest), 0.8e8, rtol=0.15)


def test_fit_takes_the_scale_of_the_whole_table_and_score_keeps_it() -> None:
    rng = np.random.default_rng(0)
    table = rng.laplace(size=(800, 2)) * [1.0, 1e4] + [5.0, 0.0]
    forest = small(transformation="normalize").fit(table)
    assert_allclose(scale_of(forest), [1.0, 1e4], rtol=0.1)
    state = forest.to_bytes()
    forest.score(table * 7)
    assert forest.to_bytes() == state
    assert (forest.predict(table[:50]) == 1).mean() > 0.9
    assert forest.predict([[5.0, 4e5]])[0] == -1


def test_rows_before_there_is_a_scale_are_skipped() -> None:
    forest = small(transformation="normalize", output_after=1).update(waves(10))
    assert (forest.n_seen, forest.n_skipped) == (0, 10)
    forest.update(waves(1))
    assert (forest.n_seen, forest.n_skipped) == (1, 10)
    differences = small(transformation="difference").update(waves(10))
    assert (differences.n_seen, differences.n_skipped) == (9, 1)


@pytest.mark.parametrize("transformation", ["none", "normalize", "difference"])
def test_restoring_is_the_inverse(transformation: str) -> None:
    rows = waves(300) * [1.0, 50.0] + [0.0, 7.0]
    forest = small(transformation=transformation, weights=[2.0, 0.5]).update(rows)
    core = forest._core
    assert core is not None
    after = core.restore(np.array([[0.5, -1.0], [0.25, 2.0]]))
    if transformation == "none":
        assert_array_equal(after, [[0.25, -2.0], [0.125, 4.0]])
    elif transformation == "difference":
        assert_allclose(after[0], rows[-1] + [0.25, -2.0], rtol=1e-12)
        assert_allclose(after[1], rows[-1] + [0.375, 2.0], rtol=1e-12)
    else:  # a row with these values is prepared to what was restored
        again = forest._core.restore(np.array([[0.5, -1.0]]))
        assert_array_equal(after[:1], again)
        assert abs(after[0, 0] - np.median(rows[:, 0])) < 1.0


# ---- missing values ------------------------------------------------------------------------------


def season(n: int, seed: int, kind: str) -> Rows:
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    if kind == "sine":
        return np.sin(2 * np.pi * t / 48) + rng.normal(scale=0.1, size=n)
    day = 1 + 0.6 * np.sin(2 * np.pi * t / 48 - 2) + 0.3 * np.sin(4 * np.pi * t / 48)
    week = np.where((t // 48) % 7 >= 5, 0.75, 1.0)
    return 15000 * day * week * (1 + rng.normal(scale=0.04, size=n))


def holes(pattern: str, n: int, seed: int) -> NDArray[np.bool_]:
    missing = np.zeros(n, dtype=bool)
    if pattern == "single":
        missing[1500::97] = True
    elif pattern == "run of 5":
        for k in range(5):
            missing[1500 + k :: 211] = True
    elif pattern == "run of 1000":
        missing[2000:3000] = True
    else:
        missing[1500:] = np.random.default_rng(seed).random(n - 1500) < 0.1
    return missing


@pytest.mark.parametrize("pattern", ["single", "run of 5", "run of 1000", "a tenth"])
@pytest.mark.parametrize("kind", ["sine", "taxi"])
@pytest.mark.parametrize("seed", [0, 1])
def test_gaps_do_not_alarm(kind: str, pattern: str, seed: int) -> None:
    n, shingle_size = 3600, 12
    series = season(n, seed, kind)
    options: dict[str, Any] = {"n_trees": 50, "shingle_size": shingle_size, "random_state": seed}
    without = RandomCutForest(**options).score_update(series)
    alarm = np.quantile(without[1000:], 0.999)
    missing = holes(pattern, n, seed)
    near = np.convolve(missing, np.ones(2 * shingle_size + 1))[:n] > 0
    spike = 3000 + shingle_size * 3 // 2
    with_holes = np.where(missing, np.nan, series)
    if pattern == "run of 1000":
        near[spike:] = False
        with_holes[spike] += 6 * series.std()
    forest = RandomCutForest(**options, missing="impute")
    scores = forest.score_update(with_holes)
    assert scores[near].max() < 1.15 * alarm
    # No more of them stand out than of the rows that are whole.
    assert (scores[near] > alarm).mean() <= max(0.003, 2 * (without[near] > alarm).mean())
    if pattern == "run of 1000":
        assert scores[spike : spike + shingle_size].max() > 1.5 * alarm
        assert 1000 - shingle_size < forest.n_skipped < 1000
        assert not scores[2000 + shingle_size : 3000 + shingle_size - 1].any()
        assert (scores[3000 + shingle_size - 1 :] > 0).all()
    else:
        assert forest.n_skipped <= 3
        assert (scores[near] > 0).mean() > 0.99


def test_a_window_with_too_much_filled_in_is_neither_scored_nor_learned() -> None:
    rows = waves(200, 2)
    rows[100:120, 0] = np.nan  # half of each row
    for share, blind in [(0.5, 0), (0.49, 17)]:
        forest = small(missing="impute", shingle_size=4, max_missing=share)
        scores = forest.score_update(rows)
        assert forest.n_skipped == 0
        assert (scores[64:] == 0).sum() == blind
        assert (scores[103:120] == 0).sum() == blind


def test_constants_are_what_the_caller_would_have_filled_in() -> None:
    rows = waves(300, 2)
    rows[::7, 0] = rows[3::7, 1] = np.nan
    filled = np.where(np.isnan(rows), [0.5, -1.0], rows)
    forest = small(missing="constant", fill_value=[0.5, -1.0])
    assert_array_equal(forest.score_update(rows), small().score_update(filled))
    zeros = small(missing="constant").score_update(rows)
    assert_array_equal(zeros, small().score_update(np.nan_to_num(rows)))


def test_previous_values_are_what_the_caller_would_have_filled_in() -> None:
    rows = waves(300, 2)
    rows[100:110, 1] = np.nan
    filled = rows.copy()
    filled[100:110, 1] = rows[99, 1]
    forest = small(missing="previous", shingle_size=3)
    assert_array_equal(forest.score_update(rows), small(shingle_size=3).score_update(filled))


# ---- quality -------------------------------------------------------------------------------------


def test_quality_and_confidence() -> None:
    forest = small(missing="previous", time_decay=0.01, output_after=20)
    assert (forest.data_quality, forest.confidence) == (1.0, 0.0)
    forest.update(np.zeros(20))
    assert (forest.data_quality, forest.confidence) == (1.0, 0.0)
    forest.update(np.zeros(30))
    expected = (np.exp(0.5) - np.exp(0.2)) / (np.exp(0.5) - 1)
    assert forest.confidence == pytest.approx(expected, rel=1e-12)
    confidence = [forest.update([0.0]).confidence for _ in range(100)]
    assert confidence == sorted(confidence)
    forest.update([np.nan])
    assert forest.data_quality == 1 - 1 / 64
    qualities = [forest.update([np.nan]).data_quality for _ in range(50)]
    assert qualities == sorted(qualities, reverse=True)
    assert forest.confidence < qualities[-1]
    forest.update(np.zeros(3000))
    assert forest.confidence == forest.data_quality == pytest.approx(1.0)


def test_quality_of_a_forest_that_skips() -> None:
    rows = waves(300, 2, gaps=0.1)
    forest = small().update(rows)
    again = small(missing="previous").update(rows)
    assert forest.data_quality == again.data_quality < 1.0
    reloaded = RandomCutForest.from_bytes(forest.to_bytes())
    assert reloaded.data_quality == forest.data_quality
    assert small(time_decay=0.0, output_after=10).update(np.zeros(40)).confidence == 0.75
    assert small().fit(waves(50)).confidence == 1.0


# ---- errors and state ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"transformation": "log"}, ValueError, "transformation: expected one of"),
        ({"transformation": None}, TypeError, "transformation"),
        ({"missing": "drop"}, ValueError, "missing: expected one of"),
        ({"missing": True}, TypeError, "missing"),
        ({"weights": 2.0}, TypeError, "weights: expected None or a sequence"),
        ({"weights": "11"}, TypeError, "weights"),
        ({"weights": [1.0, "a"]}, TypeError, "weights"),
        ({"weights": []}, ValueError, "weights"),
        ({"weights": [1.0, -1.0]}, ValueError, "weights: expected numbers of at least 0, got -1.0"),
        ({"weights": [0, 0]}, ValueError, "weights: expected at least one that is not 0"),
        ({"weights": [1.0, np.nan]}, ValueError, "weights"),
        ({"weights": [1.0, np.inf]}, ValueError, "weights"),
        ({"weights": [1.0, 1.0, 1.0]}, ValueError, r"weights: expected one value per column \(2\)"),
        (
            {"noise_floor": -0.1},
            ValueError,
            r"noise_floor: expected a number in \[0, 1\], got -0.1",
        ),
        ({"noise_floor": "no"}, TypeError, "noise_floor"),
        ({"max_missing": 1.1}, ValueError, "max_missing"),
        ({"max_missing": np.nan}, ValueError, "max_missing"),
        ({"fill_value": 1.0}, ValueError, "fill_value: expected only with missing='constant'"),
        ({"missing": "constant", "fill_value": None}, TypeError, "fill_value"),
        ({"missing": "constant", "fill_value": np.inf}, ValueError, "fill_value"),
        ({"missing": "constant", "fill_value": [1.0]}, ValueError, r"per column \(2\), got 1"),
        ({"missing": "constant", "transformation": "difference"}, ValueError, "two jumps"),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[Exception], words: str) -> None:
    forest = RandomCutForest(**options)
    with pytest.raises(error, match=words):
        forest.update(waves(5))
    assert forest.n_seen == 0
    with pytest.raises(error, match=words):
        forest.fit(waves(5))


def test_infinity_stays_an_error_and_changes_nothing() -> None:
    forest = small(missing="impute", transformation="normalize").update(waves(100))
    state = forest.to_bytes()
    rows = waves(5)
    rows[3, 1] = np.inf
    for verb in (forest.update, forest.score, forest.score_update):
        with pytest.raises(ValueError, match="row 3, column 1 is inf"):
            verb(rows)
    assert forest.to_bytes() == state


def test_options_take_effect_at_the_next_fit() -> None:
    forest = small().update(waves(100))
    scores = forest.score(waves(5) * 3)
    forest.set_params(transformation="normalize", missing="impute")
    assert_array_equal(forest.score(waves(5) * 3), scores)
    assert scale_of(forest.fit(waves(100)))[0] < 1.0


def test_options_are_kept_by_copies_and_bytes() -> None:
    options = {"transformation": "normalize", "weights": np.array([1, 2]), "max_missing": 0.25}
    forest = small(**options).update(waves(100))
    for twin in (copy.deepcopy(forest), RandomCutForest.from_bytes(forest.to_bytes())):
        assert twin.to_bytes() == forest.to_bytes()
        assert list(twin.weights) == [1.0, 2.0]
    assert_array_equal(clone(forest).update(waves(100)).score(waves(9)), forest.score(waves(9)))


def sealed(data: bytes) -> bytes:
    """Make length and checksum of a native state right again."""
    body = data[20:]
    return data[:8] + struct.pack("<QI", len(body), zlib.crc32(body)) + body


@pytest.mark.parametrize("n", [5, 120])
@pytest.mark.parametrize("transformation", ["normalize", "difference"])
def test_damaged_states_are_refused_or_work(transformation: str, n: int) -> None:
    forest = small(n_trees=2, transformation=transformation, missing="impute", shingle_size=3)
    rows = waves(120, gaps=0.1)
    core = forest.update(rows[:n])._core
    assert core is not None
    data = core.to_bytes()
    assert sealed(data) == data
    rng = np.random.default_rng(n)
    n_refused = 0
    for at in range(20, min(len(data), 330)):  # options, sections and counters
        for value in (0x00, 0x7F, 0xFF, int(rng.integers(256))):
            damaged = sealed(data[:at] + bytes([value]) + data[at + 1 :])
            try:
                other = type(core).from_bytes(damaged)
            except ValueError:
                n_refused += 1
                continue
            assert np.isfinite(other.score_update(rows)).all()
            assert type(core).from_bytes(other.to_bytes()).to_bytes() == other.to_bytes()
    assert n_refused > 200
    for end in range(0, len(data), 7):
        with pytest.raises(ValueError, match="forest bytes"):
            type(core).from_bytes(sealed(data[:end]) if end >= 20 else data[:end])
    with pytest.raises(ModelFormatError):
        RandomCutForest.from_bytes(forest.to_bytes()[:-9])
