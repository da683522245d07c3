"""A bar for people who wait for a training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastrcf.neural._history import History

__all__ = ["training_bar"]


@contextmanager
def training_bar(epochs: int, *, is_shown: bool) -> Iterator[Callable[[float, History], None]]:
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
