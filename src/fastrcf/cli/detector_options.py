"""Options of the commands that make a detector."""

from typing import TYPE_CHECKING, Annotated

import typer

from fastrcf.cli.exits import CliError, ExitCode
from fastrcf.cli.options import count, names

if TYPE_CHECKING:
    from fastrcf.cli.detecting import DetectorOptions

__all__ = [
    "AlarmRate",
    "IgnoreAmount",
    "IgnoreRatio",
    "Period",
    "Rest",
    "SampleSize",
    "TreeCount",
    "Views",
    "band",
    "detector_options",
]

_DETECTOR = "Detector"

AlarmRate = Annotated[
    float,
    typer.Option(
        metavar="R",
        rich_help_panel=_DETECTOR,
        help="The one knob: alarms to expect per row when nothing but noise comes.",
    ),
]
Views = Annotated[
    str,
    typer.Option(
        metavar="A,B,…",
        rich_help_panel=_DETECTOR,
        help="What the forests are shown, auto or some of: values, shape, change (one column), "
        "rest, path (several).",
    ),
]
Period = Annotated[
    int | None,
    count(
        _DETECTOR,
        "Rows after which the series repeats itself, 0 for never. Default: estimated.",
        least=0,
    ),
]
Rest = Annotated[
    int,
    count(_DETECTOR, "Rows beyond the cutoff no more apart than this are one event.", least=0),
]
IgnoreAmount = Annotated[
    str | None,
    typer.Option(
        metavar="X,…",
        rich_help_panel=_DETECTOR,
        help="No alarm for values that differ by less from the expected one; one number, or one "
        "for each column.",
    ),
]
IgnoreRatio = Annotated[
    str | None,
    typer.Option(
        metavar="X,…",
        rich_help_panel=_DETECTOR,
        help="The same as a share of the expected value.",
    ),
]
TreeCount = Annotated[
    int | None,
    count(_DETECTOR, "Trees of each forest. Default: 50, of a plain forest 100.", "--trees"),
]
SampleSize = Annotated[
    int | None,
    count(
        _DETECTOR,
        "Points kept in a tree. Default: 256, of a detector of several columns 1024.",
        "--samples",
        "--sample-size",
    ),
]


def detector_options(
    *,
    alarm_rate: float,
    views: str,
    period: int | None,
    rest: int,
    ignore_amount: str | None,
    ignore_ratio: str | None,
    trees: int | None,
    samples: int | None,
    random_state: int,
    jobs: int,
) -> "DetectorOptions":
    """Read the options of a detector and put them together."""
    from fastrcf.cli.detecting import DetectorOptions

    wanted = names(views)
    return DetectorOptions(
        views="auto" if wanted == ("auto",) else wanted,
        period=period,
        n_trees=50 if trees is None else trees,
        sample_size=samples,
        alarm_rate=alarm_rate,
        rest=rest,
        ignore_amount=band("--ignore-amount", ignore_amount),
        ignore_ratio=band("--ignore-ratio", ignore_ratio),
        random_state=random_state,
        n_jobs=jobs,
    )


def band(flag: str, text: str | None) -> float | tuple[float, ...] | None:
    """Read the width of an ignored band: one number, or one for each column."""
    if text is None:
        return None
    try:
        band = tuple(float(number) for number in text.split(","))
    except ValueError:
        raise CliError(ExitCode.USAGE, f"{flag}: expected numbers, got {text!r}") from None
    return band if len(band) > 1 else band[0]
