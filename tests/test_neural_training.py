"""The loop that trains: the losses of a plain one, stops, seeds, and going on from a checkpoint."""

import json

import numpy as np
import pytest
import torch

from fastrcf._forest.container import pack, unpack
from fastrcf.errors import ModelFormatError, TrainingError
from fastrcf.neural._fitting import window_loss
from fastrcf.neural.modules import make_network, weights_of
from fastrcf.neural.spec import LinearSpec, LstmSpec
from fastrcf.neural.training import History, Training, train, training_device
from network_helpers import peer_of, rows, windows_of

pytestmark = pytest.mark.usefixtures("one_thread")

SPECS = [
    LstmSpec(window_size=4, n_features=2, encoder=(5, 3), activation="relu"),
    LstmSpec(window_size=4, n_features=2, encoder=(3,), output="sigmoid"),
    LinearSpec(window_size=4, n_features=2, hidden=(6, 3, 6)),
]
TABLE = rows(120).astype(np.float32) / [1.0, 10.0]
TABLE = TABLE.astype(np.float32)
STARTS, HELD = np.arange(80), np.arange(90, 116)


def run(spec=SPECS[0], starts=STARTS, held=HELD, *, table=TABLE, seed=0, **options):
    """Train from the seed's weights; give the network and its history."""
    how = {
        name: options.pop(name)
        for name in ("callback", "progress", "checkpoint", "identity")
        if name in options
    }
    network = make_network(spec, seed)
    loss = window_loss(network, table, spec.window_size, "mse")
    training = Training(**{"epochs": 4, "batch_size": 16, "random_state": seed, **options})
    return network, train(network, loss, starts, held, training, **how)


def same(one, two):
    ours, theirs = weights_of(one), weights_of(two)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_losses_are_those_of_a_plain_loop(spec):
    peer = peer_of(make_network(spec, 0))
    windows = torch.from_numpy(windows_of(TABLE, spec.window_size))
    optimizer = torch.optim.Adam(peer.parameters(), lr=0.01)
    expected = History()
    for _ in range(6):
        peer.train()
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(peer(windows[STARTS]), windows[STARTS])
        loss.backward()
        optimizer.step()
        peer.eval()
        with torch.no_grad():
            held = torch.nn.functional.mse_loss(peer(windows[HELD]), windows[HELD])
        expected = History((*expected.loss, loss.item()), (*expected.val_loss, held.item()))
    _, history = run(spec, epochs=6, batch_size=len(STARTS), learning_rate=0.01)
    assert history.loss == pytest.approx(expected.loss, abs=1e-5)
    assert history.val_loss == pytest.approx(expected.val_loss, abs=1e-5)


def test_each_epoch_shows_each_item_once_in_another_order():
    weight = torch.nn.Linear(1, 1)
    seen = []

    def loss(items):
        if torch.is_grad_enabled():
            seen.append(items.tolist())
        return weight(torch.ones(1, 1)).sum()

    items = np.arange(100, 133)
    train(weight, loss, items, HELD, Training(epochs=2, batch_size=8))
    assert [len(each) for each in seen] == [8, 8, 8, 9] * 2  # no window is alone
    epochs = [[item for each in part for item in each] for part in (seen[:4], seen[4:])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == items.tolist()
    assert epochs[0] != epochs[1]


def test_the_seed_decides_and_nothing_else_is_moved():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    spec = LstmSpec(window_size=4, n_features=2, encoder=(3,), dropout=0.3)
    one, two, other = (run(spec, seed=seed)[0] for seed in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_threads_are_set_and_put_back():
    before, found = torch.get_num_threads(), []
    run(n_jobs=3, epochs=1, callback=lambda *_: found.append(torch.get_num_threads()))
    assert (found, torch.get_num_threads()) == ([3], before)


def scripted(values):
    """A loss whose validation goes as told, and that moves its weight by every step."""
    network = torch.nn.Linear(1, 1, bias=False)
    told = iter(values)

    def loss(items):
        made = network(torch.ones(1, 1)).sum()
        return made if torch.is_grad_enabled() else torch.tensor(next(told))

    return network, loss


def test_training_stops_when_patience_is_over_and_keeps_the_best_weights():
    network, loss = scripted([5.0, 3.0, 4.0, 3.0, 3.5, 1.0])
    weights = []
    options = Training(epochs=6, patience=3)
    history = train(
        network, loss, STARTS, HELD[:1], options,
        callback=lambda *_: weights.append(network.weight.item()),
    )  # fmt: skip
    assert history.val_loss == (5.0, 3.0, 4.0, 3.0, 3.5)
    assert history.best_epoch == 2
    assert network.weight.item() == weights[1] != weights[-1]


def test_without_patience_or_validation_all_epochs_are_run():
    network, loss = scripted([5.0, 6.0, 7.0, 8.0])
    options = Training(epochs=4, patience=None)
    assert len(train(network, loss, STARTS, HELD[:1], options).loss) == 4
    network, loss = scripted([])
    history = train(network, loss, STARTS, HELD[:0], options)
    assert history.val_loss == ()
    assert history.best_epoch == 4  # the loss of training counts


def test_a_callback_is_told_and_may_end_it():
    told = []

    def callback(epoch, logs):
        told.append((epoch, logs["loss"], logs["val_loss"], logs["best_epoch"]))
        assert logs["seconds"] > 0
        return epoch == 2

    _, history = run(callback=callback)
    best = [int(np.argmin(history.val_loss[: epoch + 1])) + 1 for epoch in range(2)]
    assert told == list(zip([1, 2], history.loss, history.val_loss, best, strict=True))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_with_advice(bad):
    network, loss = scripted([1.0, bad])
    with pytest.raises(TrainingError, match=r"epoch 2: try a lower learning_rate than 0.001, clip"):
        train(network, loss, STARTS, HELD[:1], Training())
    with pytest.raises(TrainingError, match=r"the loss became (inf|nan) in epoch"):
        run(table=np.where(TABLE > 1, np.float32(1e30), TABLE))


def test_a_last_step_into_infinity_is_noticed():
    network = torch.nn.Linear(1, 1, bias=False)

    def loss(items):
        return network(torch.full((1, 1), 1e-30)).sum()

    options = Training(epochs=1, learning_rate=1e300, batch_size=200)
    with pytest.raises(TrainingError, match=r"a weight became -?inf in epoch 1: try a lower"):
        train(network, loss, STARTS, HELD[:0], options)


def test_clipping_bounds_what_a_step_sees():
    network = torch.nn.Linear(1, 1, bias=False)
    step, found = torch.optim.Adam.step, []

    def loss(items):
        return 1000.0 * network(torch.ones(1, 1)).sum()

    def spy(self, *args, **kwargs):
        found.append(float(network.weight.grad.norm()))
        return step(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", spy)
        options = Training(epochs=3, clip_norm=0.5, batch_size=200)
        train(network, loss, STARTS, HELD[:0], options)
    assert found == pytest.approx([0.5] * 3, rel=1e-4)


# ---- checkpoints --------------------------------------------------------------------------------

DROPPING = [
    LstmSpec(window_size=4, n_features=2, encoder=(5, 3), activation="relu", dropout=0.2),
    LinearSpec(window_size=4, n_features=2, hidden=(6, 3), dropout=0.2),
]


@pytest.mark.parametrize("spec", DROPPING, ids=repr)
def test_training_goes_on_with_the_same_bits(spec, tmp_path):
    whole, history = run(spec, epochs=6)
    path = tmp_path / "training"

    def interrupt(epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, epochs=6, checkpoint=path, callback=interrupt)
    told = []
    resumed, later = run(
        spec, epochs=6, checkpoint=path, callback=lambda epoch, logs: told.append(epoch)
    )
    assert told == [4, 5, 6]
    assert later == history
    assert same(resumed, whole)
    again, last = run(spec, epochs=6, checkpoint=path, callback=lambda *_: told.append(0))
    assert same(again, whole)  # nothing was left to do
    assert (told, last) == ([4, 5, 6], history)


def test_more_epochs_go_on_where_fewer_ended(tmp_path):
    path = tmp_path / "training"
    run(epochs=2, checkpoint=path)
    assert same(run(epochs=5, checkpoint=path)[0], run(epochs=5)[0])
    with pytest.raises(ValueError, match="has 5 epochs behind it, more than 2"):
        run(epochs=2, checkpoint=path)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "training"
    run(checkpoint=path, identity="one")
    data = path.read_bytes()
    with pytest.raises(ValueError, match="belongs to another training"):
        run(checkpoint=path, identity="two")
    with pytest.raises(ValueError, match="belongs to another training"):
        run(SPECS[1], checkpoint=path, identity="one")
    assert path.read_bytes() == data


def hostile(data):
    """Checkpoints that are damaged, or were made to do harm and have a right checksum."""
    header, core = unpack(data)
    histories = [
        None, {}, [], {"loss": [1.0]}, {"loss": [], "val_loss": []},
        {"loss": [1.0, 2.0], "val_loss": [1.0]}, {"loss": ["1"], "val_loss": []},
        {"loss": 7, "val_loss": []},
    ]  # fmt: skip
    yield "empty", b""
    yield "text", b"PK\x03\x04 not a checkpoint"
    yield "cut", data[:-1]
    yield "flipped", data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    yield "kind", pack({**header, "kind": "forest"}, core)
    yield "NaN", pack(header, core[:-4] + np.float32(np.nan).tobytes())
    yield "infinite loss", pack({**header, "history": {"loss": [1e999], "val_loss": []}}, core)
    for history in histories:
        yield json.dumps(history), pack({**header, "history": history}, core)


def test_a_hostile_checkpoint_is_refused(tmp_path):
    path = tmp_path / "training"
    run(checkpoint=path)
    cases = list(hostile(path.read_bytes()))
    before = weights_of(make_network(SPECS[0], 0))
    for name, data in cases:
        path.write_bytes(data)
        network = make_network(SPECS[0], 0)
        loss = window_loss(network, TABLE, 4, "mse")
        with pytest.raises(ModelFormatError, match=r"checkpoint .*training: |checkpoint .*NaN"):
            train(network, loss, STARTS, HELD, Training(), checkpoint=path)
        after = weights_of(network)
        assert all(np.array_equal(before[each], after[each]) for each in before), name


# ---- what is said -------------------------------------------------------------------------------


def test_progress_shows_the_losses(capfd):
    _, history = run(progress=True)
    shown = capfd.readouterr().err
    assert "epoch 4/4" in shown
    assert f"validation {history.val_loss[-1]:.4g}" in " ".join(shown.split())
    run(progress=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs: expected an integer of at least 1"),
        ({"batch_size": 1.5}, TypeError, "batch_size: expected an integer"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate: expected a number above 0, got 0.0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate: expected a number, got nan"),
        ({"patience": 0}, ValueError, "patience: expected an integer of at least 1"),
        ({"clip_norm": -1}, ValueError, "clip_norm: expected a number above 0"),
        ({"random_state": -1}, ValueError, "random_state: expected an integer of at least 0"),
        ({"device": "gpu"}, ValueError, r"device: expected one of \['auto', 'cpu', 'cuda'\]"),
        ({"device": "cuda:x"}, ValueError, "device: expected one of"),
        ({"device": 0}, TypeError, "device: expected one of"),
        ({"n_jobs": 0}, ValueError, "n_jobs: expected a positive number"),
    ],
)
def test_a_wrong_option_is_named(options, error, message):
    with pytest.raises(error, match=message):
        Training(**options)


def test_bad_calls():
    with pytest.raises(ValueError, match="items: expected at least 2 to learn from, got 1"):
        run(starts=STARTS[:1])
    with pytest.raises(TypeError, match="callback: expected a function, got int"):
        run(callback=7)


def test_a_gpu_that_is_not_there_is_an_error():
    from fastrcf.errors import DeviceError

    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceError, match=f"device='{missing}': PyTorch .* finds"):
        training_device(missing)
    assert training_device("cpu").type == "cpu"
    assert training_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
