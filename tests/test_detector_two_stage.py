"""What cleaning the training rows is worth, and which rows it drops."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from detector_helpers import columns
from detector_networks import Components
from fastrcf import AutoencoderDetector, TwoStageDetector
from fastrcf.detectors.cleaning import rows_to_drop
from fastrcf.metrics import auroc


def with_shifts(rows, share, seed):
    """Rows of which a share has a shifted column, in stretches of eight."""
    rows, labels = rows.copy(), np.zeros(len(rows), int)
    rng = np.random.default_rng(seed)
    for start in rng.choice(len(rows) // 16, int(share * len(rows) / 8), replace=False) * 16:
        rows[start : start + 8, 2] += 10.0 * rows[:, 2].std() * rng.uniform(0.8, 1.2)
        labels[start : start + 8] = 1
    return rows, labels


CLEAN, LATER = np.split(columns(3000, width=5), [2000])
DIRTY, SHIFTED = with_shifts(CLEAN, 0.04, seed=1)
LATER, LABELS = with_shifts(LATER, 0.05, seed=2)


@pytest.mark.parametrize("first", ["forest", "autoencoder"])
def test_what_was_learned_by_heart_is_found_after_cleaning(first):
    network = Components(window_size=4, n_components=12)
    levels = {}
    for name, detector, rows in (
        ("clean", AutoencoderDetector(network), CLEAN),
        ("dirty", AutoencoderDetector(network), DIRTY),
        ("cleaned", TwoStageDetector(network, first=first), DIRTY),
    ):
        engine = detector.fit(rows)._engine
        levels[name] = engine.judge(LATER, learn=False).levels
    known = levels["clean"] > 0.0
    found = {name: auroc(LABELS[known], each[known]) for name, each in levels.items()}
    assert found["dirty"] < found["cleaned"] - 0.03
    assert found["cleaned"] > found["clean"] - 0.02
    dropped = detector.dropped_
    assert SHIFTED[dropped].mean() > 0.9
    assert len(dropped) > 0.7 * SHIFTED.sum()


def test_clean_rows_are_hardly_dropped():
    detector = TwoStageDetector(Components()).fit(CLEAN)
    assert len(detector.dropped_) < 0.01 * len(CLEAN)


def test_no_window_crosses_a_dropped_row():
    detector = TwoStageDetector(Components(window_size=4), drop=0.04).fit(DIRTY)
    left = np.ones(len(DIRTY), bool)
    left[detector.dropped_] = False
    whole = np.convolve(left, np.ones(4, int), "valid") == 4
    assert detector.autoencoder_.n_windows == whole.sum() < len(DIRTY) - 3
    learned = DIRTY[: len(DIRTY) - len(DIRTY) // 10][left[: len(DIRTY) - len(DIRTY) // 10]]
    np.testing.assert_allclose(detector.autoencoder_.scaler_.center_, learned.mean(axis=0))


def test_breaks_reach_the_network():
    whole = AutoencoderDetector(Components(window_size=4)).fit(CLEAN)
    cut = AutoencoderDetector(Components(window_size=4)).fit(CLEAN, breaks=[500, 1000])
    assert cut.autoencoder_.n_windows == whole.autoencoder_.n_windows - 6


def test_no_row_is_judged_by_what_has_learned_it():
    seen = []

    def teach(rows):
        learned = set(rows[:, 0].tolist())

        def judge(others):
            seen.append(learned & set(others[:, 0].tolist()))
            return others[:, 0] % 7

        return judge

    rows = np.arange(100.0)[:, None]
    unusual = rows_to_drop(rows, teach, alarm_rate=0.001, most=0.1)
    assert seen == [set(), set()]
    assert unusual.sum() <= 10
    assert not rows_to_drop(rows, teach, alarm_rate=0.001, most=0.0).any()
    few = rows_to_drop(rows, teach, alarm_rate=1e-6, most=0.3)  # cutoff 5.6: only sixes
    assert_array_equal(np.flatnonzero(few) % 7, 6)


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"first": "tree"}, ValueError, "first"),
        ({"drop": 0.5}, ValueError, "drop"),
        ({"drop": -0.1}, ValueError, "drop"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"autoencoder": "lstm"}, TypeError, "autoencoder"),
        ({"error": "big"}, ValueError, "error"),
    ],
)
def test_wrong_options_are_named(options, kind, says):
    detector = TwoStageDetector(**{"autoencoder": Components(), **options})
    with pytest.raises(kind, match=says):
        detector.fit(CLEAN)
    assert detector.n_seen_ == 0
