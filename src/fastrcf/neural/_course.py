"""A training under way: epochs of steps of Adam, and the best weights so far."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.errors import TrainingError
from fastrcf.neural._history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastrcf.neural.training import Training

__all__ = ["Course"]

_CHECKED = 64
"""Batches after which a loss that is no number stops the training."""

_EVALUATED = 1024
"""Items that are evaluated together; fixed, so that the loss does not depend on other options."""


class Course:
    """A training under way; see `fastrcf.neural.training.train` for what it is made of."""

    def __init__(
        self,
        network: Any,
        loss: Callable[[Any], Any],
        items: NDArray[np.int64],
        validation: NDArray[np.int64],
        options: Training,
    ) -> None:
        import torch

        self.network, self.loss, self.options = network, loss, options
        self.parameters = list(network.parameters())
        self.device = self.parameters[0].device
        self.items = torch.from_numpy(np.ascontiguousarray(items, np.int64))
        self.validation = torch.from_numpy(np.ascontiguousarray(validation, np.int64))
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.learning_rate, fused=True)
        for parameter in self.parameters:  # as Adam itself begins; a checkpoint needs the places
            self.optimizer.state[parameter] = {
                "step": torch.zeros((), device=self.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        buffers = [each for each in network.buffers() if each.is_floating_point()]
        self.state = [*(each.detach() for each in self.parameters), *buffers]
        self.best = [each.clone() for each in self.state]
        self.history = History()

    def tensors(self) -> list[Any]:
        """List all that training goes on from."""
        adam = [self.optimizer.state[each] for each in self.parameters]
        moments = [each[name] for each in adam for name in ("exp_avg", "exp_avg_sq")]
        return [*self.state, *self.best, *moments]

    def resumed(self) -> None:
        """Count the steps of the epochs that a checkpoint had behind it."""
        steps = len(self.history.loss) * len(self._bounds())
        for parameter in self.parameters:
            self.optimizer.state[parameter]["step"].fill_(float(steps))

    def is_over(self) -> bool:
        done, patience = len(self.history.loss), self.options.patience
        waited = done - self.history.best_epoch
        return done >= self.options.epochs or (patience is not None and waited >= patience)

    def epoch(self, show: Callable[[float, History], None]) -> None:
        """Learn each item once, and evaluate."""
        import torch

        seed = np.random.SeedSequence([self.options.random_state, len(self.history.loss)])
        drawn = [int(each) for each in seed.generate_state(2, np.uint32)]
        order = torch.randperm(len(self.items), generator=torch.Generator().manual_seed(drawn[0]))
        self.network.generator = torch.Generator(self.device).manual_seed(drawn[1])
        self.network.train()
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        bounds = self._bounds()
        for number, (start, stop) in enumerate(bounds):
            batch = self.items[order[start:stop]].to(self.device)
            total += self._step(batch) * (stop - start)
            if number % _CHECKED == 0:
                self._check(total)
                show(number / len(bounds), self.history)
        learned = self._check(total) / len(self.items)
        evaluated = (self._evaluate(),) if len(self.validation) else ()
        former = self.history
        self.history = History((*former.loss, learned), (*former.val_loss, *evaluated))
        if self.history.best_epoch == len(self.history.loss):
            for kept, current in zip(self.best, self.state, strict=True):
                # The last step may have gone too far for the losses to show it.
                self._check(current.sum(), "a weight", 0)
                kept.copy_(current)
        show(0.0, self.history)

    def report(self, started: float) -> tuple[int, dict[str, Any]]:
        """Give what a callback gets."""
        past = self.history
        logs = {
            "loss": past.loss[-1],
            "val_loss": past.val_loss[-1] if past.val_loss else None,
            "best_epoch": past.best_epoch,
            "seconds": time.perf_counter() - started,
        }
        return len(past.loss), logs

    def keep_best(self) -> None:
        for kept, current in zip(self.best, self.state, strict=True):
            current.copy_(kept)
        self.network.eval()

    def _bounds(self) -> list[tuple[int, int]]:
        """Cut the items into batches, none of which has one item: batch norm needs two."""
        n, size = len(self.items), self.options.batch_size
        starts = list(range(0, n, size))
        if len(starts) > 1 and n - starts[-1] == 1 and size > 1:
            starts.pop()
        return list(zip(starts, [*starts[1:], n], strict=True))

    def _step(self, batch: Any) -> Any:
        import torch

        self.optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        if self.options.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.options.clip_norm)
        self.optimizer.step()
        return loss.detach()

    def _evaluate(self) -> float:
        import torch

        self.network.eval()
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        with torch.no_grad():
            for batch in self.validation.split(_EVALUATED):
                total += self.loss(batch.to(self.device)).detach() * len(batch)
        return self._check(total) / len(self.validation)

    def _check(self, total: Any, what: str = "the loss", epoch: int = 1) -> float:
        """Refuse what is no number; `epoch` counts from those that are over."""
        value = float(total)
        if not math.isfinite(value):
            raise TrainingError(
                f"{what} became {value} in epoch {len(self.history.loss) + epoch}: try a lower "
                f"learning_rate than {self.options.learning_rate:g}, clip_norm=1.0, or another "
                "scaler (rows far outside the others make 'standard' and 'minmax' fail)"
            )
        return value
