"""The tangent projection: velocity of the natural parameters of a moving distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
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
    """Velocity of the natural parameters, the solution of (P2) by (P3), with its uncertainty.

    Attributes
    ----------
    rate : array (..., b)
        θ̇ of equation (P3).
    covariance : array (..., b, b)
        F̂ = Cov[f], population divisor (E3).
    moment_rate : array (..., b)
        ∂_t E f of equation (P4).
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

        .. math:: \mathrm{IF}_i = (\hat F + \varepsilon I)^{-1}
                  \bigl( r_i - m - (\varphi_i \varphi_i^\top - \hat F)\, \dot\theta \bigr)
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
        """Jackknife covariance Σ_i π_i² D_i D_iᵀ of θ̇, D the :attr:`deletion`, (..., b, b).

        It holds for independent samples, to first order in 1/n; it means nothing for the nodes of a
        quadrature rule. Statistics such as x² have heavy-tailed influences, and intervals then
        reach a nominal 95 % with a thousand samples rather than a hundred.
        """
        xp = array_namespace(rate=self.rate)
        scaled = self.weights[..., None] * self.deletion
        return symmetrise(xp, xp.matmul(xp.matrix_transpose(scaled), scaled))

    @cached_property
    def standard_error(self) -> Array:
        """Standard error of each entry of θ̇, shape (..., b), from :attr:`rate_covariance`."""
        xp = array_namespace(rate=self.rate)
        return xp.sqrt(xp.linalg.diagonal(self.rate_covariance))

    def confidence_interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return the ends (..., b) of normal confidence intervals for each entry of θ̇.

        Parameters
        ----------
        level : float, between 0 and 1
            Coverage probability. Default 0.95.

        Returns
        -------
        tuple of array (..., b)

        Raises
        ------
        DomainError
            If all the weight lies on one sample.
        """
        return normal_interval(self.rate, self.standard_error, level)

    def bootstrap(self, replications: int, rng: RandomSource) -> Array:
        """Return estimates of θ̇ from samples drawn with replacement.

        Their spread is an alternative to :attr:`standard_error`.

        Parameters
        ----------
        replications : int ≥ 1
            Number r of replications.
        rng : numpy.random.Generator or seed
            The only source of randomness; the samples of a batch are drawn independently.

        Returns
        -------
        array (r, ..., b)

        Raises
        ------
        SingularSystemError
            If a replication has a singular covariance: too few samples for this many statistics.
        """
        xp = array_namespace(rate=self.rate)
        drawn = replicated_weights(xp, self.weights, replications, rng)
        return xp.stack([self._estimate(weights) for weights in drawn])


@_checks.guarded
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
    r"""Project a moving distribution on a family with statistics f, by (P2), (P3) and (P4).

    .. math::
        \dot\theta &= \operatorname{argmin}_\delta
            \mathbb E \bigl( s(x) - \langle \delta, f(x) - \bar f \rangle \bigr)^2
            = \mathrm{Cov}[f]^{-1}\, \partial_t \mathbb E f, \quad s = \partial_t \log q_t \\
        \partial_t \mathbb E f &= \mathbb E[\nabla f^\top v] = \mathrm{Cov}[f, s]

    It solves the regression of equation (P2); with velocities of the samples the moment rate is
    that of equation (P4).

    Parameters
    ----------
    features : Features
        Sufficient statistics f.
    samples : array (..., n, d)
        Samples of q_t, or a batch of them: one for each time, say.
    velocities : array (..., n, d), optional
        Velocity v of each sample, in units of x per unit of time.
    scores : array (..., n), optional
        Time score ∂_t log q_t of each sample, per unit of time; noise that is independent of f
        averages out. Give this or ``velocities``.
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
    OptionError
        If both or neither of ``velocities`` and ``scores`` are given.
    SingularSystemError
        If the covariance is singular to working precision; the message gives its rank.

    Notes
    -----
    Where q_t stays in the family, the result is the θ̇ of the family, equation (P7). Discrete
    samples have no velocities: use :func:`paired_tangent_projection` or :func:`window_projection`.
    Source: [L25]; the sandwich follows from the delta method.

    Examples
    --------
    A Gaussian that grows, x = e^t z with velocity x, at t = 0, so that θ̇ = (0, 1). Gauss-Hermite
    nodes replace samples:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    >>> x = nodes[:, None]
    >>> gaussian = ir.features.FamilyStatistics(ir.families.Gaussian())
    >>> weights = weights / weights.sum()
    >>> found = tangent_projection(gaussian, x, velocities=x, weights=weights)
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
    scores = _checks.as_array(scores, "scores")
    if tuple(scores.shape) != tuple(samples.shape[:-1]):
        raise ShapeError(
            f"scores must have shape {tuple(samples.shape[:-1])}, got {tuple(scores.shape)}"
        )
    residuals = sample_batch(scores[..., None], "scores", xp, like=samples)

    def shares(weights: Array) -> Array:
        """Return φ_i (s_i − s̄), whose mean is Cov[f, s]."""
        return centred(xp, values, weights) * centred(xp, residuals, weights)

    return _from_shares(xp, (values,), shares, weights, ridge)


@_checks.guarded
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
    r"""Project a moving distribution from samples at t − h and t + h, equation (P3).

    .. math::
        \partial_t \mathbb E f &\approx \textstyle\sum_i \pi_i ( f(x_i^+) - f(x_i^-) ) / (2h) \\
        \mathrm{Cov}[f] &\approx \tfrac12 \bigl( \mathrm{Cov}[f(x^-)] + \mathrm{Cov}[f(x^+)] \bigr)

    Both errors are of order h². No Jacobian is needed, so the samples may be discrete.

    Parameters
    ----------
    features : Features
        Sufficient statistics f.
    before, after : array (..., n, d)
        Samples at t − h and at t + h; row i of both is one particle. Unrelated rows give the same
        estimate, with a standard error that grows like 1/h.
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
    >>> means = ir.features.Monomials(1)
    >>> paired_tangent_projection(means, z - 2 * h, z + 2 * h, h).rate  # a shift with velocity 2
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
    """Solve θ̇ = (F̂ + εI)⁻¹ Σ_i π_i r_i.

    ``shares`` returns r_i (..., n, b); F̂ is the mean of the covariances of ``values``.
    """

    def solved(weights: Array) -> tuple[Any, ...]:
        deviations = [centred(xp, one, weights) for one in values]
        covariances = [covariance(xp, one, weights) for one in deviations]
        fisher = sum(covariances[1:], covariances[0]) / len(values)
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
        lost = without_each(xp, weights) / len(deviations)
        lost = lost[..., None] * xp.ones_like(design[..., 0])
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
