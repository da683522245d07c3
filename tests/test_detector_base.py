"""The contract that detectors inherit: some must be fitted first, and what `fit` takes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf import NotFittedError, persistence
from fastrcf.detectors import Detector


class DistanceEngine:
    """The least engine: a score is the distance from the mean of `fit`."""

    def __init__(self, names):
        self.names, self.width = names, len(names)
        self.n_seen, self.detections = 0, []

    def fit(self, rows, *, breaks=None):
        if breaks is not None and min(breaks) < 0:
            raise ValueError(f"breaks: expected numbers of rows, got {breaks}")
        self.mean, self.n_seen, self.breaks = rows.mean(axis=0), len(rows), breaks

    def score(self, rows):
        return np.abs(rows - self.mean).max(axis=1)

    def take(self, rows, _times):
        self.n_seen += len(rows)
        return self.score(rows)

    def would_find(self, _rows, _times):
        return []


class Distance(Detector):
    """The least detector that must be fitted."""

    _needs_fit = True

    def __init__(self, *, alarm_rate=0.001):
        self.alarm_rate = alarm_rate

    def fit(self, X, y=None, *, breaks=None):
        return self._fit(X, breaks=breaks)

    def _new_engine(self, names):
        return DistanceEngine(names)

    def _trained(self, engine):
        return [engine.mean.tobytes().hex()]

    def _engine_to_parts(self, engine):
        raise NotImplementedError

    def _engine_from_parts(self, section, parts):
        raise NotImplementedError


ROWS = np.arange(20.0).reshape(10, 2)


@pytest.mark.parametrize("verb", ["score", "score_update", "update", "detect", "detect_update"])
def test_rows_before_fit_are_refused_with_advice(verb):
    detector = Distance()
    with pytest.raises(NotFittedError, match=r"Distance cannot judge rows.*call fit with normal"):
        getattr(detector, verb)(ROWS)
    assert detector.n_seen_ == 0
    assert not hasattr(detector, "n_features_in_")
    assert not detector.__sklearn_is_fitted__()
    with pytest.raises(NotFittedError, match="call fit first"):
        _ = detector.fingerprint


def test_fit_hands_its_keywords_on_and_changes_nothing_when_it_fails():
    detector = Distance().fit(ROWS, breaks=[3])
    assert (detector.n_seen_, detector._engine.breaks) == (10, [3])
    scores, print_ = detector.score(ROWS + 1.0), detector.fingerprint
    with pytest.raises(ValueError, match="breaks"):
        detector.fit(ROWS * 2.0, breaks=[-1])
    assert_array_equal(detector.score(ROWS + 1.0), scores)
    assert detector.fingerprint == print_
    assert_array_equal(detector.update(ROWS).score(ROWS + 1.0), scores)
    assert detector.n_seen_ == 20


def test_what_training_decided_is_in_the_fingerprint():
    one, other = Distance().fit(ROWS), Distance().fit(ROWS)
    assert one.fingerprint == other.fingerprint
    other._engine.mean = other._engine.mean + 1e-9
    assert one.fingerprint != other.fingerprint


def test_a_class_that_no_bundle_knows_is_refused():
    with pytest.raises(TypeError, match="Distance"):
        persistence.to_bytes(Distance().fit(ROWS))
