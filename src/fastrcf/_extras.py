"""Optional packages: imported when needed, named with their extra when missing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fastrcf.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["require"]


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module.

    Parameters
    ----------
    module : str
        The module to import, for example ``"matplotlib.pyplot"``.
    extra : str
        The extra of fastrcf that installs it, for example ``"plot"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        The module is not installed, or it is installed and cannot be imported. The message says
        which command installs it.

    Examples
    --------
    >>> require("json", "plot").dumps([1, 2])
    '[1, 2]'
    >>> try:
    ...     require("no_such_module", "plot")
    ... except ImportError as error:
    ...     print(error)
    no_such_module is not installed; to get it, run: pip install 'fastrcf[plot]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        missing = isinstance(error, ModuleNotFoundError) and error.name in (package, module)
        reason = "is not installed" if missing else f"cannot be imported ({error})"
        raise MissingExtraError(
            f"{module} {reason}; to get it, run: pip install 'fastrcf[{extra}]'",
            name=error.name,
            path=error.path,
        ) from error
