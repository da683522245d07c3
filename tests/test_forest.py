"""What the forest computes, and what must never change it."""

import itertools
import sys
import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest

SMALL = {"n_trees": 15, "sample_size": 32}


def sine(n, seed=0, noise=0.1, period=50):
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(n) / period) + rng.normal(scale=noise, size=n)


def clouds(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 4.0 * (rng.random(size=(n, 1)) < 0.5)


def single(values):
    """Keep the numbers that single precision holds exactly."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


# ---- the law ------------------------------------------------------------------------------------


def test_sine_has_the_mean_score_of_the_reference():
    forests = [RandomCutForest(shingle_size=8, random_state=seed) for seed in range(4)]
    scores = np.array([forest.score_update(sine(3000)) for forest in forests])
    assert scores[:, 1000:].mean() == pytest.approx(0.80, abs=0.01)


def test_points_between_two_clusters_score_as_in_the_reference(data_dir):
    rows = np.loadtxt(data_dir / "aws_rcf" / "rcf-paper.csv", delimiter=",")
    scores = RandomCutForest().score_update(rows)
    between = np.flatnonzero((np.abs(rows) < 2.0).all(axis=1))
    assert (len(between), between[0], between[-1]) == (11, 293, 2005)
    assert scores[293] == pytest.approx(3.7, abs=0.2)
    assert scores[2005] == pytest.approx(2.8, abs=0.3)
    ordinary = np.delete(scores, between)[64:]
    assert np.mean((ordinary > 0.5) & (ordinary < 1.4)) > 0.98


@pytest.mark.parametrize("shingle_size", [1, 4])
def test_constant_stream_scores_one_half(shingle_size):
    scores = RandomCutForest(shingle_size=shingle_size).score_update(np.full(600, 3.25))
    ready = scores[64 + shingle_size - 1 :]
    assert_array_equal(scores[: 64 + shingle_size - 1], 0.0)
    assert ready == pytest.approx(0.5, abs=1e-7)  # depths are tabulated in single precision


def test_constant_table_scores_one_half():
    forest = RandomCutForest().fit(np.zeros((300, 3)))
    assert forest.score(np.zeros((2, 3))) == pytest.approx(0.5, abs=1e-7)
    assert (forest.score(np.full((2, 3), 1e-3)) > 1.0).all()


def test_outliers_score_high_and_the_middle_low():
    forest = RandomCutForest().fit(clouds(2000, 3))
    inside, between, outside = forest.score([[0, 0, 0], [2, 2, 2], [20, 20, 20]])
    assert inside < 1.0
    assert inside < between < outside
    assert outside > 3.0


def test_a_level_shift_is_seen_and_then_becomes_ordinary():
    series = sine(4000)
    series[2000:] += 6.0
    scores = RandomCutForest(shingle_size=4, time_decay=0.01).score_update(series)
    assert scores[2000:2004].max() > 2.0
    assert scores[3000:].mean() < 1.0


def test_scores_have_the_documented_type():
    scores = RandomCutForest(**SMALL).score_update(sine(100).astype(np.float32))
    assert scores.dtype == np.float64
    assert scores.shape == (100,)
    assert type(RandomCutForest(**SMALL).score_one(1.0)) is float
    assert type(RandomCutForest(**SMALL).score_update_one(1.0)) is float
    assert RandomCutForest(**SMALL).update_one(1.0) is None


# ---- same numbers by every way ------------------------------------------------------------------

STREAMS = [
    pytest.param({}, sine(700), id="d1"),
    pytest.param({"shingle_size": 8}, sine(700), id="d1-shingle8"),
    pytest.param({"shingle_size": 3}, clouds(500, 3), id="d3-shingle3"),
    pytest.param({"time_decay": 0.0}, clouds(500, 2), id="d2-uniform"),
    pytest.param({"time_decay": 0.05, "shingle_size": 2}, clouds(500, 2), id="d2-fast-decay"),
    pytest.param({"initial_accept_fraction": 1.0}, np.round(sine(700), 1), id="duplicates"),
]


@pytest.mark.parametrize(("options", "rows"), STREAMS)
def test_one_by_one_is_whole(options, rows):
    whole = RandomCutForest(**SMALL, **options)
    scores = whole.score_update(rows)
    fused, parted = (RandomCutForest(**SMALL, **options) for _ in range(2))
    assert_array_equal([fused.score_update_one(row) for row in rows], scores)
    for row, score in zip(rows, scores, strict=True):
        assert parted.score_one(row) == score
        parted.update_one(row)
    assert whole.to_bytes() == fused.to_bytes() == parted.to_bytes()
    assert np.count_nonzero(scores) > 400


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 8, 31, 64, 257])
@pytest.mark.parametrize(("options", "rows"), STREAMS)
def test_chunked_is_whole(options, rows, chunk):
    whole = RandomCutForest(**SMALL, **options)
    scores = whole.score_update(rows)
    forest = RandomCutForest(**SMALL, **options)
    parts = [forest.score_update(rows[i : i + chunk]) for i in range(0, len(rows), chunk)]
    assert_array_equal(np.concatenate(parts), scores)
    assert forest.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize(("options", "rows"), STREAMS)
def test_update_learns_what_score_update_learns(options, rows):
    silent = RandomCutForest(**SMALL, **options).update(rows)
    scoring = RandomCutForest(**SMALL, **options)
    scoring.score_update(rows)
    assert silent.to_bytes() == scoring.to_bytes()


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
@pytest.mark.parametrize(("options", "rows"), STREAMS)
def test_threads_change_nothing(options, rows, n_jobs):
    rows = np.concatenate([rows] * 4)
    alone = RandomCutForest(n_trees=40, **options)
    several = RandomCutForest(n_trees=40, n_jobs=n_jobs, **options)
    assert_array_equal(alone.score_update(rows), several.score_update(rows))
    assert_array_equal(alone.score(rows), several.score(rows))
    several.set_params(n_jobs=1)
    assert alone.to_bytes() == several.to_bytes()


def test_seeds():
    rows = sine(500)
    first, same, other, drawn, drawn_again = (
        RandomCutForest(**SMALL, random_state=seed).score_update(rows)
        for seed in (7, np.int64(7), 8, None, None)
    )
    assert_array_equal(first, same)
    assert (first != other).any()
    assert (drawn != drawn_again).any()


def test_layout_and_precision_of_the_input_do_not_matter():
    rows = single(clouds(400, 3))
    expected = RandomCutForest(**SMALL, shingle_size=2).score_update(rows)
    wide = np.zeros((400, 7))
    wide[:, 1::2] = rows
    tall = np.zeros((1200, 3), dtype=np.float32)
    tall[::3] = rows
    readonly = rows.copy()
    readonly.flags.writeable = False
    shapes = {
        "float32": rows.astype(np.float32),
        "fortran": np.asfortranarray(rows),
        "float32 fortran": np.asfortranarray(rows.astype(np.float32)),
        "every other column": wide[:, 1::2],
        "every third row": tall[::3],
        "reversed rows": rows[::-1].copy()[::-1],
        "reversed columns": rows[:, ::-1].copy()[:, ::-1],
        "both reversed": rows[::-1, ::-1].copy(order="F")[::-1, ::-1],
        "big endian": rows.astype(">f8"),
        "read only": readonly,
        "unaligned": unaligned(rows),
        "long double": rows.astype(np.longdouble),
        "objects": rows.astype(object),
        "list": rows.tolist(),
        "broadcast": np.broadcast_to(rows, (1, 400, 3))[0],
    }
    for name, values in shapes.items():
        scores = RandomCutForest(**SMALL, shingle_size=2).score_update(values)
        assert_array_equal(scores, expected, err_msg=name)


def unaligned(values):
    buffer = np.zeros(values.nbytes + 1, dtype=np.uint8)
    view = buffer[1:].view(values.dtype).reshape(values.shape)
    view[:] = values
    assert not view.flags.aligned
    return view


def test_integers_are_numbers():
    rows = np.arange(300) % 17
    expected = RandomCutForest(**SMALL).score_update(rows.astype(np.float64))
    for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float16):
        assert_array_equal(RandomCutForest(**SMALL).score_update(rows.astype(dtype)), expected)
    booleans = rows > 8
    assert_array_equal(
        RandomCutForest(**SMALL).score_update(booleans),
        RandomCutForest(**SMALL).score_update(booleans.astype(np.float64)),
    )


def test_rows_of_one_column_are_a_series():
    rows = sine(300)
    series, column = RandomCutForest(**SMALL), RandomCutForest(**SMALL)
    assert_array_equal(series.score_update(rows), column.score_update(rows[:, np.newaxis]))
    assert series.n_features_in_ == column.n_features_in_ == 1
    given = [rows[0], float(rows[0]), [rows[0]], rows[:1], rows[0].reshape(()), (rows[0],)]
    assert len({series.score_one(row) for row in given}) == 1


def test_minus_zero_is_zero():
    rows = np.where(np.arange(400) % 3 == 0, 0.0, np.arange(400) % 5)
    negative = np.where(rows == 0.0, -0.0, rows)
    assert np.signbit(negative).any()
    plus, minus = RandomCutForest(**SMALL), RandomCutForest(**SMALL)
    assert_array_equal(plus.score_update(rows), minus.score_update(negative))
    assert plus.to_bytes() == minus.to_bytes()
    assert plus.score_one(0.0) == plus.score_one(-0.0)


# ---- pure scoring, windows, warm-up -------------------------------------------------------------


@pytest.mark.parametrize("shingle_size", [1, 5])
def test_scores_are_zero_until_enough_points_are_learned(shingle_size):
    forest = RandomCutForest(**SMALL, shingle_size=shingle_size, output_after=20)
    scores = forest.score_update(sine(100))
    first = 20 + shingle_size - 1
    assert_array_equal(scores[:first], 0.0)
    assert (scores[first:] > 0.0).all()


def test_ready_comes_with_the_last_point_that_was_missing():
    forest = RandomCutForest(n_trees=5, sample_size=40, shingle_size=3)
    ready = []
    for value in sine(30):
        forest.update_one(value)
        ready.append(forest.is_ready)
    assert ready.index(True) == 10 + 3 - 1 - 1  # a quarter of the sample, in full windows
    assert all(ready[ready.index(True) :])


def test_scoring_changes_nothing():
    forest = RandomCutForest(**SMALL, shingle_size=4).update(sine(300))
    before = forest.to_bytes()
    other = sine(50, seed=9) * 5
    first = forest.score(other)
    assert_array_equal(forest.score(other), first)
    assert forest.score_one(other[0]) == first[0]
    assert forest.to_bytes() == before
    assert forest.n_seen == 300


def test_score_is_taken_in_the_windows_that_would_follow():
    forest = RandomCutForest(**SMALL, shingle_size=4).update(sine(300))
    rows = sine(20, seed=3)
    scores = forest.score(rows)
    frozen = forest.score_samples(rows[:, np.newaxis])
    assert_array_equal(scores, -frozen)
    # Row i follows rows 0 … i − 1: the same rows in one call or as the head of a longer one.
    for i in range(1, 20):
        assert_array_equal(forest.score(rows[:i]), scores[:i])
    # The window is the last learned rows: another history, another score for the first rows only.
    twin = RandomCutForest.from_bytes(forest.to_bytes())
    twin.update([np.nan])  # empties the window and nothing else
    assert_array_equal(twin.score(rows)[:3], 0.0)
    assert_array_equal(twin.score(rows)[3:], scores[3:])


def test_rows_with_nan_are_skipped_and_break_the_window():
    rows = sine(400)
    rows[200] = np.nan
    forest = RandomCutForest(**SMALL, shingle_size=4)
    scores = forest.score_update(rows)
    assert_array_equal(scores[200:204], 0.0)
    assert (scores[100:200] > 0.0).all()
    assert (scores[204:] > 0.0).all()
    assert (forest.n_seen, forest.n_skipped) == (399, 1)


def test_rows_with_nan_teach_nothing():
    rows = clouds(300, 2)
    with_gaps = np.insert(rows, [50, 50, 200], [np.nan, 1.0], axis=0)
    clean, gappy = RandomCutForest(**SMALL), RandomCutForest(**SMALL)
    scores = gappy.score_update(with_gaps)
    kept = ~np.isnan(with_gaps).any(axis=1)
    assert_array_equal(scores[kept], clean.score_update(rows))
    assert_array_equal(scores[~kept], 0.0)
    assert (gappy.n_seen, gappy.n_skipped) == (300, 3)
    assert_array_equal(gappy.score(rows), clean.score(rows))


def test_scoring_a_nan_counts_nothing():
    forest = RandomCutForest(**SMALL).update(sine(100))
    assert_array_equal(forest.score([1.0, np.nan, 1.0]) == 0.0, [False, True, False])
    assert forest.score_one(np.nan) == 0.0
    assert forest.n_skipped == 0
    assert forest.score_update_one(np.nan) == 0.0
    forest.update_one(np.nan)
    assert forest.n_skipped == 2


def test_a_forest_that_learned_nothing():
    forest = RandomCutForest()
    assert_array_equal(forest.score(sine(5)), np.zeros(5))
    assert_array_equal(forest.score(clouds(5, 2)), np.zeros(5))
    assert forest.score_one([1.0, 2.0]) == 0.0
    assert not forest.is_ready
    assert (forest.n_seen, forest.n_skipped, forest.memory_bytes) == (0, 0, 0)
    assert not hasattr(forest, "n_features_in_")


def test_counts_and_memory():
    forest = RandomCutForest(shingle_size=8)
    forest.update(sine(3000))
    assert forest.n_seen == 3000
    assert forest.is_ready
    assert 100_000 < forest.memory_bytes < 4_000_000


# ---- batch --------------------------------------------------------------------------------------


def test_fit_forgets_and_is_repeatable():
    rows = clouds(500, 2)
    once = RandomCutForest(**SMALL).fit(rows)
    again = RandomCutForest(**SMALL).update(clouds(99, 5)).fit(clouds(50, 3)).fit(rows)
    assert once.to_bytes() == again.to_bytes()
    assert once.is_ready
    assert once.n_seen == 500


def test_fit_takes_small_tables():
    forest = RandomCutForest(n_trees=10).fit([[1.0, 2.0]])
    assert forest.is_ready
    assert forest.score([[1.0, 2.0]])[0] > 0.0
    assert_array_equal(RandomCutForest(n_trees=10).fit_predict([[1.0], [1.0], [1.0]]), [1, 1, 1])


def test_fit_skips_rows_with_nan():
    rows = clouds(300, 2)
    rows[::50, 1] = np.nan
    forest = RandomCutForest(**SMALL).fit(rows)
    clean = RandomCutForest(**SMALL).fit(rows[~np.isnan(rows).any(axis=1)])
    assert (forest.n_seen, forest.n_skipped) == (294, 6)
    assert forest.offset_ == clean.offset_
    assert_array_equal(forest.predict(rows)[::50], 1)


@pytest.mark.parametrize(
    ("rows", "shingle_size"), [([[np.nan], [np.nan]], 1), ([[1.0], [2.0], [np.nan], [1.0]], 3)]
)
def test_fit_wants_a_row_that_can_be_learned(rows, shingle_size):
    forest = RandomCutForest(shingle_size=shingle_size)
    with pytest.raises(ValueError, match="X: "):
        forest.fit(rows)
    assert not hasattr(forest, "n_features_in_")


def test_update_after_fit_goes_on():
    rows = clouds(1000, 2)
    fitted = RandomCutForest(**SMALL).fit(rows)
    forest = RandomCutForest.from_bytes(fitted.to_bytes())
    offset = forest.offset_
    whole = forest.score_update(rows[:300] + 8.0)
    assert forest.n_seen == 1300
    assert whole[:20].mean() > whole[-100:].mean()
    assert forest.offset_ == offset
    by_one = RandomCutForest.from_bytes(fitted.to_bytes())
    assert_array_equal([by_one.score_update_one(row) for row in rows[:300] + 8.0], whole)
    assert by_one.to_bytes() == forest.to_bytes()


def test_fit_leaves_the_window_empty():
    forest = RandomCutForest(**SMALL, shingle_size=3).fit(sine(400)[:, np.newaxis])
    assert_array_equal(forest.score(sine(9)) > 0.0, [False, False] + [True] * 7)


def test_signs_and_offset():
    rows = clouds(500, 2)
    forest = RandomCutForest(n_trees=30).fit(rows)
    scores = forest.score(rows)
    assert_array_equal(forest.score_samples(rows), -scores)
    assert forest.offset_ == pytest.approx(-(scores.mean() + 3 * scores.std()), rel=1e-12)
    assert_array_equal(forest.decision_function(rows), -scores - forest.offset_)
    far = forest.predict([[30.0, 30.0], [0.0, 0.0]])
    assert_array_equal(far, [-1, 1])
    assert far.dtype == np.int64
    assert not np.signbit(forest.score_samples([[np.nan, 0.0]]))[0]


@pytest.mark.parametrize("contamination", [0.01, 0.1, np.float32(0.25), 0.5])
def test_contamination_is_the_share_of_training_rows_beyond(contamination):
    rows = clouds(400, 3)
    forest = RandomCutForest(n_trees=30, contamination=contamination)
    labels = forest.fit_predict(rows)
    assert np.mean(labels == -1) == pytest.approx(contamination, abs=1 / 400)
    assert forest.offset_ == np.percentile(forest.score_samples(rows), 100 * float(contamination))
    assert_array_equal(forest.predict(rows), labels)


def test_the_offset_may_be_set_by_hand():
    forest = RandomCutForest(**SMALL).update(clouds(500, 2))
    with pytest.raises(ValueError, match="has no offset_: call fit"):
        forest.predict([[0.0, 0.0]])
    forest.offset_ = -1.5
    assert_array_equal(forest.predict([[0.0, 0.0], [40.0, 40.0]]), [1, -1])


# ---- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("n_trees", 0, ValueError, "n_trees: expected an integer of at least 1, got 0"),
        ("n_trees", True, TypeError, r"n_trees: expected an integer, got True \(bool\)"),
        ("n_trees", 10.0, TypeError, r"n_trees: expected an integer, got 10.0 \(float\)"),
        ("n_trees", "10", TypeError, r"n_trees: expected an integer, got '10' \(str\)"),
        ("n_trees", None, TypeError, "n_trees: expected an integer, got None"),
        ("n_trees", 2**40, ValueError, "n_trees: expected an integer of at most"),
        ("sample_size", 0, ValueError, "sample_size: .* at least 1, got 0"),
        ("sample_size", 32_001, ValueError, "sample_size: .* at most 32000, got 32001"),
        ("shingle_size", -1, ValueError, "shingle_size: .* at least 1, got -1"),
        ("time_decay", -1e-9, ValueError, "time_decay: expected a finite number of at least 0"),
        ("time_decay", float("nan"), ValueError, "time_decay: .*got nan"),
        ("time_decay", float("inf"), ValueError, "time_decay: .*got inf"),
        ("time_decay", "fast", TypeError, r"time_decay: .*got 'fast' \(str\)"),
        ("time_decay", 1j, TypeError, "time_decay: .*got 1j"),
        ("output_after", 0, ValueError, "output_after: .* at least 1, got 0"),
        ("output_after", 2.5, TypeError, "output_after: expected an integer, got 2.5"),
        ("initial_accept_fraction", 0.0, ValueError, r"initial_accept_fraction: .*\(0, 1\]"),
        ("initial_accept_fraction", 1.1, ValueError, "initial_accept_fraction: .*got 1.1"),
        ("initial_accept_fraction", None, TypeError, "initial_accept_fraction: expected a number"),
        ("contamination", 0.0, ValueError, r"contamination: expected 'auto' or .*\(0, 0.5\]"),
        ("contamination", 0.51, ValueError, "contamination: .*got 0.51"),
        ("contamination", float("nan"), ValueError, "contamination: .*got nan"),
        ("contamination", "some", ValueError, "contamination: .*got 'some'"),
        ("contamination", None, TypeError, "contamination: .*got None"),
        ("random_state", -1, ValueError, "random_state: .* at least 0, got -1"),
        ("random_state", 2**64, ValueError, "random_state: .* at most"),
        ("random_state", 0.5, TypeError, "random_state: expected an integer, got 0.5"),
        ("n_jobs", 0, ValueError, "n_jobs: expected a positive number, or -1 .*got 0"),
        ("n_jobs", 1.0, TypeError, "n_jobs: expected an integer, got 1.0"),
    ],
)
def test_wrong_options_are_refused_by_name(option, value, error, message):
    # As scikit-learn wants it: not when they are given, but when they are first used.
    forest = RandomCutForest(**{option: value})
    for verb in ("fit", "update", "score_update", "score", "partial_fit", "fit_predict"):
        with pytest.raises(error, match=message):
            getattr(forest, verb)([[1.0], [2.0]])
    for verb in ("update_one", "score_update_one", "score_one"):
        with pytest.raises(error, match=message):
            getattr(forest, verb)(1.0)
    with pytest.raises(error, match=message):
        forest.to_bytes()
    assert not hasattr(forest, "n_features_in_")


def test_options_reach_the_core():
    forest = RandomCutForest(
        7, 50, 3, time_decay=0, output_after=9, initial_accept_fraction=1, random_state=11
    ).update(clouds(30, 2))
    assert forest._core is not None
    options = forest._core.options()
    assert options.pop("preparation")["transformation"] == "none"
    assert options == {
        "n_columns": 2,
        "n_trees": 7,
        "sample_size": 50,
        "shingle_size": 3,
        "time_decay": 0.0,
        "output_after": 9,
        "initial_accept_fraction": 1.0,
        "random_state": 11,
        "scoring": "standard",
        "n_jobs": 1,
    }
    defaults = RandomCutForest().update([1.0])._core
    assert defaults is not None
    assert defaults.options()["time_decay"] == 1 / 2560
    assert defaults.options()["output_after"] == 64


def test_set_params_takes_effect_at_the_next_fit():
    rows = clouds(300, 2)
    forest = RandomCutForest(n_trees=10).update(rows)
    before = forest.score(rows)
    forest.set_params(n_trees=20, sample_size=64)
    assert_array_equal(forest.score(rows), before)
    forest.fit(rows)
    assert forest._core.options()["n_trees"] == 20
    assert forest.to_bytes() == RandomCutForest(n_trees=20, sample_size=64).fit(rows).to_bytes()


def test_n_jobs_applies_at_once():
    forest = RandomCutForest(n_trees=10).update(sine(10))
    forest.set_params(n_jobs=2)
    assert forest._core.n_jobs == 2
    with pytest.raises(ValueError, match="n_jobs"):
        forest.set_params(n_trees=3, n_jobs=0)
    with pytest.raises(ValueError, match="Invalid parameter 'trees'"):
        forest.set_params(n_jobs=1, trees=5)
    assert (forest.n_trees, forest.n_jobs, forest._core.n_jobs) == (10, 2, 2)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(RandomCutForest()) == "RandomCutForest()"
    assert repr(RandomCutForest(100, 64, time_decay=0.5)) == (
        "RandomCutForest(sample_size=64, time_decay=0.5)"
    )


# ---- errors leave everything as it was ----------------------------------------------------------


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 3e38, 1e300])
@pytest.mark.parametrize("row", [0, 1, 77, 199])
def test_infinite_values_name_their_place_and_change_nothing(bad, row):
    forest = RandomCutForest(**SMALL, shingle_size=3).update(clouds(100, 2))
    before = forest.to_bytes()
    rows = clouds(200, 2)
    rows[row, 1] = bad
    for verb in ("update", "score_update", "score", "partial_fit", "fit", "score_samples"):
        with pytest.raises(ValueError, match=rf"X: row {row}, column 1"):
            getattr(forest, verb)(rows)
        assert forest.to_bytes() == before
    for verb in ("update_one", "score_update_one", "score_one", "learn_one"):
        with pytest.raises(ValueError, match="column 1"):
            getattr(forest, verb)(rows[row])
        assert forest.to_bytes() == before


def test_an_error_in_the_first_rows_leaves_the_forest_unstarted():
    for verb in ("update", "score_update", "fit", "partial_fit"):
        forest = RandomCutForest()
        with pytest.raises(ValueError, match="row 1, column 0"):
            getattr(forest, verb)([[1.0, 2.0], [np.inf, 2.0]])
        assert not hasattr(forest, "n_features_in_")
        assert forest.update([[1.0, 2.0, 3.0]]).n_features_in_ == 3


@pytest.mark.parametrize("wrong", [[[1.0]], [[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0], [["a", "b"]], []])
def test_a_failed_call_changes_nothing(wrong):
    forest = RandomCutForest(**SMALL).fit(clouds(100, 2))
    before = forest.to_bytes()
    for verb in ("update", "score_update", "score", "partial_fit", "predict"):
        with pytest.raises((TypeError, ValueError)):
            getattr(forest, verb)(wrong)
    assert forest.to_bytes() == before


def test_a_failed_fit_keeps_the_old_forest():
    forest = RandomCutForest(**SMALL).fit(clouds(100, 2))
    before = forest.to_bytes()
    for rows in ([[np.inf, 1.0]], [[np.nan, 1.0]], [[1.0, "a"]]):
        with pytest.raises((TypeError, ValueError)):
            forest.fit(rows)
    assert forest.to_bytes() == before
    forest.set_params(contamination=7)
    with pytest.raises(ValueError, match="contamination"):
        forest.fit(clouds(100, 5))
    assert forest.n_features_in_ == 2


# ---- threads ------------------------------------------------------------------------------------


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
