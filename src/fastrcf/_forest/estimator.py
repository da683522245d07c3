"""What makes a class an estimator to scikit-learn, without importing it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Estimator"]


def _defaults(kind: Callable[..., object]) -> dict[str, Any]:
    """Parameters of a constructor and their defaults, in order."""
    parameters = inspect.signature(kind).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


class Estimator:
    """Parameters by name, as ``sklearn.base.BaseEstimator`` has them.

    The constructor of a subclass stores its arguments under their own names, unchanged, and nothing
    else; they are checked when they are first used.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002
        """Return the parameters.

        Parameters
        ----------
        deep : bool
            Taken for the sake of scikit-learn; there are no estimators inside this one.

        Returns
        -------
        dict
            The arguments of the constructor by name, as they were given.
        """
        return {name: getattr(self, name) for name in _defaults(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Change parameters.

        Parameters
        ----------
        **params
            Arguments of the constructor.

        Returns
        -------
        self
            The object itself.

        Raises
        ------
        ValueError
            There is no parameter of that name. Nothing is changed then.
        """
        valid = _defaults(type(self))
        for name in params:
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self!r}. "
                    f"Valid parameters are: {list(valid)}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _defaults(type(self)).items()
            if repr(getattr(self, name)) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="outlier_detector",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=True),
        )
