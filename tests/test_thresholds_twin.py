"""Each threshold against its slow twin, and one score after the other against all at once."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf.thresholds import (
    BestThreshold,
    FixedThreshold,
    MadThreshold,
    PotThreshold,
    QuantileThreshold,
    RollingThreshold,
    SigmaThreshold,
    Threshold,
    cutoff_table,
)
from fastrcf.thresholds.sketch import TailSketch, quantile
from reference import naive_thresholds as naive

RNG = np.random.default_rng(4)
GAMMA = RNG.gamma(9.0, 0.1, 3000)
ROUNDED = GAMMA.round(1)

STREAMS = {
    "fixed": lambda: FixedThreshold(1.2),
    "sigma": lambda: SigmaThreshold(2.5, warm_up=50),
    "sigma decay": lambda: SigmaThreshold(2.0, decay=0.02, warm_up=30),
    "quantile": lambda: QuantileThreshold(0.95, warm_up=40),
    "quantile window": lambda: QuantileThreshold(0.9, window=150, warm_up=40),
    "mad": lambda: MadThreshold(2.0),
    "mad window": lambda: MadThreshold(2.0, window=70),
    "pot": lambda: PotThreshold(5e-3, level=0.9, warm_up=120),
    "pot depth": lambda: PotThreshold(5e-3, level=0.9, depth=20, warm_up=120),
    "pot depth 1": lambda: PotThreshold(0.05, level=0.9, depth=1, warm_up=10),
    "rolling": lambda: RollingThreshold(90, 2.0),
    "rolling long": lambda: RollingThreshold(1000, 2.0, warm_up=20),
}


def cutoffs(threshold, scores):
    """Cutoffs before each score and after the last."""
    return [*threshold.cutoffs_update(scores).tolist(), threshold.cutoff_]


# ---- chunks --------------------------------------------------------------------------------------


def streams(seed):
    """Scores with ties, gaps, outliers and a change of level."""
    rng = np.random.default_rng(seed)
    scores = rng.gamma(9.0, 0.1, 700)
    scores[rng.random(700) < 0.05] = 0.0
    scores[rng.random(700) < 0.02] *= 6
    scores[400:430] += 5
    scores[550:] += 2
    return scores.round(2) if seed % 2 else scores


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=6)
@given(sizes=st.lists(st.integers(0, 300), max_size=12), seed=st.integers(0, 50))
def test_chunks_change_nothing(name, sizes, seed):
    scores = streams(seed)
    whole, parts = STREAMS[name](), STREAMS[name]()
    expected = cutoffs(whole, scores)
    pieces = np.split(scores, np.cumsum(sizes).clip(0, len(scores)))
    found = np.concatenate([parts.cutoffs_update(piece) for piece in pieces])
    assert_array_equal([*found, parts.cutoff_], expected)
    assert parts == whole
    assert parts.to_dict() == whole.to_dict()


@pytest.mark.parametrize("start", ["stream", "fit"])
@pytest.mark.parametrize("name", STREAMS)
def test_one_by_one_is_in_bulk_and_a_copy_goes_on_alike(name, start):
    scores = streams(7)
    bulk, single = STREAMS[name](), STREAMS[name]()
    if start == "fit":
        bulk.fit(GAMMA[:333])
        single.fit(GAMMA[:333])
    expected = bulk.predict_update(scores)
    labels = []
    for i, score in enumerate(scores):
        if i % 100 == 37:  # through JSON, as a file would hold it
            single = Threshold.from_dict(json.loads(json.dumps(single.to_dict())))
        labels += single.predict_update([score]).tolist()
    assert labels == expected.tolist()
    assert expected.any() or name == "fixed"
    assert single == bulk


# ---- twins ---------------------------------------------------------------------------------------


def test_sigma_is_mean_and_deviation_of_what_came_before():
    found = cutoffs(SigmaThreshold(2.5, warm_up=50), GAMMA[:600])
    expected = naive.cutoffs_of(lambda seen: naive.sigma(seen, 2.5), GAMMA[:600], 50)
    assert_allclose(found, expected, rtol=1e-12)


def welford(scores, z, first):
    """The cutoff before each score, one after the other; 0.0 is no score."""
    cutoffs = np.full(len(scores), np.nan)
    count, mean, squares = 0, 0.0, 0.0
    for row, score in enumerate(scores):
        if count >= first:
            cutoffs[row] = mean + z * np.sqrt(squares / count)
        if score != 0:
            count += 1
            step = score - mean
            mean += step / count
            squares += step * (score - mean)
    return cutoffs


def test_sigma_is_welford_and_does_not_learn_rows_without_a_score():
    rng = np.random.default_rng(0)
    scores = rng.gamma(9.0, 0.1, 5000)
    scores[:300] = 0
    scores[rng.random(5000) < 0.05] = 0
    found = SigmaThreshold(3.0).cutoffs_update(scores)
    assert_allclose(found, welford(scores, 3.0, 100), rtol=1e-12)
    assert np.isnan(found[:400]).all()


def test_constant_scores_have_themselves_as_cutoff():
    found = SigmaThreshold(3.0).cutoffs_update(np.full(10_000, 0.1) + 0.4)
    assert set(found[100:]) == {0.5}


def test_sigma_far_from_zero_and_after_an_outlier():
    for scores in (GAMMA[:600] + 1e6, np.append(1e6, GAMMA[:600])):
        found = SigmaThreshold().update(scores).cutoff_
        assert_allclose(found, naive.sigma(scores, 3.0), rtol=1e-11)


def test_sigma_with_decay_is_weighted():
    found = cutoffs(SigmaThreshold(2.0, decay=0.03, warm_up=5), GAMMA[:300])
    law = lambda seen: naive.fading(seen, 2.0, 0.03)  # noqa: E731
    assert_allclose(found, naive.cutoffs_of(law, GAMMA[:300], 5), rtol=1e-10)


def test_sigma_goes_on_after_fit():
    threshold = SigmaThreshold(2.0).fit(GAMMA[:100]).update(GAMMA[100:900])
    assert_allclose(threshold.cutoff_, naive.sigma(GAMMA[:900], 2.0), rtol=1e-12)


@pytest.mark.parametrize(("size", "first"), [(90, 90), (300, 100), (1, 1)])
def test_rolling_is_mean_and_deviation_of_the_window(size, first):
    found = cutoffs(RollingThreshold(size, 2.0), GAMMA[:700])
    law = lambda seen: naive.sigma(seen[-size:], 2.0)  # noqa: E731
    assert_allclose(found, naive.cutoffs_of(law, GAMMA[:700], first), rtol=1e-12)


@pytest.mark.parametrize("scores", [GAMMA, ROUNDED])
def test_a_short_stream_has_the_quantile_of_numpy(scores):
    threshold = QuantileThreshold(0.95, warm_up=40)
    due = 40
    for n in range(1, 2048):
        threshold.update(scores[n - 1 : n])
        if n == due:
            expected = np.quantile(scores[:n], 0.95)
            assert_allclose(threshold.cutoff_, expected, rtol=1e-14)
            due += max(1, n // 64)


def test_the_highest_scores_of_a_long_stream_are_exact():
    scores = np.random.default_rng(2).normal(size=100_000)
    sketch = TailSketch()
    sketch.add(scores)
    for q in (0.99, 0.995, 0.999):
        assert_allclose(quantile(*sketch.weighted(), q), np.quantile(scores, q), rtol=1e-14)


def test_the_sketch_is_its_twin(monkeypatch):
    monkeypatch.setattr("fastrcf.thresholds.sketch.HALF", 8)
    scores = np.random.default_rng(3).normal(size=3000)
    sketch, twin = TailSketch(), naive.NaiveSketch(8)
    for n, score in enumerate(scores, 1):
        twin.add(score)
        sketch.add(scores[n - 1 : n])
        if n % 97 == 0:
            values, weights = sketch.weighted()
            assert weights.sum() == n == len(twin.all())
            assert_array_equal(np.sort(np.repeat(values, weights)), sorted(twin.all()))
            for q in (0.0, 0.3, 0.77, 1.0):
                assert_allclose(quantile(values, weights, q), np.quantile(twin.all(), q))


def test_the_sketch_knows_ranks():
    for scores in (np.arange(300_000.0), -np.arange(300_000.0), RNG.permutation(300_000) * 1.0):
        sketch = TailSketch()
        sketch.add(scores)
        for q in (0.1, 0.25, 0.5, 0.9, 0.99, 0.999):
            rank = (scores > quantile(*sketch.weighted(), q)).mean()
            assert abs(rank / (1 - q) - 1) < 0.03
            assert abs(rank - (1 - q)) < 0.001 or q < 0.5


def test_a_window_of_ranks_holds_the_latest():
    threshold = QuantileThreshold(0.5, window=100, warm_up=10)
    threshold.update(np.full(250, 9.0)).update(np.full(200, 1.0))
    assert threshold.cutoff_ == 1.0
    assert QuantileThreshold(0.5, window=100).fit([*[9.0] * 500, *[1.0] * 200]).cutoff_ == 1.0


@pytest.mark.parametrize("scores", [GAMMA[:1500], ROUNDED[:1500], GAMMA[:7]])
def test_mad_is_that_of_numpy(scores):
    assert_allclose(MadThreshold(2.5).fit(scores).cutoff_, naive.mad(scores, 2.5), rtol=1e-12)
    stream = MadThreshold(2.5, warm_up=len(scores)).update(scores)
    assert_allclose(stream.cutoff_, naive.mad(scores, 2.5), rtol=1e-12)


def test_pot_is_its_twin():
    for depth in (None, 15):
        for seed in (2, 4, 6):
            scores = streams(seed)
            scores = scores[scores > 0]
            twin = naive.NaivePot(0.01, 0.9, depth, 120)
            threshold = PotThreshold(0.01, level=0.9, depth=depth, warm_up=120)
            expected, labels = [], []
            for score in scores.tolist():
                expected.append(twin.cutoff())
                labels.append(twin.take(score))
            assert_allclose(threshold.cutoffs_update(scores), expected, rtol=1e-9)
            again = PotThreshold(0.01, level=0.9, depth=depth, warm_up=120)
            assert_array_equal(again.predict_update(scores), labels)
            assert 5 < sum(labels) < 200


# ---- labels --------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, -1.0]), st.booleans()),
    min_size=1,
    max_size=25,
)


@given(rows=ROWS, cost_fp=st.integers(0, 5), cost_fn=st.integers(0, 5))
def test_best_is_the_best_of_all(rows, cost_fp, cost_fn):
    scores, labels = zip(*rows, strict=True)
    if not any(labels):
        labels = (True, *labels[1:])
    for objective in ("f1", "accuracy", "recall_at_precision", "precision_at_recall", "cost"):
        options = {"at": 0.6, "cost_fp": float(cost_fp), "cost_fn": float(cost_fn)}
        top, where = naive.best(scores, labels, objective, **options)
        threshold = BestThreshold(objective, **options)
        if top == -1.0 and objective.endswith("precision"):
            with pytest.raises(ValueError, match=r"at: no cutoff has a precision of 0\.6"):
                threshold.fit(scores, labels)
            continue
        threshold.fit(scores, labels)
        assert threshold.value_ == abs(top)
        alarms = threshold.predict(scores)
        assert alarms.sum() == sum(score > max(where) for score in scores)  # the fewest
        hits = int(alarms[np.array(labels)].sum())
        assert threshold.recall_ == hits / sum(labels)
        assert threshold.precision_ == (hits / alarms.sum() if alarms.any() else 0.0)


@given(rows=ROWS, steps=st.integers(2, 30))
def test_best_of_equal_steps(rows, steps):
    scores, labels = map(np.array, zip(*rows, strict=True))
    table = cutoff_table(scores, labels, steps=steps)
    assert_array_equal(table.cutoff, np.linspace(scores.min(), scores.max(), steps)[::-1])
    for cutoff, tp, fp, fn, tn in zip(*table, strict=True):
        alarms = scores > cutoff
        assert (tp, fp) == (np.sum(alarms & labels), np.sum(alarms & ~labels))
        assert (fn, tn) == (np.sum(~alarms & labels), np.sum(~alarms & ~labels))
    if labels.any():
        found = BestThreshold(steps=steps).fit(scores, labels)
        assert found.value_ == table.f1.max()
        assert found.cutoff_ == table.cutoff[table.f1.argmax()]


def test_best_f1_against_scikit_learn():
    from sklearn.metrics import precision_recall_curve

    rng = np.random.default_rng(5)
    labels = rng.random(2000) < 0.1
    scores = (rng.normal(size=2000) + 1.5 * labels).round(2)
    precision, recall, _ = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    found = BestThreshold().fit(scores, labels)
    assert_allclose(found.value_, f1.max(), rtol=1e-12)
    wanted = BestThreshold("recall_at_precision", at=0.8).fit(scores, labels)
    assert_allclose(wanted.value_, recall[precision >= 0.8].max())
    thousand = BestThreshold(steps=1000).fit(scores, labels)
    assert 0.0 <= found.value_ - thousand.value_ < 0.01


def test_neighbouring_floats_are_told_apart():
    low = 1.0
    for _ in range(2):  # halfway rounds to the lower one, then to the higher one
        high = math.nextafter(low, 2.0)
        threshold = BestThreshold().fit([low, high], [0, 1])
        assert threshold.predict([low, high]).tolist() == [0, 1]
        low = high
