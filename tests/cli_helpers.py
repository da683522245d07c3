"""What the tests of the command line share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from typer.testing import CliRunner, Result

COMMAND = [sys.executable, "-c", "from fastrcf.cli import main; main()"]
RESULTS = ["score", "is_anomaly", "threshold"]
FOREST = ["--trees", "20", "--samples", "64"]


def invoke(*arguments: object, stdin: bytes | str | None = None) -> Result:
    """Run a command in this process."""
    from fastrcf.cli.app import app

    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def ok(*arguments: object, stdin: bytes | str | None = None) -> Result:
    """Run a command that must succeed."""
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result


def fails(code: int, *arguments: object, stdin: bytes | str | None = None) -> str:
    """Run a command that must fail; returns what it says, without line breaks."""
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == code, (result.exit_code, result.stderr, result.exception)
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


def spawn(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def series(n_rows: int = 600, *, seed: int = 0, spike: int | None = 450) -> np.ndarray:
    """A noisy sine with one spike, where there is room for it."""
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(n_rows) * 2 * np.pi / 50) + rng.normal(0, 0.1, n_rows)
    if spike is not None and spike < n_rows:
        values[spike] += 5
    return values.round(6)


def write_csv(path: Path, columns: dict[str, object], delimiter: str = ",") -> Path:
    """Write columns as plain text."""
    cells = [np.asarray(column).astype(str).tolist() for column in columns.values()]
    lines = [delimiter.join(row) for row in zip(*cells, strict=True)]
    path.write_text("\n".join([delimiter.join(columns), *lines, ""]), encoding="utf-8")
    return path


def read_csv(source: Path | bytes, delimiter: str = ",") -> pa.Table:
    """Read a result."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )


def scores_of(table: pa.Table, name: str = "score") -> np.ndarray:
    """The scores in a result, exactly as written."""
    return pc.cast(table.column(name), pa.float64()).to_numpy().copy()
