"""A cloud becomes a curve.

200 particles of a Gaussian cloud flow to 200 samples of a noisy S-shaped curve with the default
KiNG: Gaussian features at random centres, gradient kernel {eq}`eq-K5`, median bandwidths
{eq}`eq-K8`. The velocity is a field on the whole plane, {eq}`eq-K2`. A grid of particles with
weight zero moves with this field without influencing it, and shows how the plane deforms.

On the command line: `ingd-ref run s-curve --out results/s-curve`.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

rng = np.random.default_rng(0)
angle = rng.uniform(-1.5 * np.pi, 1.5 * np.pi, size=200)
target = np.stack(
    [np.sin(angle), np.sign(angle) * (np.cos(angle) - 1.0)], axis=1
) + 0.05 * rng.normal(size=(200, 2))
particles = rng.normal(scale=0.8, size=(200, 2))

# The last 15 × 15 points have weight zero: they move but do not act.
grid = np.stack(np.meshgrid(*2 * [np.linspace(-1.8, 1.8, 15)]), axis=-1).reshape(-1, 2)
weights = np.concatenate([np.full(200, 1 / 200), np.zeros(len(grid))])
flow = ir.flows.KiNG(
    features=ir.features.RandomCenters(200, bandwidth=0.5), kernel=ir.rkhs.GradientGaussian(0.5)
)
result = ir.run_flow(
    flow,
    np.concatenate([particles, grid]),
    target,
    steps=60,
    step_size=0.25,
    rng=rng,
    weights=weights,
    metrics={"mmd": lambda x: ir.metrics.mmd(x[:200], target, bandwidth=0.5)},
    keep_every=20,
    progress=False,
)
for step, value in zip(result.history_steps[::20], result.history["mmd"][::20], strict=True):
    print(f"step {step:2d}: MMD {value:.4f}")

figure = Figure(figsize=(9.6, 2.9), layout="compressed")
for axes, frame, time in zip(
    figure.subplots(1, 3, sharex=True, sharey=True),
    result.trajectory[[0, 1, 3]],
    result.times[[0, 1, 3]],
    strict=True,
):
    mesh = frame[200:].reshape(15, 15, 2)
    axes.plot(mesh[:, :, 0], mesh[:, :, 1], color="0.85", linewidth=0.7)
    axes.plot(mesh[:, :, 0].T, mesh[:, :, 1].T, color="0.85", linewidth=0.7)
    axes.plot(*target.T, ".", color="0.45", markersize=3, label="target sample")
    axes.plot(*frame[:200].T, ".", color="#D55E00", markersize=4, label="particles")
    axes.set(title=f"flow time {time:g}", aspect="equal")
axes.legend(fontsize=8, loc="lower right")
figure.savefig("s-curve.png", dpi=150)
