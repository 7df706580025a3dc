"""Frozen distributions of scipy.stats as members of a family."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._discovery import family_classes
from ingd_ref.families._scipy import is_univariate

__all__ = ["from_scipy"]

# Distributions of SciPy may be shifted and stretched, which few families allow. These values leave
# them unchanged.
NEUTRAL = {"loc": 0.0, "scale": 1.0}


def from_scipy(frozen: Any) -> tuple[ExponentialFamily, np.ndarray]:
    """Return the family and the natural parameters of a frozen distribution of scipy.stats.

    This is the inverse of :meth:`ExponentialFamily.to_scipy`.

    Of several families with the same distributions in SciPy this returns the most general: a full
    :class:`MultivariateGaussian` for ``multivariate_normal``.

    Parameters
    ----------
    frozen : frozen distribution
        For example ``scipy.stats.gamma(2.0, scale=0.5)``. Its arguments may be arrays of any batch
        shape.

    Returns
    -------
    ExponentialFamily
        The family, with its known constants (the shape of a Weibull distribution, the number of
        trials) taken from the distribution.
    array (..., b)
        Natural parameters, NumPy float64.

    Raises
    ------
    OptionError
        If the argument is not a frozen distribution, or belongs to no family.
    DomainError
        If the distribution is shifted by ``loc`` or stretched by ``scale`` where the family has no
        such parameter, or is degenerate.

    Examples
    --------
    >>> from scipy import stats
    >>> import ingd_ref as ir
    >>> family, theta = ir.families.from_scipy(stats.gamma(2.0, scale=0.25))
    >>> family, theta
    (Gamma(), array([ 2., -4.]))
    """
    name = _name(frozen)
    for cls in family_classes():
        if cls.scipy_name == name and cls._from_scipy is not None:
            family, classical = cls._from_scipy(**_arguments(frozen, cls.__name__, cls._from_scipy))
            return family, family.natural(**classical)
    raise OptionError(f"no family has the distributions of scipy.stats.{name}")


def _name(frozen: Any) -> str:
    """Return the name in scipy.stats of the distribution that was frozen."""
    from scipy import stats

    kind = type(frozen)
    if is_univariate(getattr(frozen, "dist", None)):
        name = str(frozen.dist.name)
        if type(getattr(stats, name, None)) is type(frozen.dist):
            return name
        raise OptionError(
            f"no family has the distributions of {type(frozen.dist).__name__}, "
            "which is not of scipy.stats"
        )
    if kind.__module__.startswith("scipy.stats") and kind.__name__.endswith("_frozen"):
        return kind.__name__.removesuffix("_frozen")
    raise OptionError(
        f"expected a frozen distribution such as scipy.stats.gamma(2.0), got {kind.__name__}"
    )


def _arguments(frozen: Any, family: str, reader: Callable[..., Any]) -> dict[str, np.ndarray]:
    """Return the arguments that a family reads by name; the others must be neutral."""
    names = list(inspect.signature(reader).parameters)
    if not is_univariate(getattr(frozen, "dist", None)):
        return {name: np.asarray(getattr(frozen, name), dtype=np.float64) for name in names}
    shapes = frozen.dist.shapes.split(", ") if frozen.dist.shapes else []
    given = NEUTRAL | dict(zip([*shapes, "loc", "scale"], frozen.args, strict=False)) | frozen.kwds
    for name, neutral in NEUTRAL.items():
        if name not in names and np.any(given[name] != neutral):
            reason = f"has {name} = {given[name]}, and {family} has no parameter for that"
            raise DomainError(f"scipy.stats.{frozen.dist.name} {reason}")
    return {name: np.asarray(given[name], dtype=np.float64) for name in names}
