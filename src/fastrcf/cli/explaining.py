"""Explanations of rows as compact JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastrcf.explain import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastrcf._typing import FloatArray, RealArray
    from fastrcf.attribution import Attribution
    from fastrcf.forest import RandomCutForest

__all__ = ["explanation_texts", "frozen_texts"]

_DECIMALS = 6
_ROWS_AT_A_TIME = 65_536


def explanation_texts(
    scores: FloatArray, parts: Attribution, columns: Sequence[str]
) -> NDArray[np.object_]:
    """Write what each column adds to the score of each row, and to which side it lies.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        The scores.
    parts : Attribution
        What they are made of.
    columns : sequence of str
        Names of the columns.

    Returns
    -------
    ndarray of shape (n,), object
        JSON such as ``{"load":{"attribution":1.25,"direction":"high"}}``, on one line and without
        spaces; None where there is no score.

    Examples
    --------
    >>> from fastrcf.attribution import Attribution
    >>> parts = Attribution(np.array([[1.25, 0.0], [0.0, 0.0]]), np.zeros((2, 2)), n_columns=2)
    >>> for text in explanation_texts(np.array([1.25, 0.0]), parts, ["load", "heat"]):
    ...     print(text)
    {"load":{"attribution":1.25,"direction":"high"},"heat":{"attribution":0.0,"direction":"low"}}
    None
    """
    names = [json.dumps(name, ensure_ascii=False) for name in columns]
    explanation = explain(parts, columns=columns)
    texts = np.empty(len(scores), dtype=object)
    for row in np.flatnonzero(scores > 0).tolist():
        cells = [
            f'{name}:{{"attribution":{round(part.attribution, _DECIMALS)!r},'
            f'"direction":"{part.direction}"}}'
            for name, part in zip(names, explanation[row], strict=True)
        ]
        texts[row] = "{" + ",".join(cells) + "}"
    return texts


def frozen_texts(
    forest: RandomCutForest, values: RealArray, scores: FloatArray, columns: Sequence[str]
) -> NDArray[np.object_]:
    """Explain the scores that a forest has given to many rows.

    Parameters
    ----------
    forest : RandomCutForest
        It stays as it is.
    values : ndarray of shape (n, d)
        The rows.
    scores : ndarray of shape (n,)
        What ``forest.score(values)`` gave.
    columns : sequence of str
        Names of the columns.

    Returns
    -------
    ndarray of shape (n,), object
        As in `explanation_texts`.
    """
    texts = np.empty(len(values), dtype=object)
    for start in range(0, len(values), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        first = max(0, start - forest.shingle_size + 1)  # so early that windows are whole
        parts = forest.attribution(values[first : rows.stop])
        asked = slice(start - first, None)
        parts = replace(parts, high=parts.high[asked], low=parts.low[asked])
        texts[rows] = explanation_texts(scores[rows], parts, columns)
    return texts
