r"""The number of quadrature nodes.

Logistic regression needs $\mathbb E[\log(1 + e^t)]$ for Gaussian $t$ with standard deviation $s$.
In units of $s$ the integrand has singularities at the distance $\pi/s$ from the real axis, which is
small for wide Gaussians. The number of correct digits grows like $\sqrt K$ for Gauss-Hermite
quadrature with $K$ nodes, and like $K$ for the trapezoidal rule, which needs far fewer nodes for
wide Gaussians. {class}`~ingd_ref.variational.Quadrature` uses it for a given number of nodes; by
default it adapts the nodes to each datum.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir

numbers = np.unique(np.geomspace(4, 256, 25).astype(int))
figure = Figure(figsize=(6.8, 3.9), layout="constrained")
axes = figure.subplots()
for deviation, colour in ((1.0, "#009E73"), (3.0, "#0072B2"), (10.0, "#D55E00")):
    nodes, weights = ir.variational.normal_rule(4000, "trapezoidal")
    exact = weights @ np.logaddexp(0.0, 0.5 + deviation * nodes)
    for rule, style in (("trapezoidal", "-"), ("gauss-hermite", "--")):
        errors = []
        for number in numbers:
            nodes, weights = ir.variational.normal_rule(int(number), rule)
            errors.append(abs(weights @ np.logaddexp(0.0, 0.5 + deviation * nodes) - exact))
        axes.loglog(
            numbers,
            np.maximum(errors, 1e-16),
            style,
            color=colour,
            linewidth=1.6,
            label=f"{rule}, s = {deviation:g}",
        )
        enough = numbers[np.array(errors) < 1e-10]
        needed = enough[0] if enough.size else "more than 256"
        print(f"s = {deviation:4g}  {rule:14s} 1e-10 with {needed} nodes")
axes.set(xlabel="nodes", ylabel="error of the expectation (nats)", ylim=(1e-16, 1e1))
axes.set_xticks([4, 8, 16, 32, 64, 128, 256], ["4", "8", "16", "32", "64", "128", "256"])
axes.minorticks_off()
axes.grid(True, color="#E6E6E6", linewidth=0.6)
axes.legend(frameon=False, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5))
figure.savefig("quadrature.png", dpi=150)
