"""Networks in the core as services use them: threads, refits, copies, forks and interrupts."""

import copy
import multiprocessing
import pickle
import subprocess
import sys

import numpy as np
import pytest

from fastrcf.neural import LstmAutoencoder, LstmSpec, _autoencoder, _forecast_trained
from fastrcf.neural._forecast_core_runner import CoreRunner
from fastrcf.neural._forecast_graph import zero_state
from fastrcf.neural._forecast_runner import Given, Wanted
from fastrcf.neural._lstm_scorer import LstmScorer
from fastrcf.neural.graphs import weight_shapes
from forecast_helpers import bumpy, random_forecaster
from network_helpers import rows
from reference import naive_networks


@pytest.fixture(scope="module")
def autoencoder():
    model = LstmAutoencoder(window_size=4, encoder=(3,), epochs=1, device="cpu", n_jobs=2)
    return model.fit(rows(80))


def autoencoder_and_twin(model):
    """A model that was never asked, and one with other weights."""
    weights = {name: each + np.float32(0.5) for name, each in model.weights_.items()}
    other = copy.copy(model)
    other._install(model._learned._replace(weights=weights), None)
    return copy.copy(model), other


def after_making(monkeypatch, module, name, install):
    """Let another thread's training end while a network is being made ready."""
    make = getattr(module, name)

    def made(*given):
        network = make(*given)
        install()
        return network

    monkeypatch.setattr(module, name, made)


def test_weights_of_a_training_that_ends_meanwhile_are_used(autoencoder, monkeypatch):
    model, other = autoencoder_and_twin(autoencoder)
    expected = other.score(rows(40))

    def install():
        model._install(other._learned, None)

    for place in ("on_cpu", "LstmScorer"):
        model._install(autoencoder._learned, None)
        with monkeypatch.context() as patch:
            after_making(patch, _autoencoder, place, install)
            model.native_scorer()
        np.testing.assert_array_equal(model.score(rows(40)), expected)


def test_weights_of_a_forecaster_s_training_that_ends_meanwhile_are_used(monkeypatch):
    model, other = random_forecaster(seed=1), random_forecaster(seed=2)
    expected = other.bands(bumpy())

    def install():
        model._install(other.spec_, other.scales_, other.weights_, other._graph, 0)

    with monkeypatch.context() as patch:
        after_making(patch, _forecast_trained, "CoreRunner", install)
        model.runner()
    np.testing.assert_array_equal(model.bands(bumpy()), expected)


def test_scores_are_of_the_kind_that_was_trained(autoencoder):
    model = copy.copy(autoencoder)
    expected = model.score(rows(40))
    model.set_params(error="mae")
    np.testing.assert_array_equal(model.score(rows(40)), expected)


COPIES = [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]


@pytest.mark.parametrize("copied", COPIES)
def test_models_that_were_used_can_be_copied(autoencoder, copied):
    expected = autoencoder.score(rows(40))
    np.testing.assert_array_equal(copied(autoencoder).score(rows(40)), expected)
    forecaster = random_forecaster()
    expected = forecaster.bands(bumpy())
    np.testing.assert_array_equal(copied(forecaster).bands(bumpy()), expected)


def _answer(sender, autoencoder, forecaster):
    bands = forecaster.bands(bumpy(), warm_up=20, n_jobs=2)
    sender.send((autoencoder.score(rows(3000)), bands))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_models_that_were_used_work_in_a_forked_process(autoencoder):
    forecaster = random_forecaster()
    expected = autoencoder.score(rows(3000)), forecaster.bands(bumpy(), warm_up=20, n_jobs=2)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, autoencoder, forecaster))
    child.start()
    try:
        assert receiver.poll(30), "the child does not answer"
        for found, wanted in zip(receiver.recv(), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    finally:
        child.join(30)


class Recorder:
    """Notes how many windows each call of the core has."""

    def __init__(self):
        self.sizes = []

    def run(self, _rows, starts, **_how):
        self.sizes.append(len(starts))
        return np.zeros(len(starts), np.float32)


@pytest.mark.parametrize(
    ("window_size", "encoder", "threads", "most"),
    [
        (5, (2,), 1, 2**16),
        (2000, (64, 32), 1, 600),
        (10_000, (64,), 1, 200),
        (10_000, (64,), 4, 800),
    ],
)
def test_an_interrupt_need_not_wait_for_many_windows_of_a_large_network(
    window_size, encoder, threads, most
):
    spec = LstmSpec(window_size=window_size, n_features=1, encoder=encoder)
    weights = naive_networks.random_weights(weight_shapes(spec), size=1.0)
    scorer = LstmScorer(spec, weights, np.zeros(1), np.ones(1))
    scorer._core = Recorder()
    starts = np.arange(70_000)
    assert len(scorer.run("score", np.zeros((80_000, 1)), starts, "mse", threads)) == 70_000
    assert max(scorer._core.sizes) <= most
    assert sum(scorer._core.sizes) == 70_000


def five_rows(spec):
    return Given(
        np.zeros((5, 1, 2, spec.n_rolled), np.float32),
        np.ones((5, 1, 2), np.float32),
        np.zeros((2, 0), np.float32),
    )


@pytest.mark.parametrize("wrong", ["inputs", "params"])
def test_arrays_that_are_not_aligned_are_refused(wrong):
    model = random_forecaster()
    spec = model.spec_
    given = five_rows(spec)
    params = np.zeros((3, 5, 1, 2))
    if wrong == "inputs":
        packed = np.zeros((5, 1, 2), [("odd", "i1"), ("x", "f4", (spec.n_rolled,))])
        given = given._replace(inputs=packed["x"])
    else:
        params = np.zeros((3, 5, 1, 2), [("odd", "i4"), ("x", "f8")])["x"]
    with pytest.raises(ValueError, match="aligned"):
        CoreRunner(spec, model.weights_).laws(given, zero_state(spec, 2), Wanted(params))


@pytest.mark.parametrize("n_places", [0, 1])
def test_tables_without_places_are_refused(n_places):
    model = random_forecaster()
    spec = model.spec_
    given = five_rows(spec)
    wanted = Wanted(None, np.zeros((1, 5, 1, 2)), np.zeros((1, n_places), np.float32))
    with pytest.raises(ValueError, match="two places"):
        CoreRunner(spec, model.weights_).laws(given, zero_state(spec, 2), wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_where_the_system_gives_few_threads_they_do_the_work():
    code = """
import resource
import numpy as np
from fastrcf import _core
rng = np.random.default_rng(0)
layer = [tuple(rng.normal(size=s).astype("f4") for s in ((4, 1), (4, 1), (4,)))]
output = tuple(rng.normal(size=s).astype("f4") for s in ((1, 1), (1,)))
scorer = _core.LstmScorer(
    window_size=1, relu=False, sigmoid=False, encoder=layer, decoder=layer, output=output
)
x = rng.normal(size=(65536, 1))
how = {"center": np.zeros(1), "scale": np.ones(1), "error": "mse", "result": "score"}
expected = scorer.run(x, np.arange(65536), n_threads=1, **how)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400 * 2**20,) * 2)
found = scorer.run(x, np.arange(65536), n_threads=256, **how)
print(bool((found == expected).all()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
