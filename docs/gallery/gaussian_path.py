r"""The exact path of a Gaussian flow.

Particles start as a sample of one Gaussian and flow to a sample of another. With the sufficient
statistics of the family, $(x, x^2)$, and with zero ridge and jitter, their first two moments must
follow the straight line {eq}`eq-E10` to the target: $\mu(t) = \mathbb E_p f + e^{-t}(\mu(0) -
\mathbb E_p f)$. The remaining error is that of the integrator. Halving the step size halves it for
Euler's method, and divides it by 16 for the classical Runge-Kutta method.

On the command line: `ingd-ref run gaussian --out results/gaussian`.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

rng = np.random.default_rng(0)
particles = rng.normal(-1.0, 0.8, size=(50, 1))
target = rng.normal(1.0, 1.0, size=(60, 1))

family = ir.families.Gaussian()
flow = ir.flows.KiNG(
    features=ir.features.FamilyStatistics(family),
    kernel=ir.rkhs.GradientGaussian(bandwidth=4.0),
    ridge=0.0,
    jitter=0.0,
)
start = family.statistics(particles).mean(axis=0)
goal = family.statistics(target).mean(axis=0)


def worst_error(integrator, steps):
    """Return the largest distance from the exact path, relative to its length, up to time one."""
    result = ir.run_flow(
        flow,
        particles,
        target,
        steps=steps,
        step_size=1.0 / steps,
        integrator=integrator,
        rng=rng,
        progress=False,
    )
    moments = np.array([family.statistics(frame).mean(axis=0) for frame in result.trajectory])
    exact = goal + np.exp(-result.times)[:, None] * (start - goal)
    return np.abs(moments - exact).max() / np.abs(start - goal).max()


steps = np.array([8, 16, 32, 64, 128])
figure = Figure(figsize=(6.4, 3.8), layout="constrained")
axes = figure.subplots()
for integrator, colour in (("euler", "#0072B2"), ("heun", "#009E73"), ("rk4", "#D55E00")):
    errors = np.array([worst_error(integrator, number) for number in steps])
    order = -np.polyfit(np.log(steps[-3:]), np.log(errors[-3:]), 1)[0]
    print(f"{integrator:6s} error {errors[0]:.1e} at 8 steps, {errors[-1]:.1e} at 128 steps")
    axes.loglog(1.0 / steps, errors, "o-", color=colour, label=f"{integrator}, order {order:.2f}")
axes.set(
    xlabel="step size (flow time)",
    ylabel="largest distance from the exact path",
    title="Moments of the flow against (E10)",
)
axes.set_xticks(1.0 / steps, [f"1/{number}" for number in steps])
axes.minorticks_off()
axes.legend()
figure.savefig("path.png", dpi=150)
