"""A layer of LSTM cells with tanh or ReLU, laid out so that training spends its time in products.

What the cells' input contributes is one product for all steps (for an input that is repeated, for
one step), the first step has no recurrent product, as the state starts at 0, and the backward pass
is written out: all that does not depend on later steps is computed for all steps at once, and each
weight's gradient is one product.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["LstmLayer"]


class LstmLayer(nn.Module):  # type: ignore[misc] # PyTorch is not read
    """One layer; the state starts at 0.

    Parameters
    ----------
    inputs, units : int
        Values that a step takes and gives.
    activation : {'tanh', 'relu'}
        Of candidate and output; gates are sigmoid.

    Attributes
    ----------
    input, hidden, bias : torch.nn.Parameter
        Shapes (4 · units, inputs), (4 · units, units) and (4 · units,); gates in the order i, f, g,
        o.
    """

    def __init__(self, inputs: int, units: int, activation: str) -> None:
        super().__init__()
        self.activation = activation
        self.input = nn.Parameter(torch.empty(4 * units, inputs))
        self.hidden = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.empty(4 * units))

    def forward(self, x: Tensor, n_steps: int) -> Tensor:
        """Give the states (n_steps, n, units) for inputs (n_steps, n, inputs).

        An input of one step is repeated.
        """
        states: Tensor = _Recurrence.apply(
            x, self.input, self.hidden, self.bias, n_steps, self.activation
        )
        return states

    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial weights: as PyTorch does for tanh, as Keras does for ReLU."""
        units = self.hidden.shape[1]
        if self.activation == "relu":
            nn.init.xavier_uniform_(self.input, generator=generator)
            nn.init.orthogonal_(self.hidden, generator=generator)
            self.bias.zero_()
            self.bias[units : 2 * units] = 1.0  # cells remember until they learn to forget
            return
        bound = 1.0 / math.sqrt(units)
        for parameter in (self.input, self.hidden, self.bias):
            parameter.uniform_(-bound, bound, generator=generator)
        # PyTorch has two biases, of which only the sum matters.
        self.bias += torch.empty_like(self.bias).uniform_(-bound, bound, generator=generator)


class _Recurrence(torch.autograd.Function):  # type: ignore[misc]
    """States of a layer, with gradients for input and weights."""

    @staticmethod
    def forward(  # noqa: PLR0917 - as PyTorch calls it
        context: Any,
        x: Tensor,
        input_weight: Tensor,
        hidden_weight: Tensor,
        bias: Tensor,
        n_steps: int,
        activation: str,
    ) -> Tensor:
        units, batch = hidden_weight.shape[1], x.shape[1]
        flat = x.reshape(-1, x.shape[2])
        projected = torch.addmm(bias, flat, input_weight.T).view(len(x), batch, 4 * units)
        is_repeated = len(x) < n_steps
        gates = projected.new_empty(n_steps, batch, 4 * units) if is_repeated else projected
        cells = projected.new_empty(n_steps, batch, units)
        states = torch.empty_like(cells)
        turned = hidden_weight.T
        for step in range(n_steps):
            gate, cell = gates[step], cells[step]
            given = projected[0 if is_repeated else step]
            if step > 0:
                torch.addmm(given, states[step - 1], turned, out=gate)
            elif is_repeated:
                gate.copy_(given)
            gate[:, : 2 * units].sigmoid_()
            candidate = gate[:, 2 * units : 3 * units]
            candidate.relu_() if activation == "relu" else candidate.tanh_()
            gate[:, 3 * units :].sigmoid_()
            torch.mul(gate[:, :units], candidate, out=cell)
            if step > 0:
                cell.addcmul_(gate[:, units : 2 * units], cells[step - 1])
            shown = torch.relu(cell) if activation == "relu" else torch.tanh(cell)
            torch.mul(gate[:, 3 * units :], shown, out=states[step])
        context.save_for_backward(flat, input_weight, hidden_weight, gates, cells, states)
        context.shape, context.activation, context.is_repeated = x.shape, activation, is_repeated
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        flat, input_weight, hidden_weight, gates, cells, states = context.saved_tensors
        n_steps, batch, units = cells.shape
        local, shown, output = _local_slopes(gates, cells, context.activation)
        slopes = torch.empty_like(local)
        forget = gates.view(n_steps, batch, 4, units)[:, :, 1]
        of_cell = torch.empty_like(cells[0])
        for step in range(n_steps - 1, -1, -1):
            of_state = given[step]
            if step < n_steps - 1:
                later = slopes[step + 1].view(batch, 4 * units)
                of_state = torch.addmm(of_state, later, hidden_weight)
                of_cell.mul_(forget[step + 1]).addcmul_(of_state, shown[step])
            else:
                torch.mul(of_state, shown[step], out=of_cell)
            torch.mul(local[step, :, :3], of_cell.unsqueeze(1), out=slopes[step, :, :3])
            torch.mul(output[step], of_state, out=slopes[step, :, 3])
        slopes = slopes.view(n_steps, batch, 4 * units)
        hidden_slope = slopes[1:].reshape(-1, 4 * units).T @ states[:-1].reshape(-1, units)
        total = slopes.sum(0) if context.is_repeated else slopes.view(-1, 4 * units)
        input_slope = (
            (total @ input_weight).view(context.shape) if context.needs_input_grad[0] else None
        )
        return input_slope, total.T @ flat, hidden_slope, total.sum(0), None, None


def _local_slopes(gates: Tensor, cells: Tensor, activation: str) -> tuple[Tensor, Tensor, Tensor]:
    """Give what slopes of cell and state are multiplied by, for all steps at once.

    Returns
    -------
    local : Tensor (n_steps, n, 4, units)
        Slopes of the cell by what goes into the gates i, f and g; the last is left unset.
    shown : Tensor (n_steps, n, units)
        Slope of the state by the cell.
    output : Tensor (n_steps, n, units)
        Slope of the state by what goes into the gate o.
    """
    n_steps, batch, units = cells.shape
    i, f, g, o = gates.view(n_steps, batch, 4, units).unbind(2)
    local = torch.empty_like(gates).view(n_steps, batch, 4, units)
    taken = i * g
    torch.addcmul(taken, taken, i, value=-1.0, out=local[:, :, 0])
    local[0, :, 1] = 0.0
    kept = f[1:] * cells[:-1]
    torch.addcmul(kept, kept, f[1:], value=-1.0, out=local[1:, :, 1])
    if activation == "relu":  # signs of what is never negative: 1 where the slope is 1, else 0
        seen = torch.relu(cells)
        torch.mul(i, torch.sign(g), out=local[:, :, 2])
        shown = torch.sign(seen).mul_(o)
    else:
        seen = torch.tanh(cells)
        torch.addcmul(i, taken, g, value=-1.0, out=local[:, :, 2])
        shown = torch.addcmul(o, o * seen, seen, value=-1.0)
    output = seen.mul_(o)
    return local, shown, torch.addcmul(output, output, o, value=-1.0)
