"""From raw events and files to regular rows: aggregates, resampling, filling, stamps, joins.

>>> clicks = click_rows(
...     users=["ann", "bob", "ann", "ann"],
...     times=["2024-07-15T10:01", "2024-07-15T10:02", "2024-07-15T10:09", "2024-07-15T10:31"],
...     interval="10min",
... )
>>> clicks.names
('user', 'click', 'residual')
>>> clicks.array.tolist()
[[2.0, 3.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
"""

from fastrcf.events.aggregates import aggregate, click_rows
from fastrcf.events.filling import fill_missing
from fastrcf.events.joining import join_on_time
from fastrcf.events.regular import Regular
from fastrcf.events.resampling import resample
from fastrcf.events.servers import select_server, servers, stack_servers
from fastrcf.events.stamps import parse_stamps

__all__ = [
    "Regular",
    "aggregate",
    "click_rows",
    "fill_missing",
    "join_on_time",
    "parse_stamps",
    "resample",
    "select_server",
    "servers",
    "stack_servers",
]
