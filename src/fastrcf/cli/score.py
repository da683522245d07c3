"""``fastrcf score``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.exits import CliError, ExitCode, exit_codes
from fastrcf.cli.options import (
    ChunkRows,
    Decay,
    Delimiter,
    FailOnAnomaly,
    Header,
    IdCols,
    InputFormat,
    Jobs,
    Output,
    OutputAfter,
    OutputFormat,
    RandomState,
    Samples,
    Shingle,
    Sigma,
    SummaryAsJson,
    Table,
    TimeCol,
    Trees,
    ValueCols,
    input_options,
    names,
    refuse_given,
)

__all__ = ["score"]

_COLUMNS = "Columns"
_FOREST = "Forest"
_RESULTS = "Results"


def score(
    file: Table,
    context: typer.Context,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="FILE",
            rich_help_panel=_FOREST,
            help="Go on with the forest and the threshold, or judge by the detector, of this file, "
            "which fastrcf fit wrote; the file stays as it is.",
        ),
    ] = None,
    output: Output = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_RESULTS,
            help="Draw the series and its scores (.png, .svg, .pdf).",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            rich_help_panel=_RESULTS,
            help="Add the column explanation: JSON with what each column adds to the score, and "
            "whether it is high or low. Takes half as long again; --fit keeps the texts in memory.",
        ),
    ] = False,
    sigma: Sigma = 3.0,
    suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=_RESULTS,
            help="Ends the names of the new columns.",
        ),
    ] = "",
    to: OutputFormat = None,
    as_json: SummaryAsJson = False,
    fail_on_anomaly: FailOnAnomaly = False,
    value_cols: ValueCols = None,
    id_cols: IdCols = None,
    time_col: TimeCol = None,
    key_col: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_COLUMNS,
            metavar="NAME",
            help="Tells series apart: each key has its own forest and threshold.",
        ),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            rich_help_panel=_FOREST,
            help="Learn all rows first, then score them. Default: score each row by those before "
            "it, then learn it. Keeps 4 bytes a value and 16 to 24 a row in memory, and reads the "
            "file twice.",
        ),
    ] = False,
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
    """Score every row of a table for how unusual it is.

    Writes all columns of the input and three more: score (higher is more unusual, about 1 is
    typical, 0.0 where there is none yet), is_anomaly, and the threshold the score was compared
    with. With --explain there is a fourth, explanation: what each column adds to the score, as
    JSON; empty where there is no score. The input is read a chunk at a time, in constant memory.
    Empty cells are missing values: such a row is not learned and scores 0.0.

    The threshold of a row knows only the scores before it (unless --fit), and starts after 100 of
    them. Columns of text and times pass through as they are. A pipe is passed on as it comes
    when --value-cols names the measures; else the first 1000 rows are awaited to choose them.

    With the detector of a --model, the score is -log10 of the probability of a higher one, and
    is_anomaly marks the rows of events, from the alarm to the last row beyond the threshold: those
    that fastrcf detect lists one by one. The rows are then read twice and kept in memory.

    Exit codes: 0 fine, 1 internal error, 2 wrong usage, 3 anomalies with --fail-on-anomaly,
    65 bad data, 66 no such input, 69 a package is missing, 78 options that do not fit.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.pipeline import ScoreJob, run
        from fastrcf.cli.scoring import ForestOptions

        if model is not None:
            refuse_given(context, _OF_THE_MODEL, "the file of --model says that already")
        if output == "-":
            output = None
        if to is not None and output is not None:
            raise CliError(ExitCode.USAGE, "--to: the suffix of --output already says the format")
        job = ScoreJob(
            input=file,
            output=output,
            plot=plot,
            read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            columns=Requested(names(value_cols), names(id_cols), time_col, key_col),
            forest=ForestOptions(trees, samples, shingle, decay, output_after, random_state, jobs),
            sigma=sigma,
            fit=fit,
            output_format=to,
            suffix=suffix,
            as_json=as_json,
            fail_on_anomaly=fail_on_anomaly,
            explain=explain,
            model=model,
        )
        code = run(job)
    raise typer.Exit(code)


_OF_THE_MODEL = (
    "sigma",
    "value_cols",
    "key_col",
    "fit",
    "shingle",
    "trees",
    "samples",
    "decay",
    "output_after",
    "random_state",
)
"""Parameters that say what a model file says already."""
