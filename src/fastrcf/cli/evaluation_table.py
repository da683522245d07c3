"""What ``fastrcf eval`` found, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastrcf.cli.decision import NO_CLOCK

if TYPE_CHECKING:
    from fastrcf.cli.evaluating import Decision, Evaluation
    from fastrcf.cli.evaluation import Figures

__all__ = ["print_table"]

_NONE = "–"
_WIDE = 500  # tables are as wide as they are: a narrow terminal wraps, and nothing is cut off
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def print_table(found: Evaluation) -> None:
    """Print two tables: without a cutoff, and one column for each cutoff.

    Parameters
    ----------
    found : Evaluation
        The figures.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, width=_WIDE)
    for line in _heading(found):
        console.print(line, markup=False)
    console.print()
    console.print(_overall_table(found))
    console.print()
    console.print(_decision_table(found))
    notes = _notes(found)
    if notes:
        console.print()
    for line in notes:
        console.print(line, markup=False)


def _heading(found: Evaluation) -> list[str]:
    counts = found.counts
    share = counts["anomalies"] / counts["rows"]
    line = f"{_many(counts['rows'], 'row')}, {counts['anomalies']:,} anomalous ({share:.2%})"
    line += f" in {_many(counts['events'], 'event')}"
    if found.job.columns.key is not None:
        line += f", {counts['series']:,} series ({found.job.columns.key})"
    lines = [line]
    if counts["unscored"]:
        lines += [
            f"{_many(counts['unscored'], 'row')} without a score (0.0), counted with the others"
        ]
    if counts["skipped"]:
        lines += [f"{_many(counts['skipped'], 'row')} left out: without a label or a score"]
    return lines


def _many(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}"


# ---- tables -------------------------------------------------------------------------------------


def _overall_table(found: Evaluation) -> Any:
    figures, window = found.overall, found.job.vus_window
    share = found.counts["anomalies"] / found.counts["rows"]
    table = _table("any cutoff", "")
    table.add_column("", no_wrap=True)
    table.add_row("AUROC", _rate(figures, "auroc"), "by chance 0.5")
    table.add_row("IE", _rate(figures, "ie"), "1 − AUROC")
    table.add_row("AUPRC", _rate(figures, "auprc"), f"by chance {share:.3f}")
    table.add_row("VUS-ROC", _rate(figures, "vus_roc"), f"window {_many(window, 'row')}")
    table.add_row("VUS-PR", _rate(figures, "vus_pr"), "")
    table.add_row("best F1", _rate(figures, "best_f1"), _at(figures, "best_f1_cutoff"))
    table.add_row("best NAB", _nab(figures, "nab_best"), _at(figures, "nab_best_cutoff"))
    return table


def _decision_table(found: Evaluation) -> Any:
    table = _table("at a cutoff", *(each.cutoff.name for each in found.decisions))
    n_events = found.counts["events"]
    rows: dict[str, Callable[[Figures], str]] = {
        "rows flagged": lambda figures: _count(figures, "flagged"),
        "true positives": lambda figures: _count(figures, "tp"),
        "false positives": lambda figures: _count(figures, "fp"),
        "true negatives": lambda figures: _count(figures, "tn"),
        "false negatives": lambda figures: _count(figures, "fn"),
        "precision": lambda figures: _rate(figures, "precision"),
        "recall": lambda figures: _rate(figures, "recall"),
        "F1": lambda figures: _rate(figures, "f1"),
        "FRR": lambda figures: _rate(figures, "frr"),
        "FAR": lambda figures: _rate(figures, "far"),
        "events found": lambda figures: _of(_count(figures, "events_found"), f"{n_events:,}"),
        "alarms right": lambda figures: _of(
            _count(figures, "alarms_right"), _count(figures, "alarms")
        ),
        "event precision": lambda figures: _rate(figures, "event_precision"),
        "event recall": lambda figures: _rate(figures, "event_recall"),
        "event F1": lambda figures: _rate(figures, "event_f1"),
        "median delay": _delay,
        "range F1": lambda figures: _rate(figures, "range_f1"),
        "affiliation F1": lambda figures: _rate(figures, "affiliation_f1"),
        "NAB, standard": lambda figures: _nab(figures, "nab_standard"),
        "NAB, low FP rate": lambda figures: _nab(figures, "nab_reward_low_FP_rate"),
        "NAB, low FN rate": lambda figures: _nab(figures, "nab_reward_low_FN_rate"),
    }
    if found.job.point_adjusted:
        rows["point-adjusted F1"] = lambda figures: _rate(figures, "point_adjusted_f1")
    table.add_row("cutoff", *map(_cutoff, found.decisions))
    for name, show in rows.items():
        table.add_row(name, *(show(each.figures) for each in found.decisions))
    return table


def _table(first: str, *headings: str) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True, min_width=17)
    for heading in headings:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    return table


# ---- cells --------------------------------------------------------------------------------------


def _rate(figures: Figures, name: str) -> str:
    value = figures.values[name]
    return _NONE if value is None else f"{value:.3f}"


def _nab(figures: Figures, name: str) -> str:
    value = figures.values[name]
    return _NONE if value is None else f"{value:.1f}"


def _count(figures: Figures, name: str) -> str:
    value = figures.values[name]
    return _NONE if value is None else f"{value:,}"


def _of(part: str, whole: str) -> str:
    return _NONE if part == _NONE else f"{part} of {whole}"


def _at(figures: Figures, name: str) -> str:
    value = figures.values[name]
    return "" if value is None else f"at the cutoff {value:.4g}"


def _cutoff(each: Decision) -> str:
    ends = each.cutoff.ends
    if ends is None:
        return _NONE
    low, high = ends
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _delay(figures: Figures) -> str:
    rows, seconds = figures.values["delay_median_rows"], figures.values["delay_median_seconds"]
    if rows is None:
        return _NONE
    shown = f"{rows:,g} {'row' if rows == 1 else 'rows'}"
    return shown if seconds is None else f"{shown} ({_duration(seconds)})"


def _duration(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(seconds) >= size), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


# ---- notes --------------------------------------------------------------------------------------


def _notes(found: Evaluation) -> list[str]:
    """Say why figures are undefined, each reason once."""
    reasons: dict[str, None] = {}
    for name, figures in (
        ("", found.overall),
        *((each.cutoff.name, each.figures) for each in found.decisions),
    ):
        for reason in figures.undefined.values():
            if reason == NO_CLOCK:
                continue
            is_general = not name or reason in found.overall.undefined.values()
            reasons[reason if is_general else f"{name}: {reason}"] = None
    notes = [f"{_NONE} {reason}" for reason in reasons]
    if any(each.cutoff.name.startswith("f1") and each.cutoff.ends for each in found.decisions):
        notes += ["f1: the labels that judge this cutoff have chosen it: a bound, no forecast"]
    return notes
