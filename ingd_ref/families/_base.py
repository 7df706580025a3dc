"""The base of all families: operations that every family offers, formulas that each supplies."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families import (
    _charts,
    _conditioning,
    _edge,
    _geometry,
    _metric,
    _points,
    _potentials,
    _prior,
    _projection,
    _scipy,
)
from ingd_ref.families._derivatives import complex_step_jacobian, derivative_of_metric
from ingd_ref.families._edge import matrix
from ingd_ref.families._examples import guessed_parameters
from ingd_ref.families._parameters import Parameter, Requirements
from ingd_ref.families._samples import require_fit

__all__ = ["ExponentialFamily", "matrix"]


class ExponentialFamily(ABC):
    r"""An exponential family q_θ(x) = h(x) exp(⟨θ, f(x)⟩ − A(θ)), equation (E1).

    A family is a frozen object without state. It declares its ``name``, the dimension ``dim`` of
    its points, the ``number`` of its statistics and its classical ``parameters``, and supplies
    private formulas, one for each symbol of the equations. The public operations check their
    arguments once and call the formulas with the namespace of the arrays.

    Throughout, b is the number of statistics, d the dimension of a point, and ``...`` any batch
    shape: parameters θ are (..., b), points x are (..., d), and batch shapes broadcast. Results
    live in the library, on the device and in the floating type of the first argument.

    Every operation raises :class:`~ingd_ref.errors.BackendError` if an argument is not an array or
    arguments come from different libraries or devices, :class:`~ingd_ref.errors.ShapeError` if a
    last axis has the wrong length or batch shapes do not broadcast, and
    :class:`~ingd_ref.errors.NonFiniteError` if an entry is NaN or infinite.
    """

    # What a family declares
    # ----------------------------------------

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the family, as it appears in messages."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d of a point x."""

    @property
    @abstractmethod
    def number(self) -> int:
        """Number b of sufficient statistics."""

    @property
    @abstractmethod
    def parameters(self) -> Sequence[Parameter]:
        """Classical parameters, in the order in which they are usually named."""

    # Open interval in which each coordinate of a point lies. Discrete and manifold-valued families
    # override `_support` instead.
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """Return the instances of this family that laws, evidence and tables try.

        A class whose constructor needs arguments overrides this.
        """
        return (cls(),)

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """Return classical parameters of the members that laws, evidence and tables try.

        They are host arrays (k, ...) by name.

        The default finds values within the constraint of each parameter. Families whose parameters
        depend on one another, or have unusual constraints, override it.
        """
        return guessed_parameters(self.name, self.parameters)

    # What every family offers: functions of one idea each, in the files named here
    # ----------------------------------------

    natural = _charts.natural
    classical = _charts.classical
    contains = _charts.contains
    mean = _charts.mean
    natural_from_mean = _charts.natural_from_mean

    log_partition = _potentials.log_partition
    conjugate = _potentials.conjugate
    entropy = _potentials.entropy
    kl = _potentials.kl
    cross_entropy = _potentials.cross_entropy

    fisher = _metric.fisher
    inverse_fisher = _metric.inverse_fisher
    fisher_vector_product = _metric.fisher_vector_product
    natural_gradient = _metric.natural_gradient
    third_cumulant = _metric.third_cumulant
    fisher_rao_distance = _metric.fisher_rao_distance

    e_geodesic = _geometry.e_geodesic
    m_geodesic = _geometry.m_geodesic
    e_projection = _projection.e_projection
    m_projection = _projection.m_projection

    statistics = _points.statistics
    statistics_jacobian = _points.statistics_jacobian
    log_base_measure = _points.log_base_measure
    log_prob = _points.log_prob
    sample = _points.sample
    fit = _points.fit

    conjugate_prior = _prior.conjugate_prior
    with_error = _conditioning.with_error
    to_scipy = _scipy.to_scipy

    _contains = _edge.contained

    # Formulas that a family must supply, for checked arrays of the namespace ``xp``
    # ----------------------------------------

    @abstractmethod
    def _natural(self, xp: Namespace, *args: Any, **classical: Any) -> Array:
        """Natural parameters (..., b) of classical parameters, which are checked and broadcast."""

    @abstractmethod
    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        """Classical parameters by name."""

    @abstractmethod
    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        """Conditions of the natural parameter space by description; none if it is all of R^b."""

    @abstractmethod
    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        """Conditions of the mean parameter space by description."""

    @abstractmethod
    def _statistics(self, xp: Namespace, x: Array) -> Array:
        """Statistics f(x)."""

    @abstractmethod
    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        """Logarithm of the base measure, log h(x)."""

    @abstractmethod
    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        """Log-partition function A(θ)."""

    @abstractmethod
    def _mean(self, xp: Namespace, theta: Array) -> Array:
        """Mean parameters ∇A(θ)."""

    @abstractmethod
    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        """Inverse of :meth:`_mean`."""

    @abstractmethod
    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        """Hessian ∇²A(θ)."""

    @abstractmethod
    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        """Divergence (E5) as a sum of non-negative terms, since its three terms cancel."""

    @abstractmethod
    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        """Entropy in nats."""

    @abstractmethod
    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], *args: Any, **classical: Any
    ) -> np.ndarray:
        """Draw host points (*size, d).

        Each classical parameter has an axis of length 1 for the points after its batch axes.
        """

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], *args: Any, **classical: Any
    ) -> np.ndarray:
        """Draw logarithms of host points; only families of positive numbers supply it."""
        raise OptionError(
            f"log=True asks for logarithms of draws, and points of {self.name} have none: "
            "they are not positive numbers"
        )

    # Formulas that follow from others; a family overrides those that cancel or have a closed form
    # ----------------------------------------

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        """Conditions of the support by description; by default :attr:`bounds`."""
        lower, upper = self.bounds
        below = {} if math.isinf(lower) else {f"x > {lower:g}": xp.all(x > lower, axis=-1)}
        above = {} if math.isinf(upper) else {f"x < {upper:g}": xp.all(x < upper, axis=-1)}
        return below | above

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        """Jacobian ∇f(x); only families on a continuum supply it."""
        raise DomainError(
            f"{self.name} lives on a discrete set, where its statistics have no Jacobian"
        )

    def _moved_inside(self, xp: Namespace, x: Array) -> Array:
        """Move draws that rounded to an end of the open support to the number next to it.

        By default the ends are :attr:`bounds`.
        """
        return _edge.moved_inside(xp, x, *self.bounds)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        """Conjugate function at μ(θ), as a function of θ."""
        return xp.sum(theta * self._mean(xp, theta), axis=-1) - self._log_partition(xp, theta)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return _edge.solved(xp.linalg.inv, self._fisher(xp, theta))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return _edge.solved(xp.linalg.solve, self._fisher(xp, theta), grad[..., None])[..., 0]

    def _fisher_vector_product(self, xp: Namespace, theta: Array, vector: Array) -> Array:
        return xp.matmul(self._fisher(xp, theta), vector[..., None])[..., 0]

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        """Jacobian ∂θ/∂ξ (..., b, p) of :meth:`_natural`, here made of analytic operations."""
        shapes = {parameter.name: parameter.shape for parameter in self.parameters}
        return complex_step_jacobian(xp, self._natural, self._classical(xp, theta), shapes)

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        jacobian = self._natural_jacobian(xp, theta)
        return xp.matmul(
            xp.matrix_transpose(jacobian), xp.matmul(self._fisher(xp, theta), jacobian)
        )

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return derivative_of_metric(
            xp, lambda t: self._fisher(xp, t), lambda t: self._contains(xp, t), theta
        )

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        raise OptionError(
            f"no closed form of the Fisher-Rao distance between members of {self.name} is known"
        )

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """The member with mean parameters (1 − t)μ(θ₁) + tμ(θ₂), t of shape (..., 1)."""
        return self._natural_from_mean(
            xp, (1.0 - t) * self._mean(xp, theta1) + t * self._mean(xp, theta2)
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        exponent = xp.sum(theta * self._statistics(xp, x), axis=-1)
        return self._log_base_measure(xp, x) + exponent - self._log_partition(xp, theta)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Estimate from points (..., n, d) and weights (n, 1) that sum to one."""
        mu = xp.sum(weights * self._statistics(xp, x), axis=-2)
        require_fit(xp, self.name, self._mean_domain(xp, mu))
        return self._natural_from_mean(xp, mu)

    # The counterpart in scipy.stats, for a family that has one: its name, its arguments from
    # classical parameters on the host, and the inverse unless another family has it
    # ----------------------------------------

    scipy_name: str | None = None

    def _to_scipy(self, *args: Any, **classical: Any) -> Mapping[str, Any]:
        """Arguments in SciPy, by default the classical parameters."""
        return classical

    # A class method whose parameters are the arguments of the counterpart, without a ``loc`` that
    # must be 0 or a ``scale`` that must be 1.
    _from_scipy: Callable[..., tuple[Any, Mapping[str, Any]]] | None = None
