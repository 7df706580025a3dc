"""Members of a family as frozen distributions of scipy.stats, and back.

Each family that SciPy knows says so itself: it names its counterpart and translates the arguments, by ``scipy_name``, ``_to_scipy`` and
``_from_scipy``. Here is what these translations have in common.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.backend import Array
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.families._edge import host_parameters

if TYPE_CHECKING:
    from ingd_ref.families._base import ExponentialFamily

__all__ = ["from_scipy", "single", "to_scipy"]

# Distributions of SciPy may be shifted and stretched, which few families allow; these values change nothing.
NEUTRAL = {"loc": 0.0, "scale": 1.0}


def to_scipy(family: ExponentialFamily, theta: Array) -> Any:
    """Frozen distribution of scipy.stats for a member; it lives on the host and in float64.

    The two agree on densities. SciPy writes one-dimensional points as numbers, without the axis of length one, those of the Wishart
    families as full matrices, and a category as a unit vector (that of one multinomial trial).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters; of one member (b,) where points are vectors or matrices, whose distributions have no batches in SciPy.

    Returns
    -------
    frozen distribution
        With ``logpdf`` or ``logpmf``, ``rvs`` and the other methods of scipy.stats. Its parameters have the batch shape of ``theta``.

    Raises
    ------
    NonFiniteError
    ShapeError
        If the last axis of ``theta`` is not b, or it holds several members of a family that SciPy takes one by one.
    DomainError
        If ``theta`` is no member, or one that SciPy refuses, such as a covariance that it takes for singular.
    OptionError
        If SciPy has no counterpart of the family.

    Examples
    --------
    >>> from ingd_ref.families import Gamma
    >>> Gamma().to_scipy(Gamma().natural(shape=2.0, rate=4.0)).mean()
    np.float64(0.5)
    """
    from scipy import stats

    if family.scipy_name is None:
        raise OptionError(f"scipy.stats has no counterpart of {family.name}")
    distribution = getattr(stats, family.scipy_name)
    _, theta = family._checked(theta)
    if theta.ndim > 1 and not _is_univariate(distribution):
        shapes = f"theta must have shape ({family.number},), got {tuple(theta.shape)}"
        raise ShapeError(f"scipy.stats.{family.scipy_name} takes one member at a time: {shapes}")
    arguments = family._to_scipy(**host_parameters(family, theta))
    try:
        return distribution(**{name: value if np.ndim(value) else float(value) for name, value in arguments.items()})
    except ValueError as error:  # among these is the LinAlgError of an almost singular matrix
        raise DomainError(f"scipy.stats.{family.scipy_name} refuses this member of {family.name}: {error}") from error


def from_scipy(frozen: Any) -> tuple[ExponentialFamily, np.ndarray]:
    """Family and natural parameters of a frozen distribution of scipy.stats: the inverse of :meth:`ExponentialFamily.to_scipy`.

    Of several families with the same distributions in SciPy the most general is returned, a full :class:`MultivariateGaussian` for
    ``multivariate_normal``.

    Parameters
    ----------
    frozen : frozen distribution
        For instance ``scipy.stats.gamma(2.0, scale=0.5)``; its arguments may be arrays of any batch shape.

    Returns
    -------
    ExponentialFamily
        The family, with what it takes as known (the shape of a Weibull distribution, the number of trials) from the distribution.
    array (..., b)
        Natural parameters, NumPy float64.

    Raises
    ------
    OptionError
        If the argument is no frozen distribution, or one of no family.
    NonFiniteError
    DomainError
        If the distribution is shifted by ``loc`` or stretched by ``scale`` where the family has no such parameter, or is degenerate.

    Examples
    --------
    >>> from scipy import stats
    >>> import ingd_ref as ir
    >>> family, theta = ir.families.from_scipy(stats.gamma(2.0, scale=0.25))
    >>> family, theta
    (Gamma(), array([ 2., -4.]))
    """
    from ingd_ref.families._discovery import family_classes  # here, because the families build on this file

    name = _name(frozen)
    for cls in family_classes():
        if cls.scipy_name == name and cls._from_scipy is not None:
            family, classical = cls._from_scipy(**_arguments(frozen, cls.__name__, cls._from_scipy))
            return family, family.natural(**classical)
    raise OptionError(f"no family has the distributions of scipy.stats.{name}")


def single(value: np.ndarray, name: str) -> float:
    """Value that an argument has in every member of a batch, for what a family takes as known."""
    first = float(np.ravel(value)[0])
    if not np.all(value == first):
        raise DomainError(f"{name} belongs to the family, so it must be the same in all members of a batch")
    return first


def _is_univariate(distribution: Any) -> bool:
    from scipy import stats

    return isinstance(distribution, stats.rv_continuous | stats.rv_discrete)


def _name(frozen: Any) -> str:
    """Name of a frozen distribution's distribution in scipy.stats."""
    from scipy import stats

    kind = type(frozen)
    if _is_univariate(getattr(frozen, "dist", None)):
        name = str(frozen.dist.name)
        if type(getattr(stats, name, None)) is type(frozen.dist):
            return name
        raise OptionError(f"no family has the distributions of {type(frozen.dist).__name__}, which is not of scipy.stats")
    if kind.__module__.startswith("scipy.stats") and kind.__name__.endswith("_frozen"):
        return kind.__name__.removesuffix("_frozen")
    raise OptionError(f"expected a frozen distribution such as scipy.stats.gamma(2.0), got {kind.__name__}")


def _arguments(frozen: Any, family: str, reader: Callable[..., Any]) -> dict[str, np.ndarray]:
    """Those arguments of a frozen distribution that a family asks for by name; the others must be neutral."""
    names = list(inspect.signature(reader).parameters)
    if not _is_univariate(getattr(frozen, "dist", None)):
        return {name: np.asarray(getattr(frozen, name), dtype=np.float64) for name in names}
    shapes = frozen.dist.shapes.split(", ") if frozen.dist.shapes else []
    given = NEUTRAL | dict(zip([*shapes, "loc", "scale"], frozen.args, strict=False)) | frozen.kwds
    for name, neutral in NEUTRAL.items():
        if name not in names and np.any(given[name] != neutral):
            told = f"has {name} = {given[name]}, and {family} has no parameter for that"
            raise DomainError(f"scipy.stats.{frozen.dist.name} {told}")
    return {name: np.asarray(given[name], dtype=np.float64) for name in names}
