"""``fastrcf inspect``: what is in a model file."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from fastrcf.cli.exits import exit_codes

__all__ = ["inspect"]


def inspect(
    file: Annotated[str, typer.Argument(metavar="MODEL", help="A file of fastrcf fit.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show what a model file holds, without loading the model.

    Kind, version, fingerprint, training range, columns, threshold, and the parts with their sizes.
    """
    with exit_codes():
        from fastrcf.cli.inspecting import manifest_lines
        from fastrcf.cli.models import read_manifest

        manifest = read_manifest(file)
        if as_json:
            typer.echo(json.dumps(manifest, ensure_ascii=False))
        else:
            for line in manifest_lines(manifest):
                typer.echo(line)
