"""ONNX files from elsewhere: sound ones are scored, all others are refused with a reason."""

import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from fastrcf.errors import ModelFormatError
from fastrcf.neural import _wire
from fastrcf.neural.foreign import ForeignAutoencoder, check_model
from fastrcf.neural.graphs import score_graph, weight_shapes, window_graph
from fastrcf.neural.session import Session
from fastrcf.neural.spec import LinearSpec, LstmSpec
from reference import naive_networks as naive

LINEAR = LinearSpec(window_size=4, n_features=3, hidden=(5,))
LSTM = LstmSpec(window_size=4, n_features=3, encoder=(6,))


def made(spec):
    weights = naive.random_weights(weight_shapes(spec), size=0.9)
    return weights, window_graph(spec, weights)


def rows_of(n=60):
    return np.random.default_rng(1).normal(size=(n, 3)) * 3 + 10


def model_of(nodes, given=("n", 4, 3), wanted=("n", 4, 3), weights=(), **options):
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info("x", options.pop("kind", TensorProto.FLOAT), given)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, wanted)],
        list(weights),
    )
    opsets = options.pop("opsets", [helper.make_opsetid("", 17)])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **options)


def half_of(given, wanted=None):
    """A model that reconstructs half of everything."""
    half = numpy_helper.from_array(np.float32(0.5), "half")
    node = helper.make_node("Mul", ["x", "half"], ["y"])
    return model_of([node], given, wanted or given, [half]).SerializeToString()


# ---- sound models -------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [LINEAR, LSTM], ids=["linear", "lstm"])
@pytest.mark.parametrize("error", ["rmse", "mae", "mse"])
def test_scores_equal_the_twin(spec, error):
    weights, model = made(spec)
    center, scale, rows = np.array([9.0, 10.0, 11.0]), np.array([2.0, 3.0, 4.0]), rows_of()
    theirs = ForeignAutoencoder(model, center=center, scale=scale, error=error)
    expected = naive.scores(spec, weights, rows, center, scale, error=error)
    np.testing.assert_allclose(theirs.score(rows), expected, atol=1e-5)
    columns = naive.feature_errors(spec, weights, rows, center, scale, error=error)
    np.testing.assert_allclose(theirs.errors(rows), columns, atol=1e-5)
    alone = [theirs.score(rows[start : start + 4])[0] for start in range(57)]
    np.testing.assert_array_equal(alone, theirs.score(rows))


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (("n", 4, 3), {}),
        ((32, 4, 3), {}),
        ((1, 4, 3), {"window_size": 4}),
        (("n", 12), {"window_size": 4}),
        (("n", 12), {"n_features": 3}),
        ((5, 12), {"n_features": 3, "window_size": 4}),
        (("n", "w", "f"), {"n_features": 3, "window_size": 4}),
        (("n", "cells"), {"n_features": 3, "window_size": 4}),
        ((None, None, 3), {"window_size": 4}),
    ],
)
def test_windows_of_any_form(given, options):
    theirs = ForeignAutoencoder(half_of(given), error="mae", **options)
    assert (theirs.window_size, theirs.n_features) == (4, 3)
    rows = rows_of()
    expected = [np.abs(rows[k : k + 4]).mean() / 2 for k in range(57)]
    np.testing.assert_allclose(theirs.score(rows), expected, rtol=1e-6)


def test_a_file_is_a_model(tmp_path):
    path = tmp_path / "theirs.onnx"
    path.write_bytes(half_of(("n", 4, 3)))
    assert ForeignAutoencoder(path, error="mse").score(np.full((5, 3), 4.0)).tolist() == [4.0, 4.0]


def test_large_input_is_cut(monkeypatch):
    theirs = ForeignAutoencoder(half_of(("n", 4, 3)))
    rows = rows_of()
    expected = theirs.errors(rows)
    monkeypatch.setattr("fastrcf.neural.foreign._CELLS", 100)
    np.testing.assert_array_equal(theirs.errors(rows), expected)


def test_fewer_rows_than_a_window_give_nothing():
    theirs = ForeignAutoencoder(half_of(("n", 4, 3)))
    assert theirs.score(np.zeros((3, 3))).shape == (0,)
    assert theirs.errors(np.zeros((2, 3))).shape == (0, 3)


def test_missing_values_spoil_their_windows_alone():
    rows = rows_of(20)
    rows[9, 1] = np.nan
    found = np.isnan(ForeignAutoencoder(made(LSTM)[1]).score(rows))
    assert np.flatnonzero(found).tolist() == [6, 7, 8, 9]


# ---- wrong use ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (("n", 4, 3), {"window_size": 5}, "window_size: the model takes 4, got 5"),
        (("n", 4, 3), {"n_features": 2}, "n_features: the model takes 3, got 2"),
        (("n", "w", 3), {}, "window_size: the model leaves it open"),
        (("n", 12), {}, "window_size: the model takes windows in one piece"),
        (("n", 12), {"window_size": 5}, "window_size: windows of 12 cells do not fall into"),
        (("n", 12), {"window_size": 4, "n_features": 4}, "takes windows of 12 cells, got 4 rows"),
        (("n", 4, 3), {"scale": [1.0, 0.0, 1.0]}, "scale: expected numbers above 0"),
        (("n", 4, 3), {"center": [1.0, np.nan, 1.0]}, "center: expected 3 finite numbers"),
        (("n", 4, 3), {"center": [1.0]}, "center: expected 3 finite numbers"),
        (("n", 4, 3), {"error": "max"}, "error: expected one of"),
    ],
)
def test_wrong_options_are_refused(given, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ForeignAutoencoder(half_of(given), **options)


@pytest.mark.parametrize("shape", [(9, 2), (9,), (9, 3, 3)])
def test_wrong_rows_are_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"X: expected shape (t, 3), got {shape}")):
        ForeignAutoencoder(half_of(("n", 4, 3))).score(np.zeros(shape))


# ---- hostile files ------------------------------------------------------------------------------


def external(kind):
    tensor = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    add = helper.make_node("Add", ["x", "w"], ["y"])
    if kind == "initializer":
        return model_of([add], weights=[tensor])
    constant = helper.make_node("Constant", [], ["w"], value=tensor)
    if kind == "constant":
        return model_of([constant, add])
    if kind == "sparse":
        model = model_of([add])
        model.graph.sparse_initializer.add().values.CopyFrom(tensor)
        return model
    if kind == "function":
        model = model_of([helper.make_node("Add", ["x", "x"], ["y"])])
        function = model.functions.add()
        function.name = "f"
        function.node.add().CopyFrom(constant)
        return model
    body = helper.make_graph(
        [constant, helper.make_node("Add", ["x", "w"], ["z"])],
        "body",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    branch = helper.make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body)
    return model_of([branch], weights=[yes])


@pytest.mark.parametrize("kind", ["initializer", "constant", "sparse", "function", "branch"])
def test_weights_in_other_files_are_refused(kind):
    with pytest.raises(ModelFormatError, match="weights in other files are not allowed"):
        ForeignAutoencoder(external(kind).SerializeToString())


def test_weights_in_other_files_are_refused_whichever_field_says_so():
    model = external("initializer")
    model.graph.initializer[0].ClearField("data_location")
    with pytest.raises(ModelFormatError, match="weights in other files"):
        check_model(model.SerializeToString())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (model_of([helper.make_node("Load", ["x"], ["y"], domain="evil")]), "operators of 'evil'"),
        (
            model_of([helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")]),
            "operator EPContext",
        ),
        (
            model_of(
                [helper.make_node("Relu", ["x"], ["y"])],
                opsets=[helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)],
            ),
            "operators of 'evil'",
        ),
        (model_of([helper.make_node("NoSuchOp", ["x"], ["y"])]), "onnxruntime cannot read it"),
        (model_of([helper.make_node("Relu", ["z"], ["y"])]), "onnxruntime cannot read it"),
        (
            model_of([helper.make_node("Cast", ["x"], ["y"], to=1)], kind=TensorProto.DOUBLE),
            "expected float32, got tensor(double)",
        ),
        (
            model_of([helper.make_node("Relu", ["x"], ["y"])], ("n", 4, 3, 1), ("n", 4, 3, 1)),
            "expected an input of shape",
        ),
        (model_of([helper.make_node("Relu", ["x"], ["y"])], ("n",), ("n",)), "expected an input"),
        (
            model_of([helper.make_node("ReduceMean", ["x"], ["y"], axes=[2], keepdims=0)]),
            "model: ",
        ),
        (
            model_of(
                [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2], keepdims=0)],
                wanted=("n", 4),
            ),
            "expected reconstructions of the windows' shape (1, 4, 3), got (1, 4)",
        ),
        (
            model_of(
                [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=1)],
                wanted=(1, 1, 1),
            ),
            "expected one result for each window",
        ),
    ],
)
def test_models_that_do_not_fit_are_refused(model, message):
    with pytest.raises(ModelFormatError, match=re.escape(message)):
        ForeignAutoencoder(model.SerializeToString())


@pytest.mark.parametrize("name", [b"windows", b"reconstructions", b"theirs", b"fastrcf", b"spec"])
def test_names_that_are_no_text_are_refused_or_unused(name):
    model = made(LINEAR)[1].replace(name, b"\xff" + name[1:])
    try:
        theirs = ForeignAutoencoder(model)
    except ModelFormatError:
        return
    assert theirs.score(rows_of(9)).shape == (6,)


def test_two_inputs_are_refused():
    model = model_of([helper.make_node("Add", ["x", "b"], ["y"])])
    model.graph.input.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, (1,)))
    with pytest.raises(ModelFormatError, match="expected 1 input and 1 output, got 2 and 1"):
        ForeignAutoencoder(model.SerializeToString())


@pytest.mark.parametrize(
    "text", ["[1]", "{", '{"spec": 3}', '{"spec": {"window_size": "x"}}', "[" * 5000]
)
def test_broken_metadata_are_refused(text):
    model = onnx.load_from_string(score_graph(LINEAR, made(LINEAR)[0]))
    model.metadata_props[0].value = text
    with pytest.raises(ModelFormatError, match="its metadata cannot be read"):
        Session(model.SerializeToString())


def test_size_is_limited(monkeypatch, tmp_path):
    model = half_of(("n", 4, 3))
    path = tmp_path / "large.onnx"
    path.write_bytes(model)
    for module in ("_wire", "foreign"):
        monkeypatch.setattr(f"fastrcf.neural.{module}.MAX_MODEL_BYTES", len(model) - 1)
    with pytest.raises(ModelFormatError, match="bytes are more than"):
        ForeignAutoencoder(model)
    with pytest.raises(ModelFormatError, match="more than the"):
        ForeignAutoencoder(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"hello, this is no model",
        b"1234ORTM" + bytes(50),
        b"\x3a\xff\xff\xff\xff\x0f",
    ],
)
def test_other_files_are_refused(content):
    with pytest.raises(ModelFormatError, match=r"^model: "):
        ForeignAutoencoder(content)


def test_deep_nesting_is_refused():
    content = b""
    for _ in range(3000):  # a graph in an attribute of a node of a graph …
        for field in (6, 5, 1):
            content = bytes([field << 3 | 2]) + _length(len(content)) + content
    with pytest.raises(ModelFormatError, match="nested too deeply"):
        check_model(b"\x3a" + _length(len(content)) + content)


def _length(value):
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def test_only_bytes_are_a_model():
    with pytest.raises(TypeError, match="model: expected bytes, got str"):
        check_model("theirs.onnx")


def test_truncated_files_are_refused():
    _, model = made(LSTM)
    for size in range(0, len(model) - 1, max(len(model) // 60, 1)):
        with pytest.raises(ModelFormatError):
            ForeignAutoencoder(model[:size])


@settings(max_examples=60)
@given(st.data())
def test_damaged_files_are_refused_or_run(data):
    _, model = made(LINEAR)
    damaged = bytearray(model)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    try:
        scores = ForeignAutoencoder(bytes(damaged), window_size=4, n_features=3).score(rows_of(9))
    except ModelFormatError:
        return
    except ValueError as error:  # another size of windows, in words that can be read
        assert re.match("(window_size|n_features): ", str(error))  # noqa: PT017
        return
    assert scores.shape == (6,)


def test_reader_sees_what_onnx_sees():
    """Every message that can hold a tensor or a graph is looked at."""
    kinds = {"Model": onnx.ModelProto, "Graph": onnx.GraphProto, "Node": onnx.NodeProto}
    kinds |= {"Attribute": onnx.AttributeProto, "Function": onnx.FunctionProto}
    kinds |= {"Training": onnx.TrainingInfoProto, "SparseTensor": onnx.SparseTensorProto}
    names = {f"onnx.{name}Proto": name for name in kinds} | {"onnx.TensorProto": "Tensor"}
    names["onnx.TrainingInfoProto"] = "Training"
    for kind, message in kinds.items():
        expected = {
            field.number: names[field.message_type.full_name]
            for field in message.DESCRIPTOR.fields
            if field.message_type and field.message_type.full_name in names
        }
        found = {k: v for k, v in _wire._FIELDS[kind].items() if v != "OperatorSet"}
        assert found == expected, kind


# ---- what scoring needs -------------------------------------------------------------------------


def test_scoring_needs_neither_torch_nor_onnx(tmp_path):
    weights, model = made(LSTM)
    (tmp_path / "windows.onnx").write_bytes(model)
    (tmp_path / "rows.onnx").write_bytes(score_graph(LSTM, weights))
    code = """
import sys
from importlib.abc import MetaPathFinder
class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "google"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from pathlib import Path
import numpy as np
from fastrcf.neural.foreign import ForeignAutoencoder
from fastrcf.neural.session import Session
rows = np.random.default_rng(0).normal(size=(50, 3))
theirs = ForeignAutoencoder(Path("windows.onnx")).score(rows)
ours = Session(Path("rows.onnx").read_bytes()).run(rows)
print(len(ours), bool(np.allclose(ours, theirs, atol=1e-5)))
try:
    import onnx
except ModuleNotFoundError:
    print("blocked")
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == "47 True\nblocked\n"
