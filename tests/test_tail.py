"""The generalised Pareto law against SciPy."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastrcf.thresholds.tail import Tail, fit_tail, grimshaw, moments

stats = pytest.importorskip("scipy.stats")


def excesses(shape, n, seed):
    return stats.genpareto.rvs(shape, scale=2.0, size=n, random_state=seed)


@pytest.mark.parametrize("shape", [-0.6, -0.2, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("n", [12, 40, 200, 1000])
def test_the_fit_is_as_likely_as_any(shape, n):
    for seed in range(5):
        sample = excesses(shape, n, seed)
        found = fit_tail(sample)
        c, _, scale = stats.genpareto.fit(sample, floc=0)
        best = stats.genpareto.logpdf(sample, c, scale=scale).sum()
        ours = stats.genpareto.logpdf(sample, found.shape, scale=found.scale).sum()
        assert math.isclose(ours, found.likelihood(sample), rel_tol=1e-9, abs_tol=1e-6)
        # Beyond a shape of -1 the likelihood has no maximum, and grows without bound.
        assert ours >= best - 1e-6 or c < -0.9


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4])
def test_the_law_is_found_again(shape):
    laws = [fit_tail(excesses(shape, 2000, seed)) for seed in range(10)]
    assert abs(np.mean([law.shape for law in laws]) - shape) < 0.03
    assert abs(np.mean([law.scale for law in laws]) - 2.0) < 0.1


@pytest.mark.parametrize("shape", [-0.8, -0.3, 0.0, 0.3])
def test_moments(shape):
    laws = [moments(excesses(shape, 3000, seed)) for seed in range(20)]
    laws = [law for law in laws if law is not None]
    assert len(laws) >= 6
    assert abs(np.mean([law.shape for law in laws]) - shape) < 0.05


def test_quantiles_are_those_of_scipy():
    for law in (Tail(-0.4, 2.0), Tail(0.0, 3.0), Tail(0.5, 0.1), Tail(1e-12, 1.0)):
        for chance in (1.0, 0.3, 1e-3, 1e-9):
            expected = stats.genpareto.isf(chance, law.shape, scale=law.scale)
            assert_allclose(law.quantile(chance), expected, rtol=1e-7, atol=1e-12)
    assert math.isfinite(Tail(90.0, 1.0).quantile(1e-9))


def test_where_the_likelihood_has_no_maximum():
    uniform = np.linspace(0.01, 1.0, 50)
    assert grimshaw(uniform / uniform.mean()) is None
    assert fit_tail(uniform).shape < -0.9
    assert_allclose(fit_tail(np.full(30, 0.25)), (0.0, 0.25))


def test_few_excesses_are_exponential():
    assert fit_tail(np.array([1.0, 2.0, 6.0])) == Tail(0.0, 3.0)
    assert fit_tail(np.array([5.0])) == Tail(0.0, 5.0)


def test_scale_does_not_matter():
    sample = excesses(0.2, 100, 1)
    for factor in (1e-300, 1e-9, 1e9, 1e90):
        found = fit_tail(sample * factor)
        assert_allclose(found.shape, fit_tail(sample).shape, rtol=1e-6)
        assert_allclose(found.scale, fit_tail(sample).scale * factor, rtol=1e-6)


def test_ties_and_tiny_excesses():
    rng = np.random.default_rng(0)
    for sample in (
        rng.integers(1, 4, 100) * 0.5,
        np.concatenate([np.full(50, 1e-12), rng.exponential(size=50)]),
        np.concatenate([np.full(99, 1.0), [1e6]]),
        np.array([1.0] * 9 + [1.0 + 1e-6]),
    ):
        found = fit_tail(sample)
        assert math.isfinite(found.shape)
        assert found.scale > 0
        assert found.likelihood(sample) >= Tail(0.0, sample.mean()).likelihood(sample)
