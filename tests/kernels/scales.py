"""Exact values, and bounds of rounding errors, of functions of points at any scale.

Everything is computed by ``ingd_ref.equations`` from the floating-point arguments, at 60 digits.
The bounds count roundings: a sum of N terms with relative errors r has the error (N + r) eps times
the sum of magnitudes; k = exp(−q/2) with q = ‖x − y‖²/σ² has the relative error
(d + 4) q eps / 2 + 2 eps; and a kernel value below the smallest normal number may be lost.
"""

import mpmath
import numpy as np

from ingd_ref.equations import baselines, kernels, metrics, particles, statistics
from ingd_ref.equations._numbers import norm, solve

DIGITS = 60


def exact(x):
    """Return numbers or arrays as mpmath numbers."""
    if np.ndim(x) == 0:
        return mpmath.mpf(float(x))
    return np.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)(np.asarray(x))


class Problem:
    """Points with weights, a bandwidth and a type, and the exact numbers they hold."""

    def __init__(self, x, y, sigma, dtype):
        self.x, self.y = np.asarray(x, dtype), np.asarray(y, dtype)
        self.sigma, self.dtype = float(sigma), np.dtype(dtype)
        self.eps, self.tiny = (
            mpmath.mpf(float(value)) for value in (np.finfo(dtype).eps, np.finfo(dtype).tiny)
        )
        self.last = mpmath.mpf(float(np.finfo(dtype).smallest_subnormal))
        self.largest = mpmath.mpf(float(np.finfo(dtype).max))
        self.X, self.Y, self.S = exact(self.x), exact(self.y), exact(self.sigma)
        self.pi = exact(np.full(len(x), 1 / len(x), dtype))
        self.rho = exact(np.full(len(y), 1 / len(y), dtype))
        self.d = self.x.shape[1]

    def ratio(self, a, b):
        """‖a − b‖²/σ²."""
        return (a - b) @ (a - b) / self.S**2

    def kernel_error(self, a, b, terms):
        """Return a bound for k(a, b), in a sum of so many terms."""
        q = self.ratio(a, b)
        k = mpmath.exp(-q / 2)
        return self.eps * k * (terms + 12 + (self.d + 4) * q / 2) + self.tiny

    def gradient_error(self, points, sample, weights, factor=1):
        """Return a bound for Σ_i w_i k (p_j − x_i)/σ², coordinate by coordinate."""
        rows = []
        for p in points:
            total = 0
            for w, c in zip(weights, sample, strict=True):
                away = abs(p - c) / self.S**2
                far = min(max(away) * self.S, 10**6)  # in bandwidths; beyond, k is exactly zero
                lost = self.tiny * far / self.S
                q = self.ratio(p, c)
                k = mpmath.exp(-q / 2)
                total = total + w * (
                    away * k * self.eps * (len(sample) + 14 + (self.d + 4) * q / 2) + lost
                )
            rows.append(factor * total + 4 * self.last)
        return np.array(rows)

    def score_error(self, points, sample, weights):
        """Return a bound for the softmax mean of (y_j − p)/σ², coordinate by coordinate."""
        rows = []
        for p in points:
            squares = [(p - c) @ (p - c) for c in sample]
            least = min(squares)
            shares = [
                w * mpmath.exp(-(s - least) / (2 * self.S**2))
                for w, s in zip(weights, squares, strict=True)
            ]
            shares = [r / sum(shares) for r in shares]
            mean = sum(r * (c - p) for r, c in zip(shares, sample, strict=True))
            total = 0
            for r, c, s in zip(shares, sample, squares, strict=True):
                logit = (self.d + 6) * (s + least) / self.S**2
                # However wrong a share is, the mean moves by at most the spread of the sample.
                doubt = min(r * logit * self.eps, 1)
                total = total + (len(sample) + 16) * self.eps * r * abs(c - p)
                total = total + 2 * doubt * max(abs(c - p - mean)) + self.tiny * max(abs(c - p))
            rows.append(total / self.S**2 + 4 * self.last)
        return np.array(rows)


def compare(p, call, value, bound, refusable=()):
    """Return error / bound of a call, or 0 for a refusal of what no number can hold.

    ``value`` and ``bound`` are arrays of mpmath numbers; ``refusable`` are intermediate quantities
    that the result contains, and that may be beyond the largest number themselves.
    """
    from ingd_ref.errors import DomainError, NonFiniteError

    value, bound = np.atleast_1d(value), np.atleast_1d(bound)
    sizes = [abs(number) for array in (value, *refusable) for number in np.ravel(array)]
    try:
        found = np.atleast_1d(call())
    except (DomainError, NonFiniteError):
        if max(sizes) < p.largest * (1 - 64 * p.eps):
            raise
        return 0.0
    assert np.all(np.isfinite(found)), found
    assert found.size == value.size
    worst = 0
    for a, b, c in zip(exact(found).ravel(), value.ravel(), bound.ravel(), strict=True):
        if a != b:
            worst = max(worst, abs(a - b) / c)
    return float(worst)


def velocities(p):
    """Yield name, call, exact value and bound of the velocities and scores."""
    import ingd_ref as ir

    X, Y, S, pi, rho = p.X, p.Y, p.S, p.pi, p.rho
    own = np.array([baselines.kde_score(z, X, pi, S) for z in X])
    other = np.array([baselines.kde_score(z, Y, rho, S) for z in X])
    own_error, other_error = p.score_error(X, X, pi), p.score_error(X, Y, rho)
    yield (
        "gaussian_kde_score",
        lambda how: ir.flows.gaussian_kde_score(p.x, p.y, p.sigma, implementation=how),
        other, other_error, (),
    )  # fmt: skip
    yield (
        "wgf_velocity",
        lambda how: ir.flows.wgf_velocity(p.x, p.y, p.sigma, implementation=how),
        other - own, own_error + other_error + p.eps * abs(other - own), (own, other),
    )  # fmt: skip
    slope = np.array([baselines.mmd_velocity(z, X, Y, pi, rho, S) for z in X])
    error = p.gradient_error(X, Y, rho, 2) + p.gradient_error(X, X, pi, 2)
    yield (
        "mmd_velocity",
        lambda how: ir.flows.mmd_velocity(p.x, p.y, p.sigma, implementation=how),
        slope, error + p.eps * abs(slope), (),
    )  # fmt: skip
    pull = np.array([baselines.energy_velocity(z, X, Y, pi, rho) for z in X])
    yield (
        "energy_velocity",
        lambda how: ir.flows.energy_velocity(p.x, p.y, implementation=how),
        pull, 4 * p.eps * (len(X) + len(Y) + p.d + 12) + 0 * pull, (),
    )  # fmt: skip
    scores = np.asarray(-p.y[: len(p.x)] / 2, p.dtype)  # any field will do
    table = {tuple(z): s for z, s in zip(X, exact(scores), strict=True)}
    stein = np.array([baselines.stein_velocity(z, X, pi, lambda c: table[tuple(c)], S) for z in X])
    smooth = np.array(
        [
            sum(
                w * abs(s) * p.kernel_error(c, z, len(X))
                for w, c, s in zip(pi, X, exact(scores), strict=True)
            )
            for z in X
        ]
    )
    error = smooth + p.gradient_error(X, X, pi) + p.eps * abs(stein) + 4 * p.last
    gradient = -np.array([baselines.mmd_velocity(z, X, X[:1], pi, pi[:1] * 0, S) for z in X]) / 2
    yield (
        "svgd_velocity",
        lambda how: ir.flows.svgd_velocity(p.x, scores, p.sigma, implementation=how),
        stein, error, (gradient,),
    )  # fmt: skip


def distances(p):
    """Yield name, call, exact value and bound of the metrics."""
    import ingd_ref as ir

    X, Y, S, pi, rho = p.X, p.Y, p.S, p.pi, p.rho
    square = metrics.maximum_mean_discrepancy(X, Y, pi, rho, S) ** 2
    count = len(X) * len(Y)
    # All kernel values are at most one, and q e^{−q/2} is at most 0.74.
    error = 4 * p.eps * (count + 14 + (p.d + 4)) + 8 * p.tiny
    yield (
        "mmd",
        lambda how: ir.metrics.mmd(p.x, p.y, p.sigma, implementation=how) ** 2,
        square,
        error,
        (),
    )
    yield (
        "MMD",
        # The interpolant of the target's own term is worth 1e-16 at a σ that is known to an ulp.
        lambda how: ir.metrics.MMD(p.y, implementation=how)(p.x, p.sigma) ** 2,
        square, error + mpmath.mpf(1e-13), (),
    )  # fmt: skip
    means = [
        metrics.pair_mean(lambda a, b: norm(a - b), *pair)
        for pair in ((X, Y, pi, rho), (X, X, pi, pi), (Y, Y, rho, rho))
    ]
    yield (
        "energy_distance",
        lambda how: ir.metrics.energy_distance(p.x, p.y, implementation=how),
        metrics.energy_distance(X, Y, pi, rho),
        p.eps * (count + p.d + 14) * (2 * means[0] + means[1] + means[2]) + 4 * p.last, (),
    )  # fmt: skip
    median = kernels.median_bandwidth(Y)
    yield (
        "median_bandwidth",
        lambda how: ir.metrics.median_bandwidth(p.y, implementation=how),
        median, p.eps * (p.d + 8) * median + 2 * p.last, (),
    )  # fmt: skip
    directions = np.eye(p.d, dtype=p.dtype)
    span = max(abs((np.concatenate([X, Y]) - X[0]).ravel()))
    for order in (1.0, 2.0, 100.0):
        value = metrics.sliced_wasserstein(X, Y, pi, rho, exact(directions), order)
        yield (
            f"sliced_wasserstein of order {order:g}",
            lambda how, order=order: ir.metrics.sliced_wasserstein(p.x, p.y, directions, order),
            value, p.eps * ((p.d + 8) * span + (count + 12) * value) + 2 * p.last, (),
        )  # fmt: skip


def features(p):
    """Yield name, call, exact value and bound of Gaussian features and of the matrix kernels."""
    import ingd_ref as ir

    rbf = ir.features.GaussianRBF(p.y, p.sigma)
    values = np.array([statistics.gaussian_rbf(z, p.Y, p.S) for z in p.X])
    errors = np.array([[p.kernel_error(z, c, 0) for c in p.Y] for z in p.X])
    yield "GaussianRBF", lambda how: rbf(p.x, how), values, errors, ()
    jacobian = np.array([statistics.gaussian_rbf_jacobian(z, p.Y, p.S) for z in p.X])
    ones = exact(np.ones(1))
    slope = np.array(
        [
            np.array([p.gradient_error([z], [c], ones)[0] for c in p.Y]).T
            for z in p.X
        ]
    )  # fmt: skip
    yield "GaussianRBF.jacobian", lambda how: rbf.jacobian(p.x, how), jacobian, slope, ()
    for kernel in matrix_kernels(p):
        value = np.array([[kernel.definition(a, b) for b in exact(p.y)] for a in exact(p.x)])
        scale = 1 if isinstance(kernel, ir.rkhs.ScalarGaussian) else 1 / p.S**2
        error = np.array(
            [
                [matrix_error(p, a, b, scale, lost(kernel)) + 0 * value[0, 0] for b in p.Y]
                for a in p.X
            ]
        )
        yield type(kernel).__name__, lambda how, k=kernel: k(p.x, p.y), value, error, ()


def matrix_kernels(p):
    """Return the kernels with a bandwidth."""
    from ingd_ref import rkhs

    return [
        kind(p.sigma)
        for kind in (
            rkhs.GradientGaussian, rkhs.ScalarGaussian, rkhs.GradientInverseMultiquadric,
            rkhs.GradientMatern52, rkhs.DivergenceFreeGaussian,
        )
    ]  # fmt: skip


def lost(kernel):
    """Return what may be lost of σ²K: the multiquadric contains ‖ρ‖⁻⁵, zero from 1e61 on."""
    multiquadric = type(kernel).__name__ == "GradientInverseMultiquadric"
    return mpmath.mpf(4e-184) if multiquadric else mpmath.mpf(0)


def matrix_error(p, a, b, scale, lost):
    """Return a bound for the entries of a matrix kernel: profiles of size (1 + q) k in 1/σ²."""
    q = p.ratio(a, b)
    # Of the profiles that of the inverse multiquadric decays least, as q^{−3/2}.
    profile = 1 / (1 + q) ** mpmath.mpf(1.5)
    matern = (1 + q) * mpmath.exp(-mpmath.sqrt(q)) * (1 + mpmath.sqrt(5 * q))
    return (
        scale * (p.eps * (8 * p.d + 40) * (profile + 5 * matern) + 8 * p.tiny + lost) + 4 * p.last
    )


def king(p, kernel, ridge, jitter, length):
    """Return call, exact velocity, bound and slopes of KiNG with two Gaussian features."""
    import ingd_ref as ir

    rbf = ir.features.GaussianRBF(p.y[:2], length)
    S, centers = exact(length), exact(p.y[:2])

    def f(z):
        return statistics.gaussian_rbf(z, centers, S)

    def df(z):
        return statistics.gaussian_rbf_jacobian(z, centers, S)

    slopes = np.array([df(z) for z in p.X])
    delta = statistics.mean(p.Y, f, p.rho) - statistics.mean(p.X, f, p.pi)
    fisher = statistics.covariance(p.X, f, p.pi)
    gram = particles.gram(p.X, df, kernel.definition, p.pi)
    matrix = gram + statistics.regulariser(fisher, exact(ridge), exact(jitter))
    largest = max(abs(matrix).ravel())
    condition = np.inf
    if largest > 0:
        condition = np.linalg.cond(np.asarray(matrix / largest, float))
    if not condition < 1e12:
        return None
    c = solve(matrix, delta)
    value, error = [], []
    root = max(mpmath.sqrt(abs(max(np.diag(kernel.definition(z, z))))) for z in p.X)
    for z in p.X:
        terms = [
            w * kernel.definition(z, x_i) @ (j @ c)
            for w, x_i, j in zip(p.pi, p.X, slopes, strict=True)
        ]
        value.append(sum(terms))
        size = root**2 * max(abs(slopes).ravel()) * max(abs(c))
        lost = root**2 * p.tiny / S * max(abs(c))
        error.append(condition * 400 * p.d * (p.eps * size + lost) + 4 * p.last + 0 * terms[0])

    def call(how):
        options = {"features": rbf, "kernel": kernel, "ridge": ridge, "jitter": jitter}
        return ir.flows.king_velocity(p.x, p.y, implementation=how, **options).velocity

    return call, np.array(value), np.array(error), (slopes,)
