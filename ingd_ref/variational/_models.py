"""Regression models: sums of functions of linear predictors, under a Gaussian prior."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.gamma import lgamma
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, is_array, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.variational._approximation import (
    Expected,
    ExpectedError,
    GaussianApproximation,
    as_vectors,
    require_positive,
)
from ingd_ref.variational._curvature import FactoredCurvature, diagonal_matrix
from ingd_ref.variational._linear_algebra import dot, matvec
from ingd_ref.variational._terms import Estimated, Integrals, Method, Predictors, Terms, rounding_of

__all__ = [
    "BayesianLinearRegression",
    "GeneralisedLinearModel",
    "LogisticRegression",
    "PoissonRegression",
    "vector_like",
]


class GeneralisedLinearModel(ABC):
    r"""ℓ(x) = Σ_i φ_i(a_iᵀx) + log N(x; m₀, Λ⁻¹), with expectations computed from φ_i.

    Derive from it and give :meth:`terms` to define your own model.

    Attributes
    ----------
    design : array (..., n, d)
        Rows a_i.
    response : array (..., n)
        y, to which φ_i compares a_iᵀx.
    prior_precision : array (..., d)
        Diagonal of Λ.
    prior_mean : array (..., d)
        m₀.
    """

    design: Array
    response: Array
    prior_precision: Any
    prior_mean: Any

    @abstractmethod
    def terms(self, predictors: Array) -> Terms:
        """Return φ_i(t), φ_i′(t) and −φ_i″(t), with the names ``value``, ``slope`` and ``bend``.

        Parameters
        ----------
        predictors : array (..., n, k)
            t.

        Returns
        -------
        NamedTuple of arrays (..., n, k)
        """

    def _prepare(self) -> Namespace:
        """Check and complete the fields."""
        xp, design, response = _checks.arrays(design=self.design, response=self.response)
        if design.ndim < 2 or 0 in design.shape[-2:]:
            raise ShapeError(
                "design must have shape (..., n, d) with n ≥ 1 and d ≥ 1, "
                f"got {tuple(design.shape)}"
            )
        design = as_vectors(xp, design, "design")
        if tuple(response.shape) != tuple(design.shape[:-1]):
            raise ShapeError(
                f"response must have shape {tuple(design.shape[:-1])}, got {tuple(response.shape)}"
            )
        response = as_vectors(xp, response, "response", like=design)
        precision = _prior_vector(xp, self.prior_precision, "prior_precision", design)
        require_positive(xp, precision, "prior_precision")
        fields = {
            "design": design,
            "response": response,
            "prior_precision": precision,
            "prior_mean": _prior_vector(xp, self.prior_mean, "prior_mean", design),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        return xp

    @_checks.guarded
    def log_prior(self, x: Array) -> Array:
        """Return log N(x; m₀, Λ⁻¹) (...) at points (..., d)."""
        xp, x = self._at(x, axes=1)
        return self._log_prior(xp, x, self.prior_precision, self.prior_mean)

    @staticmethod
    def _log_prior(xp: Namespace, x: Array, precision: Array, mean: Array) -> Array:
        """Return the log density of a prior whose batch axes are those of x."""
        exponent = precision * (x - mean) ** 2
        return 0.5 * xp.sum(xp.log(precision / (2.0 * math.pi)) - exponent, axis=-1)

    def _prior_of_points(self) -> tuple[Array, Array]:
        """Return precision and mean (..., 1, d) of the prior, to go with points (..., s, d)."""
        return self.prior_precision[..., None, :], self.prior_mean[..., None, :]

    @_checks.guarded
    def predictors(self, x: Array) -> Array:
        """Return the linear predictors a_iᵀx (..., n, s) at points (..., s, d)."""
        xp, x = self._at(x)
        return xp.matmul(self.design, xp.matrix_transpose(x))

    def _at(self, x: Array, axes: int = 2) -> tuple[Namespace, Array]:
        """Return the namespace and finite points (..., s, d), whose batch fits that of the data."""
        xp = array_namespace(design=self.design, x=x)
        x = _checks.finite(_checks.real_array(x, "x", xp), "x", xp)
        dim, batch = self.design.shape[-1], tuple(self.design.shape[:-2])
        if x.ndim < axes or x.shape[-1] != dim:
            shape = f"(..., s, {dim})" if axes == 2 else f"(..., {dim})"
            raise ShapeError(f"x must have shape {shape}, got {tuple(x.shape)}")
        if not _broadcast(tuple(x.shape[:-axes]), batch):
            raise ShapeError(f"the batch shapes of x {tuple(x.shape)} and design {batch} differ")
        return xp, x

    @_checks.guarded
    def log_density(self, x: Array) -> Array:
        """Return ℓ(x) (..., s) at points (..., s, d), normalising constants included."""
        xp, x = self._at(x)
        prior = self._log_prior(xp, x, *self._prior_of_points())
        return xp.sum(self.terms(self.predictors(x)).value, axis=-2) + prior

    @_checks.guarded
    def gradient(self, x: Array) -> Array:
        """Return ∇ℓ(x) (..., s, d) at points (..., s, d)."""
        xp, x = self._at(x)
        slopes = xp.matrix_transpose(self.terms(self.predictors(x)).slope)
        precision, mean = self._prior_of_points()
        return xp.matmul(slopes, self.design) - precision * (x - mean)

    @_checks.guarded
    def hessian(self, x: Array) -> Array:
        """Return ∇²ℓ(x) (..., s, d, d) at points (..., s, d)."""
        xp, x = self._at(x)
        bends = xp.matrix_transpose(self.terms(self.predictors(x)).bend)  # (..., s, n)
        weighted = bends[..., None] * self.design[..., None, :, :]
        curved = xp.matmul(xp.matrix_transpose(self.design)[..., None, :, :], weighted)
        return -curved - diagonal_matrix(xp, self._prior_of_points()[0])

    @_checks.guarded
    def likelihood_gradients(self, x: Array, rows: Array) -> Array:
        """Return ∇_x φ_i(a_iᵀx) (k, d) at one point (d,), for row numbers i (k,); no batch."""
        xp, x = self._at(_checks.returned(x, "x", design=self.design)[None, ...])
        if x.ndim != 2 or self.design.ndim != 2:
            raise ShapeError(f"x must have shape (d,), got {tuple(x.shape[1:])}")
        x, rows = x[0, :], self._rows(xp, rows)
        slopes = self.terms(self.predictors(x[None, :])).slope[:, 0]
        return xp.take(slopes, rows, axis=0)[:, None] * xp.take(self.design, rows, axis=0)

    def _rows(self, xp: Namespace, rows: Array) -> Array:
        """Return numbers of data."""
        rows, number = _checks.returned(rows, "rows", design=self.design), self.design.shape[0]
        if rows.ndim != 1 or not xp.isdtype(rows.dtype, "integral"):
            raise ShapeError(f"rows must be integers (k,), got {_checks.shown(rows)}")
        if not item(xp.all((rows >= 0) & (rows < number))):
            raise DomainError(f"rows must lie between 0 and {number - 1}")
        return rows

    def knots(self) -> Array:
        """Return predictors (..., n, j) at which the terms may bend sharply: 0 and the response.

        Quadrature splits there. It finds other bends by itself, but a narrow spike may escape it
        that a knot shows.
        """
        xp = array_namespace(response=self.response)
        return xp.stack([xp.zeros_like(self.response), self.response], axis=-1)

    def expected_by_quadrature(self, q: GaussianApproximation, method: Method) -> Expected:
        """Return expectations under q by a method for functions of one Gaussian variable."""
        given, _ = self._given(q)
        return self._assembled(q, given, method(given))

    def _given(self, q: GaussianApproximation) -> tuple[Predictors, Array]:
        """Return the predictors under q, and their variances (..., n)."""
        xp = array_namespace(design=self.design, mean=q.mean)
        mean, variance = q.predictor_mean(self.design), q.predictor_variance(self.design)
        return Predictors(self.terms, mean, xp.sqrt(variance), self.knots()), variance

    def _assembled(self, q: GaussianApproximation, given: Predictors, found: Estimated) -> Expected:
        """Return expectations of ℓ, ∇ℓ and −∇²ℓ from those of the terms (..., n, 3)."""
        xp = array_namespace(design=self.design, mean=q.mean)
        transposed, means = xp.matrix_transpose(self.design), found.mean
        spread = 0.5 * dot(xp, self.prior_precision + xp.zeros_like(q.mean), q.variance)
        log_prior = self.log_prior(q.mean)
        pull = self.prior_precision * (q.mean - self.prior_mean)
        return Expected(
            xp.sum(means[..., 0], axis=-1) + log_prior - spread,
            matvec(xp, transposed, means[..., 1]) - pull,
            FactoredCurvature(self.prior_precision, transposed, means[..., 2]),
            lambda: _error(xp, given, found.judged(), transposed),
        )


@dataclass(frozen=True, eq=False)
class BayesianLinearRegression(GeneralisedLinearModel):
    r"""y_i = a_iᵀx + noise of precision τ: φ_i(t) = −½τ(y_i − t)² + ½ log(τ/2π).

    ℓ is quadratic, so the posterior is Gaussian, and one standard step with ρ = 1 from anywhere
    reaches it. The ELBO there is the log evidence.

    Parameters
    ----------
    design : array (..., n, d)
        Rows a_i.
    response : array (..., n)
        y.
    noise_precision : float > 0
        τ, one over the variance of the noise. Default 1.
    prior_precision : float or array (..., d)
        Diagonal of Λ > 0. Default 1.
    prior_mean : float or array (..., d)
        m₀. Default 0.

    Examples
    --------
    >>> import numpy as np
    >>> model = BayesianLinearRegression(np.array([[1.0], [2.0]]), np.array([1.0, 3.0]))
    >>> model.posterior_precision()
    array([[6.]])
    """

    design: Array
    response: Array
    noise_precision: float = 1.0
    prior_precision: Any = 1.0
    prior_mean: Any = 0.0

    def __post_init__(self) -> None:
        self._prepare()
        noise_precision = _checks.positive(self.noise_precision, "noise_precision")
        object.__setattr__(self, "noise_precision", noise_precision)

    def terms(self, predictors: Array) -> Terms:
        xp = array_namespace(predictors=predictors)
        residual = self.response[..., None] - predictors
        constant = 0.5 * math.log(self.noise_precision / (2.0 * math.pi))
        value = constant - 0.5 * self.noise_precision * residual * residual
        bend = xp.full_like(residual, self.noise_precision)
        return Terms(value, self.noise_precision * residual, bend)

    def expected(self, q: GaussianApproximation) -> Expected:
        """Return expectations under q in closed form."""
        xp = array_namespace(design=self.design, mean=q.mean)
        given, variance = self._given(q)
        means = xp.concat(list(self.terms(given.mean[..., None])), axis=-1)
        spread = 0.5 * self.noise_precision * variance
        means = xp.concat([means[..., :1] - spread[..., None], means[..., 1:]], axis=-1)

        def judged() -> Integrals:
            # A residual cancels to within the rounding of its two terms.
            size = self.noise_precision * (xp.abs(self.response) + xp.abs(given.mean))
            sizes = xp.abs(means) + xp.stack([spread, size, xp.zeros_like(size)], axis=-1)
            rounding = rounding_of(xp, given, sizes, xp.zeros_like(size))
            return Integrals(means, xp.zeros_like(means), rounding)

        return self._assembled(q, given, Estimated(means, judged))

    def posterior_precision(self) -> Array:
        """Return Λ + τAᵀA (..., d, d), the precision of the exact posterior."""
        xp = array_namespace(design=self.design)
        squares = xp.matmul(xp.matrix_transpose(self.design), self.design)
        return self.noise_precision * squares + diagonal_matrix(xp, self.prior_precision)


@dataclass(frozen=True, eq=False)
class LogisticRegression(GeneralisedLinearModel):
    r"""P(y_i = 1) = 1/(1 + exp(−a_iᵀx)): φ_i(t) = y_i t − log(1 + e^t).

    Parameters
    ----------
    design : array (..., n, d)
        Rows a_i.
    response : array (..., n)
        y in [0, 1], usually 0 or 1.
    prior_precision : float or array (..., d)
        Diagonal of Λ > 0. Default 1.
    prior_mean : float or array (..., d)
        m₀. Default 0.

    Examples
    --------
    >>> import numpy as np
    >>> model = LogisticRegression(np.array([[1.0]]), np.array([1.0]))
    >>> model.gradient(np.array([[0.0]]))
    array([[0.5]])
    """

    design: Array
    response: Array
    prior_precision: Any = 1.0
    prior_mean: Any = 0.0

    def __post_init__(self) -> None:
        xp = self._prepare()
        if not item(xp.all((self.response >= 0) & (self.response <= 1))):
            raise DomainError("response of a logistic regression must lie in [0, 1]")

    def terms(self, predictors: Array) -> Terms:
        xp = array_namespace(predictors=predictors)
        response = self.response[..., None]
        power = xp.exp(-xp.abs(predictors))
        tail, one = xp.log1p(power), xp.ones_like(power)
        success, failure = (
            xp.where(side, one, power) / (1.0 + power) for side in (predictors > 0, predictors <= 0)
        )
        # −log P(y = 1) and −log P(y = 0), and y − P(y = 1) as a difference of products: nothing
        # cancels for y = 0 or 1.
        losses = xp.clip(-predictors, min=0.0) + tail, xp.clip(predictors, min=0.0) + tail
        value = -(response * losses[0] + (1.0 - response) * losses[1])
        return Terms(value, response * failure - (1.0 - response) * success, success * failure)


@dataclass(frozen=True, eq=False)
class PoissonRegression(GeneralisedLinearModel):
    r"""Counts y_i with rate e_i exp(a_iᵀx): φ_i(t) = y_i (t + log e_i) − e_i e^t − log y_i!.

    Under a Gaussian the expectations have closed forms, since E[e^t] = exp(mean + variance/2).

    Parameters
    ----------
    design : array (..., n, d)
        Rows a_i.
    response : array (..., n)
        Counts y ≥ 0.
    exposure : float or array (..., n)
        e > 0, the observed time or area. Default 1.
    prior_precision : float or array (..., d)
        Diagonal of Λ > 0. Default 1.
    prior_mean : float or array (..., d)
        m₀. Default 0.

    Examples
    --------
    >>> import numpy as np
    >>> model = PoissonRegression(np.array([[1.0]]), np.array([3.0]))
    >>> model.gradient(np.array([[0.0]]))
    array([[2.]])
    """

    design: Array
    response: Array
    exposure: Any = 1.0
    prior_precision: Any = 1.0
    prior_mean: Any = 0.0

    def __post_init__(self) -> None:
        xp = self._prepare()
        if not item(xp.all(self.response >= 0)):
            raise DomainError("response of a Poisson regression must not be negative")
        exposure = vector_like(xp, self.exposure, "exposure", self.response)
        require_positive(xp, exposure, "exposure")
        object.__setattr__(self, "exposure", exposure)

    def terms(self, predictors: Array) -> Terms:
        rate = self.exposure[..., None] * array_namespace(predictors=predictors).exp(predictors)
        return self._terms(predictors, rate)

    def _terms(self, predictors: Array, rate: Array) -> Terms:
        xp = array_namespace(predictors=predictors)
        response = self.response[..., None]
        constant = response * xp.log(self.exposure[..., None]) - lgamma(xp, response + 1.0)
        return Terms(response * predictors + constant - rate, response - rate, rate)

    def expected(self, q: GaussianApproximation) -> Expected:
        """Return expectations under q in closed form."""
        xp = array_namespace(design=self.design, mean=q.mean)
        given, variance = self._given(q)
        with np.errstate(over="ignore"):  # an infinite expectation raises an error by name
            rate = self.exposure * xp.exp(given.mean + 0.5 * variance)
        terms = self._terms(given.mean[..., None], rate[..., None])
        means = xp.concat(list(terms), axis=-1)

        def judged() -> Integrals:
            sizes = xp.abs(means) + 2.0 * rate[..., None]
            rounding = rounding_of(xp, given, sizes, rate)
            # The exponent has the rounding of its two terms.
            exponent = float(xp.finfo(rate.dtype).eps) * (xp.abs(given.mean) + variance) * rate
            return Integrals(means, xp.zeros_like(means), rounding + exponent[..., None])

        return self._assembled(q, given, Estimated(means, judged))


def _error(xp: Namespace, given: Predictors, found: Integrals, transposed: Array) -> ExpectedError:
    """Return what the errors of the terms come to, in the worst case of their signs.

    In the length roundings add up like independent numbers.
    """
    total, size = found.error + found.rounding, xp.abs(transposed)
    lengths = xp.stack([given.deviation, math.sqrt(0.5) * given.deviation**2], axis=-1)
    worst = xp.sum(found.error[..., 1:] * lengths, axis=(-2, -1))
    rounding = xp.sqrt(xp.sum((found.rounding[..., 1:] * lengths) ** 2, axis=(-2, -1)))
    return ExpectedError(
        xp.sum(total[..., 0], axis=-1),
        matvec(xp, size, total[..., 1]),
        matvec(xp, size * size, total[..., 2]),
        worst + rounding,
    )


def _prior_vector(xp: Namespace, value: Any, name: str, design: Array) -> Array:
    """Return a number or a vector (..., d) of the prior as a vector."""
    return vector_like(xp, value, name, design[..., 0, :])


def vector_like(xp: Namespace, value: Any, name: str, like: Array) -> Array:
    """Return a number, or an array that broadcasts to it, in the shape of ``like``."""
    if is_array(value):
        array_namespace(like=like, **{name: value})
    value = _checks.number_or_array(value, name, xp, like)
    if name != "prior_mean":
        require_positive(xp, value, name)
    try:
        return xp.asarray(xp.broadcast_to(value, tuple(like.shape)), copy=True)
    except (ValueError, RuntimeError):
        raise ShapeError(
            f"{name} must be a number or broadcast to shape {tuple(like.shape)}, "
            f"got {tuple(value.shape)}"
        ) from None


def _broadcast(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two batch shapes broadcast."""
    pairs = zip(reversed(shape), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)
