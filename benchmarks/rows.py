"""A row of the speed table, and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int = 9
    table_rows: int = 50_000
    long_rows: int = 10_000_000
    peer_memory_rows: int = 10_000


QUICK = Effort(rounds=3, table_rows=20_000, long_rows=1_000_000, peer_memory_rows=4_000)


@dataclass
class Row:
    """One row of a report.

    Attributes
    ----------
    job : str
        What was measured.
    values : dict
        The measurement by library, in `unit`.
    unit : str
        The unit of `values`.
    ratios : dict
        By how much fastrcf is better than each peer; for a job without peers, the figure itself.
    to_reach, aim : str
        The marks.
    met : str
        "aim", "yes" or "no"; "–" where the peers that the mark names are missing.
    notes : list of str
        What the figures need to be read with.
    """

    job: str
    values: dict[str, float]
    unit: str
    to_reach: str
    aim: str
    ratios: dict[str, float] = field(default_factory=dict)
    met: str = "–"
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


def at_least(ratios: Mapping[str, float], marks: Mapping[str, tuple[float, float]]) -> str:
    """Return "aim", "yes" or "no" for ratios that must reach (mark, aim), by peer."""
    known = [(ratios[name], mark) for name, mark in marks.items() if name in ratios]
    if not known:
        return "–"
    if all(ratio >= aim for ratio, (_, aim) in known):
        return "aim"
    return "yes" if all(ratio >= reach for ratio, (reach, _) in known) else "no"


def at_most(value: float, reach: float, aim: float) -> str:
    """Return "aim", "yes" or "no" for a figure that must not pass `reach`."""
    return "aim" if value <= aim else "yes" if value <= reach else "no"
