"""Many series at once: one forest per key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, cast

from fastrcf._fleet import NativeFleet
from fastrcf._forest.container import only_part, read_whole, unpack, write_whole
from fastrcf.errors import ModelFormatError
from fastrcf.forest import RandomCutForest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastrcf._fleet import Key, OnEvict, OnMissing
    from fastrcf._typing import FloatArray, SeriesLike, StrPath, TableLike

    Keys = Sequence[Key] | NDArray[Any] | SeriesLike

__all__ = ["ForestFleet"]


class ForestFleet(NativeFleet):
    """Anomaly scores for tens of thousands of series: one random cut forest per key.

    A micro-batch brings rows of many keys in any order; the rows of one key keep theirs. They are
    grouped, and threads work on the keys. A key that has not been seen gets a forest of its own.

    Every key's scores are those of a lone `RandomCutForest` with the same options and
    ``random_state=fleet.seed_of(key)``, bit for bit, however the rows are divided over batches,
    whatever other keys are there, and for any number of threads.

    Parameters
    ----------
    n_trees, sample_size, shingle_size, time_decay, output_after, initial_accept_fraction, scoring
        Options of every forest, as in `RandomCutForest`; but 30 trees are the default here.
    transformation, weights, noise_floor, missing, fill_value, max_missing
        How the rows of every series are prepared, each by itself, as in `RandomCutForest`.
    random_state : int or None, default 0
        Seed of the fleet, from which and the key the seed of each forest is made. None draws one
        from the operating system.
    n_jobs : int or None, default 1
        Threads over the keys of a batch, as in `RandomCutForest`. A key is worked on by one
        thread.
    memory_limit : int, optional
        Bytes that `memory_bytes` may reach. When a batch has been learned and there are more, keys
        go, the ones that have not learned for the longest time first; keys of the batch itself go
        last. Needs `on_evict`.
    on_evict : callable, optional
        ``on_evict(key, data)`` is called for every key that goes, in the calling thread, before it
        goes; `data` are its bytes, as from `to_bytes`. If the call raises, the key stays and the
        error is passed on. The batch has been learned then.
    on_missing : callable, optional
        ``on_missing(key)`` is called for every key of a batch that is not in memory, after the
        batch has been checked and before anything is learned. It returns the bytes that `on_evict`
        was given, and the key goes on as if it had never gone, or None for a new key. If the call
        raises, nothing is learned; keys that came back before stay.

    Notes
    -----
    The seed of a key depends on nothing but the key and `random_state`: it is a SplitMix64 hash of
    both, the key taken as the 64-bit FNV-1a hash of ``b"s"`` and its UTF-8 bytes, or for an integer
    of ``b"i"`` and its 8 little-endian bytes. ``1`` and ``"1"`` are two keys.

    NaN, infinity, names of columns and types of tables are taken as `RandomCutForest` takes them. A
    batch that is refused has changed nothing: all keys and rows are checked before the first one
    is learned.

    All methods may be called from several threads; calls that score or learn take turns. The
    callbacks may ask the fleet, and must not feed it.

    Examples
    --------
    Two series whose rows come mixed:

    >>> import numpy as np
    >>> from fastrcf import ForestFleet
    >>> rng = np.random.default_rng(0)
    >>> keys = ["pump", "fan"] * 500
    >>> rows = rng.normal(size=1000) + np.tile([0.0, 50.0], 500)
    >>> rows[900] = 50.0  # good for the fan, not for the pump
    >>> fleet = ForestFleet()
    >>> int(fleet.score_update(keys, rows).argmax())
    900
    >>> fleet.n_seen("fan")
    500

    No more than 10 MB in memory, the rest in a dictionary (or a data base):

    >>> store = {}
    >>> fleet = ForestFleet(
    ...     memory_limit=10_000_000, on_evict=store.__setitem__, on_missing=store.get
    ... )
    >>> fleet.update([f"meter-{i}" for i in range(1000)], rng.normal(size=1000)) is fleet
    True
    >>> len(fleet) + len(store), fleet.memory_bytes <= 10_000_000
    (1000, True)
    """

    def __init__(
        self,
        n_trees: int = 30,
        sample_size: int = 256,
        shingle_size: int = 1,
        *,
        time_decay: float | None = None,
        output_after: int | None = None,
        initial_accept_fraction: float = 0.125,
        scoring: Literal["standard", "kinesis"] = "standard",
        transformation: Literal["none", "normalize", "difference", "normalize_difference"] = "none",
        weights: Sequence[float] | None = None,
        noise_floor: float = 0.001,
        missing: Literal["skip", "impute", "previous", "constant"] = "skip",
        fill_value: float | Sequence[float] = 0.0,
        max_missing: float = 0.5,
        random_state: int | None = 0,
        n_jobs: int | None = 1,
        memory_limit: int | None = None,
        on_evict: OnEvict | None = None,
        on_missing: OnMissing | None = None,
    ) -> None:
        template = RandomCutForest(
            n_trees,
            sample_size,
            shingle_size,
            time_decay=time_decay,
            output_after=output_after,
            initial_accept_fraction=initial_accept_fraction,
            scoring=scoring,
            transformation=transformation,
            weights=weights,
            noise_floor=noise_floor,
            missing=missing,
            fill_value=fill_value,
            max_missing=max_missing,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        super().__init__(template, memory_limit, on_evict, on_missing)

    # ---- batches --------------------------------------------------------------------------------

    def score_update(self, keys: Keys, X: TableLike) -> FloatArray:
        """Score each row in its series, then learn it.

        Parameters
        ----------
        keys : sequence, array or series of str or int, of length n
            The series that each row belongs to. Integers have 64 bits.
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows; those of one key in the order of time.

        Returns
        -------
        ndarray of shape (n,), float64
            As from `RandomCutForest.score_update`, aligned with the rows.

        Raises
        ------
        TypeError
            A key is neither str nor int, or the values are not numbers.
        ValueError
            There are not as many keys as rows; a value is infinite; or the width or the names of
            the columns are not those that were learned. Nothing is learned then.
        Exception
            What a callback raised.
        """
        return self._run("score_update", keys, X)

    def update(self, keys: Keys, X: TableLike) -> Self:
        """Learn rows.

        Parameters
        ----------
        keys : sequence, array or series of str or int, of length n
            As in `score_update`.
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows.

        Returns
        -------
        self
            The fleet itself.

        Raises
        ------
        TypeError, ValueError, Exception
            As in `score_update`.
        """
        self._run("update", keys, X)
        return self

    def score(self, keys: Keys, X: TableLike) -> FloatArray:
        """Score rows, as those that follow the newest ones of their keys, and learn nothing.

        Parameters
        ----------
        keys : sequence, array or series of str or int, of length n
            As in `score_update`; a key that is neither in memory nor known to `on_missing` is an
            error.
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows.

        Returns
        -------
        ndarray of shape (n,), float64
            As from `RandomCutForest.score`, aligned with the rows.

        Raises
        ------
        TypeError, ValueError, Exception
            As in `score_update`; or a key is not known.
        """
        return self._run("score", keys, X)

    # ---- keys -----------------------------------------------------------------------------------

    def keys(self) -> list[Key]:
        """Return the keys in memory.

        Returns
        -------
        list of str or int
            The one that has not learned for the longest time comes first.
        """
        return [] if self._core is None else self._core.keys()

    def __len__(self) -> int:
        return 0 if self._core is None else len(self._core)

    def __contains__(self, key: object) -> bool:
        return self._core is not None and isinstance(key, str | int) and key in self._core

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys())

    def seed_of(self, key: Key) -> int:
        """Return the ``random_state`` of a key's forest, whether the key is known or not.

        Parameters
        ----------
        key : str or int
            The key.

        Returns
        -------
        int
            In [0, 2**64).

        Raises
        ------
        TypeError, ValueError
            It is neither str nor int, or does not fit 64 bits.
        """
        return (self._core or self._new_core(1)).seed_of(key)

    def n_seen(self, key: Key) -> int:
        """Return the number of rows that a key has learned, skipped ones not counted.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Returns
        -------
        int
            At least 0.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        return self._fleet(key).n_seen(key)

    def n_skipped(self, key: Key) -> int:
        """Return the number of rows of a key that were not learned because of a NaN.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Returns
        -------
        int
            At least 0.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        return self._fleet(key).n_skipped(key)

    def is_ready(self, key: Key) -> bool:
        """Tell whether scores are given for a key: its forest has learned enough points.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Returns
        -------
        bool
            As `RandomCutForest.is_ready`.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        return self._fleet(key).is_ready(key)

    def forest(self, key: Key) -> RandomCutForest:
        """Return a copy of a key's forest, for everything that a forest can answer.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Returns
        -------
        RandomCutForest
            It does not follow what the fleet learns later, nor the fleet what it learns.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        return RandomCutForest.from_bytes(self.to_bytes(key))

    def remove(self, key: Key) -> None:
        """Forget a key.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        with self._turn:
            if not self._fleet(key).remove(key):
                raise ValueError(f"key: {key!r} is not known to this fleet")

    def pop(self, key: Key) -> bytes:
        """Forget a key and return its bytes.

        Parameters
        ----------
        key : str or int
            A key in memory.

        Returns
        -------
        bytes
            As from `to_bytes`.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        with self._turn:
            data = self.to_bytes(key)
            self.remove(key)
            return data

    @property
    def memory_bytes(self) -> int:
        """Memory of all forests and of the fleet's book-keeping, in bytes."""
        return 0 if self._core is None else self._core.memory_bytes

    @property
    def n_jobs(self) -> int | None:
        """Threads over the keys of a batch, as they were given; may be set at any time."""
        return cast("int | None", self._params["n_jobs"])

    @n_jobs.setter
    def n_jobs(self, n_jobs: int | None) -> None:
        self._set_n_jobs(n_jobs)

    # ---- state ----------------------------------------------------------------------------------

    def to_bytes(self, key: Key | None = None) -> bytes:
        """Return the state of a key, or of the whole fleet.

        Parameters
        ----------
        key : str or int, optional
            A key in memory. Its bytes are those of `RandomCutForest.to_bytes` and can be read by
            `RandomCutForest.from_bytes`. Without a key: all of them and the options, but neither
            `memory_limit` nor the callbacks.

        Returns
        -------
        bytes
            Versioned and with a checksum. Whoever reads them goes on with the same scores.

        Raises
        ------
        ValueError
            The key is not in memory.
        """
        if key is None:
            return self._pack_all()
        with self._turn:
            return self._bytes_of(self._fleet(key), key)

    def restore(self, key: Key, data: bytes | bytearray | memoryview) -> None:
        """Take the forest in `data` for a key, in place of what the key had.

        Parameters
        ----------
        key : str or int
            The key, in memory or not. It counts as the one that learned last.
        data : bytes-like
            From `to_bytes` of a key, from `on_evict` or from `RandomCutForest.to_bytes`, of a
            forest with the options of this fleet; its seed may be any.

        Raises
        ------
        ModelFormatError
            These are not the bytes of a forest with the options and columns of this fleet.
        TypeError, ValueError
            The key or `data` is of the wrong type.
        """
        with self._turn:
            if self._core is not None:
                self._restore_into(self._core, key, data)
                return
            twin = RandomCutForest.from_bytes(data)
            core = self._new_core(getattr(twin, "n_features_in_", 1))
            self._restore_into(core, key, data)
            names = getattr(twin, "feature_names_in_", None)
            self._install(core, twin.n_features_in_, None if names is None else tuple(names))

    @classmethod
    def from_bytes(
        cls,
        data: bytes | bytearray | memoryview,
        *,
        memory_limit: int | None = None,
        on_evict: OnEvict | None = None,
        on_missing: OnMissing | None = None,
    ) -> Self:
        """Make a fleet from the bytes of a whole one.

        Parameters
        ----------
        data : bytes-like
            From ``to_bytes()``. They need not be trusted: nothing in them is ever executed.
        memory_limit, on_evict, on_missing
            As in the constructor; they are not part of the state.

        Returns
        -------
        ForestFleet
            The fleet, with its options and all its keys.

        Raises
        ------
        ModelFormatError
            The bytes are not those of a fleet that this version can read.
        TypeError
            `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expected bytes, got {type(data).__name__}")
        header, states = unpack(bytes(data))
        if header.get("model") != "ForestFleet":
            raise ModelFormatError(f"data: not a fleet but {header.get('model')!r}")
        try:
            params = dict(header["params"])
            for name in ("contamination", "irregular"):  # no options of a fleet
                params.pop(name, None)
            fleet = cls(**params)
            fleet._unpack_all(header, states)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise ModelFormatError(f"data: not a fleet's state: {error}") from error
        fleet._take_callbacks(memory_limit, on_evict, on_missing)
        return fleet

    def save(self, path: StrPath) -> None:
        """Write the whole fleet to a file, whole or not at all.

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
    def load(cls, path: StrPath, **callbacks: Any) -> Self:
        """Read a fleet that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        **callbacks
            ``memory_limit``, ``on_evict`` and ``on_missing``, as in `from_bytes`.

        Returns
        -------
        ForestFleet
            The fleet.

        Raises
        ------
        ModelFormatError
            The file is not that of a fleet that this version can read.
        OSError
            The file cannot be read.
        """
        return read_whole(path, lambda data: cls.from_bytes(data, **callbacks))

    _bundle_kind = "ForestFleet"

    def _to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        return {}, {"fleet.bin": self.to_bytes()}

    @classmethod
    def _from_parts(cls, section: dict[str, Any], parts: dict[str, bytes]) -> Self:  # noqa: ARG003
        return cls.from_bytes(only_part("fleet.bin", parts))

    def __reduce__(self) -> tuple[Any, ...]:
        if self._on_evict is not None or self._on_missing is not None:
            raise TypeError(
                "a ForestFleet with callbacks cannot be pickled or copied: use to_bytes() and "
                "from_bytes(data, on_evict=..., on_missing=...)"
            )
        return type(self).from_bytes, (self.to_bytes(),)
