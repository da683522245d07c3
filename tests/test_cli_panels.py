"""Where the help of a command lists its options."""

from __future__ import annotations

import pytest
import typer

from fastrcf.cli.app import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "panel"),
    [
        ("score", "Forest"),
        ("fit", "Forest"),
        ("detect", "Forest"),
        ("train-ae", "Training"),
        ("forecast", "Training"),
    ],
)
def test_the_seed_stands_with_what_it_seeds(command: str, panel: str) -> None:
    (seed,) = (each for each in COMMANDS[command].params if each.name == "random_state")
    assert seed.rich_help_panel == panel
