"""Training of the network that forecasts, in PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.neural._forecast_graph import LEAST_DISPERSION, LEAST_SPREAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_spec import ForecastSpec

__all__ = ["Prepared", "Windows", "build", "export", "loss_of", "take"]


@dataclass(frozen=True)
class Prepared:
    """A training series as the network sees it."""

    inputs: NDArray[np.float32]
    """Shape (n, n_rolled)."""

    scale: FloatArray
    target: FloatArray
    """Both of shape (n,); NaN in the target is missing."""

    cat: tuple[int, ...]


class Windows:
    """Random windows of training series, and the fixed ones that training is judged by.

    Rows of a series from `held` on are held out: the training windows end before them.

    Parameters
    ----------
    series : list of Prepared
        Each has at least `length` rows before its held ones.
    length : int
        Rows in a window.
    held : list of int
        Where the held rows of each series begin.
    """

    def __init__(self, series: list[Prepared], length: int, held: list[int]) -> None:
        self.series, self.length, self.held = series, length, held
        self.ends = np.cumsum([stop - length + 1 for stop in held])

    def at(self, shares: FloatArray) -> dict[str, NDArray[Any]]:
        """Give the windows at these shares, in [0, 1), of all: every start is as likely."""
        places = (shares * self.ends[-1]).astype(np.int64)
        which = np.searchsorted(self.ends, places, side="right")
        starts = places - np.concatenate([[0], self.ends])[which]
        return self._gather(zip(which.tolist(), starts.tolist(), strict=True), None)

    def judging(self) -> dict[str, NDArray[Any]]:
        """Give windows that end with the held rows; only these are known in their targets."""
        places = []
        for number, (one, held) in enumerate(zip(self.series, self.held, strict=True)):
            last = len(one.target) - self.length
            new = max(1, len(one.target) - held)
            step = max(1, min(new, self.length // 2))
            places += [(number, max(0, last - back)) for back in range(0, new, step)][:64]
        return self._gather(places, self.held)

    def _gather(self, places: Any, held: list[int] | None) -> dict[str, NDArray[Any]]:
        """Cut windows: time first, then windows. Rows before `held` are taken as missing."""
        parts: dict[str, list[Any]] = {"inputs": [], "scale": [], "target": [], "cat": []}
        for number, start in places:
            one, rows = self.series[number], slice(start, start + self.length)
            target = one.target[rows]
            if held is not None and held[number] < len(one.target):
                target = np.where(np.arange(self.length) + start < held[number], np.nan, target)
            parts["inputs"].append(one.inputs[rows])
            parts["scale"].append(one.scale[rows])
            parts["target"].append(target)
            parts["cat"].append(one.cat)
        return {
            "inputs": np.stack(parts["inputs"], axis=1),
            "scale": np.stack(parts["scale"], axis=1).astype(np.float32),
            "target": np.stack(parts["target"], axis=1).astype(np.float32),
            "cat": np.array(parts["cat"], np.int64).reshape(len(parts["cat"]), -1),
        }


def take(batch: dict[str, NDArray[Any]], windows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Choose some windows of a batch."""
    return {
        name: each[windows] if name == "cat" else each[:, windows] for name, each in batch.items()
    }


def build(spec: ForecastSpec, idle: NDArray[np.bool_]) -> Any:
    """Make the network with random weights; inputs that are idle in training get none.

    Parameters
    ----------
    spec : ForecastSpec
    idle : ndarray of bool, shape (n_rolled,)
        Inputs that are 0 in every training row: their weights would never be learned.

    Returns
    -------
    torch.nn.ModuleDict
        ``lstm``, ``output`` and ``embeddings``.
    """
    torch = require("torch", "train")
    nn = torch.nn
    sizes = zip(spec.cardinality, spec.embedding, strict=True)
    module = nn.ModuleDict(
        {
            "lstm": nn.LSTM(spec.n_inputs, spec.units, spec.layers),
            "output": nn.Linear(spec.units, spec.n_params),
            "embeddings": nn.ModuleList([nn.Embedding(*size) for size in sizes]),
        }
    )
    with torch.no_grad():
        module["lstm"].weight_ih_l0[:, : len(idle)][:, torch.from_numpy(idle)] = 0.0
    return module


def loss_of(module: Any, spec: ForecastSpec, batch: dict[str, Any]) -> Any:
    """Give the mean negative log-likelihood of the values that are known.

    Parameters
    ----------
    module : torch.nn.ModuleDict
        As `build` makes it.
    spec : ForecastSpec
    batch : dict of str to Tensor
        As `Windows` gives it.

    Returns
    -------
    Tensor
        One number.
    """
    torch = require("torch", "train")
    raw = raw_of(module, batch["inputs"], batch["cat"])
    target, scale = batch["target"], batch["scale"]
    known = ~torch.isnan(target)
    target = torch.where(known, target, torch.zeros_like(target))
    minus = _student_loss if spec.likelihood == "student-t" else _count_loss
    losses = minus(torch, raw.double(), target.double(), scale.double())
    return (losses * known).sum() / known.sum().clamp(min=1)


def raw_of(module: Any, inputs: Any, cat: Any) -> Any:
    """Run the network: inputs (rows, windows, n_rolled) to (rows, windows, parameters)."""
    torch = require("torch", "train")
    embedded = [layer(cat[:, place]) for place, layer in enumerate(module["embeddings"])]
    if embedded:
        constant = torch.cat(embedded, dim=1).expand(len(inputs), -1, -1)
        inputs = torch.cat([inputs, constant], dim=2)
    return module["output"](module["lstm"](inputs)[0])


def _student_loss(torch: Any, raw: Any, target: Any, scale: Any) -> Any:
    softplus = torch.nn.functional.softplus
    spread, df = softplus(raw[..., 1]) + LEAST_SPREAD, softplus(raw[..., 2]) + 2.0
    z = (target / scale - raw[..., 0]) / spread
    half = 0.5 * (df + 1.0)
    return (
        half * torch.log1p(z * z / df)
        + spread.log()
        + 0.5 * (df * math.pi).log()
        + torch.lgamma(0.5 * df)
        - torch.lgamma(half)
    )


def _count_loss(torch: Any, raw: Any, target: Any, scale: Any) -> Any:
    softplus = torch.nn.functional.softplus
    mean = (softplus(raw[..., 0]) + LEAST_SPREAD) * scale
    dispersion = softplus(raw[..., 1]) / scale.sqrt() + LEAST_DISPERSION
    size, product = 1.0 / dispersion, dispersion * mean
    return (
        torch.lgamma(size)
        + torch.lgamma(target + 1.0)
        - torch.lgamma(target + size)
        + (size + target) * torch.log1p(product)
        - target * product.log()
    )


def export(module: Any, spec: ForecastSpec) -> dict[str, NDArray[np.float32]]:
    """Give the weights by the names of `ForecastSpec.weight_shapes`."""
    state = {name: each.detach().cpu().numpy() for name, each in module.state_dict().items()}
    weights = {}
    for layer in range(spec.layers):
        weights[f"lstm.{layer}.input"] = state[f"lstm.weight_ih_l{layer}"]
        weights[f"lstm.{layer}.hidden"] = state[f"lstm.weight_hh_l{layer}"]
        both = state[f"lstm.bias_ih_l{layer}"] + state[f"lstm.bias_hh_l{layer}"]
        weights[f"lstm.{layer}.bias"] = both
    weights["output.weight"], weights["output.bias"] = state["output.weight"], state["output.bias"]
    for place in range(len(spec.cardinality)):
        weights[f"embedding.{place}"] = state[f"embeddings.{place}.weight"]
    return {name: np.ascontiguousarray(each, np.float32) for name, each in weights.items()}
