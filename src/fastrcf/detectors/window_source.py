"""Errors of rows by an autoencoder: the latest row of each window against its reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from fastrcf.detectors.error_engine import Answer
from fastrcf.detectors.templates import fresh, network_kind
from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray

__all__ = ["ERRORS", "WindowModel", "WindowSource", "row_errors"]

ERRORS = ("soft", "mae", "rmse", "mse")
"""How the errors of columns make that of a row."""

_SOFT = 10.0
"""Where a soft error saturates: one column gone astray does not hide the others."""

_FARTHEST = 1e4
"""Scales from the centre beyond which a value looks the same to a network."""

_FLOOR, _COLUMN_FLOOR = 0.02, 0.05
"""Least usual error of a column as a share of its deviation; least deviation, as a share of level
and extent."""

_ENOUGH = 32
"""Held-out rows from which on it is told how much too small errors of learned rows are."""

_NETWORK, _TAIL = "network-", "tail.bin"

_LEAST = 1e-30
"""Error of a perfect reconstruction: 0 means that there is none."""


class WindowModel(Protocol):
    """What an autoencoder offers, `LstmAutoencoder` and `LinearAutoencoder` do."""

    window_size: int
    n_validation_: int
    """Rows at the end of the training rows that were held out."""

    scaler_: Any
    """With `center_` and `scale_`."""

    def get_params(self) -> dict[str, Any]:
        """Give its options."""

    def fit(self, X: FloatArray, *, breaks: Any = None, **training: Any) -> Any:
        """Train; no window crosses a break or a row with NaN."""

    def residuals(self, X: FloatArray, *, breaks: Any = None) -> FloatArray:
        """Give each row minus its reconstruction, scaled, by the window that ends with it.

        NaN where none does; one window at a time gives the same bits.
        """

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]: ...
    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self: ...


class WindowSource:
    """An autoencoder of windows, the usual error of each column, and the latest rows.

    Parameters
    ----------
    template : WindowModel
        Options of the autoencoder.
    error : {"soft", "mae", "rmse", "mse"}
        How the errors of columns make that of a row.
    width : int
        Columns.

    Notes
    -----
    The error of a row is that of the last row of the window that ends with it. It is divided,
    column by column, by the root mean square of such errors in the training rows or the held-out
    rows, whichever is greater. The errors of learned rows are smaller than those of new ones: they
    are multiplied by the ratio of the medians before the law is made of them.
    """

    def __init__(self, template: WindowModel, error: str, width: int) -> None:
        self.template, self.error = template, error
        self.model: Any = None
        self.spread = np.ones(width)
        self.tail = np.empty((0, width))

    def fit(self, rows: FloatArray, *, breaks: Any = None, **training: Any) -> FloatArray:
        """Train the network; give the errors that the law begins with."""
        self.model = fresh(self.template)
        self.model.fit(rows, breaks=breaks, **training)
        self.remember(rows)
        return self.calibrate(rows, breaks)

    def calibrate(self, rows: FloatArray, breaks: Any) -> FloatArray:
        """Learn what errors are usual; give those of the rows as if they were new."""
        off = self._off(rows, breaks)
        known = ~np.isnan(off[:, 0])
        held = known & (np.arange(len(rows)) >= len(rows) - self.model.n_validation_)
        learned = known & ~held
        parts = [np.sqrt(np.mean(off[part] ** 2, axis=0)) for part in (held, learned) if part.any()]
        self.spread = np.max([_floors(rows), *parts], axis=0)
        errors = self.put_together(rows, off).errors
        if held.sum() >= _ENOUGH and learned.any():
            errors[learned] *= max(1.0, np.median(errors[held]) / np.median(errors[learned]))
        return errors

    def answer(self, rows: FloatArray, *, learn: bool) -> Answer:
        """Judge the rows that come next; keep the latest of them if `learn`."""
        both = np.concatenate([self.tail, rows])
        off = self._off(both)[len(self.tail) :]
        if learn:
            self.remember(both)
        return self.put_together(rows, off)

    def near(self, rows: FloatArray) -> FloatArray:
        """Bring values that lie too far out for a network nearer."""
        scaler = self.model.scaler_
        reach = _FARTHEST * scaler.scale_
        near: FloatArray = np.clip(rows, scaler.center_ - reach, scaler.center_ + reach)
        return near

    def _off(self, rows: FloatArray, breaks: Any = None) -> FloatArray:
        """Tell how far values lie above their reconstruction; NaN where no window ends."""
        residuals = self.model.residuals(self.near(rows), breaks=breaks)
        off: FloatArray = residuals * self.model.scaler_.scale_
        off[~np.isfinite(off).all(axis=1)] = np.nan
        return off

    def put_together(self, rows: FloatArray, off: FloatArray) -> Answer:
        """Make errors of how far values lie above their reconstruction."""
        parts = np.nan_to_num(off) / self.spread
        errors = row_errors(parts, self.error)
        errors[np.isnan(off[:, 0])] = 0.0
        return Answer(errors, parts, rows - off)

    def remember(self, rows: FloatArray) -> None:
        """Keep the latest rows."""
        keep = self.model.window_size - 1
        self.tail = rows[len(rows) - min(keep, len(rows)) :].copy()

    # ---- state ----------------------------------------------------------------------------------

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give network, spread and latest rows."""
        section, network = self.model._to_parts()  # noqa: SLF001 - the protocol
        parts = {_NETWORK + name: part for name, part in network.items()}
        parts[_TAIL] = np.ascontiguousarray(self.tail, "<f8").tobytes()
        kind = network_kind(self.model)
        return {"kind": kind, "network": section, "spread": self.spread.tolist()}, parts

    def restore(self, section: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take back what `to_parts` gave; whatever is wrong is an error."""
        width = len(self.spread)
        if section["kind"] != network_kind(self.template):
            raise ModelFormatError("network: of another kind than the options say")
        network = {
            name.removeprefix(_NETWORK): part
            for name, part in parts.items()
            if name.startswith(_NETWORK)
        }
        strange = set(parts) - {_NETWORK + name for name in network} - {_TAIL}
        if strange:
            raise ModelFormatError(f"parts: expected none of {sorted(strange)}")
        self.model = type(self.template)._from_parts(section["network"], network)  # noqa: SLF001
        self.spread = np.array(section["spread"], np.float64)
        self.tail = np.frombuffer(parts[_TAIL], "<f8").astype(np.float64).reshape(-1, width)
        if (
            self.spread.shape != (width,)
            or not (np.isfinite(self.spread) & (self.spread > 0.0)).all()
            or self.model.scaler_.scale_.shape != (width,)
            or len(self.tail) >= max(1, self.model.window_size)
            or np.isinf(self.tail).any()
        ):
            raise ModelFormatError("network: does not fit the columns or the latest rows")


def row_errors(parts: FloatArray, error: str) -> FloatArray:
    """Put the errors of columns together, each in units of what is usual for it.

    Parameters
    ----------
    parts : ndarray of shape (n, d)
        Errors, signed.
    error : {"soft", "mae", "rmse", "mse"}
        ``soft`` is the mean of ``|e| / (1 + |e| / 10)``; the others are what they are called.

    Returns
    -------
    ndarray of shape (n,)
        Above 0.

    Examples
    --------
    >>> import numpy as np
    >>> row_errors(np.array([[3.0, -4.0]]), "rmse").round(3)
    array([3.536])
    """
    sizes = np.abs(parts)
    if error == "soft":
        errors = np.mean(sizes / (1.0 + sizes / _SOFT), axis=1)
    elif error == "mae":
        errors = np.mean(sizes, axis=1)
    else:
        errors = np.mean(sizes**2, axis=1)
        if error == "rmse":
            errors = np.sqrt(errors)
    result: FloatArray = np.maximum(errors, _LEAST)
    return result


def _floors(rows: FloatArray) -> FloatArray:
    """Give the least usual error of each column: dividing by less would blow up noise."""
    known = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    level = np.abs(np.nanmean(known, axis=0))
    extent = np.nanmax(known, axis=0) - np.nanmin(known, axis=0)
    spread = np.maximum(np.nanstd(known, axis=0), _COLUMN_FLOOR * np.maximum(level, extent))
    floors: FloatArray = _FLOOR * np.where(spread > 0.0, spread, 1.0)
    return floors
