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
    """Rows of which a share has a column that is shifted for four rows, by much or more."""
    rng, spread = np.random.default_rng(seed), rows.std(axis=0)
    rows, labels = rows.copy(), np.zeros(len(rows), int)
    for start in rng.choice(len(rows) // 8, int(share * len(rows) / 4), replace=False) * 8:
        column = rng.integers(rows.shape[1])
        rows[start : start + 4, column] += rng.choice([-1, 1]) * rng.uniform(5, 20) * spread[column]
        labels[start : start + 4] = 1
    return rows, labels


CLEAN, LATER = np.split(columns(3000, width=5), [2000])
DIRTY, SHIFTED = with_shifts(CLEAN, 0.03, seed=1)
LATER, LABELS = with_shifts(LATER, 0.05, seed=2)


@pytest.mark.parametrize("first", ["forest", "autoencoder"])
def test_cleaning_makes_up_for_anomalies_in_training(first):
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
    assert found["dirty"] < found["cleaned"] - 0.01
    assert found["cleaned"] > found["clean"] - 0.01
    dropped = detector.dropped_
    assert SHIFTED[dropped].mean() > 0.5
    assert len(dropped) > 0.7 * SHIFTED.sum()


def test_clean_rows_are_hardly_dropped():
    detector = TwoStageDetector(Components()).fit(CLEAN)
    assert len(detector.dropped_) < 0.01 * len(CLEAN)


def test_no_window_crosses_a_dropped_row():
    detector = TwoStageDetector(Components(window_size=4), drop=0.1).fit(DIRTY)
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
            return 1.0 + (others[:, 0] % 7) + 100.0 * (others[:, 0] % 20 == 19)

        return judge

    rows = np.arange(100.0)[:, None]
    unusual = rows_to_drop(rows, teach, most=0.1)
    assert seen == [set(), set()]
    assert_array_equal(np.flatnonzero(unusual), [19, 39, 59, 79, 99])
    assert rows_to_drop(rows, teach, most=0.03).sum() <= 3
    assert not rows_to_drop(rows, teach, most=0.0).any()


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
