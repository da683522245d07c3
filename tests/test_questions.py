"""What a forest knows besides the score: displacement, codisp, density, neighbours."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from fastrcf import RandomCutForest
from question_helpers import few_values, trees_of, wave
from reference import naive_visitors

Array = NDArray[np.float64]
Question = Callable[[RandomCutForest, Array], tuple[NDArray[Any], ...]]


def neighbors(forest: RandomCutForest, rows: Array) -> tuple[NDArray[Any], ...]:
    found = forest.near_neighbors(rows, k=4)
    return found.distance, found.arrival, found.count, found.point


QUESTIONS: dict[str, Question] = {
    "displacement": lambda forest, rows: (forest.displacement(rows),),
    "codisp": lambda forest, rows: (forest.codisp(rows),),
    "codisp_sampled": lambda forest, rows: (forest.codisp(rows, sampled=True),),
    "density": lambda forest, rows: (forest.density(rows),),
    "directional_density": lambda forest, rows: forest.directional_density(rows),
    "distances": lambda forest, rows: forest.distances(rows),
    "near_neighbors": neighbors,
}
NO_ANSWER = {
    "displacement": (0.0,),
    "codisp": (0.0,),
    "codisp_sampled": (np.nan,),
    "density": (np.nan,),
    "directional_density": (np.nan, np.nan),
    "distances": (np.nan, np.nan),
    "near_neighbors": (np.nan, -1, 0, np.nan),
}
every_question = pytest.mark.parametrize("question", QUESTIONS)


def windows(history: Array, rows: Array, shingle_size: int) -> list[Array]:
    """The points that the rows complete after the history."""
    series = np.concatenate([history, rows])
    ends = range(len(history) + 1, len(series) + 1)
    return [series[end - shingle_size : end].ravel() for end in ends]


# ---- the slow twin ------------------------------------------------------------------------------


def compare_with_twin(forest: RandomCutForest, rows: Array, points: list[Array]) -> None:
    trees = trees_of(forest)
    shingle_size = forest.shingle_size
    near = lambda answers, expected: assert_allclose(answers, expected, rtol=1e-9, atol=1e-12)  # noqa: E731

    each = [[naive_visitors.displacement(tree, point) for tree in trees] for point in points]
    near(forest.displacement(rows), np.mean(each, axis=1))
    each = [[naive_visitors.codisp_inserted(tree, point) for tree in trees] for point in points]
    near(forest.codisp(rows), np.mean(each, axis=1))
    held = [
        [value for tree in trees if (value := naive_visitors.codisp_held(tree, point)) is not None]
        for point in points
    ]
    near(
        forest.codisp(rows, sampled=True),
        [np.mean(values) if values else np.nan for values in held],
    )

    means = [naive_visitors.mean_surroundings(trees, point) for point in points]
    d = points[0].size
    for smoothing, dimension in ((0.001, float(d)), (0.1, 1.5)):
        densities = [naive_visitors.density(mean, smoothing, dimension) for mean in means]
        options = {"smoothing": smoothing, "manifold_dimension": dimension}
        near(forest.density(rows, **options), densities)
        directed = [
            mean.share / mean.share.sum() * total
            for mean, total in zip(means, densities, strict=True)
        ]
        near(np.hstack([*forest.directional_density(rows, **options)]), directed)
    near(forest.density(rows), [naive_visitors.density(mean, 0.001, d) for mean in means])
    near(np.hstack([*forest.distances(rows)]), [mean.distance for mean in means])

    found = forest.near_neighbors(rows, k=forest.n_trees + 1)
    for row, point in enumerate(points):
        expected = naive_visitors.near_neighbors(trees, point, shingle_size)
        n = len(expected)
        near(found.distance[row, :n], [neighbor[0] for neighbor in expected])
        assert found.arrival[row, :n].tolist() == [neighbor[1] for neighbor in expected]
        assert found.count[row, :n].tolist() == [neighbor[2] for neighbor in expected]
        assert_array_equal(found.point[row, :n], [neighbor[3] for neighbor in expected])
        assert np.isnan(found.distance[row, n:]).all()
        assert np.isnan(found.point[row, n:]).all()
        assert (found.arrival[row, n:] == -1).all()
        assert (found.count[row, n:] == 0).all()


@pytest.mark.parametrize(
    ("make", "columns", "shingle_size"),
    [
        (wave, 1, 1),
        (wave, 3, 1),
        (wave, 1, 5),
        (wave, 9, 2),
        (few_values, 3, 1),
        (few_values, 1, 4),
    ],
)
def test_answers_are_those_of_the_twin(
    make: Callable[[int, int, int], Array], columns: int, shingle_size: int
) -> None:
    past = make(300, columns, 1)
    forest = RandomCutForest(6, 24, shingle_size, random_state=3).update(past)
    fresh = make(12, columns, 2)
    rows = np.concatenate([fresh, past[-12:], fresh * 4.0])  # strange rows, known ones, far ones
    compare_with_twin(forest, rows, windows(past, rows, shingle_size))


numbers = st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, -7.0, 1.0000001, 1e6])
tables = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20)


@settings(max_examples=60)
@given(past=tables, rows=tables, sample_size=st.integers(1, 8))
def test_answers_are_those_of_the_twin_on_odd_tables(
    past: list[tuple[float, float]], rows: list[tuple[float, float]], sample_size: int
) -> None:
    forest = RandomCutForest(3, sample_size, output_after=1).update(past)
    asked = np.array(rows[:6])
    compare_with_twin(forest, asked, list(asked))


# ---- what holds for all of them -----------------------------------------------------------------


@pytest.fixture(scope="module")
def stream() -> tuple[RandomCutForest, Array]:
    past = wave(600, 2, 17)
    rows = np.concatenate([wave(40, 2, 18), 3 * wave(10, 2, 19), past[-30:]])
    rows[[7, 8, 33], 1] = np.nan
    return RandomCutForest(30, 64, 3).update(past), rows


@every_question
def test_a_question_changes_nothing(question: str, stream: tuple[RandomCutForest, Array]) -> None:
    forest, rows = stream
    before = forest.to_bytes()
    first = QUESTIONS[question](forest, rows)
    assert forest.to_bytes() == before
    for one, other in zip(first, QUESTIONS[question](forest, rows), strict=True):
        assert_array_equal(one, other)


@every_question
def test_threads_change_no_bit(question: str, stream: tuple[RandomCutForest, Array]) -> None:
    forest, _ = stream
    rows = wave(400, 2, 20)
    alone = QUESTIONS[question](forest, rows)
    forest.set_params(n_jobs=4)
    together = QUESTIONS[question](forest, rows)
    forest.set_params(n_jobs=1)
    for one, other in zip(alone, together, strict=True):
        assert one.tobytes() == other.tobytes()


@every_question
def test_one_row_at_a_time_is_the_same_as_in_bulk(question: str) -> None:
    forest = RandomCutForest(20, 64).update(wave(300, 2, 21))
    rows = wave(30, 2, 22)
    rows[4] = np.nan
    bulk = QUESTIONS[question](forest, rows)
    single = [tuple(QUESTIONS[question](forest, row[np.newaxis])) for row in rows]
    for part, answers in enumerate(bulk):
        assert np.concatenate([answer[part] for answer in single]).tobytes() == answers.tobytes()


@every_question
def test_rows_are_asked_about_in_the_window_that_they_end(
    question: str, stream: tuple[RandomCutForest, Array]
) -> None:
    forest, rows = stream
    bulk = QUESTIONS[question](forest, rows)
    without_answer = np.zeros(len(rows), dtype=bool)
    for missing in (7, 8, 33):
        without_answer[missing : missing + 3] = True
    for answers, nothing in zip(bulk, NO_ANSWER[question], strict=True):
        flat = answers.reshape(len(rows), -1)
        assert_array_equal(flat[without_answer], np.full_like(flat[without_answer], nothing))
        if question != "codisp_sampled":
            assert not (flat[~without_answer][:, 0] == nothing).any()
            assert not np.isnan(flat[~without_answer][:, 0]).any()
    for end in (3, 20, 50):
        part = QUESTIONS[question](forest, rows[:end])
        for one, other in zip(part, bulk, strict=True):
            assert_array_equal(one, other[:end])


@every_question
def test_before_the_forest_is_ready_there_is_no_answer(question: str) -> None:
    rows = wave(5, 2, 23)
    unused = RandomCutForest(4, 16, output_after=9)
    learning = RandomCutForest(4, 16, output_after=9).update(wave(8, 2, 24))
    for forest in (unused, learning):
        answers = QUESTIONS[question](forest, rows)
        for answer, nothing in zip(answers, NO_ANSWER[question], strict=True):
            assert len(answer) == 5
            assert_array_equal(answer, np.full_like(answer, nothing))
    assert not unused.n_seen
    ready = tuple(QUESTIONS[question](learning.update(rows[:1]), rows[:1]))
    if question != "codisp_sampled":
        assert not np.isnan(ready[0].ravel()[0])


@every_question
def test_bad_rows_are_refused(question: str) -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 25))
    before = forest.to_bytes()
    rows = wave(5, 2, 26)
    rows[3, 1] = np.inf
    with pytest.raises(ValueError, match="row 3, column 1 is inf"):
        QUESTIONS[question](forest, rows)
    with pytest.raises(ValueError, match="3 features"):
        QUESTIONS[question](forest, wave(5, 3, 27))
    with pytest.raises(TypeError, match="numbers"):
        QUESTIONS[question](forest, np.array([["a", "b"]]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_trees"):
        QUESTIONS[question](RandomCutForest(n_trees=0), wave(5, 2, 28))
    assert forest.to_bytes() == before


@pytest.mark.parametrize("verb", ["density", "directional_density"])
@pytest.mark.parametrize("name", ["smoothing", "manifold_dimension"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_options_of_density_must_be_positive(verb: str, name: str, value: float) -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 29))
    with pytest.raises(ValueError, match=f"{name}: expected a positive number"):
        getattr(forest, verb)([[0.0, 0.0]], **{name: value})
    with pytest.raises(TypeError, match=f"{name}: expected a positive number"):
        getattr(forest, verb)([[0.0, 0.0]], **{name: "much"})


def test_options_of_near_neighbors_are_checked() -> None:
    forest = RandomCutForest(4, 16).update(wave(50, 2, 30))
    with pytest.raises(ValueError, match="k: expected an integer of at least 1, got 0"):
        forest.near_neighbors([[0.0, 0.0]], k=0)
    with pytest.raises(TypeError, match="k: expected an integer"):
        forest.near_neighbors([[0.0, 0.0]], k=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"max_distance: expected .* got -1"):
        forest.near_neighbors([[0.0, 0.0]], max_distance=-1.0)
    with pytest.raises(ValueError, match="max_distance"):
        forest.near_neighbors([[0.0, 0.0]], max_distance=math.nan)


@pytest.mark.parametrize("kernel", ["baseline", "avx2", "avx512"])
@every_question
def test_kernels_change_no_bit(
    kernel: str, question: str, stream: tuple[RandomCutForest, Array]
) -> None:
    from fastrcf import _core

    if kernel != "baseline" and not _core.cpu_features()[kernel]:
        pytest.skip(f"this machine has no {kernel}")
    forest, rows = stream
    usual = QUESTIONS[question](forest, rows)
    _core.use_kernel(kernel)
    try:
        again = QUESTIONS[question](forest, rows)
    finally:
        _core.use_kernel("auto")
    for one, other in zip(usual, again, strict=True):
        assert one.tobytes() == other.tobytes()
