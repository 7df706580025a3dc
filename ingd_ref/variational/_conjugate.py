"""Natural-gradient variational inference within any family of the package: (E11) as it stands, in natural parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families import ExponentialFamily
from ingd_ref.variational._natural_step import checked_step_size

__all__ = ["ConjugateStep", "conjugate_step", "regression_gradient", "reverse_divergence_gradient"]

# Halvings after which a step is 1e-12 of what was asked for: then the target's direction itself is
# of no use.
HALVINGS = 40


def reverse_divergence_gradient(
    family: ExponentialFamily, theta: Array, likelihood_gradient: Array, prior: Array | None = None
) -> Array:
    r"""Gradient of L(θ) = KL(q_θ‖p) with respect to the mean parameters, equation (E11): by (E8) the natural gradient in θ.

    .. math:: \nabla_\mu L = \theta - \theta_0 - \nabla_\mu \mathbb E_\theta[\log p(\mathrm{data} \mid x)]

    Parameters
    ----------
    family : ExponentialFamily
        The family of q.
    theta : array (..., b)
        Natural parameters of q.
    likelihood_gradient : array (..., b)
        Gradient in mean parameters of the expected log likelihood. If the likelihood is conjugate,
        log p(data | x) = ⟨t, f(x)⟩ + const, it is t itself.
    prior : array (..., b), optional
        Natural parameters θ₀ of a prior in the same family. Its base measure cancels against that
        of q. Without a prior, the gradient has to be that of E_θ[ℓ − log h], with ℓ the whole log
        density and h the base measure.

    Returns
    -------
    array (..., b)

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If θ or θ₀ lies outside the natural parameter space.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> family = Gamma()
    >>> prior = family.natural(shape=2.0, rate=1.0)
    >>> counts = np.array([3.0, 5.0])  # Poisson: log p = Σ y log x − n x + const
    >>> theta = family.natural(shape=10.0, rate=3.0)  # the posterior
    >>> reverse_divergence_gradient(family, theta, np.array([counts.sum(), -2.0]), prior)
    array([0., 0.])
    """
    _, theta, target = _target(family, theta, likelihood_gradient, prior)
    return theta - target


@dataclass(frozen=True, eq=False)
class ConjugateStep:
    """What :func:`conjugate_step` did.

    Attributes
    ----------
    theta : array (..., b)
        New natural parameters.
    target : array (..., b)
        θ₀ + ∇_μ E[log likelihood], where a full step leads; possibly outside the natural parameter
        space.
    step_size : array (...)
        ρ that was used, halved where need be.
    """

    theta: Array
    target: Array
    step_size: Array


def conjugate_step(
    family: ExponentialFamily,
    theta: Array,
    prior: Array | None,
    likelihood_gradient: Array,
    step_size: float = 1.0,
    *,
    damping: bool = False,
) -> ConjugateStep:
    r"""Take one natural-gradient step of variational inference in a family, equation (E11).

    .. math:: \theta \leftarrow (1-\rho)\,\theta + \rho\,\big(\theta_0 + \nabla_\mu \mathbb E_\theta[\log p(\mathrm{data} \mid x)]\big)

    Parameters
    ----------
    family : ExponentialFamily
        The family of q.
    theta : array (..., b)
        Natural parameters of q.
    prior : array (..., b) or None
        Natural parameters θ₀ of a prior in the same family; see :func:`reverse_divergence_gradient`
        for what ``None`` means.
    likelihood_gradient : array (..., b)
        Gradient in mean parameters of the expected log likelihood, from :func:`mean_gradient`,
        :func:`regression_gradient`, or by hand.
    step_size : float in (0, 1]
        ρ. With ρ = 1 and a conjugate likelihood the step is exact Bayesian updating. Default 1.
    damping : bool
        What happens if the new parameters lie outside the natural parameter space, which the target
        may: ``False`` (default) raises, ``True`` halves ρ, for the members of the batch concerned,
        until they lie inside. The space is convex, so a target inside never needs it.

    Returns
    -------
    ConjugateStep

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If ρ is outside (0, 1], θ or θ₀ outside the space, or the new parameters are and ``damping``
        is off.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> family = Gamma()
    >>> theta = family.natural(shape=1.0, rate=1.0)
    >>> conjugate_step(family, theta, theta, np.array([8.0, -2.0])).theta
    array([ 9., -3.])
    >>> conjugate_step(family, theta, theta, np.array([0.0, 7.0]), damping=True).step_size.item()
    0.125
    """
    rho = checked_step_size(step_size)
    xp, theta, target = _target(family, theta, likelihood_gradient, prior)
    sizes = xp.full(tuple(target.shape[:-1]), rho, dtype=target.dtype, device=device(target))
    for _ in range(HALVINGS if damping else 1):
        # (1 − ρ)θ + ρ·target, and not θ + ρ(target − θ), so that ρ = 1 forgets θ to the last digit
        moved = (1.0 - sizes)[..., None] * theta + sizes[..., None] * target
        inside = family.contains(moved)
        if item(xp.all(inside)):
            return ConjugateStep(moved, target, sizes)
        sizes = xp.where(inside, sizes, 0.5 * sizes)
    advice = (
        "the target gives no direction into it"
        if damping
        else "take a smaller step_size, or damping=True"
    )
    raise DomainError(
        f"a step of {rho:g} leaves the natural parameter space of {family.name}; {advice}"
    )


def regression_gradient(
    family: ExponentialFamily,
    theta: Array,
    log_likelihood: Array,
    x: Array,
    weights: Array | None = None,
    *,
    base_measure: bool = False,
) -> Array:
    r"""Gradient ∇_μ E_θ[ℓ] for (E11) from values of ℓ at weighted points, as the coefficients of a regression of ℓ on the statistics.

    .. math:: \nabla_\mu \mathbb E_\theta[\ell] = F^{-1} \nabla_\theta \mathbb E_\theta[\ell]
              = \operatorname{Cov}_\theta[f]^{-1} \operatorname{Cov}_\theta[f, \ell]

    by (E3), (E8) and the score f − μ. Both covariances are taken over the same points, so that a
    conjugate ℓ = ⟨t, f⟩ + const gives t without any noise.

    Parameters
    ----------
    family : ExponentialFamily
        The family of q.
    theta : array (b,)
        Natural parameters of q; checked, and with quadrature nodes all that the nodes depend on.
    log_likelihood : array (n,)
        ℓ at the points.
    x : array (n, d)
        Points: draws of :meth:`~ingd_ref.families.ExponentialFamily.sample`, or nodes of
        :func:`scalar_nodes`; n > b.
    weights : array (n,), optional
        Weights of the points, non-negative and summing to one. Default: 1/n.
    base_measure : bool
        Whether to subtract log h(x) from ℓ, as (E11) asks for when there is no prior in the family.
        Default ``False``.

    Returns
    -------
    array (b,)

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If θ or a point is outside its space, or the points do not determine the regression.

    Notes
    -----
    With draws the estimate is consistent, and biased by O(1/n) where ℓ is not linear in the
    statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> family, theta = Gamma(), Gamma().natural(shape=2.0, rate=1.0)
    >>> x = family.sample(theta, 50, np.random.default_rng(0))
    >>> regression_gradient(family, theta, 8.0 * np.log(x[:, 0]) - 2.0 * x[:, 0], x).round(12)
    array([ 8., -2.])
    """
    xp = array_namespace(theta=theta, log_likelihood=log_likelihood, x=x, weights=weights)
    if theta.ndim != 1:
        raise ShapeError(f"theta must have shape ({family.number},), got {tuple(theta.shape)}")
    family.mean(theta)  # θ inside its space
    x = _checks.points(x, "x", xp, dim=family.dim, like=theta)
    values = _checks.vector(log_likelihood, "log_likelihood", x.shape[0], xp, like=theta)
    pi = _checks.weights(weights, "weights", x.shape[0], xp, like=theta)
    statistics = family.statistics(x)
    if base_measure:
        values = values - family.log_base_measure(x)
    root = xp.sqrt(pi)
    centred = root[:, None] * (statistics - xp.sum(pi[:, None] * statistics, axis=0))
    design = _Columns.of(xp, centred)
    return design.coefficients(xp, root * (values - xp.sum(pi * values)))


class _Columns(NamedTuple):
    """QR decomposition of centred statistics in units of their own lengths."""

    orthonormal: Array
    upper: Array
    lengths: Array

    @classmethod
    def of(cls, xp: Namespace, centred: Array) -> _Columns:
        lengths = xp.sqrt(xp.sum(centred * centred, axis=0))
        if centred.shape[0] <= centred.shape[1] or not item(xp.all(lengths > 0)):
            raise DomainError(
                f"the {centred.shape[0]} points do not determine a regression on {centred.shape[1]} statistics"
            )
        orthonormal, upper = xp.linalg.qr(centred / lengths, mode="reduced")
        # A column that depends on the others leaves a diagonal entry that is nothing but the
        # rounding of n additions.
        least = item(xp.min(xp.abs(xp.linalg.diagonal(upper))))
        if not least > 10 * centred.shape[1] * xp.finfo(centred.dtype).eps:
            raise DomainError(
                f"the points do not determine a regression on {centred.shape[1]} statistics, which depend on one another there"
            )
        return cls(orthonormal, upper, lengths)

    def coefficients(self, xp: Namespace, values: Array) -> Array:
        projected = xp.matmul(xp.matrix_transpose(self.orthonormal), values)
        return xp.linalg.solve(self.upper, projected[:, None])[:, 0] / self.lengths


def _target(
    family: ExponentialFamily, theta: Array, likelihood_gradient: Array, prior: Array | None
) -> tuple[Namespace, Array, Array]:
    """θ as a copy in the batch shape of all, and θ₀ + ∇_μ E[log likelihood]."""
    xp = array_namespace(theta=theta, likelihood_gradient=likelihood_gradient, prior=prior)
    for name, value in (("theta", theta), ("prior", prior)):
        if value is not None:
            family.mean(value) if name == "theta" else family.log_partition(
                value
            )  # inside the space, or DomainError
    theta = _checks.real_array(theta, "theta", xp)
    gradient = _checks.finite(
        _checks.real_array(likelihood_gradient, "likelihood_gradient", xp, like=theta),
        "likelihood_gradient",
        xp,
    )
    if gradient.ndim == 0 or gradient.shape[-1] != family.number:
        raise ShapeError(
            f"likelihood_gradient must have shape (..., {family.number}), got {tuple(gradient.shape)}"
        )
    target = (
        gradient if prior is None else gradient + _checks.real_array(prior, "prior", xp, like=theta)
    )
    try:
        shape = np.broadcast_shapes(tuple(theta.shape), tuple(target.shape))
    except ValueError:
        raise ShapeError(
            f"theta {tuple(theta.shape)} and likelihood_gradient {tuple(gradient.shape)} do not broadcast"
        ) from None
    return (
        xp,
        xp.asarray(xp.broadcast_to(theta, shape), copy=True),
        xp.asarray(xp.broadcast_to(target, shape), copy=True),
    )
