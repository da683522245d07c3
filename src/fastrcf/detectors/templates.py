"""Autoencoders as options of detectors: unfitted ones say what to train."""

from __future__ import annotations

import importlib
from typing import Any

from fastrcf._forest.container import plain
from fastrcf.errors import ModelFormatError

__all__ = ["fresh", "from_plain", "network_kind", "to_plain", "usual"]

NETWORKS = {
    "LinearAutoencoder": "fastrcf.neural.autoencoder",
    "LstmAutoencoder": "fastrcf.neural.autoencoder",
}
"""Kinds of autoencoders and their modules; a kind is the name of its class."""


def usual() -> Any:
    """Make the template that is used when none is given."""
    kind = importlib.import_module(NETWORKS["LinearAutoencoder"]).LinearAutoencoder
    return kind(window_size=10, hidden=(250, 32, 250))


def network_kind(template: object) -> str:
    """Name the kind of an autoencoder.

    Raises
    ------
    TypeError
        It is none.
    """
    kind = type(template).__name__
    if kind not in NETWORKS or not hasattr(template, "get_params"):
        raise TypeError(f"autoencoder: expected one of {sorted(NETWORKS)} or None, got {kind}")
    return kind


def fresh(template: Any) -> Any:
    """Make an unfitted autoencoder of the same options."""
    return type(template)(**template.get_params())


def to_plain(template: Any) -> dict[str, Any] | None:
    """Give a template as what JSON holds."""
    if template is None:
        return None
    options = {name: plain(value) for name, value in template.get_params().items()}
    return {"kind": network_kind(template), "options": options}


def from_plain(state: Any) -> Any:
    """Make the template that `to_plain` gave."""
    if state is None:
        return None
    if not isinstance(state, dict) or state["kind"] not in NETWORKS:
        raise ModelFormatError(f"autoencoder: expected one of {sorted(NETWORKS)}, got {state}")
    if not isinstance(state["options"], dict):
        raise ModelFormatError(f"autoencoder: expected options by name, got {state['options']!r}")
    kind = getattr(importlib.import_module(NETWORKS[state["kind"]]), state["kind"])
    options = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in state["options"].items()
    }
    return kind(**options)
