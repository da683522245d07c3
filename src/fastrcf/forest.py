"""The random cut forest: streaming and batch, scikit-learn's verbs, and its state as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

from fastrcf._forest.attributing import AttributionVerbs
from fastrcf._forest.batch import BatchVerbs
from fastrcf._forest.completion import CompletionVerbs
from fastrcf._forest.directions import DirectionVerbs
from fastrcf._forest.merging import Merging
from fastrcf._forest.persistent import Persistent
from fastrcf._forest.questions import Questions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from fastrcf._core import Forest
    from fastrcf._typing import FloatArray, RowLike, TableLike
    from fastrcf.attribution import Attribution

__all__ = ["RandomCutForest"]


class RandomCutForest(
    AttributionVerbs,
    BatchVerbs,
    CompletionVerbs,
    DirectionVerbs,
    Merging,
    Questions,
    Persistent,
):
    r"""Anomaly scores for streams and tables from a forest of random cut trees.

    A tree holds a sample of the points seen so far and cuts their bounding box at random until
    every point stands alone. The score of a point is its expected inverse depth in the trees,
    normalised so that an ordinary point scores below or about 1; the more easily a point is cut
    off from the others, the higher it scores. **Higher is more anomalous**, but for the verbs of
    scikit-learn (`score_samples`, `decision_function`, `predict`), which keep its sign.

    Parameters
    ----------
    n_trees : int, default 100
        Number of trees.
    sample_size : int, default 256
        Points that each tree keeps, at most 32,000.
    shingle_size : int, default 1
        Number of consecutive rows that make one point. With more than one, the forest keeps a
        window of the latest rows, so that it sees the shape of a series and not only its values.
    time_decay : float, optional
        Rate :math:`\lambda` at which the weight of a point fades with each later point. 0 keeps a
        uniform sample of all points. The default is ``1 / (10 * sample_size)``.
    output_after : int, optional
        Number of points to learn before scores are given; until then they are 0.0. The default is
        a quarter of `sample_size`.
    initial_accept_fraction : float, default 0.125
        Share of its sample that every tree fills with each point that comes. From there on the
        trees take turns, so that they do not all hold the same points.
    contamination : "auto" or float, default "auto"
        How `fit` places `offset_`: ``"auto"`` three standard deviations above the mean of the
        training scores; a number in (0, 0.5] so that this share of the training rows lies beyond.
    scoring : {"standard", "kinesis"}, default "standard"
        Law of the score. ``"kinesis"`` is that of the withdrawn stream-SQL function
        ``RANDOM_CUT_FOREST``: a row with *m* copies in a tree scores as if they were a balanced
        tree of their own, ``1 / (depth + log2(m))``, undamped, and the scale is
        ``log2(sample_size)``; see `fastrcf.compat.kinesis`.
    transformation : {"none", "normalize", "difference", "normalize_difference"}, default "none"
        What is made of each value before the trees see it: its distance from the column's running
        centre in units of its running scale; its change from the row before; or that change,
        normalised. See Notes.
    weights : sequence of float, optional
        One factor of at least 0 per column, applied last: how much the column counts.
    noise_floor : float, default 0.001
        A normalised column that varies by less than this share of its level is taken to be noisy
        by that much, so that the least change of a constant does not stand out.
    missing : {"skip", "impute", "previous", "constant"}, default "skip"
        What becomes of a row with a NaN. It is left out, or its missing values are filled in: with
        what the forest expects given the window (until it is ready, as ``"previous"``), with the
        column's value before, or with `fill_value`. See Notes.
    fill_value : float or sequence of float, default 0.0
        For ``missing="constant"``: the value, or one per column.
    max_missing : float, default 0.5
        A window is scored and learned if at most this share of its values was filled in.
    irregular : {"gap", "augment"} or None, default None
        With a choice, `score`, `update` and `score_update` take the `time` of each row. With
        ``"gap"`` an interval of at least 1.5 mean intervals counts as the missing rows that would
        make it regular (rounded). They are treated as `missing` says. 3 * `shingle_size` intervals
        and more end the window. With ``"augment"`` the interval before a row is one more column,
        so that a silence or a burst is an anomaly itself. See Notes.
    random_state : int or None, default 0
        Seed. The same seed gives the same scores, whatever the number of threads and however the
        rows are divided over calls. None draws a seed from the operating system.
    n_jobs : int or None, default 1
        Threads over the trees of one call: changes the speed and never a result. None means 1,
        and -1 as many threads as there are processors.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns, known from the first rows on.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the first rows came with names.
    offset_ : float
        Set by `fit`: a row is an outlier to `predict` when its ``-score`` lies below.

    Notes
    -----
    Parameters are checked when they are first used, by the first call that learns or scores. On a
    forest that has learned, a change by `set_params` takes effect at the next `fit`; `n_jobs`
    applies at once.

    NaN means missing. By default a row with a NaN is not learned, scores 0.0 and counts in
    `n_skipped`; no window spans it. Infinite values are an error. Every error leaves the forest as
    it was.

    With another choice of `missing`, a row is completed when it comes, and the window remembers
    which of its values were filled in; ``"impute"`` draws no conclusion from these. A row without
    any value of its own is left out all the same, and ends the window, if it would be the window's
    first or raise the share above `max_missing`: a long gap is not filled with guesses, and one
    full window after it the forest scores again. `data_quality` tells the share of values given.

    Centre and scale are robust and forget at the rate `time_decay` (at most 0.05). A row is
    normalised with the statistics before it; `score` leaves them as they are, and `fit` takes them
    from the whole table. The first 10 values of a column make the first statistics: rows until
    then cannot be completed, and neither can the row after a break where differences are taken;
    they are treated as rows with missing values that cannot be filled in, and skipped. Multiplying
    a column by a number changes no score, nor does adding one to it where differences are taken.

    With ``irregular="augment"`` the last column of a point's rows is the interval since the row
    before, in units of the mean of the intervals before it, at most 100. It is 1.0 in a regular
    series, until 10 intervals are known, and for rows without a time: those of `fit`, of the
    verbs for one row and of all other questions. Coordinates (of an attribution, of a `Directional`
    and of near points) include it, named ``"time"`` (with underscores behind it if a column has
    that name); `impute`, `expected` and `forecast` leave it out. It has the weight 1.0, so give
    the others a like scale, or choose ``transformation="normalize"``, which normalises it too;
    differences are refused, as a silence would make two jumps. It counts as given, in
    `data_quality` and for `max_missing` too, but in a row without any value.

    Points are stored in single precision, scores are double.

    All methods may be called from several threads. Learning is serialised per forest.

    References
    ----------
    .. [1] S. Guha, N. Mishra, G. Roy, O. Schrijvers, "Robust Random Cut Forest Based Anomaly
       Detection on Streams", Proceedings of the 33rd International Conference on Machine
       Learning, PMLR 48, 2016, pp. 2712-2721. The law of the cuts and of insertion and deletion.

    Examples
    --------
    A series, each row scored before it is learned:

    >>> import numpy as np
    >>> from fastrcf import RandomCutForest
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(2000) / 8) + rng.normal(scale=0.05, size=2000)
    >>> series[1500] = 3.0
    >>> forest = RandomCutForest(shingle_size=4)
    >>> scores = forest.score_update(series)
    >>> scores.shape
    (2000,)
    >>> int(scores.argmax()) in range(1500, 1504)
    True

    A table, with the verbs of scikit-learn:

    >>> table = rng.normal(size=(500, 3))
    >>> table[0] = 9.0
    >>> RandomCutForest(n_trees=50).fit(table).predict(table[:3])
    array([-1,  1,  1])
    """

    def __init__(
        self,
        n_trees: int = 100,
        sample_size: int = 256,
        shingle_size: int = 1,
        *,
        time_decay: float | None = None,
        output_after: int | None = None,
        initial_accept_fraction: float = 0.125,
        contamination: float | Literal["auto"] = "auto",
        scoring: Literal["standard", "kinesis"] = "standard",
        transformation: Literal["none", "normalize", "difference", "normalize_difference"] = "none",
        weights: Sequence[float] | None = None,
        noise_floor: float = 0.001,
        missing: Literal["skip", "impute", "previous", "constant"] = "skip",
        fill_value: float | Sequence[float] = 0.0,
        max_missing: float = 0.5,
        irregular: Literal["gap", "augment"] | None = None,
        random_state: int | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.shingle_size = shingle_size
        self.time_decay = time_decay
        self.output_after = output_after
        self.initial_accept_fraction = initial_accept_fraction
        self.contamination = contamination
        self.scoring = scoring
        self.transformation = transformation
        self.weights = weights
        self.noise_floor = noise_floor
        self.missing = missing
        self.fill_value = fill_value
        self.max_missing = max_missing
        self.irregular = irregular
        self.random_state = random_state
        self.n_jobs = n_jobs

    # ---- many rows ------------------------------------------------------------------------------

    def score(
        self,
        X: TableLike,
        y: object = None,  # noqa: ARG002
        *,
        time: ArrayLike | None = None,
    ) -> FloatArray:
        """Score rows without learning them.

        The rows are taken as those that follow the rows learned last: with shingles, row *i* is
        scored in the window that ends with it. The forest and its window stay as they are.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows. One dimension is one column.
        y : object
            Ignored; scikit-learn passes it.
        time : array_like of shape (n,), optional
            As in `update`.

        Returns
        -------
        ndarray of shape (n,), float64
            Higher is more anomalous. 0.0 for rows with a NaN, rows without a full window, and
            before the forest is ready. With `missing`, 0.0 where too much was filled in.

        Raises
        ------
        TypeError
            The values are not numbers.
        ValueError
            A value is infinite or complex, or there are no rows, or their width or column names
            are not those that were learned.

        Examples
        --------
        >>> import numpy as np
        >>> forest = RandomCutForest(n_trees=20).update(np.sin(np.arange(500.0)))
        >>> low, high = forest.score([0.5, 7.0])
        >>> bool(low < 1.0 < high)
        True
        """
        table = self._rows(X)
        core = self._core or self._new_core(table.array.shape[1])
        if time is None:
            return core.score(table.array)
        rows, intervals, places, _ = self._timed(table, time)
        return core.score(rows, *intervals)[places]

    def update(self, X: TableLike, *, time: ArrayLike | None = None) -> Self:
        """Learn rows.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time. One dimension is one column.
        time : array_like of shape (n,), optional
            With `irregular`: when each row came, as numbers or datetime64, strictly increasing and
            going on from the call before. Rows without a time count as having come regularly.

        Returns
        -------
        self
            The forest itself.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.

        Examples
        --------
        >>> RandomCutForest(n_trees=20).update([1.0, 2.0, 3.0]).n_seen
        3
        """
        self._learn("update", self._rows(X), time)
        return self

    @overload
    def score_update(
        self, X: TableLike, *, attribution: Literal[False] = ..., time: ArrayLike | None = ...
    ) -> FloatArray: ...
    @overload
    def score_update(
        self, X: TableLike, *, attribution: Literal[True], time: ArrayLike | None = ...
    ) -> tuple[FloatArray, Attribution]: ...
    @overload
    def score_update(
        self, X: TableLike, *, attribution: bool, time: ArrayLike | None = ...
    ) -> FloatArray | tuple[FloatArray, Attribution]: ...
    def score_update(
        self, X: TableLike, *, attribution: bool = False, time: ArrayLike | None = None
    ) -> FloatArray | tuple[FloatArray, Attribution]:
        """Score each row, then learn it.

        The same as `score_one` and `update_one` for one row after the other, bit for bit, and
        many times faster.

        Parameters
        ----------
        X : array_like of shape (n,) or (n, d), frame, series or mapping of columns
            The rows, in the order of time. One dimension is one column.
        attribution : bool, default False
            Whether to tell, in the same pass, what each coordinate adds to the scores. It changes
            neither the scores nor what is learned.
        time : array_like of shape (n,), optional
            As in `update`.

        Returns
        -------
        scores : ndarray of shape (n,), float64
            As in `score`.
        parts : Attribution
            As `attribution` would give for each row before it is learned; only if asked for.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.

        Examples
        --------
        >>> import numpy as np
        >>> series = np.tile([0.0, 1.0, 2.0], 100)
        >>> series[250] = 9.0
        >>> int(RandomCutForest(n_trees=20).score_update(series).argmax())
        250
        >>> scores, parts = RandomCutForest(n_trees=20).score_update(series, attribution=True)
        >>> bool(parts.high[250, 0] > 0.99 * scores[250])
        True
        """
        table = self._rows(X)
        if not attribution:
            return cast("FloatArray", self._learn("score_update", table, time))
        scores, high, low = self._learn("score_update_attribution", table, time)
        return scores, self._attribution_of(self._core, high, low, table)

    # ---- one row --------------------------------------------------------------------------------

    def score_one(self, x: RowLike) -> float:
        """Score one row without learning it.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row. A mapping is read by its keys, which must be those that were learned; the
            first mapping that is learned fixes their order.

        Returns
        -------
        float
            As in `score`.

        Raises
        ------
        TypeError, ValueError
            As in `score`.

        Examples
        --------
        >>> forest = RandomCutForest(n_trees=20, output_after=10)
        >>> for hour in range(100):
        ...     forest.update_one({"load": hour % 24, "heat": 20.0})
        >>> forest.score_one({"heat": 95.0, "load": 12}) > forest.score_one(
        ...     {"heat": 20.0, "load": 12}
        ... )
        True
        """
        core = self._core
        if core is not None:
            return core.score_one(cast("Any", x) if self._direct(x) else self._row(x).array)
        row = self._row(x)
        return self._new_core(row.array.size).score_one(row.array)

    def update_one(self, x: RowLike) -> None:
        """Learn one row.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row, as in `score_one`.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.
        """
        if self._direct(x):
            cast("Forest", self._core).update_one(cast("Any", x))
        else:
            self._learn("update_one", self._row(x))

    def learn_one(self, x: RowLike) -> None:
        """Learn one row: river's word for `update_one`.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row, as in `score_one`.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.
        """
        self.update_one(x)

    def score_update_one(self, x: RowLike) -> float:
        """Score one row, then learn it.

        Parameters
        ----------
        x : float, sequence, 1-D array, mapping or series
            The row, as in `score_one`.

        Returns
        -------
        float
            As in `score`.

        Raises
        ------
        TypeError, ValueError
            As in `score`; nothing is learned then.
        """
        if self._direct(x):
            return cast("Forest", self._core).score_update_one(cast("Any", x))
        return cast("float", self._learn("score_update_one", self._row(x)))
