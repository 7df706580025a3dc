"""Gaussian approximations of a posterior.

A logistic regression with two coefficients and eight data points has a posterior that can be
evaluated on a grid. Left: the Gaussians with the largest evidence lower bound, with full precision
and with independent coordinates. The standard deviations of the latter are too small: they are
those of one coordinate *given* the other.

Right: paths of the mean from the prior. Natural-gradient steps use the expected curvature and do
not depend on units; ten of them almost reach the optimum. The slope is measured in units that are
eight times too small to make the two coefficients comparable, and this is enough to slow down the
plain gradient in mean and covariance, even with its best step size: any larger step makes the steep
direction oscillate. See [](../../mathematics/variational.md).
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

vi = ir.variational
rng = np.random.default_rng(3)
measured = 2.0 * rng.normal(size=(8, 1)) + 1.5
response = np.where(rng.random(8) < 1 / (1 + np.exp(1.0 - measured[:, 0])), 1.0, 0.0)
design = np.concatenate([np.ones((8, 1)), 8.0 * measured], axis=1)  # in smaller units
model = vi.LogisticRegression(design, response, prior_precision=np.array([0.2, 0.2 * 64]))

prior = np.diag([0.2, 0.2 * 64])
starts = {
    "full precision": vi.FullGaussian.from_precision(np.zeros(2), prior),
    "independent coordinates": vi.MeanFieldGaussian(np.zeros(2), np.diag(prior)),
}
found = {
    name: vi.run_nvi(model, start, step_size=0.6, steps=200, progress=False)
    for name, start in starts.items()
}

grid = np.stack(np.meshgrid(np.linspace(-10, 5, 301), np.linspace(-0.4, 1.0, 301)), axis=-1)
heights = model.log_density(grid.reshape(-1, 2)).reshape(301, 301)
density = np.exp(heights - heights.max())
evidence = np.log(density.sum() * (15 / 300) * (1.4 / 300)) + heights.max()
for name, result in found.items():
    print(f"{name:24s} log evidence − ELBO = {evidence - result.elbo[-1]:.3f} nats")


def way(update, steps):
    """Means from the prior on."""
    q, means = starts["full precision"], []
    for _ in range(steps + 1):
        means.append(q.mean)
        q = update(q, vi.expected_under(model, q))
    return np.array(means)


ways = {
    "natural gradient": way(lambda q, e: vi.natural_step(q, e, 0.6), 10),
    "plain gradient": way(lambda q, e: vi.plain_gradient_step(q, e, 0.008), 10),
}

figure = Figure(figsize=(8.4, 3.9), layout="constrained")
left, right = figure.subplots(1, 2, sharex=True, sharey=True)
circle = np.stack([np.cos(np.linspace(0, 2 * np.pi, 200)), np.sin(np.linspace(0, 2 * np.pi, 200))])
for axes in (left, right):
    axes.contourf(
        *grid.transpose(2, 0, 1), density, levels=np.linspace(0.02, 1, 9), cmap="Greys", alpha=0.7
    )
    axes.set(xlabel="intercept", xlim=(-7.2, 2.2), ylim=(-0.12, 0.7))
for (name, result), colour, style in zip(
    found.items(), ("#0072B2", "#D55E00"), ("-", "--"), strict=True
):
    root = np.linalg.cholesky(result.covariance)
    for deviations in (1, 2):
        ring = result.mean[:, None] + deviations * root @ circle
        left.plot(
            *ring, style, color=colour, linewidth=1.6, label=name if deviations == 1 else None
        )
left.set(ylabel="slope", title="One and two standard deviations")
left.legend(frameon=False, loc="upper right")
for (name, means), colour, marker in zip(
    ways.items(), ("#0072B2", "#D55E00"), ("o", "s"), strict=True
):
    right.plot(*means.T, marker=marker, markersize=4, color=colour, linewidth=1.2, label=name)
right.set(title="Means of the first ten steps from the prior")
right.legend(frameon=False, loc="upper right")
figure.savefig("posterior.png", dpi=150)
