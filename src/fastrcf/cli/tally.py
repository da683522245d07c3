"""What a run found, in two lines or as JSON."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cells import texts

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.columns import Roles
    from fastrcf.cli.readers import Chunk
    from fastrcf.cli.scoring import Scored

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts while the rows go by."""

    roles: Roles
    method: str
    sigma: float | None
    limit: str
    n_events: int | None = None
    n_rows: int = 0
    n_missing: int = 0
    n_scored: int = 0
    n_anomalies: int = 0
    n_series: int = 1
    highest: dict[str, Any] | None = None
    threshold: float = math.nan
    started: float = field(default_factory=time.monotonic)

    def add(self, chunk: Chunk, values: FloatArray, scored: Scored) -> None:
        """Count the next rows."""
        self.n_rows += len(values)
        self.n_missing += int(np.isnan(values).any(axis=1).sum())
        self.n_scored += int((scored.scores > 0).sum())
        self.n_anomalies += int(scored.is_anomaly.sum())
        self.threshold = float(scored.thresholds[-1])
        best = int(np.argmax(scored.scores))
        score = float(scored.scores[best])
        if score > (self.highest["score"] if self.highest else 0.0):
            self.highest = {"row": chunk.first_row + best + 1, "score": score}
            for name, column in (("time", self.roles.time), ("key", self.roles.key)):
                if column is not None:
                    self.highest[name] = texts(chunk.table.slice(best, 1), column)[0].as_py()

    def as_lines(self) -> list[str]:
        """Sum up in two lines for people."""
        seconds = time.monotonic() - self.started
        parts = [
            f"{self.n_rows:,} {_plural(self.n_rows, 'row')}",
            f"columns {', '.join(self.roles.values)}"
            if len(self.roles.values) > 1
            else f"column {self.roles.values[0]}",
            f"{self.n_missing:,} missing" if self.n_missing else "",
            f"{self.n_series:,} {_plural(self.n_series, 'key')} ({self.roles.key})"
            if self.roles.key is not None
            else "",
            self.method,
            f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s",
        ]
        return [" · ".join(part for part in parts if part), self._findings()]

    def _findings(self) -> str:
        if self.highest is None:
            return "no row could be scored: too few rows, or too few without a missing value"
        limit = self.limit
        if self.roles.key is None and self.n_events is None and not math.isnan(self.threshold):
            limit += f" (at the end {self.threshold:.3f})"
        place = f"row {self.highest['row']:,}"
        where = [self.highest[name] for name in ("key", "time") if self.highest.get(name)]
        place += f" ({', '.join(where)})" if where else ""
        found = f"{self.n_anomalies:,} {_plural(self.n_anomalies, 'anomaly', 'anomalies')} above"
        if self.n_events is not None:
            rows = f"{self.n_anomalies:,} {_plural(self.n_anomalies, 'row')}"
            found = f"{self.n_events:,} {_plural(self.n_events, 'event')} ({rows}) by"
        return f"{found} {limit} · highest score {self.highest['score']:.3f} in {place}"

    def as_dict(self) -> dict[str, Any]:
        """Sum up for programs."""
        return {
            "rows": self.n_rows,
            "missing": self.n_missing,
            "scored": self.n_scored,
            "anomalies": self.n_anomalies,
            **({} if self.n_events is None else {"events": self.n_events}),
            "series": self.n_series,
            "value_columns": list(self.roles.values),
            "time_column": self.roles.time,
            "key_column": self.roles.key,
            "left_out": list(self.roles.left_out),
            "sigma": self.sigma,
            "threshold": None
            if math.isnan(self.threshold) or self.roles.key is not None
            else self.threshold,
            "highest": self.highest,
            "warnings": list(self.roles.warnings),
            "seconds": round(time.monotonic() - self.started, 3),
        }


def _plural(count: int, one: str, many: str | None = None) -> str:
    return one if count == 1 else many or f"{one}s"
