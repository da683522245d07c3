"""``fastrcf eval``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.exits import exit_codes
from fastrcf.cli.options import ChunkRows, Delimiter, Header, InputFormat, count, input_options

__all__ = ["evaluate"]

_COLUMNS = "Columns"
_RESULTS = "Results"


def evaluate(
    file: Annotated[
        str,
        typer.Argument(
            metavar="SCORES",
            help="What fastrcf score wrote, or any table of scores: CSV, TSV, JSON Lines, Parquet "
            "or Arrow; - reads a pipe.",
        ),
    ],
    *,
    labels: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            rich_help_panel=_COLUMNS,
            help="The labels: 1 or true for anomalous rows, 0 or false for normal ones.",
        ),
    ],
    score: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            rich_help_panel=_COLUMNS,
            help="The scores; higher is more anomalous, 0.0 is none.",
        ),
    ] = "score",
    time_col: Annotated[
        str | None,
        typer.Option(
            "--time-col",
            "--time",
            metavar="COLUMN",
            rich_help_panel=_COLUMNS,
            help="The clock, for delays. Default: the first with times.",
        ),
    ] = None,
    key_col: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            rich_help_panel=_COLUMNS,
            help="Tells series apart: no event and no alarm reaches from one into another.",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            rich_help_panel=_RESULTS,
            help="A cutoff to judge, once or more: column[:NAME], f1[:STEPS], sigma[:Z], mad[:K], "
            "quantile[:Q], pot[:RATE] or fixed:X. Default: column, if there is one named "
            "threshold, and f1.",
        ),
    ] = None,
    vus_window: Annotated[
        int,
        count(
            _RESULTS,
            "Widest buffer of VUS around an event, in rows; best the period of the series.",
            least=0,
        ),
    ] = 100,
    point_adjusted: Annotated[
        bool,
        typer.Option(
            "--point-adjusted",
            rich_help_panel=_RESULTS,
            help="Add point-adjusted F1, to compare with papers. It flatters: random scores reach "
            "high values.",
        ),
    ] = False,
    skip_missing: Annotated[
        bool,
        typer.Option(
            "--skip-missing",
            rich_help_panel=_COLUMNS,
            help="Leave out rows with an empty label or score; their neighbours meet then. "
            "Default: such a row is an error.",
        ),
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_RESULTS,
            help="Draw both classes, ROC and precision-recall curve, and the search for a cutoff "
            "(.png, .svg, .pdf).",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel=_RESULTS, help="Print as JSON.")
    ] = False,
    input_format: InputFormat = None,
    delimiter: Delimiter = None,
    header: Header = None,
    chunk_rows: ChunkRows = 65_536,
) -> None:
    """Judge scores by labels: how well they tell anomalous rows, and what a cutoff makes of them.

    A row is flagged where its score is greater than the cutoff. Runs of anomalous rows are events,
    runs of flagged rows alarms. Rows that score 0.0 have no score (yet): they count like any other,
    and are told. A column of cutoffs judges each row by its own, and flags none where it is empty;
    the other cutoffs are one for the whole file, from all its scores. f1 takes the cutoff with the
    best F1: the labels that judge it have chosen it, so it is a bound and no forecast.

    Exit codes: 0 fine, 1 internal error, 2 wrong usage, 65 bad data, 66 no such input, 69 a package
    is missing, 78 options that do not fit.
    """
    with exit_codes():
        from fastrcf.cli.evaluating import EvalJob, run
        from fastrcf.cli.labelled import LabelledColumns

        run(
            EvalJob(
                input=file,
                read=input_options(input_format, delimiter, header=header, chunk_rows=chunk_rows),
                columns=LabelledColumns(labels, score, time_col, key_col),
                thresholds=tuple(threshold or ()),
                vus_window=vus_window,
                point_adjusted=point_adjusted,
                skip_missing=skip_missing,
                plot=plot,
                as_json=as_json,
            )
        )
