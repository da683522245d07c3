"""Rows to scores: one forest for the whole input, or one for each key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.exits import CliError, ExitCode, bad_data
from fastrcf.cli.explaining import explanation_texts, frozen_texts
from fastrcf.thresholds import SigmaThreshold, Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, RealArray
    from fastrcf.forest import RandomCutForest

    Explanations = NDArray[np.object_] | None

__all__ = [
    "ForestOptions",
    "Scored",
    "StreamScorer",
    "TableScorer",
    "check_sigma",
    "group_rows",
    "seed_of",
]


@dataclass(frozen=True)
class ForestOptions:
    """The forest's own options; see `fastrcf.RandomCutForest`."""

    n_trees: int = 100
    sample_size: int = 256
    shingle_size: int = 1
    time_decay: float | None = None
    output_after: int | None = None
    random_state: int = 0
    n_jobs: int = 1

    def build(self, key: str | None = None) -> RandomCutForest:
        """Make an empty forest, for one of several series when a key is given."""
        from fastrcf.forest import RandomCutForest

        return RandomCutForest(
            n_trees=self.n_trees,
            sample_size=self.sample_size,
            shingle_size=self.shingle_size,
            time_decay=self.time_decay,
            output_after=self.output_after,
            random_state=self.random_state if key is None else seed_of(key, self.random_state),
            n_jobs=self.n_jobs,
        )

    def __str__(self) -> str:
        return f"{self.n_trees} × {self.sample_size} forest, shingle {self.shingle_size}"

    def check(self, n_columns: int) -> None:
        """Try the options out on nothing, so that mistakes show before the input is read."""
        try:
            self.build().update(np.full((1, n_columns), np.nan))
        except (ValueError, TypeError) as error:
            raise CliError(ExitCode.BAD_CONFIG, str(error)) from None


def check_sigma(sigma: float) -> None:
    """Try the threshold out on nothing."""
    try:
        SigmaThreshold(sigma).predict([])
    except ValueError as error:
        raise CliError(ExitCode.BAD_CONFIG, f"--sigma: {error}") from None


def seed_of(key: str, random_state: int) -> int:
    """Derive the seed of one key's forest; it depends on nothing but the two.

    Parameters
    ----------
    key
        The key as text.
    random_state
        The seed of the run.

    Returns
    -------
    int
        Below 2**31.
    """
    digest = hashlib.blake2b(f"{random_state}:{key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


@dataclass(frozen=True)
class Scored:
    """Scores of some rows, what they were compared with, the outcome, and explanations."""

    scores: FloatArray
    thresholds: FloatArray
    is_anomaly: NDArray[np.bool_]
    explanations: Explanations = None

    @classmethod
    def compare(
        cls, scores: FloatArray, thresholds: FloatArray, explanations: Explanations = None
    ) -> Scored:
        """Rows above their threshold are anomalies; without a threshold there is none."""
        return cls(scores, thresholds, scores > thresholds, explanations)

    def slice(self, start: int, stop: int) -> Scored:
        """Take some of the rows."""
        rows = slice(start, stop)
        texts = None if self.explanations is None else self.explanations[rows]
        return Scored(self.scores[rows], self.thresholds[rows], self.is_anomaly[rows], texts)


class StreamScorer:
    """Scores each row by the rows before it, then learns it.

    Parameters
    ----------
    options : ForestOptions
        For every forest.
    sigma : float
        For every threshold.
    columns : sequence of str
        Names of the columns, for errors and explanations.
    explain : bool
        Whether rows are explained.
    named : bool
        Whether forests learn the names of the columns.
    """

    def __init__(
        self,
        options: ForestOptions,
        sigma: float,
        columns: Sequence[str],
        *,
        explain: bool = False,
        named: bool = False,
    ) -> None:
        self._options = options
        self._sigma = sigma
        self._columns = columns
        self._explain = explain
        self._named = named
        self._series: dict[str | None, tuple[RandomCutForest, Threshold]] = {}

    def go_on(self, forest: RandomCutForest, threshold: Threshold) -> None:
        """Take a forest that has learned, and its threshold, for an input without keys."""
        if forest.n_features_in_ != len(self._columns):
            raise bad_data(
                f"the model has {forest.n_features_in_} columns, the input {len(self._columns)}: "
                f"{', '.join(self._columns)}; name others with --id-cols"
            )
        self._named = hasattr(forest, "feature_names_in_")
        self._series[None] = (forest, threshold)

    def model(self) -> tuple[RandomCutForest, Threshold]:
        """Give the forest of an input without keys, and its threshold bound to it."""
        forest, threshold = self._series[None]
        bound = {**threshold.to_dict(), "fingerprint": forest.fingerprint}
        return forest, Threshold.from_dict(bound)

    @property
    def n_series(self) -> int:
        """Forests so far."""
        return len(self._series)

    @property
    def memory_bytes(self) -> int:
        """What the forests take."""
        return sum(forest.memory_bytes for forest, _ in self._series.values())

    def score(self, values: FloatArray, keys: Any, first_row: int) -> Scored:
        """Score the next rows.

        Parameters
        ----------
        values : ndarray of float64, shape (n, d)
            NaN where a cell is missing.
        keys : pyarrow.StringArray or None
            To which series each row belongs.
        first_row : int
            Rows that came before, for errors.

        Returns
        -------
        Scored
            In the order of the rows.
        """
        scores, thresholds = np.empty(len(values)), np.empty(len(values))
        explanations = np.empty(len(values), dtype=object) if self._explain else None
        for key, rows in group_rows(keys):
            if key not in self._series:
                self._series[key] = (self._options.build(key), SigmaThreshold(self._sigma))
            forest, threshold = self._series[key]
            with _named_rows(rows, first_row, self._columns):
                if explanations is None:
                    found = forest.score_update(self._table(values[rows]))
                else:
                    found, parts = forest.score_update(self._table(values[rows]), attribution=True)
                    explanations[rows] = explanation_texts(found, parts, self._columns)
            scores[rows] = found
            thresholds[rows] = threshold.cutoffs_update(found)
        return Scored.compare(scores, thresholds, explanations)

    def _table(self, values: FloatArray) -> Any:
        """Give the values with the names of their columns, where the forest knows these."""
        return dict(zip(self._columns, values.T, strict=True)) if self._named else values


class TableScorer:
    """Learns all rows first, then scores them with the frozen forest.

    Keeps the values in single precision (as the forest does), the scores, and with a key column
    the number of each row's series: 4 bytes for each value and 16 to 24 for each row. Explanations
    are kept as text.

    Parameters
    ----------
    options, sigma, columns, explain
        As for `StreamScorer`.
    """

    def __init__(
        self, options: ForestOptions, sigma: float, columns: Sequence[str], *, explain: bool = False
    ) -> None:
        self._options = options
        self._sigma = sigma
        self._columns = columns
        self._explain = explain
        self._values: list[NDArray[np.float32]] = []
        self._codes: list[NDArray[np.int32]] = []
        self._series: dict[str | None, int] = {}

    @property
    def n_series(self) -> int:
        """Series so far."""
        return len(self._series)

    def add(self, values: FloatArray, keys: Any) -> None:
        """Keep the next rows.

        Parameters
        ----------
        values : ndarray of float64, shape (n, d)
            NaN where a cell is missing.
        keys : pyarrow.StringArray or None
            To which series each row belongs.
        """
        self._values.append(values.astype(np.float32))
        codes = np.empty(len(values), dtype=np.int32)
        for key, rows in group_rows(keys):
            codes[rows] = self._series.setdefault(key, len(self._series))
        if keys is not None:
            self._codes.append(codes)

    def finish(self) -> Scored:
        """Learn and score everything that was kept, and let go of it."""
        values = np.concatenate(self._values)
        self._values.clear()
        if not self._codes:
            groups: list[Any] = [slice(None)]
        else:
            codes = np.concatenate(self._codes)
            ends = np.cumsum(np.bincount(codes, minlength=len(self._series)))
            groups = np.split(np.argsort(codes, kind="stable"), ends[:-1])
        scores, thresholds = np.zeros(len(values)), np.empty(len(values))
        explanations = np.empty(len(values), dtype=object) if self._explain else None
        for key, rows in zip(self._series, groups, strict=True):
            forest = self._fitted(key, values[rows], rows)
            if forest is not None:
                scores[rows] = forest.score(values[rows])
                if explanations is not None:
                    explanations[rows] = frozen_texts(
                        forest, values[rows], scores[rows], self._columns
                    )
            thresholds[rows] = _cutoff(scores[rows], self._sigma)
        return Scored.compare(scores, thresholds, explanations)

    def _fitted(self, key: str | None, values: RealArray, rows: Any) -> RandomCutForest | None:
        whole = ~np.isnan(values).any(axis=1)
        if whole.sum() < self._options.shingle_size:
            return None  # nothing to learn from
        with _named_rows(rows, 0, self._columns):
            return self._options.build(key).fit(values)


def _cutoff(scores: FloatArray, sigma: float) -> float:
    """Give the cutoff by all scores, NaN when there are none."""
    return SigmaThreshold(sigma).fit(scores).cutoff_ if scores.any() else np.nan


def group_rows(keys: Any) -> Iterator[tuple[str | None, Any]]:
    """Go through the series of some rows.

    Parameters
    ----------
    keys : pyarrow.StringArray or None
        To which series each row belongs; None when there is one series.

    Yields
    ------
    (key, rows)
        In order of first appearance; ``rows`` indexes arrays and keeps the order of the rows.
    """
    if keys is None:
        yield None, slice(None)
        return
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    yield from zip(encoded.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True)


class _named_rows:  # noqa: N801 - used as a statement
    """Turn the forest's complaint about a row of an array into one about a row of the input."""

    def __init__(self, rows: Any, first_row: int, columns: Sequence[str]) -> None:
        self._rows, self._first_row, self._columns = rows, first_row, columns

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, ValueError):
            return
        message = str(error)
        row, column = re.search(r"row (\d+)", message), re.search(r"column (\d+)", message)
        if row is None:
            raise bad_data(message) from None
        place = int(row[1])
        place = place if isinstance(self._rows, slice) else int(self._rows[place])
        message = message.replace(row[0], f"row {self._first_row + place + 1}")
        if column is not None:
            message = message.replace(column[0], f"column {self._columns[int(column[1])]!r}")
        raise bad_data(message.removeprefix("X: ")) from None
