r"""Estimate how fast couplings of spins change.

Four spins form a ring. At each of 81 times only a few hundred independent states are known. One
coupling grows, another oscillates, the others are constant. Spins have no velocities, and no state
is observed twice, but the window projection {eq}`eq-P5` needs neither: it integrates the means of
$x_i$ and $x_i x_j$ against $(g\Phi)'$ and solves one linear system. It needs no partition function
either, although for four spins it can be computed, and is used here to draw the samples.

The bands are 95 % confidence intervals at each time. They widen at both ends, where the weight $g$
of the window vanishes.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

rng = np.random.default_rng(0)
family = ir.families.Ising(spins=4)
times = np.linspace(0.0, 1.0, 81)
pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
theta = np.zeros((81, family.number))
theta[:, 4] = -0.5 + 1.2 * times**2  # coupling of spins 1 and 2 grows
theta[:, 9] = 0.4 * np.sin(2 * np.pi * times)  # that of 3 and 4 oscillates
samples = family.sample(theta, 400, rng)

found = ir.projection.window_projection(
    ir.features.PairwiseProducts(linear=True),
    times,
    samples,
    basis=ir.projection.Polynomial(4),
    weight=ir.projection.Power(),
    time_weights="simpson",
)
rate, error = found.rate(times), found.standard_error(times)
truth = np.zeros_like(rate)
truth[:, 4], truth[:, 9] = 2.4 * times, 0.8 * np.pi * np.cos(2 * np.pi * times)
inside = np.abs(rate - truth) <= 1.96 * error
print(f"condition of the system: {found.condition:.0f}")
print(f"share of (time, parameter) within the 95 % band: {inside.mean():.2f}")

figure = Figure(figsize=(9.6, 3.6), layout="constrained")
panels = figure.subplots(1, 3, sharey=True)
for axes, index, title in zip(
    panels,
    (4, 9, 5),
    ("coupling 1–2 grows", "coupling 3–4 oscillates", "coupling 1–3 is zero"),
    strict=True,
):
    low, high = rate[:, index] - 1.96 * error[:, index], rate[:, index] + 1.96 * error[:, index]
    axes.fill_between(times, low, high, color="#56B4E9", alpha=0.35, linewidth=0, label="95 % band")
    axes.plot(times, rate[:, index], color="#0072B2", label="window projection")
    axes.plot(times, truth[:, index], "--", color="0.15", linewidth=1.2, label="truth")
    axes.set(title=title, xlabel="time", ylim=(-4, 5))
panels[0].set_ylabel("velocity of the natural parameter")
panels[0].legend(loc="upper center", frameon=False)
figure.savefig("spins.png", dpi=150)
