r"""Quadrature nodes as particles.

A weighted sum over particles is a quadrature rule. With Gauss-Hermite nodes and weights as
particles there is no Monte-Carlo noise: means and covariances of the statistics are the exact mean
parameters {eq}`eq-E2` and the exact Fisher information {eq}`eq-E3` of a Gaussian. The same works
for a Gamma distribution with Gauss-Laguerre nodes; its $\log x$ is not a polynomial, so the rule
converges instead of being exact.

The validation suite uses such particles to compare flows with closed forms to many digits.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.special import roots_genlaguerre

import ingd_ref as ir


def fisher_of(family, nodes, weights):
    """Fisher information that the flow computes from these particles."""
    solution = ir.flows.king_velocity(
        nodes[:, None],
        nodes[:1, None],
        features=ir.features.FamilyStatistics(family),
        kernel=ir.rkhs.ScalarGaussian(bandwidth=1.0),
        weights=weights / weights.sum(),
    )
    return solution.fisher


def relative_error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


gaussian, mean, variance = ir.families.Gaussian(), 1.5, 0.49
exact_gaussian = np.array(
    [
        [variance, 2 * mean * variance],
        [2 * mean * variance, 4 * mean**2 * variance + 2 * variance**2],
    ]
)
gamma, shape, rate = ir.families.Gamma(), 6.0, 2.0
exact_gamma = gamma.fisher(gamma.natural(shape=shape, rate=rate))
rng = np.random.default_rng(0)

numbers = np.array([2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
curves = {"Gauss-Hermite, Gaussian": [], "Gauss-Laguerre, Gamma": [], "random sample, Gaussian": []}
for number in numbers:
    nodes, weights = np.polynomial.hermite_e.hermegauss(number)
    curves["Gauss-Hermite, Gaussian"].append(
        relative_error(
            fisher_of(gaussian, mean + np.sqrt(variance) * nodes, weights), exact_gaussian
        )
    )
    nodes, weights = roots_genlaguerre(number, shape - 1.0)
    curves["Gauss-Laguerre, Gamma"].append(
        relative_error(fisher_of(gamma, nodes / rate, weights), exact_gamma)
    )
    sample = rng.normal(mean, np.sqrt(variance), size=number)
    curves["random sample, Gaussian"].append(
        relative_error(fisher_of(gaussian, sample, np.ones(number)), exact_gaussian)
    )

for name, errors in curves.items():
    print(
        f"{name:24s} "
        + "  ".join(
            f"n={number}: {error:.0e}"
            for number, error in zip(numbers[::3], errors[::3], strict=True)
        )
    )

figure = Figure(figsize=(6.4, 3.8), layout="constrained")
axes = figure.subplots()
styles = (("o", "#0072B2"), ("s", "#009E73"), ("^", "#D55E00"))
for (name, errors), (marker, colour) in zip(curves.items(), styles, strict=True):
    axes.loglog(numbers, np.maximum(errors, 1e-17), marker=marker, color=colour, label=name)
axes.axhline(np.finfo(float).eps, color="0.5", linewidth=1, linestyle=":")
axes.set(
    xlabel="number of particles",
    ylabel="relative error of the Fisher information",
    title="Particles as a quadrature rule",
)
axes.set_xticks(numbers, numbers)
axes.minorticks_off()
axes.legend()
figure.savefig("quadrature.png", dpi=150)
