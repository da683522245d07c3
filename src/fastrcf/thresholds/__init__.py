"""From scores to labels: thresholds, learned from scores at once or while they come in.

A row is anomalous if its score is strictly greater than the cutoff. All thresholds share the verbs
of `Threshold`; they differ in how they place the cutoff:

=====================  ==========================================================================
`FixedThreshold`       where it is told
`SigmaThreshold`       mean + z standard deviations
`QuantileThreshold`    so that a given share of the scores lies above
`MadThreshold`         median + k median absolute deviations: outliers do not move it
`BestThreshold`        where labels say it is best
`PotThreshold`         so that alarms have a given rate, by the law of the tail
`RollingThreshold`     mean + z standard deviations of the latest scores
=====================  ==========================================================================
"""

from fastrcf.thresholds.base import Threshold
from fastrcf.thresholds.fixed import FixedThreshold
from fastrcf.thresholds.labelled import BestThreshold, CutoffTable, cutoff_table
from fastrcf.thresholds.moments import SigmaThreshold
from fastrcf.thresholds.pot import PotThreshold
from fastrcf.thresholds.quantiles import MadThreshold, QuantileThreshold
from fastrcf.thresholds.rolling import RollingThreshold

__all__ = [
    "BestThreshold",
    "CutoffTable",
    "FixedThreshold",
    "MadThreshold",
    "PotThreshold",
    "QuantileThreshold",
    "RollingThreshold",
    "SigmaThreshold",
    "Threshold",
    "cutoff_table",
]
