"""Events against their slow twin and pandas, on real data, and what they refuse."""

import gzip
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrcf.events import (
    aggregate,
    click_rows,
    fill_missing,
    join_on_time,
    parse_stamps,
    resample,
    select_server,
    servers,
    stack_servers,
)
from reference import naive_windows as naive

NAN = np.nan
KINDS = ["count", "distinct", "sum", "mean", "min", "max"]
EVENTS = st.lists(
    st.tuples(
        st.integers(-300, 300),
        st.one_of(st.integers(-3, 3).map(lambda number: number / 4), st.just(NAN)),
    ),
    min_size=1,
    max_size=40,
)
COLUMN = st.lists(st.one_of(st.integers(-8, 8).map(float), st.just(NAN)), min_size=1, max_size=20)


# ---- against the twin ---------------------------------------------------------------------------


@given(EVENTS, st.integers(1, 100), st.sampled_from(KINDS), st.booleans())
def test_aggregates_are_those_of_the_twin(events, interval, kind, is_sorted):
    times, values = zip(*(sorted(events) if is_sorted else events), strict=True)
    starts, expected = naive.aggregate(times, values, interval, kind)
    found = aggregate(times, interval, {"x": (kind, np.array(values))})
    assert found.times.tolist() == starts
    np.testing.assert_array_equal(found["x"], expected)
    stamps = np.array(times).astype("datetime64[s]")
    stamped = aggregate(stamps, timedelta(seconds=interval), {"x": (kind, np.array(values))})
    assert stamped.times.astype("datetime64[s]").astype(int).tolist() == starts
    np.testing.assert_array_equal(stamped["x"], expected)
    fractions = aggregate(np.array(times) / 8, interval / 8, {"x": (kind, np.array(values))})
    np.testing.assert_array_equal(fractions["x"], expected)


@given(EVENTS, st.integers(1, 100), st.integers(-350, 300), st.integers(1, 200))
def test_only_what_lies_between_start_and_stop_counts(events, interval, start, length):
    times, values = zip(*events, strict=True)
    stop = start + length
    found = aggregate(
        times, interval, {"n": "count", "x": ("distinct", np.array(values))}, start=start, stop=stop
    )
    bounds = {"start": start, "stop": stop}
    starts, expected = naive.aggregate(times, values, interval, "distinct", **bounds)
    everything = naive.aggregate(times, [1] * len(times), interval, "count", **bounds)[1]
    assert found.times.tolist() == starts
    assert found["x"].tolist() == expected
    assert found["n"].tolist() == everything


@given(COLUMN, st.sampled_from(["mean", "previous", "linear"]), st.none() | st.integers(1, 5))
def test_filling_is_that_of_the_twin(column, how, limit):
    found = fill_missing(column, how, limit=limit)[:, 0]
    np.testing.assert_allclose(found, naive.fill(column, how, limit=limit), rtol=1e-12, atol=1e-12)
    if how == "mean":
        given_mean = fill_missing(column, how, means=[7.5], limit=limit)[:, 0]
        np.testing.assert_array_equal(given_mean, naive.fill(column, how, 7.5, limit))


@given(EVENTS, st.integers(1, 100), st.sampled_from(["previous", "linear"]))
def test_values_at_regular_times_are_those_of_the_twin(events, interval, how):
    times, values = zip(*sorted(events, key=lambda event: event[0]), strict=True)
    found = resample(times, np.array(values), interval, how)
    expected = naive.at(times, values, found.times.tolist(), how)
    np.testing.assert_allclose(found["0"], expected, rtol=1e-12, atol=1e-12)


# ---- events -------------------------------------------------------------------------------------


def test_messages_are_counted_as_pandas_counts_them(data_dir):
    with gzip.open(data_dir / "events" / "CollegeMsg.txt.gz", "rt") as file:
        raw = np.loadtxt(file, dtype=np.int64)
    users, targets, seconds = raw.T
    clicks = click_rows(users, seconds, "1h", pages=targets)
    frame = pd.DataFrame({"hour": seconds // 3600, "user": users, "page": targets})
    hours = frame.groupby("hour").agg(
        user=("user", "nunique"), click=("user", "size"), page=("page", "nunique")
    )
    whole = hours.reindex(range(hours.index[0], hours.index[-1] + 1), fill_value=0)
    assert (clicks.times == whole.index * 3600).all()
    for name in whole.columns:
        np.testing.assert_array_equal(clicks[name], whole[name])
    assert clicks["click"].sum() == len(raw) == 59_835
    assert (clicks["click"] == 0).any()
    np.testing.assert_array_equal(clicks["residual"], clicks["click"] - clicks["user"])
    shuffled = np.random.default_rng(0).permutation(len(raw))
    again = click_rows(users[shuffled].astype(str), seconds[shuffled].astype("datetime64[s]"), 3600)
    np.testing.assert_array_equal(again.array, clicks.array[:, :3])


@pytest.mark.parametrize(
    "keys",
    [
        [3, 1, 3, 2, 1],
        np.array([3, 1, 3, 2, 1], np.uint8),
        np.array([-(2**63), 2**63 - 1, -(2**63), 0, 2**63 - 1]),
        np.array([2**64 - 1, 5, 2**64 - 1, 0, 5], np.uint64),
        ["c", "a", "c", "b", "a"],
        [0.5, 0.1, 0.5, 0.2, 0.1],
        pd.Series(["c", "a", "c", "b", "a"], dtype="category"),
        [True, False, True, None, False],
    ],
    ids=repr,
)
def test_users_may_be_of_any_kind(keys):
    missing = 1 if isinstance(keys, list) and None in keys else 0
    for times in ([0, 1, 2, 3, 4], [4, 100, 2, 3, 101]):
        clicks = click_rows(keys, times, 10)
        assert clicks["click"].sum() == 5
        assert clicks["user"].sum() == 3 - missing


def test_nobody_is_no_user():
    clicks = click_rows([None, "a", None, NAN], [0, 1, 2, 60], 60)
    assert clicks["user"].tolist() == [1, 0]
    assert clicks["click"].tolist() == [3, 1]


def test_one_user_in_two_intervals_counts_in_both():
    assert click_rows(["a", "a", "a"], [0, 70, 5], 60)["user"].tolist() == [1, 1]


def test_an_hour_that_clocks_repeat_is_two_hours():
    local = pd.date_range("2024-10-27 00:30", periods=5, freq="1h", tz="Europe/Berlin")
    assert local[2].hour == local[3].hour
    for times in (local, pd.Series(local), list(local), local.strftime("%Y-%m-%dT%H:%M%z")):
        found = aggregate(times, "1h", {"n": "count"})
        assert found["n"].tolist() == [1] * 5
        assert found.times[0] == np.datetime64("2024-10-26T22:00")
    naive_local = aggregate(local.tz_localize(None), "1h", {"n": "count"})
    assert naive_local["n"].tolist() == [1, 1, 2, 1]


def test_times_of_many_kinds_are_the_same():
    stamps = ["2024-01-01T00:00:30", "2024-01-01T00:02:10"]
    expected = aggregate(stamps, 60, {"n": "count"})
    assert expected.times.dtype == "datetime64[us]"
    assert expected["n"].tolist() == [1, 0, 1]
    kinds = [
        np.array(stamps, "datetime64[ns]"),
        [datetime.fromisoformat(stamp) for stamp in stamps],
        [datetime.fromisoformat(stamp).replace(tzinfo=UTC) for stamp in stamps],
        pd.Series(pd.to_datetime(stamps)),
        pd.to_datetime(stamps).tz_localize("UTC"),
        pd.Series(stamps),
    ]
    for times in kinds:
        found = aggregate(times, np.timedelta64(1, "m"), {"n": "count"})
        np.testing.assert_array_equal(found.times, expected.times)
        np.testing.assert_array_equal(found["n"], expected["n"])


def test_intervals_without_events_are_there():
    found = aggregate([], "1h", {"n": "count"}, start="2024-01-01", stop="2024-01-01T05:30")
    assert found["n"].tolist() == [0.0] * 6
    frame = found.to_frame()
    assert list(frame.index) == list(pd.date_range("2024-01-01", periods=6, freq="1h"))


def test_resampling_agrees_with_pandas_on_real_hours(data_dir):
    frame = pd.read_csv(data_dir / "web_analytics" / "ga_hourly_2018-04.csv")
    times = pd.to_datetime(frame.pop("ga:dateHour").astype(str), format="%Y%m%d%H")
    kept = np.random.default_rng(0).random(len(frame)) < 0.4
    thin = frame[kept].set_index(times[kept])
    for how in ("mean", "sum", "min", "max", "count"):
        found = resample(times[kept], frame[kept], "3h", how)
        expected = getattr(thin.resample("3h"), how)()
        assert found.names == tuple(frame.columns)
        np.testing.assert_allclose(found.array, expected)
    found = resample(times[kept], frame[kept], "3h", "mean", fill="previous")
    np.testing.assert_allclose(found.array, thin.resample("3h").mean().ffill())
    found = resample(times[kept], frame[kept], "3h", "mean", fill="linear")
    np.testing.assert_allclose(found.array, thin.resample("3h").mean().interpolate())


def test_of_rows_with_equal_times_the_last_counts():
    found = resample([0, 10, 10, 20], [0.0, 5.0, 1.0, 2.0], 10, "previous")
    assert found["0"].tolist() == [0.0, 1.0, 2.0]


# ---- stamps, servers, files ---------------------------------------------------------------------


def test_stamps_of_a_year_of_five_minutes():
    edges = pd.date_range("2018-01-01", "2019-01-01", freq="5min")
    text = [f"{begin:%Y%m%d_%H%M}-{end:%H%M}" for begin, end in pairwise(edges)]
    starts, stops = parse_stamps(text)
    np.testing.assert_array_equal(starts, edges[:-1])
    np.testing.assert_array_equal(stops, edges[1:])
    assert len(starts) == 105_120
    assert parse_stamps(["20240101_2300-2400"])[1][0] == np.datetime64("2024-01-02T00:00")
    assert parse_stamps([])[0].shape == (0,)


@pytest.mark.parametrize(
    ("stamp", "message"),
    [
        ("20170230_0000-0005", "row 1: there is no such day"),
        ("20170101_2400-0005", "row 1: there is no such time of day"),
        ("20170101_0060-0105", "row 1: there is no such time of day"),
        ("20170101_0000-2401", "row 1: there is no such time of day"),
        ("2017-01-01 00:00", "row 1: expected YYYYMMDD_HHmm-HHmm"),
        ("20170101_0000-0005x", "row 1: expected YYYYMMDD_HHmm-HHmm"),
        (None, "row 1: expected text, got None"),
        (20170101, "row 1: expected text, got 20170101"),
    ],
)
def test_a_stamp_that_cannot_be_read_is_named(stamp, message):
    with pytest.raises((TypeError, ValueError), match=f"stamps: {message}"):
        parse_stamps(["20170101_0000-0005", stamp])


def media(n=4, first="2017-01-01T23:50", order=(1, 2, 13)):
    """Rows as the media servers have them."""
    stamps = pd.date_range(first, periods=n, freq="5min")
    frame = pd.DataFrame(
        {
            f"{server}_{measure}": np.arange(n) + 100.0 * server + place
            for place, measure in enumerate(["Request", "Fail"])
            for server in order
        }
    )
    text = [f"{stamp:%Y%m%d_%H%M}-{stamp + pd.Timedelta('5min'):%H%M}" for stamp in stamps]
    frame.insert(0, "Timestamp", text)
    return frame


def test_servers_are_taken_apart_and_stacked():
    frame = media(order=(13, 2, 1))
    before = frame.copy()
    assert servers(frame) == (1, 2, 13)
    one = select_server(frame, 13)
    assert list(one.columns) == ["Timestamp", "Request", "Fail"]
    assert one["Fail"].tolist() == [1301.0, 1302.0, 1303.0, 1304.0]
    stacked = stack_servers(frame)
    assert list(stacked.columns) == ["server", "Timestamp", "Request", "Fail"]
    assert stacked["server"].tolist() == [1] * 4 + [2] * 4 + [13] * 4
    for server, part in stacked.groupby("server"):
        alone = select_server(frame, server)
        pd.testing.assert_frame_equal(part.drop(columns="server").reset_index(drop=True), alone)
    pd.testing.assert_frame_equal(frame, before)


def test_files_are_joined_on_what_all_of_them_have(tmp_path):
    paths = {}
    for name, first in [("INFO", "2017-01-01T23:50"), ("LOGIN", "2017-01-01T23:55")]:
        frame = media(first=first)
        frame.loc[1, "2_Fail"] = NAN
        paths[name] = tmp_path / f"{name}.csv"
        frame.sample(frac=1, random_state=0).to_csv(paths[name], index=False)
    joined = join_on_time(paths)
    assert joined.index.name == "Timestamp"
    assert list(joined.index) == list(pd.date_range("2017-01-01T23:55", periods=3, freq="5min"))
    assert joined["INFO_1_Request"].tolist() == [101.0, 102.0, 103.0]
    assert joined["LOGIN_1_Request"].tolist() == [100.0, 101.0, 102.0]
    assert joined["LOGIN_2_Fail"].isna().tolist() == [False, True, False]
    assert servers(joined) == (1, 2, 13)
    measures = ["INFO_Request", "INFO_Fail", "LOGIN_Request", "LOGIN_Fail"]
    assert list(select_server(joined, 2).columns) == measures


def test_frames_of_other_stamps_join_too():
    left = pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-01-02"]), "a": [1, 2]})
    right = pd.DataFrame({"t": ["2024-01-02", "2024-01-03"], "b": [3, 4]})
    joined = join_on_time({"": left, "r": right}, on="t")
    assert joined.to_dict("records") == [{"a": 2, "r_b": 3}]


# ---- bad input ----------------------------------------------------------------------------------

FRAME = media()
BAD = FRAME.assign(Timestamp=["20170101_0000-0005", "?", "20170101_0005-0010", ""])
TWICE = pd.concat([FRAME, FRAME.iloc[[2]]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: click_rows([1, 2], [0, 1, 2], 60),
            r"columns\['user'\]: expected a value for each",
        ),
        (lambda: aggregate([0, 1], 0, {"n": "count"}), "interval: expected a length of time ab"),
        (lambda: aggregate([0, 1], "x", {"n": "count"}), "interval: expected a length of time"),
        (lambda: aggregate([0, 1], True, {"n": "count"}), "interval: expected a length of time"),
        (lambda: aggregate([0, NAN], 1, {"n": "count"}), "times: row 1, nan, is no time"),
        (
            lambda: aggregate(np.array([1, 2**64 - 1], "u8"), 1, {"n": "count"}),
            "times: row 1, 18446744073709551615, is beyond what is taken",
        ),
        (lambda: aggregate([0, np.inf], 1, {"n": "count"}), "times: row 1, inf, is no time"),
        (
            lambda: aggregate([0, 1e15], 1, {"n": "count"}),
            "interval: 1 makes .* far off the others",
        ),
        (lambda: aggregate([], 1, {"n": "count"}), "times: expected at least one event, or both"),
        (
            lambda: aggregate([[0]], 1, {"n": "count"}),
            r"times: expected shape \(n,\), got \(1, 1\)",
        ),
        (
            lambda: aggregate([5], 1, {"n": "count"}, stop=3),
            "stop: expected a time after the first",
        ),
        (lambda: aggregate([5], 1, {"n": "count"}, start=9), "start: 9 comes after all events"),
        (
            lambda: aggregate([5], 1, {"n": "count"}, start="2024-01-01"),
            "start: expected seconds, as the times are, got 2024-01-01",
        ),
        (
            lambda: aggregate(pd.to_datetime(["2024-01-01", None]), 1, {"n": "count"}),
            "times: row 1, NaT, is missing",
        ),
        (
            lambda: aggregate(["2024-01-01", "yesterday"], 1, {"n": "count"}),
            "times: row 1, yesterday, is no time stamp such as",
        ),
        (lambda: aggregate(np.array(["2024"], "M8[s]"), 1e-7, {"n": "count"}), "a microsecond"),
        (lambda: aggregate([0], 1, {}), "columns: expected at least one aggregate, got none"),
        (lambda: aggregate([0], 1, {"x": "sum"}), r"columns\['x'\]: expected \('sum', values\)"),
        (lambda: aggregate([0], 1, {"x": ("mode", [1])}), r"columns\['x'\]: expected one of"),
        (lambda: aggregate([0], 1, {"x": 3}), r"columns\['x'\]: expected 'count' or a pair"),
        (lambda: aggregate([0], 1, {"x": ("sum", ["a"])}), r"columns\['x'\]: expected numbers"),
        (
            lambda: aggregate([0, 1], 1, {"x": ("sum", [1, np.inf])}),
            r"columns\['x'\]: row 1, column 0 is inf",
        ),
        (lambda: resample([1, 0], [1, 2], 1, "linear"), "times: row 1, 0, is earlier than the one"),
        (lambda: resample([0, 1], [1], 1), "X: expected a row for each of 2 times, got 1"),
        (lambda: resample([0, 1], [1, np.inf], 1), "X: row 1, column 0 is inf"),
        (lambda: resample([0, 1], [1, 2], 1, "mode"), "how: expected one of"),
        (lambda: resample([0, 1], [1, 2], 1, fill="zero"), "fill: expected one of"),
        (lambda: fill_missing([1.0, np.inf], "mean"), "X: row 1, column 0 is inf"),
        (lambda: fill_missing([1.0], "spline"), "how: expected one of"),
        (lambda: fill_missing([1.0], "mean", limit=0), "limit: expected an integer of at least 1"),
        (lambda: fill_missing([1.0], "mean", means=[1, 2]), r"means: expected shape \(1,\)"),
        (lambda: fill_missing([1.0], "linear", means=[1]), "means: expected only with how='mean'"),
        (lambda: servers(FRAME.drop(columns="2_Fail")), "server 2 has no column 'Fail', others"),
        (lambda: servers(FRAME.assign(**{"01_Fail": 0})), "'1_Fail' and '01_Fail' are both 'Fail'"),
        (lambda: select_server(FRAME, 3), r"server: expected one of \[1, 2, 13\], got 3"),
        (lambda: select_server(FRAME.assign(Fail=0), 2), "'Fail' is a column of its own and a"),
        (lambda: stack_servers(FRAME[["Timestamp"]]), "no column names a server"),
        (lambda: stack_servers(FRAME.assign(server=0)), "there is a column 'server' already"),
        (lambda: join_on_time({}), "frames: expected at least one, got none"),
        (lambda: join_on_time({"a": FRAME, "b": BAD}), r"frames\['b'\]: stamps: row 1: expected"),
        (lambda: join_on_time({"a": TWICE}), r"frames\['a'\]: row 4, 20170102_0000-0005, is there"),
        (lambda: join_on_time({"a": FRAME}, on="t"), r"frames\['a'\]: there is no column 't'"),
        (lambda: join_on_time({"a": [1]}), r"frames\['a'\]: expected a frame or a path, got \[1\]"),
        (
            lambda: join_on_time({"a": FRAME, "b": media(first="2019-01-01")}),
            r"frames: no 'Timestamp' is in all of \['a', 'b'\]",
        ),
        (
            lambda: join_on_time({"": FRAME, "a": FRAME.rename(columns=lambda n: n[2:])}, on="t"),
            r"frames\[''\]: there is no column 't'",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_names_that_would_clash_are_refused():
    other = FRAME[["Timestamp"]].assign(Request=1)
    with pytest.raises(ValueError, match="two columns would be called '1_Request'"):
        join_on_time({"": FRAME, "1": other})
    with pytest.raises(TypeError, match="stamps in one frame and numbers in another"):
        join_on_time({"a": FRAME, "b": other.assign(Timestamp=range(4))})
