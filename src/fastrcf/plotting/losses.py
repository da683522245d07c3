"""The losses of a training, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import real
from fastrcf.plotting.style import CUTOFF, FAINT, SERIES, blank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["plot_losses"]


def plot_losses(history: Mapping[str, Sequence[float]], *, title: str | None = None) -> Any:
    """Draw how the losses of a training went down, and which epoch was kept.

    Parameters
    ----------
    history : mapping
        ``loss``, and ``val_loss`` if windows were held out: the `history_` of an autoencoder or
        another network. The two have one number per epoch; `val_loss` may be empty.
    title : str, optional
        Stands above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        See `fastrcf.plotting.save`. The losses are drawn on a logarithmic scale if all are above 0.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    ValueError
        There is no loss, or the two are not equally long.

    Examples
    --------
    >>> figure = plot_losses({"loss": [0.5, 0.2, 0.1], "val_loss": [0.6, 0.3, 0.35]})
    >>> figure.axes[0].get_title(loc="left")
    'Loss by epoch · the weights of epoch 2 of 3 were kept'
    """
    loss = [real("loss", each) for each in history["loss"]]
    held = [real("val_loss", each) for each in history.get("val_loss", ())]
    if not loss or len(held) not in {0, len(loss)}:
        raise ValueError(
            "history: expected a loss of each epoch, and as many val_loss or none, "
            f"got {len(loss)} and {len(held)}"
        )
    watched = held or loss
    best = watched.index(min(watched)) + 1
    epochs = range(1, len(loss) + 1)
    with blank(8.0, 4.0) as figure:
        axis = figure.add_subplot()
        marker = "o" if len(loss) <= 40 else None
        style = {"linewidth": 1.8, "marker": marker, "markersize": 3.5}
        axis.plot(epochs, loss, color=FAINT if held else SERIES, label="learned windows", **style)
        if held:
            axis.plot(epochs, held, color=SERIES, label="held out windows", **style)
        axis.plot(
            [best],
            [watched[best - 1]],
            "o",
            color=CUTOFF,
            markersize=8,
            zorder=4,
            label=f"kept: epoch {best}, {watched[best - 1]:.4g}",
        )
        if min(loss + held) > 0.0:
            axis.set_yscale("log")
            _plain_ticks(axis)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.margins(x=0.02)
        axis.set_xlabel("epoch")
        axis.set_ylabel("loss")
        text = f"Loss by epoch · the weights of epoch {best} of {len(loss)} were kept"
        axis.set_title(text if title is None else title, loc="left", fontsize=11)
        axis.legend(frameon=False)
    return figure


def _plain_ticks(axis: Any) -> None:
    """Write 0.05 instead of 5 × 10⁻², also where no power of ten lies in the picture."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
