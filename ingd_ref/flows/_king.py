"""KiNG and ntKiNG: the natural gradient of section 4 in a space of velocity fields."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypedDict

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._operations import contract, symmetrise
from ingd_ref.backend._scaling import quiet
from ingd_ref.backend._threads import single_blas_thread
from ingd_ref.errors import OptionError, ShapeError
from ingd_ref.features import Features, RandomCenters, require_features
from ingd_ref.flows._arguments import Samples, System
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.flows._king_units import Statistics, fits, solved_in_units
from ingd_ref.flows._moments import mean_difference, weighted_covariance
from ingd_ref.least_squares import LinearSolution, solve_operator, solve_symmetric
from ingd_ref.rkhs import MatrixKernel, MedianBandwidth, RandomNeuralTangent
from ingd_ref.rkhs._base import require_kernel

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
    """The numbers by which variants of KiNG differ."""

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
        """Condition number of G + λF̂ + εI; the largest one in the coordinate-wise variant."""
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
            Where to evaluate it.

        Returns
        -------
        array (m, d)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError
            If the points do not fit the particles, or are not finite.
        """
        return self._field(points)


@_checks.guarded
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
    r"""Kernel natural-gradient velocity of particles to a target sample, (K1), (K2), (K3) and (K4).

    .. math:: v(x) = \sum_i \pi_i K(x,x_i) \nabla f(x_i)\, c, \qquad
              (G + \lambda \hat F + \varepsilon I)\, c = \Delta, \qquad
              G = \sum_j \pi_j \nabla f(x_j)^\top V_j, \quad
              V_j = \sum_i \pi_i K(x_j,x_i) \nabla f(x_i)

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
        Weights ρ of the target sample, as those of the particles. Default: 1/m.
    mask : array (d,) of bool, optional
        Coordinates that may move; the others condition (K9). K becomes PKP with the projector P on
        these coordinates, so the moment identity d/dt E_q f = G c holds on the mask.
    solver : {"cholesky", "eigh", "cg"}
        ``"cholesky"`` (default) raises for a singular system, ``"eigh"`` gives its minimum-norm
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
        If an argument does not fit.
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
    >>> features, kernel = ir.features.Monomials(1), ir.rkhs.GradientGaussian(1e3)
    >>> options = {"features": features, "kernel": kernel, "ridge": 0.0, "jitter": 0.0}
    >>> solution = king_velocity(x, y, **options)
    >>> solution.velocity.round(5)
    array([[1.],
           [1.],
           [1.]])
    """
    system = System.checked(ridge, jitter, ddof, solver, implementation, SOLVERS)
    samples = Samples.checked(x, y, weights, target_weights, mask=mask)
    samples = replace(samples, x=samples.xp.asarray(samples.x, copy=True))
    return _solved(samples, features, kernel, system, _projector(samples.xp, mask, samples.x))


def _solved(
    samples: Samples,
    features: Features,
    kernel: MatrixKernel,
    system: System,
    projector: Array | None,
) -> KingVelocity:
    """(K3) for checked arguments."""
    require_features(features, "_values_and_jacobian")
    require_kernel(kernel)
    xp, x, weights, how = samples.xp, samples.x, samples.weights, system.implementation
    with quiet():  # statistics and their squares are looked at below
        values, jacobian = features._values_and_jacobian(x, how)
    jacobian = jacobian if projector is None else jacobian * projector[:, None]
    with single_blas_thread() if kernel.uses_cores(x, jacobian, how) else nullcontext():
        with quiet():
            target_values = features._values(samples.y, how)
        statistics = Statistics(values, jacobian, target_values)
        if not fits(statistics, x, kernel):
            solution: KingVelocity = solved_in_units(
                _Problem, statistics, samples, kernel, projector, system
            )
            return solution
        delta = mean_difference(xp, target_values, samples.target_weights, values, weights)
        fisher = weighted_covariance(xp, values, weights, system.ddof)
        return _Problem(xp, x, weights, jacobian, kernel, projector, system, delta, fisher).solve()


@dataclass(frozen=True, eq=False)
class _Problem:
    """The checked ingredients of (K3), and the three ways to solve it."""

    xp: Namespace
    x: Array
    weights: Array
    jacobian: Array
    kernel: MatrixKernel
    projector: Array | None
    system: System
    delta: Array
    fisher: Array

    def solve(self) -> KingVelocity:
        if self.kernel.coordinatewise:
            return self._solve_coordinatewise()
        return self._solve_matrix_free() if self.system.solver == "cg" else self._solve_joint()

    def _solve_joint(self) -> KingVelocity:
        """(K3) with G formed as in (K4)."""
        gram, velocity = self.kernel.gram(
            self.x, self.jacobian, self.weights, self.system.implementation
        )
        solved = solve_symmetric(gram + self._metric(), self.delta, self.system.solver)
        c = solved.coefficients
        v = velocity(c) if self.projector is None else velocity(c) * self.projector
        return self._result(v, c, self.xp.matmul(gram, c), gram, (solved,), self._sources(c))

    def _solve_matrix_free(self) -> KingVelocity:
        """(K3) by conjugate gradients, with G c = Σ_j π_j ∇f(x_j)ᵀ v(x_j) for the field of c."""
        xp, metric, weights = self.xp, self._metric(), self.weights[:, None]

        def velocity(c: Array) -> Array:
            return self._field(self.x, self._sources(c))

        def moment_rate(c: Array) -> Array:
            moved = (weights * velocity(c))[:, :, None]
            return xp.squeeze(contract(xp, "jas,jat->st", self.jacobian, moved), axis=1)

        solved = solve_operator(lambda c: moment_rate(c) + xp.matmul(metric, c), self.delta)
        c = solved.coefficients
        return self._result(velocity(c), c, moment_rate(c), None, (solved,), self._sources(c))

    def _solve_coordinatewise(self) -> KingVelocity:
        """The variant of (K6): a system for each coordinate, with G_a = Σ_j π_j ∂_a f(x_j) V_ja."""
        xp, solver, metric = self.xp, self.system.solver, self._metric()
        if solver == "cg":
            raise OptionError("solver='cg' has no coordinate-wise form; use 'cholesky' or 'eigh'")
        contraction = self._contract(self.x, self.jacobian)
        weighted = self.weights[:, None, None] * self.jacobian
        grams = symmetrise(xp, contract(xp, "jas,jat->ast", weighted, contraction))
        solved = tuple(
            solve_symmetric(grams[a, :, :] + metric, self.delta, solver)
            for a in range(self.x.shape[1])
        )
        c = xp.stack([system.coefficients for system in solved])
        v = contract(xp, "jas,as->ja", contraction, c)
        rate = xp.sum(xp.squeeze(xp.matmul(grams, c[:, :, None]), axis=2), axis=0)
        sources = contract(xp, "jas,as->ja", self.jacobian, c)
        return self._result(v, c, rate, grams, solved, sources)

    def _metric(self) -> Array:
        return self.system.metric(self.xp, self.fisher)

    def _sources(self, c: Array) -> Array:
        """u_i = ∇f(x_i) c, the vectors that the kernel spreads."""
        return self.xp.matmul(self.jacobian, c)

    def _contract(self, points: Array, jacobian: Array) -> Array:
        """V of (K4), kept on the mask."""
        how = self.system.implementation
        contraction = self.kernel.contract(points, self.x, jacobian, self.weights, how)
        return contraction if self.projector is None else contraction * self.projector[:, None]

    def _field(self, points: Array, sources: Array) -> Array:
        """V of (K2) at checked points."""
        return self._contract(points, sources[:, :, None])[:, :, 0]

    def _result(
        self,
        velocity: Array,
        c: Array,
        rate: Array,
        gram: Array | None,
        systems: tuple[LinearSolution, ...],
        sources: Array,
    ) -> KingVelocity:
        @_checks.guarded
        def evaluate(points: Array) -> Array:
            xp = array_namespace(points=points, particles=self.x)
            points = _checks.points(points, "points", xp, dim=self.x.shape[1], like=self.x)
            return self._field(points, sources)

        return KingVelocity(velocity, c, self.delta, rate, self.fisher, gram, systems, evaluate)


def _projector(xp: Namespace, mask: Array | None, x: Array) -> Array | None:
    """The diagonal of P as numbers, or ``None`` where every coordinate moves."""
    if mask is None:
        return None
    mask = _checks.returned(mask, "mask", x=x)
    if not xp.isdtype(mask.dtype, "bool") or tuple(mask.shape) != (x.shape[1],):
        raise ShapeError(
            f"mask must be a boolean array of shape ({x.shape[1]},), "
            f"got {mask.dtype} of shape {tuple(mask.shape)}"
        )
    return xp.astype(mask, x.dtype)


@dataclass(frozen=True)
class KiNG(Flow):
    """The flow of :func:`king_velocity`, with features and kernel settled at each step.

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

    def __post_init__(self) -> None:
        require_features(self.features, "draw")
        if isinstance(self.kernel, type) or not hasattr(self.kernel, "draw"):
            found = _checks.shown(self.kernel)
            raise OptionError(f"kernel must be a MatrixKernel or a rule with draw, got {found}")
        self._system()

    def _system(self) -> System:
        return System.checked(
            self.ridge, self.jitter, self.ddof, self.solver, self.implementation, SOLVERS
        )

    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: RandomSource,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        require_features(self.features, "draw")
        require_kernel(self.kernel, "draw")
        rng = _checks.generator(rng)
        features = self.features.draw(particles, target, rng)
        kernel = self.kernel.draw(particles, target, rng)
        samples, system = (
            Samples.trusted(particles, target, weights, target_weights),
            self._system(),
        )
        projector = _projector(samples.xp, mask, particles)
        return lambda x: (
            _solved(replace(samples, x=x), features, kernel, system, projector).velocity
        )


def published_king(number: int = 200) -> KiNG:
    """Return KiNG as in the published code [L25].

    It has ``number`` random centres, lower medians, and :data:`PUBLISHED`.

    Examples
    --------
    >>> published_king().ddof
    1
    """
    return KiNG(RandomCenters(number, rule="lower"), MedianBandwidth(rule="lower"), **PUBLISHED)


def published_ntking(number: int = 200) -> KiNG:
    """Return ntKiNG as in the published code [L25].

    It draws a tanh network of widths (31, 31) for each step, with the kernel ``"diagonal"``.

    Examples
    --------
    >>> published_ntking().kernel.mode
    'diagonal'
    """
    return KiNG(RandomCenters(number, rule="lower"), RandomNeuralTangent(), **PUBLISHED)
