"""The rows of the table on missing values and forecasts: the answer first, then the time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.ours import Bulk
from benchmarks.peers import present
from benchmarks.rows import Effort, Row, at_most
from benchmarks.streamer import cpu_clock
from benchmarks.timing import WARM_UP, Timing, WrongAnswerError, timed
from benchmarks.workloads import SINE_8, SINE_48, FloatArray, Workload
from fastrcf import RandomCutForest

CELLS = 2_000
HORIZON = 48
SHARE = 0.1
LIMIT = 0.2

Call = Callable[[], FloatArray]


def taught(workload: Workload) -> RandomCutForest:
    """Return fastrcf's forest after the warm-up."""
    streamer = Bulk(workload, WARM_UP)
    streamer.run(streamer.next_block(WARM_UP))
    return streamer.forest


def taught_peer(name: str, workload: Workload) -> Any:
    """Return the forest of a peer after the warm-up."""
    streamer = peers.SAVERS[name](workload, WARM_UP)
    streamer.run(streamer.next_block(WARM_UP))
    return streamer.forest


def gappy(workload: Workload) -> tuple[FloatArray, FloatArray]:
    """Return the rows after the warm-up and the same with a tenth of the values missing."""
    n = round(CELLS / SHARE)
    truth = workload.rows(WARM_UP + n)[WARM_UP:]
    rows = truth.copy()
    rows[np.random.default_rng(1).permutation(n)[:CELLS]] = np.nan
    return truth, rows


def check_error(name: str, error: FloatArray) -> float:
    """Raise unless the mean error is below two deviations of the noise."""
    mean = float(np.abs(error).mean())
    if not mean < LIMIT:
        raise WrongAnswerError(f"{name}: mean error {mean:.3f}, expected below {LIMIT:.3f}")
    return mean


def impute(effort: Effort) -> Row:
    """Fill in a tenth of the values of a series; rcf3 gets its windows with the newest missing."""
    truth, rows = gappy(SINE_8)
    gone = np.isnan(rows)
    forest = taught(SINE_8)
    calls: dict[str, Call] = {"fastrcf": lambda: forest.impute(rows)[gone]}
    answers = {"fastrcf": truth[gone]}
    if present(["rcf3"]):
        ends = np.flatnonzero(gone[:, 0])
        ends = ends[ends >= SINE_8.shingle_size][: CELLS // 4]
        windows = [truth[end - SINE_8.shingle_size + 1 : end + 1, 0].tolist() for end in ends]
        fill, last = taught_peer("rcf3", SINE_8).impute, [SINE_8.shingle_size - 1]
        calls["rcf3"] = lambda: np.array([fill(window, last)[-1] for window in windows])
        answers["rcf3"] = truth[ends, 0]
    timings, notes = _measured(calls, answers, effort)
    job = f"impute a tenth of the values, {SINE_8.name}"
    return _row(job, "µs/value", timings, notes, reach=100, aim=50)


def forecast(effort: Effort) -> Row:
    """Forecast 48 rows: fastrcf by 1,000 paths, the peers by one path of medians."""
    truth = SINE_48.rows(WARM_UP + HORIZON)[WARM_UP:, 0]
    forest = taught(SINE_48)
    calls: dict[str, Call] = {"fastrcf": lambda: forest.forecast(HORIZON).median[:, 0]}
    wrong = []
    for name in present(["krcf", "rcf3"]):
        call = partial(_extrapolated, taught_peer(name, SINE_48).extrapolate)
        error = float(np.abs(call() - truth).mean())
        if error < LIMIT:
            calls[name] = call
        else:
            wrong.append(f"{name} is left out: mean error {error:.3f} on a wave of amplitude 1")
    timings, notes = _measured(calls, dict.fromkeys(calls, truth), effort)
    notes += wrong
    notes.append("fastrcf draws 1,000 paths, 6 trees a row, the peers one path, 100 trees a row")
    job = f"forecast of {HORIZON} rows, {SINE_48.name}"
    return _row(job, "µs/row", timings, notes, reach=10_000, aim=2_000)


def _extrapolated(extrapolate: Callable[[int], Any]) -> FloatArray:
    answer = extrapolate(HORIZON)
    return np.ravel(answer["values"] if isinstance(answer, dict) else answer)


def _measured(
    calls: dict[str, Call], answers: dict[str, FloatArray], effort: Effort
) -> tuple[dict[str, Timing], list[str]]:
    notes = []
    for name, call in calls.items():
        error = check_error(name, call() - answers[name])
        notes.append(f"{name} mean error {error:.3f}")
    timings = {name: Timing(name) for name in calls}
    for _ in range(effort.rounds):
        for name, call in calls.items():
            seconds, values = timed(cpu_clock, call)
            timings[name].seconds.append(seconds / len(values))
    return timings, notes


def _row(
    job: str, unit: str, timings: dict[str, Timing], notes: list[str], *, reach: float, aim: float
) -> Row:
    ours = timings["fastrcf"]
    return Row(
        job=job,
        values={name: timing.micros for name, timing in timings.items()},
        unit=unit,
        ratios={name: t.ratio(ours) for name, t in timings.items() if name != "fastrcf"},
        to_reach=f"{reach:,} {unit}",
        aim=f"{aim:,} {unit}",
        met=at_most(ours.micros, reach, aim),
        notes=notes,
    )
