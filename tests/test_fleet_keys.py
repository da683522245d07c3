"""Keys of a fleet, and batches that it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fastrcf import ForestFleet
from fleet_helpers import OPTIONS, fed, mixed

# ---- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        [1, 2, 1],
        (1, 2, 1),
        np.array([1, 2, 1]),
        np.array([1, 2, 1], dtype=np.uint8),
        np.array([1, 0, 2, 0, 1])[::2],
        [np.int32(1), np.uint64(2), 1],
        pd.Series([1, 2, 1]),
        np.array([1, 2, 1], dtype=object),
        range(1, 4),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_integer_keys_of_all_kinds(keys: Any) -> None:
    fleet = ForestFleet(**OPTIONS).update(keys, [1.0, 2.0, 3.0])
    assert fleet.keys()[0] in (1, 2)
    assert all(type(key) is int for key in fleet)
    assert fleet.n_seen(1) == (1 if isinstance(keys, range) else 2)


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "ü", "a"],
        np.array(["a", "ü", "a"]),
        np.array(["a", "ü", "a"], dtype=object),
        pd.Series(["a", "ü", "a"]),
        pd.Series(["a", "ü", "a"], dtype="category"),
        iter(["a", "ü", "a"]),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_text_keys_of_all_kinds(keys: Any) -> None:
    fleet = ForestFleet(**OPTIONS).update(keys, [1.0, 2.0, 3.0])
    assert fleet.keys() == ["a", "ü"]
    assert (fleet.n_seen("a"), fleet.n_seen("ü")) == (2, 1)


def test_text_and_integers_are_different_keys() -> None:
    fleet = ForestFleet(**OPTIONS).update(["1", 1, "", "\0", "1\0"], np.ones(5))
    assert len(fleet) == 5
    assert "1" in fleet
    assert 1 in fleet
    assert 2 not in fleet
    assert 1.5 not in fleet
    assert fleet.seed_of(1) != fleet.seed_of("1")


def test_remove_and_pop() -> None:
    fleet = fed()
    twin = fleet.forest("series-0")
    assert fleet.pop("series-0") == twin.to_bytes()
    assert "series-0" not in fleet
    fleet.restore("series-0", twin.to_bytes())
    keys, rows = ["series-0"] * 30, mixed(30, 1)[1]
    np.testing.assert_array_equal(fleet.score_update(keys, rows), twin.score_update(rows))
    fleet.remove("series-0")
    assert fleet.update(["series-0"], [1.0]).n_seen("series-0") == 1
    assert len(fleet) == 5


# ---- errors -------------------------------------------------------------------------------------


BAD_BATCHES: list[tuple[Any, Any, type[Exception], str]] = [
    (["a", "b"], [1.0], ValueError, "keys: expected one per row, got 2 keys for 1 rows"),
    (["a"], [[1.0, 2.0]], ValueError, "X has 2 features"),
    (["a", "new"], [1.0, np.inf], ValueError, "X: row 1, column 0 is inf"),
    (["a", "new"], [1.0, 1e31], ValueError, "X: row 1, column 0 is 1e"),
    (["new", None], [1.0, 2.0], TypeError, "keys: row 1: expected a str or an int, got NoneType"),
    (["new", 1.5], [1.0, 2.0], TypeError, "keys: row 1: .* got float"),
    (["new", True], [1.0, 2.0], TypeError, "keys: row 1: .* got bool"),
    (["new", b"x"], [1.0, 2.0], TypeError, "keys: row 1: .* got bytes"),
    (["new", "\ud800"], [1.0, 2.0], ValueError, "keys: row 1 is not valid Unicode"),
    ([0, 2**63], [1.0, 2.0], ValueError, r"keys: row 1: an int must lie in .* got 9223372036854"),
    (np.array([0, 2**63], dtype=np.uint64), [1.0, 2.0], ValueError, "keys: row 1: an int must"),
    (np.array([1.0, 2.0]), [1.0, 2.0], TypeError, "keys: row 0: .* got float"),
    (np.array([True]), [1.0], TypeError, "keys: row 0: .* got bool"),
    (np.ones((2, 1), dtype=int), [1.0, 2.0], ValueError, r"keys: expected 1 dimension, got shape"),
    ("ab", [1.0, 2.0], TypeError, "keys: expected a sequence of str or int, got str"),
    (3, [1.0], TypeError, "keys: expected a sequence of str or int, got int"),
    (["a"], ["x"], TypeError, "X: expected numbers"),
    ([], [], ValueError, "X: found array with 0 sample"),
]


@pytest.mark.parametrize("verb", ["score_update", "update", "score"])
@pytest.mark.parametrize(("keys", "rows", "error", "message"), BAD_BATCHES)
def test_a_bad_batch_changes_nothing(
    verb: str, keys: Any, rows: Any, error: type[Exception], message: str
) -> None:
    fleet = ForestFleet(**OPTIONS).update(["a", "b", "a"], [1.0, 2.0, 3.0])
    before = fleet.to_bytes()
    with pytest.raises(error, match=message):
        getattr(fleet, verb)(keys, rows)
    assert fleet.to_bytes() == before


def test_a_bad_first_batch_leaves_no_width_behind() -> None:
    fleet = ForestFleet(**OPTIONS)
    with pytest.raises(ValueError, match="row 1"):
        fleet.update(["a", "b"], [[1.0, 2.0], [np.inf, 0.0]])
    with pytest.raises(ValueError, match="row 0 has the key 'a', which is not known"):
        fleet.score(["a"], [[1.0, 2.0]])
    assert len(fleet) == 0
    assert fleet.memory_bytes == 0
    assert fleet.update(["a"], [1.0]).n_seen("a") == 1


def test_unknown_keys_are_named() -> None:
    fleet = fed()
    with pytest.raises(ValueError, match="keys: row 1 has the key 'new', which is not known"):
        fleet.score(["series-1", "new"], [1.0, 2.0])
    for ask in (fleet.n_seen, fleet.is_ready, fleet.to_bytes, fleet.forest, fleet.remove):
        with pytest.raises(ValueError, match="key: 'new' is not known to this fleet"):
            ask("new")
        with pytest.raises(ValueError, match="is not known to this fleet"):
            getattr(ForestFleet(), ask.__name__)("new")
    with pytest.raises(TypeError, match="key: expected a str or an int, got float"):
        fleet.n_seen(1.0)  # type: ignore[arg-type]


def test_columns_have_names_as_in_a_forest() -> None:
    frame = pd.DataFrame({"load": [1.0, 2.0], "heat": [3.0, 4.0]})
    fleet = ForestFleet(**OPTIONS).update(["a", "b"], frame)
    with pytest.raises(ValueError, match="feature names should match"):
        fleet.update(["a", "b"], frame.rename(columns={"heat": "cold"}))
    assert list(fleet.forest("a").feature_names_in_) == ["load", "heat"]
    assert ForestFleet.from_bytes(fleet.to_bytes()).to_bytes() == fleet.to_bytes()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_trees": 0}, ValueError, "n_trees"),
        ({"scoring": "odd"}, ValueError, "scoring"),
        ({"memory_limit": 10}, ValueError, "memory_limit: expected on_evict as well"),
        ({"memory_limit": -1, "on_evict": print}, ValueError, "memory_limit: expected at least 0"),
        ({"memory_limit": 1.5, "on_evict": print}, TypeError, "memory_limit: expected bytes"),
        ({"memory_limit": True, "on_evict": print}, TypeError, "memory_limit: expected bytes"),
        ({"on_evict": 3}, TypeError, "on_evict: expected None or a callable, got int"),
        ({"on_missing": 3}, TypeError, "on_missing: expected None or a callable, got int"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ForestFleet(**options)
