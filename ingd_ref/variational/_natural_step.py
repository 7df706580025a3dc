"""The natural-gradient step of (E11) for Gaussian approximations, and the ELBO that it climbs."""

from __future__ import annotations

from typing import Any, TypeVar

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref._special.symmetric import dual_entries
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.variational._approximation import (
    STEPS,
    Expected,
    GaussianApproximation,
    required,
    required_expectations,
)
from ingd_ref.variational._expectations import Expectation, default_expectation
from ingd_ref.variational._full import FullGaussian
from ingd_ref.variational._linear_algebra import matvec
from ingd_ref.variational._mean_field import MeanFieldGaussian

__all__ = ["checked_step_size", "elbo", "expected_under", "mean_gradient", "natural_step"]

Approximation = TypeVar("Approximation", bound=GaussianApproximation)


@_checks.guarded
def natural_step(
    q: Approximation, expected: Expected, step_size: float = 1.0, step: str = "standard"
) -> Approximation:
    r"""Take one natural-gradient step of variational inference with a Gaussian, equation (E11).

    .. math::
        \text{standard:} \quad P &\leftarrow (1-\rho)P - \rho\, \mathbb E_q[\nabla^2\ell] \\
        \text{positive:} \quad P &\leftarrow P + \rho G + ½\rho^2\, G P^{-1} G, \quad
            G = -\mathbb E_q[\nabla^2\ell] - P \\
        m &\leftarrow m + \rho P^{-1}\, \mathbb E_q[\nabla\ell] \quad \text{with the new } P

    Parameters
    ----------
    q : FullGaussian, MeanFieldGaussian or LowRankGaussian
        N(m, P⁻¹), or a batch.
    expected : Expected
        E_q[∇ℓ] and −E_q[∇²ℓ], where ℓ is the log density of data and x together: likelihood times
        prior.
    step_size : float in (0, 1]
        ρ. Default 1.
    step : {"standard", "positive"}
        ``"standard"`` (default) goes along the straight line in natural parameters: with ρ = 1 it
        is exact for quadratic ℓ. It leaves the positive definite matrices where ℓ is too convex.
        ``"positive"`` agrees with it to first order in ρ and cannot leave them.

    Returns
    -------
    Same type as q

    Raises
    ------
    DomainError
        If ρ lies outside (0, 1], or the new precision is not positive definite.

    Notes
    -----
    A :class:`MeanFieldGaussian` uses the diagonal of the curvature; a :class:`LowRankGaussian`
    projects the result. Source: [K18]; the positive form is the average of P and of its congruence
    N P⁻¹ N, N = (1 − ρ)P + ρT.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.array([[1.0], [2.0]]), np.array([1.0, 3.0]))
    >>> q = FullGaussian.from_precision(np.array([50.0]), np.array([[0.1]]))
    >>> q = natural_step(q, model.expected(q))
    >>> q.precision, q.mean.round(12)  # 1 + 1 + 4, and 7/6
    (array([[6.]]), array([1.16666667]))
    """
    rho = checked_step_size(step_size)
    _checks.choice(step, "step", STEPS)
    required(q)
    array_namespace(mean=q.mean, gradient=required_expectations(expected).gradient)
    for name, size in (
        ("gradient", expected.gradient.shape[-1:]),
        ("curvature", (expected.curvature.dim,)),
    ):
        if tuple(size) != (q.dim,):
            raise ShapeError(
                f"the expected {name} must have dimension {q.dim} like q, "
                f"got {size[0] if size else 0}"
            )
    moved = q.with_precision_towards(expected.curvature, rho, step)
    return moved.moved_to(q.mean + rho * moved.solve(expected.gradient[..., None])[..., 0])


def checked_step_size(step_size: Any) -> float:
    """Return ρ as a float in (0, 1]."""
    rho = _checks.positive(step_size, "step_size")
    if rho > 1.0:
        raise DomainError(f"step_size must lie in (0, 1], got {rho:g}")
    return rho


def mean_gradient(q: FullGaussian | MeanFieldGaussian, expected: Expected) -> Array:
    r"""Return the gradient ∇_μ E_q[ℓ] in the mean parameters of q, for equation (E11).

    .. math:: \nabla_{\mu_1}\mathbb E[\ell] = \mathbb E[\nabla\ell] - \mathbb E[\nabla^2\ell]\, m,
              \qquad \nabla_{\mu_2}\mathbb E[\ell] = ½\mathbb E[\nabla^2\ell]

    Parameters
    ----------
    q : FullGaussian or MeanFieldGaussian
        Batch shape (...).
    expected : Expected
        Of ℓ under q.

    Returns
    -------
    array (..., b)
        In the coordinates of ``q.family``; :func:`conjugate_step` takes it. Off-diagonal entries of
        a matrix count twice there.

    Raises
    ------
    OptionError
        If q is a :class:`LowRankGaussian`, which is not an exponential family.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.array([[2.0]]), np.array([3.0]))
    >>> q = FullGaussian.from_precision(np.array([5.0]), np.array([[1.0]]))
    >>> mean_gradient(q, model.expected(q))  # the natural parameters of the posterior
    array([ 6. , -2.5])
    """
    xp = array_namespace(mean=required(q).mean)
    required_expectations(expected)
    if isinstance(q, MeanFieldGaussian):
        diagonal = expected.curvature.diagonal() + xp.zeros_like(q.mean)
        return xp.concat([expected.gradient + diagonal * q.mean, -0.5 * diagonal], axis=-1)
    if not isinstance(q, FullGaussian):
        raise OptionError(
            f"{type(q).__name__} is not an exponential family, so it has no mean parameters"
        )
    matrix = expected.curvature.matrix() + xp.zeros_like(q.factor)
    return xp.concat(
        [expected.gradient + matvec(xp, matrix, q.mean), dual_entries(xp, -0.5 * matrix)],
        axis=-1,
    )


@_checks.guarded
def expected_under(
    model: Any,
    q: GaussianApproximation,
    expectation: Expectation | None = None,
    rng: RandomSource = None,
) -> Expected:
    """Return E_q[ℓ], E_q[∇ℓ] and −E_q[∇²ℓ], the input of :func:`natural_step`, equation (E11).

    Parameters
    ----------
    model : object
        ℓ: a :class:`GeneralisedLinearModel`, or any :class:`LogDensity`.
    q : GaussianApproximation
        N(m, P⁻¹), or a batch.
    expectation : Expectation, optional
        The method. Default: :class:`Exact` if the model has closed forms, else :class:`Quadrature`
        if it is a model of linear predictors, else :class:`Sampling`.
    rng : numpy.random.Generator or seed, optional
        For :class:`Sampling`.

    Returns
    -------
    Expected

    Raises
    ------
    OptionError
        If the model lacks a method that the expectation needs, or ``rng`` is neither a generator
        nor a seed.
    NonFiniteError
        If an expectation is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import FullGaussian, PoissonRegression
    >>> model = PoissonRegression(np.array([[1.0]]), np.array([3.0]))
    >>> q = FullGaussian.from_covariance(np.zeros(1), np.array([[2.0]]))
    >>> expected_under(model, q).gradient.round(6)  # 3 − exp(0 + 2/2)
    array([0.281718])
    """
    required(q)
    chosen = default_expectation(model) if expectation is None else expectation
    if not isinstance(chosen, Expectation):
        raise OptionError(
            "expectation must be Exact(), Quadrature(...) or Sampling(...), "
            f"got {type(chosen).__name__}"
        )
    return chosen(model, q, rng)


@_checks.guarded
def elbo(
    model: Any,
    q: GaussianApproximation,
    expectation: Expectation | None = None,
    rng: RandomSource = None,
) -> Array:
    """Return the evidence lower bound E_q[ℓ] + H(q) in nats.

    It is the negative of the loss of equation (E11), up to the log evidence.

    Parameters
    ----------
    model : object
        ℓ, as for :func:`expected_under`.
    q : GaussianApproximation
        Batch shape (...).
    expectation : Expectation, optional
        Default as for :func:`expected_under`.
    rng : numpy.random.Generator or seed, optional
        For :class:`Sampling`.

    Returns
    -------
    array (...)

    Raises
    ------
    OptionError
        If the model lacks a method that the expectation needs, or ``rng`` is neither a generator
        nor a seed.
    NonFiniteError
        If an expectation is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.array([[1.0]]), np.array([0.0]))
    >>> posterior = FullGaussian.from_precision(np.zeros(1), np.array([[2.0]]))
    >>> elbo(model, posterior).round(12) == (-0.5 * np.log(2 * np.pi * 2)).round(12)  # evidence
    np.True_
    """
    return expected_under(model, q, expectation, rng).value + q.entropy
