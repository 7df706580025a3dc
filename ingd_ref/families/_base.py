"""What an exponential family is: public methods that check and explain, over private formulas that a family supplies."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ingd_ref import checks
from ingd_ref.backend import Array, Namespace, array_namespace, to_backend, to_host
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._derivatives import complex_step_jacobian, extrapolated_derivative
from ingd_ref.families._edge import broadcastable, matrix, moved_inside, rows
from ingd_ref.families._examples import guessed_parameters
from ingd_ref.families._parameters import Parameter, Requirements, gather, require

__all__ = ["CHARTS", "ExponentialFamily", "matrix"]

#: Charts in which the Fisher information can be had.
CHARTS = ("natural", "mean", "classical")


class ExponentialFamily(ABC):
    r"""An exponential family q_θ(x) = h(x) exp(⟨θ, f(x)⟩ − A(θ)), equation (E1).

    A family is a frozen object without state. It declares its ``name``, the dimension ``dim`` of its points, the ``number`` of its
    statistics and its classical ``parameters``, and supplies the private formulas at the end of this class; the methods before them check
    their arguments once and call the formulas with the namespace of the arrays.

    Throughout, b is the number of statistics, d the dimension of a point, and ``...`` any batch shape: parameters θ are (..., b), points x
    are (..., d), and batch shapes broadcast. Results live in the library, on the device and in the floating type of the first argument.
    """

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

    # Open interval in which each coordinate of a point lies. Discrete and manifold-valued families override `_support` instead.
    bounds: tuple[float, float] = (-math.inf, math.inf)

    # Examples --------------------------------------------------------------------------------------------------------------------------

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """Instances of this family that laws, evidence and tables try; a class whose constructor needs arguments proposes its own."""
        return (cls(),)

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """Classical parameters (k, ...) of ordinary members of this family, as host arrays by name, that laws, evidence and tables try.

        The default finds values that keep the constraint of each parameter; families whose parameters depend on one another, or hold
        something unusual, propose their own.
        """
        return guessed_parameters(self.name, self.parameters)

    # Parameters ------------------------------------------------------------------------------------------------------------------------

    def natural(self, **classical: Any) -> Array:
        """Natural parameters θ of the given classical parameters.

        Parameters
        ----------
        **classical : float or array (...)
            Every parameter of the family by name; vectors (..., d) and matrices (..., d, d) where the family says so. Batch shapes
            broadcast. Numbers become NumPy float64 unless another parameter is an array, which then decides library, device and dtype.

        Returns
        -------
        array (..., b)

        Raises
        ------
        OptionError
            If a parameter is missing or unknown.
        ShapeError, NonFiniteError
            If a value has the wrong shape, or is NaN or infinite.
        DomainError
            If a value violates its constraint; the message names the parameter and the batch index.

        Examples
        --------
        >>> from ingd_ref.families import Gamma
        >>> Gamma().natural(shape=2.0, rate=3.0)
        array([ 2., -3.])
        """
        xp, values = gather(self.name, self.parameters, classical)
        return self._checked(self._natural(xp, **values))[1]

    def classical(self, theta: Array) -> dict[str, Array]:
        """Classical parameters of θ.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        dict of str to array (...)
            One entry per classical parameter.

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gamma
        >>> {name: value.item() for name, value in Gamma().classical(np.array([2.0, -3.0])).items()}
        {'shape': 2.0, 'rate': 3.0}
        """
        xp, theta = self._checked(theta)
        return self._classical(xp, theta)

    def contains(self, theta: Array) -> Array:
        """Whether θ lies in the natural parameter space Θ of (E1), per batch element, without raising.

        Parameters
        ----------
        theta : array (..., b)
            Candidate natural parameters, all finite.

        Returns
        -------
        array (...) of bool

        Raises
        ------
        ShapeError, NonFiniteError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gamma
        >>> Gamma().contains(np.array([[2.0, -3.0], [2.0, 3.0]]))
        array([ True, False])
        """
        xp = array_namespace(theta=theta)
        return self._contains(xp, rows(xp, theta, "theta", self.number))

    def mean(self, theta: Array) -> Array:
        """Mean parameters μ(θ) = ∇A(θ) = E_θ[f], equation (E2).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (..., b)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().mean(Gaussian().natural(mean=3.0, variance=4.0))
        array([ 3., 13.])
        """
        xp, theta = self._checked(theta)
        return in_blocks(xp, self._mean, theta)

    def natural_from_mean(self, mu: Array) -> Array:
        """Natural parameters θ with ∇A(θ) = μ: the inverse of :meth:`mean`, which is ∇A*(μ) of (E6).

        Parameters
        ----------
        mu : array (..., b)
            Mean parameters, in the interior of the set of possible means of f.

        Returns
        -------
        array (..., b)

        Raises
        ------
        ShapeError, NonFiniteError
        DomainError
            If no member of the family has these mean parameters.

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().natural_from_mean(np.array([3.0, 13.0]))
        array([ 0.75 , -0.125])
        """
        xp, mu = self._checked_mean(mu)
        return in_blocks(xp, self._natural_from_mean, mu)

    # Potentials and metric -------------------------------------------------------------------------------------------------------------

    def log_partition(self, theta: Array) -> Array:
        """Log-partition function A(θ) of (E1).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (...)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().log_partition(Gaussian().natural(mean=3.0, variance=1.0)).item()
        4.5
        """
        xp, theta = self._checked(theta)
        return in_blocks(xp, self._log_partition, theta)

    def conjugate(self, mu: Array) -> Array:
        """Conjugate function A*(μ) = sup_θ ⟨θ, μ⟩ − A(θ) = −H(q) − E[log h], equation (E6).

        Parameters
        ----------
        mu : array (..., b)
            Mean parameters.

        Returns
        -------
        array (...)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().conjugate(np.array([3.0, 10.0])).item()
        -0.5
        """
        xp, mu = self._checked_mean(mu)
        return in_blocks(xp, lambda xp, mu: self._conjugate(xp, self._natural_from_mean(xp, mu)), mu)

    def fisher(self, theta: Array, chart: str = "natural") -> Array:
        """Fisher information at θ, of one observation: E[score scoreᵀ] under the model itself, with no factor ½.

        In natural parameters it is F(θ) = ∇²A(θ) = Cov_θ[f], equation (E3); in mean parameters F(θ)⁻¹, and in classical parameters ξ
        it is JᵀFJ with J = ∂θ/∂ξ, equation (E4).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.
        chart : {"natural", "mean", "classical"}
            Coordinates of the matrix. The p classical ones are the entries of all classical parameters in their order; where these obey
            equations (probabilities that sum to one, unit vectors, symmetric matrices) the matrix is meant for changes that obey them too.

        Returns
        -------
        array (..., b, b) or (..., p, p)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError
        OptionError
            If there is no such chart.

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> theta = Gaussian().natural(mean=1.0, variance=1.0)
        >>> Gaussian().fisher(theta)
        array([[1., 2.],
               [2., 6.]])
        >>> Gaussian().fisher(theta, chart="classical")
        array([[1. , 0. ],
               [0. , 0.5]])
        """
        formulas = {"natural": self._fisher, "mean": self._inverse_fisher, "classical": self._classical_fisher}
        formula = formulas[checks.choice(chart, "chart", CHARTS)]
        xp, theta = self._checked(theta)
        return in_blocks(xp, formula, theta)

    def fisher_vector_product(self, theta: Array, vector: Array) -> Array:
        """Product F(θ)v of the Fisher information in natural parameters with a vector: the rate of μ when θ moves with velocity v (E3).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.
        vector : array (..., b)
            Velocity of the natural parameters.

        Returns
        -------
        array (..., b)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().fisher_vector_product(Gaussian().natural(mean=1.0, variance=1.0), np.array([1.0, -1.0]))
        array([-1., -4.])
        """
        array_namespace(theta=theta, vector=vector)
        xp, theta = self._checked(theta)
        vector = rows(xp, vector, "vector", self.number, like=theta)
        broadcastable(theta=theta, vector=vector)
        return in_blocks(xp, self._fisher_vector_product, theta, vector)

    def third_cumulant(self, theta: Array) -> Array:
        """Third cumulant ∇³A(θ) = E_θ[(f − μ) ⊗ (f − μ) ⊗ (f − μ)], the cubic (Amari-Chentsov) tensor in natural parameters, from (E3).

        It is the derivative of the Fisher information, and with it the α-connections are known: Γ⁽ᵅ⁾ = (1 − α)/2 ∇³A.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (..., b, b, b)
            Symmetric in its last three axes. Families without a closed form of their own have it by extrapolated differences of the
            Fisher information, which leaves a relative error of 1e-12 or so in float64.

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Exponential
        >>> Exponential().third_cumulant(Exponential().natural(rate=0.5)).item()  # of x: 2/rate³
        16.0
        """
        xp, theta = self._checked(theta)
        return in_blocks(xp, self._third_cumulant, theta)

    def inverse_fisher(self, theta: Array) -> Array:
        """Inverse F(θ)⁻¹ of the Fisher information: that in mean parameters, equation (E4).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (..., b, b)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().inverse_fisher(Gaussian().natural(mean=1.0, variance=1.0))
        array([[ 3. , -1. ],
               [-1. ,  0.5]])
        """
        xp, theta = self._checked(theta)
        return in_blocks(xp, self._inverse_fisher, theta)

    def natural_gradient(self, theta: Array, grad: Array) -> Array:
        """Natural gradient F(θ)⁻¹ ∇_θ L, equation (E7), which is the plain gradient ∇_μ L, equation (E8).

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.
        grad : array (..., b)
            Gradient ∇_θ L of a loss with respect to the natural parameters.

        Returns
        -------
        array (..., b)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> family = Gaussian()
        >>> theta = family.natural(mean=1.0, variance=1.0)
        >>> family.natural_gradient(theta, family.fisher(theta) @ np.array([5.0, 7.0]))
        array([5., 7.])
        """
        array_namespace(theta=theta, grad=grad)
        xp, theta = self._checked(theta)
        grad = rows(xp, grad, "grad", self.number, like=theta)
        broadcastable(theta=theta, grad=grad)
        return in_blocks(xp, self._natural_gradient, theta, grad)

    def kl(self, theta1: Array, theta2: Array) -> Array:
        """Kullback-Leibler divergence KL(θ₁‖θ₂), equation (E5): never negative, and accurate however close θ₁ and θ₂ are.

        Parameters
        ----------
        theta1 : array (..., b)
            Natural parameters of the distribution that the expectation is taken in.
        theta2 : array (..., b)
            Natural parameters of the other.

        Returns
        -------
        array (...)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> family = Gaussian()
        >>> family.kl(family.natural(mean=0.0, variance=1.0), family.natural(mean=1e-9, variance=1.0)).item()
        5e-19
        """
        xp, theta1, theta2 = self._checked_pair(theta1, theta2)
        return in_blocks(xp, self._kl, theta1, theta2)

    def cross_entropy(self, theta1: Array, theta2: Array) -> Array:
        """Cross-entropy −E_θ₁[log q_θ₂] = H(q_θ₁) + KL(θ₁‖θ₂) in nats, from (E5).

        Parameters
        ----------
        theta1 : array (..., b)
            Natural parameters of the distribution that the expectation is taken in.
        theta2 : array (..., b)
            Natural parameters of the other.

        Returns
        -------
        array (...)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Exponential
        >>> family = Exponential()
        >>> round(family.cross_entropy(family.natural(rate=0.5), family.natural(rate=1.0)).item(), 12)  # E x − log 1
        2.0
        """
        xp, theta1, theta2 = self._checked_pair(theta1, theta2)
        return in_blocks(xp, lambda xp, first, second: self._entropy(xp, first) + self._kl(xp, first, second), theta1, theta2)

    def fisher_rao_distance(self, theta1: Array, theta2: Array) -> Array:
        """Length of the shortest curve from θ₁ to θ₂ in the Fisher metric (E3), where it has a closed form.

        Parameters
        ----------
        theta1 : array (..., b)
            Natural parameters of one end.
        theta2 : array (..., b)
            Natural parameters of the other.

        Returns
        -------
        array (...)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError
        OptionError
            If no closed form is known for the family.

        Examples
        --------
        >>> from ingd_ref.families import Gaussian
        >>> family = Gaussian()
        >>> distance = family.fisher_rao_distance(family.natural(mean=0.0, variance=1.0), family.natural(mean=0.0, variance=4.0))
        >>> round(distance.item() / math.log(2.0), 12)  # √2 log(s₂/s₁)
        1.414213562373
        """
        xp, theta1, theta2 = self._checked_pair(theta1, theta2)
        return in_blocks(xp, self._fisher_rao_distance, theta1, theta2)

    def entropy(self, theta: Array) -> Array:
        """Differential entropy H(q_θ) = −E_θ[log q_θ] in nats; Shannon entropy for a discrete family.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (...)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> from ingd_ref.families import Gamma
        >>> round(Gamma().entropy(Gamma().natural(shape=1.0, rate=1.0)).item(), 12)
        1.0
        """
        xp, theta = self._checked(theta)
        return in_blocks(xp, self._entropy, theta)

    # Points ----------------------------------------------------------------------------------------------------------------------------

    def statistics(self, x: Array) -> Array:
        """Sufficient statistics f(x) of (E1).

        Parameters
        ----------
        x : array (..., d)
            Points in the support, usually (n, d).

        Returns
        -------
        array (..., b)

        Raises
        ------
        ShapeError, NonFiniteError
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
        xp, x = self._checked_points(x)
        return self._statistics(xp, x)

    def statistics_jacobian(self, x: Array) -> Array:
        """Jacobian ∇f(x) of the statistics: entry (a, m) is ∂f_m/∂x_a.

        Parameters
        ----------
        x : array (..., d)
            Points in the support, usually (n, d).

        Returns
        -------
        array (..., d, b)

        Raises
        ------
        ShapeError, NonFiniteError
        DomainError
            If a point lies outside the support, or the family lives on a discrete set.

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().statistics_jacobian(np.array([[3.0]]))
        array([[[1., 6.]]])
        """
        xp, x = self._checked_points(x)
        return self._statistics_jacobian(xp, x)

    def log_base_measure(self, x: Array) -> Array:
        """Logarithm of the base measure, log h(x) of (E1).

        Parameters
        ----------
        x : array (..., d)
            Points in the support.

        Returns
        -------
        array (...)

        Raises
        ------
        ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gamma
        >>> Gamma().log_base_measure(np.array([[1.0], [0.5]])).round(6)
        array([-0.      ,  0.693147])
        """
        xp, x = self._checked_points(x)
        return self._log_base_measure(xp, x)

    def log_prob(self, theta: Array, x: Array) -> Array:
        """Logarithm of the density (E1) at x.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.
        x : array (..., d)
            Points in the support. Batch shapes broadcast: for n points under each of k parameters pass theta[:, None, :].

        Returns
        -------
        array (...)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError, DomainError

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> family = Gaussian()
        >>> family.log_prob(family.natural(mean=0.0, variance=1.0), np.array([[0.0], [2.0]]))
        array([-0.91893853, -2.91893853])
        """
        array_namespace(theta=theta, x=x)
        xp, theta = self._checked(theta)
        _, x = self._checked_points(x, like=theta)
        broadcastable(theta=theta, x=x)
        return in_blocks(xp, self._log_prob, theta, x)

    def sample(self, theta: Array, size: int, rng: np.random.Generator) -> Array:
        """Independent draws from q_θ. They are made on the host and then moved, so every library sees the same numbers.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.
        size : int ≥ 1
            Number n of points per member of the batch.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        array (..., n, d)
            A draw that would round to the end of the support, or overflow, is the number next to it instead.

        Raises
        ------
        ShapeError, NonFiniteError, DomainError
        OptionError
            If ``rng`` is not a generator.

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gamma
        >>> family = Gamma()
        >>> x = family.sample(family.natural(shape=2.0, rate=[1.0, 10.0]), 1000, np.random.default_rng(0))
        >>> x.shape, x.mean(axis=1).round(1)[:, 0]
        ((2, 1000, 1), array([2. , 0.2]))
        """
        if not isinstance(rng, np.random.Generator):
            raise OptionError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
        number = checks.positive_integer(size, "size")
        xp, theta = self._checked(theta)
        batch = tuple(theta.shape[:-1])
        host = {}
        for parameter in self.parameters:
            value = to_host(self._classical(xp, theta)[parameter.name]).astype(np.float64)
            host[parameter.name] = np.reshape(value, (*batch, 1, *parameter.shape))
        largest = float(xp.finfo(theta.dtype).max)
        points = np.clip(np.asarray(self._draw(rng, (*batch, number), **host), dtype=np.float64), -largest, largest)
        drawn = to_backend(points, like=theta)
        return self._moved_inside(xp, drawn)

    def fit(self, x: Array, weights: Array | None = None) -> Array:
        """Maximum-likelihood estimate of θ from a weighted sample: the member with μ(θ) = Σ w f(x), where (E9) is stationary.

        Parameters
        ----------
        x : array (..., n, d)
            Sample.
        weights : array (n,), optional
            Non-negative weights that sum to one. Default: 1/n.

        Returns
        -------
        array (..., b)

        Raises
        ------
        BackendError, ShapeError, NonFiniteError
        DomainError
            If a point lies outside the support, the weights are no weights, or the likelihood has no maximum (all points equal, say).

        Examples
        --------
        >>> import numpy as np
        >>> from ingd_ref.families import Gaussian
        >>> Gaussian().fit(np.array([[1.0], [3.0]]))  # mean 2, variance 1
        array([ 2. , -0.5])
        """
        array_namespace(x=x, weights=weights)
        if x.ndim < 2 or x.shape[-2] == 0:
            raise ShapeError(f"x must have shape (..., n, {self.dim}) with n ≥ 1, got {tuple(x.shape)}")
        xp, x = self._checked_points(x)
        return self._fit(xp, x, checks.weights(weights, "weights", x.shape[-2], xp, like=x)[:, None])

    # Checks ----------------------------------------------------------------------------------------------------------------------------
    # Each returns its own copy, so that no result can share memory with an argument, not even where a formula is the identity.

    def _checked(self, theta: Array, label: str = "theta", like: Array | None = None) -> tuple[Namespace, Array]:
        xp = array_namespace(**{label: theta})
        theta = rows(xp, theta, label, self.number, like)
        require(xp, self._domain(xp, theta), label, f"the natural parameter space of {self.name}", theta)
        return xp, theta

    def _checked_pair(self, theta1: Array, theta2: Array) -> tuple[Namespace, Array, Array]:
        array_namespace(theta1=theta1, theta2=theta2)
        xp, theta1 = self._checked(theta1, "theta1")
        _, theta2 = self._checked(theta2, "theta2", like=theta1)
        broadcastable(theta1=theta1, theta2=theta2)
        return xp, theta1, theta2

    def _checked_mean(self, mu: Array) -> tuple[Namespace, Array]:
        xp = array_namespace(mu=mu)
        mu = rows(xp, mu, "mu", self.number)
        require(xp, self._mean_domain(xp, mu), "mu", f"the mean parameter space of {self.name}", mu)
        return xp, mu

    def _contains(self, xp: Namespace, theta: Array) -> Array:
        inside = xp.ones_like(theta[..., 0], dtype=xp.bool)
        for holds in self._domain(xp, theta).values():
            inside = inside & holds
        return inside

    def _checked_points(self, x: Array, like: Array | None = None) -> tuple[Namespace, Array]:
        xp = array_namespace(x=x)
        x = rows(xp, x, "x", self.dim, like)
        require(xp, self._support(xp, x), "x", f"the support of {self.name}", x)
        return xp, x

    # Formulas: what a family supplies --------------------------------------------------------------------------------------------------

    @abstractmethod
    def _natural(self, xp: Namespace, *args: Any, **classical: Any) -> Array:
        """Natural parameters (..., b) of classical ones, which come by name, checked and broadcast."""

    @abstractmethod
    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        """Classical parameters by name."""

    @abstractmethod
    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        """What defines the natural parameter space, in words, and where it holds; empty if it is all of R^b."""

    @abstractmethod
    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        """What defines the mean parameter space, in words, and where it holds."""

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        """What defines the support, in words, and where it holds; by default :attr:`bounds` for every coordinate."""
        lower, upper = self.bounds
        below = {} if math.isinf(lower) else {f"x > {lower:g}": xp.all(x > lower, axis=-1)}
        above = {} if math.isinf(upper) else {f"x < {upper:g}": xp.all(x < upper, axis=-1)}
        return below | above

    @abstractmethod
    def _statistics(self, xp: Namespace, x: Array) -> Array:
        """Statistics f(x)."""

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        """Jacobian ∇f(x); only families on a continuum supply it."""
        raise DomainError(f"{self.name} lives on a discrete set, where its statistics have no Jacobian")

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
        """Bregman divergence of A as a sum of terms that cannot be negative; the three terms of (E5) cancel."""

    @abstractmethod
    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        """Entropy in nats."""

    @abstractmethod
    def _draw(self, rng: np.random.Generator, size: tuple[int, ...], *args: Any, **classical: Any) -> np.ndarray:
        """Draw host points (*size, d); each classical parameter has one axis of length 1 for the points after its batch axes."""

    def _moved_inside(self, xp: Namespace, x: Array) -> Array:
        """Draws that rounded to an end of the open support, moved to the number next to it; by default by :attr:`bounds`."""
        return moved_inside(xp, x, *self.bounds)

    # Formulas that follow from the others; a family overrides them where they cancel or where it knows a closed form.

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        """Conjugate function at μ(θ), as a function of θ."""
        return xp.sum(theta * self._mean(xp, theta), axis=-1) - self._log_partition(xp, theta)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return xp.linalg.inv(self._fisher(xp, theta))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return xp.linalg.solve(self._fisher(xp, theta), grad[..., None])[..., 0]

    def _fisher_vector_product(self, xp: Namespace, theta: Array, vector: Array) -> Array:
        return xp.matmul(self._fisher(xp, theta), vector[..., None])[..., 0]

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        """Jacobian ∂θ/∂ξ (..., b, p) of :meth:`_natural`, which the default takes to be made of analytic operations."""
        shapes = {parameter.name: parameter.shape for parameter in self.parameters}
        return complex_step_jacobian(xp, self._natural, self._classical(xp, theta), shapes)

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        jacobian = self._natural_jacobian(xp, theta)
        return xp.matmul(xp.matrix_transpose(jacobian), xp.matmul(self._fisher(xp, theta), jacobian))

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        """Derivative of :meth:`_fisher`, symmetrised, from steps of half the size of θ, or of a standard deviation if that is less."""
        size = 0.5 * xp.maximum(xp.max(xp.abs(theta), axis=-1, keepdims=True), xp.ones_like(theta[..., :1]))
        deviation = xp.sqrt(xp.linalg.diagonal(self._fisher(xp, theta)))
        unit, scale = xp.minimum(size, 1.0 / deviation), deviation[..., :, None] * deviation[..., None, :]
        tensor = extrapolated_derivative(xp, lambda t: self._fisher(xp, t), lambda t: self._contains(xp, t), theta, unit, scale)
        axes = tuple(range(theta.ndim - 1))
        first, second, third = theta.ndim - 1, theta.ndim, theta.ndim + 1
        cyclic = (xp.permute_dims(tensor, (*axes, *order)) for order in ((second, third, first), (third, first, second)))
        return sum(cyclic, tensor) / 3.0

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        raise OptionError(f"no closed form of the Fisher-Rao distance between members of {self.name} is known")

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """The member with mean parameters (1 − t)μ(θ₁) + tμ(θ₂), t of shape (..., 1)."""
        return self._natural_from_mean(xp, (1.0 - t) * self._mean(xp, theta1) + t * self._mean(xp, theta2))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        exponent = xp.sum(theta * self._statistics(xp, x), axis=-1)
        return self._log_base_measure(xp, x) + exponent - self._log_partition(xp, theta)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Estimate from points (..., n, d) and weights (n, 1) that sum to one."""
        mu = xp.sum(weights * self._statistics(xp, x), axis=-2)
        require(xp, self._mean_domain(xp, mu), "x", f"the samples that determine a {self.name}")
        return self._natural_from_mean(xp, mu)
