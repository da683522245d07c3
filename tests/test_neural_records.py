"""JSON records, requests and answers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fastrcf.neural.records import (
    Record,
    answer,
    read_records,
    record_from_dict,
    record_to_dict,
    time_of,
)
from forecast_helpers import bumpy, random_forecaster

FULL = {
    "start": "2020-07-07 00:00:00",
    "target": [1, 2.5, None, "NaN"],
    "dynamic_feat": [[1, 2, 3, 4, 5], [0.5, 0, 0, 0, 1]],
    "cat": [0, 3],
}


def test_a_record_has_all_that_is_known():
    record = record_from_dict(FULL)
    assert record.start == np.datetime64("2020-07-07T00:00:00")
    assert_array_equal(record.target, [1.0, 2.5, np.nan, np.nan])
    assert record.dynamic_feat.shape == (2, 5)
    assert record.cat == (0, 3)
    assert record_to_dict(record) == {**FULL, "target": [1.0, 2.5, None, None]}
    bare = record_from_dict({"target": [3]})
    assert (bare.start, bare.cat, len(bare.dynamic_feat)) == (None, (), 0)
    assert record_from_dict({"target": [3], "cat": 2}).cat == (2,)


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e30, 1e30)), min_size=1, max_size=20),
    st.lists(st.integers(0, 99), max_size=3),
)
def test_records_survive_json(target, cat):
    record = Record(
        np.array([np.nan if each is None else each for each in target]),
        np.datetime64("2021-02-03T04:05:06"),
        cat=tuple(cat),
    )
    twin = record_from_dict(json.loads(json.dumps(record_to_dict(record))))
    assert_array_equal(twin.target, record.target)
    assert (twin.start, twin.cat) == (record.start, record.cat)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"target": None}, TypeError, r"record.target: expected numbers"),
        ({"target": []}, ValueError, "at least one"),
        ({"target": [1, "x"]}, TypeError, r"record.target\[1\]"),
        ({"target": [True]}, TypeError, r"record.target\[0\]"),
        ({"target": [1e31]}, ValueError, "1e30"),
        ({"target": [float("inf")]}, ValueError, "1e30"),
        ({"start": 5}, TypeError, "record.start: expected a time"),
        ({"start": "2020-01-01T00:00:00+02:00"}, ValueError, "zone"),
        ({"start": "first"}, ValueError, "record.start"),
        ({"dynamic_feat": [[1, 2]]}, ValueError, r"dynamic_feat\[0\]"),
        ({"dynamic_feat": [[1, 2, 3, None]]}, ValueError, r"dynamic_feat\[0\]"),
        ({"dynamic_feat": [[1] * 4, [1] * 5]}, ValueError, r"dynamic_feat\[1\]"),
        ({"dynamic_feat": 3}, TypeError, "dynamic_feat"),
        ({"cat": [-1]}, ValueError, r"cat\[0\]"),
        ({"cat": ["a"]}, TypeError, r"cat\[0\]"),
        ({"category": 1}, ValueError, "category"),
    ],
)
def test_what_is_wrong_in_a_record_is_named(change, kind, says):
    with pytest.raises((kind, ValueError) if kind is TypeError else kind, match=says):
        record_from_dict({**FULL, **change})


def test_lines_of_records(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"target": [1]}\n\n{"target": [2, null]}\n')
    assert [len(each.target) for each in read_records(path)] == [1, 2]
    for text, says in (
        ("{", "line 1: not JSON"),
        ("\n[]", "line 2: expected an object"),
        ("", "none"),
    ):
        with pytest.raises((ValueError, TypeError), match=says):
            read_records(text.splitlines())
    with pytest.raises(ValueError, match="NaT"):
        time_of("NaT")


def test_a_request_is_answered_as_the_forecast_says():
    model = random_forecaster()
    model.set_params(horizon=4)
    instances = [{"target": bumpy(40, seed).tolist()} for seed in (0, 1)]
    asked = {
        "num_samples": 20,
        "output_types": ["mean", "quantiles", "samples"],
        "quantiles": ["0.1", "0.90"],
    }
    found = answer(model, {"instances": instances, "configuration": asked})
    assert json.loads(json.dumps(found)) == found
    expected = model.forecast(instances, quantiles=(0.1, 0.9), n_samples=20, paths=True)
    for each, forecast in zip(found["predictions"], expected, strict=True):
        assert each["quantiles"] == {
            "0.1": forecast.values[0, :, 0].tolist(),
            "0.90": forecast.values[1, :, 0].tolist(),
        }
        assert np.shape(each["samples"]) == (20, 4)
        assert_array_equal(each["mean"], np.mean(forecast.paths[:, :, 0], axis=0))
    plain = answer(model, {"instances": instances[:1]})["predictions"]
    assert [list(each) for each in plain] == [["quantiles"]]
    assert list(plain[0]["quantiles"]) == ["0.01", "0.5", "0.99"]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ([], "instances"),
        ({"instances": 3}, "instances"),
        ({"instances": [{}]}, r"instances\[0\]"),
        ({"instances": [], "configuration": {"num_eval": 3}}, "num_eval"),
        ({"instances": [], "configuration": {"output_types": ["mode"]}}, "output_types"),
        ({"instances": [], "configuration": {"quantiles": ["high"]}}, "quantiles"),
        ({"instances": [], "configuration": {"num_samples": 0}}, "num_samples"),
        ({"instances": [], "configuration": 3}, "configuration"),
    ],
)
def test_wrong_requests_are_named(request_, says):
    with pytest.raises((TypeError, ValueError), match=says):
        answer(random_forecaster(), request_)
