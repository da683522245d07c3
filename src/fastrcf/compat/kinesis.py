r"""The stream-SQL functions RANDOM_CUT_FOREST and RANDOM_CUT_FOREST_WITH_EXPLANATION.

Their vendor has withdrawn Kinesis Data Analytics for SQL. The functions here take the same
arguments by the same names and give the same columns back, so that what reads them need not change.

**Score.** ``ANOMALY_SCORE`` follows the law of the engine (``scoring="kinesis"`` of
`fastrcf.RandomCutForest`): 0.0 until `subSampleSize` records have been learned, then at most
``log2(subSampleSize)``. On 36 series for which scores of the engine are published, ranks agree with
a median correlation of 0.97, about as well as those of two seeds. Random numbers differ, so
single scores differ as they would between two runs of the engine.

**Columns.** Numbers are scored, everything else passes through: text, times, and Booleans, which
are no numbers in SQL. Decimals are refused, as they were; cast them. Which columns are scored is
settled by the first call, as by the declaration of a stream.

**Missing values.** What the engine did with NULL is not documented. Here a record with a NULL or a
NaN in a scored column is passed on with the score 0.0 and an empty explanation, and is not learned;
no shingle spans it. Infinite values are an error.

**Explanation.** ``ANOMALY_EXPLANATION`` is JSON without spaces, its numbers are strings with four
decimals. ``ATTRIBUTION_SCORE`` is a column's part of the score, over all records of a shingle;
before they are rounded, the parts sum to the score. With `withDirectionality` there are two more:

``DIRECTION``
    ``"HIGH"`` or ``"LOW"``: where the column lies. ``"LOW"`` while learning.
``STRENGTH``
    How clear the direction is; 0.0000 while learning. The vendor calls it a "confidence" and says
    no more. Its published samples tell that it grows with the unit of the data, from 0.02 for an
    ordinary blood pressure to 1442 for the balance of an account, so it is no part of the score.
    Here it is the difference of two distances: how far the value lies above the box of learned
    points that a random cut would part it from, and how far below, each in expectation over the
    cuts in that column and as a mean over the trees, summed over the records of a shingle and
    divided by the coordinates of a point. On data made by the recipe of the vendor's example this
    gives what the samples show, for ordinary records and for outliers; it is an inference all the
    same. Do not compare it to a fixed number that was chosen for the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastrcf.compat._sql_forest import SqlRandomCutForest

__all__ = ["SqlRandomCutForest", "random_cut_forest", "random_cut_forest_with_explanation"]


def random_cut_forest(
    inputStream: Any,
    numberOfTrees: int = 100,
    subSampleSize: int = 256,
    timeDecay: int = 100_000,
    shingleSize: int = 1,
    **options: Any,
) -> Any:
    """Score a stream as RANDOM_CUT_FOREST did.

    Parameters
    ----------
    inputStream : as in `SqlRandomCutForest.process`, or an iterator over records
        The stream. An iterator is read as the results are taken, so it need not end.
    numberOfTrees, subSampleSize, timeDecay, shingleSize : int
        As for `SqlRandomCutForest`.
    **options
        ``columns``, ``random_state`` and ``n_jobs`` of `SqlRandomCutForest`.

    Returns
    -------
    of the same kind as `inputStream`, or an iterator over records
        All columns and ``ANOMALY_SCORE``.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `SqlRandomCutForest` and its `process`.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(1000.0))
    >>> load[700] = 5.0
    >>> scored = random_cut_forest({"load": load}, 50, 128)
    >>> int(scored["ANOMALY_SCORE"].argmax()), scored["ANOMALY_SCORE"][:128].any()
    (700, np.False_)
    """
    sql = SqlRandomCutForest(
        numberOfTrees, subSampleSize, timeDecay, shingleSize, explanation=False, **options
    )
    return _streamed(sql, inputStream)


def random_cut_forest_with_explanation(  # noqa: PLR0917 - the vendor's signature
    inputStream: Any,
    numberOfTrees: int = 100,
    subSampleSize: int = 256,
    timeDecay: int = 100_000,
    shingleSize: int = 1,
    withDirectionality: bool = False,  # noqa: FBT001, FBT002 - the vendor's signature
    **options: Any,
) -> Any:
    """Score and explain a stream as RANDOM_CUT_FOREST_WITH_EXPLANATION did.

    Parameters
    ----------
    inputStream : as in `SqlRandomCutForest.process`, or an iterator over records
        The stream. An iterator is read as the results are taken, so it need not end.
    numberOfTrees, subSampleSize, timeDecay, shingleSize, withDirectionality
        As for `SqlRandomCutForest`.
    **options
        ``columns``, ``random_state`` and ``n_jobs`` of `SqlRandomCutForest`.

    Returns
    -------
    of the same kind as `inputStream`, or an iterator over records
        All columns, ``ANOMALY_SCORE`` and ``ANOMALY_EXPLANATION``.

    Raises
    ------
    MissingExtraError, TypeError, ValueError
        As in `SqlRandomCutForest` and its `process`.

    Examples
    --------
    >>> stream = ({"load": second % 7, "host": "a"} for second in range(10))
    >>> for record in random_cut_forest_with_explanation(stream, withDirectionality=True):
    ...     last = record
    >>> print(last["ANOMALY_EXPLANATION"])
    {"load":{"DIRECTION":"LOW","STRENGTH":"0.0000","ATTRIBUTION_SCORE":"0.0000"}}
    """
    sql = SqlRandomCutForest(
        numberOfTrees, subSampleSize, timeDecay, shingleSize, withDirectionality, **options
    )
    return _streamed(sql, inputStream)


def _streamed(sql: SqlRandomCutForest, stream: Any) -> Any:
    return map(sql.process, stream) if isinstance(stream, Iterator) else sql.process(stream)
