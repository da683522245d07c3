"""Adapters without the library that they adapt to, and what importing them loads."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from fastrcf import MissingExtraError

CALLS = {
    "pyod": "import fastrcf.compat.pyod",
    "river": "import fastrcf.compat.river",
    "narwhals": "import fastrcf.compat.frames as f; f.score_long_frame(None)",
}
EXTRAS = {"pyod": "pyod", "river": "river", "narwhals": "frames"}


def run(code: str, cwd: Path) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("library", list(CALLS))
def test_the_error_says_what_to_install(library: str, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules[{library!r}] = None  # as if it were not installed
from fastrcf import MissingExtraError
try:
    {CALLS[library]}
except MissingExtraError as error:
    print(error)
"""
    assert f"pip install 'fastrcf[{EXTRAS[library]}]'" in run(code, tmp_path)


def test_frames_load_no_library_before_a_call(tmp_path: Path) -> None:
    code = "import fastrcf.compat.frames, sys; print({'narwhals', 'pandas'} & set(sys.modules))"
    assert run(code, tmp_path) == "set()\n"


def test_the_error_is_an_import_error() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("x")))
    assert isinstance(error, ImportError)
