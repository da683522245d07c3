"""Columns that belong to one of several servers, such as ``13_Session``."""

from __future__ import annotations

from typing import Any

__all__ = ["select_server", "servers", "stack_servers"]


def servers(frame: Any) -> tuple[int, ...]:
    """List the servers that the columns of a frame name.

    The first part of a column's name, parts being separated by ``_``, that is a whole number names
    its server; the other parts name what was measured: ``13_Session`` and ``LOGIN_13_Session`` are
    ``Session`` and ``LOGIN_Session`` of server 13.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    tuple of int
        In order.

    Raises
    ------
    ValueError
        Two columns are the same measure of a server, or a server lacks one that others have.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame([["t", 5, 4]], columns=["Timestamp", "10_Fail", "2_Fail"])
    >>> servers(frame)
    (2, 10)
    """
    return tuple(_measures(frame))


def select_server(frame: Any, server: int) -> Any:
    """Take the columns of one server, and those that belong to none.

    Parameters
    ----------
    frame : pandas.DataFrame
    server : int

    Returns
    -------
    pandas.DataFrame
        First the columns without a server, then the server's, without its number, in an order that
        is the same for every server. `frame` stays as it is.

    Raises
    ------
    ValueError
        There is no such server; or as in `servers`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame([["t", 5, 4]], columns=["Timestamp", "10_Fail", "2_Fail"])
    >>> select_server(frame, 10).to_dict("records")
    [{'Timestamp': 't', 'Fail': 5}]
    """
    measures = _measures(frame)
    if server not in measures:
        raise ValueError(f"server: expected one of {sorted(measures)}, got {server!r}")
    common = [column for column in frame.columns if _split(column) is None]
    found = measures[server]
    clash = sorted(set(common) & set(found))
    if clash:
        raise ValueError(f"frame: {clash[0]!r} is a column of its own and a measure of the servers")
    part = frame[[*common, *found.values()]]
    return part.set_axis([*common, *found], axis=1)


def stack_servers(frame: Any) -> Any:
    """Put the servers below each other: one row for each of them and time.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A column ``server``, then those of `select_server`; all rows of the first server, then
        those of the next.

    Raises
    ------
    ValueError
        As in `servers`, or no column names a server.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame([["t", 5, 4]], columns=["Timestamp", "10_Fail", "2_Fail"])
    >>> stack_servers(frame).to_numpy().tolist()
    [[2, 't', 4], [10, 't', 5]]
    """
    import pandas as pd

    found = servers(frame)
    if not found:
        raise ValueError("frame: no column names a server, such as 13_Session")
    parts = {server: select_server(frame, server) for server in found}
    for server, part in parts.items():
        if "server" in part.columns:
            raise ValueError("frame: there is a column 'server' already")
        part.insert(0, "server", server)
    return pd.concat(list(parts.values()), ignore_index=True)


def _split(column: object) -> tuple[int, str] | None:
    """Server and measure of a column; None for one that belongs to no server."""
    if not isinstance(column, str):
        return None
    parts = column.strip().split("_")
    for place, part in enumerate(parts):
        if part.isascii() and part.isdigit():
            measure = "_".join(parts[:place] + parts[place + 1 :])
            return (int(part), measure) if measure else None
    return None


def _measures(frame: Any) -> dict[int, dict[str, str]]:
    """Columns by server and measure, servers and measures in order."""
    found: dict[int, dict[str, str]] = {}
    order: dict[str, None] = {}
    for column in frame.columns:
        split = _split(column)
        if split is None:
            continue
        server, measure = split
        columns = found.setdefault(server, {})
        if measure in columns:
            raise ValueError(
                f"frame: {columns[measure]!r} and {column!r} are both {measure!r} of server "
                f"{server}"
            )
        columns[measure] = column
        order[measure] = None
    for server, columns in found.items():
        lacking = [measure for measure in order if measure not in columns]
        if lacking:
            raise ValueError(f"frame: server {server} has no column {lacking[0]!r}, others have")
    return {server: {name: found[server][name] for name in order} for server in sorted(found)}
