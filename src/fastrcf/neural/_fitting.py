"""From rows to what training takes: windows to learn, windows to be judged by, a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastrcf._forest.checks import integer, real
from fastrcf._rows import as_rows
from fastrcf.scaling import Scaler, make_scaler, scale_rows
from fastrcf.windowing import segments, window_starts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from fastrcf._typing import IntArray, RealArray, TableLike

__all__ = ["WindowSets", "window_loss", "window_sets"]


class WindowSets(NamedTuple):
    """What is learned and what is held out."""

    rows: NDArray[np.float32]
    """Scaled; rows of another validation table stand behind those of the training table."""

    starts: IntArray
    validation: IntArray
    scaler: Scaler
    n_validation: int
    """Rows at the end of the training table that were held out."""


def window_sets(
    X: RealArray,
    window_size: int,
    *,
    breaks: ArrayLike | None,
    validation: TableLike | None,
    validation_fraction: float,
    stride: int,
    scaler: str,
) -> WindowSets:
    """Choose windows in the order of time: no row is in both sets, and none crosses a gap.

    Raises
    ------
    TypeError, ValueError
        An option is wrong, or there are too few windows.
    """
    stride = integer("stride", stride, 1, 2**31 - 1)
    learner = make_scaler(scaler)
    runs = segments(X, breaks)
    split = _split(runs, window_size, _fraction(validation_fraction), len(X))
    if validation is not None:
        split = len(X)
    starts = window_starts(_clip(runs, 0, split), window_size, stride)
    if len(starts) < 2:
        longest = int(np.diff(runs).max(initial=0))
        raise ValueError(
            f"X: expected at least 2 windows of {window_size} rows without NaN or break to learn "
            f"from, got {len(starts)}; of {len(X)} rows {len(X) - split} are held out for "
            f"validation, and the longest stretch has {longest}"
        )
    learner.fit(X[:split])
    rows = _scaled(X, learner)
    if validation is None:
        held = window_starts(_clip(runs, split, len(X)), window_size, stride)
        return WindowSets(rows, starts, held, learner, len(X) - split)
    other = as_rows(validation, "validation")
    if other.shape[1] != X.shape[1]:
        raise ValueError(f"validation: expected {X.shape[1]} columns, got {other.shape[1]}")
    held = window_starts(segments(other), window_size, stride)
    if len(held) == 0:
        raise ValueError(f"validation: expected at least {window_size} rows in a stretch")
    return WindowSets(
        np.concatenate([rows, _scaled(other, learner)]), starts, held + len(X), learner, 0
    )


def window_loss(
    network: Any, rows: NDArray[np.float32], window_size: int, kind: str
) -> Callable[[Any], Any]:
    """Make the function from first rows of windows to the mean error of their reconstructions."""
    import torch

    device = next(network.parameters()).device
    table = torch.from_numpy(rows).to(device)
    steps = torch.arange(window_size, device=device)
    measure = torch.nn.functional.l1_loss if kind == "mae" else torch.nn.functional.mse_loss

    def loss(starts: Any) -> Any:
        places = (starts[:, None] + steps).flatten()
        windows = table.index_select(0, places).view(len(starts), window_size, -1)
        return measure(network(windows), windows)

    return loss


def _fraction(value: object) -> float:
    fraction = real("validation_fraction", value)
    if not 0.0 <= fraction < 1.0:
        raise ValueError(f"validation_fraction: expected at least 0 and below 1, got {fraction}")
    return fraction


def _split(runs: IntArray, size: int, fraction: float, n_rows: int) -> int:
    """Find the row from which rows are held out: where the last share of the windows begins."""
    starts = window_starts(runs, size)
    if fraction == 0.0 or len(starts) == 0:
        return n_rows
    return int(starts[-max(1, round(fraction * len(starts)))])


def _clip(runs: IntArray, low: int, high: int) -> IntArray:
    clipped = np.clip(runs, low, high)
    return clipped[clipped[:, 0] < clipped[:, 1]]


def _scaled(X: RealArray, scaler: Scaler) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = scale_rows(X, scaler.center_, scaler.scale_)  # type: ignore[assignment]
    return rows
