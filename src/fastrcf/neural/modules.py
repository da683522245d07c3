"""The networks as PyTorch modules, laid out for training; this file alone imports torch at its top.

A module takes windows (n, window_size, n_features) and gives reconstructions of the same shape or,
for a `ConvSpec`, logits (n, n_classes). Weights go in and out by name as NumPy arrays; the names
are those of `fastrcf.neural.graphs.weight_shapes`. All randomness comes from a generator that is
handed in: PyTorch's global one is neither read nor moved.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fastrcf.neural._lstm_layer import LstmLayer
from fastrcf.neural.graphs import check_weights
from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastrcf.neural.spec import Spec

__all__ = [
    "ConvNetwork",
    "LinearNetwork",
    "LstmNetwork",
    "Network",
    "load_weights",
    "make_network",
    "weights_of",
]


class Network(nn.Module):  # type: ignore[misc] # PyTorch is not read
    """What the networks share.

    Attributes
    ----------
    spec : LstmSpec, LinearSpec or ConvSpec
        What the network is.
    generator : torch.Generator
        Where dropout draws from; on the device of the weights.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.generator: torch.Generator | None = None

    def drop(self, values: Tensor) -> Tensor:
        """Leave out a share of the values in training, and raise the others in turn."""
        rate = self.spec.dropout
        if not self.training or rate == 0.0:
            return values
        kept = torch.empty_like(values).bernoulli_(1.0 - rate, generator=self.generator)
        return values * kept.div_(1.0 - rate)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial weights."""
        raise NotImplementedError

    def weights(self) -> dict[str, Tensor]:
        """Give the weights by name, batch norm folded in."""
        raise NotImplementedError

    def put(self, weights: dict[str, Tensor]) -> None:
        """Take what `weights` gives."""
        raise NotImplementedError


class LstmNetwork(Network):
    """LSTM autoencoder."""

    spec: LstmSpec

    def __init__(self, spec: LstmSpec) -> None:
        super().__init__(spec)
        self.layers = nn.ModuleList(
            [LstmLayer(inputs, units, spec.activation) for _, inputs, units in spec.layers]
        )
        self.output = nn.Linear(spec.layers[-1][2], spec.n_features)

    def forward(self, windows: Tensor) -> Tensor:
        """Reconstruct windows."""
        states = windows.transpose(0, 1)  # steps first: each is one piece of memory
        for place, layer in enumerate(self.layers):
            if place == len(self.spec.encoder):
                states = states[-1:]  # one step, which the layer repeats
            states = layer(states if place == 0 else self.drop(states), self.spec.window_size)
        made = self.output(self.drop(states)).transpose(0, 1)
        return torch.sigmoid(made) if self.spec.output == "sigmoid" else made

    def reset(self, generator: torch.Generator) -> None:
        """Draw them as PyTorch does for tanh, and as Keras does for ReLU."""
        for layer in self.layers:
            layer.reset(generator)
        if self.spec.activation == "tanh":
            _uniform(self.output, self.output.in_features, generator)
        else:
            nn.init.xavier_uniform_(self.output.weight, generator=generator)
            nn.init.zeros_(self.output.bias)

    def weights(self) -> dict[str, Tensor]:
        """Give the weights by name."""
        named: dict[str, Tensor] = {}
        for (name, _, _), layer in zip(self.spec.layers, self.layers, strict=True):
            named |= {f"{name}.{part}": each for part, each in layer.named_parameters()}
        return named | _dense("output", self.output)

    def put(self, weights: dict[str, Tensor]) -> None:
        """Take weights by name."""
        for (name, _, _), layer in zip(self.spec.layers, self.layers, strict=True):
            for part, each in layer.named_parameters():
                each.copy_(weights[f"{name}.{part}"])
        _put_dense("output", self.output, weights)


class LinearNetwork(Network):
    """Dense layers over whole windows; batch norm and leaky ReLU after all but the last."""

    spec: LinearSpec

    def __init__(self, spec: LinearSpec) -> None:
        super().__init__(spec)
        width = spec.window_size * spec.n_features
        sizes = [width, *spec.hidden, width]
        # A bias before a batch norm changes nothing, but Adam would move it by the noise it sees.
        self.layers = nn.ModuleList(
            [nn.Linear(*pair, bias=False) for pair in pairwise(sizes[:-1])]
            + [nn.Linear(sizes[-2], width)]
        )
        self.norms = nn.ModuleList([nn.BatchNorm1d(size) for size in spec.hidden])

    def forward(self, windows: Tensor) -> Tensor:
        """Reconstruct windows."""
        x = windows.reshape(len(windows), -1)
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            x = self.drop(functional.leaky_relu(norm(layer(x)), self.spec.slope))
        made = self.layers[-1](x).reshape(windows.shape)
        return torch.sigmoid(made) if self.spec.output == "sigmoid" else made

    def reset(self, generator: torch.Generator) -> None:
        """Draw them as PyTorch does."""
        for layer in self.layers:
            _uniform(layer, layer.in_features, generator)
        for norm in self.norms:
            norm.reset_parameters()

    def weights(self) -> dict[str, Tensor]:
        """Give the weights by name, each batch norm folded into the layer before it."""
        named: dict[str, Tensor] = {}
        for place, (layer, norm) in enumerate(zip(self.layers[:-1], self.norms, strict=True)):
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            named[f"layer.{place}.weight"] = layer.weight * factor[:, None]
            named[f"layer.{place}.bias"] = norm.bias - norm.running_mean * factor
        return named | _dense(f"layer.{len(self.norms)}", self.layers[-1])

    def put(self, weights: dict[str, Tensor]) -> None:
        """Take weights by name; of batch norms only the shift is left."""
        for place, (layer, norm) in enumerate(zip(self.layers[:-1], self.norms, strict=True)):
            layer.weight.copy_(weights[f"layer.{place}.weight"])
            norm.reset_parameters()
            norm.running_var.fill_(1.0 - norm.eps)
            norm.bias.copy_(weights[f"layer.{place}.bias"])
        _put_dense(f"layer.{len(self.norms)}", self.layers[-1], weights)


class ConvNetwork(Network):
    """Convolutions along time, each followed by ReLU and the maximum of pairs; one dense layer."""

    spec: ConvSpec

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__(spec)
        sizes, length = [spec.n_features, *spec.channels], spec.window_size
        pad = spec.kernel_size // 2
        self.convs = nn.ModuleList(
            [
                nn.Conv1d(inputs, outputs, spec.kernel_size, padding=pad)
                for inputs, outputs in pairwise(sizes)
            ]
        )
        self.output = nn.Linear(sizes[-1] * (length >> len(self.convs)), spec.n_classes)

    def forward(self, windows: Tensor) -> Tensor:
        """Give a logit for each class."""
        x = windows.transpose(1, 2)
        for conv in self.convs:
            x = functional.max_pool1d(functional.relu(conv(x)), 2)
        logits: Tensor = self.output(self.drop(x.flatten(1)))
        return logits

    def reset(self, generator: torch.Generator) -> None:
        """Draw them as PyTorch does."""
        for conv in self.convs:
            _uniform(conv, conv.in_channels * self.spec.kernel_size, generator)
        _uniform(self.output, self.output.in_features, generator)

    def weights(self) -> dict[str, Tensor]:
        """Give the weights by name."""
        named: dict[str, Tensor] = {}
        for place, conv in enumerate(self.convs):
            named |= _dense(f"conv.{place}", conv)
        return named | _dense("output", self.output)

    def put(self, weights: dict[str, Tensor]) -> None:
        """Take weights by name."""
        for place, conv in enumerate(self.convs):
            _put_dense(f"conv.{place}", conv, weights)
        _put_dense("output", self.output, weights)


_NETWORKS: dict[type[Spec], type[Network]] = {
    LstmSpec: LstmNetwork,
    LinearSpec: LinearNetwork,
    ConvSpec: ConvNetwork,
}


def make_network(spec: Spec, seed: int) -> Network:
    """Make a network with initial weights.

    Parameters
    ----------
    spec : LstmSpec, LinearSpec or ConvSpec
        What it is.
    seed : int
        Of its weights, from 0 to 2**64 - 1. Equal seeds give equal weights.

    Returns
    -------
    Network
        On the CPU, in training mode.

    Examples
    --------
    >>> network = make_network(LinearSpec(window_size=5, n_features=3, hidden=(4,)), seed=0)
    >>> network(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 3])
    """
    with torch.device("meta"):  # no numbers are drawn for weights that are drawn below
        network = _NETWORKS[type(spec)](spec)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(_signed(seed))
    with torch.no_grad():
        network.reset(generator)
    network.generator = generator
    return network


def weights_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """Give the weights of a network.

    Parameters
    ----------
    network : Network
        In any mode, on any device.

    Returns
    -------
    dict of str to ndarray of float32
        By the names that `fastrcf.neural.graphs.weight_shapes` gives, in its order; copies.

    Examples
    --------
    >>> network = make_network(LstmSpec(window_size=5, n_features=3, encoder=(2,)), seed=0)
    >>> weights_of(network)["encoder.0.input"].shape
    (8, 3)
    """
    named = network.weights()
    return {name: np.array(each.detach().cpu().numpy(), np.float32) for name, each in named.items()}


def load_weights(network: Network, weights: Mapping[str, Any]) -> None:
    """Put weights into a network.

    Parameters
    ----------
    network : Network
        It is changed.
    weights : mapping of str to array_like
        As `weights_of` gives them.

    Raises
    ------
    ValueError
        A weight is missing, unknown, not finite or of another shape. Nothing is changed then.
    """
    arrays = check_weights(network.spec, weights)
    device = next(network.parameters()).device
    with torch.no_grad():
        network.put({name: torch.from_numpy(each).to(device) for name, each in arrays.items()})


def _signed(seed: int) -> int:
    """Wrap a seed into what PyTorch takes everywhere."""
    return seed - 2**64 if seed >= 2**63 else seed


def _uniform(layer: nn.Module, fan_in: int, generator: torch.Generator) -> None:
    bound = 1.0 / math.sqrt(fan_in)
    for parameter in layer.parameters():
        parameter.uniform_(-bound, bound, generator=generator)


def _dense(name: str, layer: Any) -> dict[str, Tensor]:
    return {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}


def _put_dense(name: str, layer: Any, weights: dict[str, Tensor]) -> None:
    layer.weight.copy_(weights[f"{name}.weight"])
    layer.bias.copy_(weights[f"{name}.bias"])
