"""Event by event: was it found, how late, and how many alarms were right."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastrcf._typing import FloatArray, IntArray
from fastrcf.metrics._inputs import checked_labels, label_pair, meets, stretches
from fastrcf.metrics.points import Confusion, confusion, harmonic_mean, rate

__all__ = ["EventScores", "detection_delays", "event_scores", "events", "point_adjusted_f1"]


class EventScores(NamedTuple):
    """How many events were found, and how many alarms were right."""

    n_events: int
    """Runs of rows with label 1."""

    n_found: int
    """Those of them with a flagged row."""

    n_alarms: int
    """Runs of flagged rows."""

    n_right: int
    """Those of them with a row of an event."""

    point_precision: float
    """Share of the flagged rows that are anomalous."""

    @property
    def recall(self) -> float:
        """Share of the events that were found; 0.0 without events."""
        return rate(self.n_found, self.n_events)

    @property
    def precision(self) -> float:
        """Share of the alarms that meet an event; 0.0 without alarms."""
        return rate(self.n_right, self.n_alarms)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return harmonic_mean(self.precision, self.recall)

    @property
    def composite_f1(self) -> float:
        """Harmonic mean of the recall of events and the precision of rows.

        Garg et al. (2022), "An evaluation of anomaly detection and diagnosis in multivariate time
        series", IEEE TNNLS 33(6): one endless alarm does not score. TSB-AD calls it event-based
        F1.
        """
        return harmonic_mean(self.point_precision, self.recall)


def events(labels: ArrayLike) -> IntArray:
    """Find the runs of 1.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row.

    Returns
    -------
    ndarray of shape (k, 2), int64
        First row of each run and the row after its last, in order.

    Raises
    ------
    ValueError
        There are no rows, or a label is not 0 or 1.

    Examples
    --------
    >>> events([0, 1, 1, 0, 1]).tolist()
    [[1, 3], [4, 5]]
    """
    return stretches(checked_labels(labels))


def event_scores(labels: ArrayLike, predictions: ArrayLike) -> EventScores:
    """Count found events and right alarms; one flagged row is enough.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the events.
    predictions : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the alarms.

    Returns
    -------
    EventScores
        The counts; precision, recall, F1 and composite F1 are its properties.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, or a value is not 0 or 1.

    Examples
    --------
    >>> scores = event_scores([0, 1, 1, 0, 1, 0], [1, 0, 1, 0, 0, 0])
    >>> scores.recall, scores.precision
    (0.5, 0.5)
    """
    truth, flagged = label_pair(labels, predictions)
    runs, alarms = stretches(truth), stretches(flagged)
    return EventScores(
        len(runs),
        int(np.count_nonzero(meets(runs, flagged))),
        len(alarms),
        int(np.count_nonzero(meets(alarms, truth))),
        confusion(truth, flagged).precision,
    )


def detection_delays(labels: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """Measure how late each event was found.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the events.
    predictions : array-like of shape (n,)
        0 or 1 for each row.

    Returns
    -------
    ndarray of shape (k,), float64
        Rows from the start of each event to its first flagged row; NaN for a missed event.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, or a value is not 0 or 1.

    Examples
    --------
    >>> detection_delays([0, 1, 1, 0, 1, 0], [1, 0, 1, 0, 0, 0])
    array([ 1., nan])
    """
    truth, flagged = label_pair(labels, predictions)
    runs = stretches(truth)
    rows = np.append(np.flatnonzero(flagged), len(truth))
    first = rows[np.searchsorted(rows, runs[:, 0])]
    return np.where(first < runs[:, 1], first - runs[:, 0], np.nan)


def point_adjusted_f1(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Compute F1 after all rows of each found event are counted as flagged.

    It flatters: with long events, random scores reach a high value. It is here to compare with
    papers that report it, and warns.

    Parameters
    ----------
    labels : array-like of shape (n,)
        0 or 1 for each row; runs of 1 are the events.
    predictions : array-like of shape (n,)
        0 or 1 for each row.

    Returns
    -------
    float
        F1 of the adjusted predictions.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, or a value is not 0 or 1.

    Warns
    -----
    UserWarning
        Always.

    Notes
    -----
    Xu et al. (2018), "Unsupervised anomaly detection via variational auto-encoder for seasonal
    KPIs in web applications", WWW; against it, Kim et al. (2022), "Towards a rigorous evaluation
    of time-series anomaly detection", AAAI.
    """
    truth, flagged = label_pair(labels, predictions)
    warnings.warn(
        "point-adjusted F1 flatters: random scores reach high values on long events; report "
        "event_scores, affiliation_scores or vus_pr instead",
        UserWarning,
        stacklevel=2,
    )
    runs = stretches(truth)
    lengths = runs[:, 1] - runs[:, 0]
    tp = int(lengths[meets(runs, flagged)].sum())
    fp = int(np.count_nonzero(flagged & ~truth))
    fn = int(lengths.sum()) - tp
    return Confusion(tp, fp, len(truth) - tp - fp - fn, fn).f1
