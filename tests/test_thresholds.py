"""Thresholds: what they promise about rates, bad input, models and state."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastrcf import ModelFormatError, NotFittedError, RandomCutForest
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

RNG = np.random.default_rng(8)
SCORES = RNG.gamma(9.0, 0.1, 1500)
LABELS = SCORES > 1.4

KINDS = {
    "fixed": lambda: FixedThreshold(1.5),
    "sigma": lambda: SigmaThreshold(np.float32(2.5)),
    "sigma decay": lambda: SigmaThreshold(decay=0.01),
    "quantile": QuantileThreshold,
    "quantile window": lambda: QuantileThreshold(0.9, window=np.int64(200)),
    "mad": MadThreshold,
    "pot": lambda: PotThreshold(warm_up=500),
    "pot depth": lambda: PotThreshold(depth=30, warm_up=500),
    "rolling": lambda: RollingThreshold(300),
    "best": BestThreshold,
}
STREAMED = [name for name in KINDS if name != "best"]
every_kind = pytest.mark.parametrize("name", KINDS)
every_stream = pytest.mark.parametrize("name", STREAMED)


def fitted(name, **options):
    return KINDS[name]().fit(SCORES, LABELS, **options)


# ---- rates ---------------------------------------------------------------------------------------

LAWS = {
    "exponential": lambda rng, n: rng.exponential(size=n),
    "normal": lambda rng, n: rng.normal(size=n) + 10.0,
    "Pareto": lambda rng, n: rng.pareto(4.0, size=n),
    "bounded": lambda rng, n: rng.beta(1.0, 3.0, size=n),
}
TAILS = {
    "exponential": lambda x: math.exp(-x),
    "normal": lambda x: math.erfc((x - 10) / math.sqrt(2)) / 2,
    "Pareto": lambda x: (1 + x) ** -4.0,
    "bounded": lambda x: max(0.0, 1 - x) ** 3.0,
}


@pytest.mark.parametrize("depth", [None, 50])
@pytest.mark.parametrize("law", LAWS)
def test_pot_alarms_at_the_rate_it_was_told(law, depth):
    rng = np.random.default_rng(11)
    rates = [
        PotThreshold(1e-3, depth=depth).predict_update(LAWS[law](rng, 40_000)).mean()
        for _ in range(3)
    ]
    assert 0.7e-3 < np.mean(rates) < 1.5e-3


@pytest.mark.parametrize("law", ["exponential", "Pareto"])
def test_leaving_all_alarms_out_shortens_the_tail(law, monkeypatch):
    """What the published algorithm does, and why this one does not."""
    rng = np.random.default_rng(11)
    scores = [LAWS[law](rng, 100_000) for _ in range(3)]
    told = np.mean([PotThreshold(1e-3).predict_update(each).mean() for each in scores])
    monkeypatch.setattr("fastrcf.thresholds.peaks.Peaks.add_alarm", lambda self, score: None)
    left_out = np.mean([PotThreshold(1e-3).predict_update(each).mean() for each in scores])
    assert 0.8e-3 < told < 1.3e-3
    assert 2.5e-3 < left_out < 6e-3


@pytest.mark.parametrize("law", LAWS)
def test_pot_extrapolates(law):
    cutoffs = [
        PotThreshold(1e-4).fit(LAWS[law](np.random.default_rng(seed), 20_000)).cutoff_
        for seed in range(20)
    ]
    assert 0.6e-4 < np.median([TAILS[law](cutoff) for cutoff in cutoffs]) < 1.6e-4


def test_pot_finds_spikes_again_and_again():
    rng = np.random.default_rng(3)
    scores = rng.exponential(size=20_000)
    spikes = np.arange(3000, 20_000, 500)
    scores[spikes] = 40.0
    labels = PotThreshold(1e-4).predict_update(scores)
    assert labels[spikes].all()
    assert labels.sum() - len(spikes) < 60  # the spikes are 20 times what the rate allows


def test_pot_with_depth_follows_drift():
    rng = np.random.default_rng(3)
    scores = rng.exponential(size=30_000) + np.linspace(0, 60, 30_000)
    spikes = np.arange(3000, 30_000, 1000)
    scores[spikes] += 40.0
    drifting = PotThreshold(1e-3, depth=50).predict_update(scores)
    assert drifting[spikes].all()
    assert drifting.sum() - len(spikes) < 100


def test_pot_with_depth_accepts_a_new_level():
    rng = np.random.default_rng(5)
    scores = rng.normal(size=6000)
    scores[3000:] += 50
    labels = PotThreshold(1e-3, depth=100).predict_update(scores)
    assert labels[3000:3100].all()
    assert labels[3100:].mean() < 0.01


def test_pot_with_few_peaks():
    constant = PotThreshold().fit(np.full(2000, 0.7))
    assert (constant.cutoff_, constant.ready) == (0.7, True)
    assert constant.predict([0.7, 0.7000001]).tolist() == [0, 1]
    once = PotThreshold().fit([3.0])
    assert once.cutoff_ == 3.0
    few = PotThreshold(0.01).fit(np.arange(1.0, 101.0))  # 2 above the 98 % quantile of 98.02
    assert_allclose(few.cutoff_, 98.02 + 1.48 * math.log(2.0))


def test_pot_gets_used_to_scores_that_begin_to_differ():
    rng = np.random.default_rng(6)
    scores = np.concatenate([np.full(2000, 0.5), 0.5 + rng.exponential(size=20_000)])
    labels = PotThreshold(1e-3).predict_update(scores)
    assert labels[2000] == 1
    assert labels[2000:2100].sum() < 40
    assert labels[4000:].mean() < 3e-3


def test_quantile_has_its_share_above():
    scores = np.random.default_rng(2).normal(size=60_000)
    for q in (0.9, 0.99, 0.999):
        share = QuantileThreshold(q).predict_update(scores).mean()
        assert 0.85 < share / (1 - q) < 1.25


def test_a_shift_is_forgotten_by_what_forgets():
    scores = np.concatenate([RNG.normal(1, 0.1, 2000), RNG.normal(3, 0.1, 3000)])
    for threshold in (
        SigmaThreshold(decay=0.01),
        RollingThreshold(500),
        QuantileThreshold(0.999, window=500),
        MadThreshold(5.0, window=500),
    ):
        labels = threshold.predict_update(scores)
        assert labels[2000]
        assert labels[4000:].mean() < 0.02
        assert 3.0 < threshold.cutoff_ < 3.8


def test_outliers_move_sigma_but_not_mad():
    spoiled = np.concatenate([SCORES, np.full(100, 500.0)])
    assert SigmaThreshold().fit(spoiled).cutoff_ > 100
    assert abs(MadThreshold().fit(spoiled).cutoff_ - MadThreshold().fit(SCORES).cutoff_) < 0.2


@pytest.mark.parametrize("name", ["sigma", "quantile", "mad", "pot", "rolling", "best"])
@given(power=st.integers(-8, 8))
def test_a_change_of_scale_changes_no_label(name, power):
    scaled = SCORES * 2.0**power
    threshold = KINDS[name]().fit(scaled, LABELS)
    assert_allclose(threshold.cutoff_, fitted(name).cutoff_ * 2.0**power, rtol=1e-9)
    assert_array_equal(threshold.predict(scaled), fitted(name).predict(SCORES))


# ---- scores and labels ---------------------------------------------------------------------------


@every_kind
def test_anomalous_is_strictly_greater(name):
    threshold = fitted(name)
    cutoff = threshold.cutoff_
    labels = threshold.predict([cutoff, math.nextafter(cutoff, 9.0), cutoff - 0.1])
    assert labels.dtype == np.int8
    assert labels.tolist() == [0, 1, 0]


@every_stream
def test_rows_without_a_score_are_not_learned(name):
    gaps = np.zeros(2 * len(SCORES))
    gaps[1::2] = SCORES
    whole, gappy = KINDS[name]().update(SCORES), KINDS[name]().update(gaps)
    assert whole == gappy
    assert gappy.n_seen_ == len(SCORES)
    assert KINDS[name]().fit(gaps) == fitted(name)
    assert not KINDS[name]().predict_update(np.zeros(5)).any()


@every_kind
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([1.0, math.nan], ValueError, r"scores: .*got nan in row 1"),
        ([1.0, 2.0, -math.inf], ValueError, r"scores: .*got -inf in row 2"),
        ([1e101], ValueError, r"scores: .*1e\+101 in row 0"),
        ([[1.0, 2.0]], ValueError, r"scores: .*shape \(1, 2\)"),
        (3.0, ValueError, r"scores: .*shape \(\)"),
        ([1.0, [2.0, 3.0]], ValueError, "scores"),
        (["a"], TypeError, r"scores: expected numbers, got .*'a'"),
        ([1 + 2j], TypeError, "scores: expected numbers"),
        ([True, False], TypeError, "scores: .*labels"),
        ([None], TypeError, "scores: expected numbers"),
    ],
)
def test_bad_scores_change_nothing(name, bad, error, message):
    threshold = fitted(name)
    before = copy.deepcopy(threshold)
    for verb in (threshold.predict, threshold.update, threshold.predict_update):
        with pytest.raises(error, match=message):
            verb(bad)
    with pytest.raises(error, match=message):
        threshold.fit(bad, [0])
    assert threshold == before


@every_kind
def test_nothing_to_learn(name):
    threshold = KINDS[name]()
    for empty in ([], [0.0, 0.0]) if name != "best" else ([],):
        with pytest.raises(ValueError, match="scores: expected at least one"):
            threshold.fit(empty, empty)
    threshold = fitted(name)
    before = copy.deepcopy(threshold)
    assert threshold.predict([]).shape == threshold.predict_update([]).shape == (0,)
    assert threshold.update([]) == before


@every_kind
def test_constant_scores_are_no_anomalies(name):
    for value in (0.1 + 0.2, 7.0):
        scores = np.full(1000, value)
        threshold = KINDS[name]()
        if name == "fixed":
            continue
        threshold.fit(scores, np.arange(1000) < 1)
        if name != "best":
            assert not threshold.predict(scores).any()
            assert not KINDS[name]().predict_update(scores).any()
        assert math.isfinite(threshold.cutoff_)


def test_one_score_is_enough_to_fit():
    for name in set(STREAMED) - {"fixed", "pot depth"}:
        assert KINDS[name]().fit([2.5]).cutoff_ == 2.5
    with pytest.raises(ValueError, match="scores: expected more than depth=30, got 30"):
        PotThreshold(depth=30).fit(SCORES[:30])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (None, ValueError, "labels: expected 0 or 1 for each score, got None"),
        ([0, 1], ValueError, "labels: .*got 2 labels and 3 scores"),
        ([0, 1, 2], ValueError, "labels: expected 0 or 1, got 2 in row 2"),
        ([0, math.nan, 1], ValueError, "labels: expected 0 or 1, got nan in row 1"),
        (["no", "yes", "no"], TypeError, "labels: expected numbers, got 'no'"),
        ([[0], [1], [0]], ValueError, r"labels: .*shape \(3, 1\)"),
        ([0, 0, 0], ValueError, "labels: expected at least one anomalous row.*Quantile"),
    ],
)
def test_bad_labels(labels, error, message):
    threshold = BestThreshold()
    with pytest.raises(error, match=message):
        threshold.fit([1.0, 2.0, 3.0], labels)
    assert not threshold.ready


def test_labels_of_one_class():
    scores = [1.0, 3.0, 2.0]
    for objective in ("accuracy", "cost"):
        threshold = BestThreshold(objective).fit(scores, [0, 0, 0])
        assert threshold.cutoff_ == 3.0
        assert threshold.value_ == (1.0 if objective == "accuracy" else 0.0)
    for objective in ("f1", "accuracy", "cost", "recall_at_precision", "precision_at_recall"):
        threshold = BestThreshold(objective).fit(scores, [True, True, True])
        assert threshold.predict(scores).all()
    table = cutoff_table(scores, [0, 0, 0])
    assert table.precision.tolist() == table.recall.tolist() == table.f1.tolist() == [0.0] * 4


def test_labels_of_several_kinds():
    expected = BestThreshold().fit(SCORES, LABELS)
    for labels in (LABELS.astype(int), LABELS.astype(float), LABELS.tolist()):
        assert BestThreshold().fit(SCORES, labels) == expected


# ---- warming up ----------------------------------------------------------------------------------


@every_stream
def test_warming_up(name):
    threshold = KINDS[name]()
    if name == "fixed":
        assert (threshold.ready, threshold.cutoff_) == (True, 1.5)
        return
    wait = threshold.warm_up + (threshold.depth or 0 if name.startswith("pot") else 0)
    assert (threshold.ready, threshold.n_seen_) == (False, 0)
    assert math.isnan(threshold.cutoff_)
    assert not threshold.predict([1e9]).any()
    assert not threshold.predict_update(np.append(SCORES[: wait - 2], 99.0)).any()
    assert not threshold.ready
    threshold.update([1.0])
    assert threshold.ready
    assert threshold.n_seen_ == wait
    assert fitted(name).ready


def test_best_waits_for_labels():
    threshold = BestThreshold()
    assert not threshold.ready
    for ask in (
        lambda: threshold.predict([1.0]),
        lambda: threshold.update([1.0]),
        lambda: threshold.cutoff_,
        lambda: threshold.value_,
    ):
        with pytest.raises(NotFittedError, match="call fit with scores and labels"):
            ask()
    threshold.fit(SCORES, LABELS)
    before = threshold.cutoff_
    assert threshold.update(SCORES * 9).cutoff_ == before
    assert threshold.n_seen_ == 2 * len(SCORES)


# ---- models --------------------------------------------------------------------------------------


@every_kind
def test_scores_of_another_model_are_refused(name):
    threshold = fitted(name, fingerprint="a1")
    before = copy.deepcopy(threshold)
    for verb in (threshold.predict, threshold.update, threshold.predict_update):
        with pytest.raises(ValueError, match=r"fingerprint: .*'a1'.*'b2'.*fit"):
            verb(SCORES, fingerprint="b2")
    assert threshold == before
    threshold.predict(SCORES, fingerprint="a1")
    threshold.predict(SCORES)
    assert threshold.update(SCORES, fingerprint="a1").fingerprint == "a1"
    assert threshold.fit(SCORES, LABELS, fingerprint="b2").fingerprint == "b2"
    assert threshold.fit(SCORES, LABELS).fingerprint is None
    with pytest.raises(TypeError, match="fingerprint: expected a string or None, got 7"):
        threshold.fit(SCORES, LABELS, fingerprint=7)


def test_a_stream_binds_itself_once():
    threshold = SigmaThreshold()
    threshold.predict(SCORES, fingerprint="b2")
    assert threshold.fingerprint is None
    assert threshold.update(SCORES, fingerprint="a1").fingerprint == "a1"
    unbound = SigmaThreshold().update(SCORES)
    assert unbound.update(SCORES, fingerprint="a1").fingerprint is None


def test_with_a_forest():
    rng = np.random.default_rng(1)
    series = np.sin(np.arange(4000) / 8) + rng.normal(scale=0.1, size=4000)
    series[3000] = 4.0
    forest = RandomCutForest(n_trees=50)
    threshold = PotThreshold(1e-3)
    labels = threshold.predict_update(
        forest.score_update(series), fingerprint=forest.update([0.0]).fingerprint
    )
    assert labels[3000]
    assert labels.sum() < 12
    other = RandomCutForest(n_trees=50, shingle_size=2).update(series)
    with pytest.raises(ValueError, match="fingerprint"):
        threshold.predict(other.score(series), fingerprint=other.fingerprint)


# ---- options and state ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "error", "message"),
    [
        (FixedThreshold("x"), TypeError, "cutoff"),
        (FixedThreshold(math.inf), ValueError, "cutoff"),
        (SigmaThreshold(-1.0), ValueError, "z"),
        (SigmaThreshold(math.nan), ValueError, "z"),
        (SigmaThreshold(decay=1.0), ValueError, "decay"),
        (SigmaThreshold(warm_up=0), ValueError, "warm_up"),
        (QuantileThreshold(1.0), ValueError, "q: expected a number between 0 and 1"),
        (QuantileThreshold(window=0), ValueError, "window"),
        (MadThreshold(k="3"), TypeError, "k: expected a number of at least 0, got '3'"),
        (PotThreshold(0.05), ValueError, "alarm_rate: expected less than 1 - level = 0.02"),
        (PotThreshold(level=True), TypeError, "level"),
        (PotThreshold(depth=0), ValueError, "depth"),
        (PotThreshold(warm_up=1), ValueError, "warm_up"),
        (RollingThreshold(0), ValueError, "window"),
        (RollingThreshold(10.5), TypeError, "window: expected an integer"),
        (BestThreshold("f2"), ValueError, "objective: expected one of"),
        (BestThreshold(at=0.0), ValueError, "at: expected a number in"),
        (BestThreshold(cost_fn=-1.0), ValueError, "cost_fn"),
        (BestThreshold(steps=1), ValueError, "steps"),
    ],
)
def test_options_are_checked_when_they_are_used(threshold, error, message):
    with pytest.raises(error, match=message):
        threshold.fit(SCORES, LABELS)
    with pytest.raises(error, match=message):
        threshold.to_dict()


@every_kind
def test_options_are_kept_as_they_were_given(name):
    from sklearn.base import clone

    threshold = fitted(name)
    twin = clone(threshold)
    assert twin.get_params() == threshold.get_params()
    assert twin.n_seen_ == 0
    assert twin != threshold
    assert type(threshold).__name__ in repr(threshold)
    assert repr(SigmaThreshold(2.0)) == "SigmaThreshold(z=2.0)"
    assert threshold != "threshold"


@every_kind
@pytest.mark.parametrize("start", ["new", "warming up", "fit", "long"])
def test_round_trip(name, start):
    threshold = KINDS[name]()
    if start == "fit" or (name == "best" and start != "new"):
        threshold.fit(SCORES, LABELS, fingerprint="ä")
    elif start != "new":
        threshold.update(np.tile(SCORES, 4)[: 9 if start == "warming up" else None])
    text = json.dumps(threshold.to_dict(), allow_nan=False)
    for twin in (
        Threshold.from_dict(json.loads(text)),
        type(threshold).from_dict(json.loads(text)),
        copy.deepcopy(threshold),
        pickle.loads(pickle.dumps(threshold)),
    ):
        assert type(twin) is type(threshold)
        assert json.dumps(twin.to_dict()) == text
        assert twin == threshold
        assert twin.fingerprint == threshold.fingerprint
        if name == "best" and start == "new":
            continue
        other = copy.deepcopy(threshold)
        assert_array_equal(twin.cutoffs_update(SCORES), other.cutoffs_update(SCORES))
        assert twin == other


def test_a_kind_reads_its_own_only():
    with pytest.raises(ModelFormatError, match=r"expected a type of \['sigma'\], got 'mad'"):
        SigmaThreshold.from_dict(fitted("mad").to_dict())


def walk(value, path=()):
    """All places in nested containers."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else list(enumerate(value))[:3]
        for key, each in items:
            yield from walk(each, (*path, key))


BAD = [None, "x", -1, 2**70, math.nan, math.inf, True, [], {}, [1.0, "a"], [math.nan], -1e300]


@every_kind
def test_hostile_state_is_an_error_or_harmless(name):
    good = KINDS[name]()
    (good.fit if name == "best" else good.update)(
        np.tile(SCORES, 2), *[np.tile(LABELS, 2)][: name == "best"]
    )
    text = json.dumps(good.to_dict())
    refused = 0
    for path in walk(json.loads(text)):
        for bad in [*BAD, "delete"]:
            data = json.loads(text)
            if not path:
                data = bad
            else:
                place = data
                for key in path[:-1]:
                    place = place[key]
                if bad == "delete":
                    del place[path[-1]]
                else:
                    place[path[-1]] = bad
            try:
                found = Threshold.from_dict(data)
            except ModelFormatError:
                refused += 1
                continue
            found.to_dict()
            with np.errstate(all="ignore"):
                if found.ready:
                    found.predict_update(SCORES[:150])
    assert refused > 50


def test_a_later_format_is_refused():
    data = fitted("sigma").to_dict()
    with pytest.raises(ModelFormatError, match=r"format 2 is unknown.*or a later one"):
        Threshold.from_dict({**data, "format": 2})
    with pytest.raises(ModelFormatError, match=r"expected a type of .*'pot'.*got 'magic'"):
        Threshold.from_dict({**data, "type": "magic"})
