"""Peers: scikit-learn's isolation forest, principal components, PyOD's detectors."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.accuracy.data import FloatArray

SEED = 1
MOST_VALUES = 32
"""Values of a univariate window after averaging neighbours."""


def period(column: FloatArray, least: int = 8, most: int = 1000) -> int:
    """Estimate a period: the highest autocorrelation behind its first zero.

    At most a quarter of the column; without a maximum, 64.
    """
    x = column - np.nanmean(column)
    x = np.nan_to_num(x, nan=0.0)
    size = 1 << int(2 * len(x) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(x, size)) ** 2
    acf = np.fft.irfft(spectrum, size)[: min(most + 2, len(x) // 2)]
    below = np.flatnonzero(acf < 0)
    if len(below) == 0:
        return min(64, len(column) // 4)
    start = max(int(below[0]), least)
    if start >= len(acf) - 1:
        return min(64, len(column) // 4)
    lag = start + int(np.argmax(acf[start:]))
    return min(max(lag, least), most, len(column) // 4)


def windows(rows: FloatArray, size: int) -> FloatArray:
    """Return the last `size` rows of every row that has so many, flat; long ones averaged down."""
    views = np.lib.stride_tricks.sliding_window_view(rows, size, axis=0)  # (n - size + 1, d, size)
    if rows.shape[1] == 1 and size > MOST_VALUES:
        total = np.concatenate([[0.0], np.cumsum(rows[:, 0])])
        edges = np.round(np.linspace(0, size, MOST_VALUES + 1)).astype(int)
        first = np.arange(len(views))[:, None]
        sums = total[first + edges[1:]] - total[first + edges[:-1]]
        return np.asarray(sums / np.diff(edges))
    return views.reshape(len(views), -1).copy()


def on_windows(
    make: Callable[[FloatArray], Callable[[FloatArray], FloatArray]], size: int | None = None
) -> Callable[[FloatArray | None, FloatArray], FloatArray]:
    """Return a scorer that fits on windows of the training part and scores those of the rows.

    `size` None: the period of the first column of the training part, and a window's score stands
    at its centre, as the published methods have it; otherwise at its end, as a detector that does
    not look ahead has it. Rows without a complete window get the lowest score.
    """

    def score(train: FloatArray | None, rows: FloatArray) -> FloatArray:
        assert train is not None
        train, rows = _filled(train), _filled(rows)
        width = size or period(train[:, 0])
        given = make(windows(train, width))(windows(rows, width))
        before = width - 1 if size else width // 2
        return np.pad(given, (before, width - 1 - before), constant_values=given.min())

    return score


def _filled(rows: FloatArray) -> FloatArray:
    """Repeat the last known value where one is missing."""
    known = np.where(np.isnan(rows), 0, np.arange(len(rows))[:, None])
    last = np.maximum.accumulate(known, axis=0)
    return np.nan_to_num(np.take_along_axis(rows, last, axis=0), nan=0.0)


def isolation_forest(train: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Fit scikit-learn's isolation forest with 100 trees of 256 rows."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, random_state=SEED).fit(train)
    return lambda rows: -forest.score_samples(rows)


def principal_components(train: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Keep ten principal components; the score is the squared error of what they leave."""
    mean = train.mean(axis=0)
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(train - mean, rowvar=False)))
    kept = vectors[:, -min(10, train.shape[1] // 2) :]

    def score(rows: FloatArray) -> FloatArray:
        centred = rows - mean
        return np.asarray(((centred - centred @ kept @ kept.T) ** 2).sum(axis=1))

    return score


def pyod(name: str) -> Callable[[FloatArray | None, FloatArray], FloatArray]:
    """Return a scorer: a PyOD detector at its defaults, fitted on the rows of the training part."""

    def score(train: FloatArray | None, rows: FloatArray) -> FloatArray:
        assert train is not None
        module: Any = importlib.import_module(f"pyod.models.{name.lower()}")
        seeded = {"random_state": SEED} if name == "PCA" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant columns: skewness, division by zero
            model = getattr(module, name)(**seeded).fit(_filled(train))
            given = np.asarray(model.decision_function(_filled(rows)))
        return np.asarray(np.nan_to_num(given, posinf=1e300), np.float64)

    return score


# As TSB-AD runs them: fitted on the very rows that are scored -------------------------------


def tsb_isolation_forest(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Isolation forest as in TSB-AD's runs.

    Several columns: each *row* standardised over its columns, 25 trees, 0.8 of the columns. One
    column: standardised values, 200 trees.
    """
    from sklearn.ensemble import IsolationForest

    rows = _filled(rows)
    wide = rows.shape[1] > 1
    axis, ddof = (1, 1) if wide else (0, 0)
    deviation = rows.std(axis=axis, ddof=ddof, keepdims=True)
    x = (rows - rows.mean(axis=axis, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)
    options = {"n_estimators": 25, "max_features": 0.8} if wide else {"n_estimators": 200}
    forest = IsolationForest(random_state=0, contamination=0.1, **options).fit(x)
    return np.asarray(-forest.decision_function(x))


def tsb_components(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Principal components as in TSB-AD's multivariate runs.

    Standardised columns; the components that carry a quarter of the variance; the score sums the
    distances between a row and each component's unit vector (its largest loading positive: the
    sign counts) over its share of the variance.
    """
    rows = _filled(rows)
    deviation = rows.std(axis=0)
    x = (rows - rows.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    x = x[:, np.any(x != 0, axis=0)]
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(x, rowvar=False)))
    shares, vectors = values[::-1] / values.sum(), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(shares), 0.25, side="right")) + 1
    vectors = vectors[:, :kept]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)])
    squares = (x * x).sum(axis=1)[:, None] + 1.0 - 2.0 * (x @ vectors)
    far = np.sqrt(np.maximum(squares, 0.0))
    return np.asarray((far / shares[:kept]).sum(axis=1))
