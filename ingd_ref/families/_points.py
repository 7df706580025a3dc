"""Operations on points: statistics, densities, draws and fits.

These are the methods of :class:`~ingd_ref.families.ExponentialFamily` of the same names, and
``family`` is the object they belong to.
"""

from __future__ import annotations

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, to_backend
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._edge import (
    checked,
    checked_points,
    checked_sample,
    host_parameters,
    require_estimate,
)
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._samples import counted

__all__ = ["fit", "log_base_measure", "log_prob", "sample", "statistics", "statistics_jacobian"]


@_checks.guarded
def statistics(family: Formulas, x: Array) -> Array:
    """Return the sufficient statistics f(x) of (E1).

    Parameters
    ----------
    x : array (..., d)
        Points in the support, usually (n, d).

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If a point lies outside the support.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().statistics(np.array([[3.0], [-1.0]]))
    array([[ 3.,  9.],
           [-1.,  1.]])
    """
    xp, x = checked_points(family, x)
    return family._statistics(xp, xp.asarray(x, copy=True))


@_checks.guarded
def statistics_jacobian(family: Formulas, x: Array) -> Array:
    """Return the Jacobian ∇f(x) of the statistics, with entries ∂f_m/∂x_a at (a, m).

    Parameters
    ----------
    x : array (..., d)
        Points in the support, usually (n, d).

    Returns
    -------
    array (..., d, b)

    Raises
    ------
    DomainError
        If a point lies outside the support, or the family lives on a discrete set.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().statistics_jacobian(np.array([[3.0]]))
    array([[[1., 6.]]])
    """
    xp, x = checked_points(family, x)
    return family._statistics_jacobian(xp, xp.asarray(x, copy=True))


@_checks.guarded
def log_base_measure(family: Formulas, x: Array) -> Array:
    """Return log h(x), the logarithm of the base measure of (E1).

    Parameters
    ----------
    x : array (..., d)
        Points in the support.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If a point lies outside the support.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> Gamma().log_base_measure(np.array([[1.0], [0.5]])).round(6)
    array([-0.      ,  0.693147])
    """
    xp, x = checked_points(family, x)
    return family._log_base_measure(xp, xp.asarray(x, copy=True))


@_checks.guarded
def log_prob(family: Formulas, theta: Array, x: Array) -> Array:
    """Return the logarithm of the density (E1) at x.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.
    x : array (..., d)
        Points in the support. Batch shapes broadcast: for n points under each of k parameters pass
        theta[:, None, :].

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space, or a point outside the support.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> family.log_prob(family.natural(mean=0.0, variance=1.0), np.array([[0.0], [2.0]]))
    array([-0.91893853, -2.91893853])
    """
    xp, theta, x = checked_sample(family, theta, x)
    return in_blocks(xp, family._log_prob, theta, x)


@_checks.guarded
def sample(
    family: Formulas, theta: Array, size: int, rng: RandomSource, log: bool = False
) -> Array:
    """Draw independent points from q_θ.

    Draws are made on the host and then moved, so every library sees the same numbers.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.
    size : int ≥ 1
        Number n of points per member of the batch.
    rng : numpy.random.Generator or seed
        The only source of randomness.
    log : bool
        Whether to draw logarithms instead, which are neither clipped nor rounded to an end of the
        support. Default: False.

    Returns
    -------
    array (..., n, d)
        A draw that would overflow, or round to an end of the support, becomes the number next to
        it. With ``log``, the logarithms of all coordinates; log x and log(1 − x) (..., n, 2) of a
        Beta variate; and of a Wishart matrix X = LLᵀ the lower triangle of L, row by row, with
        logarithms on the diagonal.

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space, or a classical parameter overflows.
    OptionError
        If ``rng`` is neither a generator nor a seed. With ``log``, if the points are not positive.

    Notes
    -----
    Clipping changes the law: where a share of the draws is clipped, their logarithms have another
    mean. A Gamma variate of shape α is below the smallest number with probability of about
    10^(−308α) (10^(−38α) in float32): 12 % at α = 0.003. A Beta variate is next to 1 with
    probability of about 10^(−16β), and log(1 − x) is off then. Logarithms of draws have the right
    law for any member. With the same seed they are other draws.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> family = Gamma()
    >>> theta = family.natural(shape=2.0, rate=[1.0, 10.0])
    >>> x = family.sample(theta, 1000, np.random.default_rng(0))
    >>> x.shape, x.mean(axis=1).round(1)[:, 0]
    ((2, 1000, 1), array([2. , 0.2]))
    """
    rng, log = _checks.generator(rng), _checks.flag(log, "log")
    number = _checks.positive_integer(size, "size")
    xp, theta = checked(family, theta)
    draw = family._log_draw if log else family._draw
    batch = tuple(theta.shape[:-1])
    largest = float(xp.finfo(theta.dtype).max)
    with np.errstate(all="ignore"):
        values = host_parameters(family, theta)
        _require_numbers(family, values)
        # Add an axis for the points.
        host = {
            p.name: np.reshape(values[p.name], (*batch, 1, *p.shape)) for p in family.parameters
        }
        points = np.asarray(draw(rng, (*batch, number), **host), dtype=np.float64)
    drawn = to_backend(np.clip(points, -largest, largest), like=theta)
    return drawn if log else family._moved_inside(xp, drawn)


def _require_numbers(family: Formulas, values: dict[str, np.ndarray]) -> None:
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise DomainError(
                f"theta is a member of {family.name} that cannot be drawn from: its {name} cannot "
                "be represented in float64"
            )


@_checks.guarded
def fit(family: Formulas, x: Array, weights: Array | None = None) -> Array:
    """Return the maximum-likelihood estimate of θ from a weighted sample.

    It is the member with μ(θ) = Σ w f(x), where (E9) is stationary.

    Parameters
    ----------
    x : array (..., n, d)
        Sample.
    weights : array (n,), optional
        Non-negative weights that sum to one. Default: 1/n. A point whose weight is zero or a
        subnormal number does not count.

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If a point lies outside the support, or the weights are invalid. If the likelihood has no
        maximum: a coordinate is constant, columns are linearly dependent up to rounding, a
        category never occurs, or the mean lies on the boundary of the possible means in another
        way. If the floating type cannot hold the estimate.

    Notes
    -----
    Points are taken as exact numbers: two that differ in their last digit do differ. A family of
    full covariance takes column j of a sample of d columns to depend on those before it if it is
    their combination Σ c_i x_i up to 4(d + 2)u (s_j + Σ |c_i| s_i), u the unit roundoff and s the
    root mean squares of the columns. Directions may be rounded: two of them are the same if they
    differ by 4u.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().fit(np.array([[1.0], [3.0]]))  # mean 2, variance 1
    array([ 2. , -0.5])
    """
    _, x, weights = _checks.arrays(("weights",), x=x, weights=weights)
    if x.ndim < 2 or x.shape[-2] == 0:
        raise ShapeError(
            f"x must have shape (..., n, {family.dim}) with n ≥ 1, got {tuple(x.shape)}"
        )
    xp, x = checked_points(family, x)
    column = _checks.weights(weights, "weights", x.shape[-2], xp, like=x)[:, None]
    if weights is not None:
        x, column = counted(xp, x, column)
    with np.errstate(all="ignore"):  # an estimate that overflows is discarded
        theta = family._fit(xp, x, column)
    require_estimate(xp, family, theta)
    return theta
