"""The classifier: it learns what it is shown, and only that."""

import sys

import numpy as np
import pytest

from damage_helpers import bundle_of, opened
from fastrcf import persistence
from fastrcf.errors import MissingExtraError, ModelFormatError, NotFittedError
from fastrcf.neural import ConvClassifier
from fastrcf.neural._labelled import split_classes
from reference import naive_networks

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = {"channels": (4, 6), "kernel_size": 5, "epochs": 20, "learning_rate": 0.01, "device": "cpu"}
rng = np.random.default_rng(0)
PHASES = rng.uniform(0, 6, (90, 1))
PERIODS = np.tile([2.0, 4.0, 8.0], 30)
WINDOWS = np.sin(np.arange(32) / PERIODS[:, None] + PHASES) + rng.normal(0, 0.1, (90, 32))
WINDOWS = np.stack([1e6 + WINDOWS, rng.normal(size=(90, 32))], axis=2)
LABELS = np.tile(["fast", "middle", "slow"], 30)


@pytest.fixture(scope="module")
def model():
    return ConvClassifier(batch_size=8, patience=None, **FAST).fit(WINDOWS[:75], LABELS[:75])


def test_it_learns_the_classes(model):
    assert (model.predict(WINDOWS[75:]) == LABELS[75:]).all()
    assert model.classes_.tolist() == ["fast", "middle", "slow"]
    assert model.best_epoch_ > 0
    assert len(model.history_["val_loss"]) == len(model.history_["loss"])


def test_probabilities_are_those_of_the_twin(model):
    found = model.predict_proba(WINDOWS[:10])
    scaled = (WINDOWS[:10] - model.scaler_.center_) / model.scaler_.scale_
    logits = np.array([naive_networks.logits(model.spec_, model.weights_, each) for each in scaled])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    single = np.concatenate([model.predict_proba(each[None]) for each in WINDOWS[:10]])
    assert np.array_equal(single, found)


def test_trained_on_one_class_it_knows_no_other():
    normal = LABELS == "slow"
    with pytest.raises(ValueError, match=r"at least 2 different labels, got \['slow'\]; name"):
        ConvClassifier(**FAST).fit(WINDOWS[normal], LABELS[normal])
    model = ConvClassifier(classes=("fast", "middle", "slow"), **FAST)
    model.fit(WINDOWS[normal], LABELS[normal])
    assert set(model.predict(WINDOWS)) == {"slow"}


def test_the_last_windows_of_each_class_are_held_out():
    codes = np.array([0] * 10 + [1] * 5 + [2])
    learned, held = split_classes(codes, 0.2)
    assert held.tolist() == [8, 9, 14]
    assert sorted([*learned, *held]) == list(range(16))
    assert split_classes(codes, 0.0)[1].tolist() == []


def test_a_bundle_gives_the_same_bits(model):
    data = persistence.to_bytes(model)
    again = persistence.from_bytes(data)
    assert np.array_equal(again.predict_proba(WINDOWS), model.predict_proba(WINDOWS))
    assert again.fingerprint == model.fingerprint
    assert again.get_params() == model.get_params()
    assert persistence.to_bytes(again) == data


@pytest.mark.parametrize("labels", [["a"] * 3, [1, 2], [1, 2, "3"], [True, False, True], 7])
def test_a_hostile_bundle_is_refused(model, labels):
    section, parts = opened(model)
    section["state"]["facts"] = {"classes": labels}
    with pytest.raises(ModelFormatError):
        persistence.from_bytes(bundle_of(model, section, parts))


def test_the_same_seed_the_same_model_and_numbers_as_labels(tmp_path):
    one, two = (
        ConvClassifier(random_state=3, **{**FAST, "epochs": 2}).fit(
            WINDOWS[:, :, 0], np.tile([5, -1, 2], 30), checkpoint=checkpoint
        )
        for checkpoint in (None, tmp_path / "training")
    )
    assert one.fingerprint == two.fingerprint
    assert one.classes_.tolist() == [-1, 2, 5]
    assert one.predict(WINDOWS[:3, :, 0]).dtype.kind == "i"


@pytest.mark.parametrize(
    ("windows", "labels", "error", "message"),
    [
        (WINDOWS[0, :, 0], ["a"], ValueError, r"windows: expected shape \(n, window_size\) or"),
        (WINDOWS, LABELS[:-1], ValueError, "y: expected one label for each of 90 windows"),
        (WINDOWS, LABELS == "slow", TypeError, "y: expected whole numbers or text, got bool"),
        (WINDOWS, PERIODS, TypeError, "y: expected whole numbers or text, got float64"),
        (
            np.where(WINDOWS[4, 1, 1] == WINDOWS, np.nan, WINDOWS),
            LABELS,
            ValueError,
            "window 4 has",
        ),
        ([["x"]], ["a"], TypeError, "windows: expected numbers"),
        (WINDOWS[:, :3], LABELS, ValueError, "window_size: expected at least 4 rows for 2 layers"),
        (WINDOWS[:, :0], LABELS, ValueError, "windows: expected shape"),
    ],
)
def test_what_cannot_be_learned(windows, labels, error, message):
    with pytest.raises(error, match=message):
        ConvClassifier(**FAST).fit(windows, labels)


def test_what_cannot_be_predicted(model, monkeypatch):
    with pytest.raises(NotFittedError, match="ConvClassifier has learned nothing"):
        ConvClassifier().predict(WINDOWS)
    with pytest.raises(ValueError, match=r"expected shape \(n, 32, 2\), got \(90, 32, 1\)"):
        model.predict(WINDOWS[:, :, 0])
    with pytest.raises(ValueError, match=r"y: expected labels among \['a', 'b'\], got \['fast'"):
        ConvClassifier(classes=("a", "b"), **FAST).fit(WINDOWS, LABELS)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fastrcf\[train\]'"):
        ConvClassifier(**FAST).fit(WINDOWS, LABELS)
