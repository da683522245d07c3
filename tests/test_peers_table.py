"""The table of features in docs/peers.md, line by line against the installed libraries."""

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastrcf

krcf = pytest.importorskip("krcf", reason="the table names krcf")
rcf3 = pytest.importorskip("rcf3", reason="the table names rcf3")
rrcf = pytest.importorskip("rrcf", reason="the table names rrcf")

LIBRARIES = ("aws", "krcf", "rcf3", "rrcf", "fastrcf")
TABLE = Path(__file__).resolve().parents[1] / "docs" / "peers.md"

# Words of which no public name of a library may contain any where the table says "no".
WORDS = {
    "Expected inverse depth, about 1 for ordinary points": ["score"],
    "Collusive displacement (CoDisp)": ["codisp"],
    "Displacement that a point would cause": ["displace"],
    "Score functions of one's own": ["generic", "dynamic", "traverse", "visit"],
    "Stops early when the trees agree": ["approx", "converg"],
    "The law of the withdrawn stream-SQL function": ["kinesis"],
    "Threshold or grade beside the score": ["threshold", "grade", "predict", "label"],
    "Attribution to columns, high and low": ["attribut"],
    "Score and attribution while learning, in one pass": ["score_attrib", "attribution_update"],
    "Explanation in the stream-SQL function's JSON": ["explanation", "strength"],
    "Density": ["density"],
    "Density by direction": ["directional"],
    "Near neighbours with distances": ["neighbor"],
    "… and when they came": ["sequence", "arrival", "time_index"],
    "Fills in missing values": ["impute", "missing"],
    "Expected value of a row": ["expected", "conditional"],
    "Forecast": ["extrapolate", "forecast"],
    "… with bands": ["range", "quantile", "upper"],
    "Clusters of what was learned": ["summar", "cluster"],
    "Windows that rotate instead of shifting": ["rotat"],
    "Irregular time stamps": ["timestamp", "gap"],
    "Scaling of columns inside, causal": ["normal", "transform", "scal"],
    "Weights of columns": ["weight"],
    "Fading of old points": ["decay", "lambda"],
    "Trained on a table and frozen": ["fit"],
    "Threads in one call": ["parallel", "thread", "jobs"],
    "Merges what shards have learned": ["merge"],
    "Many series at once": ["fleet", "multiforest"],
    "Verbs of scikit-learn": ["fit_predict", "score_samples", "decision_function"],
    "PyOD, river": ["learn_one", "score_one", "decision_function"],
}

# What the words cannot show is shown by a call; see the tests below.
BY_CALL = {
    "An array of rows in one call",
    "pandas, polars and Arrow in and out",
    "Command line",
}


def rows() -> list[tuple[str, list[str]]]:
    """Title and cells of every line."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    parts = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(first, cells) for first, *cells in parts if first]


@cache
def classes_of_aws() -> bytes:
    """All class files; their names stand in them as text."""
    found = importlib.util.find_spec("jrcf")
    if found is None or not found.submodule_search_locations:
        pytest.skip("AWS's Java library comes with the bench extra")
    folder = Path(found.submodule_search_locations[0]) / "lib"
    contents = b""
    for path in sorted(folder.glob("randomcutforest-*.jar")):
        with zipfile.ZipFile(path) as jar:
            contents += b"".join(jar.read(n) for n in jar.namelist() if n.endswith(".class"))
    assert contents
    return contents


@cache
def public_names(library: str) -> frozenset[str]:
    if library == "krcf":
        names = {*dir(krcf.RandomCutForest), *of_krcf().options()}
    elif library == "rcf3":
        names = {*dir(rcf3.Forest), *re.findall(r"\w+", rcf3.Forest.__text_signature__)}
    else:
        names = {*dir(rrcf.RCTree), "random_state", "RCTree", "shingle", *dir(rrcf.Leaf)}
        assert all(name in dir(rrcf) for name in ("RCTree", "shingle"))
    return frozenset(name for name in names if not name.startswith("_"))


def is_there(library: str, name: str) -> bool:
    if library == "aws":
        word = rb"(?<![A-Za-z0-9_])" + name.encode() + rb"(?![A-Za-z0-9_])"
        return re.search(word, classes_of_aws()) is not None
    if library != "fastrcf":
        return name in public_names(library)
    if name.startswith("fastrcf."):
        return importlib.util.find_spec(name) is not None
    if name.startswith("fastrcf "):
        command = [sys.executable, "-m", *name.split(), "--help"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    forest = fastrcf.RandomCutForest
    known = {*dir(forest), *forest().get_params(), "offset_"}
    return name in known or hasattr(fastrcf, name)


NAMED = [
    (title, library, name)
    for title, cells in rows()
    for library, cell in zip(LIBRARIES, cells, strict=True)
    for name in re.findall(r"`([^`]+)`", cell)
]
REFUSED = [
    (title, library)
    for title, cells in rows()
    for library, cell in zip(LIBRARIES, cells, strict=True)
    if cell == "no"
]


def test_the_table_is_whole() -> None:
    assert len(rows()) > 35
    assert len(NAMED) > 80
    assert {library for _, library, _ in NAMED} == set(LIBRARIES)
    titles = [title for title, _ in rows()]
    assert len(set(titles)) == len(titles)
    assert set(WORDS) | BY_CALL <= set(titles)


@pytest.mark.parametrize(("title", "library", "name"), NAMED)
def test_what_is_named_exists(title: str, library: str, name: str) -> None:
    assert is_there(library, name), f"{library}: {name} ({title})"


@pytest.mark.parametrize(
    ("title", "library"), [(title, library) for title, library in REFUSED if title not in BY_CALL]
)
def test_what_is_refused_is_not_there(title: str, library: str) -> None:
    if library == "fastrcf":
        names = {
            *dir(fastrcf),
            *dir(fastrcf.RandomCutForest),
            *fastrcf.RandomCutForest().get_params(),
        }
        text = [name for name in names if not name.startswith("_")]
    elif library == "aws":
        text = sorted({word.decode() for word in re.findall(rb"\w{4,}", classes_of_aws())})
    else:
        text = sorted(public_names(library))
    assert not [name for name in text for word in WORDS[title] if word in name.lower()]


# ---- what calls show ----------------------------------------------------------------------------


def of_krcf(**options: object) -> "krcf.RandomCutForest":
    defaults = {"dimensions": 2, "shingle_size": 1, "num_trees": 20, "sample_size": 64}
    return krcf.RandomCutForest({**defaults, "random_seed": 1, **options})


def of_rcf3(**options: object) -> "rcf3.Forest":
    return rcf3.Forest(**{"input_dim": 2, "num_trees": 20, "capacity": 64, "seed": 1, **options})


STREAM = np.random.default_rng(0).normal(size=(400, 2))
MAKERS = {"krcf": of_krcf, "rcf3": of_rcf3}


@pytest.fixture(params=list(MAKERS))
def learned(request: pytest.FixtureRequest) -> object:
    forest = MAKERS[request.param]()
    for row in STREAM:
        forest.update(row)
    return forest


def refuses(call: Callable[[], object]) -> bool:
    try:
        call()
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return True
    return False


def test_one_row_a_call(learned: object) -> None:
    assert not hasattr(learned, "fit")
    assert refuses(lambda: learned.score(STREAM))
    assert refuses(lambda: learned.update(STREAM))
    assert refuses(lambda: learned.score(pd.DataFrame(STREAM, columns=["a", "b"])))
    assert fastrcf.RandomCutForest(5).score_update(STREAM).shape == (400,)


def test_a_missing_value_is_learned_and_spoils_the_state(learned: object) -> None:
    assert not refuses(lambda: type(learned).from_json(learned.to_json()))
    learned.update([float("nan"), 1.0])
    assert refuses(lambda: type(learned).from_json(learned.to_json()))


def test_infinity(learned: object) -> None:
    assert np.isnan(learned.score([float("inf"), 1.0]))
    for bad in (float("inf"), float("nan")):
        tree = rrcf.RCTree(STREAM[:50])
        assert refuses(lambda tree=tree, bad=bad: tree.insert_point([bad, 1.0], index=99))
    with pytest.raises(ValueError, match="row 1"):
        fastrcf.RandomCutForest(5).update([[1.0, 2.0], [1.0, float("inf")]])


def test_attributions_sum_to_the_score_or_do_not() -> None:
    by_krcf, by_rcf3 = of_krcf(), of_rcf3()
    for row in STREAM:
        by_krcf.update(row)
        by_rcf3.update(row)
    parts = by_krcf.attribution([5.0, 0.0])
    assert sum(parts["high"] + parts["low"]) == pytest.approx(by_krcf.score([5.0, 0.0]), abs=1e-6)
    total = sum(part["below"] + part["above"] for part in by_rcf3.attribution(STREAM[0]))
    assert abs(total - by_rcf3.score(STREAM[0])) > 0.1


def test_forecasts() -> None:
    options = {"shingle_size": 4, "num_trees": 30}
    by_krcf, by_rcf3 = of_krcf(dimensions=1, **options), of_rcf3(input_dim=1, **options)
    for value in np.sin(np.arange(500) / 5):
        by_krcf.update([value])
        by_rcf3.update([value])
    bands = by_krcf.extrapolate(3)
    assert set(bands) == {"values", "upper", "lower"}
    assert len({*bands["values"]}) == 1  # the first step, three times
    assert len(by_rcf3.extrapolate(4)) == 4
    assert refuses(lambda: by_rcf3.extrapolate(5))


def test_saved_states(learned: object) -> None:
    twins = [type(learned).from_json(learned.to_json())]
    if hasattr(learned, "to_msgpack"):
        twins.append(type(learned).from_msgpack(learned.to_msgpack()))
    scores = np.array([[forest.score(row) for row in STREAM] for forest in [learned, *twins]])
    assert np.abs(scores[1] - scores[0]).max() < 1e-12
    assert np.array_equal(scores[-1], scores[0]) or len(twins) == 1


def test_the_law_of_the_scores() -> None:
    """On noise that comes in bursts, where one forest's draws hardly matter."""
    rng = np.random.default_rng(0)
    noise = np.where((np.arange(3_000) // 400) % 2, 1.0, 0.02)
    series = np.sin(np.arange(3_000) / 8) + noise * rng.normal(size=3_000)

    def scores_of(forest: object) -> np.ndarray:
        scores = []
        for value in series:
            scores.append(forest.score([value]))
            forest.update([value])
        return np.array(scores[500:])

    theirs = scores_of(of_krcf(dimensions=1, shingle_size=8, num_trees=50, sample_size=256))
    other = scores_of(of_rcf3(input_dim=1, shingle_size=8, num_trees=50, capacity=256))
    ours = fastrcf.RandomCutForest(50, shingle_size=8).score_update(series)[500:]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    assert np.corrcoef(ours, other)[0, 1] < 0.85


@pytest.mark.parametrize("name", ["krcf", "rcf3", "rrcf"])
def test_no_command_line(name: str) -> None:
    points = importlib.metadata.distribution(name).entry_points
    assert not points.select(group="console_scripts")
