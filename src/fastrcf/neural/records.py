"""Series as JSON records, requests for forecasts, and their answers.

A record is ``{"start": "2020-07-07 00:00:00", "target": [1, 2.5, null], "dynamic_feat": [[…]],
"cat": [0]}``; all but the target may be left out. A request and its answer have the form that the
forecasting endpoints of Amazon SageMaker's DeepAR have.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import integer, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, StrPath
    from fastrcf.forecasting import Forecast
    from fastrcf.neural.forecaster import QuantileForecaster

__all__ = ["Record", "answer", "read_records", "record_from_dict", "record_to_dict", "time_of"]

_FIELDS = ("start", "target", "dynamic_feat", "cat")
_OUTPUTS = ("mean", "quantiles", "samples")
_MOST_SAMPLES = 100_000


@dataclass(frozen=True, eq=False)
class Record:
    """One series with what is known about it.

    Parameters
    ----------
    target : ndarray of shape (n,), float64
        The values; NaN is missing.
    start : datetime64[s] or None
        Time of the first value.
    dynamic_feat : ndarray of shape (k, m), float64
        Series that are known in advance; ``m`` is ``n``, or more to forecast.
    cat : tuple of int
        What kind of series it is, one number from 0 on for each category.

    Examples
    --------
    >>> record_from_dict({"start": "2020-07-07", "target": [1, None, "NaN", 2.5]}).target
    array([1. , nan, nan, 2.5])
    """

    target: FloatArray
    start: np.datetime64 | None = None
    dynamic_feat: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    cat: tuple[int, ...] = ()


def time_of(value: object, name: str = "start") -> np.datetime64:
    """Read a time without a time zone.

    Raises
    ------
    TypeError, ValueError
        It is no time, or has a zone.
    """
    if isinstance(value, str):
        if value.endswith("Z") or "+" in value:
            raise ValueError(f"{name}: expected a time without a zone, got {value!r}")
        try:
            value = np.datetime64(value.strip())
        except ValueError:
            raise ValueError(f"{name}: expected a time, got {value!r}") from None
    try:
        number = isinstance(value, int | float)  # which NumPy would count from 1970
        time = np.datetime64(None if number else value, "s")  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a time, got {show(value)}") from None
    if np.isnat(time):
        raise ValueError(f"{name}: expected a time, got {value!r}")
    return time  # type: ignore[no-any-return]


def record_from_dict(values: object, place: str = "record") -> Record:
    """Check a record that JSON held.

    Parameters
    ----------
    values : object
        What JSON held.
    place : str
        What it is called in errors.

    Returns
    -------
    Record
        The record.

    Raises
    ------
    TypeError, ValueError
        It is none; the message names the field.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{place}: expected an object with a target, got {show(values)}")
    unknown = sorted(set(values) - set(_FIELDS))
    if unknown or "target" not in values:
        raise ValueError(f"{place}: expected {list(_FIELDS)} and a target, got {sorted(values)}")
    target = _numbers(values["target"], f"{place}.target")
    start = values.get("start")
    rows = values.get("dynamic_feat") or []
    if not isinstance(rows, list | tuple | np.ndarray):
        raise TypeError(f"{place}.dynamic_feat: expected lists of numbers, got {show(rows)}")
    features = [_numbers(row, f"{place}.dynamic_feat[{k}]") for k, row in enumerate(rows)]
    for k, row in enumerate(features):
        if len(row) < len(target) or len(row) != len(features[0]) or np.isnan(row).any():
            raise ValueError(
                f"{place}.dynamic_feat[{k}]: expected a number for each of {len(target)} values "
                f"and as many as its neighbours have, got {len(row)}"
            )
    return Record(
        target,
        None if start is None else time_of(start, f"{place}.start"),
        np.array(features) if features else np.empty((0, 0)),
        _categories(values.get("cat"), f"{place}.cat"),
    )


def record_to_dict(record: Record) -> dict[str, Any]:
    """Give a record as what JSON holds, null for missing values."""
    result: dict[str, Any] = {}
    if record.start is not None:
        result["start"] = str(record.start).replace("T", " ")
    result["target"] = [None if math.isnan(each) else each for each in record.target.tolist()]
    if len(record.dynamic_feat):
        result["dynamic_feat"] = record.dynamic_feat.tolist()
    if record.cat:
        result["cat"] = list(record.cat)
    return result


def read_records(source: StrPath | Iterable[str]) -> list[Record]:
    """Read JSON Lines, one record a line; empty lines are passed over.

    Parameters
    ----------
    source : path or iterable of str
        A file, or its lines.

    Returns
    -------
    list of Record
        At least one.

    Raises
    ------
    TypeError, ValueError
        A line is no record, or there is none; the message names the line.
    OSError
        The file cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        source = Path(source).read_text(encoding="utf-8").splitlines()
    records = []
    for number, line in enumerate(source, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number}: not JSON: {error}") from None
        records.append(record_from_dict(values, f"line {number}"))
    if not records:
        raise ValueError("records: expected at least one, got none")
    return records


def answer(model: QuantileForecaster, request: object) -> dict[str, Any]:
    """Answer a request for forecasts.

    Parameters
    ----------
    model : QuantileForecaster
        Trained; its horizon is how far the answer reaches.
    request : object
        What JSON held: ``{"instances": [record, …], "configuration": {"num_samples": 100,
        "output_types": ["mean", "quantiles", "samples"], "quantiles": ["0.1", …]}}``. The
        configuration may be left out, in whole or in part; the output is the quantiles 0.01, 0.5
        and 0.99 then.

    Returns
    -------
    dict
        ``{"predictions": [{"quantiles": {"0.1": […], …}, "mean": […], "samples": [[…], …]}, …]}``,
        one prediction for each instance, with what was asked for.

    Raises
    ------
    TypeError, ValueError
        The request is wrong; the message names the field.
    NotFittedError
        The model is not trained.
    """
    if not isinstance(request, Mapping) or not isinstance(request.get("instances"), Sequence):
        raise TypeError(f"request: expected an object with instances, got {show(request)}")
    records = [
        record_from_dict(each, f"instances[{place}]")
        for place, each in enumerate(request["instances"])
    ]
    wanted = request.get("configuration") or {}
    if not isinstance(wanted, Mapping):
        raise TypeError(f"configuration: expected an object, got {show(wanted)}")
    unknown = sorted(set(wanted) - {"num_samples", "output_types", "quantiles"})
    if unknown:
        raise ValueError(f"configuration: unknown {unknown}")
    n_samples = integer("num_samples", wanted.get("num_samples", 100), 1, _MOST_SAMPLES)
    outputs = wanted.get("output_types", ["quantiles"])
    if not isinstance(outputs, list) or not set(outputs) <= set(_OUTPUTS):
        raise ValueError(f"output_types: expected some of {list(_OUTPUTS)}, got {show(outputs)}")
    names = [str(each) for each in wanted.get("quantiles", ["0.01", "0.5", "0.99"])]
    try:
        quantiles = tuple(map(float, names))
    except ValueError:
        raise ValueError(f"quantiles: expected numbers, got {names}") from None
    forecasts = model.forecast(records, quantiles=quantiles, n_samples=n_samples, paths=True)
    return {"predictions": [_prediction(each, names, outputs) for each in forecasts]}


def _prediction(forecast: Forecast, names: list[str], outputs: list[str]) -> dict[str, Any]:
    assert forecast.paths is not None
    paths: NDArray[Any] = forecast.paths[:, :, 0]
    result: dict[str, Any] = {}
    if "mean" in outputs:
        result["mean"] = paths.mean(axis=0).tolist()
    if "quantiles" in outputs:
        values = forecast.values[:, :, 0].tolist()
        result["quantiles"] = dict(zip(names, values, strict=True))
    if "samples" in outputs:
        result["samples"] = paths.tolist()
    return result


def _numbers(values: object, name: str) -> FloatArray:
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, list | tuple):
        raise TypeError(f"{name}: expected numbers, got {show(values)}")
    result = np.empty(len(values))
    for place, value in enumerate(values):
        if value is None or value == "NaN":
            result[place] = math.nan
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name}[{place}]: expected a number, got {show(value)}")
        elif not abs(value) <= 1e30 and not math.isnan(value):
            raise ValueError(f"{name}[{place}]: expected at most 1e30, got {value}")
        else:
            result[place] = value
    if not len(result):
        raise ValueError(f"{name}: expected at least one number, got none")
    return result


def _categories(values: object, name: str) -> tuple[int, ...]:
    if values is None:
        return ()
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        values = [values]
    return tuple(integer(f"{name}[{k}]", each, 0, 10**6 - 1) for k, each in enumerate(values))
