"""A trained forecaster that goes along with series while their rows come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import integer
from fastrcf.errors import ModelFormatError
from fastrcf.neural._forecast_graph import State, zero_state
from fastrcf.neural._forecast_series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.neural._forecast_runner import Judged
    from fastrcf.neural.forecaster import QuantileForecaster

__all__ = ["Follower"]


class Follower:
    """Where a forecaster stands in series side by side; a shallow copy goes its own way.

    Parameters
    ----------
    forecaster : QuantileForecaster
        Trained, without dynamic features.
    n_series : int
        Series.
    start : datetime64 or None
        Time of the first row.
    cat : sequence of int or None
        The category of each series; left out where the forecaster knows none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastrcf.neural.forecaster import QuantileForecaster
    >>> options = {"context": 12, "horizon": 6, "units": 4, "epochs": 1, "batches_per_epoch": 2}
    >>> series = np.sin(np.arange(120.0)) + 3.0
    >>> forecaster = QuantileForecaster(**options).fit(series)
    >>> follower = Follower(forecaster, 1, None, None)
    >>> parts = [follower.push(rows, (0.5,)).quantiles for rows in np.split(series[:, None], 4)]
    >>> bool((np.concatenate(parts)[12:, 0, 0] == forecaster.bands(series, (0.5,))[0, 12:]).all())
    True
    """

    PARTS = ("follower-state.bin", "follower-tail.bin")

    def __init__(
        self,
        forecaster: QuantileForecaster,
        n_series: int,
        start: np.datetime64 | None,
        cat: Sequence[int] | None,
    ) -> None:
        spec = forecaster.spec_
        known = [] if cat is None or not spec.cardinality else list(cat)
        series = Series(
            rows=np.empty((0, n_series)),
            start=start,
            dynamic=np.empty((0, n_series, 0)),
            cat=np.array(known, np.int64).reshape(n_series, -1 if known else 0),
            flat=False,
        )
        forecaster.check_series(series)
        self.forecaster = forecaster
        self.stream = forecaster.stream(series)
        self.embedded = forecaster.embedded(series.cat)
        self.state = zero_state(spec, n_series)

    @property
    def n_seen(self) -> int:
        """Rows seen."""
        return self.stream.n_seen

    def __copy__(self) -> Follower:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin.stream = self.stream.repeat(1)
        return twin

    def push(self, rows: FloatArray, quantiles: tuple[float, ...]) -> Judged:
        """Judge each row by those before it, then go on to it.

        Parameters
        ----------
        rows : ndarray of shape (n, n_series)
            NaN is missing.
        quantiles : tuple of float
            Which are wanted.

        Returns
        -------
        Judged
            ``params`` of shape (n, n_series, parameters), ``quantiles`` of shape (n, n_series, q).
        """
        runner = self.forecaster.runner()
        judged, self.state = runner.run(
            self.stream, rows, self.embedded, self.state, quantiles=quantiles
        )
        return judged

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give where it stands: what JSON holds, and bytes by name."""
        stream = self.stream
        section = {
            "n_seen": stream.n_seen,
            "filled": stream.filled.tolist(),
            "age": [int(each) for each in stream.age],
        }
        state = b"".join(each.astype("<f4").tobytes() for each in self.state)
        tail = np.ascontiguousarray(stream.tail, "<f8").tobytes()
        return section, dict(zip(self.PARTS, (state, tail), strict=True))

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `to_parts` gave; whatever is wrong is an error."""
        stream = self.stream
        state, tail = (parts[name] for name in self.PARTS)
        values = np.frombuffer(state, "<f4").astype(np.float32).reshape(2, *self.state.hidden.shape)
        stream.n_seen = integer("n_seen", section["n_seen"], 0, 2**62)
        stream.tail = np.frombuffer(tail, "<f8").astype(np.float64).reshape(-1, stream.n_series)
        filled, age = (np.array(section[name], np.float64) for name in ("filled", "age"))
        if (
            not np.isfinite(values).all()
            or len(stream.tail) != stream.n_kept(stream.n_seen)
            or np.isinf(stream.tail).any()
            or filled.shape != age.shape
            or filled.shape != (stream.n_series,)
            or not (np.isfinite(filled).all() and np.isfinite(age).all() and (age >= 0.0).all())
        ):
            raise ModelFormatError("follower: not the state of one")
        stream.filled, stream.age = filled, age
        self.state = State(values[0], values[1])
