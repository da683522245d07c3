"""ONNX graphs of networks against float64 twins and against PyTorch."""

import numpy as np
import onnx
import pytest
import torch

from fastrcf.neural.graphs import (
    feature_graph,
    row_graph,
    score_graph,
    weight_shapes,
    window_graph,
)
from fastrcf.neural.session import Session
from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec
from reference import naive_networks as naive

SPECS = {
    "two layers, relu": LstmSpec(
        window_size=5, n_features=7, encoder=(12, 9), decoder=(10, 11), activation="relu"
    ),
    "two layers, tanh": LstmSpec(window_size=4, n_features=3, encoder=(9, 16)),
    "tiny, sigmoid": LstmSpec(
        window_size=5, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid"
    ),
    "tiny, three layers": LstmSpec(window_size=3, n_features=1, encoder=(3, 2, 1)),
    "one row": LstmSpec(window_size=1, n_features=2, encoder=(16, 4), activation="relu"),
    "one column": LstmSpec(window_size=6, n_features=1, encoder=(20,)),
    "long": LstmSpec(window_size=50, n_features=2, encoder=(12,)),
    "long, two layers": LstmSpec(
        window_size=40, n_features=3, encoder=(10, 9), activation="relu", output="sigmoid"
    ),
    "linear": LinearSpec(window_size=7, n_features=3, hidden=(6, 4, 6)),
    "linear, one row": LinearSpec(window_size=1, n_features=4, hidden=(2,), output="sigmoid"),
    "linear, long": LinearSpec(window_size=100, n_features=1, hidden=(8,), slope=0.0),
}
CONVS = {
    "conv": ConvSpec(window_size=13, n_features=2, n_classes=3, channels=(4, 5), kernel_size=3),
    "conv, one layer": ConvSpec(window_size=6, n_features=1, n_classes=2, channels=(3,)),
}


def case(spec, n_windows=9):
    weights = naive.random_weights(weight_shapes(spec), size=0.9)
    rng = np.random.default_rng(3)
    center, scale = rng.normal(size=spec.n_features), rng.uniform(0.5, 2.0, spec.n_features)
    rows = rng.normal(size=(n_windows + spec.window_size - 1, spec.n_features))
    return weights, center, scale, rows.astype(np.float32)


def cut(rows, size):
    return np.lib.stride_tricks.sliding_window_view(rows, size, axis=0).transpose(0, 2, 1)


@pytest.mark.parametrize("spec", [*SPECS.values(), *CONVS.values()], ids=[*SPECS, *CONVS])
@pytest.mark.parametrize("scaled", [False, True])
def test_window_graph_equals_its_twin(spec, scaled):
    weights, center, scale, rows = case(spec)
    affine = (center, scale) if scaled else ()
    model = window_graph(spec, weights, *affine)
    onnx.checker.check_model(model, full_check=True)
    windows = cut(rows, spec.window_size)
    expected = [naive.apply(spec, weights, window, *affine) for window in windows]
    np.testing.assert_allclose(Session(model).run(windows), expected, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("error", ["rmse", "mae", "mse"])
def test_scores_equal_their_twin(spec, error):
    weights, center, scale, rows = case(spec)
    model = score_graph(spec, weights, center, scale, error)
    onnx.checker.check_model(model, full_check=True)
    expected = naive.scores(spec, weights, rows, center, scale, error=error)
    assert expected.shape == (9,)
    np.testing.assert_allclose(Session(model).run(rows), expected, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("error", ["rmse", "mae"])
def test_errors_of_columns_equal_their_twin(spec, error):
    weights, center, scale, rows = case(spec)
    model = feature_graph(spec, weights, center, scale, error)
    onnx.checker.check_model(model, full_check=True)
    expected = naive.feature_errors(spec, weights, rows, center, scale, error=error)
    np.testing.assert_allclose(Session(model).run(rows), expected, atol=2e-5)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_residuals_of_last_rows_equal_their_twin(spec):
    weights, center, scale, rows = case(spec)
    model = row_graph(spec, weights, center, scale)
    onnx.checker.check_model(model, full_check=True)
    expected = naive.residuals(spec, weights, rows, center, scale)[:, -1]
    np.testing.assert_allclose(Session(model).run(rows), expected, atol=1e-5)


# ---- PyTorch ------------------------------------------------------------------------------------


def rectified(x, weights, name):
    """A layer of cells with ReLU, as PyTorch has none."""
    w_in, w_hidden, bias = (
        torch.tensor(weights[f"{name}.{part}"]) for part in ("input", "hidden", "bias")
    )
    hidden = cell = torch.zeros(len(x), w_hidden.shape[1])
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = (x[:, step] @ w_in.T + hidden @ w_hidden.T + bias).chunk(4, dim=1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.relu()
        hidden = o.sigmoid() * cell.relu()
        states.append(hidden)
    return torch.stack(states, dim=1)


def recurrent(x, weights, name):
    w_in, w_hidden, bias = (weights[f"{name}.{part}"] for part in ("input", "hidden", "bias"))
    layer = torch.nn.LSTM(w_in.shape[1], w_hidden.shape[1], batch_first=True)
    half = bias * np.float32(0.25)  # PyTorch has two, which are added
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    tensors = map(torch.tensor, (w_in, w_hidden, half, bias - half))
    layer.load_state_dict(dict(zip(names, tensors, strict=True)))
    return layer(x)[0]


@pytest.mark.parametrize(
    "name", ["two layers, relu", "two layers, tanh", "tiny, sigmoid", "one row", "long"]
)
@pytest.mark.usefixtures("one_thread")
def test_graphs_equal_pytorch(name):
    spec = SPECS[name]
    weights, _, _, rows = case(spec)
    windows = np.ascontiguousarray(cut(rows, spec.window_size))
    layer = rectified if spec.activation == "relu" else recurrent
    with torch.inference_mode():
        x = torch.tensor(windows)
        for place in range(len(spec.encoder)):
            x = layer(x, weights, f"encoder.{place}")
        x = x[:, -1:].repeat(1, spec.window_size, 1)
        for place in range(len(spec.decoder)):
            x = layer(x, weights, f"decoder.{place}")
        dense = (torch.tensor(weights[f"output.{part}"]) for part in ("weight", "bias"))
        made = torch.nn.functional.linear(x, *dense)
        made = (made.sigmoid() if spec.output == "sigmoid" else made).numpy()
    found = Session(window_graph(spec, weights)).run(windows)
    np.testing.assert_allclose(found, made, atol=1e-5)
    scores = Session(score_graph(spec, weights)).run(rows)
    np.testing.assert_allclose(
        scores, np.sqrt(((made - windows) ** 2).mean(axis=(1, 2))), atol=1e-5
    )
