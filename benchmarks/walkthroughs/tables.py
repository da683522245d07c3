"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.walkthroughs.judging import Verdict, mean, spread

RATES = ("F1", "AUROC", "AUROC of labels", "FRR", "FAR", "IE")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table; the first column is text."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def rates(verdicts: Sequence[Verdict]) -> list[str]:
    """Give the mean of each rate, with the standard deviation of F1 where there are several."""
    middle = mean(verdicts)
    cells = [_cell(value) for value in middle]
    if len(verdicts) > 1:
        cells[0] += f" ± {spread(verdicts).f1:.3f}"
    return cells


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
