"""The native fleet inside a Python object: keys, callbacks, and the state of all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from fastrcf._core import Fleet, Forest, KeyBatch
from fastrcf._forest.container import pack, plain, unpack
from fastrcf._forest.inputs import Table, as_table
from fastrcf._forest.names import check_width, same_names
from fastrcf._forest.options import check_options, resolve_n_jobs
from fastrcf._forest.preparation import per_column
from fastrcf.errors import ModelFormatError
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from fastrcf._typing import FloatArray, Names, TableLike

__all__ = ["Key", "NativeFleet", "OnEvict", "OnMissing", "as_keys"]

Key: TypeAlias = str | int
"""The name of a series."""

OnEvict: TypeAlias = Callable[[Key, bytes], object]
"""Takes the state of a key that leaves the memory."""

OnMissing: TypeAlias = Callable[[Key], bytes | None]
"""Gives the state of a key that is not in memory, or None if it is new."""

_MAX_INT64 = 2**63 - 1


def as_keys(keys: Any) -> KeyBatch:
    """Turn user data into the keys of a batch.

    Parameters
    ----------
    keys : sequence, array or series of str or int
        One key per row.

    Returns
    -------
    KeyBatch
        The keys, grouped.

    Raises
    ------
    TypeError
        A key is neither text nor an integer, or `keys` is no sequence.
    ValueError
        An integer does not fit 64 bits, or the array has more than one dimension.
    """
    if hasattr(keys, "to_numpy"):  # a series
        keys = keys.to_numpy()
    if isinstance(keys, np.ndarray):
        if keys.ndim != 1:
            raise ValueError(f"keys: expected 1 dimension, got shape {keys.shape}")
        if keys.dtype.kind in "iu":
            too_large = keys.dtype == np.uint64 and bool(np.any(keys > _MAX_INT64))
            if not too_large:  # otherwise the row is named below
                return KeyBatch(keys.astype(np.int64, copy=False))
        keys = keys.tolist()
    if isinstance(keys, str | bytes) or not hasattr(keys, "__iter__"):
        raise TypeError(f"keys: expected a sequence of str or int, got {type(keys).__name__}")
    return KeyBatch(list(keys))


class NativeFleet:
    """What `ForestFleet` is made of.

    Calls that learn or move keys take turns: a batch, its loading and its eviction are one step.
    """

    def __init__(
        self,
        template: RandomCutForest,
        memory_limit: int | None,
        on_evict: OnEvict | None,
        on_missing: OnMissing | None,
    ) -> None:
        # The options of every forest, and the seed, drawn now if it is to be drawn.
        self._options = check_options(vars(template))
        self._params = {name: plain(value) for name, value in template.get_params().items()}
        self._take_callbacks(memory_limit, on_evict, on_missing)
        self._core: Fleet | None = None
        self._width = 0
        self._names: Names | None = None
        self._turn = threading.RLock()

    def _take_callbacks(
        self,
        memory_limit: int | None,
        on_evict: OnEvict | None,
        on_missing: OnMissing | None,
    ) -> None:
        self._memory_limit = _limit(memory_limit, on_evict)
        self._on_evict = _callback("on_evict", on_evict)
        self._on_missing = _callback("on_missing", on_missing)

    # ---- batches --------------------------------------------------------------------------------

    def _run(
        self, verb: Literal["score", "update", "score_update"], keys: Any, X: TableLike
    ) -> FloatArray:
        batch, table = as_keys(keys), self._table(X)
        with self._turn, self._core_for(table) as core:
            core.check(batch, table.array)
            self._load(core, batch)
            try:
                return cast("FloatArray", getattr(core, verb)(batch, table.array))
            finally:
                self._evict(core)

    def _table(self, X: TableLike) -> Table:
        table = as_table(X)
        if self._core is not None:
            same_names(table.names, self._names)
            check_width(table.array.shape[1], self._width)
        return table

    @contextlib.contextmanager
    def _core_for(self, table: Table) -> Iterator[Fleet]:
        """Give the native fleet; the first rows make it, and it stays if they leave a key in it."""
        if self._core is not None:
            self._table(table.array)  # another thread may have been first
            yield self._core
            return
        self._install(self._new_core(table.array.shape[1]), table.array.shape[1], table.names)
        core = cast("Fleet", self._core)
        left = False
        try:
            yield core
            left = True
        finally:
            if not left and len(core) == 0:
                self._core, self._width, self._names = None, 0, None

    def _new_core(self, width: int) -> Fleet:
        options = self._options | {"n_jobs": 1}
        options["preparation"] = per_column(options["preparation"], width)
        return Fleet(Forest(n_columns=width, **options), self._options["n_jobs"])

    def _install(self, core: Fleet, width: int, names: Names | None) -> None:
        self._core, self._width, self._names = core, width, names

    def _load(self, core: Fleet, batch: KeyBatch) -> None:
        """Bring back the keys that the callback knows. Each one that came stays."""
        if self._on_missing is None:
            return
        for key in core.missing(batch):
            data = self._on_missing(key)
            if data is not None:
                self._restore_into(core, key, data)

    def _evict(self, core: Fleet) -> None:
        """Hand out the keys that have rested longest until the rest fits."""
        while self._memory_limit is not None and core.memory_bytes > self._memory_limit:
            if len(core) == 0:
                return
            key = core.oldest()
            cast("OnEvict", self._on_evict)(key, self._bytes_of(core, key))
            core.remove(key)

    # ---- the state of a key ---------------------------------------------------------------------

    def _fleet(self, key: Key) -> Fleet:
        """Give the native fleet to a question about a key."""
        if self._core is None:
            raise ValueError(f"key: {key!r} is not known to this fleet")
        return self._core

    def _bytes_of(self, core: Fleet, key: Key) -> bytes:
        state = core.to_bytes(key)
        header = {
            "model": "RandomCutForest",
            "params": self._params | {"random_state": core.seed_of(key), "n_jobs": 1},
            "n_features_in": self._width,
            "feature_names_in": self._names,
            "offset": None,
        }
        return pack(header, state)

    def _restore_into(self, core: Fleet, key: Key, data: Any) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, got {type(data).__name__} (key {key!r})")
        try:
            header, state = unpack(bytes(data))
            if header.get("model") != "RandomCutForest" or not state:
                raise ValueError("not the state of a forest that has learned")  # noqa: TRY301
            names = header.get("feature_names_in")
            same_names(None if names is None else tuple(names), self._names)
            core.restore(key, state)
        except ValueError as error:
            text = str(error).removeprefix("data: ")
            raise ModelFormatError(f"data: {text} (key {key!r})") from error

    # ---- the state of all -----------------------------------------------------------------------

    def _pack_all(self) -> bytes:
        with self._turn:
            core = self._core
            keys = [] if core is None else core.keys()
            states = [] if core is None else [core.to_bytes(key) for key in keys]
            header = {
                "model": "ForestFleet",
                "params": self._params,
                "seed": self._options["random_state"],
                "n_features_in": None if core is None else self._width,
                "feature_names_in": self._names,
                "keys": keys,
                "sizes": [len(state) for state in states],
            }
            return pack(header, b"".join(states))

    def _unpack_all(self, header: dict[str, Any], states: bytes) -> None:
        self._options["random_state"] = int(header["seed"])
        width, names, sizes = (header[x] for x in ("n_features_in", "feature_names_in", "sizes"))
        if width is None:
            return
        core = self._new_core(int(width))
        view, start = memoryview(states), 0
        for key, size in zip(header["keys"], sizes, strict=True):
            core.restore(key, bytes(view[start : start + int(size)]))
            start += int(size)
        if start != len(states):
            raise ValueError("the states have another length than the header says")
        self._install(core, int(width), None if names is None else tuple(map(str, names)))

    # ---- options --------------------------------------------------------------------------------

    def _set_n_jobs(self, n_jobs: int | None) -> None:
        resolved = resolve_n_jobs(n_jobs)
        with self._turn:
            if self._core is not None:
                self._core.n_jobs = resolved
            self._options["n_jobs"] = resolved
            self._params["n_jobs"] = plain(n_jobs)


def _limit(memory_limit: object, on_evict: object) -> int | None:
    if memory_limit is None:
        return None
    if isinstance(memory_limit, bool) or not isinstance(memory_limit, int | np.integer):
        raise TypeError(f"memory_limit: expected bytes as an int, got {memory_limit!r}")
    if memory_limit < 0:
        raise ValueError(f"memory_limit: expected at least 0 bytes, got {memory_limit}")
    if on_evict is None:
        raise ValueError(
            "memory_limit: expected on_evict as well, a callback that takes the keys that go"
        )
    return int(memory_limit)


def _callback(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise TypeError(f"{name}: expected None or a callable, got {type(value).__name__}")
    return value
