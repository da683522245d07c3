"""One table of several files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastrcf._forest.checks import show
from fastrcf._times import as_ticks
from fastrcf.events.stamps import is_stamp, parse_stamps

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["join_on_time"]


def join_on_time(frames: Mapping[str, Any], on: str = "Timestamp") -> Any:
    """Join frames or CSV files on their time stamps; times that all of them have remain.

    Parameters
    ----------
    frames : mapping of str to pandas.DataFrame or path
        By a name that is put before the columns: ``Request`` of ``"LOGIN"`` becomes
        ``LOGIN_Request``. An empty name leaves the columns as they are.
    on : str, default 'Timestamp'
        The column of stamps: of the form ``YYYYMMDD_HHmm-HHmm`` (its beginning counts) or as in
        `aggregate`. Rows may be in any order.

    Returns
    -------
    pandas.DataFrame
        Indexed by time (datetime64[us], named `on`), going up. Cells that are missing stay NaN.

    Raises
    ------
    TypeError, ValueError
        There are no frames, one has no column `on`, a stamp cannot be read or is there twice (frame
        and row are named), two columns would have one name, or no time is in all frames.

    Examples
    --------
    >>> import pandas as pd
    >>> login = pd.DataFrame({"Timestamp": ["20170101_0000-0005"], "1_Request": [3]})
    >>> menu = pd.DataFrame({"Timestamp": ["20170101_0000-0005"], "1_Request": [7]})
    >>> join_on_time({"LOGIN": login, "MENU": menu}).to_dict("records")
    [{'LOGIN_1_Request': 3, 'MENU_1_Request': 7}]
    """
    import pandas as pd

    if not frames:
        raise ValueError("frames: expected at least one, got none")
    parts = [_indexed(name, frame, on) for name, frame in frames.items()]
    names = [column for part in parts for column in part.columns]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"frames: two columns would be called {twice[0]!r}; name the frames")
    if len({part.index.dtype for part in parts}) > 1:
        raise TypeError(f"frames: {on!r} holds stamps in one frame and numbers in another")
    joined = pd.concat(parts, axis=1, join="inner").sort_index()
    if len(joined) == 0:
        raise ValueError(f"frames: no {on!r} is in all of {list(frames)}")
    return joined


def _indexed(name: str, frame: Any, on: str) -> Any:
    import pandas as pd

    if isinstance(frame, str | os.PathLike):
        frame = pd.read_csv(frame)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frames[{name!r}]: expected a frame or a path, got {show(frame)}")
    if on not in frame.columns:
        raise ValueError(f"frames[{name!r}]: there is no column {on!r} in {list(frame.columns)}")
    cells = frame[on]
    try:
        if len(cells) > 0 and is_stamp(cells.iloc[0]):
            times = parse_stamps(cells)[0].astype("datetime64[us]")
        else:
            ticks = as_ticks(cells, on)
            times = ticks.restore(ticks.numbers)
    except (TypeError, ValueError) as error:
        raise type(error)(f"frames[{name!r}]: {error}") from None
    index = pd.Index(times, name=on)
    if not index.is_unique:
        row = int(np.argmax(index.duplicated()))
        raise ValueError(f"frames[{name!r}]: row {row}, {cells.iloc[row]}, is there twice")
    rest = frame.drop(columns=on).set_index(index)
    return rest.add_prefix(f"{name}_") if name else rest
