"""Checking the options of a forest and turning them into what the native core takes."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from fastrcf._forest.checks import choice, integer, real
from fastrcf._forest.preparation import check_preparation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_SAMPLE_SIZE",
    "SCORINGS",
    "check_contamination",
    "check_options",
    "resolve_n_jobs",
    "resolve_random_state",
]

SCORINGS = ("standard", "kinesis")
"""Laws of the score that the core knows."""

MAX_SAMPLE_SIZE = 32_000
"""Nodes of a tree are numbered with 16 bits."""

_MAX_TREES = 100_000
_MAX_SHINGLE_SIZE = 65_535
_MAX_INT32 = 2**31 - 1
_MAX_UINT64 = 2**64 - 1
_MAX_THREADS = 256


def check_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters of a forest and fill in those that are None.

    Parameters
    ----------
    params : mapping
        The parameters of `RandomCutForest` by name.

    Returns
    -------
    dict
        Keywords of the native forest, all but ``n_columns``.

    Raises
    ------
    TypeError, ValueError
        A parameter is of the wrong type or out of range; the message names it.
    """
    check_contamination(params["contamination"])
    n_trees = integer("n_trees", params["n_trees"], 1, _MAX_TREES)
    sample_size = integer("sample_size", params["sample_size"], 1, MAX_SAMPLE_SIZE)
    shingle_size = integer("shingle_size", params["shingle_size"], 1, _MAX_SHINGLE_SIZE)
    decay = params["time_decay"]
    output_after = params["output_after"]
    accept = real("initial_accept_fraction", params["initial_accept_fraction"])
    if not 0.0 < accept <= 1.0:
        raise ValueError(f"initial_accept_fraction: expected a number in (0, 1], got {accept!r}")
    return {
        "n_trees": n_trees,
        "sample_size": sample_size,
        "shingle_size": shingle_size,
        "time_decay": 1.0 / (10 * sample_size) if decay is None else _decay(decay),
        "output_after": (
            max(1, sample_size // 4)
            if output_after is None
            else integer("output_after", output_after, 1, _MAX_UINT64)
        ),
        "initial_accept_fraction": accept,
        "random_state": resolve_random_state(params["random_state"]),
        "scoring": choice("scoring", params["scoring"], SCORINGS),
        "n_jobs": resolve_n_jobs(params["n_jobs"]),
        "preparation": check_preparation(params),
    }


def check_contamination(value: object) -> float | None:
    """Check `contamination`.

    Parameters
    ----------
    value : object
        What the user gave.

    Returns
    -------
    float or None
        The share of training rows that lie below the offset, or None for ``"auto"``.

    Raises
    ------
    TypeError, ValueError
        It is neither ``"auto"`` nor a number in (0, 0.5].
    """
    if isinstance(value, str):
        if value == "auto":
            return None
        raise ValueError(f"contamination: expected 'auto' or a number in (0, 0.5], got {value!r}")
    share = real("contamination", value, expected="'auto' or a number in (0, 0.5]")
    if not 0.0 < share <= 0.5:
        raise ValueError(f"contamination: expected 'auto' or a number in (0, 0.5], got {value!r}")
    return share


def resolve_random_state(value: object) -> int:
    """Turn `random_state` into a seed.

    Parameters
    ----------
    value : object
        A seed, or None for one from the operating system.

    Returns
    -------
    int
        From 0 to 2**64 - 1.

    Raises
    ------
    TypeError, ValueError
        It is neither None nor an integer in this range.
    """
    if value is None:
        return int.from_bytes(os.urandom(8), "little")
    return integer("random_state", value, 0, _MAX_UINT64)


def resolve_n_jobs(value: object) -> int:
    """Turn `n_jobs` into a number of threads.

    Parameters
    ----------
    value : object
        None for one thread; a positive number; or a negative one as in joblib: -1 for as many
        threads as there are processors, -2 for one less, and so on.

    Returns
    -------
    int
        At least 1, at most 256.

    Raises
    ------
    TypeError, ValueError
        It is not an integer, or it is 0.
    """
    if value is None:
        return 1
    jobs = integer("n_jobs", value, -_MAX_INT32, _MAX_INT32)
    if jobs == 0:
        raise ValueError("n_jobs: expected a positive number, or -1 for all processors, got 0")
    if jobs < 0:
        jobs = max(1, (os.cpu_count() or 1) + 1 + jobs)
    return min(jobs, _MAX_THREADS)


def _decay(value: object) -> float:
    decay = real("time_decay", value, expected="None or a number of at least 0")
    if not 0.0 <= decay < math.inf:
        raise ValueError(f"time_decay: expected a finite number of at least 0, got {value!r}")
    return decay
