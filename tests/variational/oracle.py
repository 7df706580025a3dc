"""Independent solutions: reparametrised ELBOs for a general optimiser, and plain loops."""

import numpy as np
from scipy import optimize

HERMITE = np.polynomial.hermite_e.hermegauss(80)
EQUAL = (np.linspace(-9.0, 9.0, 301), np.exp(-0.5 * np.linspace(-9.0, 9.0, 301) ** 2))


def logistic(response):
    """Log likelihood of y in {0, 1} as a function of the predictor, and its slope."""
    return (
        lambda t: -np.logaddexp(0.0, (1 - 2 * response[:, None]) * t),
        lambda t: response[:, None] - 0.5 * (1 + np.tanh(t / 2)),
    )


def poisson(response):
    """Log likelihood of counts up to log y!, and its slope."""
    return lambda t: response[:, None] * t - np.exp(t), lambda t: response[:, None] - np.exp(t)


class Reparametrised:
    """−ELBO of a Gaussian m + Cz for linear predictors and a prior N(0, I/λ), by nodes per datum.

    The gradient comes from the reparametrisation, E[φ′(a·m + |Cᵀa| z) z], so no second derivative
    of φ occurs.
    """

    def __init__(self, design, likelihood, prior, diagonal=False, rule=HERMITE):
        self.design, (self.value, self.slope), self.prior = design, likelihood, prior
        self.nodes, self.weights = rule[0], rule[1] / rule[1].sum()
        self.dim = design.shape[1]
        self.places = np.diag_indices(self.dim) if diagonal else np.tril_indices(self.dim)

    def unpack(self, vector):
        lower = np.zeros((self.dim, self.dim))
        lower[self.places] = vector[self.dim :]
        return vector[: self.dim], lower

    def __call__(self, vector):
        mean, lower = self.unpack(vector)
        projected = self.design @ lower
        spread = np.linalg.norm(projected, axis=1)
        t = (self.design @ mean)[:, None] + spread[:, None] * self.nodes
        value = (
            (self.value(t) @ self.weights).sum()
            + np.log(np.abs(np.diag(lower))).sum()
            + 0.5 * self.dim * (1 + np.log(self.prior))
        )
        value -= 0.5 * self.prior * (mean @ mean + (lower**2).sum())
        slopes = self.slope(t)
        by_mean = self.design.T @ (slopes @ self.weights) - self.prior * mean
        by_spread = (slopes * self.nodes) @ self.weights / spread
        by_lower = self.design.T @ (by_spread[:, None] * projected) - self.prior * lower
        by_lower += np.diag(1 / np.diag(lower))
        return -value, -np.concatenate([by_mean, by_lower[self.places]])

    def optimum(self):
        """Mean, covariance and ELBO at the optimum, by L-BFGS from the prior."""
        lower = np.eye(self.dim) / np.sqrt(self.prior)
        start = np.concatenate([np.zeros(self.dim), lower[self.places]])
        options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 50}
        found = optimize.minimize(self, start, jac=True, method="L-BFGS-B", options=options)
        mean, lower = self.unpack(found.x)
        return mean, lower @ lower.T, -found.fun, np.linalg.norm(found.jac)


def vadam_loop(gradient, mean, noises, *, size, prior, first_scale, rate, first, second):
    """Vadam, coordinate by coordinate, as the published update equations list it."""
    mean, momentum, scale = [float(m) for m in mean], [0.0] * len(mean), [first_scale] * len(mean)
    path = []
    for t, noise in enumerate(noises, start=1):
        point = [
            m + z / (size * s + prior) ** 0.5 for m, z, s in zip(mean, noise, scale, strict=True)
        ]
        for a, g in enumerate(gradient(np.array(point))):
            momentum[a] = first * momentum[a] + (1 - first) * (g + prior * mean[a] / size)
            scale[a] = second * scale[a] + (1 - second) * g * g
            mean[a] -= (
                rate
                * (momentum[a] / (1 - first**t))
                / ((scale[a] / (1 - second**t)) ** 0.5 + prior / size)
            )
        path.append(list(mean))
    return np.array(path)
