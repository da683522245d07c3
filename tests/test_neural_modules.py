"""Networks as PyTorch modules: the same numbers and gradients as cells written out."""

import numpy as np
import pytest
import torch
from torch import nn

from fastrcf.neural._lstm_layer import LstmLayer
from fastrcf.neural._weights import weight_shapes
from fastrcf.neural.modules import load_weights, make_network, weights_of
from fastrcf.neural.spec import ConvSpec, LinearSpec, LstmSpec
from network_helpers import PlainLayer, peer_of
from reference import naive_networks

pytestmark = pytest.mark.usefixtures("one_thread")

SPECS = [
    LstmSpec(window_size=5, n_features=3, encoder=(6, 4), activation="relu"),
    LstmSpec(window_size=4, n_features=2, encoder=(2,), decoder=(4,), output="sigmoid"),
    LstmSpec(window_size=1, n_features=1, encoder=(3,)),
    LinearSpec(window_size=6, n_features=2, hidden=(8, 3, 8), slope=0.2),
    LinearSpec(window_size=3, n_features=1, hidden=(2,), output="sigmoid"),
    ConvSpec(window_size=13, n_features=2, n_classes=3, channels=(4, 5), kernel_size=3),
]
each_spec = pytest.mark.parametrize("spec", SPECS, ids=repr)


def batch(spec, n=7, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(
        rng.normal(size=(n, spec.window_size, spec.n_features)).astype(np.float32)
    )


def learned(spec):
    """A network that has seen something: batch norm has statistics of its own."""
    network = make_network(spec, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    for seed in range(5):
        optimizer.zero_grad()
        network(3.0 + 2.0 * batch(spec, seed=seed)).square().mean().backward()
        optimizer.step()
    return network.eval()


@each_spec
def test_weights_give_what_the_twin_makes_of_them(spec):
    network = learned(spec)
    weights = weights_of(network)
    assert {name: each.shape for name, each in weights.items()} == weight_shapes(spec)
    assert list(weights) == list(weight_shapes(spec))
    windows = batch(spec)
    expected = [naive_networks.apply(spec, weights, window.numpy()) for window in windows]
    with torch.no_grad():
        np.testing.assert_allclose(network(windows).numpy(), expected, atol=1e-5)


@each_spec
def test_weights_go_back_in(spec):
    network, other = learned(spec), make_network(spec, 2).eval()
    load_weights(other, weights_of(network))
    windows = batch(spec)
    with torch.no_grad():
        torch.testing.assert_close(other(windows), network(windows), atol=1e-5, rtol=1e-5)
    before = weights_of(other)
    for name in before:
        wrong = {**before, name: before[name][:-1]}
        with pytest.raises(ValueError, match="expected"):
            load_weights(other, wrong)
    assert all(np.array_equal(each, before[name]) for name, each in weights_of(other).items())


@each_spec
def test_the_seed_alone_decides(spec):
    state = torch.get_rng_state()
    one, two, three = (weights_of(make_network(spec, seed)) for seed in (5, 5, 2**64 - 1))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not all(np.array_equal(one[name], three[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("n_steps", [1, 4])
def test_a_layer_is_its_cells_written_out(activation, repeated, n_steps):
    ours, plain = (kind(3, 4, activation).double() for kind in (LstmLayer, PlainLayer))
    with torch.no_grad():
        ours.reset(torch.Generator().manual_seed(0))
        ours.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    plain.load_state_dict(ours.state_dict())
    rng = np.random.default_rng(0)
    given = rng.normal(size=(1 if repeated else n_steps, 5, 3))
    weighing = torch.from_numpy(rng.normal(size=(n_steps, 5, 4)))
    slopes = []
    for layer in (ours, plain):
        x = torch.tensor(given, requires_grad=True)
        states = layer(x, n_steps) if layer is ours else layer(x.expand(n_steps, -1, -1))
        (states * weighing).sum().backward()
        slopes.append([states, x.grad, *(each.grad for each in layer.parameters())])
    for our, their in zip(*slopes, strict=True):
        torch.testing.assert_close(our, their, atol=1e-10, rtol=1e-10)


def test_tanh_cells_are_those_of_pytorch():
    ours, theirs = LstmLayer(3, 4, "tanh"), nn.LSTM(3, 4)
    with torch.no_grad():
        ours.input.copy_(theirs.weight_ih_l0)
        ours.hidden.copy_(theirs.weight_hh_l0)
        ours.bias.copy_(theirs.bias_ih_l0 + theirs.bias_hh_l0)
    x = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0))
    states, expected = ours(x, 6), theirs(x)[0]
    torch.testing.assert_close(states, expected, atol=1e-6, rtol=1e-5)
    states.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(ours.hidden.grad, theirs.weight_hh_l0.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.bias.grad, theirs.bias_hh_l0.grad, atol=1e-5, rtol=1e-4)


def test_initial_weights_have_the_spread_of_their_recipes():
    tanh, relu = (
        weights_of(make_network(LstmSpec(window_size=2, n_features=9, activation=each), 0))
        for each in ("tanh", "relu")
    )
    bound = 1 / np.sqrt(64)
    assert 0.95 * bound < np.abs(tanh["encoder.0.hidden"]).max() <= bound
    assert bound < np.abs(tanh["encoder.0.bias"]).max() <= 2 * bound  # the sum of two
    hidden = relu["encoder.0.hidden"]
    np.testing.assert_allclose(hidden.T @ hidden, np.eye(64), atol=1e-5)
    assert relu["encoder.0.bias"].tolist() == [0.0] * 64 + [1.0] * 64 + [0.0] * 128


@pytest.mark.parametrize(
    "spec",
    [
        LstmSpec(window_size=3, n_features=2, encoder=(16,), dropout=0.5),
        LinearSpec(window_size=3, n_features=2, hidden=(16,), dropout=0.5),
        ConvSpec(window_size=8, n_features=2, n_classes=2, channels=(16,), dropout=0.5),
    ],
    ids=repr,
)
def test_dropout_draws_from_the_generator_and_only_in_training(spec):
    network, windows = make_network(spec, 0), batch(spec)
    state = torch.get_rng_state()
    made = []
    for seed in (1, 1, 2):
        network.generator = torch.Generator().manual_seed(seed)
        made.append(network(windows))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert torch.equal(torch.get_rng_state(), state)
    network.eval()
    assert torch.equal(network(windows), network(windows))


def test_dropout_keeps_the_mean():
    network = make_network(LstmSpec(window_size=1, n_features=1, dropout=0.25), 0)
    kept = network.drop(torch.ones(100_000))
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("spec", SPECS[:1] + SPECS[3:4], ids=repr)
def test_the_peer_of_the_training_tests_is_the_same_network(spec):
    network = make_network(spec, 3)
    torch.testing.assert_close(
        peer_of(network)(batch(spec)), network(batch(spec)), atol=1e-6, rtol=1e-5
    )
