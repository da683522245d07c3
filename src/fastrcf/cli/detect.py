"""``fastrcf detect``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.detector_options import (
    AlarmRate,
    IgnoreAmount,
    IgnoreRatio,
    Period,
    Rest,
    SampleSize,
    TreeCount,
    Views,
    detector_options,
)
from fastrcf.cli.exits import CliError, ExitCode, exit_codes
from fastrcf.cli.options import (
    ChunkRows,
    Delimiter,
    FailOnAnomaly,
    Header,
    IdCols,
    InputFormat,
    Jobs,
    Output,
    OutputFormat,
    RandomState,
    SummaryAsJson,
    Table,
    TimeCol,
    ValueCols,
    input_options,
    names,
    refuse_given,
)

__all__ = ["detect"]

_COLUMNS = "Columns"
_DETECTOR = "Detector"
_RESULTS = "Results"


def detect(
    file: Table,
    context: typer.Context,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="FILE",
            rich_help_panel=_DETECTOR,
            help="Judge by the detector of this file, which fastrcf fit wrote; the file stays as "
            "it is.",
        ),
    ] = None,
    output: Output = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_RESULTS,
            help="Draw the series, its scores and the alarms (.png, .svg, .pdf).",
        ),
    ] = None,
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
            help="Tells series apart: each key has its own detector.",
        ),
    ] = None,
    alarm_rate: AlarmRate = 0.001,
    views: Views = "auto",
    period: Period = None,
    rest: Rest = 50,
    ignore_amount: IgnoreAmount = None,
    ignore_ratio: IgnoreRatio = None,
    trees: TreeCount = None,
    samples: SampleSize = None,
    random_state: RandomState = 0,
    jobs: Jobs = 1,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """List the events of a table: one row for each alarm.

    Without --model, each row is judged by those before it, then learned, a chunk at a time. With
    the model of fastrcf fit, all rows are judged by what it was fitted on; they are kept in memory.

    Writes key (with --key-col); time and end_time (where there is a clock); row, which raised the
    alarm (the first is 1), and end, the last row of the event (empty while it goes on); score,
    -log10 of the probability of a higher one, and grade, 0 to 1; reason: score, or range for values
    outside everything seen; the column that shows it most, its direction (high or low), value and
    expected value; attribution, the share of each column as JSON. All alarms are written when all
    rows have been read.

    Exit codes: 0 fine, 1 internal error, 2 wrong usage, 3 alarms with --fail-on-anomaly,
    65 bad data, 66 no such input, 69 a package is missing, 78 options that do not fit.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.finding import DetectJob, run

        if model is not None:
            refuse_given(context, _OF_THE_MODEL, "the file of --model says that already")
        output = None if output == "-" else output
        if to is not None and output is not None:
            raise CliError(ExitCode.USAGE, "--to: the suffix of --output already says the format")
        options = detector_options(
            alarm_rate=alarm_rate,
            views=views,
            period=period,
            rest=rest,
            ignore_amount=ignore_amount,
            ignore_ratio=ignore_ratio,
            trees=trees,
            samples=samples,
            random_state=random_state,
            jobs=jobs,
        )
        job = DetectJob(
            input=file,
            output=output,
            plot=plot,
            read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            columns=Requested(names(value_cols), names(id_cols), time_col, key_col),
            detector=options,
            output_format=to,
            as_json=as_json,
            fail_on_anomaly=fail_on_anomaly,
            model=model,
        )
        code = run(job)
    raise typer.Exit(code)


_OF_THE_MODEL = (
    "value_cols",
    "key_col",
    "alarm_rate",
    "views",
    "period",
    "rest",
    "ignore_amount",
    "ignore_ratio",
    "trees",
    "samples",
    "random_state",
    "jobs",
)
"""Parameters that say what a model file says already."""
