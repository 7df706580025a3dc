"""Natural-gradient variational inference in any family, in its natural parameters (E11)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families import ExponentialFamily
from ingd_ref.families._edge import checked, checked_pair, rows
from ingd_ref.variational._natural_step import checked_step_size

__all__ = ["ConjugateStep", "conjugate_step", "regression_gradient", "reverse_divergence_gradient"]

# After so many halvings a step is 1e-12 of its size: the direction itself leads outside.
HALVINGS = 40


@_checks.guarded
def reverse_divergence_gradient(
    family: ExponentialFamily, theta: Array, likelihood_gradient: Array, prior: Array | None = None
) -> Array:
    r"""Return the gradient of KL(q_θ‖p) in the mean parameters, equation (E11).

    .. math:: \nabla_\mu L
              = \theta - \theta_0 - \nabla_\mu \mathbb E_\theta[\log p(\mathrm{data} \mid x)]

    By (E8) it is the natural gradient in θ.

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
        Natural parameters θ₀ of a prior in the same family. Its base measure cancels that of q.
        Without a prior, ``likelihood_gradient`` must be that of E_θ[ℓ − log h], with ℓ the whole
        log density and h the base measure.

    Returns
    -------
    array (..., b)

    Raises
    ------
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


class ConjugateStep(NamedTuple):
    """Result of :func:`conjugate_step`, which describes the fields."""

    theta: Array
    target: Array
    step_size: Array


@_checks.guarded
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

    .. math:: \theta \leftarrow (1-\rho)\,\theta + \rho\,\big(\theta_0
              + \nabla_\mu \mathbb E_\theta[\log p(\mathrm{data} \mid x)]\big)

    Parameters
    ----------
    family : ExponentialFamily
        The family of q.
    theta : array (..., b)
        Natural parameters of q.
    prior : array (..., b) or None
        Natural parameters θ₀ of a prior in the same family, or none, as for
        :func:`reverse_divergence_gradient`.
    likelihood_gradient : array (..., b)
        Gradient in mean parameters of the expected log likelihood, from :func:`mean_gradient`,
        :func:`regression_gradient`, or by hand.
    step_size : float in (0, 1]
        ρ. With ρ = 1 and a conjugate likelihood the step is exact Bayesian updating. Default 1.
    damping : bool
        Whether to halve ρ until the new parameters lie in the natural parameter space, for each
        member of the batch. Default: raise. The space is convex, so only a target outside needs it.

    Returns
    -------
    ConjugateStep
        ``theta`` (..., b), the new natural parameters; ``target`` (..., b), where a full step
        leads; ``step_size`` (...), the ρ that was used.

    Raises
    ------
    DomainError
        If ρ lies outside (0, 1], if θ or θ₀ lies outside the space, or if the new parameters do
        and ``damping`` is off.

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
    for _ in range(HALVINGS if _checks.flag(damping, "damping") else 1):
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


@_checks.guarded
def regression_gradient(
    family: ExponentialFamily,
    theta: Array,
    log_likelihood: Array,
    x: Array,
    weights: Array | None = None,
    *,
    base_measure: bool = False,
) -> Array:
    r"""Return ∇_μ E_θ[ℓ] for equation (E11), by regressing values of ℓ on the statistics.

    .. math:: \nabla_\mu \mathbb E_\theta[\ell] = F^{-1} \nabla_\theta \mathbb E_\theta[\ell]
              = \operatorname{Cov}_\theta[f]^{-1} \operatorname{Cov}_\theta[f, \ell]

    by (E3), (E8) and the score f − μ. Both covariances are taken over the same points, so a
    conjugate ℓ = ⟨t, f⟩ + const gives t without noise.

    Parameters
    ----------
    family : ExponentialFamily
        The family of q.
    theta : array (b,)
        Natural parameters of q.
    log_likelihood : array (n,)
        ℓ at the points.
    x : array (n, d)
        Points: draws of :meth:`~ingd_ref.families.ExponentialFamily.sample`, or nodes of
        :func:`scalar_nodes`; n > b.
    weights : array (n,), optional
        Weights of the points, non-negative and summing to one. Default: 1/n.
    base_measure : bool
        Whether to subtract log h(x) from ℓ, which (E11) needs if there is no prior in the family.
        Default ``False``.

    Returns
    -------
    array (b,)

    Raises
    ------
    DomainError
        If θ or a point lies outside its space, or the points do not determine the regression.

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
    _checks.instance(family, "family", ExponentialFamily, "an ExponentialFamily")
    xp, theta, log_likelihood, x, weights = _checks.arrays(
        ("weights",), theta=theta, log_likelihood=log_likelihood, x=x, weights=weights
    )
    if theta.ndim != 1:
        raise ShapeError(f"theta must have shape ({family.number},), got {tuple(theta.shape)}")
    _, theta = checked(family, theta)
    x = _checks.points(x, "x", xp, dim=family.dim, like=theta)
    values = _checks.vector(log_likelihood, "log_likelihood", x.shape[0], xp, like=theta)
    pi = _checks.weights(weights, "weights", x.shape[0], xp, like=theta)
    statistics = family.statistics(x)
    if _checks.flag(base_measure, "base_measure"):
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
                f"the {centred.shape[0]} points do not determine a regression on "
                f"{centred.shape[1]} statistics"
            )
        orthonormal, upper = xp.linalg.qr(centred / lengths, mode="reduced")
        # A column that depends on the others leaves a diagonal entry that is nothing but the
        # rounding of n additions.
        least = item(xp.min(xp.abs(xp.linalg.diagonal(upper))))
        if not least > 10 * centred.shape[1] * xp.finfo(centred.dtype).eps:
            raise DomainError(
                f"the points do not determine a regression on {centred.shape[1]} statistics, "
                "which depend on one another there"
            )
        return cls(orthonormal, upper, lengths)

    def coefficients(self, xp: Namespace, values: Array) -> Array:
        projected = xp.matmul(xp.matrix_transpose(self.orthonormal), values)
        return xp.linalg.solve(self.upper, projected[:, None])[:, 0] / self.lengths


def _target(
    family: ExponentialFamily, theta: Array, likelihood_gradient: Array, prior: Array | None
) -> tuple[Namespace, Array, Array]:
    """Return θ as a copy in the batch shape of all, and θ₀ + ∇_μ E[log likelihood]."""
    _checks.instance(family, "family", ExponentialFamily, "an ExponentialFamily")
    xp = array_namespace(theta=theta, likelihood_gradient=likelihood_gradient, prior=prior)
    if prior is None:
        _, theta = checked(family, theta)
    else:
        _, theta, prior = checked_pair(family, theta, prior, ("theta", "prior"))
    name = "likelihood_gradient"
    gradient = rows(xp, likelihood_gradient, name, family.number, like=theta)
    target = gradient if prior is None else gradient + prior
    try:
        shape = np.broadcast_shapes(tuple(theta.shape), tuple(target.shape))
    except ValueError:
        raise ShapeError(
            f"theta {tuple(theta.shape)} and {name} {tuple(gradient.shape)} do not broadcast"
        ) from None
    theta, target = xp.broadcast_to(theta, shape), xp.broadcast_to(target, shape)
    return xp, xp.asarray(theta, copy=True), xp.asarray(target, copy=True)
