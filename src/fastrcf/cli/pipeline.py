"""The work of ``fastrcf score``: read, choose columns, score, write, a chunk at a time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cells import numbers, texts
from fastrcf.cli.columns import PROBE_ROWS, Requested, RiseWatch, Roles, choose
from fastrcf.cli.detecting import DetectorScorer, called
from fastrcf.cli.exits import CliError, ExitCode, bad_data, note
from fastrcf.cli.formats import Format, target_of_name
from fastrcf.cli.layout import layout_of
from fastrcf.cli.models import DetectorModel, Model, open_model
from fastrcf.cli.outputs import check_file, open_target
from fastrcf.cli.picture import Picture, check_plot
from fastrcf.cli.progress import Progress, progress
from fastrcf.cli.readers import STDIN, Chunk, ReadOptions, open_source, spool_stdin
from fastrcf.cli.scoring import ForestOptions, Scored, StreamScorer, TableScorer, check_sigma
from fastrcf.cli.tally import Tally
from fastrcf.cli.writers import Writer, open_writer

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.readers import Source

__all__ = ["ScoreJob", "check_written", "keys_of", "measures", "run", "start"]

_MANY_SERIES = 1000


@dataclass(frozen=True)
class ScoreJob:
    """Everything ``fastrcf score`` is told."""

    input: str
    output: str | None = None
    plot: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    columns: Requested = field(default_factory=Requested)
    forest: ForestOptions = field(default_factory=ForestOptions)
    sigma: float = 3.0
    fit: bool = False
    output_format: Format | None = None
    suffix: str = ""
    as_json: bool = False
    fail_on_anomaly: bool = False
    explain: bool = False
    model: str | None = None


def run(job: ScoreJob) -> ExitCode:
    """Do the job.

    Parameters
    ----------
    job
        What to do.

    Returns
    -------
    ExitCode
        0, or 3 when anomalies are to fail the run and there were some.
    """
    started = time.monotonic()
    _check(job)
    model = None
    if job.model is not None:
        model = open_model(job.model, job.sigma, job.forest.n_jobs)
        job = replace(job, columns=replace(job.columns, values=model.columns))
    if isinstance(model, Model):
        job = replace(job, forest=model.options)
    elif model is not None and job.explain:
        raise CliError(ExitCode.USAGE, "--explain: fastrcf detect explains what a detector finds")
    with ExitStack() as stack:
        name = job.input
        in_two_passes = job.fit or isinstance(model, DetectorModel)
        if in_two_passes and name == STDIN:
            name = stack.enter_context(spool_stdin())
        bar = stack.enter_context(progress())
        known = model if isinstance(model, Model) else None
        judged = _judge(job, name, model, bar) if in_two_passes else None
        tally, picture = _write(job, name, known or judged, bar)
    tally.started = started  # of the first of two passes
    if picture is not None and job.plot is not None:
        picture.write(job.plot, _title(job, tally))
    _report(job, tally)
    return ExitCode.ANOMALIES if job.fail_on_anomaly and tally.n_anomalies else ExitCode.OK


def check_written(source: str, output: str | None, plot: str | None) -> None:
    """Find out before anything is read whether table and picture can be written.

    Parameters
    ----------
    source
        What is read.
    output, plot
        The files; None is not written.

    Raises
    ------
    CliError
        A suffix says no format, a file cannot be written, or it is the one that is read.
    """
    if output is not None:
        target_of_name(output)
        check_file("--output", output, () if source == STDIN else (source,))
    if plot is not None:
        check_plot(plot)


def _check(job: ScoreJob) -> None:
    """Find what is wrong with the options before anything is read."""
    check_written(job.input, job.output, job.plot)
    job.forest.check(n_columns=1)
    check_sigma(job.sigma)


@dataclass(frozen=True)
class _Judged:
    """What a first pass found."""

    scored: Scored
    method: str
    limit: str
    n_events: int | None = None


def _judge(job: ScoreJob, name: str, model: Any, bar: Progress) -> _Judged:
    """First pass: keep the values, then score them, by a detector or after learning them."""
    with open_source(name, job.read) as source:
        roles, _, chunks = start(source, job.columns)
        scorer: TableScorer | DetectorScorer
        if isinstance(model, DetectorModel):
            model.check_width(roles.values)
            scorer = DetectorScorer(model.detector, roles.values)
        else:
            scorer = TableScorer(job.forest, job.sigma, roles.values, explain=job.explain)
        for chunk in chunks:
            scorer.add(measures(chunk, roles), keys_of(chunk, roles))
            bar.step(_part(source.done(), 0.0, 0.3), chunk.first_row + chunk.n_rows)
    scored = scorer.finish()
    if isinstance(scorer, DetectorScorer):
        limit = f"the cutoff {model.detector.cutoff:.3f}"
        return _Judged(scored, called(model.detector), limit, scorer.n_events)
    return _Judged(scored, str(job.forest), _mean_limit(job))


def _mean_limit(job: ScoreJob) -> str:
    return f"mean + {job.sigma:g} σ"


def _write(
    job: ScoreJob, name: str, known: Model | _Judged | None, bar: Progress
) -> tuple[Tally, Picture | None]:
    """Go through the rows and write each with its score."""
    with ExitStack() as stack:
        source = stack.enter_context(open_source(name, job.read))
        roles, probe, chunks = start(source, job.columns)
        for warning in roles.warnings:
            note(warning)
        layout = layout_of(probe, roles, source.format, job.suffix, explain=job.explain)
        writer = _open_output(stack, job, source, layout)
        tally = _tally(job, roles, known)
        marked = "above the threshold" if tally.n_events is None else "in events"
        picture = Picture(roles, marked) if job.plot is not None else None
        watch = RiseWatch(roles)
        scorer = StreamScorer(job.forest, job.sigma, roles.values, explain=job.explain)
        if isinstance(known, Model):
            scorer.go_on(known.forest, known.threshold)
        fitted = known.scored if isinstance(known, _Judged) else None
        warned = False
        for chunk in chunks:
            values, keys = measures(chunk, roles), keys_of(chunk, roles)
            for warning in watch.look(chunk):
                note(warning)
            if fitted is None:
                scored = scorer.score(values, keys, chunk.first_row)
            else:
                scored = _same_rows(fitted, chunk)
            writer.write(chunk, scored)
            if job.output is None:
                sys.stdout.flush()
            tally.add(chunk, values, scored)
            if picture is not None:
                picture.add(chunk, values, keys, scored)
            if scorer.n_series > _MANY_SERIES and not warned:
                warned = True
                note(_many_series(scorer))
            bar.step(_part(source.done(), 0.3 if fitted else 0.0, 1.0), tally.n_rows)
        if fitted is not None and tally.n_rows != len(fitted.scores):
            raise bad_data(_CHANGED)
        tally.n_series = scorer.n_series or tally.n_series
    return tally, picture


def _tally(job: ScoreJob, roles: Roles, known: Model | _Judged | None) -> Tally:
    if isinstance(known, Model):
        return Tally(roles, str(known.options), None, known.limit)
    if known is None:
        return Tally(roles, str(job.forest), job.sigma, _mean_limit(job))
    sigma = job.sigma if known.n_events is None else None
    return Tally(roles, known.method, sigma, known.limit, known.n_events)


_CHANGED = "the input changed while it was read: the two passes of --fit saw different rows"


def _same_rows(fitted: Scored, chunk: Chunk) -> Scored:
    stop = chunk.first_row + chunk.n_rows
    if stop > len(fitted.scores):
        raise bad_data(_CHANGED)
    return fitted.slice(chunk.first_row, stop)


def _many_series(scorer: StreamScorer) -> str:
    each = scorer.memory_bytes / scorer.n_series / 1e6
    return (
        f"more than {_MANY_SERIES:,} different keys; each has a forest of its own, which takes "
        f"about {each:.1f} MB"
    )


def start(source: Source, requested: Requested) -> tuple[Roles, Any, Iterator[Chunk]]:
    """Read the first rows and choose the columns; the chunks returned begin with the first row.

    Where the measures are named, one chunk is enough, so that a pipe flows at once; else
    `PROBE_ROWS` rows are looked at.
    """
    chunks = source.chunks()
    first: list[Chunk] = []
    wanted = 1 if requested.values else PROBE_ROWS
    while sum(chunk.n_rows for chunk in first) < wanted:
        chunk = next(chunks, None)
        if chunk is None:
            break
        if chunk.n_rows:
            first.append(chunk)
    if not first:
        raise bad_data("the input has no rows")
    probe = _join([chunk.table for chunk in first]).slice(0, PROBE_ROWS)
    rest = (chunk for chunk in chunks if chunk.n_rows)
    return choose(probe, requested), probe, chain(first, rest)


def _join(tables: list[Any]) -> Any:
    """Put the first rows together; where JSON changes its mind about a type, as text."""
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError:
        return pa.concat_tables(
            [
                pa.table({name: texts(table, name, missing=None) for name in table.column_names})
                for table in tables
            ],
            promote_options="default",
        )


def measures(chunk: Chunk, roles: Roles) -> FloatArray:
    """Give the values of a chunk, one column for each measure."""
    return np.column_stack([numbers(chunk.table, name, chunk.first_row) for name in roles.values])


def keys_of(chunk: Chunk, roles: Roles) -> Any:
    """Tell to which series each row of a chunk belongs; None where there is one series."""
    return None if roles.key is None else texts(chunk.table, roles.key)


def _open_output(stack: ExitStack, job: ScoreJob, source: Source, layout: Any) -> Writer:
    packed, target = open_target(stack, job.output, job.output_format, source.format)
    delimiter = source.delimiter if source.format is Format.CSV and source.delimiter else ","
    return stack.enter_context(open_writer(packed, target, layout, delimiter=delimiter))


def _part(done: float | None, start: float, stop: float) -> float | None:
    return None if done is None else start + (stop - start) * done


def _title(job: ScoreJob, tally: Tally) -> str:
    name = "standard input" if job.input == STDIN else Path(job.input).name
    method = f"random cut forest, shingle {job.forest.shingle_size}"
    return f"{name} · {method if tally.n_events is None else tally.method}"


def _report(job: ScoreJob, tally: Tally) -> None:
    """Sum up: on standard error, as JSON on standard output where that is free."""
    if not job.as_json:
        for line in tally.as_lines():
            sys.stderr.write(f"{line}\n")
        return
    stream = sys.stdout if job.output is not None else sys.stderr
    stream.write(json.dumps(tally.as_dict(), ensure_ascii=False) + "\n")
    stream.flush()
