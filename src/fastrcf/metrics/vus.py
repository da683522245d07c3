"""Volume under the surface: areas under curves that forgive being a little early or late.

Paparrizos, Boniol, Palpanas, Tsay, Elmore and Franklin (2022), "Volume under the surface", PVLDB
15(11). Around each event a buffer of rows counts in part, the less the farther away; the area under
the ROC or the precision-recall curve is averaged over buffer widths from 0 to a window. The numbers
are those of the authors' code (packages ``vus`` and ``TSB-AD``), which their published tables come
from; where code and paper differ, the code is followed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastrcf._typing import FloatArray
from fastrcf.metrics._inputs import both_classes, checked_scores, pair
from fastrcf.metrics._surface import Surface

__all__ = ["VusScores", "vus_pr", "vus_roc", "vus_scores", "vus_window"]


class VusScores(NamedTuple):
    """Volumes, and the areas for each width of the buffer."""

    roc: float
    """VUS-ROC: the mean of ``roc_by_width``."""

    pr: float
    """VUS-PR: the mean of ``pr_by_width``."""

    roc_by_width: FloatArray
    """Area under the ROC curve for each width from 0 to the window."""

    pr_by_width: FloatArray
    """Area under the precision-recall curve for each width from 0 to the window."""


def vus_scores(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    window: int = 100,
    thresholds: int | None = 250,
) -> VusScores:
    """Compute VUS-ROC and VUS-PR.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the events.
    scores : array-like of shape (n,)
        Higher means more anomalous.
    window : int, default=100
        Widest buffer, in rows, half of it on each side of an event. Published tables of TSB-AD
        take the period of the series, which `vus_window` estimates as they do.
    thresholds : int or None, default=250
        How many thresholds, at equally spaced ranks of the scores, as in the published tables;
        ties and rare anomalies make the curve coarse. None takes every distinct score.

    Returns
    -------
    VusScores
        The volumes and the areas they are means of.

    Raises
    ------
    ValueError
        Lengths differ, a label is not 0 or 1, a score is not finite, all labels are the same, or
        an option is out of its range.

    Notes
    -----
    For a width *w*, a row *d* rows beside an event, ``d <= w // 2``, has the label
    ``sqrt(1 - d / w)``, and 1 where a second event reaches it, too. With *A* the sum of labels
    over flagged rows outside the events, *H* the number of flagged rows within them and *P* the
    number of anomalous rows: true positives are ``H + A``, positives ``P + A / 2``, recall their
    ratio (at most 1) times the share of events (buffers included, merged where they meet) that
    have a flagged row; precision and the false positive rate follow as usual. Areas are the
    trapezoid rule for ROC and the step rule of average precision for PR.

    One sort, one pass over the rows near events, and a small sum for each width: about
    ``n log n + window ** 2 * thresholds / 4`` operations. With ``thresholds=None`` the sum for each
    width runs over all rows in or near events: on a million rows from half a second, where they
    are few, to twenty.

    Examples
    --------
    >>> labels = [0] * 40 + [1] * 10 + [0] * 50
    >>> late = [0.1] * 43 + [0.9] * 10 + [0.1] * 47
    >>> volume = vus_scores(labels, late, window=10)
    >>> bool(volume.pr_by_width[0] < volume.pr < 1)
    True
    """
    truth, values = pair(labels, scores)
    both_classes(truth, "VUS")
    _at_least("window", window, 0)
    if thresholds is not None:
        _at_least("thresholds", thresholds, 2)
    surface = Surface(truth, values, window // 2, thresholds)
    areas = np.array([surface.areas(width) for width in range(window + 1)])
    roc, pr = areas.mean(axis=0).tolist()
    return VusScores(roc, pr, areas[:, 0].copy(), areas[:, 1].copy())


def vus_roc(
    labels: ArrayLike, scores: ArrayLike, *, window: int = 100, thresholds: int | None = 250
) -> float:
    """Compute VUS-ROC; see `vus_scores`.

    Parameters
    ----------
    labels, scores, window, thresholds
        As in `vus_scores`.

    Returns
    -------
    float
        The volume under the surface of ROC curves.

    Raises
    ------
    ValueError
        As in `vus_scores`.
    """
    return vus_scores(labels, scores, window=window, thresholds=thresholds).roc


def vus_pr(
    labels: ArrayLike, scores: ArrayLike, *, window: int = 100, thresholds: int | None = 250
) -> float:
    """Compute VUS-PR; see `vus_scores`.

    Parameters
    ----------
    labels, scores, window, thresholds
        As in `vus_scores`.

    Returns
    -------
    float
        The volume under the surface of precision-recall curves.

    Raises
    ------
    ValueError
        As in `vus_scores`.
    """
    return vus_scores(labels, scores, window=window, thresholds=thresholds).pr


def vus_window(series: ArrayLike) -> int:
    """Estimate the period of a series as TSB-AD does for its windows.

    Parameters
    ----------
    series : array-like of shape (n,)
        The values, the training part included; of several columns TSB-AD takes the first.

    Returns
    -------
    int
        The lag, from 6 to 303 rows, of the highest peak of the autocorrelation of the first
        20,000 rows; 125 where there is none.

    Raises
    ------
    ValueError
        It is not one-dimensional, empty, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> vus_window(np.sin(2 * np.pi * np.arange(2000) / 50))
    50
    """
    values = checked_scores(series, "series")[:20_000]
    centred = values - values.mean()
    size = 2 ** int(np.ceil(np.log2(2 * len(values))))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2, size)
    correlation = correlation[3 : min(401, len(values))]  # lags below 3 are trends
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:]))
    if len(peaks) == 0:
        return 125
    peak = int(peaks[np.argmax(correlation[peaks])])
    return peak + 3 if 3 <= peak <= 300 else 125


def _at_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected {least} or more, got {value}")
