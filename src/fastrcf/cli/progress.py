"""A progress bar for people who wait: on a terminal, and only when it takes more than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Progress", "progress"]

_PATIENCE = 1.0  # seconds


class Progress:
    """Shows how far the work is."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def step(self, done: float | None, n_rows: int) -> None:
        """Say how far we are.

        Parameters
        ----------
        done
            Share of the work, None when it is not known.
        n_rows
            Rows so far.
        """
        if not self._is_shown:
            return
        if self._bar is None:
            if time.monotonic() - self._started < _PATIENCE:
                return
            self._open()
        known = {} if done is None else {"completed": min(done, 1.0), "total": 1.0}
        self._bar.update(self._task, rows=f"{n_rows:,} rows", **known)
        self._bar.refresh()

    def _open(self) -> None:
        from rich import progress as parts
        from rich.console import Console

        self._bar = parts.Progress(
            parts.TextColumn("scoring"),
            parts.BarColumn(),
            parts.TaskProgressColumn(),
            parts.TextColumn("{task.fields[rows]}"),
            parts.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("scoring", total=None, rows="")
        self._bar.start()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(*, is_shown: bool | None = None) -> Iterator[Progress]:
    """Show progress while the block runs.

    Parameters
    ----------
    is_shown
        By default whether standard error is a terminal.

    Yields
    ------
    Progress
        To be told of each step.
    """
    bar = Progress(is_shown=sys.stderr.isatty() if is_shown is None else is_shown)
    try:
        yield bar
    finally:
        bar.close()
