"""Raw random cut forests: scores without views, calibration or alarm rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.accuracy.data import FloatArray
from fastrcf import RandomCutForest

SEED = 1


def raw(shingle_size: int) -> Callable[[FloatArray | None, FloatArray], FloatArray]:
    """Return a scorer: our forest at its defaults."""

    def score(train: FloatArray | None, rows: FloatArray) -> FloatArray:
        forest = RandomCutForest(shingle_size=shingle_size, random_state=SEED)
        if train is None:
            return forest.score_update(rows)
        return forest.fit(train).score(rows)

    return score


def standardised(
    n_rows: int,
) -> Callable[[FloatArray | None, FloatArray], FloatArray]:
    """Return a scorer: our forest on standardised columns, its score averaged over `n_rows`."""

    def score(train: FloatArray | None, rows: FloatArray) -> FloatArray:
        if train is None:
            forest = RandomCutForest(transformation="normalize", random_state=SEED)
            return smoothed(forest.score_update(rows), n_rows)
        mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
        varies = deviation[deviation > 0]
        deviation = np.maximum(deviation, 0.1 * np.median(varies) if len(varies) else 1.0)
        forest = RandomCutForest(random_state=SEED).fit((train - mean) / deviation)
        return smoothed(forest.score((rows - mean) / deviation), n_rows)

    return score


def smoothed(scores: FloatArray, n_rows: int) -> FloatArray:
    """Return the mean of each score and those before it, up to `n_rows`."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(scores, nan=0.0))])
    stop = np.arange(1, len(scores) + 1)
    start = np.maximum(0, stop - n_rows)
    return np.asarray((total[stop] - total[start]) / (stop - start))


def krcf(train: FloatArray | None, rows: FloatArray) -> FloatArray:
    """Score with krcf, shingle 1, at the same options as `raw(1)`."""
    import krcf as library

    forest = library.RandomCutForest(
        {
            "dimensions": rows.shape[1],
            "shingle_size": 1,
            "num_trees": 100,
            "sample_size": 256,
            "output_after": 64,
            "initial_accept_fraction": 0.125,
            "parallel_execution_enabled": False,
            "random_seed": SEED,
        }
    )
    for row in [] if train is None else train.tolist():
        forest.update(row)
    scores = []
    for row in rows.tolist():
        scores.append(forest.score(row))
        if train is None:
            forest.update(row)
    return np.array(scores)
