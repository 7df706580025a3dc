r"""The exact path of a Gamma flow.

Initial and target distributions are Gamma distributions, represented by Gauss-Laguerre quadrature
particles instead of samples. With the sufficient statistics of the family, $(\log x, x)$, the mean
parameters must follow {eq}`eq-E10`. `natural_from_mean` converts each point of this path to shape
and rate.

Particles must stay positive, because the statistics contain $\log x$, but a velocity field on the
line does not prevent a step across zero: the step size must be small enough. The first attempt
below uses a step that is too large, and the features raise an error that names the point instead of
returning NaN.

On the command line: `ingd-ref run gamma --out results/gamma`.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.special import roots_genlaguerre

import ingd_ref as ir


def quadrature(shape, rate, number):
    """Nodes (number, 1) and weights of a Gamma distribution."""
    nodes, weights = roots_genlaguerre(number, shape - 1.0)
    return nodes[:, None] / rate, weights / weights.sum()


family = ir.families.Gamma()
particles, weights = quadrature(shape=8.0, rate=4.0, number=12)
target, target_weights = quadrature(shape=5.0, rate=1.8, number=12)
flow = ir.flows.KiNG(
    features=ir.features.FamilyStatistics(family),
    kernel=ir.rkhs.GradientGaussian(bandwidth=4.0),
    ridge=0.0,
    jitter=0.0,
)
start, goal = weights @ family.statistics(particles), target_weights @ family.statistics(target)

try:
    ir.run_flow(
        flow,
        particles,
        target,
        steps=2,
        step_size=3.0,
        weights=weights,
        target_weights=target_weights,
        progress=False,
    )
except ir.errors.DomainError as error:
    print(f"error: {error}")

figure = Figure(figsize=(9.6, 3.8), layout="constrained")
left, right = figure.subplots(1, 2)
for integrator, colour in (("euler", "#0072B2"), ("rk4", "#D55E00")):
    result = ir.run_flow(
        flow,
        particles,
        target,
        steps=40,
        step_size=0.1,
        integrator=integrator,
        rng=np.random.default_rng(0),
        weights=weights,
        target_weights=target_weights,
        progress=False,
    )
    moments = np.array([weights @ family.statistics(frame) for frame in result.trajectory])
    exact = goal + np.exp(-result.times)[:, None] * (start - goal)
    error = np.abs(moments - exact).max(axis=1)
    print(f"{integrator:5s} largest distance from the exact path {error.max():.1e}")
    left.semilogy(result.times[1:], error[1:], color=colour, label=integrator)
    classical = family.classical(family.natural_from_mean(moments))
    right.plot(
        classical["rate"], classical["shape"], "o", color=colour, markersize=3, label=integrator
    )

path = family.classical(family.natural_from_mean(exact))
right.plot(path["rate"], path["shape"], color="0.3", linewidth=1, label="exact path")
left.set(
    xlabel="flow time", ylabel="distance from the exact path", title="Mean parameters against (E10)"
)
right.set(xlabel="rate β", ylabel="shape α", title="The same path in classical parameters")
left.legend()
right.legend()
figure.savefig("gamma.png", dpi=150)
