"""A problem for every kernel, a loop over pairs as oracle, and the size of the terms."""

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Problem:
    """Arguments of kernels: weighted samples, centres, a Jacobian at the first, a bandwidth."""

    x: np.ndarray
    y: np.ndarray
    centers: np.ndarray
    jacobian: np.ndarray
    x_weights: np.ndarray
    y_weights: np.ndarray
    bandwidth: float

    def each(self, change):
        """The same problem with every array changed."""
        arrays = {name: change(value) for name, value in vars(self).items() if name != "bandwidth"}
        return Problem(**arrays, bandwidth=self.bandwidth)

    @property
    def spread(self):
        """Largest ‖x − y‖²/σ², by which a relative error of an exponent is multiplied."""
        everything = np.concatenate([self.x, self.y, self.centers]).astype(float)
        return (
            max(float(((p - everything) ** 2).sum(axis=1).max()) for p in everything)
            / self.bandwidth**2
        )


def random_problem(seed, n, m, d, b, bandwidth):
    rng = np.random.default_rng(seed)
    weights = [rng.dirichlet(np.ones(size)) for size in (n, m)]
    return Problem(
        rng.normal(size=(n, d)),
        rng.normal(size=(m, d)),
        rng.normal(size=(b, d)),
        rng.normal(size=(n, d, b)),
        *weights,
        bandwidth,
    )


@st.composite
def problems(draw):
    """Draw small problems, some with duplicates or points of weight zero."""
    n, m, d, b = (
        draw(st.integers(1, largest), label=name)
        for name, largest in (("n", 7), ("m", 6), ("d", 6), ("b", 4))
    )
    problem = random_problem(
        draw(st.integers(0, 2**32 - 1), label="seed"),
        n,
        m,
        d,
        b,
        draw(st.floats(0.3, 3.0), label="bandwidth"),
    )
    if draw(st.booleans(), label="duplicates"):
        problem.x[n // 2 :] = problem.x[0]
        problem.y[: m // 2 + 1] = problem.x[0]
        problem.centers[-1] = problem.x[0]
    if draw(st.booleans(), label="zero weights") and m > 1:
        problem.y_weights[0] = 0.0
    return problem


def strided(a):
    """The same numbers, every second one of a larger array along each axis."""
    wide = np.full([2 * length for length in a.shape], np.nan, dtype=a.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "read-only": read_only,
}

ARGUMENTS = {
    "squared_distances": lambda p: (p.x, p.y),
    "median_squared_distance": lambda p: (p.x, "midpoint"),
    "mean_distance": lambda p: (p.x, p.y, p.x_weights, p.y_weights),
    "distance_gradient": lambda p: (p.x, p.y, p.y_weights),
    "mean_gaussian": lambda p: (p.x, p.y, p.x_weights, p.y_weights, p.bandwidth),
    "gaussian_gradient": lambda p: (p.x, p.y, p.y_weights, p.bandwidth),
    "gaussian_kde_score": lambda p: (p.x, p.y, p.y_weights, p.bandwidth),
    "gaussian_rbf": lambda p: (p.x, p.centers, p.bandwidth),
    "gaussian_rbf_with_jacobian": lambda p: (p.x, p.centers, p.bandwidth),
    "gradient_gaussian_contraction": lambda p: (p.y, p.x, p.jacobian, p.x_weights, p.bandwidth),
    "gradient_gaussian_gram": lambda p: (p.x, p.jacobian, p.x_weights, p.bandwidth),
    "scalar_gaussian_contraction": lambda p: (p.y, p.x, p.jacobian, p.x_weights, p.bandwidth),
}


#: A point so far from the sample that every kernel value underflows; the nearest sample point comes
#: first, the farther one decides nothing.
FAR = (np.array([[1000.0]]), np.array([[1.0], [0.0]]), np.array([0.5, 0.5]), 1.0)
FAR_SCORE = np.array(
    [[-999.0]]
)  # the second responsibility is e^{−999.5}, below the smallest number


def term_size(operation, p):
    """Return the size of the largest term in a sum: its rounding survives cancellation."""
    exponent_error = (
        (1.0 + p.x.shape[1]) if "gauss" in operation else 1.0
    )  # q/2 e^{−q/2} ≤ 1/e times a relative error (d + 3) eps of q
    sizes = {
        "squared_distances": p.spread * p.bandwidth**2,
        "median_squared_distance": p.spread * p.bandwidth**2,
        "mean_distance": math.sqrt(p.spread) * p.bandwidth,
        "gaussian_gradient": 1.0 / p.bandwidth,
        "gaussian_kde_score": (1.0 + p.spread)
        * math.sqrt(p.spread)
        / p.bandwidth,  # the exponents reach the responsibilities undamped
        "gaussian_rbf_with_jacobian": max(1.0, 1.0 / p.bandwidth),
        "gradient_gaussian_contraction": np.abs(p.jacobian).max() * p.x.shape[1] / p.bandwidth**2,
        "gradient_gaussian_gram": np.abs(p.jacobian).max() ** 2
        * p.x.shape[1] ** 2
        / p.bandwidth**2,
        "scalar_gaussian_contraction": np.abs(p.jacobian).max(),
    }
    return exponent_error * float(sizes.get(operation, 1.0))


def tolerance(operation, p, eps):
    """Allow four roundings for each of the n + m + d terms of a sum, times their size."""
    return 4.0 * (p.x.shape[0] + p.y.shape[0] + p.x.shape[1] + 4) * eps * term_size(operation, p)


# --- oracles: the equations as loops over pairs ---------------------------------------------------


def k(x, y, sigma):
    return math.exp(
        -sum((float(s) - float(t)) ** 2 for s, t in zip(x, y, strict=True)) / (2.0 * sigma**2)
    )


def matrix(x, y, sigma):
    r = (x - y) / sigma
    return k(x, y, sigma) / sigma**2 * (np.eye(len(x)) - np.outer(r, r))


def median(p):
    positive = sorted(
        math.fsum((s - t) ** 2) for i, s in enumerate(p.x) for t in p.x[:i] if (s != t).any()
    )
    return (
        0.5 * (positive[(len(positive) - 1) // 2] + positive[len(positive) // 2])
        if positive
        else 2.0
    )


def unit(v):
    return v / np.linalg.norm(v) if v.any() else v


def kde_score(point, p):
    logits = [
        math.log(w) - ((point - y) ** 2).sum() / (2.0 * p.bandwidth**2) if w > 0 else -math.inf
        for y, w in zip(p.y, p.y_weights, strict=True)
    ]
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return (
        sum(r / sum(powers) * (y - point) for r, y in zip(powers, p.y, strict=True))
        / p.bandwidth**2
    )


def pairs(p):
    return [
        (p.x_weights[i] * p.y_weights[j], p.x[i], p.y[j])
        for i in range(len(p.x))
        for j in range(len(p.y))
    ]


def contraction(p, kernel):
    return np.array(
        [
            sum(w * kernel(y, x) @ j for w, x, j in zip(p.x_weights, p.x, p.jacobian, strict=True))
            for y in p.y
        ]
    )


ORACLES = {
    "squared_distances": lambda p: np.array([[sum((s - t) ** 2) for t in p.y] for s in p.x]),
    "median_squared_distance": median,
    "mean_distance": lambda p: sum(w * math.dist(s, t) for w, s, t in pairs(p)),
    "distance_gradient": lambda p: np.array(
        [sum(w * unit(s - t) for w, t in zip(p.y_weights, p.y, strict=True)) for s in p.x]
    ),
    "mean_gaussian": lambda p: sum(w * k(s, t, p.bandwidth) for w, s, t in pairs(p)),
    "gaussian_gradient": lambda p: np.array(
        [
            sum(
                -w * k(s, t, p.bandwidth) * (s - t) / p.bandwidth**2
                for w, t in zip(p.y_weights, p.y, strict=True)
            )
            for s in p.x
        ]
    ),
    "gaussian_kde_score": lambda p: np.array([kde_score(s, p) for s in p.x]),
    "gaussian_rbf": lambda p: np.array([[k(s, c, p.bandwidth) for c in p.centers] for s in p.x]),
    "gaussian_rbf_with_jacobian": lambda p: (
        np.array([[k(s, c, p.bandwidth) for c in p.centers] for s in p.x]),
        np.array(
            [[k(s, c, p.bandwidth) * (c - s) / p.bandwidth**2 for c in p.centers] for s in p.x]
        ).transpose(0, 2, 1),
    ),
    "gradient_gaussian_contraction": lambda p: contraction(
        p, lambda s, t: matrix(s, t, p.bandwidth)
    ),
    "gradient_gaussian_gram": lambda p: sum(
        p.x_weights[i]
        * p.x_weights[j]
        * p.jacobian[i].T
        @ matrix(p.x[i], p.x[j], p.bandwidth)
        @ p.jacobian[j]
        for i in range(len(p.x))
        for j in range(len(p.x))
    ),
    "scalar_gaussian_contraction": lambda p: contraction(
        p, lambda s, t: k(s, t, p.bandwidth) * np.eye(len(s))
    ),
}
