"""The work of ``fastrcf fit``: read a table, learn it, and write the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf import persistence
from fastrcf.cli.cells import texts
from fastrcf.cli.detecting import DetectorOptions, table_of
from fastrcf.cli.exits import bad_data, note
from fastrcf.cli.inspecting import manifest_lines
from fastrcf.cli.outputs import check_file
from fastrcf.cli.pipeline import measures, start
from fastrcf.cli.progress import progress
from fastrcf.cli.readers import STDIN, open_source
from fastrcf.cli.scoring import ForestOptions, StreamScorer, check_sigma

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.columns import Requested
    from fastrcf.cli.readers import Chunk, ReadOptions

    Take = Callable[[FloatArray, int], object]

__all__ = ["FitJob", "fit_detector", "fit_forest", "go_through", "report"]


@dataclass(frozen=True)
class FitJob:
    """What both kinds of models need."""

    input: str
    model: str
    read: ReadOptions
    columns: Requested
    as_json: bool = False


def fit_detector(job: FitJob, options: DetectorOptions) -> None:
    """Learn the whole table, and write a detector."""
    rows: list[FloatArray] = []
    columns: tuple[str, ...] = ()

    def begin(names: tuple[str, ...]) -> Take:
        nonlocal columns
        options.check(len(names))
        columns = names
        return lambda values, _: rows.append(values)

    training = go_through(job, begin)
    detector = options.build()
    try:
        detector.fit(table_of(columns, np.concatenate(rows)))
    except ValueError as error:
        raise bad_data(str(error)) from None
    persistence.save(detector, job.model, training=training)
    report(job)


def fit_forest(job: FitJob, options: ForestOptions, sigma: float) -> None:
    """Learn row by row, and write a forest and the threshold of its scores."""
    options.check(n_columns=1)
    check_sigma(sigma)
    scorers: list[StreamScorer] = []

    def begin(names: tuple[str, ...]) -> Take:
        scorers.append(StreamScorer(options, sigma, names, named=True))
        return lambda values, first_row: scorers[0].score(values, None, first_row)

    training = go_through(job, begin)
    forest, threshold = scorers[0].model()
    persistence.save(forest, job.model, threshold, training=training)
    report(job)


def go_through(job: FitJob, begin: Callable[[tuple[str, ...]], Take]) -> dict[str, Any]:
    """Show the values to what `begin` gives for the columns, and tell the training range."""
    check_file("--model", job.model, () if job.input == STDIN else (job.input,))
    times = _Times()
    with open_source(job.input, job.read) as source, progress() as bar:
        roles, _, chunks = start(source, job.columns)
        for warning in roles.warnings:
            note(warning)
        take = begin(roles.values)
        for chunk in chunks:
            take(measures(chunk, roles), chunk.first_row)
            times.add(chunk, roles.time)
            bar.step(source.done(), chunk.first_row + chunk.n_rows)
    return times.range()


def report(job: FitJob) -> None:
    """Show the manifest of the model that was written."""
    manifest = persistence.inspect(job.model)
    if job.as_json:
        sys.stdout.write(json.dumps(manifest, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write("".join(f"{line}\n" for line in manifest_lines(manifest)))


class _Times:
    """The first and the last row's time; without a clock, their numbers from 0 on."""

    def __init__(self) -> None:
        self._first: str | int | None = None
        self._last: str | int | None = None
        self._n_rows = 0

    def add(self, chunk: Chunk, column: str | None) -> None:
        self._n_rows += chunk.n_rows
        last = self._n_rows - 1
        if column is not None:
            ends = texts(chunk.table.take([0, chunk.n_rows - 1]), column).to_pylist()
            self._first, self._last = self._first or ends[0], ends[1]
        else:
            self._first, self._last = 0, last

    def range(self) -> dict[str, Any]:
        return {"first": self._first, "last": self._last, "rows": self._n_rows}
