"""The package against its own literal equations, at eighty digits and in float64.

The equations have evidence of their own in ``tests/equations``. Here each fast form is compared
with the function of its label on the same inputs: exactly, and once more with floats on both
sides. All problems are small and well conditioned, so that one tolerance fits all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.equations import LABELS, statistics, variational
from ingd_ref.equations._numbers import exp, sqrt
from validation.backends import BACKENDS, Arrays
from validation.every_family import members
from validation.oracles.precise import MP, Array, differences, precise
from validation.oracles.quadrature import gaussian_nodes
from validation.registry import CaseFunction, Measured, case, compared
from validation.simplex import problems

ACCURATE = 1e-13
REASON = "1e-13 of the largest entry: a few hundred roundings, at conditions below a hundred"

SIGMA, WIDTH, RIDGE, JITTER = 1.25, 1.5, 0.5, 0.125

RNG, RNG_PROJECTION = np.random.default_rng(9), np.random.default_rng(10)
X, Y = RNG.normal(size=(5, 2)), RNG.normal(size=(4, 2)) + np.array([0.75, -0.5])
PI, RHO = np.array([1, 2, 3, 5, 5]) / 16, np.array([1, 3, 2, 2]) / 8
CENTERS = np.array([[-1.0, 0.0], [0.5, 1.0], [1.0, -1.0]])
FREQUENCIES, PHASES = RNG.normal(size=(3, 2)), np.array([0.5, 1.0, 2.0])
NETWORK = [(RNG.normal(size=(3, 2)), RNG.normal(size=3)), (RNG.normal(size=(2, 3)), np.zeros(2))]

Convert = Callable[[Any], Any]


def each(
    *labels: str, backends: Sequence[str] = tuple(BACKENDS)
) -> Callable[[CaseFunction], CaseFunction]:
    """Register a case for each label, of the quantities that begin with it."""

    def register(function: CaseFunction) -> CaseFunction:
        measured = cache(lambda arrays: list(function(arrays)))
        for label in labels:
            own = re.compile(label + r"(?![\w′])")

            def only(arrays: Arrays, own: re.Pattern[str] = own) -> Iterator[Measured]:
                yield from (m for m in measured(arrays) if own.match(m.quantity))

            only.__name__, only.__module__ = f"{function.__name__}_{label}", __name__
            case(label, oracle="the literal equation at eighty digits", backends=backends)(only)
        return function

    return register


def floats(values: Any) -> Any:
    """Return the numbers as float64."""
    return np.asarray(values, dtype=float)


def agreeing(name: str, found: Any, expected: Any, scale: float | None = None) -> Measured:
    """Compare with the common tolerance."""
    return compared(name, found, expected, ACCURATE, REASON, scale=scale)


def judged(name: str, found: Any, equation: Callable[[Convert], Any]) -> Iterator[Measured]:
    """Compare a result with an equation, given exact numbers or floats by what it is handed."""
    yield agreeing(name, floats(found), np.array(equation(precise)))
    rounded = floats(equation(floats))
    reason = "the errors of both"
    yield compared(f"{name}, both in float64", floats(found), rounded, 2 * ACCURATE, reason)


# --------------------------------------------------------------------------------------------------


def rbf(of: Convert) -> tuple[Any, Any]:
    """Gaussian features and their Jacobian."""
    centers, width = of(CENTERS), of(WIDTH)
    return (
        lambda x: statistics.gaussian_rbf(x, centers, width),
        lambda x: statistics.gaussian_rbf_jacobian(x, centers, width),
    )


def quadratic(of: Convert) -> tuple[Any, Any]:
    """Polynomial features of degree two."""
    centers, offset = of(CENTERS), of(0.5)
    return (
        lambda x: statistics.polynomial(x, centers, 2, offset),
        lambda x: statistics.polynomial_jacobian(x, centers, 2, offset),
    )


def fourier(of: Convert) -> tuple[Any, Any]:
    """Random Fourier features."""
    frequencies, phases = of(FREQUENCIES), of(PHASES)
    return (
        lambda x: statistics.random_fourier(x, frequencies, phases),
        lambda x: statistics.random_fourier_jacobian(x, frequencies, phases),
    )


#: Name → the package's features, and the equations of the same ones.
FEATURES: dict[str, tuple[Callable[[Arrays], Any], Callable[[Convert], Any]]] = {
    "Gaussian": (lambda a: ir.features.GaussianRBF(a(CENTERS), WIDTH), rbf),
    "polynomial": (lambda a: ir.features.Polynomial(a(CENTERS), 2, 0.5), quadratic),
    "monomials": (
        lambda a: ir.features.Monomials(2),
        lambda of: (
            lambda x: statistics.monomials(x, 2),
            lambda x: statistics.monomials_jacobian(x, 2),
        ),
    ),
    "pairs": (
        lambda a: ir.features.PairwiseProducts(),
        lambda of: (statistics.pairwise_products, statistics.pairwise_products_jacobian),
    ),
    "Fourier": (lambda a: ir.features.RandomFourier(a(FREQUENCIES), a(PHASES)), fourier),
}


def tangent(mode: str) -> tuple[Callable[[Arrays], Any], Callable[[Convert], Any]]:
    """Return the neural tangent kernel in one of its modes, which thin out or average K."""

    def equation(of: Convert) -> Any:
        layers = [(of(weight), of(bias)) for weight, bias in NETWORK]
        identity = np.eye(2, dtype=int)

        def kernel(x: Array, y: Array) -> Any:
            full = LABELS["K7"](x, y, layers, "tanh")
            return {"full": full, "diagonal": full * identity}.get(
                mode, np.trace(full) / 2 * identity
            )

        return kernel

    def ours(arrays: Arrays) -> Any:
        layers = [(arrays(weight), arrays(bias)) for weight, bias in NETWORK]
        return ir.rkhs.NeuralTangent(layers, activation="tanh", mode=mode)

    return ours, equation


def radial(name: str, of: Convert) -> Callable[[Array, Array], Any]:
    """Return ∇_x∇_yᵀ of other functions of r = ‖x − y‖ than (K5), or one without divergence."""

    def kernel(x: Array, y: Array) -> Any:
        rho = (x - y) / of(SIGMA)
        square, identity, outer = rho @ rho, np.eye(len(x), dtype=int), np.outer(rho, rho)
        if name == "divergence-free":  # (−Δ + ∇∇ᵀ) exp(−r²/2)
            return exp(-square / 2) * ((len(x) - 1 - square) * identity + outer) / of(SIGMA) ** 2
        if name == "multiquadric":  # of (1 + r²)^(−1/2)
            u = 1 + square
            return (identity - 3 * outer / u) / (u * sqrt(u)) / of(SIGMA) ** 2
        z = sqrt(5 * square)  # of (1 + z + z²/3) e^(−z)
        return 5 * exp(-z) / 3 * ((1 + z) * identity - 5 * outer) / of(SIGMA) ** 2

    return kernel


#: Name → the package's kernel, and the equation of the same one.
KERNELS: dict[str, tuple[Callable[[Arrays], Any], Callable[[Convert], Any]]] = {
    "gradient Gaussian": (
        lambda a: ir.rkhs.GradientGaussian(SIGMA),
        lambda of: lambda x, y: LABELS["K5"](x, y, of(SIGMA)),
    ),
    "scalar Gaussian": (
        lambda a: ir.rkhs.ScalarGaussian(SIGMA),
        lambda of: lambda x, y: LABELS["K6"](x, y, of(SIGMA)),
    ),
    "multiquadric": (
        lambda a: ir.rkhs.GradientInverseMultiquadric(SIGMA),
        partial(radial, "multiquadric"),
    ),
    "Matérn 5/2": (lambda a: ir.rkhs.GradientMatern52(SIGMA), partial(radial, "Matérn 5/2")),
    "divergence-free": (
        lambda a: ir.rkhs.DivergenceFreeGaussian(SIGMA),
        partial(radial, "divergence-free"),
    ),
    **{f"tangent, {mode}": tangent(mode) for mode in ("full", "diagonal", "trace")},
}


def king(arrays: Arrays, features: str, name: str, **options: Any) -> Any:
    """Return the package's solution."""
    given = {"ridge": RIDGE, "jitter": JITTER, "weights": arrays(PI), "target_weights": arrays(RHO)}
    return ir.flows.king_velocity(
        arrays(X),
        arrays(Y),
        features=FEATURES[features][0](arrays),
        **({"kernel": KERNELS[name][0](arrays)} | given | options),
    )


class Literal:
    """The same problem by the equations, with numbers of the kind that ``of`` makes."""

    def __init__(self, of: Convert, features: str, kernel: str) -> None:
        self.x, self.y, self.pi, self.rho = map(of, (X, Y, PI, RHO))
        self.f, self.df = FEATURES[features][1](of)
        self.K = KERNELS[kernel][1](of)
        self.Delta = statistics.mean(self.y, self.f, self.rho) - statistics.mean(
            self.x, self.f, self.pi
        )
        self.M = statistics.regulariser(
            statistics.covariance(self.x, self.f, self.pi), of(RIDGE), of(JITTER)
        )
        self.c = LABELS["K3"](self.x, self.df, self.K, self.pi, self.Delta, self.M)

    def velocity(self, points: Array) -> list[Any]:
        """(K2) at any points."""
        return [LABELS["K2"](z, self.x, self.df, self.K, self.pi, self.c) for z in points]


literal = cache(Literal)  # most quantities of one problem are needed several times

PAIRS = [(name, "gradient Gaussian") for name in FEATURES] + [
    ("Gaussian", name) for name in KERNELS
]


@each("K2", "K3", "K4", "K5", "K6", "K7")
def king_velocities(arrays: Arrays) -> Iterator[Measured]:
    """Coefficients, Gram matrix and velocity for each kind of features and each kernel."""

    def whole(features: str, kernel: str, of: Convert) -> Any:
        p = literal(of, features, kernel)
        return p.velocity(p.x)

    def gram(features: str, kernel: str, of: Convert) -> Any:
        p = literal(of, features, kernel)
        return LABELS["K4"](p.x, p.df, p.K, p.pi)[1]

    def coefficients(features: str, kernel: str, of: Convert) -> Any:
        return literal(of, features, kernel).c

    for pair in dict.fromkeys(PAIRS):
        found, name = king(arrays, *pair), "{} features, {}".format(*pair)
        own = {"gradient Gaussian": "K5", "scalar Gaussian": "K6"}
        field = "K7" if "tangent" in pair[1] else own.get(pair[1], "K2")
        yield from judged(f"{field}: v, {name}", arrays.host(found.velocity), partial(whole, *pair))
        yield from judged(f"K4: G, {name}", arrays.host(found.gram), partial(gram, *pair))
        yield from judged(
            f"K3: c, {name}", arrays.host(found.coefficients), partial(coefficients, *pair)
        )


@each("K2", "K6", "K10")
def king_elsewhere(arrays: Arrays) -> Iterator[Measured]:
    """The field off the particles, one system for each coordinate, and moments without M."""
    kernel = "gradient Gaussian"
    points = np.array([[0.25, -0.5], [2.0, 1.0]])
    found = king(arrays, "Gaussian", kernel).field(arrays(points))
    yield from judged(
        "K2: v elsewhere",
        arrays.host(found),
        lambda of: literal(of, "Gaussian", kernel).velocity(of(points)),
    )

    def coordinatewise(of: Convert) -> Any:
        p, total = Literal(of, "Gaussian", kernel), np.zeros(X.shape, dtype=int)
        for a in range(2):  # a field along one axis has the kernel k e_a e_aᵀ
            axis = np.diag(np.arange(2) == a).astype(int)
            p.K = lambda x, y, axis=axis: LABELS["K6"](x, y, of(SIGMA)) * axis
            p.c = LABELS["K3"](p.x, p.df, p.K, p.pi, p.Delta, p.M)
            total = total + np.array(p.velocity(p.x))
        return total

    separate = king(
        arrays, "Gaussian", kernel, kernel=ir.rkhs.ScalarGaussian(SIGMA, coordinatewise=True)
    )
    yield from judged("K6: v, coordinate-wise", arrays.host(separate.velocity), coordinatewise)
    free = king(arrays, "polynomial", kernel, ridge=0.0, jitter=0.0)

    def unregularised(of: Convert) -> Any:
        p = literal(of, "polynomial", kernel)
        return LABELS["K10"](p.x, p.df, p.K, p.pi, p.Delta)

    yield from judged("K10: moment rate", arrays.host(free.moment_rate), unregularised)


@each("K1", "K11")
def king_minimises_and_turns(arrays: Arrays) -> Iterator[Measured]:
    """How far the objective is above its minimum, and how far v(Rz + t) is from Rv(z)."""
    solution, kernel = king(arrays, "Gaussian", "gradient Gaussian"), "gradient Gaussian"
    p = literal(precise, "Gaussian", kernel)

    def objective(c: Array) -> Any:
        a = [w * p.df(x) @ c for w, x in zip(p.pi, p.x, strict=True)]
        return LABELS["K1"](a, p.x, p.df, p.K, p.pi, p.Delta, p.M)

    least = objective(p.c)
    excess = objective(precise(arrays.host(solution.coefficients))) - least
    yield Measured("K1: excess", abs(float(excess / least)), ACCURATE**2, "1e-13 of c, squared")
    size = float(np.max(np.abs(arrays.host(solution.velocity))))

    def field(z: Array, x: Array, y: Array) -> Array:
        features = ir.features.GaussianRBF(arrays(np.stack([x[0], y[1]])), WIDTH)
        found = ir.flows.king_velocity(
            *(arrays(x), arrays(y)),
            features=features,
            kernel=ir.rkhs.GradientGaussian(SIGMA),
            ridge=RIDGE,
            jitter=JITTER,
        )
        return arrays.host(found.field(arrays(z[None])))[0]

    turn, shift = np.array([[0.6, -0.8], [0.8, 0.6]]), np.array([0.5, -1.0])
    defect = LABELS["K11"](field, turn, shift, np.array([0.25, 0.5]), X, Y)
    yield agreeing("K11: defect", defect, np.zeros(2), scale=size)


@each("W1", "W2", "W3", "W4")
def other_velocities(arrays: Arrays) -> Iterator[Measured]:
    """Wasserstein, energy and MMD flows, and SVGD for p ∝ exp(−‖x‖²/2)."""
    x, y, pi, rho = (arrays(a) for a in (X, Y, PI, RHO))
    flows = ir.flows
    found = {
        "W1": flows.wgf_velocity(x, y, SIGMA, pi, rho),
        "W2": flows.energy_velocity(x, y, pi, rho),
        "W3": flows.mmd_velocity(x, y, SIGMA, pi, rho),
        "W4": flows.svgd_velocity(x, -x, SIGMA, pi),
    }

    def at_particles(label: str, of: Convert) -> Any:
        samples = [of(a) for a in (X, Y, PI, RHO)]
        if label == "W4":
            return [LABELS[label](z, of(X), of(PI), lambda c: -c, of(SIGMA)) for z in of(X)]
        more = () if label == "W2" else (of(SIGMA),)
        return [LABELS[label](z, *samples, *more) for z in of(X)]

    for label, velocity in found.items():
        yield from judged(label, arrays.host(velocity), partial(at_particles, label))


@each("Q1", "Q2", "Q4", "Q5", "K8")
def distances(arrays: Arrays) -> Iterator[Measured]:
    """Distances of the two samples, the residual of their moments, and the bandwidth."""
    x, y, pi, rho = (arrays(a) for a in (X, Y, PI, RHO))
    directions, F, Delta = (
        np.array([[1.0, 0.0], [0.6, 0.8]]),
        np.diag([2.0, 1.0]),
        np.array([1, 0.5]),
    )
    ours = ir.metrics

    def samples(of: Convert) -> list[Any]:
        return [of(a) for a in (X, Y, PI, RHO)]

    def sliced(order: int, of: Convert) -> Any:
        return LABELS["Q5"](*samples(of), of(directions), order)

    yield from judged(
        "Q1",
        ours.mmd(x, y, SIGMA, pi, rho),
        lambda of: LABELS["Q1"](*samples(of), of(SIGMA)),
    )
    yield from judged(
        "Q2", ours.energy_distance(x, y, pi, rho), lambda of: LABELS["Q2"](*samples(of))
    )
    yield from judged(
        "Q4",
        ours.moment_residual(arrays(Delta), arrays(F), JITTER),
        lambda of: LABELS["Q4"](of(Delta), of(F), of(JITTER)),
    )
    for order in (1, 2):
        found = ours.sliced_wasserstein(
            x, y, arrays(directions), order, weights=pi, target_weights=rho
        )
        yield from judged(
            f"Q5, order {order}",
            found,
            partial(sliced, order),
        )
    yield from judged("K8", ours.median_bandwidth(x), lambda of: LABELS["K8"](of(X)))


@each("Q3")
def density_ratio(arrays: Arrays) -> Iterator[Measured]:
    """The estimate on held-out points; its coefficients are judged elsewhere."""
    x, y, pi, rho = (arrays(a) for a in (X, Y, PI, RHO))
    fit = ir.metrics.kliep(
        x,
        y,
        arrays(X + 0.5),
        bandwidth=SIGMA,
        centers=arrays(CENTERS),
        weights=pi,
        target_weights=rho,
        held_out_weights=pi,
    )
    logarithms = arrays.host(fit.log_coefficients)
    alpha = np.array([MP.exp(a) if np.isfinite(a) else MP.mpf(0) for a in logarithms.tolist()])
    found = LABELS["Q3"](alpha, *map(precise, (X, X + 0.5, PI, PI, CENTERS)), precise(SIGMA))
    yield agreeing("Q3: KL", fit.kl, found)


# --------------------------------------------------------------------------------------------------


@cache
def first_members() -> tuple[Any, ...]:
    """One member of each family with few parameters, and its A, which remembers its values."""

    def remembered(log_partition: Callable[[Array], Any]) -> Callable[[Array], Any]:
        known = cache(lambda *theta: log_partition(np.array(theta)))
        return lambda theta: known(*theta)

    return tuple(
        (member, remembered(member.oracle.log_partition))
        for member in members()
        if member.place == 0 and len(member.theta) <= 5
    )


def _family(label: str, member: Any, found: Any, expected: Any, least: float = 1.0) -> Measured:
    """Compare an operation of a family; numbers below ``least`` count as that."""
    expected = np.array(expected)
    scale = max(least, float(np.max(np.abs(expected.astype(float)))))
    name = f"{label}, {member.name}"
    return compared(name, found, expected, member.accuracy, REASON, scale=scale)


@each("E2", "E3", "E7", "E9")
def operations_of_families(arrays: Arrays) -> Iterator[Measured]:
    """Means, Fisher information and natural gradients of every family."""
    for member, A in first_members():
        theta, family, at = member.exact, member.family, arrays(member.theta)
        mu, F = LABELS["E2"](theta, A), LABELS["E3"](theta, A)
        yield _family("E2", member, arrays.host(family.mean(at)), mu)
        yield _family("E3", member, arrays.host(family.fisher(at)), F, 0.0)
        gradient = np.linspace(1.0, 2.0, len(theta)) * np.diag(F).astype(float)
        linear = precise(gradient)
        found = arrays.host(family.natural_gradient(at, arrays(gradient)))
        expected = LABELS["E7"](theta, lambda t, g=linear: g @ t, A)
        yield _family("E7", member, found, expected, 0.0)
        # For KL(p‖q) with E_p f = μ − g the gradient is g, and the flow goes the other way.
        yield _family("E9", member, -found, LABELS["E9"](theta, mu - linear, A), 0.0)


# Strict arrays take half a minute for the series of entropies.
@each("E1", "E5", "E6", backends=("numpy", "torch"))
def densities_and_divergences(arrays: Arrays) -> Iterator[Measured]:
    """Log density at a likely point, divergence from a neighbour, and entropy −A* − E log h."""
    for member, A in first_members():
        theta, family = member.exact, member.family
        at, near = arrays(member.theta), member.moved(0.1, len(theta))
        kl = arrays.host(family.kl(at, arrays(near)))
        yield _family("E5", member, kl, LABELS["E5"](theta, precise(near), A), 0.0)
        entropy = -LABELS["E6"](theta, A) - member.oracle.mean_log_base_measure(theta)
        yield _family("E6", member, arrays.host(family.entropy(at)), entropy)
        if member.nodes is None:
            continue
        place = int(np.argmax(member.nodes.weights))
        f, log_h = member.nodes.statistics[place], member.nodes.log_h[place]
        density = LABELS["E1"](
            place, theta, lambda _, f=f: precise(f), A, lambda _, h=log_h: MP.exp(h)
        )
        found = arrays.host(family.log_prob(at, arrays(member.nodes.x[place : place + 1])))[0]
        yield _family("E1", member, found, MP.log(density))


def gaussian_log_partition(theta: Array) -> Any:
    """A of (E12)."""
    return -(theta[0] ** 2) / (4 * theta[1]) - MP.log(-2 * theta[1]) / 2


def gaussian_natural(mu: Array) -> Array:
    """θ of a Gaussian with mean parameters μ."""
    return np.array([mu[0], -MP.mpf(1) / 2]) / (mu[1] - mu[0] ** 2)


@each("E4", "E8", "E12", "E13", "P1")
def two_families_in_full(arrays: Arrays) -> Iterator[Measured]:
    """Closed forms of Gaussian and Gamma, the mean chart of the Gaussian, and its m-projection."""
    closed = {
        "Gaussian": LABELS["E12"](MP.mpf(0.75), MP.mpf(1.5)),
        "Gamma": LABELS["E13"](MP.mpf(2.5), MP.mpf(0.75)),
    }
    for name, form in closed.items():
        family, theta = getattr(ir.families, name)(), arrays(form.theta.astype(float))
        at = {"Gaussian": "E12: ", "Gamma": "E13: "}[name]
        yield agreeing(at + "A", arrays.host(family.log_partition(theta)), form.A)
        yield agreeing(at + "μ", arrays.host(family.mean(theta)), form.mu)
        yield agreeing(at + "F", arrays.host(family.fisher(theta)), form.F)
    gaussian, theta = ir.families.Gaussian(), precise(np.array([0.7, -0.4]))
    mu = LABELS["E2"](theta, gaussian_log_partition)
    inverse = arrays.host(gaussian.inverse_fisher(arrays(theta.astype(float))))
    expected = LABELS["E4"](mu, gaussian_natural, gaussian_log_partition)
    yield agreeing("E4: F in mean parameters", inverse, expected)
    slope = np.array([0.3, -1.7])
    found = arrays.host(gaussian.natural_gradient(arrays(theta.astype(float)), arrays(slope)))
    expected = LABELS["E8"](mu, lambda t: precise(slope) @ t, gaussian_natural)
    yield agreeing("E8: gradient in mean parameters", found, expected)
    moments = statistics.mean(precise(X[:, 0]), lambda x: np.array([x, x**2]), precise(PI))
    projected = ir.projection.m_projection(gaussian, arrays(X[:, :1]), arrays(PI))
    expected = LABELS["P1"](moments, gaussian_log_partition, theta)
    yield agreeing("P1: m-projection", arrays.host(projected.theta), expected)


@each("E11")
def gaussian_step(arrays: Arrays) -> Iterator[Measured]:
    """One natural-gradient step of a full Gaussian on a quadratic ℓ = −½(x − a)ᵀT(x − a)."""
    P, m = np.array([[2.0, 0.25], [0.25, 1.5]]), np.array([0.5, -1.0])
    T, a, rho = np.array([[1.5, -0.5], [-0.5, 2.0]]), np.array([1.0, 0.25]), 0.25
    vi = ir.variational
    terms = vi.Expected(arrays(np.zeros(())), arrays(T @ (a - m)), arrays(T))
    found = vi.natural_step(vi.FullGaussian.from_precision(arrays(m), arrays(P)), terms, rho)

    def step(of: Convert) -> Any:
        gradient = of(T) @ (of(a) - of(m))
        return variational.gaussian_step(of(P), of(m), of(rho), gradient, -of(T))

    yield from judged("E11: P", arrays.host(found.precision), lambda of: step(of)[0])
    yield from judged("E11: m", arrays.host(found.mean), lambda of: step(of)[1])


# --------------------------------------------------------------------------------------------------


@each("P2", "P3", "P4")
def tangent_projections(arrays: Arrays) -> Iterator[Measured]:
    """From velocities and from scores, with three Gaussian features."""
    features, velocities = FEATURES["Gaussian"][0](arrays), RNG_PROJECTION.normal(size=X.shape)
    scores = velocities[:, 0]
    moving = ir.projection.tangent_projection(
        features, arrays(X), velocities=arrays(velocities), weights=arrays(PI)
    )
    scored = ir.projection.tangent_projection(
        features, arrays(X), scores=arrays(scores), weights=arrays(PI)
    )

    def rate(of: Convert) -> Any:
        return LABELS["P4"](of(X), of(velocities), rbf(of)[1], of(PI))

    yield from judged("P4", arrays.host(moving.moment_rate), rate)
    yield from judged(
        "P3", arrays.host(moving.rate), lambda of: LABELS["P3"](rate(of), of(X), rbf(of)[0], of(PI))
    )
    yield from judged(
        "P2",
        arrays.host(scored.rate),
        lambda of: LABELS["P2"](of(scores), of(X), rbf(of)[0], of(PI)),
    )


@each("P7")
def rate_of_a_gaussian_path(arrays: Arrays) -> Iterator[Measured]:
    """Gauss-Hermite nodes as samples of x = m + sz project on the rate of m and s themselves."""
    m, s, m_dot, s_dot = 0.5, 1.25, -0.75, 0.25
    z, weights = gaussian_nodes(0.0, 1.0, 8)
    found = ir.projection.tangent_projection(
        ir.features.FamilyStatistics(ir.families.Gaussian()),
        arrays(m + s * z),
        velocities=arrays(m_dot + s_dot * z),
        weights=arrays(weights),
    )
    expected, _ = LABELS["P7"](*map(precise, (m, s, m_dot, s_dot)), 0, 0)
    yield agreeing("P7: rate", arrays.host(found.rate), expected)


@each("P5", "P6")
def window_projections(arrays: Arrays) -> Iterator[Measured]:
    """Basis 1 and weight τ(1 − τ), τ = t/2, at five times; the sparse minimum of a quadratic."""
    times, dt, ridge = np.linspace(0.0, 2.0, 5), np.array([0.25, 0.5, 0.5, 0.5, 0.25]), 0.125
    samples = np.stack([X[:, :1] + t * Y[0, :1] + t * t / 4 for t in times])
    found = ir.projection.window_projection(
        ir.features.Monomials(2),
        times,
        arrays(samples),
        basis=ir.projection.Polynomial(0),
        weights=arrays(np.broadcast_to(PI, (5, 5))),
        time_weights=dt,
        ridge=ridge,
    )

    def window(of: Convert) -> Any:
        t, one = of(times), np.eye(2, dtype=int)

        def f(x: Array) -> Any:
            return statistics.monomials(x, 2)

        means = np.array([statistics.mean(x, f, of(PI)) for x in of(samples)])
        g, g_dot = t * (2 - t) / 4, (1 - t) / 2
        # Constants in the moments must not count; the code takes their mean with weight g away.
        centre = sum(w * u * m for w, u, m in zip(of(dt), g, means, strict=True)) / (of(dt) @ g)
        return LABELS["P5"](
            g,
            g_dot,
            [one] * 5,
            [0 * one] * 5,
            means - centre,
            [statistics.covariance(x, f, of(PI)) for x in of(samples)],
            of(dt),
            of(ridge),
        )

    yield from judged("P5", np.ravel(arrays.host(found.coefficients)), window)
    C, c, kappa = np.array([[2.0, 0.5, 0.0], [0.5, 1.5, 0.25], [0.0, 0.25, 1.0]]), np.ones(3), 0.75
    sparse = ir.projection.sparse_minimum(arrays(C), arrays(c * [1.0, -2.0, 0.5]), kappa)
    yield from judged(
        "P6",
        arrays.host(sparse.coefficients),
        lambda of: LABELS["P6"](of(C), of(c * [1.0, -2.0, 0.5]), of(kappa)),
    )


@each("N1", "N2", "N3", "N3′")
def generator_velocities(arrays: Arrays) -> Iterator[Measured]:
    """An affine generator with Gaussian features, by BBᵀ + M and by the stacked system."""
    w = np.array([0.25, -0.5, 1.0, 0.25, -0.5, 1.5])

    def affine(z: Array, w: Array) -> Array:
        return w[:2] + w[2:].reshape(2, 2) @ z

    def parts(of: Convert) -> tuple[Any, Any, Any]:
        f, df = rbf(of)
        x = [affine(z, of(w)) for z in of(X)]
        B = LABELS["N1"](of(X), of(w), affine, df, of(PI))
        M = statistics.regulariser(statistics.covariance(x, f, of(PI)), of(RIDGE), of(JITTER))
        return B, statistics.mean(of(Y), f, of(RHO)) - statistics.mean(x, f, of(PI)), M

    def stacked(of: Convert) -> Any:
        B, Delta, M = parts(of)
        root = np.array(M)
        for j in range(len(M)):  # M = LLᵀ by Cholesky's method
            root[j, j:] = 0 * root[j, j:]
            root[j, j] = (M[j, j] - root[j, :j] @ root[j, :j]) ** 0.5
            for i in range(j + 1, len(M)):
                root[i, j] = (M[i, j] - root[i, :j] @ root[j, :j]) / root[j, j]
        return LABELS["N3′"](B, Delta, root)

    found = {
        solver: ir.flows.ingd_velocity(
            arrays(w),
            arrays(X),
            arrays(Y),
            generator=ir.generators.Affine(2),
            features=FEATURES["Gaussian"][0](arrays),
            ridge=RIDGE,
            jitter=JITTER,
            weights=arrays(PI),
            target_weights=arrays(RHO),
            solver=solver,
        )
        for solver in ("normal", "stacked")
    }
    # Floats leave 1e-12 of B, which the equation takes by differences.
    B, Delta, M = parts(precise)
    u = arrays.host(found["normal"].velocity)
    expected = LABELS["N3"](B, Delta, M)
    yield agreeing("N1: Bu", arrays.host(found["normal"].moment_rate), B @ expected)
    yield agreeing("N3: u", u, expected)
    yield agreeing("N3′: u", arrays.host(found["stacked"].velocity), stacked(precise))
    least = LABELS["N2"](expected, B, Delta, M)
    excess = LABELS["N2"](precise(u), B, Delta, M) - least
    yield Measured("N2: excess", abs(float(excess / least)), ACCURATE**2, "1e-13 of u, squared")


@each("F1")
def denoising_loss(arrays: Arrays) -> Iterator[Measured]:
    """Of a tanh network with one hidden layer."""
    (weight, bias), last, s = NETWORK[0], np.array([0.5, -1.0, 2.0]), 0.5
    noise = np.array([[0.25, -0.5], [0.5, 0.75], [-1.0, 0.0], [0.125, 0.25], [0.0, -0.25]])
    network = ir.features.EnergyNetwork(
        [(arrays(weight), arrays(bias))], arrays(last), activation="tanh"
    )
    found, _ = ir.features.denoising_loss(network, arrays(X), arrays(noise), s)

    def energy(x: Array) -> Any:
        hidden = precise(weight) @ x + precise(bias)
        return sum(w * MP.tanh(a) for w, a in zip(precise(last), hidden, strict=True))

    expected = LABELS["F1"](energy, precise(X), precise(noise), precise(s))
    yield agreeing("F1: loss", found, expected)


# --------------------------------------------------------------------------------------------------


@each("B1", "B2", "B3", "B4", "B5", "B6")
def finite_models(arrays: Arrays) -> Iterator[Measured]:
    """Every model whose states are pairs (h, v) in order."""
    simplex = ir.simplex
    for problem in problems():
        visible = problem.model.marginalisation.visible
        if list(problem.cells) != list(np.arange(len(problem.cells)) % visible):
            continue
        xi, target, recognition = (
            arrays(a) for a in (problem.xi, problem.target, problem.recognition)
        )
        flat, p_V = problem.joint(problem.exact), precise(problem.target)
        p, q = flat.reshape(-1, visible), precise(problem.recognition).reshape(-1, visible)
        J = differences(problem.joint, problem.exact).T
        J_V = J.reshape(*p.shape, -1).sum(axis=0)
        dL, dL_V = -(p_V * q / p).reshape(-1), -p_V / p.sum(axis=0)
        bound = simplex.elbo_gradient(problem.model, xi, target, recognition)
        evidence = simplex.evidence_gradient(problem.model, xi, target)
        losses = [
            simplex.evidence_loss(problem.model, xi, target),
            simplex.elbo_loss(problem.model, xi, target, recognition),
        ]
        # S − S² has the squares of cos·sin of the principal angles as eigenvalues.
        defect = np.sqrt(max(0.0, np.linalg.eigvalsh(LABELS["B5"](p, J).astype(float))[-1]))
        found = {
            "B1": (
                simplex.simplex_gradient(arrays(flat.astype(float)), arrays(dL.astype(float))),
                LABELS["B1"](flat, dL),
            ),
            "B2, bound": (bound.tangent, LABELS["B2"](flat, J, J.T @ dL)[1]),
            "B2, evidence": (
                evidence.visible,
                LABELS["B2"](p.sum(axis=0), J_V, J_V.T @ dL_V)[1],
            ),
            "B3": (np.array([arrays.number(loss) for loss in losses]), LABELS["B3"](p, p_V, q)[:2]),
            "B6": (
                simplex.direction_cosines(problem.model, xi, target, recognition).elbo,
                LABELS["B6"](p, J, J.T @ dL, J_V.T @ dL_V),
            ),
        }
        for label, (ours, expected) in found.items():
            ours = ours if isinstance(ours, np.ndarray) else arrays.host(ours)
            yield agreeing(f"{label}, {problem.name}", ours, np.array(expected))
        sine = arrays.host(simplex.cylindrical_defect(problem.model, xi))
        yield agreeing(f"B5, {problem.name}", sine, defect, scale=1.0)
        if problem.name == "full simplex":
            gap = simplex.gap_gradient(problem.model, xi, target, recognition).tangent
            expected = LABELS["B4"](p, p_V, q).reshape(-1)
            yield agreeing("B4, full simplex", arrays.host(gap), expected)
