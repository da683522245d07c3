"""Quantiles and tails of the laws that networks forecast, against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from fastrcf._kernels_laws import (
    nb_levels,
    nb_mixture_quantiles,
    nb_quantiles,
    t_levels,
    t_mixture_quantiles,
    t_table,
)
from reference.naive_forecaster import law_of, level_of

QUANTILES = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])


def test_table_of_student_t():
    table = t_table(QUANTILES, 33)
    inverse = np.linspace(0.0, 0.5, 33)
    expected = stats.t.ppf(QUANTILES, 1.0 / np.maximum(inverse, 1e-12)[:, np.newaxis])
    expected[0] = stats.norm.ppf(QUANTILES)
    assert_allclose(table, expected, rtol=1e-10, atol=1e-13)


def test_interpolated_quantiles_are_close_for_any_degrees_of_freedom():
    table = t_table(QUANTILES, 2049)
    df = 2.0 + np.geomspace(1e-6, 1e6, 4000)
    place = 4096.0 / df
    left = np.minimum(np.floor(place), 2047).astype(int)
    found = table[left] + (place - left)[:, np.newaxis] * (table[left + 1] - table[left])
    expected = stats.t.ppf(QUANTILES, df[:, np.newaxis])
    error = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    assert error.max() < 1e-5


@pytest.mark.parametrize("df", [2.001, 3.0, 7.5, 60.0, 5000.0])
def test_levels_of_student_t(df):
    z = np.concatenate([[-1e6, -200.0], np.linspace(-40, 40, 81), [1e-9, 300.0]])
    params = np.column_stack([np.full(len(z), 2.0), np.full(len(z), 0.5), np.full(len(z), df)])
    values = 2.0 + 0.5 * z
    found = t_levels(values, params)
    expected = -(math.log(2) + stats.t.logsf(np.abs((values - 2.0) / 0.5), df)) / math.log(10)
    fine = np.isfinite(expected)  # where scipy's probabilities do not underflow
    assert fine.sum() > 40
    assert_allclose(found[fine], np.maximum(expected[fine], 0.0), rtol=1e-8, atol=1e-10)
    assert (np.diff(found[np.argsort(z)][len(z) // 2 + 1 :]) > 0).all()
    assert_array_equal(t_levels(np.array([np.nan, 2.0]), params[:2]), [0.0, 1e-300])


@settings(max_examples=150)
@given(
    mean=st.floats(1e-3, 1e6), dispersion=st.floats(1e-6, 20.0), q=st.sampled_from(list(QUANTILES))
)
def test_quantiles_of_counts(mean, dispersion, q):
    found = nb_quantiles(np.array([[mean, dispersion]]), np.array([q]))[0, 0]
    law = law_of(np.array([mean, dispersion]))
    # The least count with that probability, but for the last digits of the probabilities.
    assert law.cdf(found) >= q * (1 - 1e-9)
    assert found == 0.0 or law.cdf(found - 1) < q * (1 + 1e-9)


def test_quantiles_of_counts_are_scipy_s():
    rng = np.random.default_rng(0)
    params = np.column_stack([rng.uniform(0.1, 60, 400), rng.uniform(0.01, 2, 400)])
    assert_array_equal(
        nb_quantiles(params, QUANTILES), law_of(params[:, np.newaxis]).ppf(QUANTILES)
    )


def test_levels_of_counts():
    rng = np.random.default_rng(1)
    params = np.column_stack([np.geomspace(0.1, 1e5, 300), rng.uniform(1e-4, 2, 300)])
    values = np.floor(params[:, 0] * rng.uniform(0.0, 5.0, 300))
    expected = level_of(values, params)
    fine = np.isfinite(expected) & (expected < 290)
    assert fine.sum() > 200
    assert_allclose(nb_levels(values, params)[fine], expected[fine], rtol=1e-6, atol=1e-8)
    # What cannot be is further out than all that can, and in order.
    odd = nb_levels(np.array([-1.0, -5.0, np.nan]), np.full((3, 2), 2.0))
    assert odd[1] > odd[0] > 300.0
    assert odd[2] == 0.0
    # Between two counts: the one further out.
    law = np.array([[3.0, 0.5]] * 3)
    lower, between, upper = nb_levels(np.array([20.0, 20.5, 21.0]), law)
    assert lower < between == upper


def test_quantiles_of_mixtures():
    rng = np.random.default_rng(2)
    params = np.stack(
        [rng.normal(0, 5, (4, 30)), rng.uniform(0.1, 3, (4, 30)), rng.uniform(2.1, 30, (4, 30))],
        axis=2,
    )
    found = t_mixture_quantiles(params, QUANTILES)
    for row, laws in enumerate(params):
        below = stats.t.cdf(found[row][:, np.newaxis], laws[:, 2], laws[:, 0], laws[:, 1])
        assert_allclose(below.mean(axis=1), QUANTILES, rtol=1e-6)
    one = params[:, :1]
    alone = one[..., 0] + one[..., 1] * stats.t.ppf(QUANTILES, one[..., 2])
    assert_allclose(t_mixture_quantiles(one, QUANTILES), alone, rtol=1e-8)


def test_quantiles_of_mixtures_of_counts():
    rng = np.random.default_rng(3)
    params = np.stack([rng.uniform(0.5, 50, (4, 30)), rng.uniform(0.01, 2, (4, 30))], axis=2)
    found = nb_mixture_quantiles(params, QUANTILES)
    for row, laws in enumerate(params):
        law = law_of(laws)
        for q, k in zip(QUANTILES, found[row], strict=True):
            assert law.cdf(k).mean() >= q - 1e-12
            assert k == 0.0 or law.cdf(k - 1).mean() < q
    assert_array_equal(
        nb_mixture_quantiles(params[:, :1], QUANTILES), nb_quantiles(params[:, 0], QUANTILES)
    )
