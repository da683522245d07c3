"""Tasks of the edit-build-test loop; `nox -l` lists them, CONTRIBUTING.md explains them."""

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session
def lint(session: nox.Session) -> None:
    """Lint, formatting and the direction of imports."""
    session.install("ruff>=0.12")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("python", "tools/check_layers.py")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install(".[test]")
    session.run("mypy", *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Python tests against the installed package."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
@nox.parametrize("preset", ["dev", "asan", "tsan"])
def cpp(session: nox.Session, preset: str) -> None:
    """Test the C++ core (needs doctest): warnings as errors, or one of the sanitizers."""
    session.install("cmake>=3.25", "ninja")
    session.run("cmake", "--preset", preset)
    session.run("cmake", "--build", "--preset", preset)
    session.run("ctest", "--preset", preset, *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and test it in an empty environment, with NumPy alone and from C++."""
    session.install("pytest>=8.3", "cmake>=3.25", "ninja", "hypothesis")
    folder = session.create_tmp()
    session.run("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, ".")
    session.run("pytest", "tests/test_wheel.py", env={"FASTRCF_WHEEL": folder})


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example, check docstrings and links."""
    session.install(".[test]")
    session.run("python", "tools/check_docs.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, peers side by side."""
    session.install(".[bench]")
    session.run("pytest", "benchmarks", *session.posargs)
