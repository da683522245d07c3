"""The losses of a training, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import real

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["History"]


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
        if not all(map(math.isfinite, (*losses["loss"], *losses["val_loss"]))):
            raise ValueError("history: expected finite losses")
        if len(losses["val_loss"]) not in {0, len(losses["loss"])}:
            raise ValueError("history: as many val_loss as loss, or none")
        return cls(**losses)
