"""Use your own features.

A flow matches the means of any sufficient statistics. Here a user-defined function computes them:
radius, squared radius, and two angular waves. Without a Jacobian
{class}`~ingd_ref.features.UserFeatures` uses central differences at two steps, which must agree.
Here we supply the Jacobian and compare it with these differences; a wrong Jacobian is easy to spot.

At the end the particles match the statistics of the target, a ring with three denser arcs, and
nothing else: the flow cannot see what the statistics do not contain.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir


def statistics(x):
    radius = np.sqrt((x**2).sum(axis=1))
    angle = np.arctan2(x[:, 1], x[:, 0])
    return np.stack(
        [radius, radius**2, radius * np.cos(3.0 * angle), radius * np.sin(3.0 * angle)], axis=1
    )


def jacobian(x):
    radius = np.sqrt((x**2).sum(axis=1))[:, None]
    angle = np.arctan2(x[:, 1], x[:, 0])[:, None]
    outward, around = x / radius, np.stack([-x[:, 1], x[:, 0]], axis=1) / radius
    cosine, sine = np.cos(3.0 * angle), np.sin(3.0 * angle)
    columns = (
        outward,
        2.0 * radius * outward,
        cosine * outward - 3.0 * sine * around,
        sine * outward + 3.0 * cosine * around,
    )
    return np.stack(columns, axis=2)


rng = np.random.default_rng(0)
angle = 2.0 * np.pi / 3.0 * (rng.integers(3, size=200) + 0.12 * rng.normal(size=200))
target = (2.0 + 0.1 * rng.normal(size=200))[:, None] * np.stack(
    [np.cos(angle), np.sin(angle)], axis=1
)
particles = rng.normal(size=(200, 2))

checked = ir.features.UserFeatures(statistics, jacobian)
print(f"largest relative error of the supplied Jacobian: {checked.jacobian_error(particles):.1e}")
wrong = ir.features.UserFeatures(statistics, lambda x: -jacobian(x))
print(f"the same with a sign error in it:                {wrong.jacobian_error(particles):.1e}")

flow = ir.flows.KiNG(
    features=checked, kernel=ir.rkhs.GradientGaussian(0.7), ridge=1e-4, jitter=1e-6
)
result = ir.run_flow(
    flow, particles, target, steps=60, step_size=0.1, integrator="heun", rng=rng, progress=False
)
print("statistics      radius  radius²  cos 3φ  sin 3φ")
for name, points in (("start", particles), ("end", result.particles), ("target", target)):
    print(f"{name:12s}" + "".join(f"{value:9.3f}" for value in statistics(points).mean(axis=0)))

figure = Figure(figsize=(4.6, 4.4), layout="constrained")
axes = figure.subplots()
axes.plot(*result.trajectory[:, ::4].transpose(2, 0, 1), color="0.85", linewidth=0.6)
axes.plot(*target.T, ".", color="0.45", markersize=4, label="target sample")
axes.plot(*particles.T, ".", color="#56B4E9", markersize=4, label="particles at the start")
axes.plot(*result.particles.T, ".", color="#D55E00", markersize=4, label="at the end")
axes.set(aspect="equal", title="Four user-defined statistics")
axes.legend(fontsize=8)
figure.savefig("own-features.png", dpi=150)
