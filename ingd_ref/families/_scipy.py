"""Members of a family as frozen distributions of scipy.stats.

Each family that SciPy knows says so itself: it names its counterpart and translates the arguments,
by ``scipy_name``, ``_to_scipy`` and ``_from_scipy``. Here is what these translations have in
common; the way back is in ``_from_scipy.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.families._edge import checked, host_parameters
from ingd_ref.families._formulas import Formulas

__all__ = ["is_univariate", "single", "to_scipy"]


def to_scipy(family: Formulas, theta: Array) -> Any:
    """Frozen distribution of scipy.stats for a member; it lives on the host and in float64.

    The two agree on densities. SciPy writes one-dimensional points as numbers, without the axis of
    length one, those of the Wishart families as full matrices, and a category as a unit vector
    (that of one multinomial trial).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters; of one member (b,) where points are vectors or matrices, whose
        distributions have no batches in SciPy.

    Returns
    -------
    frozen distribution
        With ``logpdf`` or ``logpmf``, ``rvs`` and the other methods of scipy.stats. Its parameters
        have the batch shape of ``theta``.

    Raises
    ------
    NonFiniteError
    ShapeError
        If the last axis of ``theta`` is not b, or it holds several members of a family that SciPy
        takes one by one.
    DomainError
        If ``theta`` is no member, or one that SciPy refuses, such as a covariance that it takes for
        singular.
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
            f"scipy.stats.{family.scipy_name} refuses this member of {family.name}: {error}"
        ) from error


def single(value: np.ndarray, name: str) -> float:
    """Value that an argument has in every member of a batch, for what a family takes as known."""
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
