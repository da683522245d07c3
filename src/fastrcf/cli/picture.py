"""The picture of ``--plot``, collected while the rows go by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._extras import require
from fastrcf.cli.cells import seconds
from fastrcf.cli.exits import CliError, ExitCode
from fastrcf.cli.outputs import check_file, file_output
from fastrcf.cli.scoring import group_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastrcf._typing import FloatArray
    from fastrcf.cli.columns import Roles
    from fastrcf.cli.readers import Chunk
    from fastrcf.cli.scoring import Scored
    from fastrcf.plotting import Overview

__all__ = ["Picture", "check_plot", "write_figure"]

_MOST_COLUMNS = 6
_MOST_SERIES = 64  # of so many keys an overview is kept
_SERIES_SHOWN = 4
_FORMATS = frozenset({".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp"})


def check_plot(name: str) -> None:
    """Complain before the work is done about a plot that could not be written.

    Parameters
    ----------
    name
        The file name.

    Raises
    ------
    CliError
        Its format or its folder is of no use.
    MissingExtraError
        matplotlib is not installed.
    """
    if Path(name).suffix.lower() not in _FORMATS:
        raise CliError(
            ExitCode.USAGE,
            f"--plot {name}: expected a name that ends in {', '.join(sorted(_FORMATS))}",
        )
    check_file("--plot", name)
    require("matplotlib", "plot")


def write_figure(figure: Any, name: str) -> None:
    """Write a figure to a file, whole or not at all."""
    with file_output(name) as stream:
        figure.savefig(stream, format=Path(name).suffix[1:].lower())


class Picture:
    """Overviews of what goes by; nothing is kept of single rows.

    Parameters
    ----------
    roles : Roles
        What the columns are for.
    marked : str
        What the anomalies are, in words for the legend.
    """

    def __init__(self, roles: Roles, marked: str = "above the threshold") -> None:
        self._roles, self._marked = roles, marked
        self._names = roles.values[:_MOST_COLUMNS]
        self._overviews: dict[str, Overview] = {}
        self._highest: dict[str, float] = {}
        self._is_time: bool | None = None
        self._n_rows = 0

    def add(self, chunk: Chunk, values: FloatArray, keys: Any, scored: Scored) -> None:
        """Take in the next rows."""
        places = self._places(chunk)
        shown = values[:, : len(self._names)]
        for key, rows in group_rows(keys):
            overview = self._overview(key or "")
            if overview is None:
                continue
            scores = scored.scores[rows]
            overview.add(
                shown[rows], scores, scored.thresholds[rows], scored.is_anomaly[rows], places[rows]
            )
            best = float(scores.max(initial=0.0))
            self._highest[key or ""] = max(best, self._highest.get(key or "", 0.0))
        self._n_rows += len(values)

    def _overview(self, key: str) -> Overview | None:
        from fastrcf.plotting import Overview

        if key not in self._overviews and len(self._overviews) < _MOST_SERIES:
            n_bins = 2000 if self._roles.key is None else 1000
            self._overviews[key] = Overview(self._names, n_bins=n_bins)
        return self._overviews.get(key)

    @property
    def is_time(self) -> bool:
        """Whether places are seconds since 1970, else numbers of rows from 1 on."""
        return bool(self._is_time)

    def _places(self, chunk: Chunk) -> FloatArray:
        """Read the times where the first rows have some, else count the rows."""
        times = None if self._roles.time is None else seconds(chunk.table, self._roles.time)
        if self._is_time is None:
            self._is_time = times is not None
        if not self._is_time:
            return np.arange(
                self._n_rows + 1.0, self._n_rows + chunk.n_rows + 1.0, dtype=np.float64
            )
        return np.full(chunk.n_rows, np.nan) if times is None else times

    def write(self, name: str, title: str, spans: Sequence[tuple[str, float, float]] = ()) -> None:
        """Draw everything.

        Parameters
        ----------
        name
            The file.
        title
            Stands above the picture.
        spans
            Stretches to shade: name, first place and last place.
        """
        from fastrcf.plotting import draw

        overviews = self._overviews
        if self._roles.key is not None:
            best = sorted(overviews, key=lambda key: -self._highest[key])[:_SERIES_SHOWN]
            title += f" · by {self._roles.key}, highest scores first"
            overviews = {f"{self._roles.key} {key}": overviews[key] for key in best}
        n_hidden = len(self._roles.values) - len(self._names)
        title += f" · columns not shown: {n_hidden}" if n_hidden else ""
        figure = draw(
            overviews,
            is_time=self.is_time,
            title=title,
            spans=spans,
            max_panels=_MOST_COLUMNS,
            marked=self._marked,
        )
        write_figure(figure, name)
