"""What a network is: one frozen, checked configuration object for each kind.

A spec holds everything that decides which numbers a network with given weights gives. How it is
trained (epochs, rates) and how it is run (device, threads) stand elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import choice, integer, real

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ConvSpec", "LinearSpec", "LstmSpec", "Spec", "spec_from_dict", "spec_to_dict"]

MAX_WINDOW, MAX_FEATURES, MAX_UNITS, MAX_LAYERS = 10_000, 10_000, 4096, 16


@dataclass(frozen=True, kw_only=True)
class LstmSpec:
    """LSTM autoencoder over windows of rows.

    The encoder's layers read a window; the last state of the last one, repeated `window_size`
    times, is what the decoder's layers read; a dense layer makes the reconstruction of it.

    Parameters
    ----------
    window_size : int
        Rows in a window.
    n_features : int
        Columns.
    encoder : tuple of int, default (64, 32)
        Units of the encoder's layers, from the input on.
    decoder : tuple of int, optional
        Units of the decoder's layers; the encoder's in reverse order by default.
    activation : {'tanh', 'relu'}, default 'tanh'
        Of candidate and output of a cell: 'tanh' as PyTorch has it, 'relu' as Keras with
        ``activation='relu'``; gates are sigmoid.
    output : {'linear', 'sigmoid'}, default 'linear'
        What the dense layer ends with.
    dropout : float, default 0.0
        Share of a layer's outputs that is left out in training, between layers, in [0, 1).
    """

    window_size: int
    n_features: int
    encoder: tuple[int, ...] = (64, 32)
    decoder: tuple[int, ...] | None = None
    activation: str = "tanh"
    output: str = "linear"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_shape(self)
        _set(self, "encoder", _units("encoder", self.encoder))
        decoder = self.encoder[::-1] if self.decoder is None else self.decoder
        _set(self, "decoder", _units("decoder", decoder))
        choice("activation", self.activation, ("tanh", "relu"))
        choice("output", self.output, ("linear", "sigmoid"))
        _check_dropout(self)

    @property
    def layers(self) -> tuple[tuple[str, int, int], ...]:
        """Name, inputs and units of each recurrent layer, from the input on."""
        assert self.decoder is not None
        names = [f"encoder.{place}" for place in range(len(self.encoder))]
        names += [f"decoder.{place}" for place in range(len(self.decoder))]
        units = [*self.encoder, *self.decoder]
        return tuple(zip(names, [self.n_features, *units[:-1]], units, strict=True))


@dataclass(frozen=True, kw_only=True)
class LinearSpec:
    """Autoencoder of dense layers over whole windows, with batch norm and leaky ReLU between.

    Parameters
    ----------
    window_size : int
        Rows in a window.
    n_features : int
        Columns; a window is read row by row.
    hidden : tuple of int, default (250, 125, 250)
        Units of the layers between input and reconstruction.
    slope : float, default 0.01
        Of the leaky ReLU below zero.
    output : {'linear', 'sigmoid'}, default 'linear'
        What the last layer ends with.
    dropout : float, default 0.0
        Share of a layer's outputs that is left out in training, in [0, 1).
    """

    window_size: int
    n_features: int
    hidden: tuple[int, ...] = (250, 125, 250)
    slope: float = 0.01
    output: str = "linear"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_shape(self)
        _set(self, "hidden", _units("hidden", self.hidden))
        slope = real("slope", self.slope)
        if not 0.0 <= slope < 1.0:
            raise ValueError(f"slope: expected at least 0 and below 1, got {slope}")
        _set(self, "slope", slope)
        choice("output", self.output, ("linear", "sigmoid"))
        _check_dropout(self)


@dataclass(frozen=True, kw_only=True)
class ConvSpec:
    """Classifier of windows by convolutions along time.

    Parameters
    ----------
    window_size : int
        Rows in a window.
    n_features : int
        Columns.
    n_classes : int
        Kinds of windows, at least 2.
    channels : tuple of int, default (16, 32)
        Channels of the layers, each followed by ReLU and by the maximum of pairs.
    kernel_size : int, default 9
        Rows that a convolution sees, an odd number.
    dropout : float, default 0.0
        Share of the last layer's inputs that is left out in training, in [0, 1).
    """

    window_size: int
    n_features: int
    n_classes: int
    channels: tuple[int, ...] = (16, 32)
    kernel_size: int = 9
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_shape(self)
        _set(self, "n_classes", integer("n_classes", self.n_classes, 2, 10_000))
        _set(self, "channels", _units("channels", self.channels))
        size = integer("kernel_size", self.kernel_size, 1, MAX_WINDOW)
        if size % 2 == 0:
            raise ValueError(f"kernel_size: expected an odd number, got {size}")
        _set(self, "kernel_size", size)
        if self.window_size < 2 ** len(self.channels):
            raise ValueError(
                f"window_size: expected at least {2 ** len(self.channels)} rows for "
                f"{len(self.channels)} layers, got {self.window_size}"
            )
        _check_dropout(self)


Spec = LstmSpec | LinearSpec | ConvSpec
_KINDS: dict[str, type[Spec]] = {"lstm": LstmSpec, "linear": LinearSpec, "conv": ConvSpec}


def spec_to_dict(spec: Spec) -> dict[str, Any]:
    """Give a spec as what JSON holds, with its kind under ``"kind"``."""
    kind = next(name for name, each in _KINDS.items() if isinstance(spec, each))
    return {
        "kind": kind,
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(spec).items()
        },
    }


def spec_from_dict(state: Mapping[str, Any]) -> Spec:
    """Make a spec of what `spec_to_dict` gave.

    Raises
    ------
    TypeError, ValueError
        The kind is unknown, a name is unknown or missing, or a value is wrong.

    Examples
    --------
    >>> spec = LstmSpec(window_size=5, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid")
    >>> spec_from_dict(spec_to_dict(spec)) == spec
    True
    """
    values = dict(state)
    kind = _KINDS[choice("kind", values.pop("kind", None), tuple(_KINDS))]
    unknown = set(values) - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"spec: expected {[f.name for f in fields(kind)]}, got {sorted(unknown)}")
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return kind(**options)


def _set(spec: object, name: str, value: object) -> None:
    """Put a checked value in its plain form into a frozen object that is being made."""
    object.__setattr__(spec, name, value)


def _check_shape(spec: Spec) -> None:
    _set(spec, "window_size", integer("window_size", spec.window_size, 1, MAX_WINDOW))
    _set(spec, "n_features", integer("n_features", spec.n_features, 1, MAX_FEATURES))


def _check_dropout(spec: Spec) -> None:
    dropout = real("dropout", spec.dropout)
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout: expected at least 0 and below 1, got {dropout}")
    _set(spec, "dropout", dropout)


def _units(name: str, sizes: object) -> tuple[int, ...]:
    if not isinstance(sizes, tuple | list):
        raise TypeError(f"{name}: expected a tuple of layer sizes, got {sizes!r}")
    if not 1 <= len(sizes) <= MAX_LAYERS:
        raise ValueError(f"{name}: expected 1 to {MAX_LAYERS} layers, got {len(sizes)}")
    return tuple(
        integer(f"{name}[{place}]", size, 1, MAX_UNITS) for place, size in enumerate(sizes)
    )
