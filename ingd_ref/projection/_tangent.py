"""The tangent projection (P2)-(P4): how fast the natural parameters of a moving distribution move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import OptionError, ShapeError
from ingd_ref.features import Features
from ingd_ref.projection._intervals import normal_interval, replicated_weights
from ingd_ref.projection._samples import (
    centred,
    covariance,
    pushed_statistics,
    sample_batch,
    sample_weights,
    statistics,
    weighted_mean,
    without_each,
)
from ingd_ref.projection._system import positive_system

__all__ = ["TangentProjection", "paired_tangent_projection", "tangent_projection"]


@dataclass(frozen=True, eq=False)
class TangentProjection:
    """Velocity of the natural parameters, with what is needed to judge it.

    Attributes
    ----------
    rate : array (..., b)
        θ̇ of (P3).
    covariance : array (..., b, b)
        F̂ = Cov[f], population divisor (E3).
    moment_rate : array (..., b)
        ∂_t E f (P4).
    condition : array (...)
        2-norm condition number of F̂ + εI with each statistic scaled to unit variance.
    weights : array (..., n)
        Weights π of the samples.
    """

    rate: Array
    covariance: Array
    moment_rate: Array
    condition: Array
    weights: Array
    _influence: Callable[[], Array] = field(repr=False)
    _deletion: Callable[[], Array] = field(repr=False)
    _estimate: Callable[[Array], Array] = field(repr=False)

    @cached_property
    def influence(self) -> Array:
        r"""Influence of each sample on θ̇, shape (..., n, b); their weighted mean is zero.

        With φ_i = f(x_i) − f̄, r_i the share of sample i in the moment rate m, and θ̇ = (F̂ + εI)⁻¹
        m,

        .. math:: \mathrm{IF}_i = (\hat F + \varepsilon I)^{-1} \bigl( r_i - m - (\varphi_i \varphi_i^\top - \hat F)\, \dot\theta \bigr)
        """
        return self._influence()

    @cached_property
    def deletion(self) -> Array:
        """Influence of each sample with a covariance that lacks the sample, shape (..., n, b).

        Leaving sample i out changes θ̇ by −π_i times this, up to terms of order π_i². It is larger
        than :attr:`influence`, because samples pull the estimate towards themselves.
        """
        return self._deletion()

    @cached_property
    def rate_covariance(self) -> Array:
        """Sandwich covariance Σ_i π_i² D_i D_iᵀ of θ̇, with D the :attr:`deletion`, shape (..., b, b): the jackknife.

        It holds for independent samples, and to first order in 1/n; for the nodes of a quadrature
        rule it means nothing. Statistics such as x² have heavy-tailed influences: there a nominal
        95 % is met from a thousand samples on rather than from a hundred.
        """
        xp = array_namespace(rate=self.rate)
        scaled = self.weights[..., None] * self.deletion
        return symmetrise(xp, xp.matmul(xp.matrix_transpose(scaled), scaled))

    @cached_property
    def standard_error(self) -> Array:
        """Standard error of each entry of θ̇, shape (..., b): the root of the diagonal of :attr:`rate_covariance`.

        DomainError where all the weight lies on one sample.
        """
        xp = array_namespace(rate=self.rate)
        return xp.sqrt(xp.linalg.diagonal(self.rate_covariance))

    def confidence_interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper ends (..., b) of normal confidence intervals for each entry of θ̇.

        Parameters
        ----------
        level : float, between 0 and 1
            Probability with which an interval covers. Default 0.95.

        Returns
        -------
        tuple of array (..., b)

        Raises
        ------
        DomainError
        """
        return normal_interval(self.rate, self.standard_error, level)

    def bootstrap(self, replications: int, rng: np.random.Generator) -> Array:
        """Estimates of θ̇ from samples drawn anew with replacement; their spread is an alternative to :attr:`standard_error`.

        Parameters
        ----------
        replications : int ≥ 1
            Number r of replications.
        rng : numpy.random.Generator
            The only source of randomness; the samples of a batch are drawn independently.

        Returns
        -------
        array (r, ..., b)

        Raises
        ------
        DomainError, OptionError
        SingularSystemError
            If a replication has a singular covariance: too few samples for this many statistics.
        """
        xp = array_namespace(rate=self.rate)
        return xp.stack(
            [
                self._estimate(weights)
                for weights in replicated_weights(xp, self.weights, replications, rng)
            ]
        )


def tangent_projection(
    features: Features,
    samples: Array,
    *,
    velocities: Array | None = None,
    scores: Array | None = None,
    weights: Array | None = None,
    ridge: float = 0.0,
    implementation: str = "auto",
) -> TangentProjection:
    r"""Project a moving distribution on the exponential family with statistics f, equations (P2) to (P4).

    .. math:: \dot\theta = \operatorname{argmin}_\delta \mathbb E \bigl( s(x) - \langle \delta, f(x) - \bar f \rangle \bigr)^2
              = \mathrm{Cov}[f]^{-1}\, \partial_t \mathbb E f, \quad s = \partial_t \log q_t, \qquad
              \partial_t \mathbb E f = \mathbb E[\nabla f^\top v] = \mathrm{Cov}[f, s]

    Parameters
    ----------
    features : Features
        Sufficient statistics f.
    samples : array (..., n, d)
        Samples of q_t, or a batch of them: one for each time, say.
    velocities : array (..., n, d), optional
        Velocity v of each sample, in units of x per unit of time.
    scores : array (..., n), optional
        Time score ∂_t log q_t of each sample, per unit of time; noise that does not depend on f is
        averaged out. Give this or ``velocities``.
    weights : array (n,) or (..., n), optional
        Weights π, non-negative with sum one. Default: 1/n.
    ridge : float ≥ 0
        ε, added to the diagonal of Cov[f]. Default 0.
    implementation : {"auto", "readable", "fused"}
        How kernels of the features run. Default ``"auto"``.

    Returns
    -------
    TangentProjection

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, BackendError
        For arguments that do not fit.
    OptionError
        Unless exactly one of ``velocities`` and ``scores`` is given.
    SingularSystemError
        If the covariance is singular to working precision; the message gives its rank.

    Notes
    -----
    Where q_t stays in the family, the result is the family's own θ̇ (P7). Discrete samples have no
    velocities: use :func:`paired_tangent_projection` or :func:`window_projection`. Source: [L25];
    the sandwich follows from the delta method.

    Examples
    --------
    A Gaussian that grows, x = e^t z with velocity x, at t = 0. Gauss-Hermite nodes stand for its
    samples; θ̇ = (0, 1):

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    >>> x = nodes[:, None]
    >>> gaussian = ir.features.FamilyStatistics(ir.families.Gaussian())
    >>> found = tangent_projection(gaussian, x, velocities=x, weights=weights / weights.sum())
    >>> (found.rate + 0.0).round(12) + 0.0
    array([0., 1.])
    """
    xp = array_namespace(samples=samples, velocities=velocities, scores=scores, weights=weights)
    if (velocities is None) == (scores is None):
        raise OptionError("give either velocities or scores")
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    ridge = _checks.nonnegative(ridge, "ridge")
    samples = sample_batch(samples, "samples", xp)
    weights = sample_weights(weights, xp, samples)
    if scores is None:
        velocities = sample_batch(
            velocities, "velocities", xp, like=samples, shape=tuple(samples.shape)
        )
        values, rates = pushed_statistics(xp, features, samples, velocities, implementation)
        return _from_shares(xp, (values,), lambda _: rates, weights, ridge)
    values = statistics(xp, features, samples, implementation)
    if tuple(scores.shape) != tuple(samples.shape[:-1]):
        raise ShapeError(
            f"scores must have shape {tuple(samples.shape[:-1])}, got {tuple(scores.shape)}"
        )
    residuals = sample_batch(scores[..., None], "scores", xp, like=samples)

    def shares(weights: Array) -> Array:
        """φ_i (s_i − s̄), whose mean is Cov[f, s]."""
        return centred(xp, values, weights) * centred(xp, residuals, weights)

    return _from_shares(xp, (values,), shares, weights, ridge)


def paired_tangent_projection(
    features: Features,
    before: Array,
    after: Array,
    half_step: float,
    *,
    weights: Array | None = None,
    ridge: float = 0.0,
    implementation: str = "auto",
) -> TangentProjection:
    r"""Project a moving distribution from samples at t − h and t + h, equation (P3) with central differences.

    .. math:: \partial_t \mathbb E f \approx \frac{1}{2h} \sum_i \pi_i \bigl( f(x_i^+) - f(x_i^-) \bigr), \qquad
              \mathrm{Cov}[f] \approx \tfrac12 \bigl( \mathrm{Cov}[f(x^-)] + \mathrm{Cov}[f(x^+)] \bigr)

    Both errors are of order h². No Jacobian is needed, so that the samples may be discrete.

    Parameters
    ----------
    features : Features
        Sufficient statistics f.
    before, after : array (..., n, d)
        Samples at t − h and at t + h; row i of both is one particle. Rows that belong together by
        chance only are legal too: the estimate is the same, and its standard error grows like 1/h.
    half_step : float > 0
        h, in units of time.
    weights : array (n,) or (..., n), optional
        Weights π of the pairs, non-negative with sum one. Default: 1/n.
    ridge : float ≥ 0
        ε, added to the diagonal of the covariance. Default 0.
    implementation : {"auto", "readable", "fused"}
        How kernels of the features run. Default ``"auto"``.

    Returns
    -------
    TangentProjection

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError
        For arguments that do not fit.
    SingularSystemError
        If the covariance is singular to working precision; the message gives its rank.

    Notes
    -----
    Source: [L25]; the differences are standard.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> z, h = np.array([[-1.0], [1.0]]), 0.5
    >>> found = paired_tangent_projection(ir.features.Monomials(1), z - 2 * h, z + 2 * h, h)  # a shift with velocity 2
    >>> found.rate
    array([2.])
    """
    xp = array_namespace(before=before, after=after, weights=weights)
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    ridge, half_step = _checks.nonnegative(ridge, "ridge"), _checks.positive(half_step, "half_step")
    before = sample_batch(before, "before", xp)
    after = sample_batch(after, "after", xp, like=before, shape=tuple(before.shape))
    weights = sample_weights(weights, xp, before)
    pair = tuple(statistics(xp, features, samples, implementation) for samples in (before, after))
    rates = (pair[1] - pair[0]) / (2.0 * half_step)
    return _from_shares(xp, pair, lambda _: rates, weights, ridge)


def _from_shares(
    xp: Namespace,
    values: tuple[Array, ...],
    shares: Callable[[Array], Array],
    weights: Array,
    ridge: float,
) -> TangentProjection:
    """θ̇ = (F̂ + εI)⁻¹ Σ_i π_i r_i, where ``shares`` gives r_i (..., n, b) and F̂ is the mean of the covariances of ``values``."""

    def solved(weights: Array) -> tuple[Array, ...]:
        deviations = [centred(xp, one, weights) for one in values]
        fisher = sum(
            (covariance(xp, one, weights) for one in deviations[1:]),
            covariance(xp, deviations[0], weights),
        ) / len(values)
        rate = weighted_mean(xp, shares(weights), weights)
        system = positive_system(xp, fisher, ridge, "the covariance of the statistics")
        return system.solve(rate), fisher, rate, system, deviations

    theta_rate, fisher, moment_rate, system, deviations = solved(weights)

    along = [one * xp.matmul(one, theta_rate[..., :, None]) for one in deviations]  # φφᵀθ̇
    # (F̂ + εI) IF: its mean before centring is m − F̂θ̇ = εθ̇.
    changes = centred(xp, shares(weights) - sum(along[1:], along[0]) / len(along), weights)

    def influence() -> Array:
        return xp.matrix_transpose(system.solve_columns(xp.matrix_transpose(changes)))

    def deletion() -> Array:
        design = xp.stack(deviations, axis=-2)
        lost = (without_each(xp, weights) / len(deviations))[..., None] * xp.ones_like(
            design[..., 0]
        )
        return system.solve_without(design, lost, changes)

    return TangentProjection(
        theta_rate,
        fisher,
        moment_rate,
        system.condition,
        weights,
        influence,
        deletion,
        lambda anew: solved(anew)[0],
    )
