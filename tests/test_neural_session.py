"""Sessions: the same bits however the work is cut, devices that are not there, copies and forks."""

import copy
import multiprocessing
import pickle
import re
import threading

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrcf.errors import DeviceError, MissingExtraError, ModelFormatError
from fastrcf.neural import _devices
from fastrcf.neural._devices import BoundCall, find_device, open_session
from fastrcf.neural.graphs import (
    feature_graph,
    row_graph,
    score_graph,
    weight_shapes,
    window_graph,
)
from fastrcf.neural.session import Session
from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec
from reference import naive_networks as naive

SPECS = {
    "steps": LstmSpec(window_size=5, n_features=7, encoder=(33, 9), activation="relu"),
    "loops": LstmSpec(window_size=11, n_features=3, encoder=(17,)),
    "tiny": LstmSpec(window_size=5, n_features=3, encoder=(2,), decoder=(4,), output="sigmoid"),
    "tiny loops": LstmSpec(window_size=10, n_features=1, encoder=(7, 3)),
    "linear": LinearSpec(window_size=9, n_features=3, hidden=(6, 4, 6)),
    "linear, one column": LinearSpec(window_size=20, n_features=1, hidden=(5,)),
}
GRAPHS = {"scores": score_graph, "errors": feature_graph, "residuals": row_graph}


def weights_of(spec):
    return naive.random_weights(weight_shapes(spec), size=0.9)


def rows_of(spec, n_windows, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_windows + spec.window_size - 1, spec.n_features))


@pytest.fixture(scope="module", params=[(s, g) for s in SPECS for g in GRAPHS], ids=str)
def judged(request):
    """A model, rows, and what it gives for them in one piece."""
    spec, graph = SPECS[request.param[0]], GRAPHS[request.param[1]]
    model = graph(spec, weights_of(spec))
    rows = rows_of(spec, 300)
    return spec, model, rows, Session(model, threads=1).run(rows)


@settings(max_examples=15)
@given(data=st.data())
def test_same_bits_however_the_work_is_cut(judged, data):
    spec, model, rows, whole = judged
    start = data.draw(st.integers(0, 299), "start")
    stop = data.draw(st.integers(start + 1, 300), "stop")
    chunk, threads = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 3))
    session = Session(model, threads=threads, chunk=chunk)
    part = session.run(rows[start : stop + spec.window_size - 1])
    np.testing.assert_array_equal(part, whole[start:stop])


def test_same_bits_one_window_at_a_time(judged):
    spec, model, rows, whole = judged
    session = Session(model)
    alone = [session.run(rows[start : start + spec.window_size])[0] for start in range(60)]
    np.testing.assert_array_equal(alone, whole[:60])


@pytest.mark.parametrize(
    "spec", [*SPECS.values(), ConvSpec(window_size=9, n_features=2, n_classes=3)]
)
def test_windows_one_at_a_time(spec):
    session = Session(window_graph(spec, weights_of(spec)), chunk=64, threads=2)
    windows = np.random.default_rng(0).normal(size=(150, spec.window_size, spec.n_features))
    whole = session.run(windows)
    alone = [session.run(windows[place : place + 1])[0] for place in range(40)]
    np.testing.assert_array_equal(alone, whole[:40])


@pytest.mark.parametrize("name", SPECS)
def test_a_bad_row_spoils_its_windows_alone(name):
    spec = SPECS[name]
    session = Session(score_graph(spec, weights_of(spec)))
    rows = rows_of(spec, 50)
    whole = session.run(rows)
    rows[30, 0] = np.nan
    spoilt = np.zeros(50, bool)
    spoilt[max(30 - spec.window_size + 1, 0) : 31] = True
    found = session.run(rows)
    np.testing.assert_array_equal(np.isnan(found), spoilt)
    np.testing.assert_array_equal(found[~spoilt], whole[~spoilt])


def test_rows_far_from_zero_are_scaled_in_double_precision():
    spec = SPECS["steps"]
    session = Session(score_graph(spec, weights_of(spec)))
    rows = rows_of(spec, 40)
    center, scale = np.full(7, 1.7e9), np.linspace(0.5, 2.0, 7)
    found = session.run(rows * scale + center, center, scale)
    np.testing.assert_allclose(found, session.run(rows), atol=1e-5)


def test_values_beyond_single_precision_spoil_their_windows_alone():
    spec = SPECS["steps"]
    session = Session(score_graph(spec, weights_of(spec)))
    rows = rows_of(spec, 32)
    rows[20, 3] = 1e300
    found = session.run(rows)
    assert np.flatnonzero(~np.isfinite(found)).tolist() == [16, 17, 18, 19, 20]
    np.testing.assert_array_equal(session.run(rows, np.zeros(7)), found)


def test_rows_of_any_kind_of_number():
    spec = LstmSpec(window_size=2, n_features=2, encoder=(3,))
    session = Session(score_graph(spec, weights_of(spec)))
    rows = np.random.default_rng(0).integers(-3, 3, (40, 2))
    expected = session.run(rows.astype(np.float64))
    for given_rows in (rows, rows.tolist(), np.asfortranarray(rows.astype(np.float32)), rows[::1]):
        np.testing.assert_array_equal(session.run(given_rows), expected)


@pytest.mark.parametrize("name", SPECS)
def test_fewer_rows_than_a_window_give_nothing(name):
    spec = SPECS[name]
    rows = rows_of(spec, 0)
    assert len(rows) == spec.window_size - 1
    assert Session(score_graph(spec, weights_of(spec))).run(rows).shape == (0,)
    found = Session(feature_graph(spec, weights_of(spec))).run(rows)
    assert found.shape == (0, spec.n_features)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (np.zeros((9, 4)), ValueError, "data: expected shape (n, 7), got (9, 4)"),
        (np.zeros(9), ValueError, "data: expected shape (n, 7), got (9,)"),
        (np.zeros((9, 5, 7)), ValueError, "data: expected shape (n, 7), got (9, 5, 7)"),
        (np.full((9, 7), "x"), TypeError, "data: expected numbers, got <U1"),
    ],
)
def test_wrong_rows_are_refused(rows, error, message):
    spec = SPECS["steps"]
    session = Session(score_graph(spec, weights_of(spec)))
    with pytest.raises(error, match=re.escape(message)):
        session.run(rows)


def test_wrong_scaling_is_refused():
    spec = SPECS["steps"]
    session = Session(score_graph(spec, weights_of(spec)))
    with pytest.raises(ValueError, match=re.escape("scale: expected shape (7,), got (3,)")):
        session.run(np.zeros((9, 7)), scale=np.ones(3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device": "tpu"}, ValueError, "device: expected 'cpu', 'cuda'"),
        ({"device": "cuda:x"}, ValueError, "device: expected 'cpu', 'cuda'"),
        ({"device": 0}, TypeError, "device: expected 'cpu', 'cuda'"),
        ({"threads": 0}, ValueError, "threads: expected an integer of at least 1"),
        ({"threads": 2.0}, TypeError, "threads: expected an integer"),
        ({"chunk": 0}, ValueError, "chunk: expected an integer of at least 1"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    spec = SPECS["tiny"]
    with pytest.raises(error, match=re.escape(message)):
        Session(score_graph(spec, weights_of(spec)), **options)


# ---- processes and threads ----------------------------------------------------------------------


def make_session():
    spec = SPECS["steps"]
    return Session(score_graph(spec, weights_of(spec)), threads=2, chunk=32), rows_of(spec, 100)


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_give_the_same(again):
    session, rows = make_session()
    other = again(session)
    np.testing.assert_array_equal(other.run(rows), session.run(rows))
    assert (other.chunk, other.threads, other.device) == (32, 2, "cpu")


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_session_outlives_a_fork():
    session, rows = make_session()
    expected = session.run(rows)
    context = multiprocessing.get_context("fork")
    pipe, other = context.Pipe(duplex=False)
    process = context.Process(target=lambda: other.send(session.run(rows)))
    process.start()
    assert pipe.poll(30)
    np.testing.assert_array_equal(pipe.recv(), expected)
    process.join(30)
    assert process.exitcode == 0


def test_many_callers_share_a_session():
    session, rows = make_session()
    expected, found = session.run(rows), {}
    callers = [
        threading.Thread(target=lambda k=k: found.update({k: session.run(rows)})) for k in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 4
    for scores in found.values():
        np.testing.assert_array_equal(scores, expected)


def test_threads_do_not_outlive_a_call():
    session, rows = make_session()
    session.run(rows)
    before = threading.active_count()
    session.run(rows)
    assert threading.active_count() == before


# ---- devices ------------------------------------------------------------------------------------

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def offer(monkeypatch, *providers):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(providers))


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    offer(monkeypatch, "CPUExecutionProvider")
    assert find_device("auto") == find_device("cpu") == "cpu"
    offer(monkeypatch, "CUDAExecutionProvider", "CPUExecutionProvider")
    assert find_device("cpu") == "cpu"
    assert find_device("auto") == find_device("cuda") == "cuda:0"
    assert find_device("cuda:1") == "cuda:1"


def test_no_gpu_is_one_clear_sentence(monkeypatch):
    offer(monkeypatch, "CPUExecutionProvider")
    monkeypatch.setattr(_devices.metadata, "distributions", list)
    with pytest.raises(
        DeviceError, match=r"^device='cuda:1': onnxruntime \S+ is built without CUDA"
    ):
        Session(b"\x3a\x00", device="cuda:1")


def test_both_runtimes_installed_is_told(monkeypatch):
    class Distribution:
        def __init__(self, name):
            self.metadata = {"Name": name}

    offer(monkeypatch, "CPUExecutionProvider")
    both = [Distribution("onnxruntime"), Distribution("onnxruntime_gpu")]
    monkeypatch.setattr(_devices.metadata, "distributions", lambda: both)
    with pytest.raises(DeviceError, match="are both installed and overwrite each other"):
        find_device("cuda")


@pytest.mark.filterwarnings("ignore:.*CUDAExecutionProvider.*:UserWarning")
def test_no_silent_fallback_to_the_cpu(monkeypatch):
    """The runtime takes the wish for CUDA, warns, and runs on the CPU."""
    if HAS_CUDA:
        pytest.skip("needs an onnxruntime without CUDA")
    offer(monkeypatch, "CUDAExecutionProvider", "CPUExecutionProvider")
    spec = SPECS["tiny"]
    with pytest.raises(DeviceError, match="could not load CUDA"):
        Session(score_graph(spec, weights_of(spec)), device="cuda")


def test_work_that_stays_on_the_cpu_is_refused():
    class Part:
        def __init__(self, ep_name, op_type):
            self.ep_name, self.op_type = ep_name, op_type

        def get_nodes(self):
            return [self]

    class Opened:
        def __init__(self, *parts):
            self.get_provider_graph_assignment_info = lambda: parts
            self.get_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]

    shape, gemm = Part("CPUExecutionProvider", "Shape"), Part("CUDAExecutionProvider", "Gemm")
    _devices._check_placement(Opened(shape, gemm), "cuda:0")
    with pytest.raises(DeviceError, match=re.escape("CUDA has no ['LSTM']")):
        _devices._check_placement(Opened(gemm, Part("CPUExecutionProvider", "LSTM")), "cuda:0")


def test_bound_buffers_give_the_same_on_the_cpu():
    spec = SPECS["steps"]
    model = score_graph(spec, weights_of(spec))
    rows = rows_of(spec, 32).astype(np.float32)
    bound = BoundCall(open_session(model, "cpu"), "cpu", rows.shape, (32,))
    expected = Session(model).run(rows)
    np.testing.assert_array_equal(bound(rows), expected)
    assert not np.array_equal(bound(rows + 1), expected)
    np.testing.assert_array_equal(bound(rows), expected)


@pytest.mark.parametrize("name", ["steps", "loops", "tiny", "linear"])
def test_half_precision_is_near(name):
    spec = SPECS[name]
    rows, weights = rows_of(spec, 40), weights_of(spec)
    exact = Session(score_graph(spec, weights)).run(rows)
    half = Session(score_graph(spec, weights, half=True)).run(rows)
    np.testing.assert_allclose(half, exact, rtol=0.02)
    assert not np.array_equal(half, exact)


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("name", ["steps", "loops", "tiny"])
def test_loops_are_a_matter_of_speed(name, loops):
    spec = SPECS[name]
    rows, weights = rows_of(spec, 40), weights_of(spec)
    found = Session(score_graph(spec, weights, loops=loops)).run(rows)
    np.testing.assert_array_equal(found, Session(score_graph(spec, weights)).run(rows))


@pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device here")
@pytest.mark.parametrize("cuda_graph", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_gpu_equals_cpu(name, cuda_graph):
    spec = SPECS[name]
    model = score_graph(spec, weights_of(spec), loops=False)
    rows = rows_of(spec, 500)
    session = Session(model, device="cuda", chunk=128, cuda_graph=cuda_graph)
    np.testing.assert_allclose(session.run(rows), Session(model).run(rows), atol=1e-5)


def test_runtime_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'fastrcf[onnx]'")):
        find_device("cpu")


def test_no_model_is_refused():
    with pytest.raises(ModelFormatError, match="onnxruntime cannot read it"):
        Session(b"\x3a\x00")
