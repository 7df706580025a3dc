"""Use your own generator.

The natural gradient flow {eq}`eq-N4` works for any function of parameters and latent points. This
one draws a crescent: two standard normal numbers $z$ become an angle and a distance from an arc,
and six parameters define the arc. {class}`~ingd_ref.generators.UserGenerator` can differentiate the
function numerically; with a user-defined product of the Jacobian the steps are exact.
`product_error` compares the product with differences, and a wrong product is easy to spot.

The target is a sample of another crescent. The flow sees only the means of forty Gaussian features
and comes close to the true parameters without a likelihood. It needs moderate steps at the start,
where most features see no sample: with a hundredth of the jitter {eq}`eq-N2` the crescent diverges
and ends in another shape.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

BLOCKS = {"centre": (2,), "angle": (), "length": (), "radius": (), "width": ()}


def crescent(w, z):
    angle = w[2] + w[3] * z[:, 0]
    radius = w[4] + w[5] * z[:, 1]
    return w[:2] + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def pulled(w, z, c):
    """Jᵀ c: the chain rule, from the samples back to the parameters."""
    angle = w[2] + w[3] * z[:, 0]
    radius = w[4] + w[5] * z[:, 1]
    outward, around = (
        np.stack([np.cos(angle), np.sin(angle)], axis=1),
        np.stack([-np.sin(angle), np.cos(angle)], axis=1),
    )
    by_radius = (c * outward).sum(axis=1)
    by_angle = radius * (c * around).sum(axis=1)
    sums = [by_angle, by_angle * z[:, 0], by_radius, by_radius * z[:, 1]]
    return np.concatenate([c.sum(axis=0), [total.sum() for total in sums]])


def wrong(w, z, c):
    return pulled(w, z, c) * np.array([1, 1, 1, 1, 1, -1])  # a sign error in the last parameter


rng = np.random.default_rng(0)
generator = ir.generators.UserGenerator(
    crescent, BLOCKS, dimension=2, latent_dimension=2, vjp=pulled
)
start = generator.pack(centre=0.0, angle=1.0, length=0.5, radius=1.0, width=0.3)
goal = generator.pack(centre=np.array([0.5, -0.4]), angle=2.2, length=0.9, radius=1.5, width=0.12)

few = generator.latents(5, rng)
mistaken = ir.generators.UserGenerator(crescent, BLOCKS, dimension=2, latent_dimension=2, vjp=wrong)
print(f"largest relative error of the product:   {generator.product_error(start, few):.1e}")
print(f"the same with a sign error in it:        {mistaken.product_error(start, few):.1e}")

target, latents = generator(goal, generator.latents(1000, rng)), generator.latents(300, rng)
features = ir.features.GaussianRBF(target[:40], 0.7)
options = {
    "features": features,
    "latents": latents,
    "ridge": 1e-2,
    "jitter": 1e-3,
    "rng": rng,
    "progress": False,
}
result = ir.run_ingd(generator, start, target, steps=120, step_size=0.1, **options)

print("              " + "".join(f"{name:>9s}" for name in ("cx", "cy", *list(BLOCKS)[1:])))
for name, w in (("start", start), ("end", result.parameters), ("of the target", goal)):
    print(f"{name:14s}" + "".join(f"{value:9.3f}" for value in w))

figure = Figure(figsize=(7.4, 2.7), layout="constrained")
for axes, step in zip(figure.subplots(1, 3, sharex=True, sharey=True), (0, 20, 120), strict=True):
    axes.plot(*target.T, ".", color="0.75", markersize=2.5, label="target sample")
    axes.plot(
        *generator(result.parameter_trajectory[step], latents).T,
        ".",
        color="#D55E00",
        markersize=2.5,
        label="generator",
    )
    axes.set(
        aspect="equal", title=f"step {step}", xlabel="$x_1$", ylabel="$x_2$" if step == 0 else ""
    )
figure.legend(
    *axes.get_legend_handles_labels(), loc="outside right center", fontsize=8, markerscale=3
)
figure.savefig("own-generator.png", dpi=150)
