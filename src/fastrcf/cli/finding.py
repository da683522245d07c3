"""The work of ``fastrcf detect``: read, judge, and list the alarms."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.alarm_writers import alarm_columns, write_alarms
from fastrcf.cli.cells import seconds, texts
from fastrcf.cli.columns import Requested, RiseWatch, Roles
from fastrcf.cli.detecting import DetectorOptions, Series, called, goes_on
from fastrcf.cli.exits import ExitCode, note
from fastrcf.cli.formats import Format
from fastrcf.cli.models import open_detector
from fastrcf.cli.outputs import open_target
from fastrcf.cli.picture import Picture
from fastrcf.cli.pipeline import check_written, keys_of, measures, start
from fastrcf.cli.progress import progress
from fastrcf.cli.readers import STDIN, Chunk, ReadOptions, open_source
from fastrcf.cli.scoring import Scored, group_rows

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.detectors import Detector

__all__ = ["DetectJob", "run"]

_MOST_ALARMS = 10_000  # that a detector keeps


@dataclass(frozen=True)
class DetectJob:
    """Everything ``fastrcf detect`` is told."""

    input: str
    output: str | None = None
    plot: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    columns: Requested = field(default_factory=Requested)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    output_format: Format | None = None
    as_json: bool = False
    fail_on_anomaly: bool = False
    model: str | None = None


def run(job: DetectJob) -> ExitCode:
    """Do the job.

    Parameters
    ----------
    job
        What to do.

    Returns
    -------
    ExitCode
        0, or 3 when alarms are to fail the run and there were some.
    """
    started = time.monotonic()
    check_written(job.input, job.output, job.plot)
    model = None if job.model is None else open_detector(job.model)
    if model is not None:
        job = replace(job, columns=replace(job.columns, values=model.columns))
    with ExitStack() as stack:
        source = stack.enter_context(open_source(job.input, job.read))
        bar = stack.enter_context(progress())
        roles, _, chunks = start(source, job.columns)
        for warning in roles.warnings:
            note(warning)
        if model is None:
            job.detector.check(len(roles.values))
        else:
            model.check_width(roles.values)
        stream, target = open_target(stack, job.output, job.output_format, source.format)
        search = _Search(job, roles, None if model is None else model.detector)
        for chunk in chunks:
            search.add(chunk)
            bar.step(source.done(), search.n_rows)
        alarms = search.finish()
        delimiter = source.delimiter if source.format is Format.CSV and source.delimiter else ","
        write_alarms(stream, target, alarm_columns(roles), alarms, delimiter=delimiter)
    if search.picture is not None and job.plot is not None:
        name = "standard input" if job.input == STDIN else Path(job.input).name
        spans = _spans(alarms, is_time=search.picture.is_time) if roles.key is None else []
        search.picture.write(job.plot, f"{name} · {search.called}", spans)
    _report(job, search, alarms, time.monotonic() - started)
    return ExitCode.ANOMALIES if job.fail_on_anomaly and alarms else ExitCode.OK


class _Search:
    """Takes the rows as they come; those that a fitted detector judges wait for each other."""

    def __init__(self, job: DetectJob, roles: Roles, detector: Detector | None) -> None:
        self.roles, self.n_rows, self.n_missing, self.n_scored = roles, 0, 0, 0
        self.picture = None if job.plot is None else Picture(roles, "raised an alarm")
        self.series: dict[str | None, Series] = {}
        self.called = called(detector)
        self._options = job.detector
        self._watch = RiseWatch(roles)
        self._waits = detector is not None and not goes_on(detector)
        self._waiting: list[tuple[Chunk, FloatArray]] = []
        if detector is not None:
            self.series[None] = Series(detector, roles.values)
        self.cutoff = (detector or self._options.build()).cutoff

    def add(self, chunk: Chunk) -> None:
        """Take the next rows."""
        for warning in self._watch.look(chunk):
            note(warning)
        values = measures(chunk, self.roles)
        self.n_rows += len(values)
        self.n_missing += int(np.isnan(values).any(axis=1).sum())
        if self._waits:
            kept = [name for name in chunk.table.column_names if name == self.roles.time]
            shown = chunk.table.select(kept or [self.roles.values[0]])
            self._waiting.append((Chunk(shown, chunk.first_row), values))
            return
        keys, times = keys_of(chunk, self.roles), self._times(chunk)
        scores, alarms = np.empty(len(values)), []
        places = chunk.first_row + np.arange(len(values))
        for key, rows in group_rows(keys):
            if key not in self.series:
                self.series[key] = Series(self._options.build(key), self.roles.values, key)
            those = times if isinstance(rows, slice) or times is None else times.take(rows)
            scores[rows] = self.series[key].learn(values[rows], places[rows], those)
            alarms += self.series[key].alarms
        self.n_scored += int((scores > 0).sum())
        self._draw(chunk, values, keys, scores, alarms)

    def finish(self) -> list[dict[str, Any]]:
        """Give all alarms, in the order of the rows."""
        if self._waits:
            self._judge()
        alarms = [alarm for series in self.series.values() for alarm in series.alarms]
        return sorted(alarms, key=lambda alarm: int(alarm["row"]))

    def _judge(self) -> None:
        import pyarrow as pa

        series = self.series[None]
        values = np.concatenate([part for _, part in self._waiting])
        times = [self._times(chunk) for chunk, _ in self._waiting]
        series.judge(
            values,
            np.arange(len(values)),
            None if self.roles.time is None else pa.concat_arrays(times),
        )
        if len(series.alarms) == _MOST_ALARMS:
            note(f"a detector keeps {_MOST_ALARMS:,} alarms: earlier ones may be missing")
        scores = series.scores(values)
        self.n_scored = int((scores > 0).sum())
        for chunk, part in self._waiting:
            rows = slice(chunk.first_row, chunk.first_row + len(part))
            self._draw(chunk, part, None, scores[rows], series.alarms)

    def _times(self, chunk: Chunk) -> Any:
        return None if self.roles.time is None else texts(chunk.table, self.roles.time)

    def _draw(
        self,
        chunk: Chunk,
        values: FloatArray,
        keys: Any,
        scores: FloatArray,
        alarms: list[dict[str, Any]],
    ) -> None:
        if self.picture is None:
            return
        rows = np.array([alarm["row"] - 1 - chunk.first_row for alarm in alarms], np.int64)
        marks = np.zeros(len(values), np.bool_)
        marks[rows[(rows >= 0) & (rows < len(values))]] = True
        scored = Scored(scores, np.full(len(values), self.cutoff), marks)
        self.picture.add(chunk, values, keys, scored)


def _spans(alarms: list[dict[str, Any]], *, is_time: bool) -> list[tuple[str, float, float]]:
    """Stretches of the events that are over."""
    import pyarrow as pa

    over = [alarm for alarm in alarms if alarm["end"] is not None]
    names = ("time", "end_time") if is_time else ("row", "end")
    table = pa.table({name: [alarm[name] for alarm in over] for name in names})
    ends = [seconds(table, name) if is_time else table[name].to_numpy() for name in names]
    if not over or ends[0] is None or ends[1] is None:
        return []
    return [("", float(start), float(stop)) for start, stop in zip(*ends, strict=True)]


def _report(job: DetectJob, search: _Search, alarms: list[dict[str, Any]], elapsed: float) -> None:
    """Sum up: on standard error, as JSON on standard output where that is free."""
    if not job.as_json:
        for line in _lines(search, alarms, elapsed):
            sys.stderr.write(f"{line}\n")
        return
    roles = search.roles
    summary = {
        "rows": search.n_rows,
        "missing": search.n_missing,
        "scored": search.n_scored,
        "alarms": len(alarms),
        "series": len(search.series),
        "value_columns": list(roles.values),
        "time_column": roles.time,
        "key_column": roles.key,
        "left_out": list(roles.left_out),
        "cutoff": search.cutoff,
        "strongest": _strongest(alarms),
        "warnings": list(roles.warnings),
        "seconds": round(elapsed, 3),
    }
    stream = sys.stdout if job.output is not None else sys.stderr
    stream.write(json.dumps(summary, ensure_ascii=False) + "\n")
    stream.flush()


def _strongest(alarms: list[dict[str, Any]]) -> dict[str, Any] | None:
    return max(alarms, key=lambda alarm: float(alarm["grade"]), default=None)


def _lines(search: _Search, alarms: list[dict[str, Any]], elapsed: float) -> list[str]:
    roles = search.roles
    parts = [
        f"{search.n_rows:,} row{'' if search.n_rows == 1 else 's'}",
        f"column{'' if len(roles.values) == 1 else 's'} {', '.join(roles.values)}",
        f"{search.n_missing:,} missing" if search.n_missing else "",
        f"{len(search.series):,} keys ({roles.key})" if roles.key is not None else "",
        search.called,
        f"{elapsed:.2g} s" if elapsed < 10 else f"{elapsed:,.0f} s",
    ]
    return [" · ".join(part for part in parts if part), _findings(search, alarms)]


def _findings(search: _Search, alarms: list[dict[str, Any]]) -> str:
    strongest = _strongest(alarms)
    if strongest is None:
        if search.n_scored:
            return f"no alarm by the cutoff {search.cutoff:.3f}"
        return "no row could be judged: too few rows, or too few without a missing value"
    where = ", ".join(str(strongest[name]) for name in ("key", "time") if strongest.get(name))
    found = f"{len(alarms):,} alarm{'' if len(alarms) == 1 else 's'}"
    return (
        f"{found} by the cutoff {search.cutoff:.3f} · highest grade in row {strongest['row']:,}"
        f"{f' ({where})' if where else ''}: {strongest['column']} {strongest['direction']}, "
        f"{strongest['grade']:.2f}"
    )
