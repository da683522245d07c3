"""What is in a bundle, for people."""

from __future__ import annotations

from typing import Any

__all__ = ["manifest_lines"]


def manifest_lines(manifest: dict[str, Any]) -> list[str]:
    """Show a manifest in a few lines.

    Parameters
    ----------
    manifest : dict
        From `fastrcf.persistence.inspect`.

    Returns
    -------
    list of str
        One line for each thing to know.
    """
    names, n_features = manifest["feature_names"], manifest["n_features"]
    facts = {
        "model": manifest["kind"],
        "written by": f"fastrcf {manifest['library']}, format {manifest['version']}",
        "fingerprint": manifest["fingerprint"],
        "training": _range(manifest["training"]),
        "columns": ", ".join(map(str, names)) if names else n_features,
        "threshold": _threshold(manifest["threshold"]),
        "parts": ", ".join(f"{part['name']} ({part['size']:,} B)" for part in manifest["parts"]),
    }
    return [f"{name:<12}{'-' if fact is None else fact}" for name, fact in facts.items()]


def _range(training: dict[str, Any]) -> str:
    rows, first, last = (training.get(name) for name in ("rows", "first", "last"))
    count = f"{rows:,} rows" if isinstance(rows, int) else "rows not counted"
    if first is None or last is None:
        return count
    return f"{count}, {first} to {last}"


def _threshold(threshold: dict[str, Any] | None) -> str | None:
    if threshold is None:
        return None
    options = threshold.get("options")
    given = options.items() if isinstance(options, dict) else ()
    cutoff = threshold.get("cutoff")
    shown = f"cutoff {cutoff:.6g}" if isinstance(cutoff, float) else "no cutoff yet"
    return f"{threshold.get('type')} ({', '.join(f'{k}={v}' for k, v in given)}), {shown}"
