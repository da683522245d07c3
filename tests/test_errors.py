"""The error family, and how optional packages are asked for."""

import pickle
import subprocess
import sys
import textwrap

import pytest

from fastrcf import errors
from fastrcf._extras import require


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (errors.NotFittedError, (ValueError, AttributeError)),
        (errors.ModelFormatError, (ValueError,)),
        (errors.MissingExtraError, (ImportError,)),
    ],
)
def test_errors_are_the_builtin_ones_too(kind, bases):
    error = kind("why")
    assert isinstance(error, (errors.FastRCFError, *bases))
    assert all(issubclass(kind, base) for base in bases)
    assert str(error) == "why"
    assert str(pickle.loads(pickle.dumps(error))) == "why"


def test_not_fitted_is_scikit_learns_error_where_that_is_loaded():
    theirs = pytest.importorskip("sklearn.exceptions").NotFittedError
    error = errors.not_fitted("why")
    assert isinstance(error, theirs)
    assert isinstance(error, errors.NotFittedError)
    assert type(error) is type(errors.not_fitted("again"))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, theirs)
    assert str(again) == "why"


def test_not_fitted_does_not_load_scikit_learn():
    run(
        """
        import sys
        from fastrcf.errors import NotFittedError, not_fitted
        assert type(not_fitted("why")) is NotFittedError
        assert "sklearn" not in sys.modules
        """
    )


def test_require_returns_the_module():
    assert require("json", "plot").__name__ == "json"
    assert require("xml.dom", "plot").__name__ == "xml.dom"


@pytest.mark.parametrize("module", ["no_such_module", "no_such_module.inner"])
def test_require_names_the_command_that_installs(module):
    with pytest.raises(errors.MissingExtraError) as caught:
        require(module, "plot")
    assert str(caught.value) == (
        f"{module} is not installed; to get it, run: pip install 'fastrcf[plot]'"
    )
    assert caught.value.name == "no_such_module"


def test_require_tells_a_broken_package_from_a_missing_one(tmp_path, monkeypatch):
    (tmp_path / "broken_for_test.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(errors.MissingExtraError, match=r"cannot be imported \(No module named"):
        require("broken_for_test", "plot")


def run(code):
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
