"""Add your own family.

The power-function law q(x) = α x^{α−1} on (0, 1) is an exponential family with the statistic log x.
One class of forty lines defines it, and {class}`~ingd_ref.families.ExponentialFamily` provides all
operations and their checks. Within the package such a file is found automatically.
"""

import numpy as np
from matplotlib.figure import Figure

from ingd_ref.families import POSITIVE, ExponentialFamily, Parameter


class PowerFunction(ExponentialFamily):
    name, dim, number = "power function", 1, 1
    parameters = (Parameter("exponent", POSITIVE),)
    bounds = (0.0, 1.0)

    def _natural(self, xp, exponent):
        return exponent[..., None]

    def _classical(self, xp, theta):
        return {"exponent": theta[..., 0]}

    def _domain(self, xp, theta):
        return {"exponent = theta[0] > 0": theta[..., 0] > 0}

    def _mean_domain(self, xp, mu):
        return {"mu[0] < 0": mu[..., 0] < 0}

    def _statistics(self, xp, x):
        return xp.log(x)

    def _statistics_jacobian(self, xp, x):
        return (1.0 / x)[..., None]

    def _log_base_measure(self, xp, x):
        return -xp.log(x[..., 0])

    def _log_partition(self, xp, theta):
        return -xp.log(theta[..., 0])

    def _mean(self, xp, theta):
        return -1.0 / theta

    def _natural_from_mean(self, xp, mu):
        return -1.0 / mu

    def _fisher(self, xp, theta):
        return (1.0 / theta**2)[..., None]

    def _kl(self, xp, theta1, theta2):  # t − log(1 + t) with t = α₂/α₁ − 1
        excess = (theta2 - theta1) / theta1
        return (excess - xp.log1p(excess))[..., 0]

    def _entropy(self, xp, theta):
        return 1.0 - 1.0 / theta[..., 0] - xp.log(theta[..., 0])

    def _draw(self, rng, size, exponent):
        return (rng.random(size) ** (1.0 / exponent))[..., None]


family = PowerFunction()
theta = family.natural(exponent=3.0)
x = family.sample(theta, 10_000, np.random.default_rng(0))
print(
    "fitted exponent of 10,000 draws:       ", family.classical(family.fit(x))["exponent"].round(3)
)
print("natural gradient of (E7), F⁻¹ · 1 = α²: ", family.natural_gradient(theta, np.ones(1)))
print(
    "KL to a neighbour, ½ (10⁻⁸)²:           ",
    family.kl(theta, family.natural(exponent=3.0 * (1 + 1e-8))),
)

step = 1e-5
forward, backward = family.log_partition(theta + step), family.log_partition(theta - step)
print(
    "mean minus a central difference of A:  ",
    f"{abs(family.mean(theta)[0] - (forward - backward) / (2 * step)):.0e}",
)

figure = Figure(figsize=(5.0, 3.2), layout="constrained")
axes = figure.subplots()
axes.hist(x[:, 0], bins=40, density=True, color="0.85", label="draws")
grid = np.linspace(0.01, 0.99, 200)[:, None]
axes.plot(grid, np.exp(family.log_prob(theta, grid)), label="exp(log_prob)")
axes.set(xlabel="x", ylabel="density")
axes.legend(frameon=False)
figure.savefig("own_family.png", dpi=150)
