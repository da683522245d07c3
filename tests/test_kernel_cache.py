"""Where compiled code is kept: also without a folder that can be written to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastrcf

CUT = """
import numpy as np
from fastrcf.windowing import cut_windows
print(cut_windows(np.arange(6.0), [1, 2], 3)[:, :, 0].tolist())
from fastrcf import _kernels
print(sum(_kernels.cut_windows.stats.cache_hits.values()))
"""


@pytest.fixture
def installed(tmp_path):
    """A copy of the Python part of the package in which nothing can be written.

    A file stands where the folder of compiled code would be: that also stops the superuser, whom
    permissions do not.
    """
    package = tmp_path / "lib" / "fastrcf"
    source = Path(fastrcf.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__pycache__").touch()
    package.chmod(0o555)
    yield package.parent
    package.chmod(0o755)


def run(installed, home, **variables):
    """Cut windows in a process of its own: what it prints, and how many kernels it found."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH"}
    }
    environment |= {"PYTHONPATH": str(installed), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CUT],
        capture_output=True,
        text=True,
        check=False,
        env=environment | variables,
    )
    assert done.returncode == 0, done.stderr
    windows, hits = done.stdout.split("\n")[:2]
    assert windows == "[[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]"
    return int(hits)


def test_a_read_only_install_keeps_compiled_code_with_the_user(installed, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    assert run(installed, home) == 0
    assert run(installed, home) == 1
    assert list(home.rglob("*.nbc"))


def test_a_folder_that_is_named_comes_first(installed, tmp_path):
    named = tmp_path / "named"
    assert run(installed, tmp_path, NUMBA_CACHE_DIR=str(named)) == 0
    assert run(installed, tmp_path, NUMBA_CACHE_DIR=str(named)) == 1
    assert list(named.rglob("*.nbc"))


def test_without_any_folder_each_process_compiles(installed, tmp_path):
    nowhere = tmp_path / "nowhere"
    nowhere.touch()
    assert run(installed, nowhere) == 0
    assert run(installed, nowhere) == 0
    assert not list(tmp_path.rglob("*.nbc"))
