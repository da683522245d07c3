"""The command line: ``fastrcf score``, ``fit``, ``detect``, ``inspect``, ``demo``, ``doctor``.

Results go to standard output and everything else to standard error. `fastrcf.cli.exits` lists the
exit codes. Only `main` is needed from outside; heavy packages are imported inside the commands.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    import sys

    try:
        from fastrcf.cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        sys.stderr.write(
            f"fastrcf: {error.name} is not installed; to get the command line, run: "
            "pip install fastrcf\n"
        )
        sys.exit(69)
    app(prog_name="fastrcf")
