"""Check which way imports go: only downwards, and heavy libraries only inside functions.

Reads the sources and imports nothing, so it needs the standard library alone. Imports under
``TYPE_CHECKING`` cost nothing at run time but still tie modules together: they obey the layers too.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# From top to bottom. A module may import from its own row and from those below it.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__init__", "__main__"}),
    frozenset({"cli", "service", "spark"}),
    frozenset({"persistence", "registry", "plotting", "compat"}),
    frozenset({"detectors"}),
    frozenset(
        {
            "attribution",
            "datasets",
            "directional",
            "events",
            "explain",
            "fleet",
            "forecasting",
            "forest",
            "metrics",
            "neighbors",
            "neural",
            "scaling",
            "thresholds",
            "windowing",
        }
    ),
    frozenset({"_core", "_kernels", "_kernels_laws"}),
    frozenset({"_extras", "_typing", "errors"}),
)
LEAVES = LAYERS[1]
# Private modules that no row names, such as _options, are parts of the modules in this row.
PARTS_ROW = 4

# What a module may import at its top, besides the standard library, NumPy and the package itself.
TOP_LEVEL_LIBRARIES = {
    "_kernels": frozenset({"numba"}),
    "cli": frozenset({"rich", "typer"}),
    # These define classes of PyTorch's; they are imported inside functions alone.
    "neural/_lstm_layer": frozenset({"torch"}),
    "neural/modules": frozenset({"torch"}),
    "service": frozenset({"msgspec", "prometheus_client", "starlette"}),
    "spark": frozenset({"pandas", "pyarrow", "pyspark"}),
}

PYTHON_IN_CORE = re.compile(r'#\s*include\s*[<"](pybind11|Python\.h|numpy|nanobind)')


@dataclass(frozen=True)
class Import:
    """One imported module, where it stands, and whether importing the file runs it."""

    name: str
    line: int
    at_top: bool


def layer_of(module: str) -> int | None:
    """Find a module's row.

    Parameters
    ----------
    module
        First name below the package, such as ``forest``.

    Returns
    -------
    int or None
        Index into ``LAYERS``, 0 on top; None for a module that no row names.
    """
    named = next((row for row, names in enumerate(LAYERS) if module in names), None)
    return PARTS_ROW if named is None and module.startswith("_") else named


def imports_of(tree: ast.Module, package: str, submodules: frozenset[str]) -> Iterator[Import]:
    """List what a module imports, absolute names throughout.

    Parameters
    ----------
    tree
        The parsed module.
    package
        Dotted name of the package the module lies in, to resolve relative imports.
    submodules
        First names below the root package: ``from fastrcf import forest`` imports a module.

    Yields
    ------
    Import
        One for each name that is imported.
    """
    root = package.partition(".")[0]
    for node, at_top in _statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_top)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                stem = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{stem}.{base}" if base else stem
            for alias in node.names:
                is_module = base == root and alias.name in submodules
                yield Import(f"{base}.{alias.name}" if is_module else base, node.lineno, at_top)


def _statements(tree: ast.AST, *, at_top: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Walk all statements; those in functions and under TYPE_CHECKING do not run at import."""
    for node in ast.iter_child_nodes(tree):
        yield node, at_top
        is_deferred = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        yield from _statements(node, at_top=at_top and not is_deferred)


def check_module(path: Path, package_dir: Path) -> Iterator[str]:
    """Check one source file of the package.

    Parameters
    ----------
    path
        The file.
    package_dir
        The package folder, such as ``src/fastrcf``.

    Yields
    ------
    str
        One line for each thing that is wrong.
    """
    relative = path.relative_to(package_dir)
    module = relative.parts[0].removesuffix(".pyi").removesuffix(".py")
    row = layer_of(module)
    if row is None:
        yield f"{relative}: no row of tools/check_layers.py names {module!r}"
        return

    root = package_dir.name
    submodules = frozenset(entry.name.partition(".")[0] for entry in package_dir.iterdir())
    package = ".".join([root, *relative.parts[:-1]])
    for found in imports_of(ast.parse(path.read_text(encoding="utf-8")), package, submodules):
        top, _, rest = found.name.partition(".")
        if top == root:
            target = rest.partition(".")[0] or "__init__"
            complaint = _complaint(module, row, target)
        else:
            complaint = _library_complaint(relative, top) if found.at_top else None
        if complaint:
            yield f"{relative}:{found.line}: {complaint}"


def _complaint(module: str, row: int, target: str) -> str | None:
    if target == module:
        return None
    target_row = layer_of(target)
    if target_row is None:
        return f"imports {target!r}, which no row of tools/check_layers.py names"
    if target == "__init__" and module in LEAVES:
        return None
    if target_row < row:
        return f"{module!r} imports {target!r}, which stands above it"
    if target in LEAVES and module in LEAVES:
        return f"{module!r} imports {target!r}: leaves are imported by nobody"
    return None


def _library_complaint(path: Path, library: str) -> str | None:
    module = path.parts[0].removesuffix(".pyi").removesuffix(".py")
    places = (module, path.with_suffix("").as_posix())
    allowed = frozenset[str]().union(*(TOP_LEVEL_LIBRARIES.get(each, ()) for each in places))
    if library in sys.stdlib_module_names or library in {"numpy", "__future__"} | allowed:
        return None
    return f"{module!r} imports {library!r} at its top: import it inside the function that needs it"


def check_core(cpp_dir: Path) -> Iterator[str]:
    """Check that the C++ core knows no Python.

    Parameters
    ----------
    cpp_dir
        The folder ``cpp``; everything in it but ``bindings`` is looked at.

    Yields
    ------
    str
        One line for each include that does not belong there.
    """
    for path in sorted(cpp_dir.rglob("*.[ch]pp")):
        relative = path.relative_to(cpp_dir)
        if relative.parts[0] == "bindings":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if PYTHON_IN_CORE.search(line):
                yield f"cpp/{relative}:{number}: the core includes Python: {line.strip()}"


def main(arguments: list[str]) -> int:
    """Check the project, or another root folder when one is named."""
    root = Path(arguments[0]) if arguments else ROOT
    package_dir = root / "src" / "fastrcf"
    sources = sorted(package_dir.rglob("*.py")) + sorted(package_dir.rglob("*.pyi"))
    complaints = [line for path in sources for line in check_module(path, package_dir)]
    complaints += check_core(root / "cpp")
    print("\n".join([*complaints, f"{len(sources)} modules, {len(complaints)} complaints"]))
    return 1 if complaints or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
