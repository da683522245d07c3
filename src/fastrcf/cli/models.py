"""Bundles on the command line: a model comes out of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastrcf.cli.exits import CliError, ExitCode, bad_data
from fastrcf.cli.scoring import ForestOptions
from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from fastrcf.detectors import Detector
    from fastrcf.forest import RandomCutForest
    from fastrcf.neural import QuantileForecaster
    from fastrcf.thresholds import Threshold

__all__ = [
    "DetectorModel",
    "Model",
    "open_detector",
    "open_forecaster",
    "open_model",
    "read_manifest",
]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Model:
    """A forest that goes on learning, and its threshold."""

    forest: RandomCutForest
    threshold: Threshold
    columns: tuple[str, ...]
    """Names of its columns, none if it was trained without names."""

    @property
    def limit(self) -> str:
        """What rows are compared with, for the summary."""
        z = self.threshold.get_params().get("z")
        is_sigma = type(self.threshold).__name__ == "SigmaThreshold"
        return f"mean + {z:g} σ" if is_sigma else repr(self.threshold)

    @property
    def options(self) -> ForestOptions:
        """The options of the forest, for the summary."""
        forest = self.forest
        return ForestOptions(
            n_trees=forest.n_trees,
            sample_size=forest.sample_size,
            shingle_size=forest.shingle_size,
        )


@dataclass(frozen=True)
class DetectorModel:
    """A detector that has learned."""

    detector: Detector
    columns: tuple[str, ...]
    """Names of its columns, none if it was trained without names."""

    def check_width(self, columns: tuple[str, ...]) -> None:
        """Compare the number of columns with those of an input."""
        known = self.detector.n_features_in_
        if known != len(columns):
            raise bad_data(
                f"the model has {known} columns, the input {len(columns)}: "
                f"{', '.join(columns)}; name others with --id-cols"
            )


def open_model(path: str, sigma: float, n_jobs: int) -> Model | DetectorModel:
    """Read a bundle.

    Parameters
    ----------
    path
        The file.
    sigma
        For a new threshold, if there is none in the bundle.
    n_jobs
        Threads for the forest.

    Returns
    -------
    Model
        What is in it.

    Raises
    ------
    CliError
        There is no such file, it is no bundle, or holds neither a forest nor a detector.
    """
    from fastrcf import persistence
    from fastrcf.detectors import Detector
    from fastrcf.forest import RandomCutForest
    from fastrcf.thresholds import SigmaThreshold

    forest = _read(persistence.load, path)
    if isinstance(forest, Detector):
        return _detector(forest, path)
    if not isinstance(forest, RandomCutForest):
        raise bad_data(
            f"{path}: expected a RandomCutForest or a detector, got a {type(forest).__name__}"
        )
    if not hasattr(forest, "n_features_in_"):
        raise bad_data(f"{path}: this forest has learned nothing")
    forest.set_params(n_jobs=n_jobs)
    names = tuple(map(str, getattr(forest, "feature_names_in_", ())))
    return Model(forest, forest.threshold or SigmaThreshold(sigma), names)  # type: ignore[attr-defined]


def open_detector(path: str) -> DetectorModel:
    """Read a bundle with a detector.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DetectorModel
        What is in it.

    Raises
    ------
    CliError
        There is no such file, it is no bundle, or holds something else.
    """
    from fastrcf import persistence
    from fastrcf.detectors import Detector

    model = _read(persistence.load, path)
    if not isinstance(model, Detector):
        raise bad_data(
            f"{path}: expected a detector, got a {type(model).__name__}; fastrcf score -m takes it"
        )
    return _detector(model, path)


def _detector(detector: Detector, path: str) -> DetectorModel:
    if not detector.n_seen_:
        raise bad_data(f"{path}: this detector has learned nothing")
    return DetectorModel(detector, tuple(map(str, getattr(detector, "feature_names_in_", ()))))


def open_forecaster(path: str) -> QuantileForecaster:
    """Read a bundle with a forecaster, or a detector that has one.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    QuantileForecaster
        It is trained.

    Raises
    ------
    CliError
        There is no such file, it is no bundle, or holds something else.
    """
    from fastrcf import persistence
    from fastrcf.detectors import ForecastDetector
    from fastrcf.neural import QuantileForecaster

    found = _read(persistence.load, path)
    model = found.forecaster_ if isinstance(found, ForecastDetector) else found
    if not isinstance(model, QuantileForecaster) or not model.__sklearn_is_fitted__():
        raise bad_data(f"{path}: expected a trained forecaster, got a {type(found).__name__}")
    return model


def read_manifest(path: str) -> dict[str, Any]:
    """Read the manifest of a bundle.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        As `fastrcf.persistence.inspect` gives it.

    Raises
    ------
    CliError
        There is no such file, or it is no bundle.
    """
    from fastrcf import persistence

    return _read(persistence.inspect, path)


def _read(read: Callable[[str], Found], path: str) -> Found:
    if not Path(path).is_file():
        raise CliError(ExitCode.INPUT_MISSING, f"{path}: there is no such file")
    try:
        return read(path)
    except ModelFormatError as error:
        raise bad_data(str(error)) from None
