"""Check the documentation: docstrings of the public names, examples, links and paths.

Runs against the installed package. The Python blocks of the README run from top to bottom in one
namespace and one temporary folder; its ``fastrcf`` commands run there too.
"""

import doctest
import importlib
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "fastrcf"
MADE_BY_TOOLS = {"build", "dist"}
CONSUMER = ROOT / "tests" / "packaging" / "consumer.cpp"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)*/?(\.\w+)?")


def public_objects() -> Iterator[tuple[str, object]]:
    """List the public classes and functions, those of public modules too, with their methods.

    Yields
    ------
    tuple of str and object
        Dotted name and the object.
    """
    package = importlib.import_module(PACKAGE)
    for name, value in named_objects(package):
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value
        if inspect.isclass(value):
            for attribute in dir(value):
                member = inspect.getattr_static(value, attribute)
                if not attribute.startswith("_") and is_ours(member):
                    yield f"{name}.{attribute}", member


def named_objects(module: ModuleType) -> Iterator[tuple[str, object]]:
    """List what a module makes public, and what its public modules do.

    Parameters
    ----------
    module
        A module with ``__all__``.

    Yields
    ------
    tuple of str and object
        Dotted name below the module, and the object.
    """
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.ismodule(value):
            yield from ((f"{name}.{inner}", found) for inner, found in named_objects(value))
        else:
            yield name, value


def is_ours(member: object) -> bool:
    """Tell whether a class attribute is a method or property that this package defines.

    Parameters
    ----------
    member
        The attribute as the class dictionary holds it.

    Returns
    -------
    bool
        True for methods and properties from this package's modules.
    """
    function = unwrapped(member)
    return function is not None and function.__module__.partition(".")[0] == PACKAGE


def unwrapped(member: object) -> Callable[..., object] | None:
    """Get at the function behind a method or property.

    Parameters
    ----------
    member
        A function, method, classmethod, staticmethod or property.

    Returns
    -------
    callable or None
        The plain function; None for anything else.
    """
    if isinstance(member, property):
        return member.fget
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    return member if inspect.isfunction(member) else None


def docstring_complaints(name: str, value: object) -> Iterator[str]:
    """Check one docstring: there, and with the numpydoc sections that its signature asks for.

    Parameters
    ----------
    name
        Dotted name, for the message.
    value
        The class, function, method or property.

    Yields
    ------
    str
        One line for each thing that is missing.
    """
    doc = inspect.getdoc(value) or ""
    if not doc:
        yield f"{name}: no docstring"
        return
    if isinstance(value, property):
        return
    function = value.__init__ if inspect.isclass(value) else unwrapped(value)
    if not inspect.isfunction(function):
        return
    signature = inspect.signature(function)
    names = [
        parameter
        for parameter, details in signature.parameters.items()
        if parameter not in {"self", "cls"} and details.kind is not details.VAR_KEYWORD
    ]
    if names and not has_section(doc, "Parameters"):
        yield f"{name}: no Parameters section"
    yield from (
        f"{name}: parameter {parameter!r} is not described"
        for parameter in names
        if not re.search(rf"^\s*\*{{0,2}}[\w, ]*\b{parameter}\b", doc, re.MULTILINE)
    )
    gives = signature.return_annotation not in {None, "None", inspect.Signature.empty}
    if gives and not inspect.isclass(value) and not has_section(doc, "Returns", "Yields"):
        yield f"{name}: no Returns section"


def has_section(doc: str, *titles: str) -> bool:
    """Look for an underlined section title.

    Parameters
    ----------
    doc
        The docstring, without its indentation.
    *titles
        Any of these will do.

    Returns
    -------
    bool
        True when one of them is there.
    """
    return any(re.search(rf"^{title}\n-{{3,}}$", doc, re.MULTILINE) for title in titles)


def run_docstring_examples() -> Iterator[str]:
    """Run the examples in the docstrings of all modules.

    Yields
    ------
    str
        One line for each module with an example that failed.
    """
    package = importlib.import_module(PACKAGE)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    attempted = 0
    for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if module.name.endswith("__main__"):
            continue
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            result = doctest.testmod(importlib.import_module(module.name), optionflags=flags)
        attempted += result.attempted
        if result.failed:
            yield f"{module.name}: {result.failed} failed examples"
    print(f"{attempted} docstring examples")


def run_readme(text: str) -> Iterator[str]:
    """Run the README's Python blocks and its ``fastrcf`` commands, in order.

    Parameters
    ----------
    text
        The README.

    Yields
    ------
    str
        One line for what failed; nothing runs after that.
    """
    scripts = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    namespace: dict[str, object] = {"__name__": "readme"}
    ran = 0
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for match in FENCE.finditer(text):
            language, body = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            try:
                if language == "python":
                    exec(compile(body, f"README.md:{line}", "exec"), namespace)
                elif language == "sh" and body.startswith("fastrcf "):
                    for command in body.splitlines():
                        subprocess.run(
                            shlex.split(command),
                            check=True,
                            env=environment,
                            stdin=subprocess.DEVNULL,
                        )
                else:
                    continue
            except Exception as error:  # noqa: BLE001 - an example may fail in any way
                yield f"README.md:{line}: {type(error).__name__}: {error}"
                return
            ran += 1
    print(f"{ran} README examples")


def markdown_files() -> list[Path]:
    """List the project's Markdown files.

    Returns
    -------
    list of Path
        All but those in hidden folders and in folders that tools make.
    """
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(
            part in MADE_BY_TOOLS or (part.startswith(".") and part != ".github")
            for part in path.relative_to(ROOT).parts
        )
    )


def anchors(text: str) -> set[str]:
    """Compute the anchors of a Markdown file's headings, as code hosts do.

    Parameters
    ----------
    text
        The file.

    Returns
    -------
    set of str
        Anchors without the hash sign.
    """
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def link_complaints(path: Path) -> Iterator[str]:
    """Check the local links of a Markdown file.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    str
        One line for each link that leads nowhere.
    """
    text = path.read_text(encoding="utf-8")
    for match in LINK.finditer(FENCE.sub("", text)):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists():
            yield f"{path.relative_to(ROOT)}: link to {target}, which is not there"
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT)}: link to {target}: no such heading"


def path_complaints(path: Path) -> Iterator[str]:
    """Check the paths that a file names between backquotes.

    Parameters
    ----------
    path
        A Markdown file. A span that has a slash and looks like a path is one, from the root.

    Yields
    ------
    str
        One line for each path that does not exist; folders that a build makes are left out.
    """
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for span in SPAN.findall(text):
        is_path = "/" in span and PATH.fullmatch(span)
        if is_path and span.partition("/")[0] not in MADE_BY_TOOLS and not (ROOT / span).exists():
            yield f"{path.relative_to(ROOT)}: names {span}, which is not there"


def consumer_complaints(text: str) -> Iterator[str]:
    """Check that the README shows the C++ program that the tests build.

    Parameters
    ----------
    text
        The README.

    Yields
    ------
    str
        One line if it does not.
    """
    shown = [body for language, body in FENCE.findall(text) if language == "cpp"]
    if CONSUMER.read_text(encoding="utf-8") not in shown:
        yield f"README.md: the C++ program is not that of {CONSUMER.relative_to(ROOT)}"


def main() -> int:
    """Run all checks and print what they found."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    complaints = [
        line for name, value in public_objects() for line in docstring_complaints(name, value)
    ]
    complaints += run_docstring_examples()
    complaints += run_readme(readme)
    for path in markdown_files():
        complaints += link_complaints(path)
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        complaints += path_complaints(path)
    complaints += consumer_complaints(readme)
    print("\n".join([*complaints, f"{len(complaints)} complaints"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
