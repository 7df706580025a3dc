"""The expectations of (E11): in closed form, by quadrature for each datum, and by samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_backend
from ingd_ref.errors import NonFiniteError, OptionError, ShapeError
from ingd_ref.variational._approximation import Expected, GaussianApproximation, required
from ingd_ref.variational._curvature import (
    Curvature,
    DenseCurvature,
    DiagonalCurvature,
    FactoredCurvature,
)
from ingd_ref.variational._mean_field import MeanFieldGaussian
from ingd_ref.variational._quadrature import adaptive, fixed
from ingd_ref.variational._quadrature_rules import RULES
from ingd_ref.variational._terms import Method

__all__ = [
    "Exact",
    "Expectation",
    "LogDensity",
    "Quadrature",
    "Sampling",
    "default_expectation",
]

# Where Sampling takes the curvature from.
CURVATURES = ("hessian", "gradient", "gauss-newton")


@runtime_checkable
class LogDensity(Protocol):
    """Interface of a log density ℓ(x) = log p(data, x), normalised or not.

    Besides the two methods here, ``hessian(x)`` (..., s, d, d) is needed by
    ``Sampling(curvature="hessian")``, and ``gauss_newton(x)`` (..., s, d, d), a positive
    semi-definite approximation of −∇²ℓ, by ``Sampling(curvature="gauss-newton")``.
    """

    def log_density(self, x: Array) -> Array:
        """Return ℓ(x) (..., s) at points (..., s, d)."""

    def gradient(self, x: Array) -> Array:
        """Return ∇ℓ(x) (..., s, d) at points (..., s, d)."""


class Expectation(ABC):
    """A method for expectations of ℓ, ∇ℓ and ∇²ℓ under a Gaussian approximation."""

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return False

    @abstractmethod
    def __call__(self, model: Any, q: GaussianApproximation, rng: RandomSource = None) -> Expected:
        """Return the expectations.

        Parameters
        ----------
        model : object
            ℓ; the methods that it needs depend on the subclass.
        q : GaussianApproximation
            Batch shape (...).
        rng : numpy.random.Generator or seed, optional
            The only source of randomness; only :class:`Sampling` needs it.

        Returns
        -------
        Expected
        """


@dataclass(frozen=True)
class Exact(Expectation):
    """Closed forms of the expectations, for models with a method ``expected(q)``.

    Linear and Poisson regression have one.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.ones((1, 1)), np.array([2.0]))
    >>> Exact()(model, FullGaussian.from_precision(np.zeros(1), np.eye(1))).gradient
    array([2.])
    """

    def __call__(self, model: Any, q: GaussianApproximation, rng: RandomSource = None) -> Expected:
        _checks.generator(rng)
        required(q)
        if not hasattr(model, "expected"):
            raise OptionError(
                f"the model {type(model).__name__} has no closed form of its expectations; "
                "use Quadrature or Sampling"
            )
        return _checked(model.expected(q), q)


@dataclass(frozen=True)
class Quadrature(Expectation):
    """One-dimensional quadrature for each datum.

    For models of linear predictors, ℓ(x) = Σ_i φ_i(a_iᵀx) + log prior: a_iᵀx is Gaussian
    under q, so E_q[φ_i], E_q[φ_i′] and E_q[φ_i″] are integrals over one variable.

    By default the nodes adapt to each datum until value, slope and curvature each have a relative
    error of 1e-13 (or of 32 units of rounding, if that is more), for Gaussians of any width and for
    likelihoods with bends, kinks and jumps anywhere. The error is relative to the expectation of
    the absolute value, which is the value itself unless the integrand changes its sign. The result
    carries an estimate of its :attr:`~Expected.error`.

    Parameters
    ----------
    number : int ≥ 1, optional
        Nodes for each datum of a fixed rule. Default: they adapt, or 128 if a rule is given.
    rule : {"trapezoidal", "gauss-hermite"}, optional
        Fixed rule, see :func:`normal_rule`. Default: "trapezoidal" if a number is given.

    Raises
    ------
    NonFiniteError
        When called, if an integrand is infinite, not a number or not representable where the
        predictor has weight.

    Notes
    -----
    Nested trapezoidal rules have up to 769 nodes; data for which they do not converge
    get Gauss–Kronrod panels that are halved where the error is. A spike narrower than 1e-2 standard
    deviations of the predictor is found only at :meth:`GeneralisedLinearModel.knots`, by default
    zero and the response. Where a jump is no knot its place is found to rounding of the predictor.
    The error of a fixed rule is its difference from the adaptive expectations.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import FullGaussian, LogisticRegression
    >>> model = LogisticRegression(np.ones((1, 1)), np.array([1.0]))
    >>> wide = FullGaussian.from_covariance(np.zeros(1), np.array([[1e4]]))
    >>> expected = Quadrature()(model, wide)
    >>> expected.curvature.weights.round(8), bool(expected.error.curvature[0] < 1e-14)
    (array([0.00398877]), True)
    """

    number: int | None = None
    rule: str | None = None

    def __post_init__(self) -> None:
        if self.number is not None:
            _checks.positive_integer(self.number, "number")
        if self.rule is not None:
            _checks.choice(self.rule, "rule", RULES)

    def __call__(self, model: Any, q: GaussianApproximation, rng: RandomSource = None) -> Expected:
        _checks.generator(rng)
        required(q)
        if not hasattr(model, "expected_by_quadrature"):
            raise OptionError(
                f"{type(model).__name__} is not a model of linear predictors; use Sampling"
            )
        return _checked(model.expected_by_quadrature(q, self._method()), q)

    def _method(self) -> Method:
        if self.number is None and self.rule is None:
            return adaptive
        return fixed(self.number or 128, self.rule or "trapezoidal")


@dataclass(frozen=True)
class Sampling(Expectation):
    r"""Means over samples x = m + P^{-1/2}z, unbiased estimates of the expectations.

    Parameters
    ----------
    number : int ≥ 1
        Samples s. Default 16.
    antithetic : bool
        Whether every second z is the negative of the one before, which needs an even number: means
        of odd functions of x − m are then exact. Default ``True``.
    curvature : {"hessian", "gradient", "gauss-newton"}
        ``"hessian"`` (default): −∇²ℓ(x) at the samples. ``"gradient"``: gradients alone, by the
        identity E[∇²ℓ] = E[P(x − m) ∇ℓᵀ], symmetrised; noisier, and with a few samples rarely
        positive definite. ``"gauss-newton"``: the model's positive semi-definite approximation,
        which makes standard steps safe and changes the fixed point.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression, FullGaussian
    >>> model = BayesianLinearRegression(np.ones((1, 1)), np.array([2.0]))
    >>> q = FullGaussian.from_precision(np.zeros(1), np.eye(1))
    >>> Sampling(4)(model, q, np.random.default_rng(0)).gradient  # exact for a quadratic ℓ
    array([2.])
    """

    number: int = 16
    antithetic: bool = True
    curvature: str = "hessian"

    def __post_init__(self) -> None:
        _checks.flag(self.antithetic, "antithetic")
        if _checks.positive_integer(self.number, "number") % 2 and self.antithetic:
            raise OptionError(
                f"antithetic samples come in pairs, so their number must be even, got {self.number}"
            )
        _checks.choice(self.curvature, "curvature", CURVATURES)

    @property
    def random(self) -> bool:
        return True

    def __call__(self, model: Any, q: GaussianApproximation, rng: RandomSource = None) -> Expected:
        rng = _checks.generator(rng)
        required(q)
        for method in ("log_density", "gradient"):
            if isinstance(model, type) or not hasattr(model, method):
                raise OptionError(f"model must have a method {method}, got {_checks.shown(model)}")
        xp = array_namespace(mean=q.mean)
        deviation = q.coloured(self._noise(rng, q))
        x = q.mean[..., None, :] + deviation
        gradients = model.gradient(x)
        curvature = self._curvature(xp, model, q, x, gradients, deviation)
        value = xp.mean(model.log_density(x), axis=-1)
        return _checked(Expected(value, xp.mean(gradients, axis=-2), curvature), q)

    def _noise(self, rng: np.random.Generator, q: GaussianApproximation) -> Array:
        if not self.antithetic:
            return to_backend(rng.standard_normal((*q.batch, self.number, q.dim)), like=q.mean)
        half = rng.standard_normal((*q.batch, self.number // 2, q.dim))
        pairs = np.stack([half, -half], axis=-2).reshape(*q.batch, self.number, q.dim)
        return to_backend(pairs, like=q.mean)

    def _curvature(
        self,
        xp: Namespace,
        model: Any,
        q: GaussianApproximation,
        x: Array,
        gradients: Array,
        deviation: Array,
    ) -> Curvature:
        if self.curvature == "gradient":
            pulled = xp.matrix_transpose(q.product(xp.matrix_transpose(deviation)))  # P(x − m)
            if isinstance(q, MeanFieldGaussian):
                return DiagonalCurvature(-xp.mean(pulled * gradients, axis=-2))
            return DenseCurvature(-xp.matmul(xp.matrix_transpose(pulled), gradients) / self.number)
        method = "hessian" if self.curvature == "hessian" else "gauss_newton"
        if not hasattr(model, method):
            raise OptionError(
                f"{type(model).__name__} has no method {method}; choose another curvature"
            )
        mean = xp.mean(getattr(model, method)(x), axis=-3)
        return DenseCurvature(-mean if self.curvature == "hessian" else mean)


def default_expectation(model: Any) -> Expectation:
    """Return closed forms if the model has them, else quadrature for each datum, else samples."""
    if hasattr(model, "expected"):
        return Exact()
    return Quadrature() if hasattr(model, "expected_by_quadrature") else Sampling()


def _checked(expected: Expected, q: GaussianApproximation) -> Expected:
    """Return the expectations if they are finite and the gradient has the shape of the mean."""
    xp = array_namespace(mean=q.mean, gradient=expected.gradient)
    if tuple(expected.gradient.shape) != tuple(q.mean.shape):
        raise ShapeError(
            f"the expected gradient must have the shape {tuple(q.mean.shape)} of the mean, "
            f"got {tuple(expected.gradient.shape)}"
        )
    try:
        _checks.finite(expected.gradient, "the expected gradient", xp)
        _checks.finite(expected.value, "the expected log density", xp)
        if isinstance(expected.curvature, FactoredCurvature):
            _checks.finite(expected.curvature.weights, "the expected curvature", xp)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; a shorter step or a better start may help") from None
    return expected
