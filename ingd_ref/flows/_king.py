"""KiNG and ntKiNG: the natural gradient of section 4, carried by a velocity field of a reproducing kernel space."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypedDict

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._operations import contract, symmetrise
from ingd_ref.backend._threads import single_blas_thread
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.features import Features, RandomCenters, require_features
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.flows._moments import mean_difference, weighted_covariance
from ingd_ref.least_squares import LinearSolution, solve_operator, solve_symmetric
from ingd_ref.rkhs import MatrixKernel, MedianBandwidth, RandomNeuralTangent

__all__ = [
    "DEFAULT",
    "PUBLISHED",
    "KiNG",
    "KingVelocity",
    "king_velocity",
    "published_king",
    "published_ntking",
]

SOLVERS = ("cholesky", "eigh", "cg")


class Settings(TypedDict):
    """The numbers that tell one variant of (K3) from another."""

    ridge: float
    jitter: float
    ddof: int


#: Ridge λ, jitter ε and covariance divisor of the published code [L25]: ``king_velocity(x, y, ...,
#: **PUBLISHED)``.
PUBLISHED: Settings = {"ridge": 1e-3, "jitter": 1e-3, "ddof": 1}
#: Ridge λ, jitter ε and covariance divisor that :func:`king_velocity` defaults to. The covariance
#: is that of the weighted sample itself, so that repeating every particle changes nothing.
DEFAULT: Settings = {"ridge": 1e-3, "jitter": 1e-3, "ddof": 0}


@dataclass(frozen=True, eq=False)
class KingVelocity:
    """A velocity field of :func:`king_velocity`, with everything that went into it.

    Attributes
    ----------
    velocity : array (n, d)
        v(x_i) at the particles (K2).
    coefficients : array (b,), or (d, b) in the coordinate-wise variant
        c of (K3).
    delta : array (b,)
        Δ = E_p f − E_q f (E9).
    moment_rate : array (b,)
        G c = d/dt E_q f, the rate at which the statistics move.
    fisher : array (b, b)
        F̂, the covariance of the statistics (E3).
    gram : array (b, b), or (d, b, b) coordinate-wise, or None
        G of (K3); ``None`` for ``solver="cg"``, which never forms it.
    systems : tuple of LinearSolution
        The solved system, or one for each coordinate; with residual, condition and rank.
    """

    velocity: Array
    coefficients: Array
    delta: Array
    moment_rate: Array
    fisher: Array
    gram: Array | None
    systems: tuple[LinearSolution, ...]
    _field: Callable[[Array], Array] = field(repr=False)

    @cached_property
    def condition(self) -> float:
        """Condition number of the system G + λF̂ + εI; the largest one in the coordinate-wise variant."""
        return max(system.condition for system in self.systems)

    @property
    def residual(self) -> float:
        """Relative residual of the system, the largest one in the coordinate-wise variant."""
        return max(system.residual for system in self.systems)

    def field(self, points: Array) -> Array:
        """Evaluate the velocity field anywhere (K2), at held-out points for instance.

        Parameters
        ----------
        points : array (m, d)
            Where it is wanted.

        Returns
        -------
        array (m, d)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError
            For points that do not fit the particles.
        """
        return self._field(points)


def king_velocity(
    x: Array,
    y: Array,
    *,
    features: Features,
    kernel: MatrixKernel,
    ridge: float = 1e-3,
    jitter: float = 1e-3,
    ddof: int = 0,
    weights: Array | None = None,
    target_weights: Array | None = None,
    mask: Array | None = None,
    solver: str = "cholesky",
    implementation: str = "auto",
) -> KingVelocity:
    r"""Kernel natural-gradient velocity of particles towards a target sample, equations (K1)-(K4).

    .. math:: v(x) = \sum_i \pi_i K(x,x_i) \nabla f(x_i)\, c, \qquad (G + \lambda \hat F + \varepsilon I)\, c = \Delta,
              \qquad G = \sum_j \pi_j \nabla f(x_j)^\top V_j, \quad V_j = \sum_i \pi_i K(x_j,x_i) \nabla f(x_i)

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Target sample.
    features : Features
        Sufficient statistics f with their Jacobian.
    kernel : MatrixKernel
        K. :class:`~ingd_ref.rkhs.GradientGaussian` gives KiNG,
        :class:`~ingd_ref.rkhs.NeuralTangent` gives ntKiNG.
    ridge : float ≥ 0
        λ, the weight of the Fisher metric against the norm of v. Default 1e-3.
    jitter : float ≥ 0
        ε, a parameter of the model like λ: where b > rank F̂, the velocity depends on it. Default
        1e-3.
    ddof : {0, 1}
        Covariance divisor: 1/n (default) or, as the published code, 1/(n − 1).
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, likewise. Default: 1/m.
    mask : array (d,) of bool, optional
        Coordinates that may move; the others condition (K9). K becomes PKP with the projector P on
        these coordinates, so the moment identity d/dt E_q f = G c holds on the mask.
    solver : {"cholesky", "eigh", "cg"}
        ``"cholesky"`` (default) refuses a singular system, ``"eigh"`` gives its minimum-norm
        answer, ``"cg"`` forms neither G nor V: fewer operations than forming G where it converges
        in less than b steps. NumPy and CuPy only.
    implementation : {"auto", "readable", "fused"}
        How kernels run. Default ``"auto"``.

    Returns
    -------
    KingVelocity

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError
        For arguments that do not fit.
    SingularSystemError
        If the system is singular or indefinite to working precision.

    Notes
    -----
    Time O(n²db + ndb²), memory O(ndb). Source: [L25] (KiNG, ntKiNG); weights, mask and general
    kernels follow from the same representer argument.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> solution = king_velocity(x, y, features=ir.features.Monomials(1), kernel=ir.rkhs.GradientGaussian(1e3), ridge=0.0, jitter=0.0)
    >>> solution.velocity.round(5)
    array([[1.],
           [1.],
           [1.]])
    """
    require_features(features)
    xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights, mask=mask)
    x = xp.asarray(_checks.points(x, "x", xp), copy=True)
    y = _checks.points(y, "y", xp, dim=x.shape[1], like=x)
    weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
    target_weights = _checks.weights(target_weights, "target_weights", y.shape[0], xp, x)
    ridge, jitter = _checks.nonnegative(ridge, "ridge"), _checks.nonnegative(jitter, "jitter")
    _checks.choice(solver, "solver", SOLVERS)
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    if ddof not in (0, 1):
        raise DomainError(f"ddof must be 0 or 1, got {ddof!r}")
    projector = _projector(xp, mask, x)

    values, jacobian = features.values_and_jacobian(x, implementation)
    jacobian = jacobian if projector is None else jacobian * projector[:, None]
    with single_blas_thread() if kernel.uses_cores(x, jacobian, implementation) else nullcontext():
        delta = mean_difference(xp, features(y, implementation), target_weights, values, weights)
        fisher = weighted_covariance(xp, values, weights, ddof)
        return _Problem(
            xp,
            x,
            weights,
            jacobian,
            kernel,
            projector,
            implementation,
            delta,
            fisher,
            ridge,
            jitter,
            solver,
        ).solve()


@dataclass(frozen=True, eq=False)
class _Problem:
    """The checked ingredients of (K3), and the three ways to solve it."""

    xp: Namespace
    x: Array
    weights: Array
    jacobian: Array
    kernel: MatrixKernel
    projector: Array | None
    implementation: str
    delta: Array
    fisher: Array
    ridge: float
    jitter: float
    solver: str

    def solve(self) -> KingVelocity:
        if self.kernel.coordinatewise:
            return self._solve_coordinatewise()
        return self._solve_matrix_free() if self.solver == "cg" else self._solve_joint()

    def _solve_joint(self) -> KingVelocity:
        """(K3) with G formed as in (K4)."""
        xp = self.xp
        gram, velocity = self.kernel.gram(self.x, self.jacobian, self.weights, self.implementation)
        system = solve_symmetric(gram + self._metric(), self.delta, self.solver)
        c = system.coefficients
        return self._result(
            self._on_mask(velocity(c)),
            c,
            xp.matmul(gram, c),
            gram,
            (system,),
            xp.matmul(self.jacobian, c),
        )

    def _solve_matrix_free(self) -> KingVelocity:
        """(K3) by conjugate gradients: G c = Σ_j π_j ∇f(x_j)ᵀ v(x_j), with v the field of the coefficients c."""
        xp, metric = self.xp, self._metric()

        def moment_rate(c: Array) -> Array:
            velocity = self._contract(self.x, xp.matmul(self.jacobian, c)[:, :, None])[:, :, 0]
            return xp.squeeze(
                contract(
                    xp, "jas,jat->st", self.jacobian, (self.weights[:, None] * velocity)[:, :, None]
                ),
                axis=1,
            )

        system = solve_operator(lambda c: moment_rate(c) + xp.matmul(metric, c), self.delta)
        c = system.coefficients
        sources = xp.matmul(self.jacobian, c)
        velocity = self._contract(self.x, sources[:, :, None])[:, :, 0]
        return self._result(velocity, c, moment_rate(c), None, (system,), sources)

    def _solve_coordinatewise(self) -> KingVelocity:
        """The variant of (K6): for each coordinate a system of its own, with G_a = Σ_j π_j ∂_a f(x_j) V_ja."""
        if self.solver == "cg":
            raise OptionError("solver='cg' has no coordinate-wise form; use 'cholesky' or 'eigh'")
        xp = self.xp
        contraction = self._contract(self.x, self.jacobian)
        grams = symmetrise(
            xp,
            contract(xp, "jas,jat->ast", self.weights[:, None, None] * self.jacobian, contraction),
        )
        metric = self._metric()
        systems = tuple(
            solve_symmetric(grams[a, :, :] + metric, self.delta, self.solver)
            for a in range(self.x.shape[1])
        )
        c = xp.stack([system.coefficients for system in systems])
        velocity = contract(xp, "jas,as->ja", contraction, c)
        rate = xp.sum(xp.squeeze(xp.matmul(grams, c[:, :, None]), axis=2), axis=0)
        return self._result(
            velocity, c, rate, grams, systems, contract(xp, "jas,as->ja", self.jacobian, c)
        )

    def _metric(self) -> Array:
        """M = λF̂ + εI."""
        return self.ridge * self.fisher + self.jitter * self.xp.eye(
            self.delta.shape[0], dtype=self.x.dtype, device=self.fisher.device
        )

    def _contract(self, points: Array, jacobian: Array) -> Array:
        """V of (K4), kept on the mask."""
        contraction = self.kernel.contract(
            points, self.x, jacobian, self.weights, self.implementation
        )
        return contraction if self.projector is None else contraction * self.projector[:, None]

    def _on_mask(self, velocity: Array) -> Array:
        return velocity if self.projector is None else velocity * self.projector

    def _result(
        self,
        velocity: Array,
        c: Array,
        rate: Array,
        gram: Array | None,
        systems: tuple[LinearSolution, ...],
        u: Array,
    ) -> KingVelocity:
        def evaluate(points: Array) -> Array:
            xp = array_namespace(points=points, particles=self.x)
            points = _checks.points(points, "points", xp, dim=self.x.shape[1], like=self.x)
            return self._contract(points, u[:, :, None])[:, :, 0]

        return KingVelocity(velocity, c, self.delta, rate, self.fisher, gram, systems, evaluate)


def _projector(xp: Namespace, mask: Array | None, x: Array) -> Array | None:
    """The diagonal of P as numbers, or ``None`` where every coordinate moves."""
    if mask is None:
        return None
    if not xp.isdtype(mask.dtype, "bool") or tuple(mask.shape) != (x.shape[1],):
        raise ShapeError(
            f"mask must be a boolean array of shape ({x.shape[1]},), got {mask.dtype} of shape {tuple(mask.shape)}"
        )
    return xp.astype(mask, x.dtype)


@dataclass(frozen=True)
class KiNG(Flow):
    """The flow of :func:`king_velocity`, with features and kernel settled anew at each step.

    Parameters
    ----------
    features : Features or rule
        Fixed features, or a rule with a ``draw`` method. Default:
        :class:`~ingd_ref.features.RandomCenters` (200).
    kernel : MatrixKernel or rule
        Fixed kernel, or a rule with a ``draw`` method. Default: the gradient Gaussian kernel at the
        median bandwidth (KiNG).
    ridge, jitter, ddof, solver, implementation
        As for :func:`king_velocity`.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(20, 2)), rng.normal(3.0, 1.0, size=(20, 2))
    >>> result = ir.run_flow(KiNG(), x, y, steps=5, rng=rng, progress=False)
    >>> bool(np.all(result.particles.mean(axis=0) > x.mean(axis=0)))
    True
    """

    features: Features | RandomCenters = field(default_factory=RandomCenters)
    kernel: MatrixKernel | MedianBandwidth | RandomNeuralTangent = field(
        default_factory=MedianBandwidth
    )
    ridge: float = 1e-3
    jitter: float = 1e-3
    ddof: int = 0
    solver: str = "cholesky"
    implementation: str = "auto"

    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: np.random.Generator,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        require_features(self.features, "draw")
        features = self.features.draw(particles, target, rng)
        kernel = self.kernel.draw(particles, target, rng)

        def velocity(x: Array) -> Array:
            return king_velocity(
                x,
                target,
                features=features,
                kernel=kernel,
                ridge=self.ridge,
                jitter=self.jitter,
                ddof=self.ddof,
                weights=weights,
                target_weights=target_weights,
                mask=mask,
                solver=self.solver,
                implementation=self.implementation,
            ).velocity

        return velocity


def published_king(number: int = 200) -> KiNG:
    """KiNG as in the published code [L25]: ``number`` random centres, lower medians, and :data:`PUBLISHED`.

    Examples
    --------
    >>> published_king().ddof
    1
    """
    return KiNG(RandomCenters(number, rule="lower"), MedianBandwidth(rule="lower"), **PUBLISHED)


def published_ntking(number: int = 200) -> KiNG:
    """Return ntKiNG as in the published code [L25]: a fresh random tanh network of widths (31, 31) each step, kernel ``"diagonal"``.

    Examples
    --------
    >>> published_ntking().kernel.mode
    'diagonal'
    """
    return KiNG(RandomCenters(number, rule="lower"), RandomNeuralTangent(), **PUBLISHED)
