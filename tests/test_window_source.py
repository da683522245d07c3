"""The least errors of columns that an autoencoder is held to."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from detector_helpers import columns
from fastrcf.detectors.window_source import _floors


def test_floors_are_those_of_the_known_values():
    rows = columns(500, width=4)
    rows[:, 1] = 1.0
    rows[7, 1] = 2.0  # extent 1: with 0 for what is missing it would be 2
    expected = _floors(rows)
    gaps = np.insert(rows, [0, 30, 30, 400], np.nan, axis=0)
    assert_allclose(_floors(gaps), expected, rtol=1e-12)
    assert expected[1] == 0.02 * 0.05 * rows[:, 1].mean()


def test_columns_without_values_or_spread_have_a_floor():
    rows = np.column_stack([np.full(9, np.nan), np.zeros(9), np.full(9, -3.0)])
    assert_array_equal(_floors(rows), 0.02 * np.array([1.0, 1.0, 0.05 * 3.0]))
