"""The two ways to run a forecaster: in the core and as a graph, with every kind of law."""

import numpy as np
import pytest

from fastrcf import _core
from fastrcf.neural._forecast_core_runner import CoreRunner
from fastrcf.neural._forecast_graph import State, zero_state
from fastrcf.neural._forecast_graph_runner import GraphRunner
from fastrcf.neural._forecast_runner import Given, Wanted
from forecast_helpers import KINDS, random_forecaster

QUANTILES = (0.01, 0.5, 0.99)
N_SERIES = 7


def given(model, n, seed=0):
    """Inputs that no series made, and a state in the middle of things."""
    spec, rng = model.spec_, np.random.default_rng(seed)
    inputs = rng.normal(size=(n, 1, N_SERIES, spec.n_rolled)).astype(np.float32)
    scale = rng.uniform(0.5, 30.0, (n, 1, N_SERIES)).astype(np.float32)
    embedded = rng.normal(size=(N_SERIES, sum(spec.embedding))).astype(np.float32)
    parts = (rng.normal(size=each.shape).astype(np.float32) for each in zero_state(spec, N_SERIES))
    return Given(inputs, scale, embedded), State(*parts)


def judge(runner, what, state, quantiles=QUANTILES):
    return runner.step(what.inputs[:, 0], what.scale[:, 0], what.embedded, state, quantiles)


def runners(model):
    return CoreRunner(model.spec_, model.weights_), GraphRunner(model.spec_, model._graph)


@pytest.mark.parametrize("kernel", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("options", [*KINDS, {"units": 33, "layers": 2, "size": 0.3}])
def test_the_core_gives_what_the_graph_gives(options, kernel):
    if not _core.cpu_features().get(kernel, kernel == "baseline"):
        pytest.skip(f"this processor has no {kernel}")
    model = random_forecaster(**options)
    what, state = given(model, 300)
    _core.use_kernel(kernel)
    try:
        core, graph = runners(model)
        mine, after = judge(core, what, state)
    finally:
        _core.use_kernel("auto")
    theirs, expected = judge(graph, what, state)
    atol = 1e-5 * what.scale.max()  # a location near 0 is the scale times next to nothing
    np.testing.assert_allclose(mine.params, theirs.params, rtol=2e-5, atol=atol)
    np.testing.assert_allclose(mine.quantiles, theirs.quantiles, rtol=5e-5, atol=atol)
    for found, wanted in zip(after, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("options", KINDS)
def test_a_series_has_the_same_bits_alone_and_row_by_row(options):
    model = random_forecaster(**options)
    what, state = given(model, 40)
    core, _ = runners(model)
    whole, after = judge(core, what, state)
    for series in range(N_SERIES):
        mine = slice(series, series + 1)
        now = State(*(part[:, mine] for part in state))
        alone = Given(what.inputs[:, :, mine], what.scale[:, :, mine], what.embedded[mine])
        for row in range(40):
            judged, now = judge(core, alone.part(slice(row, row + 1)), now)
            for found, expected in zip(judged, whole, strict=True):
                np.testing.assert_array_equal(found[0, 0], expected[row, series])
        for found, expected in zip(now, after, strict=True):
            np.testing.assert_array_equal(found[:, 0], expected[:, series])


@pytest.mark.parametrize("layer", ["softplus", "tails"])
def test_extreme_outputs_keep_their_laws(layer):
    model = random_forecaster()
    model.weights_["output.bias"][:] = 80.0 if layer == "softplus" else -80.0
    what, state = given(model, 20)
    core, _ = runners(model)
    judged, _ = judge(core, what, state)
    loc, spread, df = np.moveaxis(judged.params, 2, 0)
    scale = what.scale[:, 0]
    if layer == "softplus":  # of large numbers: themselves
        np.testing.assert_allclose(df, 82.0, atol=8.0)
        assert (spread > 70.0 * scale).all()
    else:  # nothing is left but the least
        np.testing.assert_allclose(spread, 1e-4 * scale, rtol=1e-4)
        np.testing.assert_allclose(df, 2.0, rtol=1e-6)
    below, middle, above = np.moveaxis(judged.quantiles, 2, 0)
    np.testing.assert_allclose(middle, loc, rtol=1e-6)
    assert (below < middle).all()
    assert (middle < above).all()


@pytest.mark.parametrize("options", KINDS)
def test_groups_of_series_know_nothing_of_each_other(options):
    model = random_forecaster(**options)
    groups = [given(model, 30, seed)[0] for seed in range(3)]
    inputs, scale = (np.concatenate(parts, axis=1) for parts in list(zip(*groups, strict=True))[:2])
    beside = Given(inputs, scale, groups[0].embedded)
    for runner in runners(model):
        found = np.empty((model.spec_.n_params, *scale.shape))
        after = runner.laws(beside, zero_state(model.spec_, 3 * N_SERIES), Wanted(found))
        for place, group in enumerate(groups):
            alone = group._replace(embedded=beside.embedded)
            wanted = np.empty((len(found), *group.scale.shape))
            now = runner.laws(alone, zero_state(model.spec_, N_SERIES), Wanted(wanted))
            np.testing.assert_allclose(found[:, :, [place]], wanted, rtol=1e-5, atol=1e-4)
            mine = slice(place * N_SERIES, (place + 1) * N_SERIES)
            np.testing.assert_allclose(after.hidden[:, mine], now.hidden, atol=1e-5)


def test_the_caller_s_state_is_left_as_it_is():
    model = random_forecaster(layers=2)
    what, state = given(model, 5)
    before = [part.copy() for part in state]
    judge(runners(model)[0], what, state)
    for part, kept in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, kept)


def test_the_core_refuses_what_does_not_fit():
    model = random_forecaster()
    what, state = given(model, 5)
    core = CoreRunner(model.spec_, model.weights_)
    narrow = what._replace(inputs=what.inputs[..., 1:])
    with pytest.raises(ValueError, match="inputs"):
        judge(core, narrow, state)
    with pytest.raises(ValueError, match="state"):
        judge(core, what, State(*(part[:, 1:] for part in state)))
    with pytest.raises(ValueError, match="embedded"):
        judge(core, what._replace(embedded=np.zeros((N_SERIES, 1), np.float32)), state)
    weights = {**model.weights_, "output.weight": np.zeros((2, 6), np.float32)}
    with pytest.raises(ValueError, match="output"):
        CoreRunner(model.spec_, weights)
