"""``fastrcf train-ae``: train an autoencoder on a table and write a detector."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.detector_options import AlarmRate, IgnoreAmount, IgnoreRatio, Rest, band
from fastrcf.cli.exits import exit_codes
from fastrcf.cli.options import (
    ChunkRows,
    Delimiter,
    Header,
    IdCols,
    InputFormat,
    Table,
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

__all__ = ["train_ae"]

_NETWORK = "Network"
_TRAINING = "Training"
_DETECTOR = "Detector"


def train_ae(
    file: Table,
    context: typer.Context,
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="FILE", help="Write the detector to this file.")
    ],
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Draw the losses of the epochs (.png, .svg, .pdf)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    value_cols: ValueCols = None,
    id_cols: IdCols = None,
    time_col: TimeCol = None,
    window: Annotated[int, count(_NETWORK, "Rows in a window.")] = 10,
    lstm: Annotated[
        bool, typer.Option("--lstm", rich_help_panel=_NETWORK, help="LSTM cells, not dense layers.")
    ] = False,
    units: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            rich_help_panel=_NETWORK,
            help="Sizes of the layers between windows, with --lstm those of the encoder. "
            "Default: 250,32,250; with --lstm 64,32.",
        ),
    ] = None,
    scaler: Annotated[
        str,
        typer.Option(
            rich_help_panel=_NETWORK,
            help="How columns are scaled: standard, robust, minmax or none.",
        ),
    ] = "standard",
    two_stage: Annotated[
        bool,
        typer.Option(
            "--two-stage",
            rich_help_panel=_DETECTOR,
            help="Drop training rows that a first model finds unusual.",
        ),
    ] = False,
    first: Annotated[
        str,
        typer.Option(
            rich_help_panel=_DETECTOR,
            help="With --two-stage: what the first model is, forest or autoencoder.",
        ),
    ] = "forest",
    drop: Annotated[
        float,
        typer.Option(
            metavar="S",
            rich_help_panel=_DETECTOR,
            help="With --two-stage: the largest share of rows that is dropped.",
        ),
    ] = 0.05,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            rich_help_panel=_DETECTOR,
            help="Put a forest before the network, which then looks only at this share of the "
            "rows.",
        ),
    ] = None,
    error: Annotated[
        str,
        typer.Option(
            rich_help_panel=_DETECTOR,
            help="How the errors of columns make that of a row: soft, mae, rmse or mse.",
        ),
    ] = "soft",
    alarm_rate: AlarmRate = 0.001,
    rest: Rest = 50,
    ignore_amount: IgnoreAmount = None,
    ignore_ratio: IgnoreRatio = None,
    epochs: Annotated[int, count(_TRAINING, "Times that all rows are shown.")] = 50,
    batch_size: BatchSize = 128,
    learning_rate: LearningRate = 1e-3,
    patience: Patience = 5,
    validation: Annotated[
        float,
        typer.Option(
            metavar="S", rich_help_panel=_TRAINING, help="Share of rows held out, the last ones."
        ),
    ] = 0.1,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    random_state: RandomState = 0,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """Train an autoencoder on normal rows and write a detector to one file.

    Windows of rows go through a bottleneck; what cannot be given back is unusual. fastrcf score -m
    MODEL and fastrcf detect -m MODEL judge later rows; they need the extra onnx, this command the
    extra train. Rows with a missing value cut the series. The last rows are held out to stop in
    time and to learn what errors are usual. The file is written whole or not at all.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.fitting import FitJob
        from fastrcf.cli.training import NetworkOptions, train_detector

        if not two_stage:
            refuse_given(context, ("first", "drop"), "only --two-stage has one")
        else:
            refuse_given(context, ("budget", "checkpoint"), "--two-stage takes none")
        job = FitJob(
            input=file,
            model=model,
            read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
            columns=Requested(names(value_cols), names(id_cols), time_col),
            as_json=as_json,
        )
        network = NetworkOptions(
            window=window,
            lstm=lstm,
            units=units,
            training={
                "scaler": scaler,
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "patience": patience,
                "validation_fraction": validation,
                "random_state": random_state,
                "device": device,
            },
        )
        detector = {
            "error": error,
            "alarm_rate": alarm_rate,
            "rest": rest,
            "ignore_amount": band("--ignore-amount", ignore_amount),
            "ignore_ratio": band("--ignore-ratio", ignore_ratio),
        }
        if two_stage:
            detector |= {"first": first, "drop": drop, "random_state": random_state}
        elif budget is not None:
            detector |= {"budget": budget, "random_state": random_state}
        train_detector(job, network, detector, plot, checkpoint)
