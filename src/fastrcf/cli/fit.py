"""``fastrcf fit``: learn a table and write the model."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastrcf.cli.exits import exit_codes, note
from fastrcf.cli.options import (
    ChunkRows,
    Decay,
    Delimiter,
    Header,
    IdCols,
    InputFormat,
    Jobs,
    OutputAfter,
    RandomState,
    Samples,
    Shingle,
    Sigma,
    TimeCol,
    Trees,
    ValueCols,
    input_options,
    names,
)

if TYPE_CHECKING:
    from fastrcf.cli.columns import Requested
    from fastrcf.cli.readers import ReadOptions
    from fastrcf.cli.scoring import ForestOptions

__all__ = ["fit"]


def fit(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON Lines, Parquet or Arrow; - reads a pipe."
        ),
    ],
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="FILE", help="Write the model to this file.")
    ],
    sigma: Sigma = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    value_cols: ValueCols = None,
    id_cols: IdCols = None,
    time_col: TimeCol = None,
    shingle: Shingle = 1,
    trees: Trees = 100,
    samples: Samples = 256,
    decay: Decay = None,
    output_after: OutputAfter = None,
    random_state: RandomState = 0,
    jobs: Jobs = 1,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """Learn a table and write the model, its threshold inside, to one file.

    The rows are learned in their order, each scored by those before it, as fastrcf score does. What
    fastrcf score -m MODEL says of the rows that come next is what it would have said of them in one
    run over all. The file is written whole or not at all; fastrcf inspect shows what is in it.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.scoring import ForestOptions

        _fit(
            file,
            model,
            input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            Requested(names(value_cols), names(id_cols), time_col),
            ForestOptions(trees, samples, shingle, decay, output_after, random_state, jobs),
            sigma=sigma,
            as_json=as_json,
        )


def _fit(
    file: str,
    path: str,
    read: ReadOptions,
    requested: Requested,
    options: ForestOptions,
    *,
    sigma: float,
    as_json: bool,
) -> None:
    from fastrcf import persistence
    from fastrcf.cli.inspecting import manifest_lines
    from fastrcf.cli.outputs import check_file
    from fastrcf.cli.pipeline import measures, start
    from fastrcf.cli.progress import progress
    from fastrcf.cli.readers import STDIN, open_source
    from fastrcf.cli.scoring import StreamScorer, check_sigma

    check_file("--model", path, () if file == STDIN else (file,))
    options.check(n_columns=1)
    check_sigma(sigma)
    times = _Times()
    with open_source(file, read) as source, progress() as bar:
        roles, _, chunks = start(source, requested)
        for warning in roles.warnings:
            note(warning)
        scorer = StreamScorer(options, sigma, roles.values, named=True)
        for chunk in chunks:
            scorer.score(measures(chunk, roles), None, chunk.first_row)
            times.add(chunk, roles.time)
            bar.step(source.done(), chunk.first_row + chunk.n_rows)
    forest, threshold = scorer.model()
    persistence.save(forest, path, threshold, training=times.range())
    manifest = persistence.inspect(path)
    if as_json:
        sys.stdout.write(json.dumps(manifest, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write("".join(f"{line}\n" for line in manifest_lines(manifest)))


class _Times:
    """The first and the last row's time; without a clock, their numbers from 0 on."""

    def __init__(self) -> None:
        self._first: str | int | None = None
        self._last: str | int | None = None
        self._n_rows = 0

    def add(self, chunk: Any, column: str | None) -> None:
        from fastrcf.cli.cells import texts

        self._n_rows += chunk.n_rows
        last = self._n_rows - 1
        if column is not None:
            ends = texts(chunk.table.take([0, chunk.n_rows - 1]), column).to_pylist()
            self._first, self._last = self._first or ends[0], ends[1]
        else:
            self._first, self._last = 0, last

    def range(self) -> dict[str, Any]:
        return {"first": self._first, "last": self._last, "rows": self._n_rows}
