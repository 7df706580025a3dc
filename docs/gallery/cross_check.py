"""Check your own implementation.

Suppose that you have implemented {eq}`eq-K3` yourself, in any language, and want to know whether it
is correct. Wrap it in an adapter, a function of a problem;
{func}`~ingd_ref.conformance.check_velocity` then tests it against all [laws](../../laws.md) and
reference vectors that its declared features cover. The implementation below uses double loops and
supports one kind of features, one kernel, and no weights.

The second implementation has a typical mistake: the covariance uses $n-1$ instead of $n$. It fails
the comparisons, and also laws that need no reference, such as that repeating every particle changes
nothing. The report shows the smallest problem on which each law fails. `ingd-ref check
MODULE:OBJECT` does the same in a shell, {func}`~ingd_ref.conformance.parametrize_with_laws` in your
own tests.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir


def my_velocity(x, y, centers, sigma, width, ridge, jitter, divisor=0):
    """KiNG as one might write it from the paper."""
    n, d = x.shape
    b = len(centers)

    def values(z):
        return np.exp(-((z[:, None, :] - centers[None]) ** 2).sum(axis=2) / (2 * width**2))

    f = values(x)
    gradient = np.array(
        [
            [[f[i, s] * (centers[s, a] - x[i, a]) / width**2 for s in range(b)] for a in range(d)]
            for i in range(n)
        ]
    )
    V = np.zeros((n, d, b))
    for i in range(n):
        for j in range(n):
            r = (x[j] - x[i]) / sigma
            K = np.exp(-r @ r / 2) * (np.eye(d) - np.outer(r, r)) / sigma**2
            V[j] += K @ gradient[i] / n
    G = sum(gradient[j].T @ V[j] for j in range(n)) / n
    F = (f - f.mean(axis=0)).T @ (f - f.mean(axis=0)) / max(n - divisor, 1)
    c = np.linalg.solve(G + ridge * F + jitter * np.eye(b), values(y).mean(axis=0) - f.mean(axis=0))
    return V @ c


part = ir.conformance.adapter(
    features=("rbf",),
    kernels=("gradient",),
    weights=False,
    target_weights=False,
    masks=False,
    ddof=(0,),
    dtypes=("float64",),
)


@part
def as_it_should_be(p):
    return my_velocity(
        p.x, p.y, p.features.centers, p.kernel.bandwidth, p.features.bandwidth, p.ridge, p.jitter
    )


@part
def with_a_mistake(p):
    return my_velocity(
        p.x,
        p.y,
        p.features.centers,
        p.kernel.bandwidth,
        p.features.bandwidth,
        p.ridge,
        p.jitter,
        divisor=1,
    )


laws = [
    "direct_evaluation",
    "particle_permutation",
    "particle_repetition",
    "translation",
    "scale",
    "linear_in_delta",
    "rest_at_the_target",
]
reports = {}
for adapter in (as_it_should_be, with_a_mistake):
    reports[adapter.__name__] = ir.conformance.check_velocity(adapter, laws=laws, problems=6)
    print(f"{adapter.__name__}:\n{reports[adapter.__name__]}\n")

COLORS = {"holds": "#0072B2", "broken": "#D55E00", "not tested": "0.85"}
names = [
    verdict.name
    for verdict in reports["with_a_mistake"].verdicts
    if verdict.outcome != "not tested"
]
figure = Figure(figsize=(6.4, 0.27 * len(names) + 1.2), layout="constrained")
axes = figure.subplots()
for column, report in enumerate(reports.values()):
    for verdict in report.verdicts:
        if verdict.name in names:
            axes.barh(
                names.index(verdict.name),
                0.94,
                left=column,
                height=0.86,
                color=COLORS[verdict.outcome],
            )
            axes.text(
                column + 0.47,
                names.index(verdict.name),
                verdict.outcome,
                color="white",
                ha="center",
                va="center",
                fontsize=8,
            )
axes.set_yticks(range(len(names)), names, fontsize=8)
axes.set_xticks([0.47, 1.47], [name.replace("_", " ") for name in reports])
axes.xaxis.tick_top()
axes.invert_yaxis()
axes.tick_params(length=0)
for spine in axes.spines.values():
    spine.set_visible(False)
figure.savefig("cross-check.png", dpi=150)
