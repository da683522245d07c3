"""The wheel, as users get it: its contents, the forest with NumPy alone, the C++ library inside.

The C++ program is built against the installed package in every run. The other tests need a wheel:
name it, or its folder, in FASTRCF_WHEEL (`nox -s wheel` and .ci/run build one).
"""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def wheel() -> Path:
    named = os.environ.get("FASTRCF_WHEEL")
    if not named:
        pytest.skip("no wheel named in FASTRCF_WHEEL; `nox -s wheel` builds one and runs this")
    path = Path(named).resolve()
    found = [path] if path.is_file() else sorted(path.glob("fastrcf-*.whl"))
    assert len(found) == 1, f"expected one wheel at {path}, found {found}"
    return found[0]


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel and NumPy, nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / ("python.exe" if sys.platform == "win32" else "python")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=folder)
    run(python, "-m", "pip", "install", "--quiet", "numpy>=2", cwd=folder)
    return python


def build_consumer(python: Path, source: Path, folder: Path) -> str:
    """Build the ten-line program against that interpreter's fastrcf and run it."""
    if shutil.which("cmake") is None:
        pytest.skip("no cmake on the path")
    cmake_dir = run(python, "-m", "fastrcf", "--cmakedir", cwd=folder).strip()
    build = folder / "build"
    configure = ["cmake", "-S", source, "-B", build, f"-Dfastrcf_DIR={cmake_dir}"]
    run(*configure, "-DCMAKE_BUILD_TYPE=Release", cwd=folder)
    run("cmake", "--build", build, "--config", "Release", cwd=folder)
    program = next(
        path for path in build.rglob("consumer*") if os.access(path, os.X_OK) and path.is_file()
    )
    return run(program, cwd=folder)


def assert_finds_the_spike(output: str) -> None:
    ordinary, spike = map(float, re.fullmatch(r"row 1400: (.*), row 1500: (.*)\n", output).groups())
    assert 0.0 < ordinary < 1.5 < spike


def test_cpp_program_against_the_installed_package(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastrcf")
    output = build_consumer(Path(sys.executable), root / "tests" / "packaging", tmp_path)
    assert_finds_the_spike(output)


def test_cpp_program_against_the_wheel(clean_python: Path, root: Path, tmp_path: Path) -> None:
    output = build_consumer(clean_python, root / "tests" / "packaging", tmp_path)
    assert_finds_the_spike(output)


def test_forest_from_the_wheel_with_numpy_alone(
    clean_python: Path, root: Path, tmp_path: Path
) -> None:
    smoke = tmp_path / "smoke.py"
    shutil.copy(root / "tests" / "packaging" / "smoke.py", smoke)
    assert "smoke test passed" in run(clean_python, smoke, cwd=tmp_path)
    installed = run(clean_python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).splitlines()
    names = {line.partition("==")[0].lower() for line in installed}
    assert names <= {"fastrcf", "numpy", "pip", "setuptools"}


def test_code_for_wide_vectors_stays_apart(wheel: Path, tmp_path: Path) -> None:
    """What the linker may share among sources must not be compiled for AVX: any CPU runs it."""
    if shutil.which("nm") is None:
        pytest.skip("no nm on the path")
    with zipfile.ZipFile(wheel) as archive:
        (library,) = (name for name in archive.namelist() if name.endswith("fastrcf_core.a"))
        archive.extract(library, tmp_path)
    listing = run("nm", "-C", "--defined-only", tmp_path / library, cwd=tmp_path)
    members = re.split(r"^(\S+):$", listing, flags=re.MULTILINE)
    kernels = [symbols for symbols in members[2::2] if "fastrcf::isa_" in symbols]
    assert kernels
    for symbols in kernels:
        weak = re.findall(r"^[0-9a-f]+ [VWuvw] (.*)$", symbols, flags=re.MULTILINE)
        assert "isa_baseline" in symbols or not weak


def test_wheel_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for expected in [
        "fastrcf/__init__.py",
        "fastrcf/_core.pyi",
        "fastrcf/include/fastrcf/random_cut_forest.hpp",
        "fastrcf/lib/cmake/fastrcf/fastrcfConfig.cmake",
        "fastrcf/py.typed",
    ]:
        assert expected in names
    assert any(
        name.startswith("fastrcf/_core.") and name.endswith((".so", ".pyd")) for name in names
    )
    assert any(name.startswith("fastrcf/lib/") and name.endswith((".a", ".lib")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fastrcf"}
    assert not any(name.endswith((".cpp", ".o")) or "/tests/" in name for name in names)
