"""Enough to trust a wheel: the forest scores and keeps its state.

With ``--only-numpy`` nothing but the standard library, NumPy and the package can be imported.
"""

import pickle
import sys
import tempfile
from pathlib import Path


class OnlyNumpy:
    """A finder that refuses every other library."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse to find a module unless it is a permitted one; the next finder finds those."""
        top = name.partition(".")[0]
        if top not in {*sys.stdlib_module_names, "numpy", "fastrcf"}:
            message = f"No module named {name!r}"
            raise ModuleNotFoundError(message, name=name)


if "--only-numpy" in sys.argv:
    sys.meta_path.insert(0, OnlyNumpy())

import numpy as np

from fastrcf import RandomCutForest

rng = np.random.default_rng(0)
series = np.sin(np.arange(2000) / 8.0) + rng.normal(scale=0.05, size=2000)
series[1500] += 4.0

forest = RandomCutForest(n_trees=50, shingle_size=8, random_state=1)
scores = forest.score_update(series)
assert scores.shape == series.shape
assert scores.dtype == np.float64
assert forest.is_ready
assert forest.n_seen == len(series)
assert 1500 <= int(np.argmax(scores)) < 1508

threaded = RandomCutForest(n_trees=50, shingle_size=8, random_state=1, n_jobs=2)
assert np.array_equal(threaded.score_update(series), scores)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "forest.bin"
    forest.save(path)
    loaded = RandomCutForest.load(path)
copies = [loaded, pickle.loads(pickle.dumps(forest)), RandomCutForest.from_bytes(forest.to_bytes())]
expected = forest.score(series[:100])
for copy in copies:
    assert np.array_equal(copy.score(series[:100]), expected)

table = rng.normal(size=(500, 3))
table[0] = 8.0
labels = RandomCutForest(n_trees=50, contamination=0.01).fit_predict(table)
assert labels[0] == -1
assert (labels == -1).sum() < 10

print("smoke test passed")
