"""``fastrcf score``: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.exits import CliError, ExitCode, exit_codes
from fastrcf.cli.formats import Format

__all__ = ["score"]

_COLUMNS = "Columns"
_FOREST = "Forest"
_RESULTS = "Results"
_INPUT = "Input"


def score(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON Lines, Parquet or Arrow; - reads a pipe."
        ),
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            rich_help_panel=_RESULTS,
            help="Write to this file; the suffix says the format. Default: standard output.",
        ),
    ] = None,
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
    sigma: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="X",
            rich_help_panel=_RESULTS,
            help="The threshold is mean + SIGMA × deviation of the scores: of those before the "
            "row, or of all with --fit.",
        ),
    ] = 3.0,
    suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=_RESULTS,
            help="Ends the names of the new columns.",
        ),
    ] = "",
    to: Annotated[
        Format | None,
        typer.Option(
            metavar="FORMAT",
            rich_help_panel=_RESULTS,
            help="Format of standard output: csv, tsv, jsonl, parquet, arrow. "
            "Default: as the input.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            rich_help_panel=_RESULTS,
            help="Sum up as JSON: on standard output with -o, else on standard error.",
        ),
    ] = False,
    fail_on_anomaly: Annotated[
        bool,
        typer.Option(
            "--fail-on-anomaly", rich_help_panel=_RESULTS, help="Exit with 3 when there are any."
        ),
    ] = False,
    value_cols: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_COLUMNS,
            metavar="A,B,…",
            help="Score these columns. Default: all columns of numbers but those that rise in "
            "every one of the first 1000 rows (ids and clocks).",
        ),
    ] = None,
    id_cols: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_COLUMNS, metavar="A,B,…", help="Pass these through unscored."
        ),
    ] = None,
    time_col: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_COLUMNS,
            metavar="NAME",
            help="The clock. Default: the first with times.",
        ),
    ] = None,
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
    shingle: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", rich_help_panel=_FOREST, help="Consecutive rows that make a point."
        ),
    ] = 1,
    trees: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=_FOREST, help="Trees.")
    ] = 100,
    samples: Annotated[
        int,
        typer.Option(min=1, metavar="N", rich_help_panel=_FOREST, help="Points kept in a tree."),
    ] = 256,
    decay: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="X",
            rich_help_panel=_FOREST,
            help="How fast old points are forgotten, per point. Default: 1 / (10 × samples).",
        ),
    ] = None,
    output_after: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=_FOREST,
            help="Points to learn before the first score; 0.0 until then. Default: samples / 4.",
        ),
    ] = None,
    random_state: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", rich_help_panel=_FOREST, help="The seed: same seed, same scores."
        ),
    ] = 0,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            rich_help_panel=_FOREST,
            help="Threads, -1 for all. Scores stay the same.",
        ),
    ] = 1,
    input_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            rich_help_panel=_INPUT,
            help="Format of the input. Default: its name tells, or its first bytes.",
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            metavar="CHAR",
            rich_help_panel=_INPUT,
            help="Between CSV cells. Default: the first line tells.",
        ),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            rich_help_panel=_INPUT,
            show_default=False,
            help="Whether the first line of CSV names the columns. Default: unless it has "
            "numbers only.",
        ),
    ] = None,
    chunk_rows: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", rich_help_panel=_INPUT, help="Rows at a time. Scores stay the same."
        ),
    ] = 65_536,
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

    Exit codes: 0 fine, 1 internal error, 2 wrong usage, 3 anomalies with --fail-on-anomaly,
    65 bad data, 66 no such input, 69 a package is missing, 78 options that do not fit.
    """
    with exit_codes():
        from fastrcf.cli.columns import Requested
        from fastrcf.cli.pipeline import ScoreJob, run
        from fastrcf.cli.readers import ReadOptions
        from fastrcf.cli.scoring import ForestOptions

        if output == "-":
            output = None
        if to is not None and output is not None:
            raise CliError(ExitCode.USAGE, "--to: the suffix of --output already says the format")
        if delimiter is not None and len(delimiter.encode()) != 1:
            raise CliError(
                ExitCode.USAGE, f"--delimiter: expected one character, got {delimiter!r}"
            )
        job = ScoreJob(
            input=file,
            output=output,
            plot=plot,
            read=ReadOptions(input_format, delimiter, header, chunk_rows),
            columns=Requested(_names(value_cols), _names(id_cols), time_col, key_col),
            forest=ForestOptions(trees, samples, shingle, decay, output_after, random_state, jobs),
            sigma=sigma,
            fit=fit,
            output_format=to,
            suffix=suffix,
            as_json=as_json,
            fail_on_anomaly=fail_on_anomaly,
            explain=explain,
        )
        code = run(job)
    raise typer.Exit(code)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()
