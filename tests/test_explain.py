"""Attributions summed up by columns."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastrcf.attribution import Attribution
from fastrcf.explain import ColumnPart, explain

PARTS = Attribution(
    high=np.array([[1.0, 0.25, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]]),
    low=np.array([[0.0, 1.0, 0.5, 0.75], [0.0, 0.0, 0.0, 0.0]]),
    n_columns=2,
)


def test_parts_are_summed_over_the_window() -> None:
    explanation = explain(PARTS, columns=["load", "heat"])
    assert explanation[0] == (
        ColumnPart("load", 2.0, 0.5, "high", 1.0),
        ColumnPart("heat", 2.0, 0.5, "low", 1.5),
    )
    assert len(explanation) == 2
    assert list(explanation) == [explanation[0], explanation[1]]


def test_without_a_score_there_are_zeros() -> None:
    assert explain(PARTS)[1] == (
        ColumnPart("0", 0.0, 0.0, "low", 0.0),
        ColumnPart("1", 0.0, 0.0, "low", 0.0),
    )


def test_directions_can_be_judged_by_something_else() -> None:
    evidence = np.array([[1.0, 9.0], [0.0, 0.0]]), np.array([[5.0, 2.0], [0.0, 0.0]])
    explanation = explain(PARTS, evidence=evidence)
    assert_array_equal(explanation.is_high, [[False, True], [False, False]])
    assert_array_equal(explanation.strength, [[4.0, 7.0], [0.0, 0.0]])
    assert_array_equal(explanation.attribution, [[2.0, 2.0], [0.0, 0.0]])


def test_one_point_and_names_of_the_forest() -> None:
    one = Attribution(np.array([1.0, 0.0]), np.array([0.0, 3.0]), 2, names=("load", "heat"))
    assert explain(one)[0] == (
        ColumnPart("load", 1.0, 0.25, "high", 1.0),
        ColumnPart("heat", 3.0, 0.75, "low", 3.0),
    )


def test_there_is_a_name_for_each_column() -> None:
    with pytest.raises(ValueError, match="columns: expected one name for each of 2 columns, got 1"):
        explain(PARTS, columns=["load"])
