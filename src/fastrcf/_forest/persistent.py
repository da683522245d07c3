"""The state of a forest: as bytes, in files, in pickles and copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from fastrcf._core import Forest
from fastrcf._forest.augmented import around
from fastrcf._forest.clock import Clock
from fastrcf._forest.container import only_part, pack, plain, read_whole, unpack, write_whole
from fastrcf._forest.native import NativeEstimator
from fastrcf._forest.options import check_options, resolve_n_jobs
from fastrcf.errors import ModelFormatError

if TYPE_CHECKING:
    from fastrcf._typing import StrPath

__all__ = ["Persistent"]


class Persistent(NativeEstimator):
    """One format for everything that leaves the process."""

    _bundle_kind = "RandomCutForest"

    def to_bytes(self) -> bytes:
        """Return parameters and state.

        Returns
        -------
        bytes
            A forest made from them goes on with exactly the same scores. The format is versioned
            and carries a checksum. Equal forests give equal bytes.

        Raises
        ------
        TypeError, ValueError
            A parameter is wrong.

        Examples
        --------
        >>> from fastrcf import RandomCutForest
        >>> forest = RandomCutForest(n_trees=10).update([1.0, 2.0, 4.0])
        >>> twin = RandomCutForest.from_bytes(forest.to_bytes())
        >>> twin.score_update_one(3.0) == forest.score_update_one(3.0)
        True
        """
        params = self.get_params()
        check_options(vars(self))
        with self._time_guard():
            core, width, names, offset = self._snapshot()
            clock = self._clock
            state = b"" if core is None else core.to_bytes()
        header: dict[str, Any] = {
            "model": "RandomCutForest",
            "params": {name: plain(value) for name, value in params.items()},
            "n_features_in": width,
            "feature_names_in": names,
            "offset": offset,
        }
        if clock is not None:
            header["clock"] = clock.plain()
        return pack(header, state)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Make a forest from the bytes that `to_bytes` gave.

        Parameters
        ----------
        data : bytes-like
            The bytes. They need not be trusted: nothing in them is ever executed.

        Returns
        -------
        RandomCutForest
            The forest, with its parameters.

        Raises
        ------
        ModelFormatError
            The bytes are not those of a forest that this version can read.
        TypeError
            `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, got {type(data).__name__}")
        header, state = unpack(bytes(data))
        if header.get("model") != "RandomCutForest":
            raise ModelFormatError(f"data: not a random cut forest but {header.get('model')!r}")
        params = header.get("params")
        if not isinstance(params, dict):
            raise ModelFormatError("data: the header has no parameters")
        try:
            forest = cls(**params)
            check_options(vars(forest))
            forest._restore(header, state)
        except (TypeError, ValueError, KeyError) as error:
            raise ModelFormatError(f"data: not a forest's state: {error}") from error
        return forest

    def save(self, path: StrPath) -> None:
        """Write the forest to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file. One that exists is replaced in one step, after the bytes are on the disk.

        Raises
        ------
        OSError
            The file cannot be written; what was there before still is.
        """
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read a forest that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Returns
        -------
        RandomCutForest
            The forest, with its parameters.

        Raises
        ------
        ModelFormatError
            The file is not that of a forest that this version can read.
        OSError
            The file cannot be read; `FileNotFoundError` if there is none.
        """
        return read_whole(path, cls.from_bytes)

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        return {}, {"forest.bin": self.to_bytes()}

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:  # noqa: ARG003
        return cls.from_bytes(only_part("forest.bin", parts))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in self._STATE}
        state["_state"] = self.to_bytes() if self._core is not None else None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        data = state.pop("_state")
        vars(self).update(state)
        if data is not None:
            self._restore(*unpack(data))

    def _restore(self, header: dict[str, Any], state: bytes) -> None:
        width, names, offset = (
            header[name] for name in ("n_features_in", "feature_names_in", "offset")
        )
        if not state:
            return
        core = around(Forest.from_bytes(state))
        if width != core.options()["n_columns"]:
            raise ValueError(f"n_features_in is {width!r}")
        if names is not None:
            names = tuple(names)
            if len(names) != width or not all(isinstance(name, str) for name in names):
                raise ValueError(f"feature_names_in is {names!r}")
        if not (offset is None or isinstance(offset, float)):
            raise ValueError(f"offset is {offset!r}")
        core.n_jobs = resolve_n_jobs(self.n_jobs)
        clock = Clock.read(header.get("clock"))
        self._install(core, int(width), names, offset)
        self._clock = clock
