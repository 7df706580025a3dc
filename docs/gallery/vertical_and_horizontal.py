"""Vertical and horizontal directions.

For two bits, the first one hidden, distributions are points of a tetrahedron, and all distributions
with the same visible marginal form a slice of it, a *fibre* (grey). At the point $p$ the directions
within the fibre are vertical: they leave the visible distribution unchanged. The direction that is
Fisher-Rao orthogonal to the fibre is horizontal (green). Two models with two parameters contain
$p$. Left, independent bits: a horizontal and a vertical direction span the tangent plane, so the
model is cylindrical {eq}`eq-B5`. Right, a mixture of three distributions: its tangent plane
contains neither direction.

Changing the hidden part alone can close the gap between the evidence and its lower bound, so on the
full simplex the natural gradient of the gap is vertical {eq}`eq-B4`. A model follows its projection
(orange). On the left the projection is vertical, and the visible distribution does not change; on
the right it leaves the fibre, so minimising the gap changes the visible distribution.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

CORNERS = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]])
hidden = ir.simplex.Marginalisation.hiding((2, 2), [0])
product = ir.simplex.independence_model(names=("X", "Y"), hidden=("X",))
start = np.array([0.62, 0.45])
# Three distributions around p, in equal parts.
around = np.array(
    [[0.17, 0.01, -0.12, -0.06], [-0.12, 0.16, -0.10, 0.06], [-0.05, -0.17, 0.22, 0.0]]
)
mixture = ir.simplex.MixtureModel(product.probabilities(start) + around, hidden)
weights = np.array([1 / 3, 1 / 3])


def gap_direction(model, xi):
    """Return the natural gradient of the gap: ELBO minus ELBO with perfect recognition."""
    q = model.probabilities(xi)
    target, recognition = hidden.push(q), np.array([0.15, 0.85, 0.85, 0.15])
    full = ir.simplex.elbo_gradient(model, xi, target, recognition).tangent
    return -(full - ir.simplex.elbo_gradient(model, xi, target, "held").tangent)


figure = Figure(figsize=(8.4, 4.2), layout="constrained")
for place, (name, model, xi) in enumerate(
    (("independent bits", product, start), ("a mixture", mixture, weights))
):
    q, jacobian = model.with_jacobian(xi)
    axes = figure.add_subplot(1, 2, place + 1, projection="3d")
    for i in range(4):
        for j in range(i):
            axes.plot(*CORNERS[[i, j]].T, color="0.6", linewidth=0.8)
        axes.text(*(1.15 * CORNERS[i]), f"{i:02b}", ha="center", va="center", fontsize=9)
    seen = hidden.push(q)
    a, b = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    fibre = (
        np.stack([seen[0] * a, seen[1] * b, seen[0] * (1 - a), seen[1] * (1 - b)], axis=-1)
        @ CORNERS
    )
    axes.plot_surface(*np.moveaxis(fibre, -1, 0), color="0.5", alpha=0.25, linewidth=0, shade=False)
    s, t = np.meshgrid([-0.5, 0.5], [-0.5, 0.5])
    sides = jacobian / np.abs(jacobian).sum(axis=0)
    patch = q + s[..., None] * sides[:, 0] + t[..., None] * sides[:, 1]
    axes.plot_surface(
        *np.moveaxis(patch @ CORNERS, -1, 0), color="#56B4E9", alpha=0.45, linewidth=0, shade=False
    )
    horizontal = hidden.lift(q, np.array([1.0, -1.0]))
    gap = gap_direction(model, xi)
    for vector, colour, label in (
        (horizontal, "#009E73", "horizontal"),
        (gap, "#D55E00", "natural gradient of the gap"),
    ):
        arrow = 1.1 * (vector @ CORNERS) / np.linalg.norm(vector @ CORNERS)
        axes.quiver(
            *(q @ CORNERS), *arrow, color=colour, linewidth=2, arrow_length_ratio=0.15, label=label
        )
    axes.scatter(*(q @ CORNERS)[:, None], color="#222222", s=18, depthshade=False)
    defect = ir.simplex.cylindrical_defect(model, xi)
    visible = hidden.push(gap)
    print(
        f"{name:17s} defect {float(defect):.2e}, "
        f"visible part of the natural gradient of the gap {np.abs(visible).max():.1e}"
    )
    axes.set_title(
        f"{name}: defect {float(defect):.2g}" if defect > 1e-9 else f"{name}: defect 0", fontsize=10
    )
    axes.set_axis_off()
    axes.set_box_aspect((1, 1, 1), zoom=1.15)
    axes.view_init(elev=22, azim=-60)
figure.legend(
    *figure.axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=2,
    frameon=False,
    fontsize=9,
)
figure.savefig("vertical-and-horizontal.png", dpi=150)
