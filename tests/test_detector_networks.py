"""Detectors with real networks: trained, saved, and run where neither torch nor onnx is."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from damage_helpers import bundle_of, opened
from detector_helpers import columns, state
from fastrcf import (
    AutoencoderDetector,
    CascadeDetector,
    MissingExtraError,
    ModelFormatError,
    TwoStageDetector,
    persistence,
)

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from fastrcf.detectors.sparse_source import SparseSource
from fastrcf.detectors.window_source import WindowSource
from fastrcf.neural import LinearAutoencoder, LstmAutoencoder

LEARNED, ROWS = np.split(columns(900, width=4), [600])
ROWS[150, 2] += 12.0 * LEARNED[:, 2].std()
TINY = {
    "linear": LinearAutoencoder(window_size=4, hidden=(16, 8, 16), epochs=15, learning_rate=0.01),
    "lstm": LstmAutoencoder(window_size=4, encoder=(6, 4), epochs=3, learning_rate=0.01),
}
MAKE = {
    "linear": lambda: AutoencoderDetector(TINY["linear"]),
    "lstm": lambda: AutoencoderDetector(TINY["lstm"], error="rmse"),
    "two_stage": lambda: TwoStageDetector(TINY["linear"]),
    "cascade": lambda: CascadeDetector(TINY["linear"], n_trees=10, budget=0.2),
    "cascade_lstm": lambda: CascadeDetector(TINY["lstm"], n_trees=10, budget=0.2),
}


@pytest.fixture(scope="module")
def saved():
    """Bytes of each detector after `fit`."""
    return {name: state(make().fit(LEARNED)) for name, make in MAKE.items()}


every = pytest.mark.parametrize("name", list(MAKE))


@every
def test_one_row_at_a_time_as_in_bulk(name, saved):
    detector, other = (persistence.from_bytes(saved[name]) for _ in "ab")
    scores = np.concatenate([detector.score_update(row[None]) for row in ROWS])
    assert_array_equal(scores, other.score_update(ROWS))
    assert state(detector) == state(other)
    assert detector.detections_ == other.detections_
    assert scores[100:].all()


@every
def test_a_disturbed_column_is_named(name, saved):
    found = persistence.from_bytes(saved[name]).detect(ROWS)
    alarm = next(each for each in found if each.start == 750)
    assert (alarm.column, alarm.direction) == (2, "high")
    assert len(found) <= 3


@every
def test_saved_it_goes_on(name, saved, tmp_path):
    detector = persistence.from_bytes(saved[name]).update(ROWS[:100])
    persistence.save(detector, tmp_path / "model.frcf")
    twin = persistence.load(tmp_path / "model.frcf")
    assert twin.fingerprint == detector.fingerprint
    for other in (twin, pickle.loads(pickle.dumps(detector))):
        assert_array_equal(other.score(ROWS[100:]), detector.score(ROWS[100:]))
    about = persistence.inspect(tmp_path / "model.frcf")
    assert (about["kind"], about["n_features"]) == (type(detector).__name__, 4)
    assert about["fingerprint"] == detector.fingerprint


def test_the_same_training_gives_the_same_detector(saved):
    detector = MAKE["linear"]().fit(LEARNED)
    assert state(detector) == saved["linear"]
    other = AutoencoderDetector(LinearAutoencoder(**TINY["linear"].get_params() | {"epochs": 2}))
    assert other.fit(LEARNED).fingerprint != detector.fingerprint


def test_a_template_stays_as_it_is(saved):
    assert not hasattr(TINY["linear"], "n_features_in_")
    detector = persistence.from_bytes(saved["linear"])
    assert detector.autoencoder_.get_params() == TINY["linear"].get_params()
    assert len(detector.autoencoder_.history_["loss"]) <= 15


SCRIPT = """
import sys
for name in ("torch", "onnx"):
    sys.modules[name] = None
import numpy as np
import fastrcf
detector = fastrcf.load(sys.argv[1])
rows = np.load(sys.argv[2])
np.save(sys.argv[3], detector.score(rows))
detector.update(rows)
print(len(detector.detections_))
"""


@every
def test_a_loaded_file_needs_neither_torch_nor_onnx(name, saved, tmp_path):
    model, rows, scores = (tmp_path / each for each in ("m.frcf", "rows.npy", "scores.npy"))
    model.write_bytes(saved[name])
    np.save(rows, ROWS)
    command = [sys.executable, "-c", SCRIPT, str(model), str(rows), str(scores)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    detector = persistence.from_bytes(saved[name])
    assert_array_equal(np.load(scores), detector.score(ROWS))
    assert int(done.stdout) == len(detector.update(ROWS).detections_) > 0


def test_training_without_torch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    detector = MAKE["linear"]()
    with pytest.raises(MissingExtraError, match=r"pip install 'fastrcf\[train\]'"):
        detector.fit(LEARNED)
    assert detector.n_seen_ == 0


def test_a_window_longer_than_the_series_is_refused():
    detector = AutoencoderDetector(LinearAutoencoder(window_size=50, epochs=1))
    with pytest.raises(ValueError, match=r"windows of 50 rows.*got 0"):
        detector.fit(LEARNED[:40])
    assert detector.n_seen_ == 0


def test_a_callback_is_told_of_epochs():
    told = []
    AutoencoderDetector(TINY["linear"]).fit(
        LEARNED, callback=lambda epoch, logs: told.append((epoch, logs["loss"]))
    )
    assert [epoch for epoch, _ in told][:3] == [1, 2, 3]


def test_a_broken_network_is_refused(saved):
    detector = persistence.from_bytes(saved["linear"])
    section, parts = opened(detector)
    graph = "network-residuals.onnx"
    for changes in (
        {graph: b""},
        {graph: parts[graph][:-40]},
        {graph: b"\x08" * 100},
        {"network-weights.bin": b"1234"},
    ):
        with pytest.raises(ModelFormatError):
            persistence.from_bytes(bundle_of(detector, section, parts | changes))


@pytest.mark.parametrize("kind", list(TINY))
def test_some_rows_have_the_errors_that_they_have_among_all(kind):
    sparse, whole = (
        source(TINY[kind], "soft", LEARNED.shape[1]) for source in (SparseSource, WindowSource)
    )
    for each in (sparse, whole):
        each.fit(LEARNED)
    wanted = np.arange(len(ROWS)) % 7 == 3
    some = sparse.answer_some(ROWS, wanted, learn=False)
    every_row = whole.answer(ROWS, learn=False)
    assert_allclose(some.parts[wanted], every_row.parts[wanted], rtol=1e-4, atol=1e-5)
    assert not some.parts[~wanted].any()


@pytest.mark.parametrize("kind", list(TINY))
def test_fewer_rows_than_a_window_have_no_errors(kind):
    sparse = SparseSource(TINY[kind], "soft", LEARNED.shape[1])
    sparse.fit(LEARNED)
    sparse.tail = sparse.tail[:0]
    answer = sparse.answer_some(ROWS[:2], np.ones(2, np.bool_), learn=False)
    assert_array_equal(answer.errors, 0.0)
