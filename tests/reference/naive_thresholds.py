"""Thresholds the slow way: everything seen so far is kept, and looked at anew for every score."""

from __future__ import annotations

import itertools
import math

import numpy as np

from fastrcf.thresholds.tail import fit_tail


def cutoffs_of(law, scores, first):
    """Give the cutoff before each score: `law` of those before, NaN before there are `first`."""
    return [law(scores[:i]) if i >= first else math.nan for i in range(len(scores) + 1)]


def sigma(seen, z):
    return np.mean(seen) + z * np.std(seen)


def fading(seen, z, decay):
    """Mean and deviation with each score's weight written out."""
    shares = [max(decay, 1 / n) for n in range(1, len(seen) + 1)]
    weights = [
        share * math.prod(1 - later for later in shares[i + 1 :]) for i, share in enumerate(shares)
    ]
    mean = np.average(seen, weights=weights)
    return mean + z * math.sqrt(np.average((np.asarray(seen) - mean) ** 2, weights=weights))


def mad(seen, k):
    median = np.median(seen)
    return median + k * np.median(np.abs(seen - median)) / 0.6744897501960817


class NaiveSketch:
    """Levels of scores in lists; a full level sends every other one of its lower half up."""

    def __init__(self, half):
        self.half = half
        self.levels = [[]]
        self.parities = [0]

    def add(self, score, height=0):
        if height == len(self.levels):
            self.levels.append([])
            self.parities.append(0)
        self.levels[height].append(score)
        if len(self.levels[height]) == 2 * self.half:
            ranked = sorted(self.levels[height])
            self.levels[height] = ranked[self.half :]
            rising = ranked[self.parities[height] : self.half : 2]
            self.parities[height] = 1 - self.parities[height]
            for each in rising:
                self.add(each, height + 1)

    def all(self):
        return [
            score
            for height, level in enumerate(self.levels)
            for score in level
            for _ in range(2**height)
        ]


def best(scores, labels, objective, *, at, cost_fp, cost_fn):
    """Try every cutoff that makes a difference; give the best value and all that reach it."""
    distinct = sorted(set(scores))
    cutoffs = [distinct[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(distinct))]
    merits = {}
    for cutoff in [*cutoffs, distinct[-1]]:
        alarms = [score > cutoff for score in scores]
        tp = sum(alarm and label for alarm, label in zip(alarms, labels, strict=True))
        fp, fn = sum(alarms) - tp, sum(labels) - tp
        precision = tp / (tp + fp) if tp + fp else 0.0
        recall = tp / (tp + fn) if tp + fn else 0.0
        merits[cutoff] = {
            "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
            "accuracy": (len(scores) - fp - fn) / len(scores),
            "recall_at_precision": recall if precision >= at else -1.0,
            "precision_at_recall": precision if recall >= at else -1.0,
            "cost": -(cost_fp * fp + cost_fn * fn),
        }[objective]
    top = max(merits.values())
    return top, [cutoff for cutoff, merit in merits.items() if merit == top]


class NaivePot:
    """One score after the other, by the description; only the fit of the tail is shared."""

    golden = (math.sqrt(5) - 1) / 2

    def __init__(self, rate, level, depth, warm_up):
        self.rate, self.share, self.depth, self.warm_up = rate, level, depth, warm_up
        self.early, self.normal, self.alarms = [], [], []
        self.level = None

    def cutoff(self):
        if self.level is None:
            return math.nan
        return self.mean() + self.relative

    def place(self):
        """The cutoff above the mean moves with every excess, not in between."""
        chance = min(1.0, self.rate * self.n / max(1, self.n_peaks))
        self.relative = self.level + (self.law.quantile(chance) if self.peaks else 0.0)

    def mean(self):
        return math.fsum(self.normal[-self.depth :]) / self.depth if self.depth else 0.0

    def take(self, score):
        """Learn a score; tell whether it was an alarm."""
        if self.level is None:
            if len(self.normal) >= (self.depth or 0):
                self.early.append(score - self.mean())
            self.normal.append(score)
            if len(self.early) == self.warm_up:
                self.begin()
            return False
        distance, is_alarm = score - self.mean(), score > self.cutoff()
        if distance <= self.level:
            self.n += 1
        elif self.n_peaks < 10 or not is_alarm:
            self.learn(distance - self.level)
        elif not self.alarms:
            self.learn_alarm(distance - self.level)
        if is_alarm:
            self.alarms.append(score)
            if len(self.alarms) == self.depth:
                self.normal += self.alarms
                self.alarms = []
        else:
            self.alarms = []
            self.normal.append(score)
        return is_alarm

    def learn_alarm(self, excess):
        chance = min(1.0, self.rate * self.n / self.n_peaks) / 10
        if excess <= self.law.quantile(chance):
            self.learn(excess)
        elif self.n_alarms < 3 + 3 * self.rate / 10 * self.n:
            self.n_alarms += 1
            part = 1 - self.n_alarms * self.golden % 1
            self.learn(self.law.quantile(chance * part))

    def begin(self):
        self.level = np.quantile(self.early, self.share)
        self.peaks = [score - self.level for score in self.early if score > self.level]
        self.n, self.n_peaks, self.n_alarms, self.new = self.warm_up, len(self.peaks), 0, 0
        if self.peaks:
            self.law = fit_tail(np.array(self.peaks))
        self.place()

    def learn(self, excess):
        self.peaks = [*self.peaks, excess][-1000:]
        self.n, self.n_peaks, self.new = self.n + 1, self.n_peaks + 1, self.new + 1
        if self.new >= max(1, len(self.peaks) // 50):
            self.law, self.new = fit_tail(np.array(self.peaks)), 0
        self.place()
