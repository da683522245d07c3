"""Windows against their slow twin, on real data, and what they refuse."""

import doctest
import os
import subprocess
import sys
import threading
import tracemalloc
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrcf import windowing
from fastrcf.scaling import make_scaler
from fastrcf.windowing import (
    WindowBatches,
    covers,
    cut_windows,
    find_breaks,
    row_scores,
    segments,
    sliding_windows,
    window_starts,
)
from reference import naive_windows as naive

NAN, INF = np.nan, np.inf


@st.composite
def series(draw):
    """Draw rows with holes, and breaks."""
    n, width = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    rows = np.asarray(rng.normal(size=(n, width)), draw(st.sampled_from(["f4", "f8"])))
    rows[rng.random(n) < draw(st.sampled_from([0.0, 0.1, 0.5])), rng.integers(width)] = NAN
    return rows, sorted(draw(st.sets(st.integers(0, n), max_size=4)))


# ---- against the twin ---------------------------------------------------------------------------


@given(series(), st.integers(1, 6), st.integers(1, 4))
def test_segments_and_starts_are_those_of_the_twin(drawn, size, stride):
    rows, breaks = drawn
    pairs = segments(rows, breaks)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == naive.segments(rows.tolist(), breaks)
    starts = window_starts(pairs, size, stride)
    assert starts.tolist() == naive.window_starts(pairs.tolist(), size, stride)
    for start in starts:
        assert not np.isnan(rows[start : start + size]).any()
        assert not any(start < row < start + size for row in breaks)


@given(series(), st.integers(1, 6), st.integers(1, 9), st.randoms(use_true_random=False))
def test_windows_are_those_of_the_twin_in_any_batch_and_order(drawn, size, batch, random):
    rows, breaks = drawn
    starts = window_starts(segments(rows, breaks), size).tolist()
    if random.random() < 0.5:
        random.shuffle(starts)
    scaler = make_scaler("minmax").fit(rows)
    expected = naive.windows(
        rows.astype(float).tolist(), starts, size, scaler.center_.tolist(), scaler.scale_.tolist()
    )
    expected = np.array(expected, dtype=np.float32).reshape(-1, size, rows.shape[1])
    batches = WindowBatches(rows, starts, size, scaler=scaler, batch=batch)
    found = []
    for windows, n_valid in batches:
        assert windows.shape == (batch, size, rows.shape[1])
        assert windows.dtype == np.float32
        assert not windows[n_valid:].any()
        found.append(windows[:n_valid].copy())
    assert len(found) == len(batches)
    np.testing.assert_array_equal(np.concatenate([expected[:0], *found]), expected)
    at_once = cut_windows(rows, starts, size, center=scaler.center_, scale=scaler.scale_)
    np.testing.assert_array_equal(at_once, expected)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("size", [1, 7, 1500])
def test_long_and_far_windows_are_slices_of_the_series(size, layout):
    rng = np.random.default_rng(1)
    rows = np.asarray(rng.normal(size=(4000, 2)), order=layout)
    near = np.arange(0, 4000 - size, 3)
    for starts in (near, rng.permutation(near), np.repeat(near[:50], 2), near[::-1]):
        found = cut_windows(rows, starts, size, dtype=np.float64)
        expected = sliding_windows(rows, size)[starts]
        np.testing.assert_array_equal(found, expected)


@given(series(), st.integers(1, 6), st.integers(1, 4), st.sampled_from(["last", "mean", "max"]))
def test_scores_go_back_to_the_rows_as_in_the_twin(drawn, size, stride, how):
    rows, breaks = drawn
    starts = window_starts(segments(rows, breaks), size, stride)
    scores = np.random.default_rng(len(rows)).normal(size=len(starts))
    scores[::5] = NAN
    found = row_scores(scores, starts, size, len(rows), how, missing=-7.0)
    expected = naive.row_scores(
        scores.tolist(), starts.tolist(), size, len(rows), how=how, missing=-7.0
    )
    np.testing.assert_array_equal(found, expected)
    marks = covers(starts, size, len(rows), how)
    np.testing.assert_array_equal(marks, np.array(expected) != -7.0)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 20))
def test_breaks_of_times_are_those_of_the_twin(steps, max_step):
    times = np.cumsum(steps)
    expected = naive.find_breaks(times.tolist(), max_step)
    assert find_breaks(times, max_step).tolist() == expected
    stamps = times.astype("datetime64[s]")
    for step in (max_step, timedelta(seconds=max_step), np.timedelta64(max_step, "s")):
        assert find_breaks(stamps, step).tolist() == expected
    assert find_breaks(pd.Series(stamps).dt.tz_localize("UTC"), f"{max_step}s").tolist() == expected


# ---- views, memory, real data -------------------------------------------------------------------


def test_sliding_windows_are_a_view():
    rows = np.arange(20.0).reshape(10, 2)
    windows = sliding_windows(rows, 4, stride=3)
    assert np.shares_memory(windows, rows)
    assert not windows.flags.writeable
    np.testing.assert_array_equal(windows, [rows[0:4], rows[3:7], rows[6:10]])
    column = rows[:, 0]
    assert np.shares_memory(sliding_windows(column, 4), column)
    assert sliding_windows(column, 4).shape == (7, 4)
    assert sliding_windows(pd.DataFrame(rows), 4).shape == (7, 4, 2)


def test_batches_need_the_memory_of_one_batch():
    rows = np.random.default_rng(0).normal(size=(20_000, 4))
    starts = window_starts(segments(rows), 50)
    list(WindowBatches(rows[:100], [0], 50, batch=256))  # compiles
    tracemalloc.start()
    batches = WindowBatches(rows, starts, 50, batch=256)
    for _ in batches:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    of_batch, at_once = 256 * 50 * 4 * 4, len(starts) * 50 * 4 * 4
    assert peak < 4 * of_batch + len(starts) * 8 < at_once / 10


def test_no_kernel_writes_behind_its_scratch():
    from fastrcf import _kernels

    rows, size, room = np.arange(400.0).reshape(200, 2), 6, 13
    for step in range(1, 8):
        starts = np.arange(0, 200 - size, step)
        memory = np.full((room + 10) * 2, -1.0)
        out = np.empty((len(starts), size, 2))
        zeros, ones = np.zeros(2), np.ones(2)
        _kernels.cut_windows(rows, starts, zeros, ones, memory[: room * 2], out)
        np.testing.assert_array_equal(out, sliding_windows(rows, size)[starts])
        assert (memory[room * 2 :] == -1.0).all()


def test_the_page_on_windows_shows_what_happens(root):
    found = doctest.testfile(str(root / "docs" / "windows.md"), module_relative=False)
    assert found.attempted > 15
    assert found.failed == 0


def test_threads_that_cut_at_once_cut_the_same():
    rows = np.random.default_rng(0).normal(size=(3000, 3))
    expected = cut_windows(rows, np.arange(2900), 20)
    found = [None] * 4

    def work(place):
        found[place] = cut_windows(rows, np.arange(2900), 20)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in found:
        np.testing.assert_array_equal(part, expected)


def test_real_hours_have_no_gap_but_the_one_that_is_made(data_dir):
    frame = pd.read_csv(data_dir / "web_analytics" / "ga_hourly_2018-04.csv")
    times = pd.to_datetime(frame["ga:dateHour"].astype(str), format="%Y%m%d%H")
    assert find_breaks(times).tolist() == []
    dropped = np.delete(np.arange(len(frame)), [100, 101, 300])
    breaks = find_breaks(times.iloc[dropped])
    assert breaks.tolist() == [100, 298]
    values = frame[["ga:users", "ga:pageviews"]].to_numpy(float)[dropped]
    pairs = segments(values, breaks)
    starts = window_starts(pairs, 24)
    assert pairs.tolist() == [[0, 100], [100, 298], [298, len(values)]]
    assert len(starts) == len(values) - 3 * 23
    hours = times.iloc[dropped].to_numpy()
    assert (hours[starts + 23] - hours[starts] == np.timedelta64(23, "h")).all()


def test_importing_windowing_loads_neither_numba_nor_pandas():
    code = (
        "import sys, fastrcf.windowing, fastrcf.scaling, fastrcf.events;"
        "print(sorted({'numba', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_forks_cuts_on_both_sides():
    code = """
import os
import numpy as np
from fastrcf.windowing import cut_windows
cut = lambda: float(cut_windows(np.arange(100.0), np.arange(90), 10).sum())
before, child = cut(), os.fork()
if child == 0:
    os._exit(0 if cut() == before else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and cut() == before
from numba.np.ufunc import parallel
assert not parallel._is_initialized, "threads of Numba were started"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- bad input ----------------------------------------------------------------------------------

ROWS = np.arange(20.0).reshape(10, 2)
INFINITE = np.where(ROWS == 7.0, INF, ROWS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sliding_windows(ROWS, 11), "window_size: 11 rows, but the series has only 10"),
        (lambda: sliding_windows(ROWS, 0), "window_size: expected an integer of at least 1, got 0"),
        (lambda: sliding_windows(ROWS, 2, 0), "stride: expected an integer of at least 1, got 0"),
        (lambda: sliding_windows(ROWS, 2.5), "window_size: expected an integer, got 2.5"),
        (lambda: sliding_windows(INFINITE, 2), "series: row 3, column 1 is inf"),
        (lambda: segments(INFINITE), "X: row 3, column 1 is inf"),
        (lambda: segments(ROWS, [5, 4]), "breaks: expected row numbers that go up, got 4 at place"),
        (lambda: segments(ROWS, [-1]), "breaks: expected row numbers from 0 to 10, got -1"),
        (lambda: segments(ROWS, [11]), "breaks: expected row numbers from 0 to 10, got 11"),
        (lambda: segments(ROWS, [1.5]), "breaks: expected whole numbers, got float64"),
        (lambda: segments(ROWS, [[1]]), r"breaks: expected shape \(k,\), got \(1, 1\)"),
        (lambda: segments(ROWS, [True]), "breaks: expected whole numbers, got bool"),
        (lambda: window_starts([[0, 5]], 2, 0), "stride: expected an integer of at least 1, got 0"),
        (lambda: window_starts([[0, 5], [4, 9]], 2), "segments: expected pairs that go up, got"),
        (lambda: window_starts([[5, 0]], 2), r"segments: .* that go up, got \[5, 0\] at place 0"),
        (lambda: window_starts([[-1, 5]], 2), "segments: expected row numbers of at least 0"),
        (lambda: window_starts([1, 2], 2), r"segments: expected shape \(k, 2\), got \(2,\)"),
        (lambda: cut_windows(ROWS, [9], 2), "starts: expected windows of 2 rows inside the 10"),
        (lambda: cut_windows(ROWS, [-1], 2), "starts: .* of the series, got -1 at place 0"),
        (lambda: cut_windows(ROWS, [0], 11), "starts: expected windows of 11 rows inside the 10"),
        (lambda: cut_windows(INFINITE, [0], 2), "series: row 3, column 1 is inf"),
        (lambda: cut_windows(ROWS, [0], 2, scale=[1.0]), r"scale: expected shape \(2,\), got"),
        (lambda: WindowBatches(ROWS, [0], 2, batch=0), "batch: expected an integer of at least 1"),
        (lambda: WindowBatches(ROWS, [0], 2, scaler=1), "scaler: expected a Scaler, got 1"),
        (lambda: row_scores([1, 2], [0], 2, 5), r"window_scores: expected shape \(1,\), got \(2,"),
        (
            lambda: row_scores([1, 2], [1, 1], 2, 5),
            "starts: expected row numbers that go up, got",
        ),
        (lambda: row_scores([1], [4], 2, 5), "starts: expected windows of 2 rows inside the 5"),
        (lambda: row_scores([1], [0], 2, 5, "median"), "how: expected one of .*got 'median'"),
        (lambda: row_scores(["a"], [0], 2, 5), "window_scores: expected numbers"),
        (lambda: covers([0], 2, -1), "n_rows: expected an integer of at least 0, got -1"),
        (lambda: find_breaks([3, 2]), "times: row 1, 2, is earlier than the one before it"),
        (lambda: find_breaks([0, NAN]), "times: row 1, nan, is no time"),
        (lambda: find_breaks([np.datetime64("NaT")]), "times: row 0, NaT, is missing"),
        (lambda: find_breaks(["2024-01-01", "?"]), r"times: row 1, \?, is no time stamp"),
        (
            lambda: find_breaks([True]),
            "times: expected time stamps or numbers of seconds",
        ),
        (lambda: find_breaks([0, 1], 0), "max_step: expected a length of time above 0, got 0"),
        (lambda: find_breaks([0, 1], "soon"), "max_step: expected a length of time, got 'soon'"),
        (lambda: find_breaks([0, 1], [5]), "max_step: expected seconds, a timedelta or text"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_call_that_fails_leaves_the_buffer():
    out = np.full((3, 2, 2), 5.0, np.float32)
    with pytest.raises(ValueError, match="starts: expected windows"):
        cut_windows(ROWS, [0, 9], 2, out=out)
    assert (out == 5.0).all()
    assert cut_windows(ROWS, [0], 2, out=out) is out
    assert not out[1:].any()


def test_nothing_to_cut_is_no_error():
    assert segments([NAN, NAN]).shape == (0, 2)
    starts = window_starts(segments(ROWS), 11)
    assert starts.shape == (0,)
    assert list(WindowBatches(ROWS, starts, 11)) == []
    assert row_scores([], [], 11, 10, "mean").tolist() == [0.0] * 10
    assert not covers([], 11, 10, "max").any()
    assert set(windowing.__all__) <= set(dir(windowing))
