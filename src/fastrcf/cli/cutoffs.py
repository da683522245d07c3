"""Cutoffs as the command line names them: ``sigma:3``, ``f1``, ``column`` and others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastrcf.cli.exits import CliError, ExitCode
from fastrcf.thresholds import (
    BestThreshold,
    FixedThreshold,
    MadThreshold,
    PotThreshold,
    QuantileThreshold,
    SigmaThreshold,
    Threshold,
)

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.labelled import Labelled

__all__ = ["COLUMN", "Cutoff", "Spec", "parse"]

COLUMN = "column"

_KINDS: dict[str, Callable[[float], Threshold]] = {
    "fixed": FixedThreshold,
    "sigma": SigmaThreshold,
    "mad": MadThreshold,
    "quantile": QuantileThreshold,
    "pot": PotThreshold,
    "f1": lambda steps: BestThreshold(steps=_whole(steps)),
}
_DEFAULTS: dict[str, Callable[[], Threshold]] = {
    "sigma": SigmaThreshold,
    "mad": MadThreshold,
    "quantile": QuantileThreshold,
    "pot": PotThreshold,
    "f1": BestThreshold,
}
_EXPECTED = (
    "expected column[:NAME], f1[:STEPS], sigma[:Z], mad[:K], quantile[:Q], pot[:RATE] or fixed:X"
)


@dataclass(frozen=True)
class Cutoff:
    """A cutoff for all rows or one for each; none, and why."""

    name: str
    value: float | FloatArray | None
    reason: str = ""

    @property
    def ends(self) -> tuple[float, float] | None:
        """The lowest and the highest; None where there is none at all."""
        if self.value is None:
            return None
        values = np.atleast_1d(self.value)
        values = values[~np.isnan(values)]
        return (float(values.min()), float(values.max())) if len(values) else None


@dataclass(frozen=True)
class Spec:
    """How to come by a cutoff: the name of a column, or a threshold to fit."""

    text: str
    column: str | None = None
    threshold: Threshold | None = None

    def cutoff(self, data: Labelled) -> Cutoff:
        """Read the column, or fit the threshold on all scores."""
        if self.column is not None:
            return Cutoff(self.text, data.cutoffs[self.column])
        assert self.threshold is not None
        if isinstance(self.threshold, FixedThreshold):
            return Cutoff(self.text, self.threshold.cutoff_)
        reason = ""
        if not data.scores.any():
            reason = "no row has a score"
        elif isinstance(self.threshold, BestThreshold) and not data.labels.any():
            reason = "no row is anomalous"
        else:
            value = self.threshold.fit(data.scores, data.labels).cutoff_
            if not np.isnan(value):
                return Cutoff(self.text, value)
            reason = "there are too few scores for it"
        return Cutoff(self.text, None, reason)


def parse(text: str, own_column: str) -> Spec:
    """Read what ``--threshold`` says.

    Parameters
    ----------
    text
        As ``sigma:3``.
    own_column
        The column that ``column`` means without a name.

    Returns
    -------
    Spec
        How to come by the cutoff.

    Raises
    ------
    CliError
        There is no such threshold, or its number is out of range.
    """
    kind, colon, value = text.partition(":")
    if kind == COLUMN and bool(colon) == bool(value):
        return Spec(text, column=value or own_column)
    try:
        if colon and kind in _KINDS:
            threshold = _KINDS[kind](_number(text, value))
        elif not colon and kind in _DEFAULTS:
            threshold = _DEFAULTS[kind]()
        else:
            raise CliError(ExitCode.USAGE, f"--threshold {text}: {_EXPECTED}")
        threshold.to_dict()  # checks its options
    except (TypeError, ValueError) as error:
        raise CliError(ExitCode.BAD_CONFIG, f"--threshold {text}: {error}") from None
    return Spec(text, threshold=threshold)


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise CliError(
            ExitCode.USAGE, f"--threshold {text}: expected a number, got {value!r}"
        ) from None


def _whole(steps: float) -> int:
    if not steps.is_integer():
        raise ValueError(f"steps: expected a whole number, got {steps:g}")
    return int(steps)
