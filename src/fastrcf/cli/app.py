"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from fastrcf.cli.demo import demo
from fastrcf.cli.detect import detect
from fastrcf.cli.doctor import doctor
from fastrcf.cli.eval import evaluate
from fastrcf.cli.fit import fit
from fastrcf.cli.forecast import forecast
from fastrcf.cli.inspect import inspect
from fastrcf.cli.score import score
from fastrcf.cli.train_ae import train_ae

__all__ = ["app"]

app = typer.Typer(
    name="fastrcf",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        import fastrcf

        typer.echo(f"fastrcf {fastrcf.__version__}")
        raise typer.Exit


@app.callback()
def fastrcf(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Find what is unusual in time series and tables, with a random cut forest in C++."""


app.command()(score)
app.command()(fit)
app.command("train-ae")(train_ae)
app.command()(inspect)
app.command("eval")(evaluate)
app.command()(detect)
app.command()(forecast)
app.command()(demo)
app.command()(doctor)
