"""iNGD: the natural gradient of section 3, tracked by the parameters of a generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import SingularSystemError
from ingd_ref.features import Features, require_features
from ingd_ref.flows._arguments import Samples, System
from ingd_ref.flows._moments import covariance_factor, mean_difference, weighted_covariance
from ingd_ref.generators import Generator
from ingd_ref.least_squares import (
    LinearSolution,
    solve_factored,
    solve_factored_operator,
    solve_operator,
    solve_symmetric,
)

__all__ = ["INGD_SOLVERS", "IngdSolution", "ingd_velocity", "solved"]

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
        """Condition number of BBᵀ + λF̂ + εI, or of its factor: the square root of that."""
        return self.system.condition

    @property
    def residual(self) -> float:
        """Relative residual of the system."""
        return self.system.residual


@_checks.guarded
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
    r"""Natural-gradient velocity of a generator's parameters, (N1), (N2), (N3) and (N3′).

    .. math:: u = B^\top c, \qquad (B B^\top + \lambda \hat F + \varepsilon I)\, c = \Delta, \qquad
              B = \sum_i \pi_i \nabla f(x_i)^\top J_i, \quad
              x_i = g(z_i; w), \quad J_i = \partial g(z_i; w)/\partial w

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
        Weights ρ of the target sample, as those of the latent points. Default: 1/m.
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
        If an argument, or what the generator returns, does not fit.
    SingularSystemError
        If the system is singular or indefinite to working precision.

    Notes
    -----
    Memory O(ndb + b²), and what the generator takes for its products; O(b(p + n)) more with the
    stacked solvers. Source: [L25] (iNGD); weights and the stacked solvers follow from the same
    minimisation.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> generator = ir.generators.LocationScale(1)
    >>> latents, target = np.array([[-1.0], [1.0]]), np.array([[2.0], [8.0]])
    >>> features = ir.features.FamilyStatistics(ir.families.Gaussian())
    >>> options = {"generator": generator, "features": features, "ridge": 0.0, "jitter": 0.0}
    >>> solution = ingd_velocity(np.array([0.0, 1.0]), latents, target, **options)
    >>> solution.delta, solution.moment_rate, solution.velocity
    (array([ 5., 33.]), array([ 5., 33.]), array([ 5. , 16.5]))
    """
    system = System.checked(ridge, jitter, ddof, solver, implementation, INGD_SOLVERS)
    _checks.instance(generator, "generator", Generator, "a Generator")
    xp = array_namespace(
        parameters=parameters,
        latents=latents,
        target=target,
        weights=weights,
        target_weights=target_weights,
    )
    parameters = xp.asarray(_checks.vector(parameters, "parameters", generator.size, xp), copy=True)
    k, d = generator.latent_dimension, generator.dimension
    latents = _checks.points(latents, "latents", xp, dim=k, like=parameters)
    target = _checks.points(target, "target", xp, dim=d, like=parameters)
    n, m = latents.shape[0], target.shape[0]
    weights = _checks.weights(weights, "weights", n, xp, parameters)
    target_weights = _checks.weights(target_weights, "target_weights", m, xp, parameters)
    samples = Samples(latents, target, weights, target_weights, xp)
    return solved(parameters, samples, generator, features, system)


def solved(
    parameters: Array,
    samples: Samples,
    generator: Generator,
    features: Features,
    system: System,
) -> IngdSolution:
    """(N3) for checked arguments; the latent points are the x of ``samples``."""
    require_features(features, "_values_and_jacobian")
    xp, latents, weights, how = samples.xp, samples.x, samples.weights, system.implementation
    x, pull = generator.value_and_vjp(parameters, latents)
    values, slopes = features._values_and_jacobian(x, how)
    target_values = features._values(samples.y, how)
    problem = _Problem(
        xp,
        generator,
        parameters,
        latents,
        pull,
        slopes=weights[:, None, None] * slopes,
        fisher=weighted_covariance(xp, values, weights, system.ddof),
        deviations=covariance_factor(xp, values, weights, system.ddof),
        delta=mean_difference(xp, target_values, samples.target_weights, values, weights),
        system=system,
    )
    return problem.solution(x)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The checked ingredients of (N3), the products with B and Bᵀ, and the ways to solve it.

    ``slopes`` (n, d, b) holds π_i ∇f(x_i); ``deviations`` (b, n) is Φ with ΦΦᵀ = F̂.
    """

    xp: Namespace
    generator: Generator
    parameters: Array
    latents: Array
    vjp: Callable[[Array], Array]
    slopes: Array
    fisher: Array
    deviations: Array
    delta: Array
    system: System

    def solution(self, x: Array) -> IngdSolution:
        """Solve, and collect what went into it; ``x`` are the particles."""
        solved, gram = self.solve()
        c, shortest = solved.coefficients, solved.shortest
        # The stacked solvers give u itself, with the square root of the condition number of c: Bᵀc
        # would lose what they gained.
        size = self.generator.size
        u = self.pull(c) if shortest is None else self.xp.asarray(shortest[:size], copy=True)
        v = self.jvp(u)
        return IngdSolution(u, c, x, v, self.delta, self.rate(v), self.fisher, gram, solved)

    @cached_property
    def jvp(self) -> Callable[[Array], Array]:
        """J_i u; the generator is linearised when this is first used."""
        return self.generator.value_and_jvp(self.parameters, self.latents)[1]

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

    def solve(self) -> tuple[LinearSolution, Array | None]:
        """Solve for c, and BBᵀ where the solver forms it."""
        solver = self.system.solver
        try:
            if solver in ("normal", "eigh"):
                return self.solve_normal("cholesky" if solver == "normal" else "eigh")
            if solver in ("stacked", "svd"):
                return self.solve_stacked("qr" if solver == "stacked" else "svd"), None
            if solver == "matrix-free":
                return self.solve_stacked_operator(), None
            return self.solve_operator(), None
        except SingularSystemError as error:
            raise SingularSystemError(
                f"BBᵀ + λF̂ + εI, with {self.delta.shape[0]} statistics, {self.generator.size} "
                f"parameters, ridge = {self.system.ridge:g} and jitter = {self.system.jitter:g}, "
                f"cannot be solved by solver = {solver!r}: {error}"
            ) from None

    def solve_normal(self, method: str) -> tuple[LinearSolution, Array]:
        """(N3) with BBᵀ formed by the generator."""
        product = self.generator.gram(self.parameters, self.latents, self.cotangents())
        gram = symmetrise(self.xp, product)
        return solve_symmetric(gram + self.metric(), self.delta, method), gram

    def solve_stacked(self, method: str) -> LinearSolution:
        """(N3′) from the factor [B, √λ Φ, √ε I] itself."""
        jacobian = self.vjp(self.cotangents())
        return solve_factored(self.xp.concat([jacobian, *self.roots()], axis=1), self.delta, method)

    def solve_stacked_operator(self) -> LinearSolution:
        """(N3′) by LSMR: A z = B z₁ + √λ Φ z₂ + √ε z₃ and its transpose."""
        xp, size, roots = self.xp, self.generator.size, self.roots()

        def product(z: Array) -> Array:
            result, start = self.push(z[:size]), size
            for root in roots:
                end = start + root.shape[1]
                result, start = result + xp.matmul(root, z[start:end]), end
            return result

        def adjoint(c: Array) -> Array:
            blocks = (xp.matmul(xp.matrix_transpose(root), c) for root in roots)
            return xp.concat([self.pull(c), *blocks])

        columns = size + sum(root.shape[1] for root in roots)
        return solve_factored_operator(product, adjoint, columns, self.delta)

    def solve_operator(self) -> LinearSolution:
        """(N3) by conjugate gradients: c ↦ B(Bᵀc) + Mc."""
        xp, metric = self.xp, self.metric()
        return solve_operator(lambda c: self.push(self.pull(c)) + xp.matmul(metric, c), self.delta)

    def metric(self) -> Array:
        """M = λF̂ + εI."""
        return self.system.metric(self.xp, self.fisher)

    def roots(self) -> list[Array]:
        """Blocks √λ Φ and √ε I of a factor of M; a block that vanishes is left out."""
        ridge, jitter, unit = sqrt(self.system.ridge), sqrt(self.system.jitter), self.delta.shape[0]
        blocks = [ridge * self.deviations] if ridge > 0 else []
        if jitter > 0:
            dtype, device = self.delta.dtype, self.deviations.device
            blocks.append(jitter * self.xp.eye(unit, dtype=dtype, device=device))
        return blocks
