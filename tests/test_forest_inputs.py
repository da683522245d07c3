"""What the forest takes for rows, and what it says about the rest."""

import decimal
import fractions

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from fastrcf import RandomCutForest
from fastrcf._forest.inputs import as_row, as_table

NUMBERS = np.arange(12.0).reshape(4, 3)


@pytest.fixture
def forest():
    """Three columns, no names."""
    rows = np.random.default_rng(0).normal(size=(200, 3))
    return RandomCutForest(n_trees=10, sample_size=32).update(rows)


@pytest.fixture
def named():
    """Three columns named a, b, c."""
    rows = np.random.default_rng(0).normal(size=(200, 3))
    return RandomCutForest(n_trees=10, sample_size=32).update(pd.DataFrame(rows, columns=[*"abc"]))


# ---- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_not_copied(dtype):
    values = NUMBERS.astype(dtype)
    assert as_table(values).array is values
    assert np.shares_memory(as_table(values[:, 1]).array, values)
    assert np.shares_memory(as_table(values[::-2, ::2]).array, values)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(NUMBERS.tolist(), id="lists"),
        pytest.param([tuple(row) for row in NUMBERS], id="tuples"),
        pytest.param(list(NUMBERS), id="list of rows"),
        pytest.param(NUMBERS.astype(int), id="int"),
        pytest.param(NUMBERS.astype(object), id="object"),
        pytest.param(NUMBERS.astype(">f4"), id="big endian"),
        pytest.param(np.ma.masked_array(NUMBERS), id="masked"),
        pytest.param(memoryview(NUMBERS), id="buffer"),
        pytest.param(pd.DataFrame(NUMBERS), id="frame"),
        pytest.param(pd.DataFrame(NUMBERS).astype("Float64"), id="nullable frame"),
        pytest.param(pd.DataFrame(NUMBERS).astype({0: "int8", 1: "object"}), id="mixed frame"),
        pytest.param(pd.DataFrame(NUMBERS, index=[*"wxyz"]), id="indexed frame"),
        pytest.param([[decimal.Decimal(int(v)) for v in row] for row in NUMBERS], id="decimals"),
        pytest.param([[fractions.Fraction(v) for v in row] for row in NUMBERS], id="fractions"),
    ],
)
def test_tables(data):
    table = as_table(data)
    assert_array_equal(table.array, NUMBERS)
    assert table.array.dtype in (np.float32, np.float64)
    assert table.array.dtype.isnative
    assert table.names is None


class HasArray:
    def __array__(self, dtype=None, copy=None):
        return np.array(NUMBERS, dtype=dtype)


def test_whatever_numpy_can_read_is_a_table():
    assert_array_equal(as_table(HasArray()).array, NUMBERS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pd.Series([1.0, 2.0], name="load"), id="series"),
        pytest.param(pd.Series([1, 2], dtype="Int64"), id="nullable series"),
        pytest.param(pd.Series([1, 2], index=pd.date_range("2026", periods=2)), id="time series"),
        pytest.param([1, 2.0], id="list"),
        pytest.param((1, 2), id="tuple"),
        pytest.param(range(1, 3), id="range"),
        pytest.param(np.array([1.0, 2.0]), id="array"),
    ],
)
def test_one_dimension_is_one_column(data):
    assert_array_equal(as_table(data).array, [[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"Expected 2D array, got 1D array.*\n.*\nReshape your"):
        as_table(data, columns="two")


def test_missing_values_become_nan():
    expected = [[1.0, np.nan], [np.nan, 2.0]]
    for data in (
        [[1, None], [None, 2]],
        np.ma.masked_array([[1, 7], [7, 2]], mask=[[0, 1], [1, 0]]),
        pd.DataFrame({"a": [1, None], "b": [None, 2]}),
        pd.DataFrame({"a": [1, None], "b": [None, 2]}, dtype="Int64"),
        pd.DataFrame({"a": [1, pd.NA], "b": [None, 2]}, dtype="object"),
        {"a": [1.0, np.nan], "b": [None, 2]},
    ):
        assert_array_equal(as_table(data).array, expected)


def test_frames_and_mappings_bring_names():
    for data in (
        pd.DataFrame(NUMBERS, columns=[*"abc"]),
        pd.DataFrame(NUMBERS.astype(np.float32), columns=[*"abc"]),
        pd.DataFrame(NUMBERS, columns=[*"abc"]).astype({"b": bool, "c": "Int8"}).iloc[[0, 0]],
        dict(zip("abc", NUMBERS.T, strict=True)),
    ):
        assert as_table(data).names == ("a", "b", "c")
    frame = pd.DataFrame(NUMBERS, columns=["a", "a", "b"])
    assert as_table(frame).names == ("a", "a", "b")
    assert_array_equal(as_table(frame.astype({"b": object})).array, NUMBERS)


def test_polars_and_arrow_frames():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2, None], "b": [0.5, None, 1.5]})
    expected = [[1, 0.5], [2, np.nan], [np.nan, 1.5]]
    for data in (frame, frame.to_dict(as_series=True)):
        table = as_table(data)
        assert_array_equal(table.array, expected)
        assert table.names == ("a", "b")
    assert_array_equal(as_table(frame["b"]).array, [[0.5], [np.nan], [1.5]])
    with pytest.raises(TypeError, match=r"column 1 \('s'\)"):
        as_table(polars.DataFrame({"a": [1], "s": ["x"]}))


def nulls_of_every_kind():
    """One column of 1, nothing, 3, as each library holds it."""
    arrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    for kind in (arrow.int8(), arrow.uint64(), arrow.float32(), arrow.decimal128(5, 2)):
        yield arrow.table({"a": arrow.array([1, None, 3], kind)})
        yield arrow.chunked_array([arrow.array([1, None], kind), arrow.array([3], kind)])
    for kind in (polars.Int16, polars.UInt32, polars.Float32, polars.Decimal(5, 2)):
        yield polars.DataFrame({"a": polars.Series([1, None, 3]).cast(kind)})
        yield polars.Series([1, None, 3]).cast(kind)
    for kind in ("Int64", "Float32", "int64[pyarrow]", "double[pyarrow]", object):
        yield pd.DataFrame({"a": pd.array([1, None, 3], dtype=kind)})
        yield pd.Series(pd.array([1, None, 3], dtype=kind))


def test_null_means_missing_everywhere():
    for data in nulls_of_every_kind():
        assert_array_equal(as_table(data).array, [[1.0], [np.nan], [3.0]], err_msg=repr(data))
        forest = RandomCutForest(n_trees=2).update(data)
        assert (forest.n_seen, forest.n_skipped) == (2, 1)


def test_lazy_frames_are_refused_with_advice():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X: expected rows in memory, got a LazyFrame; call coll"):
        as_table(polars.LazyFrame({"a": [1.0]}))


def test_arrow_tables():
    arrow = pytest.importorskip("pyarrow")
    columns = {"a": [1, 2, None], "b": [0.5, None, 1.5], "c": [True, False, True]}
    expected = [[1, 0.5, 1], [2, np.nan, 0], [np.nan, 1.5, 1]]
    for data in (arrow.table(columns), arrow.RecordBatch.from_pydict(columns)):
        table = as_table(data)
        assert_array_equal(table.array, expected)
        assert table.names == ("a", "b", "c")
    assert_array_equal(as_table(arrow.array([1.0, None])).array, [[1.0], [np.nan]])
    with pytest.raises(TypeError, match=r"column 0 \('t'\)"):
        as_table(arrow.table({"t": pd.date_range("2026", periods=2)}))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], ValueError, r"X: found array with 0 sample\(s\) \(shape=\(0, 1\)\)"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1"),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1"),
        (pd.DataFrame(index=[1, 2]), ValueError, r"0 feature\(s\) \(shape=\(2, 0\)\)"),
        ({}, ValueError, r"X: found array with 0 sample\(s\)"),
        (1.0, ValueError, r"X: expected shape \(n,\) or \(n, d\), found array with dim 0"),
        (np.zeros((2, 2, 2)), ValueError, r"found array with dim 3 and shape \(2, 2, 2\)"),
        ([[1], [1, 2]], ValueError, "X: expected rows of one length, got ragged data"),
        ([[1, 2j]], ValueError, "X: Complex data not supported, got complex128"),
        (np.array([[1, 2j]], object), ValueError, "X: Complex data not supported, got 2j in row 0"),
        ([["a", "b"]], TypeError, r"X: expected numbers, got 'a' \(str\) in row 0, column 0$"),
        ([[1, 2], [1, "b"]], TypeError, r"X: expected numbers, got 'b' \(str\) in row 1, column 1"),
        ([[1, "2"]], TypeError, r"got '2' \(str\) in row 0, column 1"),
        (["1.5"], TypeError, r"got '1.5' \(str\) in row 0, column 0"),
        (np.array([["a"]]), TypeError, "X: expected numbers, got <U1 in column 0"),
        (np.array([[b"a"]]), TypeError, r"X: expected numbers, got \|S1 in column 0"),
        (np.array(["2026-01-01"], "M8[D]"), TypeError, r"got datetime64\[D\] in column 0"),
        (np.array([1], "m8[s]"), TypeError, r"got timedelta64\[s\] in column 0"),
        (np.zeros(2, [("a", "f8")]), TypeError, r"got \[\('a', '<f8'\)\] in column 0"),
        ([{"a": 1.0}], TypeError, r"X: expected numbers, got \{'a': 1.0\} \(dict\) in row 0"),
        ("text", ValueError, "X: expected shape"),
        (None, ValueError, "X: expected shape"),
        (object(), ValueError, "X: expected shape"),
        ({"a": [1, 2], "b": [1]}, ValueError, r"of one length, got shape \(1,\) in column 1"),
        ({"a": 1.0}, ValueError, r"columns of one length, got shape \(\)"),
    ],
)
def test_other_data_are_refused(data, error, message):
    with pytest.raises(error, match=message):
        as_table(data)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["x", "y"], r"got 'x' \(str\) in row 0, column 1 \('other'\)"),
        ([1, "y"], r"got 'y' \(str\) in row 1, column 1 \('other'\)"),
        (pd.Categorical(["x", "y"]), r"got 'x' \(str\) in row 0, column 1 \('other'\)"),
        (pd.date_range("2026", periods=2), r"got datetime64\[.s\] in column 1 \('other'\)"),
        (pd.to_timedelta([1, 2], unit="s"), r"got timedelta64\[.*\] in column 1 \('other'\)"),
        (pd.date_range("2026", periods=2, tz="UTC"), r"column 1 \('other'\)"),
        ([[1], [2]], r"got \[1\] \(list\) in row 0, column 1 \('other'\)"),
    ],
)
def test_frames_name_the_column_that_is_no_number(column, message):
    with pytest.raises(TypeError, match=message):
        as_table(pd.DataFrame({"value": [1.0, 2.0], "other": column}))


def test_sparse_data_are_refused_with_advice():
    sparse = pytest.importorskip("scipy.sparse")
    for data in (sparse.csr_array(NUMBERS), sparse.coo_matrix(NUMBERS), sparse.dok_array((2, 2))):
        with pytest.raises(TypeError, match=r"X: sparse data was passed.* X.toarray\(\)"):
            as_table(data)


def test_names_are_all_text_or_none_is():
    assert as_table(pd.DataFrame(NUMBERS, columns=[3, 4, 5])).names is None
    with pytest.raises(TypeError, match=r"Feature names are only supported if all.*'int', 'str'"):
        as_table(pd.DataFrame(NUMBERS, columns=["a", 1, "c"]))


# ---- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1, 2, 3], dtype=np.int8),
        np.array([1, 2, 3], dtype=object),
        np.array([1.0, 9.0, 2.0, 9.0, 3.0])[::2],
        pd.Series([1, 2, 3]),
        pd.Series([1, 2, 3], index=[*"abc"]),
        {"a": 1, "b": 2.0, "c": np.float32(3)},
        [decimal.Decimal(1), 2, 3.0],
        range(1, 4),
        np.ma.masked_array([1.0, 2.0, 3.0]),
    ],
    ids=lambda row: type(row).__name__,
)
def test_rows(row):
    assert_array_equal(as_row(row, None).array, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), True + 1])
def test_numbers_are_rows_of_one_column(number):
    assert_array_equal(as_row(number, None).array, [2.0])
    forest = RandomCutForest(n_trees=5).update([2.0, 1.0] * 100)
    assert forest.score_one(number) == forest.score([2.0])[0]


def test_missing_values_in_rows():
    for row in ([1.0, None], {"a": 1.0, "b": None}, {"a": 1, "b": pd.NA}, [1.0, np.nan]):
        assert_array_equal(as_row(row, None).array, [1.0, np.nan])


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (None, TypeError, r"x: expected a number, a 1-D array.* got None"),
        ("1.5", TypeError, r"x: .* got '1.5' \(str\)"),
        (b"1", TypeError, r"x: .* got b'1' \(bytes\)"),
        ([], ValueError, "x: found a row with 0 values"),
        ({}, ValueError, "x: found a row with 0 values"),
        ([[1.0, 2.0]], ValueError, r"x: expected one row, a 1-D array, got shape \(1, 2\)"),
        (pd.DataFrame({"a": [1.0]}), ValueError, r"x: expected one row"),
        (["a", 1.0], TypeError, r"x: expected numbers, got 'a' \(str\) in row 0, column 0"),
        ({"a": 1.0, "b": "no"}, TypeError, r"got 'no' \(str\) in row 0, column 1 \('b'\)"),
        ({1: 2.0}, TypeError, "x: expected keys of type str, got 1"),
        (1j, ValueError, "x: Complex data not supported"),
        ([1.0, [2.0]], ValueError, "x: expected rows of one length"),
        (object(), TypeError, r"x: expected numbers, got <object"),
    ],
)
def test_other_rows_are_refused(row, error, message):
    with pytest.raises(error, match=message):
        as_row(row, None)


# ---- width and names of a forest ----------------------------------------------------------------


@pytest.mark.parametrize("verb", ["score", "update", "score_update", "partial_fit", "predict"])
def test_tables_of_another_width(forest, verb):
    forest.offset_ = -2.0
    with pytest.raises(
        ValueError, match=r"X has 2 features, but RandomCutForest is expecting 3 features as input"
    ):
        getattr(forest, verb)(NUMBERS[:, :2])


def test_a_row_is_not_a_column(forest):
    with pytest.raises(ValueError, match=r"X has 1 features.* is array.reshape\(1, -1\)"):
        forest.score(NUMBERS[0])
    assert forest.score(NUMBERS[:1]) == forest.score_one(NUMBERS[0])


@pytest.mark.parametrize("row", [1.0, 1, [1.0, 2.0], np.zeros(4), {"a": 1.0, "b": 2.0}])
def test_rows_of_another_width(forest, row):
    before = forest.to_bytes()
    for verb in ("score_one", "update_one", "learn_one", "score_update_one"):
        with pytest.raises(ValueError, match=r"x has . features, but Random|x: expected values"):
            getattr(forest, verb)(row)
    assert forest.to_bytes() == before


def test_one_row_is_the_row_of_a_table(forest):
    row = [0.25, 2.0, -1.0]
    expected = forest.score([row])[0]
    for given in (row, tuple(row), np.array(row), np.array(row, np.float32), pd.Series(row)):
        assert forest.score_one(given) == expected


def test_keys_of_mappings_are_fixed_by_the_first(forest):
    river = RandomCutForest(n_trees=5, output_after=5)
    for i in range(50):
        row = {"b": float(i), "a": i % 3}
        river.learn_one(row if i % 2 == 0 else dict(reversed(row.items())))
    assert_array_equal(river.feature_names_in_, ["b", "a"])
    expected = river.score_one({"b": 5.0, "a": 9})
    assert river.score_one({"a": 9, "b": 5.0}) == expected
    assert river.score_one([5.0, 9]) == expected
    assert river.score_one(pd.Series({"a": 9, "b": 5.0})) == expected
    assert river.score(pd.DataFrame({"b": [5.0], "a": [9]}))[0] == expected
    assert river.score({"b": [5.0], "a": [9]})[0] == expected
    before = river.to_bytes()
    for row in ({"b": 1.0}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "c": 1}):
        with pytest.raises(ValueError, match=r"x: expected the keys \['b', 'a'\]; missing: "):
            river.learn_one(row)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        river.update(pd.DataFrame({"a": [9], "b": [5.0]}))
    assert river.to_bytes() == before


def test_mappings_need_names(forest):
    with pytest.raises(ValueError, match="x: expected values in order, got a mapping"):
        forest.score_one({"a": 1.0, "b": 2.0, "c": 3.0})


def test_frames_must_have_the_names_that_were_learned(named):
    frame = pd.DataFrame(NUMBERS, columns=[*"abc"])
    assert_array_equal(named.feature_names_in_, [*"abc"])
    assert named.feature_names_in_.dtype == object
    for verb in ("score", "score_update", "update", "partial_fit", "score_samples"):
        with pytest.raises(ValueError, match="in the same order"):
            getattr(named, verb)(frame[[*"bac"]])
        with pytest.raises(ValueError, match=r"unseen at fit time:\n- d\n.*missing:\n- c\n"):
            getattr(named, verb)(frame.rename(columns={"c": "d"}))
    with pytest.raises(ValueError, match=r"(- x\d\n){5}- \.\.\.\n"):
        named.score(pd.DataFrame(np.zeros((1, 7)), columns=[f"x{i}" for i in range(7)]))


def test_native_verbs_take_arrays_for_frames_in_silence(named, forest):
    frame = pd.DataFrame(NUMBERS, columns=[*"abc"])
    assert_array_equal(named.score(NUMBERS), named.score(frame))
    assert_array_equal(forest.score(NUMBERS), forest.score(frame))
    assert named.score_one(NUMBERS[0]) == named.score_one(frame.iloc[0])


def test_scikit_learns_verbs_tell_when_names_are_lost(named, forest):
    frame = pd.DataFrame(NUMBERS, columns=[*"abc"])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but RandomCut"):
        named.score_samples(NUMBERS)
    with pytest.warns(UserWarning, match="X has feature names, but RandomCutForest was fitted"):
        forest.score_samples(frame)


def test_fit_takes_new_names(named):
    named.fit(pd.DataFrame(NUMBERS, columns=[*"xyz"]))
    assert_array_equal(named.feature_names_in_, [*"xyz"])
    named.fit(NUMBERS[:, :2])
    assert not hasattr(named, "feature_names_in_")
    assert named.n_features_in_ == 2
