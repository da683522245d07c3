"""Autoencoders: what is learned and held out, scores of rows, and the file without PyTorch."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

import fastrcf
from damage_helpers import bundle_of, opened
from fastrcf import persistence
from fastrcf.errors import MissingExtraError, ModelFormatError, NotFittedError, TrainingError
from fastrcf.neural import LinearAutoencoder, LstmAutoencoder, LstmSpec
from fastrcf.neural._fitting import window_sets
from network_helpers import rows, windows_of
from reference import naive_networks

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "random_state": 1, "device": "cpu"}
MODELS = {
    "relu": LstmAutoencoder(window_size=5, encoder=(6, 4), activation="relu", **FAST),
    "tanh": LstmAutoencoder(
        window_size=4, encoder=(2,), decoder=(4,), output="sigmoid", scaler="minmax",
        error="mae", loss="mae", dropout=0.1, **FAST,
    ),
    "linear": LinearAutoencoder(window_size=6, hidden=(8, 3, 8), error="mse", **FAST),
}  # fmt: skip
TABLE = rows(300)


def new(name, **options):
    return copy.copy(MODELS[name]).set_params(**options)


@pytest.fixture(scope="module")
def fitted():
    return {name: new(name).fit(TABLE) for name in MODELS}


@pytest.fixture(params=list(MODELS))
def model(request, fitted):
    return copy.deepcopy(fitted[request.param])


def series_with_gaps():
    table = rows(90, seed=3)
    table[[0, 20, 21, 24, 60], [0, 1, 0, 1, 1]] = np.nan
    return table


# ---- learning -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
def test_no_row_is_in_a_learned_and_a_held_out_window(size, stride, fraction):
    table = series_with_gaps()
    sets = window_sets(
        table, size, breaks=[40, 70], validation=None, validation_fraction=fraction,
        stride=stride, scaler="standard",
    )  # fmt: skip
    learned, held = (
        {row for start in starts for row in range(start, start + size)}
        for starts in (sets.starts, sets.validation)
    )
    assert not learned & held
    assert max(learned) < len(table) - sets.n_validation <= min(held, default=len(table))
    assert not np.isnan(sets.rows[sorted(learned | held)]).any()
    for starts in (sets.starts, sets.validation):
        assert not any(start < gap < start + size for start in starts for gap in (40, 70))
    seen = table[: len(table) - sets.n_validation]
    np.testing.assert_allclose(sets.scaler.center_, np.nanmean(seen, axis=0))
    if fraction and stride == 1:
        share = len(sets.validation) / (len(sets.starts) + len(sets.validation))
        assert share == pytest.approx(fraction, abs=0.06)


def test_validation_may_be_another_table(fitted):
    other = rows(50, seed=9)
    model = new("relu").fit(TABLE, validation=other)
    assert model.n_validation_ == 0
    np.testing.assert_allclose(model.scaler_.center_, TABLE.mean(axis=0))
    errors = model.set_params().window_scores(other)
    assert np.mean(errors**2) == pytest.approx(min(model.history_["val_loss"]), rel=1e-4)
    assert model.history_ != fitted["relu"].history_


def test_the_kept_weights_are_those_of_the_best_epoch(model):
    if model.error == "rmse":
        held = TABLE[len(TABLE) - model.n_validation_ :]
        mean = np.mean(model.window_scores(held) ** 2)
        assert mean == pytest.approx(min(model.history_["val_loss"]), rel=1e-4)
    assert model.best_epoch_ == int(np.argmin(model.history_["val_loss"])) + 1


def test_the_same_seed_gives_the_same_model(model):
    twin = type(model)(**model.get_params()).fit(TABLE)
    assert twin.fingerprint == model.fingerprint
    other = type(model)(**{**model.get_params(), "random_state": 2}).fit(TABLE)
    assert other.fingerprint != model.fingerprint


def test_an_interrupted_fit_goes_on_with_the_same_bits(fitted, tmp_path):
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model = new("tanh")
    with pytest.raises(KeyboardInterrupt):
        model.fit(TABLE, checkpoint=tmp_path / "training", callback=interrupt)
    with pytest.raises(NotFittedError):
        model.score(TABLE)
    model.fit(TABLE, checkpoint=tmp_path / "training")
    assert model.fingerprint == fitted["tanh"].fingerprint
    for other, table in ((new("tanh", loss="mse"), TABLE), (new("tanh"), TABLE[:-1])):
        with pytest.raises(ValueError, match="belongs to another training"):
            other.fit(table, checkpoint=tmp_path / "training")


def test_it_finds_what_is_odd():
    series = rows(800, 1)
    model = LstmAutoencoder(window_size=8, encoder=(8,), **{**FAST, "epochs": 15})
    scores = model.fit(series[:500]).score(np.where(np.arange(800) == 650, 3.0, series[:, 0]))
    assert 650 <= scores.argmax() < 658
    assert scores.max() > 2 * np.sort(scores)[-9]


# ---- scores -------------------------------------------------------------------------------------


def test_scores_are_those_of_the_twin(model):
    table, size = rows(40, seed=5), model.window_size
    scaled = (model.spec_, model.weights_, table, model.scaler_.center_, model.scaler_.scale_)
    expected = naive_networks.scores(*scaled, error=model.error)
    np.testing.assert_allclose(model.window_scores(table), expected, atol=1e-5)
    np.testing.assert_allclose(model.score(table)[size - 1 :], expected, atol=1e-5)
    assert not model.score(table)[: size - 1].any()
    errors = naive_networks.feature_errors(*scaled, error=model.error)
    np.testing.assert_allclose(model.errors(table)[size - 1 :], errors, atol=1e-5)
    last = naive_networks.residuals(*scaled)[:, -1]
    np.testing.assert_allclose(model.residuals(table)[size - 1 :], last, atol=1e-5)
    made = table[size - 1 :] - last * model.scaler_.scale_
    np.testing.assert_allclose(model.reconstruct(table)[size - 1 :], made, atol=1e-4)
    for each in (model.errors(table), model.residuals(table), model.reconstruct(table)):
        assert np.isnan(each[: size - 1]).all()


def test_windows_cross_neither_missing_rows_nor_breaks(model):
    table, size = series_with_gaps(), model.window_size
    runs = [(1, 20), (25, 40), (40, 60), (61, 90)]
    alone = np.zeros(len(table))
    for start, stop in runs:
        alone[start:stop] = model.score(table[start:stop])
    scores = model.score(table, breaks=[40])
    assert np.array_equal(scores, alone)
    assert np.array_equal(np.isnan(model.errors(table, breaks=[40])[:, 0]), scores == 0.0)
    windows = model.window_scores(table, breaks=[40])
    assert len(windows) == len(table) - size + 1
    assert np.array_equal(np.nan_to_num(windows), scores[size - 1 :])
    highest = model.score(table, "max", breaks=[40])
    assert highest[size] == windows[1 : size + 1].max()


def test_one_window_at_a_time_any_threads_the_same_bits(model):
    table, size = rows(40, seed=6), model.window_size
    verbs = ("score", "errors", "residuals")
    whole = {verb: getattr(model, verb)(table) for verb in verbs}
    for verb in verbs:
        single = [getattr(model, verb)(table[end - size : end])[-1] for end in range(size, 40)]
        assert np.array_equal(single, whole[verb][size - 1 : -1])
    model.set_params(n_jobs=2)
    assert all(np.array_equal(whole[verb], getattr(model, verb)(table), True) for verb in verbs)


def test_values_far_from_zero_keep_their_digits(fitted):
    far = new("relu").fit(TABLE + 1e9)
    near = fitted["relu"].window_scores(TABLE)
    np.testing.assert_allclose(far.window_scores(TABLE + 1e9), near, rtol=1e-2)


def test_names_of_columns_are_kept(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE, columns=["a", "b"])
    named = type(model)(**{**model.get_params(), "epochs": 1}).fit(frame)
    assert named.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        named.score(frame[["b", "a"]])
    again = persistence.from_bytes(persistence.to_bytes(named))
    assert again.feature_names_in_.tolist() == ["a", "b"]


# ---- the file -----------------------------------------------------------------------------------


def test_copies_score_the_same_bits(model, tmp_path):
    table = series_with_gaps()
    fastrcf.save(model, tmp_path / "model")
    data = persistence.to_bytes(model)
    assert (tmp_path / "model").read_bytes() == data
    copies = [fastrcf.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))]
    for each in (*copies, copy.deepcopy(model)):
        assert np.array_equal(each.score(table), model.score(table))
        assert each.fingerprint == model.fingerprint
        assert each.history_ == model.history_
        assert each.get_params() == model.get_params()
        assert persistence.to_bytes(each) == data


def test_one_that_has_learned_nothing_can_be_saved_too():
    model = new("tanh")
    again = persistence.from_bytes(persistence.to_bytes(model))
    assert again.get_params() == model.get_params()
    with pytest.raises(NotFittedError, match="LstmAutoencoder has learned nothing: call fit first"):
        again.score(TABLE)
    with pytest.raises(NotFittedError):
        _ = again.fingerprint


def test_the_exported_model_is_pytorch_s(model, tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from fastrcf.neural.modules import load_weights, make_network

    model.export_onnx(tmp_path / "model.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=True)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    windows = windows_of(TABLE[:30], model.window_size)
    (made,) = session.run(None, {"windows": windows})
    network = make_network(model.spec_, 0).eval()
    load_weights(network, model.weights_)
    center, scale = model.scaler_.center_, model.scaler_.scale_
    with torch.no_grad():
        expected = network(torch.from_numpy(((windows - center) / scale).astype(np.float32)))
    np.testing.assert_allclose((made - center) / scale, expected.numpy(), atol=1e-5)


def test_scoring_needs_neither_torch_nor_onnx(model, tmp_path):
    table = series_with_gaps()
    fastrcf.save(model, tmp_path / "model")
    np.save(tmp_path / "table.npy", table)
    code = """
import sys
sys.modules["torch"] = sys.modules["onnx"] = None
import numpy as np, fastrcf
model, table = fastrcf.load("model"), np.load("table.npy")
np.save("scores.npy", model.score(table))
np.save("errors.npy", model.errors(table))
model.residuals(table), model.export_onnx("model.onnx")
try:
    model.fit(table)
except ImportError as error:
    print(error)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    assert "pip install 'fastrcf[train]'" in process.stdout
    assert np.array_equal(np.load(tmp_path / "scores.npy"), model.score(table))
    assert np.array_equal(np.load(tmp_path / "errors.npy"), model.errors(table), equal_nan=True)


def repacked(model, change):
    """A bundle with other contents whose checksums are right."""
    section, parts = opened(model)
    change(section, parts)
    return bundle_of(model, section, parts)


HOSTILE = {
    "weights cut": lambda s, p: p.update({"weights.bin": p["weights.bin"][:-4]}),
    "weights NaN": lambda s, p: p.update(
        {"weights.bin": np.float32(np.nan).tobytes() + p["weights.bin"][4:]}
    ),
    "no weights": lambda s, p: p.pop("weights.bin"),
    "another part": lambda s, p: p.update({"more.bin": b""}),
    "graph cut": lambda s, p: p.update(
        {"score.onnx": p["score.onnx"][: len(p["score.onnx"]) // 2]}
    ),
    "no graph": lambda s, p: p.update({"score.onnx": b"\xff" * 40}),
    "another network": lambda s, p: s["state"]["spec"].update(window_size=9_999, n_features=9_999),
    "another kind": lambda s, p: s["state"]["spec"].update(kind="conv"),
    "no spec": lambda s, p: s["state"].update(spec=None),
    "scaler": lambda s, p: s["state"]["scaler"].update(center=[0.0]),
    "scale 0": lambda s, p: s["state"]["scaler"].update(scale=[0.0, 0.0]),
    "history": lambda s, p: s["state"].update(history={"loss": "x", "val_loss": []}),
    "loss": lambda s, p: s["state"].update(history={"loss": [-1.0, "0"], "val_loss": []}),
    "facts": lambda s, p: s["state"].update(facts={"error": "rmse"}),
    "error": lambda s, p: s["state"]["facts"].update(error="sum"),
    "rows": lambda s, p: s["state"]["facts"].update(n_validation=-1),
    "option": lambda s, p: s["params"].update(depth=3),
    "names": lambda s, p: s.update(names=["a"]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_bundle_is_refused(fitted, case):
    data = repacked(fitted["relu"], HOSTILE[case])
    with pytest.raises(ModelFormatError):
        persistence.from_bytes(data)


@pytest.mark.parametrize(
    ("owner", "graph", "message"),
    [
        ("linear", "errors", r"\(295, 2\) instead of \(295,\)"),
        ("relu", "score", r"\(296,\) instead of \(295,\)"),
    ],
)
def test_graphs_of_another_network_are_found_when_they_run(fitted, owner, graph, message):
    foreign = fitted[owner]._to_parts()[1][f"{graph}.onnx"]
    data = repacked(fitted["linear"], lambda s, p: p.update({"score.onnx": foreign}))
    with pytest.raises(ModelFormatError, match=f"score.onnx: gives {message}"):
        persistence.from_bytes(data).score(TABLE)


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window_size": 0}, ValueError, "window_size: expected an integer of at least 1"),
        ({"window_size": 301}, ValueError, "at least 2 windows of 301 rows .*, got 0"),
        ({"encoder": ()}, ValueError, "encoder: expected 1 to 16 layers"),
        ({"scaler": "log"}, ValueError, "scaler: expected one of"),
        ({"error": "max"}, ValueError, "error: expected one of"),
        ({"loss": "rmse"}, ValueError, "loss: expected one of"),
        ({"stride": 0}, ValueError, "stride: expected an integer of at least 1"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction: expected at least 0"),
        ({"validation_fraction": "some"}, TypeError, "validation_fraction: expected a number"),
        ({"epochs": -1}, ValueError, "epochs: expected an integer of at least 1"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_changed(fitted, options, error, message):
    model = copy.deepcopy(fitted["relu"]).set_params(**options)
    before = model.fingerprint
    with pytest.raises(error, match=message):
        model.fit(TABLE)
    assert model.fingerprint == before


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (np.where(TABLE[7, 0] == TABLE, np.inf, TABLE), ValueError, "X: row 7, column 0 is inf"),
        (TABLE[:5], ValueError, "at least 2 windows of 5 rows .*the longest stretch has 5"),
        (np.full((50, 2), np.nan), ValueError, "at least 2 windows .* the longest stretch has 0"),
        (TABLE[::6].repeat(6, 0) * [[1, np.nan]], ValueError, "the longest stretch has 0"),
        ([["a", "b"]], TypeError, "X: expected numbers"),
        ([], ValueError, "X: found array with 0 sample"),
    ],
)
def test_rows_that_cannot_be_learned(table, error, message):
    with pytest.raises(error, match=message):
        new("relu").fit(table)


def test_rows_that_cannot_be_scored(fitted):
    model = fitted["relu"]
    for verb in (model.score, model.window_scores, model.errors):
        with pytest.raises(ValueError, match="at least window_size=5 rows, got 4"):
            verb(TABLE[:4])
    assert np.isnan(model.residuals(TABLE[:4])).all()
    assert not model.score(np.full((9, 2), np.nan)).any()
    for verb in (model.score, model.residuals, model.reconstruct):
        with pytest.raises(ValueError, match="1 features, but LstmAutoencoder is expecting 2"):
            verb(TABLE[:, :1])
        with pytest.raises(ValueError, match="row 3, column 1 is inf"):
            verb(np.where(np.arange(600).reshape(300, 2) == 7, np.inf, TABLE))
    with pytest.raises(ValueError, match="how: expected one of"):
        model.score(TABLE, "median")
    with pytest.raises(ValueError, match="breaks"):
        model.score(TABLE, breaks=[301])
    with pytest.raises(ValueError, match="validation: expected 2 columns, got 1"):
        new("relu").fit(TABLE, validation=TABLE[:, :1])
    with pytest.raises(ValueError, match="validation: expected at least 5 rows"):
        new("relu").fit(TABLE, validation=TABLE[:4])


def test_a_loss_that_is_no_number_leaves_the_model_as_it_was(fitted):
    model = copy.deepcopy(fitted["relu"]).set_params(scaler="none", learning_rate=1e30)
    before = persistence.to_bytes(model.set_params(**fitted["relu"].get_params()))
    model.set_params(scaler="none", learning_rate=1e30)
    with pytest.raises(TrainingError, match="try a lower learning_rate than 1e"):
        model.fit(TABLE * 1e12)
    assert persistence.to_bytes(model.set_params(**fitted["relu"].get_params())) == before


@pytest.mark.parametrize("module", ["torch", "onnx"])
def test_what_is_missing_is_named_before_training(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    told = []
    with pytest.raises(MissingExtraError, match=rf"{module} .*pip install 'fastrcf\[train\]'"):
        new("relu").fit(TABLE, callback=lambda *_: told.append(1))
    assert not told


def test_scikit_learn_can_copy_it(fitted):
    sklearn = pytest.importorskip("sklearn.base")
    twin = sklearn.clone(fitted["linear"])
    assert twin.get_params() == fitted["linear"].get_params()
    with pytest.raises(NotFittedError):
        _ = twin.spec_
    assert "LstmSpec" not in repr(twin)
    assert isinstance(fitted["relu"].spec_, LstmSpec)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the largest memory as Linux counts it")
def test_learned_windows_are_never_kept_all_at_once(tmp_path):
    code = """
import resource
import numpy as np
from fastrcf.neural import LinearAutoencoder
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def work(n):
    rows = np.random.default_rng(0).normal(size=(n, 39))
    model = LinearAutoencoder(window_size=50, hidden=(4,), epochs=1, batch_size=512, device="cpu")
    model.fit(rows)
work(6000)
before = peak()
work(40_000)
print(peak() - before)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    whole = 40_000 * 50 * 39 * 4 / 2**20  # 298 MiB
    assert float(process.stdout) < whole / 4
