"""Options of the commands that train a network."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["BatchSize", "Checkpoint", "Device", "LearningRate", "Patience", "RandomState"]

_TRAINING = "Training"

BatchSize = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_TRAINING, help="Windows in a step.")
]
LearningRate = Annotated[
    float, typer.Option(metavar="R", rich_help_panel=_TRAINING, help="Of Adam.")
]
Patience = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        rich_help_panel=_TRAINING,
        help="Epochs without a lower loss on held-out rows after which training stops.",
    ),
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
RandomState = Annotated[
    int,
    typer.Option(
        min=0, metavar="N", rich_help_panel=_TRAINING, help="The seed: same seed, same network."
    ),
]
