"""Scalers: what they learn, and what they refuse."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import preprocessing

from fastrcf.errors import NotFittedError
from fastrcf.scaling import Scaler, make_scaler, scale_rows

KINDS = ["standard", "robust", "minmax", "none"]
PEERS = {
    "standard": preprocessing.StandardScaler,
    "robust": preprocessing.RobustScaler,
    "minmax": preprocessing.MinMaxScaler,
}
ROWS = np.random.default_rng(0).normal(3.0, 5.0, (200, 4)) * [1.0, 1e-3, 1e6, 0.0] + [0, 0, 7, 0.1]


@pytest.mark.parametrize("kind", PEERS)
def test_a_scaler_is_that_of_scikit_learn(kind):
    expected = PEERS[kind]().fit(ROWS[:150]).transform(ROWS)
    scaler = make_scaler(kind).fit(ROWS[:150])
    np.testing.assert_allclose(scaler.transform(ROWS), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scaler.inverse_transform(expected), ROWS, rtol=1e-9)


@pytest.mark.parametrize("kind", PEERS)
def test_missing_values_are_left_out_and_stay_missing(kind):
    holes = ROWS.copy()
    holes[::7, 1] = np.nan
    scaler = make_scaler(kind).fit(holes)
    alone = make_scaler(kind).fit(holes[~np.isnan(holes[:, 1])][:, 1])
    assert scaler.center_[1] == alone.center_[0]
    assert scaler.scale_[1] == alone.scale_[0]
    np.testing.assert_array_equal(np.isnan(scaler.transform(holes)), np.isnan(holes))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, np.nan])
def test_a_constant_column_has_scale_one(kind, value):
    scaler = make_scaler(kind).fit(np.full(1000, value))
    assert scaler.scale_.tolist() == [1.0]
    assert scaler.center_.tolist() == [0.0 if kind == "none" or np.isnan(value) else value]


def test_a_column_of_rounding_noise_is_constant():
    noisy = 1e9 * (1 + np.array([0, 1, 0, 2, 1]) * np.finfo(float).eps)
    assert make_scaler("minmax").fit(noisy).scale_[0] == 1.0


def test_quartiles_that_are_equal_give_scale_one():
    assert make_scaler("robust").fit([0.0] * 9 + [5.0]).scale_[0] == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaler_survives_json(kind):
    scaler = make_scaler(kind).fit(ROWS)
    again = Scaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    assert type(again) is type(scaler)
    np.testing.assert_array_equal(again.transform(ROWS), scaler.transform(ROWS))
    assert Scaler.from_dict(make_scaler(kind).to_dict()).to_dict() == {"kind": kind}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "log"}, r"scaler: expected one of .*'standard'.*, got 'log'"),
        ({"center": [1.0]}, "data: expected kind, center and scale"),
        ({"kind": "none", "mean": 1}, "data: expected kind, center and scale"),
        ({"kind": "minmax", "center": [1.0]}, "scale: expected"),
        ({"kind": "minmax", "center": [1.0], "scale": [0.0]}, "scale: expected numbers above 0"),
        ({"kind": "minmax", "center": [np.nan], "scale": [1.0]}, "center: expected finite"),
        ({"kind": "minmax", "center": [1.0, 2.0], "scale": [1.0]}, "as many numbers as center"),
        ({"kind": "minmax", "center": [[1.0]], "scale": [1.0]}, r"center: expected shape \(F,\)"),
        ({"kind": "minmax", "center": ["a"], "scale": [1.0]}, "center: expected numbers"),
    ],
)
def test_what_is_no_scaler_is_refused(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Scaler.from_dict(data)


def test_bad_rows_are_refused_and_change_nothing():
    scaler = make_scaler("standard").fit(ROWS)
    before = scaler.to_dict()
    infinite = ROWS.copy()
    infinite[17, 2] = -np.inf
    with pytest.raises(ValueError, match="X: row 17, column 2 is -inf"):
        scaler.fit(infinite)
    with pytest.raises(ValueError, match="X: row 17, column 2 is -inf"):
        scaler.transform(infinite)
    with pytest.raises(ValueError, match=r"column 0 goes from -1.7e\+308 to 1.7e\+308, more"):
        scaler.fit([-1.7e308, 1.7e308])
    with pytest.raises(ValueError, match="expected 4 columns as in fit, got 2"):
        scaler.transform(ROWS[:, :2])
    assert scaler.to_dict() == before
    with pytest.raises(NotFittedError, match="MinMaxScaler: call fit"):
        make_scaler("minmax").transform(ROWS)


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 5)),
    st.sampled_from([("f4", "f4"), ("f8", "f4"), ("f8", "f8")]),
    st.sampled_from("CF"),
    st.integers(0, 2**32 - 1),
)
def test_scaling_and_narrowing_in_one_pass_rounds_once(shape, dtypes, layout, seed):
    rng = np.random.default_rng(seed)
    rows = np.asarray(rng.normal(size=shape) * 1e3, dtype=dtypes[0], order=layout)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    scaler = make_scaler("standard").fit(rows)
    found = scale_rows(rows, scaler.center_, scaler.scale_, dtype=dtypes[1])
    assert found.dtype == dtypes[1]
    np.testing.assert_array_equal(found, scaler.transform(rows).astype(dtypes[1]))


def test_a_place_for_scaled_rows_must_fit():
    out = np.empty((3, 2), np.float32)
    assert scale_rows(np.ones((3, 2)), out=out) is out
    for wrong, error in [
        (np.empty((2, 2), np.float32), ValueError),
        (np.empty((3, 2), np.float32, order="F"), ValueError),
        (np.empty((3, 2), np.int64), TypeError),
        ([[0.0]], TypeError),
    ]:
        with pytest.raises(error, match="out: expected"):
            scale_rows(np.ones((3, 2)), out=wrong)
    with pytest.raises(ValueError, match="dtype: expected float32 or float64, got float16"):
        scale_rows(np.ones((3, 2)), dtype=np.float16)
