"""Rows to alarms: a detector for the whole input, or one for each key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.exits import CliError, ExitCode, bad_data
from fastrcf.cli.scoring import ForestOptions, Scored, seed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray
    from fastrcf.detectors import Detection, Detector, ForestDetector

__all__ = ["DetectorOptions", "DetectorScorer", "Series", "called", "goes_on", "table_of"]

_BLOCK = 8192
"""Rows that are learned together: no more than a detector keeps alarms."""


@dataclass(frozen=True)
class DetectorOptions:
    """The detector's own options; see `fastrcf.ForestDetector`."""

    views: str | tuple[str, ...] = "auto"
    period: int | None = None
    n_trees: int = 50
    sample_size: int | None = None
    alarm_rate: float = 0.001
    rest: int = 50
    ignore_amount: float | tuple[float, ...] | None = None
    ignore_ratio: float | tuple[float, ...] | None = None
    random_state: int = 0
    n_jobs: int = 1

    def build(self, key: str | None = None) -> ForestDetector:
        """Make an empty detector, for one of several series when a key is given."""
        from fastrcf.detectors import ForestDetector

        options = asdict(self)
        if key is not None:
            options["random_state"] = seed_of(key, self.random_state)
        return ForestDetector(**options)

    def check(self, n_columns: int) -> None:
        """Try the options out on nothing, so that mistakes show before the input is read."""
        ForestOptions(n_jobs=self.n_jobs).check(n_columns)
        try:
            self.build().score(np.full((1, n_columns), np.nan))
        except (ValueError, TypeError) as error:
            raise CliError(ExitCode.BAD_CONFIG, str(error)) from None


_CALLED = {
    "AutoencoderDetector": "autoencoder",
    "CascadeDetector": "forest and autoencoder",
    "ForecastDetector": "forecast",
    "TwoStageDetector": "autoencoder of cleaned rows",
}


def called(detector: Detector | None) -> str:
    """Say for people what judges; without a detector it is that of forests."""
    return _CALLED.get(type(detector).__name__, "forest detector")


def goes_on(detector: Detector) -> bool:
    """Whether a detector goes on learning: one that was fitted judges by what it was fitted on."""
    return not detector._training  # noqa: SLF001 - no verb says it


def table_of(columns: Sequence[str], values: FloatArray) -> dict[str, FloatArray]:
    """Give values with the names of their columns."""
    return dict(zip(columns, values.T, strict=True))


class Series:
    """One series: its detector, what this has found, and where that is in the input.

    Parameters
    ----------
    detector : Detector
        It may have learned something.
    columns : sequence of str
        Names of the columns.
    key : str, optional
        What tells the series apart.

    Attributes
    ----------
    alarms : list of dict
        What was found so far: see ``fastrcf detect``. Rows are numbered from 1.
    """

    def __init__(self, detector: Detector, columns: Sequence[str], key: str | None = None) -> None:
        self.detector, self.columns, self.key = detector, columns, key
        self.alarms: list[dict[str, Any]] = []
        self._is_named = detector.n_seen_ == 0 or hasattr(detector, "feature_names_in_")
        # Places in the input and times of the latest rows: those that an alarm may yet end with.
        self._first = detector.n_seen_
        self._places: NDArray[np.int64] = np.empty(0, np.int64)
        self._times: Any = None

    def learn(self, values: FloatArray, places: NDArray[np.int64], times: Any) -> FloatArray:
        """Judge each row, then learn it.

        Parameters
        ----------
        values : ndarray of shape (n, d)
            The next rows.
        places : ndarray of int, shape (n,)
            Their numbers in the input, from 0 on.
        times : pyarrow.StringArray or None
            Their times.

        Returns
        -------
        ndarray of shape (n,)
            Scores.
        """
        scores = np.empty(len(values))
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            self._remember(places[rows], None if times is None else times[rows])
            with _as_bad_data():
                scores[rows] = self.detector.score_update(self.table(values[rows]))
            self._gather(self.detector.detections_)
        return scores

    def judge(self, values: FloatArray, places: NDArray[np.int64], times: Any) -> None:
        """Find what is in the rows, all of them, by what was learned before; see `learn`."""
        self._remember(places, times)
        with _as_bad_data():
            self._gather(self.detector.detect(self.table(values)))

    def scores(self, values: FloatArray) -> FloatArray:
        """Score rows by what was learned before."""
        return self.detector.score(self.table(values))

    def table(self, values: FloatArray) -> Any:
        """Give the values with the names of their columns, where the detector knows these."""
        return table_of(self.columns, values) if self._is_named else values

    def _remember(self, places: NDArray[np.int64], times: Any) -> None:
        import pyarrow as pa

        self._places = np.concatenate([self._places, places])
        if times is not None:
            self._times = times if self._times is None else pa.concat_arrays([self._times, times])

    def _gather(self, detections: list[Detection]) -> None:
        """Take in what was found in the rows remembered, and forget those not needed any more."""
        if self.alarms and self.alarms[-1]["end"] is None:
            self.alarms.pop()  # it may have ended meanwhile
        found = [each for each in detections if each.start >= self._first]
        self.alarms.extend(map(self._alarm, found))
        done = len(self._places)
        if found and found[-1].end is None:
            done = found[-1].start - self._first
        self._first += done
        self._places = self._places[done:]
        self._times = None if self._times is None else self._times[done:]

    def _alarm(self, found: Detection) -> dict[str, Any]:
        start = found.start - self._first
        last = None if found.end is None else found.end - 1 - self._first
        names = [str(name) for name in found.attribution]
        if not self._is_named:
            names = list(self.columns)
        column = list(found.attribution).index(found.column)
        alarm: dict[str, Any] = {} if self.key is None else {"key": self.key}
        if self._times is not None:
            alarm["time"] = self._times[start].as_py()
            alarm["end_time"] = None if last is None else self._times[last].as_py()
        return alarm | {
            "row": int(self._places[start]) + 1,
            "end": None if last is None else int(self._places[last]) + 1,
            "score": found.score,
            "grade": found.grade,
            "reason": found.reason,
            "column": names[column],
            "direction": found.direction,
            "value": _known(found.values[column]),
            "expected": _known(found.expected[column]),
            "attribution": dict(zip(names, found.attribution.values(), strict=True)),
        }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


@contextmanager
def _as_bad_data() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise bad_data(str(error)) from None


class DetectorScorer:
    """Keeps all rows, then scores them with a detector and finds the events in them.

    Parameters
    ----------
    detector : Detector
        It has learned something.
    columns : sequence of str
        Names of the columns.
    """

    def __init__(self, detector: Detector, columns: Sequence[str]) -> None:
        self._series = Series(detector, columns)
        self._values: list[FloatArray] = []

    @property
    def n_events(self) -> int:
        """Events found."""
        return len(self._series.alarms)

    def add(self, values: FloatArray, _keys: object) -> None:
        """Keep the next rows."""
        self._values.append(values)

    def finish(self) -> Scored:
        """Score all rows; those of an event, from the alarm to the last one, are anomalies."""
        series, values = self._series, np.concatenate(self._values)
        self._values.clear()
        places = np.arange(len(values))
        detector = series.detector
        if goes_on(detector):
            scores = series.learn(values, places, None)
        else:
            scores = series.scores(values)
            series.judge(values, places, None)
        is_anomaly = np.zeros(len(values), np.bool_)
        for alarm in series.alarms:
            is_anomaly[alarm["row"] - 1 : alarm["end"]] = True
        return Scored(scores, np.full(len(values), detector.cutoff), is_anomaly)
