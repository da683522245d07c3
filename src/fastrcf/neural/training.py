"""Training of networks in PyTorch: one plain loop for all of them.

The loop knows neither windows nor networks: it takes a module, and a function from numbers of items
to their mean loss. What it draws (order of the items, dropout) follows from the seed and the number
of the epoch alone, so that training can stop after any epoch and go on from a checkpoint with the
same bits. PyTorch's global random state and number of threads are as before afterwards.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf._forest.checks import choice, integer, real
from fastrcf._forest.options import resolve_n_jobs, resolve_random_state
from fastrcf.errors import DeviceError, TrainingError
from fastrcf.neural._checkpoint import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fastrcf._typing import StrPath

    Callback = Callable[[int, Mapping[str, Any]], object]

__all__ = ["History", "Training", "train", "training_device"]

_CHECKED = 64
"""Batches after which a loss that is no number stops the training."""

_EVALUATED = 1024
"""Items that are evaluated together; fixed, so that the loss does not depend on other options."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained.

    Parameters
    ----------
    epochs : int, default 50
        Times that each item is shown, at most.
    batch_size : int, default 128
        Items in one step; a last one that would be alone joins the batch before.
    learning_rate : float, default 0.001
        Of Adam.
    patience : int or None, default 5
        Epochs without a lower loss (on the validation items if there are any) after which the
        training stops; None for never. The weights of the best epoch are kept in any case.
    clip_norm : float or None, default None
        Gradients whose norm is larger are scaled down to it.
    random_state : int, default 0
        Seed of initial weights, order and dropout. Equal seeds give the same weights on the same
        machine with the same libraries and number of threads.
    device : str, default 'auto'
        'cpu', 'cuda', 'cuda:1' or 'auto': the first GPU that PyTorch can use, else the CPU.
    n_jobs : int, default 1
        Threads of PyTorch, on the CPU; -1 for all processors.
    """

    epochs: int = 50
    batch_size: int = 128
    learning_rate: float = 1e-3
    patience: int | None = 5
    clip_norm: float | None = None
    random_state: int = 0
    device: str = "auto"
    n_jobs: int | None = 1

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "epochs", integer("epochs", self.epochs, 1, 1_000_000))
        put(self, "batch_size", integer("batch_size", self.batch_size, 1, 2**24))
        put(self, "learning_rate", _above_zero("learning_rate", self.learning_rate))
        if self.patience is not None:
            put(self, "patience", integer("patience", self.patience, 1, 1_000_000))
        if self.clip_norm is not None:
            put(self, "clip_norm", _above_zero("clip_norm", self.clip_norm))
        put(self, "random_state", resolve_random_state(self.random_state))
        check_device(self.device)
        resolve_n_jobs(self.n_jobs)


@dataclass(frozen=True)
class History:
    """Losses of the epochs so far.

    Attributes
    ----------
    loss : tuple of float
        Mean over the training items while they were learned.
    val_loss : tuple of float
        Mean over the validation items after each epoch; empty without any.
    """

    loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()

    @property
    def watched(self) -> tuple[float, ...]:
        """The losses that say which epoch is best."""
        return self.val_loss or self.loss

    @property
    def best_epoch(self) -> int:
        """The first epoch with the lowest loss, counted from 1; 0 before any."""
        return self.watched.index(min(self.watched)) + 1 if self.loss else 0

    def to_dict(self) -> dict[str, list[float]]:
        """Give it as lists by name, as JSON holds them."""
        return {"loss": list(self.loss), "val_loss": list(self.val_loss)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> History:
        """Make it of what `to_dict` gave.

        Raises
        ------
        TypeError, ValueError
            It is something else.
        """
        if set(state) != {"loss", "val_loss"}:
            raise ValueError(f"history: expected loss and val_loss, got {sorted(state)}")
        losses = {
            name: tuple(real(name, each) for each in values) for name, values in state.items()
        }
        if len(losses["val_loss"]) not in {0, len(losses["loss"])}:
            raise ValueError("history: as many val_loss as loss, or none")
        return cls(**losses)


def train(
    network: Any,
    loss: Callable[[Any], Any],
    items: NDArray[np.int64],
    validation: NDArray[np.int64],
    options: Training,
    *,
    callback: Callback | None = None,
    progress: bool = False,
    checkpoint: StrPath | None = None,
    identity: str = "",
) -> History:
    """Train a network; it has the weights of its best epoch afterwards.

    Parameters
    ----------
    network : torch.nn.Module
        With initial weights, on its device. It is changed. If it has an attribute ``generator``, a
        torch.Generator is put there for what it draws.
    loss : callable
        Takes a tensor of items, int64, on the device of the network, and gives their mean loss.
    items, validation : ndarray of int64
        What is learned, and what the epochs are judged by; `validation` may be empty.
    options : Training
        How.
    callback : callable, optional
        Called as ``callback(epoch, logs)`` after each epoch; epochs count from 1, and `logs` has
        ``loss``, ``val_loss`` (None without validation items), ``best_epoch`` and ``seconds``. The
        training ends if it gives True.
    progress : bool, default False
        Show a bar with the losses on standard error.
    checkpoint : path-like, optional
        A file that is replaced after each epoch. If it is there, training goes on from it.
    identity : str
        What network, data and options make up; the checkpoint of another one is refused.

    Returns
    -------
    History
        The losses of all epochs, those before a checkpoint included.

    Raises
    ------
    TrainingError
        The loss became infinite or NaN.
    ModelFormatError
        The checkpoint cannot be read.
    ValueError
        There are fewer than two items, or the checkpoint belongs to another training.
    """
    if len(items) < 2:
        raise ValueError(f"items: expected at least 2 to learn from, got {len(items)}")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: expected a function, got {type(callback).__name__}")
    with _threads(resolve_n_jobs(options.n_jobs)), _bar(options.epochs, is_shown=progress) as show:
        course = _Course(network, loss, items, validation, options)
        if checkpoint is not None:
            course.history = read_checkpoint(checkpoint, course.tensors(), identity, options.epochs)
            course.resumed()
        while not course.is_over():
            started = time.perf_counter()
            course.epoch(show)
            if checkpoint is not None:
                write_checkpoint(checkpoint, course.tensors(), identity, course.history)
            if callback is not None and callback(*course.report(started)) is True:
                break
        course.keep_best()
    return course.history


def check_device(device: object) -> str:
    """Check the name of a device.

    Parameters
    ----------
    device : object
        What the user gave.

    Returns
    -------
    str
        'auto', 'cpu', 'cuda' or 'cuda:' and a number.

    Raises
    ------
    TypeError, ValueError
        It is something else.
    """
    if isinstance(device, str) and device.startswith("cuda:") and device[5:].isdecimal():
        return device
    return choice("device", device, ("auto", "cpu", "cuda"))


def training_device(device: str) -> Any:
    """Find the device that networks are trained on.

    Parameters
    ----------
    device : str
        'cpu', 'cuda', 'cuda:1' or 'auto'.

    Returns
    -------
    torch.device
        It is there.

    Raises
    ------
    MissingExtraError
        torch is not installed.
    DeviceError
        The device is not there.
    """
    torch: Any = require("torch", "train")
    name = check_device(device)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    place = int(name.partition(":")[2] or 0)
    if name != "cpu" and place >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise DeviceError(f"device={name!r}: PyTorch {torch.__version__} finds {found} GPUs here")
    return torch.device(name)


class _Course:
    """A training under way."""

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


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Give PyTorch this many threads while the block runs."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _bar(epochs: int, *, is_shown: bool) -> Iterator[Callable[[float, History], None]]:
    """Show epochs and losses on standard error."""
    if not is_shown:
        yield lambda share, history: None  # noqa: ARG005
        return
    from rich import progress as parts
    from rich.console import Console

    bar = parts.Progress(
        parts.TextColumn("epoch {task.fields[epoch]}"),
        parts.BarColumn(),
        parts.TextColumn("{task.fields[losses]}"),
        console=Console(stderr=True),
    )
    task = bar.add_task("training", total=float(epochs), epoch=f"0/{epochs}", losses="")

    def show(share: float, history: History) -> None:
        done = len(history.loss)
        losses = [f"loss {history.loss[-1]:.4g}"] if history.loss else []
        if history.val_loss:
            losses.append(f"validation {history.val_loss[-1]:.4g}")
        if losses:
            losses.append(f"best {min(history.watched):.4g} in epoch {history.best_epoch}")
        text = " · ".join(losses)
        bar.update(task, completed=done + share, epoch=f"{done}/{epochs}", losses=text)

    with bar:
        yield show


def _above_zero(name: str, value: object) -> float:
    number = real(name, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}: expected a number above 0, got {number}")
    return number
