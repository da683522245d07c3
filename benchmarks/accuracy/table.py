"""Results as text: a summary with one line per protocol, then one table for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import fmean

from benchmarks.accuracy import data
from benchmarks.accuracy.protocols import PROTOCOLS, Figures, Protocol
from benchmarks.accuracy.runner import Result

OURS = ("fastrcf", "fastrcf-alarms")
CONTROLS = (
    "z",
    "dz",
    "range",
    *(f"{rule}:{name}" for rule in ("calibrated", "likelihood", "hold") for name in ("z", "dz")),
)
RAW = (
    "forest-1",
    "forest-8",
    "forest-z",
    "forest-z60",
    "hold:forest-z",
    "calibrated:forest-1",
    "likelihood:forest-1",
)
NETWORKS = ("autoencoder", "autoencoder-lstm", "two-stage", "cascade")
TO_REACH = {
    "nab": "3 above the |z| control under the same rule, aim 8",
    "ucr-prefix": "0.60, aim 0.72",
    "ucr-stream": "0.52, aim 0.62",
    "smd-prefix": "0.49, aim 0.55",
    "smd-train": "0.60, aim 0.70",
    "asd": "isolation forest + 0.1, aim above all of PyOD",
}
SHOWN, ALWAYS_SHOWN = 5, ("AUTOENCODER", "IFOREST", "PCA")
"""How many of the best published methods are shown, and which besides."""

COUNTS = {"nab": "standard at fixed level"}
"""Figure that counts where it is not the first."""


def markdown(results: Sequence[Result]) -> str:
    """Return all tables."""
    parts = [summary(results)]
    for name, group in groupby(results, key=lambda result: result.protocol):
        parts.append(detail(PROTOCOLS[name], list(group)))
    return "\n\n".join(parts)


def summary(results: Sequence[Result]) -> str:
    """Return one line per protocol: the figure that counts, ours beside the best of each kind."""
    head = ["protocol", "figure", "ForestDetector", "best network", "best control"]
    head += ["best raw forest", "best peer"]
    lines = []
    for name, group in groupby(results, key=lambda result: result.protocol):
        members = list(group)
        figure = COUNTS.get(name, next(iter(members[0].figures)))
        kinds = (
            OURS,
            NETWORKS,
            CONTROLS,
            RAW,
            [m.detector for m in members if _is_peer(m.detector)],
        )
        best = [_best(members, kind, figure, name) for kind in kinds]
        others = _best_published(PROTOCOLS[name], members, figure)
        lines.append([name, figure, *best, others, TO_REACH.get(name, "")])
    return _table([*head, "best published", "to reach"], lines)


def detail(protocol: Protocol, results: Sequence[Result]) -> str:
    """Return the table of one protocol, the published figures at its end."""
    columns = list(dict.fromkeys(column for result in results for column in result.figures))
    rows = sorted(results, key=lambda result: -_first(result))
    lines = [
        [
            f"`{result.detector}`",
            result.says,
            *(_number(result.figures.get(column)) for column in columns),
            str(result.n_series),
            _number(result.rows / result.seconds, 0) if result.seconds > 0.5 else "",
        ]
        for result in rows
    ]
    for name, figures in published(protocol, results).items():
        cells = [_number(figures.get(column)) for column in columns]
        lines.append(["published", name, *cells, "", ""])
    title = f"### {protocol.name}: {protocol.says}"
    return f"{title}\n\n" + _table(["", "detector", *columns, "series", "rows/s"], lines)


def published(protocol: Protocol, results: Sequence[Result]) -> dict[str, Figures]:
    """Return what others report: of the collection, and the mean over the very series used."""
    found = dict(protocol.published)
    if not protocol.compares:
        return found
    by_method: dict[str, list[float]] = {}
    for name in max((result.by_series for result in results), key=len):
        for method, value in data.load(protocol.collection, name).published.items():
            by_method.setdefault(method, []).append(value)
    means = {method: fmean(values) for method, values in by_method.items()}
    order = sorted(means, key=means.__getitem__, reverse=True)
    for method in order:
        if order.index(method) < SHOWN or method.upper() in ALWAYS_SHOWN:
            n_series = len(by_method[method])
            found[f"{method} (mean over {n_series} of these)"] = {protocol.compares: means[method]}
    return found


def _is_peer(name: str) -> bool:
    known = (*OURS, *NETWORKS, *CONTROLS, *RAW)
    return name not in known


def _best(members: Sequence[Result], kind: Iterable[str], figure: str, protocol: str) -> str:
    wanted = tuple(kind)
    found = [m for m in members if m.detector in wanted]
    if not found:
        return ""
    first = next(iter(members[0].figures))
    values = [(m.figures.get(figure, m.figures.get(first, math.nan)), m.detector) for m in found]
    value, name = max(values)
    return _number(value) if wanted == OURS else f"{_number(value)} {name}"


def _best_published(protocol: Protocol, members: Sequence[Result], figure: str) -> str:
    first = next(iter(members[0].figures))
    found = [
        (figures.get(figure, figures.get(first, -math.inf)), name)
        for name, figures in published(protocol, members).items()
    ]
    value, name = max(found, default=(-math.inf, ""))
    return f"{_number(value)} {name}" if value > -math.inf else ""


def _first(result: Result) -> float:
    value = next(iter(result.figures.values()))
    return -math.inf if math.isnan(value) else value


def _number(value: float | None, digits: int | None = None) -> str:
    if value is None or math.isnan(value):
        return ""
    if digits is None:
        digits = 1 if abs(value) >= 2 else 3
    return f"{value:,.{digits}f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (head, *lines)]
    rows.insert(1, ["---"] * len(head))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
