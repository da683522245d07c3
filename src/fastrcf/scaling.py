"""Scaling of columns: learned from training rows, applied to all.

Every scaler is affine, ``(x - center_) / scale_``, so that a network can hold it as two arrays.

>>> import numpy as np
>>> X = np.array([[1.0, 50.0], [2.0, 50.0], [3.0, 50.0], [np.nan, 50.0]])
>>> scaler = make_scaler("minmax").fit(X[:2])
>>> scaler.transform(X).tolist()
[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [nan, 0.0]]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fastrcf._affine import as_affine, as_out
from fastrcf._forest.checks import choice
from fastrcf._rows import as_rows
from fastrcf.errors import NotFittedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike

    from fastrcf._typing import FloatArray, RealArray, TableLike

__all__ = [
    "MinMaxScaler",
    "NoScaler",
    "RobustScaler",
    "Scaler",
    "StandardScaler",
    "make_scaler",
    "scale_rows",
]

_ROUNDING = 8 * np.finfo(np.float64).eps
"""Relative spread below which a column differs from a constant by rounding only."""


class Scaler(ABC):
    """What the scalers share; use one of the subclasses or `make_scaler`.

    Attributes
    ----------
    kind : str
        What `make_scaler` calls it.
    center_, scale_ : ndarray of float64, shape (F,)
        After `fit`: what is subtracted from a column, then what it is divided by.
    """

    kind: ClassVar[str]
    center_: FloatArray
    scale_: FloatArray

    def fit(self, X: TableLike) -> Self:
        """Learn center and scale of each column.

        Parameters
        ----------
        X : array_like or frame, shape (n,) or (n, F)
            Training rows and no others: what is scored later must not be in here. NaN is left out.

        Returns
        -------
        Scaler
            This one. A constant column gets scale 1; one that is all NaN also center 0.

        Raises
        ------
        TypeError, ValueError
            `X` is not numbers, is empty, is infinite somewhere, or has a column that spans more
            than a float holds. The scaler stays as it was.

        Examples
        --------
        >>> scaler = StandardScaler().fit([1.0, 3.0, float("nan")])
        >>> scaler.center_.tolist(), scaler.scale_.tolist()
        ([2.0], [1.0])
        """
        rows = as_rows(X)
        learned = [self._learn(rows, column) for column in range(rows.shape[1])]
        self.center_, self.scale_ = np.array(learned, dtype=np.float64).T.copy()
        return self

    def transform(self, X: TableLike) -> FloatArray:
        """Scale rows.

        Parameters
        ----------
        X : array_like or frame, shape (n,) or (n, F)

        Returns
        -------
        ndarray of float64, shape (n, F)
            NaN where `X` is.

        Raises
        ------
        NotFittedError
            `fit` was not called.
        TypeError, ValueError
            As for `fit`, or the number of columns is another one.

        Examples
        --------
        >>> RobustScaler().fit([1, 2, 3, 4, 5]).transform([3, 7]).tolist()
        [[0.0], [2.0]]
        """
        rows = self._rows(X)
        return np.asarray((rows - self.center_) / self.scale_)

    def inverse_transform(self, X: TableLike) -> FloatArray:
        """Undo `transform`.

        Parameters
        ----------
        X : array_like or frame, shape (n,) or (n, F)
            Scaled rows.

        Returns
        -------
        ndarray of float64, shape (n, F)

        Raises
        ------
        NotFittedError, TypeError, ValueError
            As for `transform`.

        Examples
        --------
        >>> scaler = MinMaxScaler().fit([10.0, 20.0])
        >>> scaler.inverse_transform([0.5]).tolist()
        [[15.0]]
        """
        rows = self._rows(X)
        return np.asarray(rows * self.scale_ + self.center_)

    def check(self, n_features: int) -> None:
        """Raise unless this scaler has learned rows of so many columns.

        Parameters
        ----------
        n_features : int
            Columns of the rows to scale.

        Raises
        ------
        NotFittedError
            `fit` was not called.
        ValueError
            It was, with another number of columns.

        Examples
        --------
        >>> NoScaler().fit([1.0, 2.0]).check(1)
        """
        if not self._is_fitted:
            raise NotFittedError(f"{type(self).__name__}: call fit with the training rows first")
        if n_features != len(self.center_):
            raise ValueError(f"X: expected {len(self.center_)} columns as in fit, got {n_features}")

    def to_dict(self) -> dict[str, Any]:
        """Return what a model file keeps.

        Returns
        -------
        dict
            ``kind``, and after `fit` ``center`` and ``scale`` as lists of float.

        Examples
        --------
        >>> MinMaxScaler().fit([10.0, 30.0]).to_dict()
        {'kind': 'minmax', 'center': [10.0], 'scale': [20.0]}
        """
        if not self._is_fitted:
            return {"kind": self.kind}
        return {"kind": self.kind, "center": self.center_.tolist(), "scale": self.scale_.tolist()}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Scaler:
        """Make the scaler that `to_dict` described.

        Parameters
        ----------
        data : mapping
            With a ``kind``, and ``center`` and ``scale`` for one that has learned.

        Returns
        -------
        Scaler
            Of the kind that is named.

        Raises
        ------
        TypeError, ValueError
            It is not what `to_dict` gives.

        Examples
        --------
        >>> scaler = Scaler.from_dict({"kind": "robust", "center": [1.0], "scale": [2.0]})
        >>> scaler.transform([5.0]).tolist()
        [[2.0]]
        """
        if not {"kind"} <= set(data) <= {"kind", "center", "scale"}:
            raise ValueError(f"data: expected kind, center and scale, got {sorted(data)}")
        scaler = make_scaler(data["kind"])
        if "center" in data or "scale" in data:
            center, scale = as_affine(data.get("center"), data.get("scale"), None)
            scaler.center_, scaler.scale_ = center, scale
        return scaler

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def _is_fitted(self) -> bool:
        return hasattr(self, "center_")

    def _rows(self, X: TableLike) -> RealArray:
        rows = as_rows(X)
        self.check(rows.shape[1])
        return rows

    def _learn(self, rows: RealArray, place: int) -> tuple[float, float]:
        """Center and scale of one column; a column at a time, to bound memory."""
        column = rows[:, place].astype(np.float64)
        missing = np.isnan(column)
        if missing.any():
            column = column[~missing]
        if column.size == 0:
            return 0.0, 1.0
        low, high = float(column.min()), float(column.max())
        with np.errstate(over="ignore", invalid="ignore"):
            if high - low <= _ROUNDING * max(abs(low), abs(high)):
                return (low, 1.0) if low == high else (self._measure(column)[0], 1.0)
            center, scale = self._measure(column)
        if not (np.isfinite(center) and np.isfinite(scale)):
            raise ValueError(
                f"X: column {place} goes from {low:g} to {high:g}, more than can be scaled"
            )
        return center, scale if scale > 0.0 else 1.0

    @abstractmethod
    def _measure(self, column: FloatArray) -> tuple[float, float]:
        """Center and scale of values that are not all the same."""


class StandardScaler(Scaler):
    """Mean 0 and standard deviation 1 (that of the population, as in scikit-learn).

    Examples
    --------
    >>> StandardScaler().fit([[0.0], [2.0]]).transform([[4.0]]).tolist()
    [[3.0]]
    """

    kind = "standard"

    def _measure(self, column: FloatArray) -> tuple[float, float]:
        return float(column.mean()), float(column.std())


class RobustScaler(Scaler):
    """Median 0 and interquartile range 1: what outliers hardly move.

    A column whose quartiles are equal gets scale 1.

    Examples
    --------
    >>> RobustScaler().fit([1, 2, 3, 4, 1000]).center_.tolist()
    [3.0]
    """

    kind = "robust"

    def _measure(self, column: FloatArray) -> tuple[float, float]:
        low, center, high = np.quantile(column, (0.25, 0.5, 0.75))
        return float(center), float(high - low)


class MinMaxScaler(Scaler):
    """From 0 to 1 on the training rows; other rows may leave that range.

    Examples
    --------
    >>> MinMaxScaler().fit([10.0, 20.0]).transform([25.0]).tolist()
    [[1.5]]
    """

    kind = "minmax"

    def _measure(self, column: FloatArray) -> tuple[float, float]:
        low = float(column.min())
        return low, float(column.max()) - low


class NoScaler(Scaler):
    """Leaves rows as they are: center 0, scale 1.

    Examples
    --------
    >>> NoScaler().fit([10.0, 20.0]).transform([25.0]).tolist()
    [[25.0]]
    """

    kind = "none"

    def _learn(self, rows: RealArray, place: int) -> tuple[float, float]:
        del rows, place
        return 0.0, 1.0

    def _measure(self, column: FloatArray) -> tuple[float, float]:  # pragma: no cover
        raise NotImplementedError


_KINDS: dict[str, type[Scaler]] = {
    scaler.kind: scaler for scaler in (StandardScaler, RobustScaler, MinMaxScaler, NoScaler)
}


def make_scaler(name: str) -> Scaler:
    """Make a scaler by name.

    Parameters
    ----------
    name : {'standard', 'robust', 'minmax', 'none'}

    Returns
    -------
    Scaler
        One that has not learned yet.

    Raises
    ------
    TypeError, ValueError
        There is no such scaler.

    Examples
    --------
    >>> make_scaler("robust")
    RobustScaler()
    """
    return _KINDS[choice("scaler", name, tuple(_KINDS))]()


def scale_rows(
    X: TableLike,
    center: object = None,
    scale: object = None,
    *,
    dtype: DTypeLike = np.float32,
    out: RealArray | None = None,
) -> RealArray:
    """Scale rows and make them as narrow as a network takes them, in one pass.

    The arithmetic is done in float64 and rounded once, so the result is that of
    ``Scaler.transform(X).astype(dtype)``, without the float64 table between.

    Parameters
    ----------
    X : array_like or frame, shape (n,) or (n, F)
    center, scale : array_like, shape (F,), optional
        Of a scaler; 0 and 1 by default.
    dtype : {float32, float64}
        Of the result, where there is no `out`.
    out : ndarray of float32 or float64, shape (n, F), C-contiguous, optional
        Where the result goes.

    Returns
    -------
    ndarray, shape (n, F)
        `out`, or a new array. NaN where `X` is.

    Raises
    ------
    TypeError, ValueError
        `X` is not numbers or is infinite somewhere, or the shapes do not fit.

    Examples
    --------
    >>> scale_rows([[1.0, 20.0]], center=[0.0, 10.0], scale=[1.0, 5.0])
    array([[1., 2.]], dtype=float32)
    """
    from fastrcf import _kernels

    rows = as_rows(X)
    center, scale = as_affine(center, scale, rows.shape[1])
    out = as_out(out, rows.shape, dtype)
    _kernels.scale_rows(rows, center, scale, out)
    return out
