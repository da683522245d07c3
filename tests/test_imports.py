"""What an import costs, what it needs, and which way imports go inside the package."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastrcf

HEAVY = [
    "boto3",
    "matplotlib",
    "numba",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pyspark",
    "rich",
    "scipy",
    "sklearn",
    "torch",
    "typer",
]


def run(code: str, cwd: Path) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "import fastrcf",
        "from fastrcf import RandomCutForest",
        "from fastrcf import RandomCutForest as R; R(n_trees=5).score_update([1.0, 2.0, 3.0])",
        "from fastrcf import *",
    ],
)
def test_import_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(run(code, tmp_path)))
    assert not loaded & set(HEAVY)


def test_bare_import_does_not_load_the_extension(tmp_path: Path) -> None:
    assert "False" in run("import fastrcf, sys; print('fastrcf._core' in sys.modules)", tmp_path)


def test_forest_needs_numpy_alone(root: Path, tmp_path: Path) -> None:
    smoke = root / "tests" / "packaging" / "smoke.py"
    code = f"""
import runpy, sys
sys.argv = ["smoke", "--only-numpy"]
runpy.run_path({str(smoke)!r})
try:
    import pandas
except ModuleNotFoundError:
    print("nothing else can be imported")
"""
    assert run(code, tmp_path) == "smoke test passed\nnothing else can be imported\n"


def test_version_is_the_distribution_s() -> None:
    from fastrcf import _core

    assert fastrcf.__version__ == importlib.metadata.version("fastrcf") == _core.version()


def test_every_public_name_resolves() -> None:
    assert fastrcf.__all__
    for name in fastrcf.__all__:
        assert getattr(fastrcf, name) is not None
    assert set(fastrcf.__all__) <= set(dir(fastrcf))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="RandomForest"):
        _ = fastrcf.RandomForest


def test_package_is_typed() -> None:
    package = Path(fastrcf.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "_core.pyi").is_file()


def check_layers(root: Path, checked: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "tools" / "check_layers.py", checked],
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_downwards(root: Path) -> None:
    process = check_layers(root, root)
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("errors.py", "from fastrcf.forest import RandomCutForest", "'errors' imports 'forest'"),
        ("errors.py", "from .forest import RandomCutForest", "'errors' imports 'forest'"),
        ("errors.py", "from . import forest", "'errors' imports 'forest'"),
        ("forest.py", "def f():\n    import fastrcf.cli", "'forest' imports 'cli'"),
        ("forest.py", "from fastrcf import RandomCutForest", "'forest' imports '__init__'"),
        ("forest.py", "import pandas as pd", "'forest' imports 'pandas' at its top"),
        ("novelty.py", "", "no row of tools/check_layers.py names 'novelty'"),
    ],
)
def test_layer_check_finds(
    root: Path, tmp_path: Path, module: str, line: str, complaint: str
) -> None:
    package = tmp_path / "src" / "fastrcf"
    package.mkdir(parents=True)
    (package / "forest.py").touch()
    (package / "cli.py").touch()
    (package / module).write_text(line, encoding="utf-8")
    process = check_layers(root, tmp_path)
    assert process.returncode == 1
    assert complaint in process.stdout


def test_layer_check_finds_python_in_the_core(root: Path, tmp_path: Path) -> None:
    (tmp_path / "src" / "fastrcf").mkdir(parents=True)
    (tmp_path / "src" / "fastrcf" / "errors.py").touch()
    header = tmp_path / "cpp" / "include" / "fastrcf" / "types.hpp"
    header.parent.mkdir(parents=True)
    header.write_text("#include <pybind11/pybind11.h>\n", encoding="utf-8")
    process = check_layers(root, tmp_path)
    assert process.returncode == 1
    assert "the core includes Python" in process.stdout


def test_cmakedir_is_printed(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "fastrcf", "--cmakedir"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert (Path(process.stdout.strip()) / "fastrcfConfig.cmake").is_file()


def test_script_is_installed() -> None:
    assert shutil.which("fastrcf", path=Path(sys.executable).parent)
