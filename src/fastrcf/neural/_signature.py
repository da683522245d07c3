"""What a model takes and gives, as an opened session tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastrcf.errors import ModelFormatError

__all__ = ["Signature"]

Length = int | str | None  # lengths that are open have a name or none


@dataclass(frozen=True)
class Signature:
    """Shapes of the one input and the one output, and what the model says about itself."""

    batch: Length
    """Rows or windows in a call."""

    given: tuple[Length, ...]
    """Shape of one of them."""

    wanted: tuple[Length, ...]
    """Shape of one result."""

    window_size: int
    """Rows in a window where the model says it, else 1."""

    widest: int
    """Units of the widest layer where the model says them, else 64."""

    @classmethod
    def read(cls, session: Any) -> Signature:
        """Read a session.

        Parameters
        ----------
        session : onnxruntime.InferenceSession
            Of a model that may come from anywhere.

        Returns
        -------
        Signature
            What it takes and gives.

        Raises
        ------
        ModelFormatError
            It has several inputs or outputs, other types than float32, or too few dimensions; or
            its metadata are broken.
        """
        try:
            inputs, outputs = session.get_inputs(), session.get_outputs()
            metadata = session.get_modelmeta().custom_metadata_map
            kinds = {value.name: value.type for value in (*inputs, *outputs)}
            given, wanted = inputs[0].shape if inputs else [], outputs[0].shape if outputs else []
        except UnicodeDecodeError as error:
            raise ModelFormatError(f"model: its names cannot be read: {error}") from error
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFormatError(
                f"model: expected 1 input and 1 output, got {len(inputs)} and {len(outputs)}"
            )
        for name, kind in kinds.items():
            if kind != "tensor(float)":
                raise ModelFormatError(f"model: expected float32, got {kind} ({name})")
        if len(given) not in (2, 3) or len(wanted) < 1:
            raise ModelFormatError(
                "model: expected an input of shape (t, n_features) or (n, window_size, "
                f"n_features) and one result for each window, got {given} and {wanted}"
            )
        spec = _spec(metadata)
        try:
            size = int(spec.get("window_size", 1)) if len(given) == 2 else 1
            layers = [spec.get(name) or () for name in ("encoder", "decoder", "hidden")]
            widest = max((int(units) for sizes in layers for units in sizes), default=64)
        except (TypeError, ValueError) as error:
            raise ModelFormatError(f"model: its metadata cannot be read: {error}") from error
        return cls(given[0], tuple(given[1:]), tuple(wanted[1:]), size, widest)


def _spec(metadata: dict[str, str]) -> dict[str, Any]:
    """Read the spec of our own graphs; a foreign model has none."""
    try:
        spec = json.loads(metadata.get("fastrcf", "{}")).get("spec", {})
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelFormatError(f"model: its metadata cannot be read: {error}") from error
    if not isinstance(spec, dict):
        raise ModelFormatError("model: its metadata cannot be read: no spec")
    return spec
