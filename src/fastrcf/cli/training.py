"""The work of ``fastrcf train-ae``: read a table, train a detector on it, and write the model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf import persistence
from fastrcf._extras import require
from fastrcf.cli.detecting import table_of
from fastrcf.cli.exits import CliError, ExitCode, bad_data, note
from fastrcf.cli.fitting import go_through, report
from fastrcf.cli.picture import check_plot, write_figure
from fastrcf.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastrcf._typing import FloatArray
    from fastrcf.cli.fitting import FitJob, Take

__all__ = ["NetworkOptions", "train_detector"]


@dataclass(frozen=True)
class NetworkOptions:
    """What to train, and how."""

    window: int
    lstm: bool
    units: str | None
    training: Mapping[str, Any]

    def template(self) -> Any:
        """Make the unfitted autoencoder."""
        from fastrcf.neural import LinearAutoencoder, LstmAutoencoder

        options = dict(self.training)
        if self.lstm:
            return LstmAutoencoder(
                window_size=self.window, encoder=self._sizes((64, 32)), **options
            )
        return LinearAutoencoder(
            window_size=self.window, hidden=self._sizes((250, 32, 250)), **options
        )

    def _sizes(self, usual: tuple[int, ...]) -> tuple[int, ...]:
        if self.units is None:
            return usual
        try:
            return tuple(int(size) for size in self.units.split(","))
        except ValueError:
            raise CliError(
                ExitCode.USAGE, f"--units: expected whole numbers, got {self.units!r}"
            ) from None


def train_detector(
    job: FitJob,
    network: NetworkOptions,
    options: dict[str, Any],
    plot: str | None,
    checkpoint: str | None,
) -> None:
    """Learn the whole table, and write a detector; its options say which one."""
    if plot is not None:
        check_plot(plot)
    for module in ("torch", "onnx"):  # better now than after the table was read
        require(module, "train")
    detector = _detector(network.template(), options)
    rows: list[FloatArray] = []
    columns: tuple[str, ...] = ()

    def begin(names: tuple[str, ...]) -> Take:
        nonlocal columns
        columns = names
        try:
            detector._new_engine(names)  # noqa: SLF001 - so that mistakes show before the rows
        except (TypeError, ValueError) as error:
            raise CliError(ExitCode.BAD_CONFIG, str(error)) from None
        return lambda values, _: rows.append(values)

    training = go_through(job, begin)
    try:
        detector.fit(
            table_of(columns, np.concatenate(rows)),
            progress=sys.stderr.isatty(),
            checkpoint=checkpoint,
        )
    except (ValueError, TrainingError) as error:
        raise bad_data(str(error)) from None
    persistence.save(detector, job.model, training=training)
    history = detector.autoencoder_.history_
    if plot is not None:
        from fastrcf.plotting import plot_losses

        write_figure(plot_losses(history), plot)
    best = detector.autoencoder_.best_epoch_
    losses = [f"{name} {history[name][best - 1]:.6g}" for name in history if history[name]]
    note(f"{len(history['loss'])} epochs, the best one {best}: {', '.join(losses)}")
    report(job)


def _detector(template: Any, options: dict[str, Any]) -> Any:
    from fastrcf.detectors import AutoencoderDetector, CascadeDetector, TwoStageDetector

    if "first" in options:
        return TwoStageDetector(template, **options)
    if "budget" in options:
        return CascadeDetector(template, **options)
    return AutoencoderDetector(template, **options)
