"""The accuracy of Vadam.

In a logistic regression with 400 data points, natural-gradient steps for independent coordinates
find the best factorised Gaussian in about a dozen passes over the data. Vadam uses noisy gradients
of minibatches at perturbed weights, at the cost of Adam. Its precision depends on the batch size,
because the square of a minibatch mean is smaller than the mean of the squares. With batches of one
data point the precision is about right, but the mean fluctuates. With the full data it is twenty
times too small, so the perturbations are too large, and the mean converges to the optimum for this
wide Gaussian ([derivation](../../mathematics/variational.md#vadam)).
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

vi = ir.variational
rng = np.random.default_rng(0)
number, dim = 400, 4
design = rng.normal(size=(number, dim))
response = np.where(
    rng.random(number) < 1 / (1 + np.exp(-design @ np.array([1.0, -2.0, 0.5, 0.0]))), 1.0, 0.0
)
model = vi.LogisticRegression(design, response)

best = vi.run_nvi(
    model, vi.MeanFieldGaussian(np.zeros(dim), np.ones(dim)), step_size=0.8, progress=False
)
print(
    f"natural gradient: {best.status} after {best.steps} steps, "
    f"precision {best.approximation.precisions.mean():.1f}"
)


def best_mean(precisions):
    """Where E ∇ℓ = 0 for a Gaussian of the given precisions, by Newton's method."""
    q = vi.MeanFieldGaussian(best.mean, precisions)
    for _ in range(30):
        expected = vi.expected_under(model, q)
        q = q.moved_to(q.mean + np.linalg.solve(expected.curvature.matrix(), expected.gradient))
    return q.mean


rule = vi.Vadam(data_size=number, prior_precision=1.0, learning_rate=0.02, decay=(0.9, 0.99))
steps = 3000
figure = Figure(figsize=(8.4, 3.7), layout="constrained")
left, right = figure.subplots(1, 2)
for size, colour in ((1, "#D55E00"), (20, "#0072B2"), (400, "#009E73")):
    precisions = []
    result = vi.run_vadam(
        model,
        rule,
        rule.start(np.zeros(dim), initial_precision=20.0),
        steps=steps,
        batch_size=size,
        rng=np.random.default_rng(1),
        callback=lambda state, kept=precisions: kept.append(rule.approximation(state).precisions),
    )
    settled, reached = (
        np.array(precisions[steps // 3 :]).mean(axis=0),
        result.means[steps // 3 :].mean(axis=0),
    )
    off, own = (
        np.abs((reached - mean) * np.sqrt(best.approximation.precisions)).max()
        for mean in (best.mean, best_mean(settled))
    )
    print(
        f"batches of {size:3d}: precision {settled.mean():5.1f}; "
        f"mean {off:.1f} standard deviations from the optimum, "
        f"{own:.1f} from the optimum for this precision"
    )
    distance = np.sqrt(
        np.mean((result.means - best.mean) ** 2 * best.approximation.precisions, axis=1)
    )
    left.plot(
        np.arange(steps + 1), distance, color=colour, linewidth=1.1, label=f"batches of {size}"
    )
    right.semilogy(
        np.arange(1, steps + 1), np.mean(precisions, axis=1), color=colour, linewidth=1.4
    )
right.axhline(
    best.approximation.precisions.mean(),
    color="#222222",
    linewidth=1.0,
    dashes=(3, 2),
    label="best factorised Gaussian",
)
left.set(xlabel="step", ylabel="distance of the mean (standard deviations)", ylim=(0, 7))
right.set(xlabel="step", ylabel="precision, mean of the coordinates", ylim=(1, 300))
for axes in (left, right):
    axes.grid(True, color="#E6E6E6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
left.legend(frameon=False, loc="upper right")
right.legend(frameon=False, loc="upper right")
figure.savefig("vadam.png", dpi=150)
