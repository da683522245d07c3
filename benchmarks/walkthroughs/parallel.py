"""Trainings side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> list[Result]:
    """Do the work on all items in fresh processes; say on standard error what is done."""
    results = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for result in pool.map(work, items):
            print(result, file=sys.stderr, flush=True)
            results.append(result)
    return results
