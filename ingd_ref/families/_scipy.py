"""Members of a family as frozen distributions of scipy.stats.

Each family names its counterpart in SciPy and translates the arguments, by ``scipy_name``,
``_to_scipy`` and ``_from_scipy``. The inverse of :func:`to_scipy` is in ``_from_scipy.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.families._edge import checked, host_parameters
from ingd_ref.families._formulas import Formulas

__all__ = ["is_univariate", "single", "to_scipy"]


@_checks.guarded
def to_scipy(family: Formulas, theta: Array) -> Any:
    """Return a member as a frozen distribution of scipy.stats, on the host and in float64.

    The two agree on densities. SciPy writes one-dimensional points as numbers, without the axis of
    length one; points of the Wishart families as full matrices; and a category as a unit vector,
    which is one multinomial trial.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters; (b,) where points are vectors or matrices, since SciPy has no batches
        of these distributions.

    Returns
    -------
    frozen distribution
        With ``logpdf`` or ``logpmf``, ``rvs`` and the other methods of scipy.stats. Its parameters
        have the batch shape of ``theta``.

    Raises
    ------
    ShapeError
        If ``theta`` holds several members of a family that SciPy takes one by one.
    DomainError
        If ``theta`` is not a member, or SciPy rejects it, as it does a nearly singular covariance.
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
    _, theta = checked(family, theta)
    if theta.ndim > 1 and not is_univariate(distribution):
        shapes = f"theta must have shape ({family.number},), got {tuple(theta.shape)}"
        raise ShapeError(f"scipy.stats.{family.scipy_name} takes one member at a time: {shapes}")
    arguments = family._to_scipy(**host_parameters(family, theta))
    try:
        return distribution(
            **{name: value if np.ndim(value) else float(value) for name, value in arguments.items()}
        )
    except ValueError as error:  # among these is the LinAlgError of an almost singular matrix
        raise DomainError(
            f"scipy.stats.{family.scipy_name} rejects this member of {family.name}: {error}"
        ) from error


def single(value: np.ndarray, name: str) -> float:
    """Return the one value of an argument that a family takes as known, for all of a batch."""
    first = float(np.ravel(value)[0])
    if not np.all(value == first):
        raise DomainError(
            f"{name} belongs to the family, so it must be the same in all members of a batch"
        )
    return first


def is_univariate(distribution: Any) -> bool:
    """Whether a distribution of scipy.stats is one of numbers, with array parameters as batches."""
    from scipy import stats

    return isinstance(distribution, stats.rv_continuous | stats.rv_discrete)
