"""iNGD: the natural gradient of section 3, tracked by the parameters of a generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import DomainError, SingularSystemError
from ingd_ref.features import Features, require_features
from ingd_ref.flows._moments import covariance_factor, mean_difference, weighted_covariance
from ingd_ref.least_squares import (
    LinearSolution,
    solve_factored,
    solve_factored_operator,
    solve_operator,
    solve_symmetric,
)

if TYPE_CHECKING:
    from ingd_ref.generators import Generator

__all__ = ["INGD_SOLVERS", "IngdSolution", "ingd_velocity"]

INGD_SOLVERS = ("normal", "eigh", "stacked", "svd", "matrix-free", "cg")


@dataclass(frozen=True, eq=False)
class IngdSolution:
    """A velocity of parameters by :func:`ingd_velocity`, with everything that went into it.

    n latent points, d dimensions, b statistics, p parameters.

    Attributes
    ----------
    velocity : array (p,)
        u of (N3).
    coefficients : array (b,)
        c of (N3).
    particles : array (n, d)
        x_i = g(z_i; w).
    particle_velocity : array (n, d)
        J_i u, with which the particles start to move.
    delta : array (b,)
        Δ = E_p f − E_q f (E9).
    moment_rate : array (b,)
        Bu = d/dt E_q f, the rate at which the statistics move (N1).
    fisher : array (b, b)
        F̂, the covariance of the statistics (E3).
    gram : array (b, b) or None
        BBᵀ; None for the solvers that never form it.
    system : LinearSolution
        The solved system, with residual, condition and rank: BBᵀ + λF̂ + εI, or its factor where
        the solver is a stacked one.
    """

    velocity: Array
    coefficients: Array
    particles: Array = field(repr=False)
    particle_velocity: Array = field(repr=False)
    delta: Array
    moment_rate: Array
    fisher: Array = field(repr=False)
    gram: Array | None = field(repr=False)
    system: LinearSolution = field(repr=False)

    @property
    def condition(self) -> float:
        """Condition number of what was solved: of BBᵀ + λF̂ + εI, or of its factor (N3′), which is the square root of that."""
        return self.system.condition

    @property
    def residual(self) -> float:
        """Relative residual of the system."""
        return self.system.residual


def ingd_velocity(
    parameters: Array,
    latents: Array,
    target: Array,
    *,
    generator: Generator,
    features: Features,
    ridge: float = 1e-3,
    jitter: float = 1e-3,
    ddof: int = 0,
    weights: Array | None = None,
    target_weights: Array | None = None,
    solver: str = "normal",
    implementation: str = "auto",
) -> IngdSolution:
    r"""Natural-gradient velocity of the parameters of a generator towards a target sample, equations (N1)-(N3′).

    .. math:: u = B^\top c, \qquad (B B^\top + \lambda \hat F + \varepsilon I)\, c = \Delta,
              \qquad B = \sum_i \pi_i \nabla f(x_i)^\top J_i, \quad x_i = g(z_i; w), \quad J_i = \partial g(z_i; w)/\partial w

    This u minimises :math:`\|M^{-1/2}(Bu - \Delta)\|^2 + \|u\|^2` with :math:`M = \lambda\hat F +
    \varepsilon I` (N2). No matrix with p×p or n×d×p entries is formed.

    Parameters
    ----------
    parameters : array (p,)
        w.
    latents : array (n, k)
        Latent points z, or the nodes of a quadrature rule.
    target : array (m, d)
        Target sample.
    generator : Generator
        g with its Jacobian products.
    features : Features
        Sufficient statistics f with their Jacobian, for instance those of a family:
        :class:`~ingd_ref.features.FamilyStatistics`.
    ridge : float ≥ 0
        λ, the weight of the Fisher metric against the norm of u. Default 1e-3.
    jitter : float ≥ 0
        ε, a parameter of the model like λ. Default 1e-3.
    ddof : {0, 1}
        Covariance divisor of F̂: 1/n (default) or 1/(n − 1).
    weights : array (n,), optional
        Weights π of the latent points, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, likewise. Default: 1/m.
    solver : {"normal", "eigh", "stacked", "svd", "matrix-free", "cg"}
        ``"normal"`` (default): BBᵀ by the generator, often without B, and Cholesky. ``"eigh"``: the
        same with the minimum-norm answer to a singular system. ``"stacked"``: QR of [B, √λ Φ, √ε I]
        (N3′), which does not square the condition number and holds B; ``"svd"``: the same with the
        shortest answer where rows are dependent. ``"matrix-free"``: LSMR on the stacked system;
        ``"cg"``: conjugate gradients on the other; both take products with B and Bᵀ alone, NumPy
        and CuPy only.
    implementation : {"auto", "readable", "fused"}
        How the kernels of the statistics run. Default ``"auto"``.

    Returns
    -------
    IngdSolution
        In the floating type of ``parameters``, to which all other arrays are cast.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError
        For arguments that do not fit, and for a generator whose values or Jacobian products do not.
    SingularSystemError
        If the system is singular or indefinite to working precision.

    Notes
    -----
    Memory O(ndb + b²) beside what the generator takes for its products; O(b(p + n)) more with the
    stacked solvers. Source: [L25] (iNGD); weights and the stacked solvers follow from the same
    minimisation.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> generator = ir.generators.LocationScale(1)
    >>> latents, target = np.array([[-1.0], [1.0]]), np.array([[2.0], [8.0]])
    >>> options = {"features": ir.features.FamilyStatistics(ir.families.Gaussian()), "ridge": 0.0, "jitter": 0.0}
    >>> solution = ingd_velocity(np.array([0.0, 1.0]), latents, target, generator=generator, **options)
    >>> solution.delta, solution.moment_rate, solution.velocity
    (array([ 5., 33.]), array([ 5., 33.]), array([ 5. , 16.5]))
    """
    xp = array_namespace(
        parameters=parameters,
        latents=latents,
        target=target,
        weights=weights,
        target_weights=target_weights,
    )
    parameters = xp.asarray(_checks.vector(parameters, "parameters", generator.size, xp), copy=True)
    require_features(features)
    latents = _checks.points(
        latents, "latents", xp, dim=generator.latent_dimension, like=parameters
    )
    target = _checks.points(target, "target", xp, dim=generator.dimension, like=parameters)
    weights = _checks.weights(weights, "weights", latents.shape[0], xp, parameters)
    target_weights = _checks.weights(
        target_weights, "target_weights", target.shape[0], xp, parameters
    )
    ridge, jitter = _checks.nonnegative(ridge, "ridge"), _checks.nonnegative(jitter, "jitter")
    _checks.choice(solver, "solver", INGD_SOLVERS)
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    if ddof not in (0, 1):
        raise DomainError(f"ddof must be 0 or 1, got {ddof!r}")

    x, pull = generator.value_and_vjp(parameters, latents)
    values, slopes = features.values_and_jacobian(x, implementation)
    delta = mean_difference(xp, features(target, implementation), target_weights, values, weights)
    fisher, deviations = (
        weighted_covariance(xp, values, weights, ddof),
        covariance_factor(xp, values, weights, ddof),
    )
    slopes = weights[:, None, None] * slopes

    @cache
    def linearised() -> Callable[[Array], Array]:
        return generator.value_and_jvp(parameters, latents)[1]

    def gram_of(cotangents: Array) -> Array:
        return generator.gram(parameters, latents, cotangents)

    problem = _Problem(
        xp,
        generator.size,
        pull,
        lambda u: linearised()(u),
        gram_of,
        slopes,
        fisher,
        deviations,
        delta,
        ridge,
        jitter,
    )
    system, gram = problem.solve(solver)
    # The stacked solvers give u itself, with the square root of the condition number of c: Bᵀc
    # would lose what they gained.
    u = (
        problem.pull(system.coefficients)
        if system.shortest is None
        else xp.asarray(system.shortest[: generator.size], copy=True)
    )
    v = linearised()(u)
    return IngdSolution(u, system.coefficients, x, v, delta, problem.rate(v), fisher, gram, system)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The checked ingredients of (N3), the products with B and Bᵀ, and the ways to solve it.

    ``slopes`` (n, d, b) holds π_i ∇f(x_i); ``deviations`` (b, n) is Φ with ΦΦᵀ = F̂.
    """

    xp: Namespace
    size: int
    vjp: Callable[[Array], Array]
    jvp: Callable[[Array], Array]
    gram: Callable[[Array], Array]
    slopes: Array
    fisher: Array
    deviations: Array
    delta: Array
    ridge: float
    jitter: float

    def pull(self, c: Array) -> Array:
        """Bᵀc (p,): one vector-Jacobian product."""
        return self.vjp(self.xp.matmul(self.slopes, c))

    def push(self, u: Array) -> Array:
        """Bu (b,): one Jacobian-vector product."""
        return self.rate(self.jvp(u))

    def rate(self, v: Array) -> Array:
        """Σ_i π_i ∇f(x_i)ᵀ v_i (P4)."""
        number, dimension, statistics = self.slopes.shape
        return self.xp.matmul(
            self.xp.reshape(v, (-1,)),
            self.xp.reshape(self.slopes, (number * dimension, statistics)),
        )

    def cotangents(self) -> Array:
        """The fields whose products with the Jacobian are the rows of B (N1), shape (b, n, d)."""
        return self.xp.permute_dims(self.slopes, (2, 0, 1))

    def solve(self, solver: str) -> tuple[LinearSolution, Array | None]:
        """Solve for c, and BBᵀ where the solver forms it."""
        try:
            if solver in ("normal", "eigh"):
                gram = symmetrise(self.xp, self.gram(self.cotangents()))
                return solve_symmetric(
                    gram + self.metric(), self.delta, "cholesky" if solver == "normal" else "eigh"
                ), gram
            if solver in ("stacked", "svd"):
                return self.solve_stacked("qr" if solver == "stacked" else "svd"), None
            return (
                self.solve_stacked_operator() if solver == "matrix-free" else self.solve_operator()
            ), None
        except SingularSystemError as error:
            number = self.delta.shape[0]
            raise SingularSystemError(
                f"BBᵀ + λF̂ + εI, with {number} statistics, {self.size} parameters, ridge = {self.ridge:g} and jitter = {self.jitter:g}, "
                f"cannot be solved by solver = {solver!r}: {error}"
            ) from None

    def solve_stacked(self, method: str) -> LinearSolution:
        """(N3′) from the factor [B, √λ Φ, √ε I] itself."""
        jacobian = self.vjp(self.cotangents())
        return solve_factored(self.xp.concat([jacobian, *self.roots()], axis=1), self.delta, method)

    def solve_stacked_operator(self) -> LinearSolution:
        """(N3′) by LSMR: A z = B z₁ + √λ Φ z₂ + √ε z₃ and its transpose."""
        xp, size, roots = self.xp, self.size, self.roots()

        def product(z: Array) -> Array:
            result, start = self.push(z[:size]), size
            for root in roots:
                result, start = (
                    result + xp.matmul(root, z[start : start + root.shape[1]]),
                    start + root.shape[1],
                )
            return result

        def adjoint(c: Array) -> Array:
            return xp.concat(
                [self.pull(c), *(xp.matmul(xp.matrix_transpose(root), c) for root in roots)]
            )

        return solve_factored_operator(
            product, adjoint, size + sum(root.shape[1] for root in roots), self.delta
        )

    def solve_operator(self) -> LinearSolution:
        """(N3) by conjugate gradients: c ↦ B(Bᵀc) + Mc."""
        metric = self.metric()
        return solve_operator(
            lambda c: self.push(self.pull(c)) + self.xp.matmul(metric, c), self.delta
        )

    def metric(self) -> Array:
        """M = λF̂ + εI."""
        return self.ridge * self.fisher + self.jitter * self._identity()

    def roots(self) -> list[Array]:
        """Blocks √λ Φ and √ε I of a factor of M; a block that vanishes is left out."""
        blocks = [sqrt(self.ridge) * self.deviations] if self.ridge > 0 else []
        return [*blocks, sqrt(self.jitter) * self._identity()] if self.jitter > 0 else blocks

    def _identity(self) -> Array:
        return self.xp.eye(
            self.delta.shape[0], dtype=self.delta.dtype, device=self.deviations.device
        )
