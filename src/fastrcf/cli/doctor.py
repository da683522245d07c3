"""``fastrcf doctor``: what is installed, and what the machine offers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastrcf.cli.exits import exit_codes

__all__ = ["doctor"]

# One module of each extra is enough to tell whether it is there.
_EXTRAS = {
    "onnx or gpu": ("onnxruntime",),
    "train": ("torch", "onnx"),
    "plot": ("matplotlib",),
    "serve": ("starlette", "uvicorn", "msgspec", "prometheus_client"),
    "aws": ("boto3",),
    "kafka": ("confluent_kafka",),
    "spark": ("pyspark",),
}
_PACKAGES = ("numpy", "pandas", "numba", "pyarrow", "typer", "rich")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print versions, the processor features in use, threads and installed extras."""
    with exit_codes():
        report = _report()
        if as_json:
            import json

            typer.echo(json.dumps(report))
            return
        _print(report)


def _report() -> dict[str, Any]:
    import os
    import platform

    import fastrcf
    from fastrcf import _core

    features = dict(_core.cpu_features())
    kernel = features.pop("kernel")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "fastrcf": fastrcf.__version__,
        "core": _core.version(),
        "compiler": _core.compiler(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "packages": {name: _version_of(name) for name in _PACKAGES},
        "kernel": kernel,
        "cpu_features": features,
        "cpus": os.cpu_count(),
        "usable_cpus": usable,
        "extras": {extra: _has_all(modules) for extra, modules in _EXTRAS.items()},
    }


def _version_of(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _has_all(modules: tuple[str, ...]) -> bool:
    from importlib.util import find_spec

    return all(find_spec(module) is not None for module in modules)


def _print(report: dict[str, Any]) -> None:
    packages = [f"{name} {version or 'missing'}" for name, version in report["packages"].items()]
    features = [name for name, is_there in report["cpu_features"].items() if is_there]
    lines = {
        "fastrcf": f"{report['fastrcf']} (core {report['core']}, {report['compiler']})",
        "python": f"{report['python']} on {report['platform']}",
        "packages": ", ".join(packages),
        "kernel": f"{report['kernel']} (processor: {', '.join(features) or 'baseline'})",
        "threads": f"{report['usable_cpus']} of {report['cpus']} processors may be used",
    }
    for name, text in lines.items():
        typer.echo(f"{name:<9} {text}")
    typer.echo("extras")
    for extra, is_there in report["extras"].items():
        hint = "" if extra == "onnx or gpu" else f"   pip install 'fastrcf[{extra}]'"
        hint = hint or "   pip install 'fastrcf[onnx]' or 'fastrcf[gpu]', never both"
        typer.echo(f"  {extra:<12} {'installed' if is_there else 'missing' + hint}")
