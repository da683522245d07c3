"""Errors of some rows only: their windows go to the network together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastrcf._forest.options import resolve_n_jobs
from fastrcf.detectors.window_source import WindowSource
from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.detectors.error_engine import Answer

__all__ = ["SparseSource"]

_GRAPH = "windows.onnx"

_TOGETHER = 4096
"""Windows that are cut out together, to bound memory."""


class SparseSource(WindowSource):
    """A source that is asked about some rows of many.

    The graph of a model runs over all windows of a series: for few of them it would do too much.
    This one has a graph of its own, from windows to reconstructions. A model without weights of its
    own is asked about one window after the other.
    """

    graph: bytes = b""
    _session: Any = None

    def fit(self, rows: FloatArray, *, breaks: Any = None, **training: Any) -> FloatArray:
        """Train the network; give the errors that the law begins with."""
        errors = super().fit(rows, breaks=breaks, **training)
        if hasattr(self.model, "weights_"):
            from fastrcf.neural.graphs import window_graph

            self.graph = window_graph(self.model.spec_, self.model.weights_)
        return errors

    def answer_some(self, rows: FloatArray, wanted: NDArray[np.bool_], *, learn: bool) -> Answer:
        """Judge only the rows that are wanted; the others have no error."""
        known = np.concatenate([self.tail, rows])
        reach = self.model.window_size - 1
        holes = np.append(0, np.cumsum(np.isnan(known).any(axis=1)))
        ends = np.flatnonzero(wanted) + len(self.tail)
        ends = ends[ends >= reach]
        ends = ends[holes[ends + 1] == holes[ends - reach]]
        off = np.full(rows.shape, np.nan)
        off[ends - len(self.tail)] = self._above(known, ends - reach)
        off[~np.isfinite(off).all(axis=1)] = np.nan
        if learn:
            self.remember(known)
        return self.put_together(rows, off)

    def _above(self, rows: FloatArray, starts: IntArray) -> FloatArray:
        """Tell how far the last rows of the windows at `starts` lie above their reconstruction."""
        off: FloatArray
        native = self.model.native_scorer() if self.graph else None
        if native is not None:
            threads = resolve_n_jobs(self.model.n_jobs)
            off = native.run("residuals", self.near(rows), starts, "mse", threads)
            off = off * self.model.scaler_.scale_  # float64, as the scale is
            return off
        off = np.empty((len(starts), rows.shape[1]))
        for first in range(0, len(starts), _TOGETHER):
            part = slice(first, first + _TOGETHER)
            windows = sliding_window_view(rows, self.model.window_size, axis=0)[starts[part]]
            off[part] = self._last(self.near(windows.transpose(0, 2, 1)))
        return off

    def _last(self, windows: FloatArray) -> FloatArray:
        """Do it for windows that are cut out."""
        scaler = self.model.scaler_
        off: FloatArray
        if not self.graph:
            last = [self.model.residuals(window)[-1] for window in windows]
            off = np.stack(last) * scaler.scale_
            return off
        back = self._run(windows)[:, -1].astype(np.float64)
        off = windows[:, -1] - (back * scaler.scale_ + scaler.center_)
        return off

    def _run(self, windows: FloatArray) -> NDArray[np.float32]:
        from fastrcf.neural.session import Session

        if self._session is None:
            self._session = Session(self.graph, self.model.device, self.model.n_jobs)
        scaler = self.model.scaler_
        reconstructions: NDArray[np.float32]
        reconstructions = self._session.run(windows, scaler.center_, scaler.scale_)
        if reconstructions.shape != windows.shape:
            raise ModelFormatError(f"{_GRAPH}: does not give windows back")
        return reconstructions

    # ---- state ----------------------------------------------------------------------------------

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give what a source gives, and the graph."""
        section, parts = super().to_parts()
        return section, parts | {_GRAPH: self.graph}

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `to_parts` gave; whatever is wrong is an error."""
        from fastrcf.neural._wire import check_model

        graph = parts[_GRAPH]
        if graph:
            check_model(graph)
        super().restore(section, {name: part for name, part in parts.items() if name != _GRAPH})
        self.graph = graph
