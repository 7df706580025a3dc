r"""Exact paths of generators.

The samples of two generators stay in a family: $x = m + sz$ is Gaussian, and the quantile $x =
F^{-1}(z; \alpha, \beta)$ of a uniform $z$ has a Gamma distribution. With the sufficient statistics
of the family and without regularisation, the velocity {eq}`eq-N3` moves the mean parameters
straight to the target, {eq}`eq-E10`, so the path of the parameters has a closed form. The latent
points are the nodes of a quadrature rule, and the dots are Runge-Kutta steps; their distance from
the lines is the error of the integrator.

`ingd-ref run ingd --out results/ingd` measures how this error decreases with the step size.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir


def run(generator, family, start, goal, latents, weights):
    """Return the parameters along the flow up to time four, and those of the exact path."""
    start, goal = generator.pack(**start), generator.pack(**goal)
    result = ir.run_ingd(
        generator,
        start,
        generator(goal, latents),
        features=ir.features.FamilyStatistics(family),
        latents=latents,
        weights=weights,
        target_weights=weights,
        ridge=0.0,
        jitter=0.0,
        steps=40,
        step_size=0.1,
        integrator="rk4",
        keep_every=2,
        progress=False,
    )
    first, last = (weights @ family.statistics(generator(w, latents)) for w in (start, goal))
    means = last + np.exp(-np.linspace(0.0, 4.0, 201))[:, None] * (first - last)
    theta = family.natural_from_mean(means)
    return result, family.classical(theta)


nodes, gauss = np.polynomial.hermite_e.hermegauss(12)
gaussian, exact_gaussian = run(
    ir.generators.LocationScale(1),
    ir.families.Gaussian(),
    {"location": 0.0, "scale": 1.0},
    {"location": 2.0, "scale": 0.5},
    nodes[:, None],
    gauss / gauss.sum(),
)
uniform = 1.0 / (1.0 + np.exp(-np.arange(-54, 55) / 2.0))  # trapezoidal rule in log(u / (1 − u))
gamma, exact_gamma = run(
    ir.generators.QuantileGenerator(ir.families.Gamma()),
    ir.families.Gamma(),
    {"shape": 4.0, "rate": 2.0},
    {"shape": 12.0, "rate": 5.0},
    uniform[:, None],
    uniform * (1.0 - uniform) / np.sum(uniform * (1.0 - uniform)),
)

figure = Figure(figsize=(9.6, 3.6), layout="constrained")
left, right = figure.subplots(1, 2)
exact = np.stack([exact_gaussian["mean"], np.sqrt(exact_gaussian["variance"])], axis=1)
for axes, curve, result, names in (
    (left, exact, gaussian, ("location $m$", "scale $s$")),
    (
        right,
        np.stack([exact_gamma["shape"], exact_gamma["rate"]], axis=1),
        gamma,
        (r"shape $\alpha$", r"rate $\beta$"),
    ),
):
    path = result.parameter_trajectory
    error = np.abs(path - curve[::10]).max()
    print(
        f"{names[0].split()[0]} and {names[1].split()[0]}: largest error at 21 frames {error:.1e}"
    )
    axes.plot(*curve.T, color="0.55", linewidth=1.5, label="closed form")
    axes.plot(*path.T, "o", color="#0072B2", markersize=4, label="every second RK4 step of 0.1")
    axes.plot(*path[0], "s", color="#D55E00", markersize=7, label="start")
    axes.plot(*curve[-1], "*", color="#009E73", markersize=11, label="after four units of time")
    axes.set(xlabel=names[0], ylabel=names[1])
left.set_title("Gaussian: $x = m + s z$")
right.set_title(r"Gamma: $x = F^{-1}(z; \alpha, \beta)$")
left.legend(fontsize=8)
figure.savefig("paths.png", dpi=150)
