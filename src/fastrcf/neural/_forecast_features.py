"""What a network that forecasts sees of a series: the same numbers however the rows come in."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastrcf.neural._forecast_spec import PERIODS, ForecastSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray

__all__ = ["FeatureStream", "Scales"]

_CLIP = 1e4
"""Scaled values beyond it are fed as this: the gates are saturated long before."""

_BACK = 64
"""Rows that are searched at first for the latest known value."""

_LEAST = 1e-3
"""Least scale, as a share of the least one of the training series."""


@dataclass(frozen=True)
class Scales:
    """What was learned of the training series besides the weights.

    Parameters
    ----------
    usual : float
        Geometric mean of the series' mean absolute values: the scale where no row is known.
    least : float
        No scale is less.
    center, spread : tuple of float
        Mean and deviation of each dynamic feature.
    """

    usual: float
    least: float
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @classmethod
    def of(cls, targets: Sequence[FloatArray], dynamic: Sequence[FloatArray]) -> Scales:
        """Learn them: `targets` of shape (n,) each, and dynamic features (n, k) beside them."""
        known = [np.abs(target[~np.isnan(target)]) for target in targets]
        means = [float(each.mean()) for each in known if len(each) and each.any()] or [1.0]
        rows = np.concatenate(dynamic)
        spread = rows.std(axis=0)
        return cls(
            usual=math.exp(sum(map(math.log, means)) / len(means)),
            least=_LEAST * min(means),
            center=tuple(rows.mean(axis=0).tolist()),
            spread=tuple(np.where(spread > 0.0, spread, 1.0).tolist()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give them as what JSON holds."""
        return {**asdict(self), "center": list(self.center), "spread": list(self.spread)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Make those that `to_dict` gave; what is wrong is a KeyError, TypeError or ValueError."""
        scales = cls(
            float(state["usual"]),
            float(state["least"]),
            tuple(map(float, state["center"])),
            tuple(map(float, state["spread"])),
        )
        positive = [scales.usual, scales.least, *scales.spread]
        if not np.isfinite([*positive, *scales.center]).all() or min(positive) <= 0.0:
            raise ValueError("scales: expected finite numbers, and positive ones")
        return scales


class FeatureStream:
    """Turns rows into inputs, one after the other or many at once: the same bits.

    The inputs of a row know the rows before it and, of the row itself, the clock and the dynamic
    features alone. In this order they are: values at the lags over the scale of the row (a missing
    value is taken as the latest known one before it, or 0), the logarithm of one plus the number of
    missing rows just before, the logarithm of the scale over the usual one, sine and cosine of the
    phase in each period of the calendar, and the dynamic features, standardised.

    The scale of a row is the mean absolute value of the `context` rows before it.

    Parameters
    ----------
    spec : ForecastSpec
    scales : Scales
    n_series : int
        Series side by side, on one clock.
    first : int, default 0
        Seconds since 1970 of the first row.
    """

    def __init__(self, spec: ForecastSpec, scales: Scales, n_series: int, first: int = 0) -> None:
        self.spec, self.scales, self.first = spec, scales, first
        self.n_seen = 0
        # Rows that later inputs depend on; then what came before them: latest values, and ages.
        self.tail: FloatArray = np.empty((0, n_series))
        self.filled = np.zeros(n_series)
        self.age = np.zeros(n_series)

    @property
    def n_series(self) -> int:
        """Series side by side."""
        return len(self.filled)

    def peek(self, dynamic: FloatArray | None = None) -> tuple[NDArray[np.float32], FloatArray]:
        """Give inputs and scale of the next row; see `push`."""
        return self._inputs(np.full((1, self.n_series), np.nan), dynamic)[:2]

    def push(
        self, rows: FloatArray, dynamic: FloatArray | None = None
    ) -> tuple[NDArray[np.float32], FloatArray]:
        """Take the next rows.

        Parameters
        ----------
        rows : ndarray of shape (n, n_series)
            NaN is missing.
        dynamic : ndarray of shape (n, n_series, k), optional
            The dynamic features of these rows.

        Returns
        -------
        inputs : ndarray of shape (n, n_series, n_rolled), float32
            What the network sees.
        scale : ndarray of shape (n, n_series), float64
            Scale of each row.
        """
        inputs, scale, filled, age = self._inputs(rows, dynamic)
        known = np.concatenate([self.tail, rows])
        self.n_seen += len(rows)
        drop = len(known) - self.n_kept(self.n_seen)
        self.tail = known[drop:].copy()
        self.filled, self.age = filled[drop].copy(), age[drop].copy()
        return inputs, scale

    def n_kept(self, n_seen: int) -> int:
        """Tell how many rows of so many are kept: those back to the start of the block before."""
        context = self.spec.context
        return min(n_seen, max(n_seen % context + context, *self.spec.lags))

    def before(self, rows: FloatArray, place: int) -> FeatureStream:
        """Give a stream that has seen the rows before a place; this one has seen none."""
        twin = FeatureStream(self.spec, self.scales, self.n_series, self.first)
        first = place - self.n_kept(place)
        size, all_found = 0, False
        while size < first and not all_found:
            size = max(_BACK, 8 * size)
            known = ~np.isnan(rows[max(0, first - size) : first])
            back = known[::-1].argmax(axis=0)  # rows from the latest known one to the tail
            found = known.any(axis=0)
            all_found = bool(found.all())
            latest = rows[first - 1 - back, np.arange(self.n_series)]
            twin.filled = np.where(found, latest, 0.0)
            twin.age = np.where(found, back, first).astype(np.float64)
        twin.n_seen, twin.tail = place, rows[first:place].copy()
        return twin

    def repeat(self, times: int) -> FeatureStream:
        """Give a stream that has each series `times` times, one copy beside the other."""
        twin = copy.copy(self)
        twin.tail = np.repeat(self.tail, times, axis=1)
        twin.filled, twin.age = np.repeat(self.filled, times), np.repeat(self.age, times)
        return twin

    # ---- inside ---------------------------------------------------------------------------------

    def _inputs(
        self, rows: FloatArray, dynamic: FloatArray | None
    ) -> tuple[NDArray[np.float32], FloatArray, FloatArray, FloatArray]:
        spec, n = self.spec, len(rows)
        known = np.concatenate([self.tail, rows])
        behind = len(self.tail)
        filled, age = _carry(known, self.filled, self.age)
        scale = self._scale(known)[behind:]
        inputs = np.empty((n, self.n_series, spec.n_rolled), np.float32)
        # Nearly always nothing is that large; then the pass over each lag is spared.
        tame = max(filled.max(), -filled.min()) <= _CLIP * scale.min(initial=np.inf)
        for place, lag in enumerate(spec.lags):
            # filled[i] is the latest value before known[i], so one more row back.
            scaled = _shifted(filled, lag - 1, behind) / scale
            inputs[:, :, place] = scaled if tame else np.clip(scaled, -_CLIP, _CLIP)
        place = len(spec.lags)
        since = age[behind : behind + n]
        inputs[:, :, place] = np.log1p(since) if since.any() else 0.0
        inputs[:, :, place + 1] = np.log(scale / self.scales.usual)
        place += 2
        inputs[:, :, place : place + 2 * len(spec.calendar)] = self._phases(n)[:, np.newaxis]
        if spec.n_dynamic:
            assert dynamic is not None
            inputs[:, :, -spec.n_dynamic :] = (dynamic - self.scales.center) / self.scales.spread
        return inputs, scale, filled, age

    def _scale(self, known: FloatArray) -> FloatArray:
        """Give mean absolute values over the `context` rows before each row.

        Sums run within blocks of `context` rows that lie where the row numbers say, forward from
        the start of a row's block and back from the end of the block before: the same additions
        for any tail.
        """
        missing = np.isnan(known)
        if missing.any():
            total = self._over_context(np.where(missing, 0.0, np.abs(known)))
            count = self._over_context((~missing).astype(np.float64))
        else:
            total = self._over_context(np.abs(known))
            first = self.n_seen - len(self.tail)
            rows_before = np.arange(first, first + len(known), dtype=np.float64)
            count = np.minimum(rows_before, self.spec.context)[:, np.newaxis]
        mean = np.where(count > 0.0, total / np.maximum(count, 1.0), self.scales.usual)
        result: FloatArray = np.maximum(mean, self.scales.least)
        return result

    def _over_context(self, values: FloatArray) -> FloatArray:
        """Add up what stands in the `context` rows before each row."""
        context = self.spec.context
        first = self.n_seen - len(self.tail)  # number of the first row that is known
        lead, (n, width) = first % context, values.shape
        blocks = -(-(lead + n) // context)
        padded = np.zeros((blocks, context, width))
        padded.reshape(-1, width)[lead : lead + n] = values
        sums = np.zeros_like(padded)
        np.cumsum(padded[:, :-1], axis=1, out=sums[:, 1:])
        sums[1:] += np.cumsum(padded[:-1, ::-1], axis=1)[:, ::-1]
        return sums.reshape(-1, width)[lead : lead + n]

    def _phases(self, n: int) -> FloatArray:
        spec = self.spec
        phases = np.empty((n, 2 * len(spec.calendar)))
        step = spec.step or 0
        for place, name in enumerate(spec.calendar):
            period = PERIODS[name]
            cycle = period // math.gcd(step, period)  # rows until the phases come again
            rows = np.arange(self.n_seen, self.n_seen + min(n, cycle), dtype=np.int64)
            angle = (2.0 * math.pi / period) * ((self.first + step * rows) % period)
            phases[:, 2 * place] = np.resize(np.sin(angle), n)
            phases[:, 2 * place + 1] = np.resize(np.cos(angle), n)
        return phases


def _carry(known: FloatArray, filled: FloatArray, age: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give, for each row and one more, the latest value before it and how many are missing since.

    Parameters
    ----------
    known : ndarray of shape (n, s)
        Rows.
    filled, age : ndarray of shape (s,)
        The answer for the first row.

    Returns
    -------
    filled, age : ndarray of shape (n + 1, s)
        For each row, and for the one that comes next.
    """
    n = len(known)
    if not np.isnan(known).any():
        return np.vstack([filled, known]), np.vstack([age, np.zeros_like(known)])
    places = np.where(np.isnan(known), 0, np.arange(1, n + 1)[:, np.newaxis])
    latest = np.maximum.accumulate(np.vstack([np.zeros_like(places[:1]), places]))
    values = np.vstack([filled, known])
    since = (np.arange(n + 1)[:, np.newaxis] - latest).astype(np.float64)
    ages: FloatArray = since + np.where(latest == 0, age, 0.0)
    return np.take_along_axis(values, latest, axis=0), ages


def _shifted(filled: FloatArray, shift: int, behind: int) -> FloatArray:
    """Give rows `shift` before each row from `behind` on but the last; 0 before the first."""
    n = len(filled) - 1 - behind
    start = behind - shift
    if start >= 0:
        return filled[start : start + n]
    result = np.zeros((n, filled.shape[1]))
    result[-start:] = filled[: max(0, n + start)]
    return result
