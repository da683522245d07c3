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
from fastrcf.errors import DeviceError
from fastrcf.neural._checkpoint import read_checkpoint, write_checkpoint
from fastrcf.neural._course import Course
from fastrcf.neural._history import History
from fastrcf.neural._training_bar import training_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fastrcf._typing import StrPath

    Callback = Callable[[int, Mapping[str, Any]], object]

__all__ = ["History", "Training", "train", "training_device"]


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
    with (
        _threads(resolve_n_jobs(options.n_jobs)),
        training_bar(options.epochs, is_shown=progress) as show,
    ):
        course = Course(network, loss, items, validation, options)
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


def _above_zero(name: str, value: object) -> float:
    number = real(name, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}: expected a number above 0, got {number}")
    return number
