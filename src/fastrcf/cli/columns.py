"""Which columns are measures, and which are ids, clocks, keys or labels.

The choice is made on the first `PROBE_ROWS` rows, whatever the size of the chunks, and holds for
the whole input. A column that was left out because it rises in every row is watched further; when
it stops rising, a warning says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf.cli.cells import is_number_type, is_text_type, numbers, parse_numbers, seconds, texts
from fastrcf.cli.exits import CliError, ExitCode, bad_data

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray
    from fastrcf.cli.readers import Chunk

__all__ = ["PROBE_ROWS", "Requested", "RiseWatch", "Roles", "choose"]

PROBE_ROWS = 1000

_RISING_ROWS = 10  # so many rows must rise before whole numbers count as an id
_RISING_FRACTIONS = 100  # and so many before fractions do
_MOST_MISSING = 0.5  # a row with any missing value cannot be scored
_LABEL_NAME = re.compile(
    r"is_\w+|label(s|ed)?|\w+_label|anomal(y|ies|ous)|outlier|changepoint|ground_truth",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Requested:
    """The columns as the user named them.

    Attributes
    ----------
    values, ids : tuple of str
        Measures; columns that only pass through. No values: choose them.
    time, key : str, optional
        The clock; the column that tells series apart.
    """

    values: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    time: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Roles:
    """What each column is used for.

    Attributes
    ----------
    values : tuple of str
        Measures, in the order in which the forest sees them.
    key, time : str, optional
        As in `Requested`; the time column is found when it is not named.
    left_out : tuple of str
        Columns that rise in every row.
    warnings : tuple of str
        What the user should know about the choice.
    """

    values: tuple[str, ...]
    key: str | None = None
    time: str | None = None
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass
class _Choice:
    values: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    not_numbers: list[str] = field(default_factory=list)


def choose(probe: Any, requested: Requested) -> Roles:
    """Choose the columns to score.

    Parameters
    ----------
    probe : pyarrow.Table
        The first rows.
    requested : Requested
        What the user named.

    Returns
    -------
    Roles
        What each column is for.

    Raises
    ------
    CliError
        A named column is absent or has two roles, or no column holds numbers.
    """
    _check_names(probe.column_names, requested)
    time = requested.time or next(
        (name for name in probe.column_names if seconds(probe, name) is not None), None
    )
    if requested.values:
        return Roles(requested.values, requested.key, time)

    named = {requested.key, requested.time, *requested.ids}
    order = _order_by_key(probe, requested.key)
    choice = _Choice()
    for name in probe.column_names:
        if name not in named:
            _judge(choice, probe, name, order)
    if not choice.values:
        seen = "; ".join([*choice.warnings, *choice.not_numbers]) or "there is no other column"
        raise bad_data(f"no column to score: {seen}")
    return Roles(
        tuple(choice.values), requested.key, time, tuple(choice.left_out), tuple(choice.warnings)
    )


def _check_names(present: list[str], requested: Requested) -> None:
    flags = [("--value-cols", name) for name in requested.values]
    flags += [("--id-cols", name) for name in requested.ids]
    flags += [("--time-col", requested.time)] if requested.time is not None else []
    flags += [("--key-col", requested.key)] if requested.key is not None else []
    taken: dict[str, str] = {}
    for flag, name in flags:
        if name not in present:
            known = ", ".join(repr(column) for column in present)
            raise CliError(
                ExitCode.BAD_CONFIG, f"{flag}: there is no column {name!r}; there are {known}"
            )
        if name in taken:
            both = flag if taken[name] == flag else f"{taken[name]} and {flag}"
            raise CliError(ExitCode.BAD_CONFIG, f"{both}: column {name!r} is named twice")
        taken[name] = flag


def _judge(choice: _Choice, probe: Any, name: str, order: Any) -> None:
    """Put one column where it belongs."""
    column = probe.column(name).combine_chunks()
    if is_text_type(column.type):
        first_other = _not_mostly_numbers(column)
        if first_other is not None:
            choice.not_numbers.append(f"column {name!r} has {first_other}")
            return
    elif not is_number_type(column.type):
        choice.not_numbers.append(f"column {name!r} has {column.type} cells")
        return
    values = numbers(probe, name, 0)
    if _LABEL_NAME.fullmatch(name) and np.isin(values, (0.0, 1.0)).all():
        choice.warnings.append(
            f"column {name!r} looks like labels, not a measure, and is left out; to score it, "
            "name it in --value-cols"
        )
    elif np.isnan(values).mean() > _MOST_MISSING:
        choice.warnings.append(
            f"column {name!r} is empty in most of the first rows and is left out; to score it, "
            "name it in --value-cols"
        )
    elif _rises(values, order):
        choice.left_out.append(name)
        choice.warnings.append(
            f"column {name!r} rises in every row: an id or a clock, not a measure, and is left "
            "out; to score it, name it in --value-cols"
        )
    else:
        choice.values.append(name)


def _not_mostly_numbers(text: Any) -> str | None:
    """None when most cells that are not empty are numbers, else what there is instead."""
    import pyarrow as pa

    try:
        return None if parse_numbers(text).null_count < len(text) else "no values"
    except pa.ArrowInvalid:
        pass
    n_numbers, n_others, first = 0, 0, ""
    for cell in text:
        try:
            n_numbers += parse_numbers(pa.array([cell.as_py()], type=text.type)).null_count == 0
        except pa.ArrowInvalid:
            n_others += 1
            first = first or str(cell.as_py())
    return None if n_numbers > n_others else f"text such as {first!r}"


def _order_by_key(probe: Any, key: str | None) -> Any:
    """Rows of one key after each other, with the places where the key changes; None without key."""
    if key is None:
        return None
    codes = texts(probe, key).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    return order, np.diff(codes[order]) != 0


def _rises(values: FloatArray, order: Any) -> bool:
    """Whether values rise, or fall, in every row (of each key)."""
    if np.isnan(values).any():
        return False
    if order is None:
        steps = np.diff(values)
    else:
        rows, is_border = order
        steps = np.diff(values[rows])[~is_border]
    enough = _RISING_ROWS if (values == np.rint(values)).all() else _RISING_FRACTIONS
    return len(steps) >= enough - 1 and bool((steps > 0).all() or (steps < 0).all())


class RiseWatch:
    """Looks on whether the columns that were left out keep rising.

    With a key column they are not watched: only the first rows were looked at then.
    """

    def __init__(self, roles: Roles) -> None:
        self._last: dict[str, FloatArray] = {}
        self._names = () if roles.key is not None else roles.left_out
        self._sign: dict[str, float] = {}

    def look(self, chunk: Chunk) -> list[str]:
        """Look at the next rows; returns what to warn of, once for each column."""
        warnings, still = [], []
        for name in self._names:
            row = self._first_break(chunk, name)
            if row is None:
                still.append(name)
            else:
                warnings.append(
                    f"column {name!r} was left out because it rises in each of the first rows, "
                    f"but it does not in row {row}; if it is a measure, run again with it in "
                    "--value-cols"
                )
        self._names = tuple(still)
        return warnings

    def _first_break(self, chunk: Chunk, name: str) -> int | None:
        try:
            values = numbers(chunk.table, name, chunk.first_row)
        except CliError:
            return chunk.first_row + 1
        joined = np.concatenate([self._last.get(name, values[:0]), values])
        steps = np.diff(joined)
        if len(steps) == 0:
            self._last[name] = values[-1:]
            return None
        sign = self._sign.setdefault(name, float(np.sign(steps[0])))
        self._last[name] = values[-1:]
        broken = ~(steps * sign > 0)
        if not broken.any():
            return None
        offset = len(joined) - len(values)
        return chunk.first_row + int(np.argmax(broken)) + 2 - offset
