"""The picture of a training shows its losses and the epoch that was kept."""

import pytest

from fastrcf.plotting import plot_losses, save


def lines(figure):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[0].get_lines()
    }


def test_losses_and_the_kept_epoch():
    figure = plot_losses({"loss": [0.5, 0.2, 0.1], "val_loss": [0.6, 0.3, 0.35]})
    assert lines(figure) == {
        "learned windows": ([1, 2, 3], [0.5, 0.2, 0.1]),
        "held out windows": ([1, 2, 3], [0.6, 0.3, 0.35]),
        "kept: epoch 2, 0.3": ([2], [0.3]),
    }
    assert figure.axes[0].get_yscale() == "log"
    title = figure.axes[0].get_title(loc="left")
    assert title == "Loss by epoch · the weights of epoch 2 of 3 were kept"


def test_without_validation_the_loss_of_training_counts(tmp_path):
    figure = plot_losses({"loss": [0.5, 0.0], "val_loss": []}, title="first model")
    assert set(lines(figure)) == {"learned windows", "kept: epoch 2, 0"}
    assert figure.axes[0].get_yscale() == "linear"  # there is no logarithm of 0
    assert figure.axes[0].get_title(loc="left") == "first model"
    save(figure, tmp_path / "losses.png")
    assert (tmp_path / "losses.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("history", "error"),
    [
        ({"loss": [], "val_loss": []}, ValueError),
        ({"loss": [1.0, 2.0], "val_loss": [1.0]}, ValueError),
        ({"loss": [float("nan")]}, ValueError),
        ({"loss": ["x"]}, TypeError),
    ],
)
def test_what_is_no_history(history, error):
    with pytest.raises(error, match=r"loss: expected|history: expected a loss of each epoch"):
        plot_losses(history)
