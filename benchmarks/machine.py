"""What a measurement was made on: machine, compiler, commit, peers."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from benchmarks import peers
from fastrcf import _core

PEERS = (*peers.STREAMERS, "IsolationForest")


def facts() -> dict[str, str]:
    """Return the heading of a report."""
    features = _core.cpu_features()
    return {
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "other work on the machine": _load(),
        "python": platform.python_version(),
        "compiler": _core.compiler(),
        "kernel": str(features.get("kernel", "?")),
        "fastrcf": f"{_core.version()}, commit {_commit()}",
        "peers": "; ".join(f"{name} {peers.version(name)}" for name in PEERS),
    }


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return "unknown"
    load = os.getloadavg()[0]
    busy = load > 0.5 * (os.cpu_count() or 1)
    return f"load average {load:.1f}" + (", busy: no table to keep" if busy else "")


def _cpu() -> str:
    fields: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine()
    if "model" in fields:
        name += f" (family {fields.get('cpu family')}, model {fields['model']})"
    return name


def _commit() -> str:
    root = Path(__file__).parent.parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "none"
    changed = git("status", "--porcelain", "--", "cpp", "src", "CMakeLists.txt", "cmake")
    return head + (" with changes" if changed else "")
