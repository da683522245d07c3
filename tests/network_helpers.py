"""Networks in plain PyTorch, as a walkthrough would write them, and rows to train them on."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from fastrcf.neural.spec import LinearSpec


def rows(n=400, width=2, seed=0):
    """Waves with some noise, each column on its own scale."""
    rng = np.random.default_rng(seed)
    waves = [np.sin(np.arange(n) / (5 + 2 * column)) for column in range(width)]
    return (np.column_stack(waves) + rng.normal(0, 0.05, (n, width))) * 10.0 ** np.arange(width)


def windows_of(table, size):
    views = np.lib.stride_tricks.sliding_window_view(table, size, axis=0)
    return np.ascontiguousarray(views.transpose(0, 2, 1), np.float32)


class PlainLayer(nn.Module):
    """LSTM cells step by step, one gate after the other; gradients by autograd."""

    def __init__(self, inputs, units, activation):
        super().__init__()
        self.act = {"relu": torch.relu, "tanh": torch.tanh}[activation]
        self.input = nn.Parameter(torch.empty(4 * units, inputs))
        self.hidden = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.empty(4 * units))

    def forward(self, x):
        h = c = torch.zeros(x.shape[1], self.hidden.shape[1], dtype=x.dtype)
        states = []
        for step in x:
            i, f, g, o = (step @ self.input.T + h @ self.hidden.T + self.bias).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.act(g)
            h = torch.sigmoid(o) * self.act(c)
            states.append(h)
        return torch.stack(states)


class PlainLstm(nn.Module):
    """The autoencoder of `PlainLayer`."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.layers = nn.ModuleList(
            [PlainLayer(inputs, units, spec.activation) for _, inputs, units in spec.layers]
        )
        self.output = nn.Linear(spec.decoder[-1], spec.n_features)

    def forward(self, windows):
        states = windows.transpose(0, 1)
        for place, layer in enumerate(self.layers):
            if place == len(self.spec.encoder):
                states = states[-1].repeat(self.spec.window_size, 1, 1)
            states = layer(states)
        made = self.output(states).transpose(0, 1)
        return torch.sigmoid(made) if self.spec.output == "sigmoid" else made


class PlainLinear(nn.Module):
    """The linear autoencoder as a stack of PyTorch's layers."""

    def __init__(self, spec):
        super().__init__()
        width = spec.window_size * spec.n_features
        sizes = [width, *spec.hidden]
        stack = [nn.Flatten()]
        for inputs, outputs in pairwise(sizes):
            dense, norm = nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs)
            stack += [dense, norm, nn.LeakyReLU(spec.slope)]
        self.stack = nn.Sequential(*stack, nn.Linear(sizes[-1], width))

    def forward(self, windows):
        return self.stack(windows).reshape(windows.shape)


def peer_of(network):
    """Plain PyTorch with the weights of one of our networks."""
    spec = network.spec
    peer = PlainLinear(spec) if isinstance(spec, LinearSpec) else PlainLstm(spec)
    with torch.no_grad():
        if isinstance(spec, LinearSpec):
            dense = [each for each in peer.stack if isinstance(each, nn.Linear)]
            for theirs, ours in zip(dense, network.layers, strict=True):
                theirs.load_state_dict(ours.state_dict())
        else:
            for theirs, ours in zip(peer.layers, network.layers, strict=True):
                theirs.load_state_dict(ours.state_dict())
            peer.output.load_state_dict(network.output.state_dict())
    return peer
