"""Two ways to run an LSTM autoencoder without fastrcf: PyTorch, and ONNX Runtime on windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fastrcf.neural.graphs import window_graph
from fastrcf.neural.spec import LstmSpec

Array = NDArray[np.float32]
Weights = dict[str, Array]


class Cells(nn.Module):  # type: ignore[misc] # PyTorch is not read
    """A layer of ReLU cells as one writes it: each step a product of the input and of the state."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        parts = (
            torch.from_numpy(weights[f"{name}.{part}"]) for part in ("input", "hidden", "bias")
        )
        self.input, self.hidden, self.bias = parts

    def forward(self, x: Tensor) -> Tensor:
        """Give the states of all steps."""
        hidden = cell = x.new_zeros(len(x), self.hidden.shape[1])
        states = []
        for step in x.unbind(1):
            sums = functional.linear(step, self.input, self.bias)
            hidden, cell = turn(sums + functional.linear(hidden, self.hidden), cell)
            states.append(hidden)
        return torch.stack(states, 1)


class LaidOut(Cells):
    """The same with what can be shared done once: all inputs in one product, none at the start."""

    def forward(self, x: Tensor) -> Tensor:
        """Give the states of all steps; a repeated input comes as one step that is expanded."""
        n, size, inputs = x.shape
        if x.stride(1) == 0 and size > 1:
            sums = (torch.addmm(self.bias, x[:, 0], self.input.T),) * size
        else:
            flat = x.transpose(0, 1).reshape(size * n, inputs)
            sums = torch.addmm(self.bias, flat, self.input.T).view(size, n, -1).unbind(0)
        hidden, cell = turn(sums[0], None)
        states = [hidden]
        for step in sums[1:]:
            hidden, cell = turn(torch.addmm(step, hidden, self.hidden.T), cell)
            states.append(hidden)
        return torch.stack(states, 1)


def turn(sums: Tensor, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    """Go from the gates' sums to the next state."""
    i, f, g, o = sums.chunk(4, 1)
    new = i.sigmoid() * g.relu()
    if cell is not None:
        new = f.sigmoid() * cell + new
    return o.sigmoid() * new.relu(), new


def lstm(weights: Weights, name: str) -> nn.Module:
    """Make PyTorch's own layer, for tanh."""
    shape = weights[f"{name}.input"].shape
    layer = nn.LSTM(shape[1], shape[0] // 4, batch_first=True)
    bias = weights[f"{name}.bias"]
    arrays = (weights[f"{name}.input"], weights[f"{name}.hidden"], bias, np.zeros_like(bias))
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    layer.load_state_dict(dict(zip(names, map(torch.from_numpy, arrays), strict=True)))
    return layer


class Autoencoder(nn.Module):  # type: ignore[misc] # PyTorch is not read
    """The network of a spec, of layers of one kind."""

    def __init__(self, spec: LstmSpec, weights: Weights, kind: Any) -> None:
        super().__init__()
        self.spec = spec
        self.layers = nn.ModuleList([kind(weights, name) for name, _, _ in spec.layers])
        self.dense = tuple(
            torch.from_numpy(weights[f"output.{part}"]) for part in ("weight", "bias")
        )

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct windows."""
        for place, layer in enumerate(self.layers):
            if place == len(self.spec.encoder):
                x = x[:, -1:].expand(-1, self.spec.window_size, -1)
            made = layer(x)
            x = made[0] if isinstance(made, tuple) else made
        y = functional.linear(x, *self.dense)
        return y.sigmoid() if self.spec.output == "sigmoid" else y


class TorchScorer:
    """Scores windows in PyTorch, eager, without gradients."""

    def __init__(self, spec: LstmSpec, weights: Weights, kind: Any, error: str) -> None:
        self._network, self._error = Autoencoder(spec, weights, kind).eval(), error

    def score(self, windows: Array, batch: int, threads: int) -> Array:
        """Score windows in batches."""
        torch.set_num_threads(threads)
        scores = np.empty(len(windows), np.float32)
        with torch.inference_mode():
            for start in range(0, len(windows), batch):
                x = torch.from_numpy(np.ascontiguousarray(windows[start : start + batch]))
                e = self._network(x) - x
                found = (
                    e.abs().mean((1, 2)) if self._error == "mae" else (e * e).mean((1, 2)).sqrt()
                )
                scores[start : start + batch] = found.numpy()
        return scores


class PlainScorer:
    """Scores windows by the portable graph: LSTM operators, reconstructions out, NumPy after it."""

    def __init__(self, spec: LstmSpec, weights: Weights, error: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            window_graph(spec, weights), options, providers=["CPUExecutionProvider"]
        )
        self._error = error

    def score(self, windows: Array, batch: int = 1024) -> Array:
        """Score windows in batches."""
        scores = np.empty(len(windows), np.float32)
        for start in range(0, len(windows), batch):
            x = np.ascontiguousarray(windows[start : start + batch])
            e = self._session.run(None, {"windows": x})[0] - x
            mean = (np.abs(e) if self._error == "mae" else e * e).mean((1, 2))
            scores[start : start + batch] = mean if self._error == "mae" else np.sqrt(mean)
        return scores
