r"""Four flows to a mixture of two Gaussians.

100 particles from a standard normal distribution in five dimensions flow to $\tfrac12 \mathcal
N(-2\cdot\mathbf 1, \tfrac14 I) + \tfrac12 \mathcal N(2\cdot\mathbf 1, \tfrac14 I)$. KiNG and ntKiNG
({eq}`eq-K3` with the kernels {eq}`eq-K5` and {eq}`eq-K7`, as published) follow a natural gradient;
the Wasserstein flow {eq}`eq-W1` and the energy-distance flow {eq}`eq-W2` do not. The curves are
distances {eq}`eq-Q1` to 1000 fresh samples of the target. The dotted line is the mean distance of
100 fresh samples; differences below it are not meaningful.

This is one trial of 40 steps. [The results page](../../results.md) shows means over ten trials of
100 steps from `ingd-ref run mixture --out results/mixture`.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir


def draw_target(number, rng):
    return rng.choice([-2.0, 2.0], size=(number, 1)) + 0.5 * rng.normal(size=(number, 5))


rng = np.random.default_rng(0)
particles, target, fresh = rng.normal(size=(100, 5)), draw_target(100, rng), draw_target(1000, rng)
bandwidth = ir.metrics.median_bandwidth(fresh)
distance = ir.metrics.MMD(fresh)
floor = np.mean([distance(draw_target(100, rng), bandwidth) for _ in range(20)])

flows = {
    "ntKiNG": (ir.flows.published_ntking(), "#D55E00"),
    "KiNG": (ir.flows.published_king(), "#0072B2"),
    "energy distance": (ir.flows.EnergyFlow(), "#009E73"),
    "Wasserstein": (ir.flows.WGF(median_rule="lower"), "#CC79A7"),
}
figure = Figure(figsize=(9.6, 3.9), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(3, 2))
print("MMD to 1000 fresh samples after 0, 5, 10, 20 and 40 steps")
for name, (flow, colour) in flows.items():
    result = ir.run_flow(
        flow,
        particles,
        target,
        steps=40,
        rng=np.random.default_rng(1),
        metrics={"mmd": lambda x: distance(x, bandwidth)},
        progress=False,
    )
    curve = result.history["mmd"]
    print(f"{name:16s} " + "  ".join(f"{curve[step]:.3f}" for step in (0, 5, 10, 20, 40)))
    left.semilogy(curve, color=colour, label=name)
    if name == "ntKiNG":
        right.plot(*result.trajectory[:, ::3, :2].transpose(2, 0, 1), color="0.8", linewidth=0.6)
        right.plot(*target[:, :2].T, ".", color="0.45", markersize=4, label="target sample")
        right.plot(
            *particles[:, :2].T, ".", color="#56B4E9", markersize=4, label="particles at the start"
        )
        right.plot(
            *result.particles[:, :2].T, ".", color=colour, markersize=4, label="after 40 steps"
        )
print(f"{'fresh samples':16s} {floor:.3f} on average")
print(f"{'target sample':16s} {distance(target, bandwidth):.3f}")

left.axhline(floor, color="0.4", linestyle=":", label="100 fresh samples of the target")
left.set(xlabel="step", ylabel="MMD to the target", title="Five dimensions, one trial")
left.legend(fontsize=8)
right.set(xlabel="$x_1$", ylabel="$x_2$", title="ntKiNG, first two coordinates")
right.legend(fontsize=8)
figure.savefig("mixture.png", dpi=150)
