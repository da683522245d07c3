"""Options that all detectors share: when to raise an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastrcf._forest.checks import integer, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray

__all__ = ["AlarmSettings", "alarm_settings"]


class AlarmSettings(NamedTuple):
    """Checked options; see `ForestDetector`."""

    alarm_rate: float
    rest: int
    ignore_amount: FloatArray | None
    ignore_ratio: FloatArray | None


def alarm_settings(
    alarm_rate: float,
    rest: int,
    ignore_amount: float | Sequence[float] | None,
    ignore_ratio: float | Sequence[float] | None,
    width: int,
) -> AlarmSettings:
    """Check the options that decide on alarms.

    Raises
    ------
    TypeError, ValueError
        One is wrong; the message names it.
    """
    rate = real("alarm_rate", alarm_rate)
    if not 0.0 < rate < 0.4:
        raise ValueError(f"alarm_rate: expected a number in (0, 0.4), got {rate}")
    return AlarmSettings(
        rate,
        integer("rest", rest, 0, 1_000_000_000),
        _band("ignore_amount", ignore_amount, width),
        _band("ignore_ratio", ignore_ratio, width),
    )


def _band(name: str, value: float | Sequence[float] | None, width: int) -> FloatArray | None:
    if value is None:
        return None
    band = np.asarray(value, np.float64)
    if band.shape not in ((), (width,)):
        raise ValueError(
            f"{name}: expected one number or one for each of {width} columns, "
            f"got shape {band.shape}"
        )
    if not (np.isfinite(band) & (band >= 0.0)).all():
        raise ValueError(f"{name}: expected finite numbers of at least 0, got {value!r}")
    return np.broadcast_to(band, (width,)).copy()
