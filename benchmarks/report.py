"""Print the speed table: ``python -m benchmarks.report [--quick] [--json FILE] [--write]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import attribution, completion, fleet, machine, races, upkeep
from benchmarks.rows import QUICK, Effort, Row
from benchmarks.workloads import SINE_8, SINE_48, THREE_50, THREE_100, Workload
from fastrcf import _core

README = Path(__file__).parent / "README.md"
MARKS = ("<!-- table: begin -->\n", "<!-- table: end -->")
LIBRARIES = ("fastrcf", "krcf", "rcf3", "Java", "IsolationForest")


def _stream(workload: Workload, **marks: tuple[float, float]) -> Callable[[Effort], Row]:
    return lambda effort: races.stream(workload, marks, effort)


JOBS: dict[str, Callable[[Effort], Row | list[Row]]] = {
    "stream": _stream(SINE_8, krcf=(10, 18), Java=(8, 13)),
    "stream-d3-50": _stream(THREE_50, fastest=(6, 10)),
    "stream-d3-100": _stream(THREE_100, fastest=(6, 10)),
    "stream-s48": _stream(SINE_48, fastest=(6, 10)),
    "one": races.one_by_one,
    "table": races.frozen_table,
    "attribution": attribution.attribution,
    "impute": completion.impute,
    "forecast": completion.forecast,
    "threads": upkeep.two_threads,
    "memory": upkeep.memory,
    "state": upkeep.state,
    "long": upkeep.long_stream,
    "fleet": fleet.new_keys,
    "fleet-memory": fleet.memory,
}


def markdown(facts: dict[str, str], rows: Sequence[Row]) -> str:
    """Return the report as text: heading, table, notes."""
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", *_table(["job", *LIBRARIES, "ratio", "to reach", "aim", "met"], rows), ""]
    lines += [f"- {row.job}: {'; '.join(row.notes)}." for row in rows if row.notes]
    return "\n".join(lines)


def _table(head: list[str], rows: Sequence[Row]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{row.job} ({row.unit})"]
        if "fastrcf" in row.values:
            cells += [_number(row.values.get(name)) for name in LIBRARIES]
        else:
            values = ", ".join(f"{name} {_number(value)}" for name, value in row.values.items())
            cells += [values, *[""] * (len(LIBRARIES) - 1)]
        cells += [_ratios(row), row.to_reach, row.aim, row.met]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _ratios(row: Row) -> str:
    if len(row.ratios) == 1:
        (ratio,) = row.ratios.values()
        return f"{ratio:.3g} ×"
    return ", ".join(f"{name} {ratio:.3g} ×" for name, ratio in row.ratios.items())


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def write(text: str, file: Path = README) -> None:
    """Put `text` between the marks of `file`."""
    content = file.read_text()
    head, begin, rest = content.partition(MARKS[0])
    _old, end, tail = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError(f"file: {file} has no marks for the table")
    file.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter series")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--only", nargs="+", choices=list(JOBS), metavar="JOB", help=", ".join(JOBS)
    )
    parser.add_argument("--write", action="store_true", help="put the table into the README here")
    parser.add_argument("--kernel", default="auto", help="baseline, avx2, avx512 (default: auto)")
    options = parser.parse_args(arguments)
    _core.use_kernel(options.kernel)
    effort = QUICK if options.quick else Effort()
    facts = machine.facts()
    rows: list[Row] = []
    for name in options.only or JOBS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        measured = JOBS[name](effort)
        rows.extend(measured if isinstance(measured, list) else [measured])
    text = markdown(facts, rows)
    print(text)
    if options.write:
        write(text)
    if options.json is not None:
        content = {"facts": facts, "rows": [row.as_dict() for row in rows]}
        options.json.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
