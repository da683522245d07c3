"""``fastrcf forecast``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.exits import CliError, ExitCode, exit_codes
from fastrcf.cli.options import (
    ChunkRows,
    Delimiter,
    Header,
    IdCols,
    InputFormat,
    Output,
    OutputFormat,
    TimeCol,
    ValueCols,
    count,
    input_options,
    names,
    refuse_given,
)
from fastrcf.cli.training_options import (
    BatchSize,
    Checkpoint,
    Device,
    LearningRate,
    Patience,
    RandomState,
)

__all__ = ["forecast"]

_FORECAST = "Forecast"
_NETWORK = "Network"
_RESULTS = "Results"
_TRAINING = "Training"


def forecast(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV, JSON Lines, Parquet or Arrow; - reads a pipe. Or JSON records with "
            'a "target", one a line, or a request with "instances".',
        ),
    ],
    context: typer.Context,
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="FILE", help="Forecast with the model of this file."),
    ] = None,
    save: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the trained model to this file.")
    ] = None,
    horizon: Annotated[
        int | None, count(_FORECAST, "Rows to look ahead. Default: that of the model; 24.")
    ] = None,
    quantiles: Annotated[
        str,
        typer.Option(metavar="Q,Q,…", rich_help_panel=_FORECAST, help="Which quantiles to give."),
    ] = "0.01,0.5,0.99",
    samples: Annotated[int, count(_FORECAST, "Paths to draw.")] = 100,
    bands: Annotated[
        bool,
        typer.Option(
            "--bands",
            rich_help_panel=_FORECAST,
            help="Instead of what comes next: for each row, what the rows before it let expect.",
        ),
    ] = False,
    output: Output = None,
    to: OutputFormat = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_RESULTS,
            help="Draw the series and the band (.png, .svg, .pdf).",
        ),
    ] = None,
    value_cols: ValueCols = None,
    id_cols: IdCols = None,
    time_col: TimeCol = None,
    freq: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            rich_help_panel=_NETWORK,
            help="Distance between rows: 10min, h, D, … Default: the clock tells.",
        ),
    ] = None,
    past: Annotated[
        int,
        count(
            _NETWORK,
            "Rows that give the scale of the next one; a period is a good choice.",
            "--context",
        ),
    ] = 72,
    likelihood: Annotated[
        str,
        typer.Option(
            rich_help_panel=_NETWORK,
            help="Law of a value: student-t, or negative-binomial for counts.",
        ),
    ] = "student-t",
    units: Annotated[int, count(_NETWORK, "Units of a layer.")] = 40,
    layers: Annotated[int, count(_NETWORK, "LSTM layers.")] = 1,
    epochs: Annotated[int, count(_TRAINING, "At most.")] = 100,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 1e-3,
    patience: Patience = 10,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    random_state: RandomState = 0,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """Tell what comes next: quantiles of each row ahead.

    Without --model a network is trained on the input first (extra train); a model needs the extra
    onnx alone. Each column is a series; all share the network. Writes series (where there are
    several), time (with a clock, else row), and q0.01 and the like, one row for each step ahead;
    with --bands one for each row of the input, with its value and its score, -log10 of the
    probability of a value as far out. Rows that are missing in a clock's even course are taken as
    missing values.

    Of JSON records, the answer is a line of JSON for each; of a request, one answer to all.

    Exit codes: 0 fine, 1 internal error, 2 wrong usage, 65 bad data, 66 no such input, 69 a
    package is missing, 78 options that do not fit.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.forecasting import ForecastJob, run

        if model is not None:
            refuse_given(context, _OF_THE_MODEL, "the file of --model says that already")
        if bands:
            refuse_given(context, ("horizon", "samples"), "--bands looks one row ahead")
        output = None if output == "-" else output
        if to is not None and output is not None:
            raise CliError(ExitCode.USAGE, "--to: the suffix of --output already says the format")
        job = ForecastJob(
            input=file,
            output=output,
            plot=plot,
            model=model,
            save=save,
            read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            columns=Requested(names(value_cols), names(id_cols), time_col),
            output_format=to,
            horizon=horizon,
            quantiles=names(quantiles),
            samples=samples,
            bands=bands,
            checkpoint=checkpoint,
            network={
                "context": past,
                "horizon": 24 if horizon is None else horizon,
                "units": units,
                "layers": layers,
                "likelihood": likelihood,
                "freq": freq,
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "patience": patience,
                "random_state": random_state,
                "device": device,
            },
        )
        run(job)


_OF_THE_MODEL = (
    "save",
    "freq",
    "past",
    "likelihood",
    "units",
    "layers",
    "epochs",
    "batch_size",
    "learning_rate",
    "patience",
    "checkpoint",
    "random_state",
    "device",
)
"""Parameters that say what a model file says already."""
