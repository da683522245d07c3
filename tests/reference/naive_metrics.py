"""Metrics row by row and cutoff by cutoff, every definition as it is written."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pairs = Sequence[tuple[int, int]]


def runs(flags: Sequence[int] | NDArray[np.int64]) -> list[tuple[int, int]]:
    """List the runs of 1 as half-open intervals."""
    found: list[tuple[int, int]] = []
    for row, flag in enumerate(flags):
        if flag and found and found[-1][1] == row:
            found[-1] = (found[-1][0], row + 1)
        elif flag:
            found.append((row, row + 1))
    return found


def all_cutoffs(scores: Array) -> list[float]:
    """List one cutoff for each set of rows that a cutoff can flag, highest first."""
    return [*sorted(set(scores.tolist()), reverse=True), -math.inf]


# ---- NAB ----------------------------------------------------------------------------------------


def scaled_sigmoid(position: float) -> float:
    """Say what a row at a relative position is worth."""
    return -1.0 if position >= 3 else 2 / (1 + math.exp(5 * position)) - 1


def nab_raw(
    windows: Sequence[Pairs], scores: Sequence[Array], cutoff: float, weights: Sequence[float]
) -> float:
    """Sum up what the rows of a corpus earn and cost."""
    tp, fp, fn = weights
    total = 0.0
    for pairs, values in zip(windows, scores, strict=True):
        n = len(values)
        start = min(math.floor(0.15 * n), 750)
        best: dict[tuple[int, int], float] = {}
        for row in range(start, n):
            window = next((pair for pair in pairs if pair[0] <= row < pair[1]), None)
            flagged = values[row] > cutoff
            if window is not None:
                best.setdefault(window, -fn)
                if flagged:
                    left = (window[1] - row) / (window[1] - window[0])
                    gain = tp * scaled_sigmoid(-left) / scaled_sigmoid(-1.0)
                    best[window] = max(best[window], gain)
            elif flagged:
                before = [pair for pair in pairs if pair[1] <= row]
                position = 3.0
                if before:
                    first, stop = max(before)
                    width = stop - first
                    position = (row - (stop - 1)) / (width - 1) if width > 1 else 3.0
                total += fp * scaled_sigmoid(position)
        total += sum(best.values())
    return total


def nab_score(
    windows: Sequence[Pairs], scores: Sequence[Array], cutoff: float, weights: Sequence[float]
) -> float:
    """Put the sum on the scale from 0 (flags nothing) to 100 (all windows at once)."""
    null = nab_raw(windows, scores, math.inf, weights)
    perfect = -null / weights[2] * weights[0]
    return 100 * (nab_raw(windows, scores, cutoff, weights) - null) / (perfect - null)


# ---- volume under the surface -------------------------------------------------------------------


def vus(labels: Array, scores: Array, window: int, thresholds: int | None) -> tuple[float, float]:
    """Average the areas over all buffer widths."""
    ordered = np.sort(scores)[::-1]
    if thresholds is None:
        levels = sorted(set(scores.tolist()), reverse=True)
    else:
        levels = ordered[np.linspace(0, len(scores) - 1, thresholds).astype(int)].tolist()
    areas = [_areas(labels, scores, width, levels) for width in range(window + 1)]
    roc, pr = np.mean(areas, axis=0)
    return float(roc), float(pr)


def _areas(
    labels: Array, scores: Array, width: int, levels: Sequence[float]
) -> tuple[float, float]:
    n, reach, spans = len(labels), width // 2, runs(labels)
    soft = labels.astype(float)
    for start, stop in spans:
        for row in [*range(max(start - reach, 0), start), *range(stop, min(stop + reach, n))]:
            distance = start - row if row < start else row - (stop - 1)
            soft[row] = min(1.0, soft[row] + math.sqrt(1 - distance / width))
    grown = [[start - reach, stop + reach] for start, stop in spans]
    merged = grown[:1]
    for start, stop in grown[1:]:
        if stop and start <= merged[-1][1] - 1:
            merged[-1][1] = stop
        else:
            merged.append([start, stop])

    points = [(0.0, 0.0)]
    pr = 0.0
    for level in levels:
        flagged = scores >= level
        beside = soft[flagged & (labels == 0)].sum()
        hits = soft[flagged].sum()
        positives = labels.sum() + beside / 2
        found = sum(bool(flagged[max(start, 0) : stop].any()) for start, stop in merged)
        recall = min(hits / positives, 1.0) * found / len(merged)
        pr += (recall - points[-1][1]) * hits / flagged.sum()
        points.append(((flagged.sum() - hits) / (n - positives), recall))
    points.append((1.0, 1.0))
    x, y = np.array(points).T
    return float(np.dot(np.diff(x), (y[1:] + y[:-1]) / 2)), pr


# ---- range-based precision and recall -----------------------------------------------------------


def range_recall(
    labels: Array, predictions: Array, alpha: float, bias: str, cardinality: str
) -> float:
    """Average over the events what their flagged rows are worth."""
    worth = []
    for start, stop in runs(labels):
        length = stop - start
        weights = {
            "flat": [1] * length,
            "front": [length - i + 1 for i in range(1, length + 1)],
            "back": list(range(1, length + 1)),
            "middle": [i if i <= length / 2 else length - i + 1 for i in range(1, length + 1)],
        }[bias]
        part = [w for w, row in zip(weights, range(start, stop), strict=True) if predictions[row]]
        met = sum(first < stop and start < last for first, last in runs(predictions))
        factor = 1 / met if met > 1 and cardinality == "reciprocal" else 1
        overlap = factor * sum(part) / sum(weights)
        worth.append(alpha * (met > 0) + (1 - alpha) * overlap)
    return float(np.mean(worth)) if worth else 0.0


# ---- affiliation --------------------------------------------------------------------------------


def affiliation(labels: Array, predictions: Array, fine: int) -> tuple[list[float], list[float]]:
    """Compare distances in each event's zone with those of moments all over the zone.

    Time is cut into `fine` moments a row.
    """
    spans = runs(labels)
    moments = (np.arange(len(labels) * fine) + 0.5) / fine
    flagged = np.repeat(np.asarray(predictions, bool), fine)
    borders = [0.0, *((a[1] + b[0]) / 2 for a, b in pairwise(spans))]
    precisions, recalls = [], []
    for (start, stop), left, right in zip(
        spans, borders, [*borders[1:], float(len(labels))], strict=True
    ):
        inside = (moments > left) & (moments < right)
        zone, alarms = moments[inside], moments[inside & flagged]
        if len(alarms) == 0:
            precisions.append(math.nan)
            recalls.append(0.0)
            continue
        by_chance = np.maximum(np.maximum(start - zone, zone - stop), 0.0)
        ours = np.maximum(np.maximum(start - alarms, alarms - stop), 0.0)
        precisions.append(float(np.mean([(by_chance >= d).mean() for d in ours])))
        worth = []
        for moment in zone[(zone > start) & (zone < stop)]:
            nearest = np.abs(alarms - moment).min()
            # Alarms last: one whose moments are neighbours of this one has no distance.
            worth.append((np.abs(zone - moment) >= nearest - 0.5 / fine).mean())
        recalls.append(float(np.mean(worth)))
    return precisions, recalls
