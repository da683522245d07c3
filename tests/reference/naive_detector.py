"""A detector the slow way: one row, one window, one mean at a time; every row is kept.

Scores of forests are taken as given: `naive_forest` is the twin of those.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from fastrcf import RandomCutForest

# ---- period --------------------------------------------------------------------------------------


def quantile(values, share):
    """Between the two nearest in order, by distance."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


def autocorrelation(series, lag):
    n = len(series)
    mean = math.fsum(series) / n
    centred = [value - mean for value in series]
    products = math.fsum(a * b for a, b in zip(centred, centred[lag:], strict=False))
    power = math.fsum(a * a for a in centred)
    return products / (n - lag) / (power / n) if power > 0 else 0.0


def without_level(series, span):
    result = []
    for row, value in enumerate(series):
        around = series[max(0, row - span // 2) : row - span // 2 + span]
        result.append(value - math.fsum(around) / len(around))
    return result


def find_period(values, least=8, most=1000):
    """Give (rows, strength) or None."""
    values = list(values)
    n = len(values)
    most = min(most, n // 3)
    if most <= least:
        return None
    low, high = quantile(values, 0.01), quantile(values, 0.99)
    clipped = [min(max(value, low), high) for value in values]
    variants = [clipped]
    variants += [without_level(clipped, min(span, n)) for span in (2 * most, 256, 64)]
    best = None
    for series in variants:
        correlation = [autocorrelation(series, lag) for lag in range(most + 1)]
        behind, peaks = False, []
        for lag in range(1, most):
            behind = behind or correlation[lag] < 0
            is_peak = correlation[lag] >= max(correlation[lag - 1], correlation[lag + 1], 1e-300)
            if behind and lag >= least and is_peak:
                peaks.append((lag, correlation[lag]))
        if peaks:
            highest = max(height for _, height in peaks)
            first = next(peak for peak in peaks if peak[1] >= 0.9 * highest)
            if best is None or first[1] > best[1]:
                best = first
    return best


# ---- views ---------------------------------------------------------------------------------------


@dataclass
class NaiveShape:
    window: int
    differences: bool
    floor: float = 0.0

    @property
    def short(self):
        return max(1, self.window // 2 // max(1, self.window // 32))

    @property
    def rows(self):
        """Rows that a point needs."""
        return self.window + max(1, self.window // min(32, self.window)) * self.differences

    def point(self, rows, last):
        """The point whose latest row is `last`; None if there is none."""
        hop = max(1, self.window // 32)
        if (last + 1) % hop or last + 1 < self.rows:
            return None
        return self.shape([row[0] for row in rows[last + 1 - self.rows : last + 1]])

    def shape(self, window):
        n_cells = min(32, self.window) + self.differences
        edges = [round(cell * len(window) / n_cells) for cell in range(n_cells + 1)]
        cells = []
        for start, stop in itertools.pairwise(edges):
            known = [value for value in window[start:stop] if not math.isnan(value)]
            if known:
                cells.append(math.fsum(known) / len(known))
            else:
                cells.append(cells[-1] if cells else math.nan)
        if sum(map(math.isnan, window)) > len(window) / 4:
            cells = [math.nan] * n_cells
        if self.differences:
            return [b - a for a, b in itertools.pairwise(cells)]
        mean = sum(cells) / n_cells
        deviation = math.sqrt(sum((cell - mean) ** 2 for cell in cells) / n_cells)
        return [(cell - mean) / max(deviation, self.floor + 1e-300) for cell in cells]


@dataclass
class NaiveColumns:
    centre: list
    scale: list
    basis: list = field(default_factory=list)
    shingle: int = 1
    short: int = 1

    def point(self, rows, last):
        if last + 1 < self.shingle:
            return None
        return [each for row in rows[last + 1 - self.shingle : last + 1] for each in self.rest(row)]

    def rest(self, row):
        scaled = [(v - c) / s for v, c, s in zip(row, self.centre, self.scale, strict=True)]
        result = list(scaled)
        for direction in self.basis:
            share = sum(a * b for a, b in zip(scaled, direction, strict=True))
            result = [r - share * d for r, d in zip(result, direction, strict=True)]
        return result


# ---- plans ---------------------------------------------------------------------------------------


def series_views(rows, period=None):
    """Give the period, and the views of one column."""
    known = [row[0] for row in rows if not math.isnan(row[0])]
    if period is None:
        found = find_period(known)
        period = found[0] if found and found[1] >= 0.35 else 0
    views = [NaiveColumns([0.0], [1.0], short=5)]
    for window in (period // 2, period):
        if window >= 4:
            hop = max(1, window // 32)
            spreads = [
                statistics.pstdev(known[start : start + window])
                for start in range(0, len(known) - window + 1, hop)
            ]
            views.append(NaiveShape(window, False, 0.1 * statistics.median(spreads)))
            views.append(NaiveShape(window, True))
    return period, views


def columns_views(rows):
    """Give the views of several columns without missing values."""
    columns = list(zip(*rows, strict=True))
    centre = [math.fsum(column) / len(column) for column in columns]
    scale = []
    for column, level in zip(columns, centre, strict=True):
        least = 0.05 * max(abs(level), max(column) - min(column))
        scale.append(max(statistics.pstdev(column), least) or 1.0)
    scaled = (np.array(rows) - centre) / scale
    _, sizes, directions = np.linalg.svd(scaled, full_matrices=False)
    count, share = 0, 0.0
    while share < 0.9:
        share += sizes[count] ** 2 / np.sum(sizes**2)
        count += 1
    basis = directions[: min(count, len(columns) - 1)].tolist()
    return [
        NaiveColumns(centre, scale),
        NaiveColumns(centre, scale, basis),
        NaiveColumns(centre, scale, shingle=4),
        NaiveColumns(centre, scale, basis, shingle=4),
    ]


# ---- law -----------------------------------------------------------------------------------------


def tail_level(z, skewness):
    """The cube-root transformation, one number at a time."""
    skew = min(max(skewness, 0.001), 4.0)
    root = max(1 + skew * z / 2, 0.0) ** (1 / 3)
    return -norm.logsf(6 / skew * (root - 1) + skew / 6) / math.log(10)


class NaiveLaw:
    """All means that were learned, each with its weight."""

    def __init__(self, short, clip=5.0, warm=96, memory=8000):
        self.short, self.clip, self.warm, self.memory = short, clip, warm, memory
        self.scores, self.block, self.means, self.weights = [], [], [], []

    def level(self, score):
        """Judge a score, and learn it."""
        if score == 0.0:
            return 0.0
        self.scores.append(score)
        mean = sum(self.scores[-self.short :]) / self.short
        is_whole = len(self.scores) >= self.short
        level = self.judge(mean) if is_whole else 0.0
        self.block.append(mean if is_whole else None)
        if len(self.block) == 32:
            self.learn([each for each in self.block if each is not None])
            self.block = []
        return level

    def moments(self):
        pairs = list(zip(self.weights, self.means, strict=True))
        mean = math.fsum(w * x for w, x in pairs)
        variance = math.fsum(w * (x - mean) ** 2 for w, x in pairs)
        third = math.fsum(w * (x - mean) ** 3 for w, x in pairs)
        return mean, max(math.sqrt(variance), 1e-3 * abs(mean), 1e-9), third

    def judge(self, mean):
        if len(self.means) < self.warm:
            return 0.0
        centre, deviation, third = self.law
        return tail_level((mean - centre) / deviation, third / deviation**3)

    def learn(self, new):
        if len(self.means) >= self.warm:
            centre, deviation, _ = self.law
            new = [min(each, centre + self.clip * deviation) for each in new]
        self.means += new
        if new:
            share = len(new) / min(len(self.means), max(self.memory, len(new)))
            self.weights = [weight * (1 - share) for weight in self.weights]
            self.weights += [share / len(new)] * len(new)
            self.law = self.moments()


# ---- alarms --------------------------------------------------------------------------------------


def excess(past, row):
    """How far each column of a row lies outside those before, in margins; below is negative."""
    result = []
    if len(past) < 100:
        return [0.0] * len(row)
    for column, value in enumerate(row):
        seen = [each[column] for each in past if not math.isnan(each[column])]
        if not seen or math.isnan(value):
            result.append(0.0)
            continue
        low, high = min(seen), max(seen)
        extent = max(high - low, 0.001 * max(abs(low), abs(high)), 1e-200)
        beyond = max(value - high, 0.0) - max(low - value, 0.0)
        result.append(beyond / extent / min(1.0, 0.05 * len(row)))
    return result


def events(beyond, rest, n):
    """Group rows, of `n` that came, into (start, end); end is None while the event goes on."""
    groups = []
    for row in beyond:
        if groups and row - groups[-1][-1] <= rest:
            groups[-1].append(row)
        else:
            groups.append([row])
    found = [(group[0], group[-1] + 1) for group in groups]
    if found and n - found[-1][1] < rest:
        found[-1] = (found[-1][0], None)
    return found


# ---- all together --------------------------------------------------------------------------------


class NaiveWatch:
    def __init__(self, view, forest):
        self.view, self.forest = view, forest
        self.law = NaiveLaw(view.short)
        self.held, self.share = 0.0, None

    def answer(self, rows, last):
        point = self.view.point(rows, last)
        if point is not None:
            scores, parts = self.forest.score_update([point], attribution=True)
            high, low = parts.high[0], parts.low[0]
            self.share = np.where(high >= low, 1, -1) * (high + low)
            self.held = self.law.level(scores[0])
        return self.held


class NaiveDetector:
    """`ForestDetector` with its usual views."""

    def __init__(self, n_trees, alarm_rate=0.001, rest=50, period=None, random_state=0):
        self.options = {"n_trees": n_trees, "random_state": random_state}
        self.cutoff = -math.log10(2.5 * alarm_rate)
        self.rest, self.given_period = rest, period
        self.rows, self.watches, self.period = [], [], None
        self.faded, self.fitted = 0.0, False
        self.scores, self.beyond, self.facts = [], [], {}

    def adopt(self, period, views, **options):
        self.period = period
        options |= self.options | {"sample_size": 256 if len(self.rows[0]) == 1 else 1024}
        self.watches = [NaiveWatch(view, RandomCutForest(**options)) for view in views]

    def plan(self):
        if len(self.rows[0]) > 1:
            return 0, columns_views(self.rows)
        return series_views(self.rows, self.given_period)

    def rehearse(self, clip=5.0):
        for watch in self.watches:
            for last in range(len(self.rows)):
                if last == len(self.rows) // 4:
                    watch.law = NaiveLaw(watch.view.short, clip=clip)
                watch.answer(self.rows, last)

    def fit(self, rows):
        self.rows, self.fitted = [list(row) for row in rows], True
        self.adopt(*self.plan(), time_decay=0.0)
        self.rehearse(clip=1e9)

    def update(self, rows):
        for row in rows:
            self.take([float(value) for value in row])

    def take(self, row):
        self.rows.append(row)
        last = len(self.rows) - 1
        if self.period is None and len(row) == 1:
            self.adopt(0, [NaiveColumns([0.0], [1.0], short=5)])
        levels = [watch.answer(self.rows, last) for watch in self.watches] or [0.0]
        level = sum(levels) / len(levels)
        if len(row) == 1:
            level = (level + max(levels)) / 2
        if any(map(math.isnan, row)):
            level = 0.0
        self.faded = max(level, self.faded * 29 / 30)
        self.scores.append(self.faded if level else 0.0)
        outside = excess(self.rows[:-1], row)
        if level > self.cutoff or max(map(abs, outside)) > 1:
            self.beyond.append(last)
            self.facts[last] = self.describe(level, outside)
        if not self.fitted and len(self.rows) >= 256 and math.log2(len(self.rows)).is_integer():
            self.revise()

    def revise(self):
        period, views = self.plan()
        if len(self.rows[0]) == 1:
            if self.period and period and abs(period - self.period) <= 0.1 * self.period:
                return
            if not self.period and not period:
                return
        old = self.watches
        self.adopt(period, views)
        self.rehearse()
        if len(self.rows[0]) == 1:
            self.watches[0] = old[0]

    def describe(self, level, outside):
        expected = self.expected()
        share = self.watches[0].share if self.watches else np.zeros(len(expected))
        if not share.any():
            share = np.array(self.rows[-1]) - expected
        by_score = level > self.cutoff
        sizes = np.abs(share)
        column = int(np.argmax(sizes if by_score else np.abs(outside)))
        strength = level if by_score else self.cutoff * max(map(abs, outside))
        return {
            "score": level,
            "grade": 1 - self.cutoff / strength,
            "reason": "score" if by_score else "range",
            "column": column,
            "direction": "high" if (share if by_score else outside)[column] >= 0 else "low",
            "expected": expected,
            "attribution": (sizes / sizes.sum()).tolist(),
        }

    def expected(self):
        """The median of the rows before, those that are known."""
        last = len(self.rows) - 1
        past = self.rows[max(0, last - 64) : last]
        if self.period:
            past = [self.rows[last - k * self.period] for k in (1, 2, 3) if last >= k * self.period]
        columns = ([row[each] for row in past] for each in range(len(self.rows[0])))
        known = ([value for value in column if not math.isnan(value)] for column in columns)
        return [statistics.median(column) if column else math.nan for column in known]

    def detections(self):
        """Give (start, end, facts) of each."""
        spans = events(self.beyond, self.rest, len(self.rows))
        return [(start, end, self.facts[start]) for start, end in spans]
