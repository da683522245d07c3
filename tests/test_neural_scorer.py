"""LSTM autoencoders in the core: the results of the slow network and of the graphs."""

import subprocess
import sys

import numpy as np
import pytest

from fastrcf import _core, persistence
from fastrcf.neural import LstmAutoencoder, LstmSpec
from fastrcf.neural._lstm_scorer import LstmScorer
from fastrcf.neural.graphs import feature_graph, row_graph, score_graph, weight_shapes
from fastrcf.neural.session import Session
from network_helpers import rows
from reference import naive_networks

SPECS = {
    "tanh": LstmSpec(window_size=4, n_features=3, encoder=(5, 3)),
    "relu": LstmSpec(window_size=5, n_features=2, encoder=(7,), decoder=(9, 2), activation="relu"),
    "sigmoid": LstmSpec(window_size=3, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid"),
    "one": LstmSpec(window_size=1, n_features=1, encoder=(1,)),
    "long": LstmSpec(window_size=40, n_features=2, encoder=(6,)),
}
KERNELS = ("baseline", "avx2", "avx512")


@pytest.fixture(params=list(SPECS))
def spec(request):
    return SPECS[request.param]


def made(spec, center=None, scale=None):
    weights = naive_networks.random_weights(weight_shapes(spec), size=1.0)
    center = np.zeros(spec.n_features) if center is None else center
    scale = np.ones(spec.n_features) if scale is None else scale
    return weights, LstmScorer(spec, weights, center, scale)


def table(spec, n=120):
    return np.random.default_rng(5).normal(100.0, 3.0, (n, spec.n_features))


def starts_in(spec, values):
    return np.arange(len(values) - spec.window_size + 1)


@pytest.mark.parametrize("error", ["rmse", "mae", "mse"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_results_are_those_of_the_slow_network(spec, error, kernel):
    if not _core.cpu_features().get(kernel, kernel == "baseline"):
        pytest.skip(f"this processor has no {kernel}")
    values, center, scale = (
        table(spec),
        np.full(spec.n_features, 99.0),
        np.full(spec.n_features, 2.5),
    )
    _core.use_kernel(kernel)
    try:
        weights, scorer = made(spec, center, scale)
        found = {
            result: scorer.run(result, values, starts_in(spec, values), error, 2)
            for result in ("score", "errors", "residuals")
        }
    finally:
        _core.use_kernel("auto")
    given = (spec, weights, values, center, scale)
    expected = {
        "score": naive_networks.scores(*given, error=error),
        "errors": naive_networks.feature_errors(*given, error=error),
        "residuals": naive_networks.residuals(*given)[:, -1],
    }
    for result, values in found.items():
        np.testing.assert_allclose(values, expected[result], rtol=2e-6, atol=2e-6)


def test_results_are_those_of_the_graphs(spec):
    weights, scorer = made(spec)
    values = rows(5000, spec.n_features)
    graphs = {"score": score_graph, "errors": feature_graph, "residuals": row_graph}
    for result, write in graphs.items():
        expected = Session(write(spec, weights), threads=1).run(values)
        found = scorer.run(result, values, starts_in(spec, values), "rmse", 1)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_window_has_the_same_bits_wherever_it_is_asked_for(spec):
    _, scorer = made(spec)
    values = table(spec, 5000).astype(np.float32)
    starts = starts_in(spec, values)
    whole = scorer.run("errors", values, starts, "mse", 1)
    some = np.random.default_rng(0).permutation(starts)[:300]
    for threads in (1, 3):
        np.testing.assert_array_equal(
            scorer.run("errors", values, some, "mse", threads), whole[some]
        )
        np.testing.assert_array_equal(scorer.run("errors", values, starts, "mse", threads), whole)
    for start in some[:5]:
        window = values[start : start + spec.window_size]
        np.testing.assert_array_equal(
            scorer.run("errors", window, np.zeros(1, int), "mse", 1)[0], whole[start]
        )


def test_any_layout_and_type_of_rows_is_read(spec):
    _, scorer = made(spec)
    values = np.round(table(spec, 200))
    starts = starts_in(spec, values)
    expected = scorer.run("score", values, starts, "mae", 1)
    backwards = values[::-1].copy()[::-1]
    columns_first = np.asfortranarray(values)
    for same in (backwards, columns_first, values.astype(np.float32), values.astype(np.int64)):
        np.testing.assert_array_equal(scorer.run("score", same, starts, "mae", 1), expected)


def test_more_windows_than_a_call_takes(monkeypatch):
    _, scorer = made(SPECS["tanh"])
    values = table(SPECS["tanh"], 500)
    starts = starts_in(SPECS["tanh"], values)
    expected = scorer.run("score", values, starts, "rmse", 1)
    monkeypatch.setattr("fastrcf.neural._lstm_scorer._TOGETHER", 7)
    np.testing.assert_array_equal(scorer.run("score", values, starts, "rmse", 1), expected)


def test_no_windows_give_nothing(spec):
    _, scorer = made(spec)
    none = np.empty(0, np.int64)
    assert scorer.run("score", table(spec), none, "rmse", 1).shape == (0,)
    assert scorer.run("residuals", table(spec), none, "rmse", 1).shape == (0, spec.n_features)


def test_the_core_refuses_what_does_not_fit():
    spec = SPECS["tanh"]
    weights, scorer = made(spec)
    with pytest.raises(ValueError, match="a window leaves the rows"):
        scorer.run("score", table(spec, 10), np.array([7]), "rmse", 1)
    with pytest.raises(ValueError, match="number of columns"):
        scorer.run("score", np.zeros((10, 2)), np.array([0]), "rmse", 1)
    short = {name: each[:-1] for name, each in weights.items()}
    with pytest.raises(ValueError, match="weights:"):
        LstmScorer(spec, short, np.zeros(3), np.ones(3))


def test_on_the_cpu_a_trained_autoencoder_needs_no_runtime(tmp_path):
    model = LstmAutoencoder(window_size=4, encoder=(3,), epochs=1, device="cpu")
    values = rows(80)
    scores = model.fit(values).score(values)
    persistence.save(model, tmp_path / "model.frcf")
    np.save(tmp_path / "rows.npy", values)
    code = """
import sys
for name in ("torch", "onnx", "onnxruntime"):
    sys.modules[name] = None
import numpy as np
from fastrcf import persistence
print(persistence.load("model.frcf").score(np.load("rows.npy")).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == str(scores.tolist())
