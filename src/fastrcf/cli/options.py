"""Options that several commands have."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastrcf.cli.exits import CliError, ExitCode
from fastrcf.cli.formats import Format

if TYPE_CHECKING:
    from fastrcf.cli.readers import ReadOptions

__all__ = [
    "ChunkRows",
    "Decay",
    "Delimiter",
    "FailOnAnomaly",
    "Header",
    "IdCols",
    "InputFormat",
    "Jobs",
    "Output",
    "OutputAfter",
    "OutputFormat",
    "RandomState",
    "Samples",
    "Shingle",
    "Sigma",
    "SummaryAsJson",
    "Table",
    "TimeCol",
    "Trees",
    "ValueCols",
    "count",
    "input_options",
    "names",
    "refuse_given",
]

_COLUMNS = "Columns"
_FOREST = "Forest"
_RESULTS = "Results"
_INPUT = "Input"


def count(panel: str, text: str, *flags: str, least: int = 1) -> Any:
    """Describe an option that is a whole number.

    Parameters
    ----------
    panel, text
        Where the help lists it, and what it says.
    flags
        What it is called, where its parameter is called something else.
    least
        The smallest that is taken.

    Returns
    -------
    typer.models.OptionInfo
        What stands behind the type.
    """
    return typer.Option(*flags, min=least, metavar="N", rich_help_panel=panel, help=text)


Table = Annotated[
    str,
    typer.Argument(metavar="FILE", help="CSV, TSV, JSON Lines, Parquet or Arrow; - reads a pipe."),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        rich_help_panel=_RESULTS,
        help="Write to this file; the suffix says the format. Default: standard output.",
    ),
]
OutputFormat = Annotated[
    Format | None,
    typer.Option(
        "--to",
        metavar="FORMAT",
        rich_help_panel=_RESULTS,
        help="Format of standard output: csv, tsv, jsonl, parquet, arrow. Default: as the input.",
    ),
]
SummaryAsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel=_RESULTS,
        help="Sum up as JSON: on standard output with -o, else on standard error.",
    ),
]
FailOnAnomaly = Annotated[
    bool,
    typer.Option(
        "--fail-on-anomaly", rich_help_panel=_RESULTS, help="Exit with 3 when there are any."
    ),
]
ValueCols = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_COLUMNS,
        metavar="A,B,…",
        help="Score these columns. Default: all columns of numbers but those that rise in "
        "every one of the first 1000 rows (ids and clocks).",
    ),
]
IdCols = Annotated[
    str | None,
    typer.Option(rich_help_panel=_COLUMNS, metavar="A,B,…", help="Pass these through unscored."),
]
TimeCol = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_COLUMNS,
        metavar="NAME",
        help="The clock. Default: the first with times.",
    ),
]
Shingle = Annotated[int, count(_FOREST, "Consecutive rows that make a point.")]
Trees = Annotated[int, count(_FOREST, "Trees.")]
Samples = Annotated[int, count(_FOREST, "Points kept in a tree.")]
Decay = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        metavar="X",
        rich_help_panel=_FOREST,
        help="How fast old points are forgotten, per point. Default: 1 / (10 × samples).",
    ),
]
OutputAfter = Annotated[
    int | None,
    count(
        _FOREST,
        "Points to learn before the first score; 0.0 until then. Default: samples / 4.",
    ),
]
RandomState = Annotated[int, count(_FOREST, "The seed: same seed, same scores.", least=0)]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        rich_help_panel=_FOREST,
        help="Threads, -1 for all. Scores stay the same.",
    ),
]
InputFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        rich_help_panel=_INPUT,
        help="Format of the input. Default: its name tells, or its first bytes.",
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHAR",
        rich_help_panel=_INPUT,
        help="Between CSV cells. Default: the first line tells.",
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        rich_help_panel=_INPUT,
        show_default=False,
        help="Whether the first line of CSV names the columns. Default: unless it has "
        "numbers only.",
    ),
]
ChunkRows = Annotated[int, count(_INPUT, "Rows at a time. Scores stay the same.")]
Sigma = Annotated[
    float,
    typer.Option(
        min=0.0,
        metavar="X",
        rich_help_panel=_RESULTS,
        help="The threshold is mean + SIGMA × deviation of the scores: of those before the "
        "row, or of all with --fit.",
    ),
]


def input_options(
    input_format: Format | None, delimiter: str | None, *, header: bool | None, chunk_rows: int
) -> "ReadOptions":
    """Check the options of the input and put them together."""
    from fastrcf.cli.readers import ReadOptions

    if delimiter is not None and len(delimiter.encode()) != 1:
        raise CliError(ExitCode.USAGE, f"--delimiter: expected one character, got {delimiter!r}")
    return ReadOptions(input_format, delimiter, header, chunk_rows)


def names(text: str | None) -> tuple[str, ...]:
    """Split a list of column names."""
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()


def refuse_given(context: typer.Context, parameters: tuple[str, ...], reason: str) -> None:
    """Complain about options that are given where they mean nothing.

    Parameters
    ----------
    context
        Of the command.
    parameters
        Names of its parameters.
    reason
        Why they mean nothing.
    """
    for name in parameters:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise CliError(ExitCode.USAGE, f"--{name.replace('_', '-')}: {reason}")
