"""Print the accuracy table: ``python -m benchmarks.accuracy [--only …] [--write]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.accuracy import data, detectors, protocols, runner, table

README = Path(__file__).parent / "README.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "--only",
        type=_names,
        default=[],
        metavar="NAME,…",
        help=f"collections or protocols: {', '.join(protocols.PROTOCOLS)}",
    )
    parser.add_argument(
        "--detector",
        type=_names,
        default=[],
        metavar="NAME,…",
        help=f"{', '.join(detectors.DETECTORS)}; rule:NAME; module:function",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument(
        "--longest",
        type=int,
        default=detectors.NO_LIMIT,
        metavar="ROWS",
        help="leave out longer series (three of the UCR archive have 900,000 rows)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--write", action="store_true", help="put the table into the README here")
    options = parser.parse_args(arguments)
    try:
        wanted, names = protocols.choose(options.only), detectors.choose(options.detector)
    except (ValueError, ImportError, AttributeError) as error:
        parser.error(str(error))
    wanted = [protocol for protocol in wanted if data.names(protocol.collection)]
    if not wanted:
        parser.error(f"no data sets at {data.folder()}; name their folder in FASTRCF_DATA")
    started = time.perf_counter()
    results = list(runner.run(wanted, names, jobs=options.jobs, longest=options.longest))
    seconds = time.perf_counter() - started
    text = f"{_heading(seconds, options.jobs)}\n\n{table.markdown(results)}"
    print(text)
    if options.json is not None:
        content = [asdict(result) for result in results]
        options.json.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    if options.write:
        from benchmarks.report import write

        write(text, README)
    return 0


def _heading(seconds: float, jobs: int) -> str:
    from benchmarks import machine

    facts = machine.facts()
    made = {name: facts[name] for name in ("machine", "python", "fastrcf")}
    made["time"] = f"{seconds:.0f} s with {jobs} processes"
    return "\n".join(f"- {name}: {value}" for name, value in made.items())


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    sys.exit(main())
