"""``python -m fastrcf``: the command line; with ``--cmakedir``, where CMake finds the library."""

import sys
from pathlib import Path

import fastrcf


def cmake_dir() -> Path:
    """Find the CMake package; an editable installation keeps it apart from the Python sources.

    Returns
    -------
    Path
        The folder with ``fastrcfConfig.cmake``.
    """
    folders = [Path(folder, "lib", "cmake", "fastrcf").resolve() for folder in fastrcf.__path__]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def main() -> None:
    """Print the CMake package folder if that is asked for, else hand over to the command line."""
    if sys.argv[1:] == ["--cmakedir"]:
        print(cmake_dir())
        return
    from fastrcf.cli import main as cli

    cli()


if __name__ == "__main__":
    main()
