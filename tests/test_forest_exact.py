"""Whatever the way to them, the same numbers: rows or chunks, threads, layout and precision."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest
from forest_helpers import SMALL, clouds, sine


def single(values):
    """Keep the numbers that single precision holds exactly."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


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
