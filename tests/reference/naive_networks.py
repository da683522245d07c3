"""Networks in float64, one window, one step and one gate after the other."""

import numpy as np

from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def random_weights(shapes, seed=0, size=0.5):
    """Weights large enough that gates and rectifiers have something to do."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(0.0, size / np.sqrt(shape[-1]), shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def layer(weights, name, inputs, activation):
    """The hidden states of one LSTM layer, one for each input."""
    act = np.tanh if activation == "tanh" else lambda x: np.maximum(x, 0.0)
    w_in, w_hidden, bias = (
        np.asarray(weights[f"{name}.{part}"], np.float64) for part in ("input", "hidden", "bias")
    )
    hidden = cell = np.zeros(w_hidden.shape[1])
    states = []
    for x in inputs:
        i, f, g, o = np.split(w_in @ x + w_hidden @ hidden + bias, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * act(g)
        hidden = sigmoid(o) * act(cell)
        states.append(hidden)
    return states


def reconstruct_lstm(spec, weights, window):
    states = list(np.asarray(window, np.float64))
    for place in range(len(spec.encoder)):
        states = layer(weights, f"encoder.{place}", states, spec.activation)
    states = [states[-1]] * spec.window_size
    for place in range(len(spec.decoder)):
        states = layer(weights, f"decoder.{place}", states, spec.activation)
    rows = [weights["output.weight"].astype(np.float64) @ state for state in states]
    made = np.array(rows) + weights["output.bias"]
    return sigmoid(made) if spec.output == "sigmoid" else made


def reconstruct_linear(spec, weights, window):
    x = np.asarray(window, np.float64).reshape(-1)
    for place in range(len(spec.hidden) + 1):
        x = weights[f"layer.{place}.weight"].astype(np.float64) @ x
        x = x + weights[f"layer.{place}.bias"]
        if place < len(spec.hidden):
            x = np.where(x >= 0, x, spec.slope * x)
    x = sigmoid(x) if spec.output == "sigmoid" else x
    return x.reshape(spec.window_size, spec.n_features)


def logits(spec, weights, window):
    x = np.asarray(window, np.float64).T  # channels, rows
    half = spec.kernel_size // 2
    for place in range(len(spec.channels)):
        weight = weights[f"conv.{place}.weight"].astype(np.float64)
        padded = np.pad(x, ((0, 0), (half, half)))
        y = np.empty((len(weight), x.shape[1]))
        for t in range(x.shape[1]):
            part = padded[:, t : t + spec.kernel_size]
            y[:, t] = (weight * part).sum(axis=(1, 2)) + weights[f"conv.{place}.bias"]
        y = np.maximum(y, 0.0)
        x = np.array([np.maximum(y[:, t], y[:, t + 1]) for t in range(0, y.shape[1] - 1, 2)]).T
    return weights["output.weight"].astype(np.float64) @ x.reshape(-1) + weights["output.bias"]


def apply(spec, weights, window, center=None, scale=None):
    """What `window_graph` gives for one window."""
    center = 0.0 if center is None else center
    scale = 1.0 if scale is None else scale
    x = (np.asarray(window, np.float64) - center) / scale
    if isinstance(spec, ConvSpec):
        return logits(spec, weights, x)
    network = {LstmSpec: reconstruct_lstm, LinearSpec: reconstruct_linear}[type(spec)]
    return network(spec, weights, x) * scale + center


def residuals(spec, weights, rows, center=0.0, scale=1.0):
    """Scaled rows minus reconstructions (n, window_size, n_features)."""
    x = (np.asarray(rows, np.float64) - center) / scale
    size = spec.window_size
    windows = [x[start : start + size] for start in range(len(x) - size + 1)]
    return np.array([window - apply(spec, weights, window) for window in windows])


def feature_errors(spec, weights, rows, center=0.0, scale=1.0, *, error):
    difference = residuals(spec, weights, rows, center, scale)
    return (np.abs(difference) if error == "mae" else difference**2).mean(axis=1)


def scores(spec, weights, rows, center=0.0, scale=1.0, *, error):
    means = feature_errors(spec, weights, rows, center, scale, error=error).mean(axis=1)
    return np.sqrt(means) if error == "rmse" else means
