"""Frames in, frames of the same kind out: pandas, polars, Arrow and whatever narwhals knows.

Needs ``pip install 'fastrcf[frames]'``; narwhals is loaded when a function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from fastrcf._extras import require
from fastrcf._forest.inputs import as_table
from fastrcf.fleet import ForestFleet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, IntArray
    from fastrcf.forest import RandomCutForest

__all__ = ["score_frame", "score_long_frame", "score_update_frame"]

FrameT = TypeVar("FrameT")

_RESULTS = ("score", "ready")


def score_frame(
    forest: RandomCutForest,
    df: FrameT,
    *,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    keep: bool = True,
) -> FrameT:
    """Score the rows of a frame without learning them.

    Parameters
    ----------
    forest : RandomCutForest
        The forest. It stays as it is.
    df : pandas.DataFrame, polars.DataFrame, pyarrow.Table or another frame that narwhals knows
        The rows; nulls mean missing. It stays as it is.
    columns : sequence of str, optional
        The columns to score. The default is the columns whose names the forest has learned; if it
        knows no names, all columns of numbers but `time`. Others are passed through.
    time : str, optional
        A column of times, to be left out of the score. Rows must stand in its order.
    keep : bool, default True
        Whether all columns are kept, or `time` alone. The index of a pandas frame is always kept.

    Returns
    -------
    frame of the same kind as df
        The columns that are kept, and behind them ``score`` (float64, higher is more anomalous) and
        ``ready`` (bool, whether the row has a score: the score is 0.0 where it has none).

    Raises
    ------
    MissingExtraError
        narwhals is not installed.
    TypeError
        `df` is not a frame in memory, or a column to score does not hold numbers.
    ValueError
        A column does not exist, is there twice or is called like a result; there is no column of
        numbers; times go backwards or are missing; or as in `RandomCutForest.score`.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastrcf import RandomCutForest
    >>> from fastrcf.compat.frames import score_frame
    >>> days = pd.date_range("2024-01-01", periods=300)
    >>> df = pd.DataFrame({"load": [day % 7 for day in range(300)], "host": "a"}, index=days)
    >>> scored = score_frame(RandomCutForest(n_trees=20).update({"load": df["load"]}), df)
    >>> list(scored.columns), scored.index.equals(df.index)
    (['load', 'host', 'score', 'ready'], True)
    """
    return _answer(forest, df, forest.score, columns=columns, time=time, keep=keep)


def score_update_frame(
    forest: RandomCutForest,
    df: FrameT,
    *,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    keep: bool = True,
) -> FrameT:
    """Score each row of a frame, then learn it.

    Parameters
    ----------
    forest : RandomCutForest
        The forest. It learns the rows.
    df, columns, time, keep
        As in `score_frame`.

    Returns
    -------
    frame of the same kind as df
        As in `score_frame`.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `score_frame`; nothing is learned then.

    Examples
    --------
    >>> import polars as pl
    >>> from fastrcf import RandomCutForest
    >>> from fastrcf.compat.frames import score_update_frame
    >>> df = pl.DataFrame({"load": [day % 7 for day in range(300)]})
    >>> scored = score_update_frame(RandomCutForest(n_trees=20), df)
    >>> scored.columns, scored["ready"].sum()
    (['load', 'score', 'ready'], 236)
    """
    return _answer(forest, df, forest.score_update, columns=columns, time=time, keep=keep)


def score_long_frame(
    df: FrameT,
    id: str = "unique_id",  # noqa: A002 - the word of such frames
    time: str | None = "ds",
    target: Sequence[str] | str = ("y",),
    **options: Any,
) -> FrameT:
    """Score many series that stand below each other in one frame, each with its own forest.

    Each series goes through a new forest row by row: every row is scored by what came before it in
    its series. The forests are a `ForestFleet`, whose keys are the ids: integers and text as they
    are, others as text.

    Parameters
    ----------
    df : pandas.DataFrame, polars.DataFrame, pyarrow.Table or another frame that narwhals knows
        One row for each series and time, in any order. It stays as it is.
    id : str, default "unique_id"
        The column that says which series a row belongs to.
    time : str or None, default "ds"
        The column of times; each series is scored in its order. None takes the rows as they stand.
    target : str or sequence of str, default ("y",)
        The columns to score; nulls mean missing.
    **options
        Arguments of `ForestFleet`.

    Returns
    -------
    frame of the same kind as df
        The same rows in the same order with all columns, and ``score`` and ``ready`` as in
        `score_frame`.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `score_frame`; or a row has no id or no time.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastrcf.compat.frames import score_long_frame
    >>> df = pd.DataFrame({"unique_id": ["a", "b"] * 200, "ds": range(400), "y": 1.0})
    >>> df.loc[300, "y"] = 9.0
    >>> scored = score_long_frame(df, n_trees=20)
    >>> scored.loc[scored["score"].idxmax(), "unique_id"]
    'a'
    """
    frame = _frame(df)
    _check_results(frame.columns)
    targets = _columns(frame, [target] if isinstance(target, str) else target, "target")
    keys = _columns(frame, [id] if time is None else [id, time], "id or time")
    _refuse_nulls(frame, keys)
    values = as_table(_native(frame, targets), name="df").array
    rows = _in_order(frame, keys)
    ids = frame[id].to_list()
    scores = np.empty(len(values))
    scores[rows] = ForestFleet(**options).score_update([_key(ids[i]) for i in rows], values[rows])
    return cast("FrameT", _with_results(frame, frame.columns, scores))


# ---- one forest ---------------------------------------------------------------------------------


def _answer(
    forest: RandomCutForest,
    df: FrameT,
    verb: Callable[[dict[str, Any]], FloatArray],
    *,
    columns: Sequence[str] | None,
    time: str | None,
    keep: bool,
) -> FrameT:
    frame = _frame(df)
    if time is not None:
        _check_times(frame, time)
    kept = frame.columns if keep else [name for name in frame.columns if name == time]
    _check_results(kept)
    scored = _native(frame, _scored(forest, frame, columns, time))
    return cast("FrameT", _with_results(frame, kept, verb(scored)))


def _scored(
    forest: RandomCutForest, frame: Any, columns: Sequence[str] | None, time: str | None
) -> list[str]:
    """Choose the columns that the forest is asked about."""
    learned = getattr(forest, "feature_names_in_", None)
    if columns is None and learned is not None:
        return _columns(frame, list(learned), "the forest has learned")
    if columns is not None:
        return _columns(frame, [columns] if isinstance(columns, str) else columns, "columns")
    numbers = [
        name
        for name, dtype in frame.schema.items()
        if name != time and (dtype.is_numeric() or dtype == require("narwhals", "frames").Boolean)
    ]
    if not numbers:
        raise ValueError(f"df: expected a column of numbers to score, got {dict(frame.schema)}")
    return numbers


def _check_times(frame: Any, time: str) -> None:
    _columns(frame, [time], "time")
    _refuse_nulls(frame, [time])
    column = frame[time]
    back = np.asarray((column < column.shift(1)).fill_null(value=False).to_numpy(), dtype=bool)
    if back.any():
        row = int(back.argmax())
        raise ValueError(
            f"df: expected rows in the order of {time!r}, got {column[row]} in row {row} after "
            f"{column[row - 1]}; sort the frame first"
        )


# ---- many series --------------------------------------------------------------------------------


def _in_order(frame: Any, keys: list[str]) -> IntArray:
    """Rows of one series after the other, each in the order of time."""
    place = "fastrcf_row"
    while place in keys:
        place += "_"
    ordered = frame.select(keys).with_row_index(place).sort(*keys, place)
    return cast("IntArray", ordered[place].to_numpy().astype(np.int64))


def _key(value: object) -> str | int:
    return value if isinstance(value, str | int) else str(value)


def _refuse_nulls(frame: Any, names: list[str]) -> None:
    for name in names:
        nulls = np.asarray(frame[name].is_null().to_numpy(), dtype=bool)
        if nulls.any():
            raise ValueError(f"df: {name!r} is missing in row {int(nulls.argmax())}")


# ---- frames -------------------------------------------------------------------------------------


def _frame(df: Any) -> Any:
    narwhals = require("narwhals", "frames")
    try:
        return narwhals.from_native(df, eager_only=True)
    except TypeError as error:
        raise TypeError(
            f"df: expected a frame in memory (pandas, polars, Arrow …), got {type(df).__name__}; "
            "collect a lazy frame first"
        ) from error


def _columns(frame: Any, names: Sequence[str], argument: str) -> list[str]:
    """Check that columns are there."""
    missing = [name for name in names if name not in frame.columns]
    if missing or not names:
        raise ValueError(
            f"df: expected the columns {list(names)} ({argument}), missing: {missing}; "
            f"the frame has {frame.columns}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"{argument}: expected different columns, got {list(names)}")
    return list(names)


def _native(frame: Any, names: list[str]) -> dict[str, Any]:
    return {name: frame[name].to_native() for name in names}


def _check_results(kept: Sequence[str]) -> None:
    taken = [name for name in _RESULTS if name in kept]
    if taken:
        raise ValueError(
            f"df: has columns called {taken} already, the names of the results; rename or drop them"
        )


def _with_results(frame: Any, kept: Sequence[str], scores: NDArray[np.float64]) -> Any:
    narwhals = require("narwhals", "frames")
    where = frame.implementation
    results = (
        narwhals.new_series("score", scores, narwhals.Float64, backend=where),
        narwhals.new_series("ready", scores > 0.0, narwhals.Boolean, backend=where),
    )
    return frame.with_columns(*results).select(*kept, *_RESULTS).to_native()
