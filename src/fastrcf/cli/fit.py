"""``fastrcf fit``: learn a table and write the model."""

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
from fastrcf.cli.exits import exit_codes
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
    Shingle,
    Sigma,
    Table,
    TimeCol,
    ValueCols,
    input_options,
    names,
    refuse_given,
)

__all__ = ["fit"]


def fit(
    file: Table,
    context: typer.Context,
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="FILE", help="Write the model to this file.")
    ],
    forest: Annotated[
        bool,
        typer.Option(
            "--forest",
            help="Write a plain forest with a threshold of mean + SIGMA × deviation, which goes on "
            "learning where fastrcf score uses it, instead of a detector.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    value_cols: ValueCols = None,
    id_cols: IdCols = None,
    time_col: TimeCol = None,
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
    sigma: Sigma = 3.0,
    shingle: Shingle = 1,
    decay: Decay = None,
    output_after: OutputAfter = None,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """Learn a table of normal rows and write a detector to one file.

    The whole table is read into memory and learned: its period, its scales and what is usual are
    final then. fastrcf score -m MODEL and fastrcf detect -m MODEL judge later rows by it. The table
    need not be free of anomalies. The file is written whole or not at all; fastrcf inspect shows
    what is in it.

    With --forest the rows are learned in their order, each scored by those before it, as fastrcf
    score does. What fastrcf score -m MODEL says of the rows that come next is what it would have
    said of them in one run over all.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.fitting import FitJob, fit_detector, fit_forest
        from fastrcf.cli.scoring import ForestOptions

        kind = "a plain forest" if forest else "a detector"
        refuse_given(context, _OF_DETECTORS if forest else _OF_FORESTS, f"{kind} has none")
        job = FitJob(
            input=file,
            model=model,
            read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            columns=Requested(names(value_cols), names(id_cols), time_col),
            as_json=as_json,
        )
        if forest:
            size = (100 if trees is None else trees, 256 if samples is None else samples)
            options = ForestOptions(*size, shingle, decay, output_after, random_state, jobs)
            fit_forest(job, options, sigma)
            return
        fit_detector(
            job,
            detector_options(
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
            ),
        )


_OF_FORESTS = ("sigma", "shingle", "decay", "output_after")
_OF_DETECTORS = ("alarm_rate", "views", "period", "rest", "ignore_amount", "ignore_ratio")
