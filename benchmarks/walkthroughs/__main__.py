"""Print the figures: ``python -m benchmarks.walkthroughs [bearing|ecg] [--write]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.data import folder
from benchmarks.walkthroughs import bearing, ecg

README = Path(__file__).parent / "README.md"
WALKTHROUGHS = {"bearing": "cwru", "ecg": "ucr_discords"}
"""Walkthroughs, and the folders of their data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walkthroughs", description=__doc__)
    parser.add_argument("only", nargs="?", choices=list(WALKTHROUGHS), help="default: both")
    parser.add_argument("--seeds", type=int, default=5, help="trainings to average (default: 5)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the records there")
    parser.add_argument("--write", action="store_true", help="put the tables into the README here")
    options = parser.parse_args(arguments)
    for name in [options.only] if options.only else WALKTHROUGHS:
        if not (folder() / WALKTHROUGHS[name]).is_dir():
            parser.error(f"no data at {folder() / WALKTHROUGHS[name]}; set FASTRCF_DATA")
        seeds = range(options.seeds)
        if name == "bearing":
            text = bearing.report(seeds, options.jobs)
        else:
            text = ecg.report(seeds, options.jobs, options.pictures)
        print(text, flush=True)
        if options.write:
            write(name, text)
    return 0


def write(name: str, text: str, file: Path = README) -> None:
    """Put a report between its marks."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = file.read_text().partition(begin)
    _old, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"file: {file} has no marks for {name}")
    file.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}")


if __name__ == "__main__":
    sys.exit(main())
