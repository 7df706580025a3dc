"""Find the edges of a graph that change.

Ten coordinates follow a Gaussian whose precision matrix changes in three entries over 1500 times,
with two samples at each time. The natural parameters of a Gaussian graphical model are minus these
entries. A sparse window projection {eq}`eq-P6` estimates all 45 velocities at once along a path of
decreasing penalties; the edges that enter first are the most certain ones. The squares $x_i^2$ have
no penalty, because a sparse estimate of their parameters could hide a change of scale.

On the command line, with twenty nodes and a ROC curve: `ingd-ref run graph --out results/graph`.
"""

import numpy as np

import ingd_ref as ir

rng = np.random.default_rng(1)
dim, times = 10, np.linspace(0.0, 1.0, 1500)
edges = [(i, j) for i in range(dim) for j in range(i + 1, dim)]
precision, change = 2.0 * np.eye(dim), np.zeros((dim, dim))
for i in range(dim - 1):
    precision[i, i + 1] = precision[i + 1, i] = 0.6  # a chain that stays
for (i, j), size in {(0, 5): 0.5, (2, 7): -0.5, (3, 4): -0.6}.items():
    change[i, j] = change[j, i] = size
factors = np.linalg.cholesky(precision + times[:, None, None] * change)
samples = np.swapaxes(
    np.linalg.solve(np.swapaxes(factors, 1, 2), rng.normal(size=(1500, dim, 2))), 1, 2
)

features = ir.features.PairwiseProducts(squares=True)
square = np.array([i == j for i in range(dim) for j in range(i, dim)])
system = ir.projection.window_system(features, times, samples, ddof=1)
path = ir.projection.regularisation_path(
    system, number=60, ratio=0.02, penalty_weights=np.where(square, 0.0, 1.0)
)
velocities = path.coefficients[:, 0, ~square]

order = np.argsort(-path.entry[~square])
print("first five edges to enter:", ", ".join(str(edges[k]) for k in order[:5]))
print(f"largest violation of the optimality conditions: {path.kkt_residuals.max():.1e}")
changed = np.array([change[edge] != 0 for edge in edges])
figure = ir.plotting.plot_regularisation_path(path.kappas, velocities, changed)
ir.plotting.save_figure(figure, "graph.png", dpi=150)
