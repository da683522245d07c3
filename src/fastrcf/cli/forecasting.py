"""The work of ``fastrcf forecast``: read, train or load a model, forecast, and write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.columns import Requested
from fastrcf.cli.exits import CliError, ExitCode, bad_data, note
from fastrcf.cli.forecast_tables import Clocked, Results, read_table, write_results
from fastrcf.cli.formats import Format
from fastrcf.cli.models import open_forecaster
from fastrcf.cli.outputs import check_file, file_output, open_target, stdout_output
from fastrcf.cli.picture import write_figure
from fastrcf.cli.pipeline import check_written
from fastrcf.cli.readers import STDIN, ReadOptions

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.neural import QuantileForecaster, Record

__all__ = ["ForecastJob", "run"]

_SHOWN = 3
"""The picture shows so many horizons of what came before, or a thousand rows."""


@dataclass(frozen=True)
class ForecastJob:
    """Everything ``fastrcf forecast`` is told."""

    input: str
    output: str | None = None
    plot: str | None = None
    model: str | None = None
    save: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    columns: Requested = field(default_factory=Requested)
    output_format: Format | None = None
    horizon: int | None = None
    quantiles: tuple[str, ...] = ("0.01", "0.5", "0.99")
    samples: int = 100
    bands: bool = False
    checkpoint: str | None = None
    network: dict[str, Any] = field(default_factory=dict)


def run(job: ForecastJob) -> None:
    """Do the job."""
    inputs = () if job.input == STDIN else (job.input,)
    for flag, name in (("--save", job.save), ("--checkpoint", job.checkpoint)):
        if name is not None:
            check_file(flag, name, inputs)
    request = _read_json(job.input)
    if request is None:
        check_written(job.input, job.output, job.plot)
        _forecast_table(job)
    else:
        _answer(job, request)


def _forecast_table(job: ForecastJob) -> None:
    wanted = _quantiles(job)
    table, source_format, delimiter = read_table(job.input, job.read, job.columns, job.network)
    with _as_bad_data():
        told = {"start": table.start}
        model = _model(job, table.rows, table.step, told)
        told |= _categories(model, table)
        if job.bands:
            results = _bands(model, table, wanted, told)
        else:
            results = _ahead(model, table, wanted, told, job)
    with ExitStack() as stack:
        stream, target = open_target(stack, job.output, job.output_format, source_format)
        write_results(stream, target, results, job.quantiles, delimiter)
    if job.plot is not None:
        _draw(job, table, results, wanted)


def _model(
    job: ForecastJob, rows: Any, step: int | None, told: dict[str, Any]
) -> QuantileForecaster:
    """Load the model, or train one and save it if that was asked for."""
    if job.model is not None:
        return open_forecaster(job.model)
    from fastrcf import persistence
    from fastrcf.neural import QuantileForecaster

    options = dict(job.network)
    if options["freq"] is None and step is not None:
        options["freq"] = f"{step}s"
    model = QuantileForecaster(**options)
    try:
        model.check_options()
    except (TypeError, ValueError) as error:
        raise CliError(ExitCode.BAD_CONFIG, str(error)) from None
    several = isinstance(rows, np.ndarray) and rows.shape[1] > 1
    cat = np.arange(rows.shape[1]) if several else None
    model.fit(rows, progress=True, checkpoint=job.checkpoint, cat=cat, **told)
    best = min(model.history_["val_loss"])
    note(f"trained for {len(model.history_['loss'])} epochs, best validation loss {best:.4g}")
    if job.save is not None:
        persistence.save(model, job.save)
    return model


def _categories(model: QuantileForecaster, table: Clocked) -> dict[str, Any]:
    """Give the columns their numbers, for a model that tells them apart."""
    return {"cat": np.arange(table.rows.shape[1])} if model.spec_.cardinality else {}


def _bands(
    model: QuantileForecaster, table: Clocked, wanted: tuple[float, ...], told: dict[str, Any]
) -> Results:
    values = model.bands(table.rows, wanted, **told)
    scores = []
    for place, column in enumerate(table.rows.T):
        own = {"cat": told["cat"][[place]]} if "cat" in told else {}
        scores.append(model.score(column, **(told | own)))
    return Results(
        table.names, table.places(0, len(table.rows)), values, table.rows, np.column_stack(scores)
    )


def _ahead(
    model: QuantileForecaster,
    table: Clocked,
    wanted: tuple[float, ...],
    told: dict[str, Any],
    job: ForecastJob,
) -> Results:
    found = model.forecast(table.rows, job.horizon, wanted, job.samples, **told)
    n = len(table.rows)
    return Results(table.names, table.places(n, found.values.shape[1]), found.values)


def _draw(job: ForecastJob, table: Clocked, results: Results, wanted: tuple[float, ...]) -> None:
    from fastrcf.plotting.forecast import Band, draw_bands

    assert job.plot is not None
    order = np.argsort(wanted)
    if job.bands:
        places, rows = table.seconds(results.places), table.rows
    else:
        shown = max(1000, _SHOWN * len(results.places))
        places = table.seconds(table.places(0, len(table.rows)))[-shown:]
        rows = table.rows[-shown:]
    after = table.seconds(results.places)
    bands = [
        Band(name, places, rows[:, k], after, results.values[order, :, k])
        for k, name in enumerate(table.names)
    ]
    ends = f"{min(wanted):g} to {max(wanted):g}"
    name = "standard input" if job.input == STDIN else Path(job.input).name
    what = "one row ahead" if job.bands else f"{len(results.places)} rows ahead"
    figure = draw_bands(
        bands, is_time=table.is_time, title=f"{name} · {what}", label=f"quantiles {ends}"
    )
    write_figure(figure, job.plot)


# ---- records -------------------------------------------------------------------------------------


def _read_json(name: str) -> Any:
    """Read records or a request; None where the file is a table, or is not there."""
    path = Path(name)
    if path.suffix.lower() not in {".json", ".jsonl", ".ndjson"} or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    whole = _json(text)
    if isinstance(whole, dict) and ("instances" in whole or _is_record(whole)):
        return whole if "instances" in whole else [whole]
    if not _is_record(_json(text.lstrip().partition("\n")[0])):
        return None
    from fastrcf.neural.records import read_records

    with _as_bad_data():
        return read_records(text.splitlines())


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("target"), list)


def _answer(job: ForecastJob, request: Any) -> None:
    """Answer records or a request with JSON."""
    from fastrcf.neural.records import answer, record_from_dict

    for flag, value in (("--plot", job.plot), ("--bands", job.bands), ("--to", job.output_format)):
        if value:
            raise CliError(ExitCode.USAGE, f"{flag}: JSON records are answered with JSON")
    with _as_bad_data():
        if isinstance(request, dict):
            records: list[Record] = [
                record_from_dict(each, f"instances[{place}]")
                for place, each in enumerate(request["instances"])
            ]
        else:
            records = [
                record_from_dict(each) if isinstance(each, dict) else each for each in request
            ]
        model = _model(job, records, None, {})
        if isinstance(request, dict):
            lines = [answer(model, request)]
        else:
            found = model.forecast(records, job.horizon, _quantiles(job), job.samples)
            lines = [_line(job.quantiles, each.values) for each in found]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    opened = stdout_output(is_binary=False) if job.output is None else file_output(job.output)
    with opened as stream:
        stream.write(text)


def _line(names: tuple[str, ...], values: FloatArray) -> dict[str, Any]:
    return {"quantiles": dict(zip(names, values[:, :, 0].tolist(), strict=True))}


def _quantiles(job: ForecastJob) -> tuple[float, ...]:
    try:
        wanted = tuple(map(float, job.quantiles))
    except ValueError:
        wanted = ()
    if not wanted or not all(0.0 < each < 1.0 for each in wanted):
        raise CliError(
            ExitCode.USAGE,
            f"--quantiles: expected numbers between 0 and 1, got {','.join(job.quantiles)!r}",
        )
    return wanted


@contextmanager
def _as_bad_data() -> Iterator[None]:
    try:
        yield
    except CliError:
        raise
    except (TypeError, ValueError) as error:
        raise bad_data(str(error)) from None
