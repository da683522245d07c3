"""``fastrcf demo``: a generated series, what was planted in it and what was found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastrcf.cli.exits import exit_codes

if TYPE_CHECKING:
    from fastrcf.cli.scoring import Scored
    from fastrcf.datasets import LabelledSeries

__all__ = ["demo"]

_SHINGLE = 48  # a day of half-hours
_SIGMA = 3.0


@dataclass(frozen=True)
class _Finding:
    """What became of one planted event."""

    name: str
    start: str
    rows: int
    highest_score: float
    rank: int  # of that score among all rows, 1 = highest
    rows_above: int

    @property
    def is_found(self) -> bool:
        return self.rows_above > 0


def demo(
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Draw the series and its scores (.png, .svg, .pdf)."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the scored series (as the suffix says)."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", help="Threads, -1 for all.")
    ] = 1,
) -> None:
    """Score seven months of made-up taxi rides and report which planted events were found.

    Half-hourly counts with a daily and a weekly rhythm, and five events. Each row is scored by the
    rows before it and then learned, as in a live stream. Needs no file and no network.
    """
    with exit_codes():
        _demo(plot, output, as_json=as_json, jobs=jobs)


def _demo(plot: str | None, output: str | None, *, as_json: bool, jobs: int) -> None:
    import time

    from fastrcf.cli.outputs import check_file
    from fastrcf.cli.picture import check_plot
    from fastrcf.cli.scoring import ForestOptions, StreamScorer
    from fastrcf.datasets import taxi_like

    if plot is not None:
        check_plot(plot)
    if output is not None:
        check_file("--output", output)
    options = ForestOptions(shingle_size=_SHINGLE, n_jobs=jobs)
    options.check(n_columns=1)
    series = taxi_like()
    scorer = StreamScorer(options, _SIGMA, ["rides"])
    started = time.perf_counter()
    scored = scorer.score(series.values[:, None], None, 0)
    seconds = time.perf_counter() - started

    findings = _findings(series, scored)
    figures = {
        "rows": len(series),
        "shingle": _SHINGLE,
        "trees": options.n_trees,
        "samples": options.sample_size,
        "seconds": round(seconds, 4),
        "rows_per_second": round(len(series) / seconds),
        "forest_bytes": scorer.memory_bytes,
        "rows_above": int(scored.is_anomaly.sum()),
        "threshold": float(scored.thresholds[-1]),
        "found": sum(finding.is_found for finding in findings),
        "planted": len(findings),
    }
    if output is not None:
        _write_csv(series, scored, output)
    if plot is not None:
        _draw(series, scored, plot)
    if as_json:
        import json

        rows = [asdict(finding) | {"found": finding.is_found} for finding in findings]
        typer.echo(json.dumps({**figures, "events": rows}))
    else:
        _print(findings, figures, [name for name in (output, plot) if name])


def _findings(series: LabelledSeries, scored: Scored) -> list[_Finding]:
    import numpy as np

    ranks = np.empty(len(series), dtype=np.int64)
    ranks[np.argsort(-scored.scores, kind="stable")] = np.arange(1, len(series) + 1)
    return [
        _Finding(
            name=event.name,
            start=str(series.timestamps[event.start]),
            rows=event.stop - event.start,
            highest_score=float(scored.scores[event.rows].max()),
            rank=int(ranks[event.rows].min()),
            rows_above=int(scored.is_anomaly[event.rows].sum()),
        )
        for event in series.events
    ]


def _print(findings: list[_Finding], figures: dict[str, Any], files: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    days = figures["rows"] // 48
    console.print(
        f"{figures['rows']:,} half-hours of generated taxi rides ({days} days), "
        f"{figures['planted']} planted events.\n"
        f"Forest of {figures['trees']} trees × {figures['samples']} points, shingle "
        f"{figures['shingle']} (a day);\nevery row is scored by the rows before it.\n"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("event", "begins"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", "above", "highest", "rank"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("found", no_wrap=True)
    for finding in findings:
        table.add_row(
            finding.name,
            finding.start[:16].replace("T", " "),
            f"{finding.rows}",
            f"{finding.rows_above}",
            f"{finding.highest_score:.2f}",
            f"{finding.rank:,}",
            "[green]yes[/green]" if finding.is_found else "[yellow]no[/yellow]",
        )
    console.print(table)
    share = figures["rows_above"] / figures["rows"]
    console.print(
        "\nabove: rows of the event above the threshold, mean + "
        f"{_SIGMA:g} σ of the scores before\nthe row (at the end {figures['threshold']:.2f}); "
        "rank: of its highest score among all rows.\n\n"
        f"{figures['found']} of {figures['planted']} found. In all {figures['rows_above']:,} rows "
        f"({share:.1%}) are above: an event stays in the\nshingle for a day after it is over, and "
        "the first weeks are news to the forest.\n"
        f"{figures['seconds']:.2f} s to score and learn, {figures['rows_per_second']:,} rows/s; "
        f"the forest takes {figures['forest_bytes'] / 1e6:.1f} MB."
    )
    if files:
        console.print(f"Written: {', '.join(files)}")
    else:
        console.print("See it: fastrcf demo --plot demo.png    Keep it: fastrcf demo -o demo.csv")


def _write_csv(series: LabelledSeries, scored: Scored, name: str) -> None:
    import numpy as np
    import pyarrow as pa

    from fastrcf.cli.columns import Roles
    from fastrcf.cli.formats import Format, target_of_name
    from fastrcf.cli.layout import layout_of
    from fastrcf.cli.outputs import compressed, file_output
    from fastrcf.cli.readers import Chunk
    from fastrcf.cli.writers import open_writer

    table = pa.table(
        {
            "timestamp": np.char.replace(series.timestamps.astype(str), "T", " "),
            "rides": series.values.astype(np.int64),
            "label": series.labels,
        }
    )
    target = target_of_name(name)
    layout = layout_of(table, Roles(("rides",)), Format.ARROW, "")
    with (
        file_output(name) as stream,
        compressed(stream, target.compression) as packed,
        open_writer(packed, target, layout, delimiter=",") as writer,
    ):
        writer.write(Chunk(table, 0), scored)


def _draw(series: LabelledSeries, scored: Scored, name: str) -> None:
    from fastrcf.cli.picture import write_figure
    from fastrcf.plotting import plot_scores

    figure = plot_scores(
        series.values,
        scored.scores,
        threshold=scored.thresholds,
        times=series.timestamps,
        events=series.events,
        names=["rides per half-hour"],
        title="Generated taxi rides with five planted events",
    )
    write_figure(figure, name)
