"""How fast networks are trained: ``python -m benchmarks.training [--quick] [--threads N]``.

One step (forward, backward, Adam) beside plain PyTorch with the same weights and batches, in turns;
every peer's loss after the same steps is compared before its time is printed. Then whole epochs
through `LstmAutoencoder.fit` on made data of two years of five-minute rows with 39 columns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import machine
from benchmarks.timing import WrongAnswerError
from benchmarks.workloads import SEED, FloatArray
from fastrcf.neural import LstmAutoencoder
from fastrcf.neural.modules import make_network
from fastrcf.neural.spec import LstmSpec

ROWS, COLUMNS, EPOCHS, BATCH = 210_240, 39, 20, 128
SPECS = {
    "5 × 39, 128-64-64-128, ReLU": {"encoder": (128, 64), "activation": "relu"},
    "5 × 39, 64-32-32-64, ReLU": {"encoder": (64, 32), "activation": "relu"},
    "5 × 39, 128-64-64-128, tanh": {"encoder": (128, 64), "activation": "tanh"},
}


class PlainLayer(nn.Module):  # type: ignore[misc]
    """LSTM cells step by step, as a walkthrough would write them for ReLU."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.act = torch.relu if layer.activation == "relu" else torch.tanh
        self.input, self.hidden, self.bias = (
            nn.Parameter(each.detach().clone()) for each in layer.parameters()
        )

    def forward(self, x: Any) -> Any:
        h = c = x.new_zeros(x.shape[1], self.hidden.shape[1])
        states = []
        for step in x:
            gates = step @ self.input.T + self.bias + h @ self.hidden.T
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.act(g)
            h = torch.sigmoid(o) * self.act(c)
            states.append(h)
        return torch.stack(states)


class OwnLayer(nn.Module):  # type: ignore[misc]
    """PyTorch's own layer, which knows tanh alone."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        units, inputs = layer.hidden.shape[1], layer.input.shape[1]
        self.lstm = nn.LSTM(inputs, units)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(layer.input)
            self.lstm.weight_hh_l0.copy_(layer.hidden)
            self.lstm.bias_ih_l0.copy_(layer.bias)
            self.lstm.bias_hh_l0.zero_().requires_grad_(False)  # two biases learn twice as fast

    def forward(self, x: Any) -> Any:
        return self.lstm(x)[0]


class Peer(nn.Module):  # type: ignore[misc]
    """The autoencoder with other layers of the same weights."""

    def __init__(self, network: Any, kind: Callable[[Any], Any]) -> None:
        super().__init__()
        self.spec = network.spec
        self.layers = nn.ModuleList([kind(layer) for layer in network.layers])
        self.output = nn.Linear(network.output.in_features, network.output.out_features)
        self.output.load_state_dict(network.output.state_dict())

    def forward(self, windows: Any) -> Any:
        x = windows.transpose(0, 1)
        for place, layer in enumerate(self.layers):
            if place == len(self.spec.encoder):
                x = x[-1].repeat(self.spec.window_size, 1, 1)
            x = layer(x)
        return self.output(x).transpose(0, 1)


def made_rows(n: int = ROWS, width: int = COLUMNS) -> FloatArray:
    """Make rows that a few daily waves explain, with noise."""
    rng = np.random.default_rng(SEED)
    day = np.arange(n)[:, None] * 2 * np.pi / 288
    waves = np.sin(day * np.arange(1, 5) + rng.uniform(0, 6, 4))
    return waves @ rng.normal(size=(4, width)) + rng.normal(0, 0.2, (n, width))


def compare(options: dict[str, Any], rounds: int, steps: int) -> dict[str, float]:
    """Give the milliseconds of one step: medians of rounds in turns."""
    spec = LstmSpec(window_size=5, n_features=COLUMNS, **options)
    ours = make_network(spec, 0)
    kinds: dict[str, Callable[[Any], Any]] = {"plain cells": PlainLayer}
    if spec.activation == "tanh":
        kinds["nn.LSTM"] = OwnLayer
    networks = {"fastrcf": ours} | {name: Peer(ours, kind) for name, kind in kinds.items()}
    table = torch.from_numpy(made_rows(4000).astype(np.float32))
    batches = table.unfold(0, 5, 1).transpose(1, 2)[torch.randperm(3996)]
    adams = {
        name: torch.optim.Adam(each.parameters(), fused=name == "fastrcf")
        for name, each in networks.items()
    }
    # Processor time on a busy machine; with more threads it would count their waiting.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in networks}
    losses: dict[str, float] = {}
    for turn in range(rounds):
        for name, network in networks.items():
            started = clock()
            for step in range(steps):
                batch = batches[step * BATCH : (step + 1) * BATCH]
                adams[name].zero_grad()
                loss = nn.functional.mse_loss(network(batch), batch)
                loss.backward()
                adams[name].step()
            times[name].append((clock() - started) / steps * 1000)
            losses[name] = float(loss.detach())
        # Later, rounding and the second bias of nn.LSTM lead them different ways.
        if turn == 0 and max(losses.values()) > min(losses.values()) * 1.01:
            raise WrongAnswerError(f"losses differ: {losses}")
    return {name: statistics.median(each) for name, each in times.items()}


def epoch_seconds(rows: int, threads: int) -> tuple[list[float], list[float]]:
    """Train the first model for two epochs; give seconds and losses of each."""
    seconds: list[float] = []
    model = LstmAutoencoder(
        window_size=5, encoder=(128, 64), activation="relu", scaler="robust", epochs=2,
        batch_size=BATCH, patience=None, validation_fraction=0.2, device="cpu", n_jobs=threads,
    )  # fmt: skip
    model.fit(made_rows(rows), callback=lambda _, logs: seconds.append(logs["seconds"]))
    return seconds, model.history_["val_loss"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look: a tenth of the rows")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    print(*(f"{name}: {value}" for name, value in machine.facts().items()), sep="\n")
    print(f"torch: {torch.__version__}, {options.threads} threads\n")
    print(
        "| network, batch 128 | ms a step | plain cells | nn.LSTM | ratio |\n|---|---|---|---|---|"
    )
    for name, spec in SPECS.items():
        found = compare(spec, *((5, 10) if options.quick else (15, 30)))
        peers = [found.get(peer) for peer in ("plain cells", "nn.LSTM")]
        best = min(each for each in peers if each is not None)
        shown = " | ".join("–" if each is None else f"{each:.1f}" for each in peers)
        print(f"| {name} | {found['fastrcf']:.1f} | {shown} | {best / found['fastrcf']:.2f} |")
    rows = ROWS // 10 if options.quick else ROWS
    seconds, losses = epoch_seconds(rows, options.threads)
    whole = min(seconds) * ROWS / rows * EPOCHS / 60
    print(f"\nfit on {rows:,} × {COLUMNS}, a fifth held out: {seconds} s an epoch, {losses}")
    print(f"{EPOCHS} epochs on {ROWS:,} rows with all of them learned: {whole / 0.8:.1f} minutes")


if __name__ == "__main__":
    main()
