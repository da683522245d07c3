"""Options of the commands that train a network."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.options import count

__all__ = ["BatchSize", "Checkpoint", "Device", "LearningRate", "Patience", "RandomState"]

_TRAINING = "Training"

BatchSize = Annotated[int, count(_TRAINING, "Windows in a step.")]
LearningRate = Annotated[
    float, typer.Option(metavar="R", rich_help_panel=_TRAINING, help="Of Adam.")
]
Patience = Annotated[
    int,
    count(_TRAINING, "Epochs without a lower loss on held-out rows after which training stops."),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_TRAINING,
        help="Write each epoch to this file, and go on from it if it is there.",
    ),
]
Device = Annotated[str, typer.Option(rich_help_panel=_TRAINING, help="cpu, cuda, cuda:1 or auto.")]
RandomState = Annotated[int, count(_TRAINING, "The seed: same seed, same network.", least=0)]
