"""What is in a bundle, for people."""

from __future__ import annotations

from typing import Any

from fastrcf.cli.exits import bad_data
from fastrcf.detectors.alarms import cutoff_of

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
        **_detector(manifest),
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


def _detector(manifest: dict[str, Any]) -> dict[str, str]:
    """Say what a detector has learned, and when it raises alarms."""
    learned = {
        "AutoencoderDetector": _network,
        "CascadeDetector": _network,
        "ForestDetector": _learned,
        "TwoStageDetector": _network,
    }.get(manifest["kind"])
    if learned is None:
        return {}
    try:
        return learned(manifest["model"])
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise bad_data("the manifest does not describe a detector") from None


def _alarms(params: dict[str, Any]) -> dict[str, str]:
    rate = params["alarm_rate"]
    return {"cutoff": f"{cutoff_of(rate):.6g}, alarm rate {rate:g} per row, rest {params['rest']}"}


def _network(model: dict[str, Any]) -> dict[str, str]:
    """Say what network judges, and how it was trained."""
    params, state = model["params"], model["state"]
    facts = _alarms(params)
    if state is None:
        return facts
    learned = state["learned"]
    kind, network = learned["source"]["kind"], learned["source"]["network"]["state"]
    is_ready = learned["law"]["count"] >= learned["law"]["warm"]
    facts |= {
        "network": f"{kind}, {_plainly(network['spec'])}",
        "trained": f"{len(network['history']['loss'])} epochs",
        "error": params["error"],
        "rows seen": f"{state['n_seen']:,}" + ("" if is_ready else " (too few to judge)"),
        "alarms": f"{len(state['detections']):,}",
    }
    if "budget" in params:
        facts["budget"] = f"{params['budget']:g} of the rows"
    if "first" in params:
        facts["first stage"] = f"{params['first']}, drops at most {params['drop']:g} of the rows"
    return facts


_SHOWN = ("window_size", "encoder", "decoder", "hidden")


def _plainly(spec: dict[str, Any]) -> str:
    shown = {name: spec[name] for name in _SHOWN if spec.get(name) is not None}
    return ", ".join(
        f"{name} {'-'.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in shown.items()
    )


def _learned(model: dict[str, Any]) -> dict[str, str]:
    params, state = model["params"], model["state"]
    facts = _alarms(params)
    if state is None:
        return facts
    watches = state["watches"]
    views = [_view(watch["view"]) for watch in watches]
    is_ready = watches and all(w["law"]["count"] >= w["law"]["warm"] for w in watches)
    end = (
        "goes on learning"
        if not state["fitted"]
        else ""
        if is_ready
        else "too few whole rows to judge"
    )
    return facts | {
        "period": f"{state['period']} rows" if state["period"] else "none",
        "views": ", ".join(views),
        "rows seen": f"{state['n_seen']:,}" + (f" ({end})" if end else ""),
        "alarms": f"{len(state['detections']):,}",
    }


def _view(view: dict[str, Any]) -> str:
    """Name a view as the option of the detector does."""
    if view["kind"] == "shape":
        return f"{'change' if view['differences'] else 'shape'} over {view['window']} rows"
    name = "values" if view["basis"] is None else "rest"
    return name if view["shingle"] == 1 else f"path of {view['shingle']} rows of {name}"


def _threshold(threshold: dict[str, Any] | None) -> str | None:
    if threshold is None:
        return None
    options = threshold.get("options")
    given = options.items() if isinstance(options, dict) else ()
    cutoff = threshold.get("cutoff")
    shown = f"cutoff {cutoff:.6g}" if isinstance(cutoff, float) else "no cutoff yet"
    return f"{threshold.get('type')} ({', '.join(f'{k}={v}' for k, v in given)}), {shown}"
