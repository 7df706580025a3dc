"""Cross-check your own implementation.

Suppose that you have written {eq}`eq-K3` yourself, in whatever language, and want to know whether it is right. Three
checks, in order of strength: a reference array computed here from the same input; an identity that needs no
reference, {eq}`eq-P4` against the rate that your own system promises; and a law of [](../../laws.md). The
implementation below is a naive one with double loops. A second one has a typical mistake planted: the covariance with
$n-1$ where $n$ was meant. The reference array sees it at once; so does the law that repeating every particle changes
nothing, without any reference.
"""

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir


def my_velocity(x, y, centers, sigma, ridge=1e-3, jitter=1e-3, divisor=0):
    """KiNG as one might write it from the paper."""
    n, d = x.shape
    b = len(centers)

    def values(z):
        return np.exp(-((z[:, None, :] - centers[None]) ** 2).sum(axis=2) / (2 * sigma**2))

    f = values(x)
    gradient = np.array([[[f[i, s] * (centers[s, a] - x[i, a]) / sigma**2 for s in range(b)] for a in range(d)] for i in range(n)])
    V = np.zeros((n, d, b))
    for i in range(n):
        for j in range(n):
            r = (x[j] - x[i]) / sigma
            K = np.exp(-r @ r / 2) * (np.eye(d) - np.outer(r, r)) / sigma**2
            V[j] += K @ gradient[i] / n
    G = sum(gradient[j].T @ V[j] for j in range(n)) / n
    F = (f - f.mean(axis=0)).T @ (f - f.mean(axis=0)) / (n - divisor)
    c = np.linalg.solve(G + ridge * F + jitter * np.eye(b), values(y).mean(axis=0) - f.mean(axis=0))
    return V @ c


def deviation(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


rng = np.random.default_rng(0)
x, y = rng.normal(size=(30, 2)), rng.normal(2.0, 0.5, size=(40, 2))
centers, sigma = np.concatenate([x, y])[::7], 1.2
features, kernel = ir.features.GaussianRBF(centers, sigma), ir.rkhs.GradientGaussian(sigma)
reference = ir.flows.king_velocity(x, y, features=features, kernel=kernel)
# What rounding may do: the condition of the system, in units of the last place, with a margin for the sums.
allowed = 20 * reference.condition * np.finfo(float).eps
print(f"allowed by rounding:                    {allowed:.0e}")

twice = np.repeat(x, 2, axis=0)
outcomes = {}
for name, divisor in (("as it should be", 0), ("n - 1 in the covariance", 1)):
    mine = my_velocity(x, y, centers, sigma, divisor=divisor)
    repeated = my_velocity(twice, y, centers, sigma, divisor=divisor)[::2]
    outcomes[name] = deviation(mine, reference.velocity), deviation(repeated, mine)
    print(f"{name + ',':24s} against the reference: {outcomes[name][0]:.0e}, repeated particles: {outcomes[name][1]:.0e}")

transported = np.einsum("ias,ia->s", features.jacobian(x), reference.velocity) / len(x)
print(f"moment rate against (P4):               {deviation(transported, reference.moment_rate):.0e}")

figure = Figure(figsize=(6.4, 3.4), layout="constrained")
axes = figure.subplots()
for offset, (name, errors) in enumerate(outcomes.items()):
    axes.bar(np.arange(2) + 0.36 * offset, np.maximum(errors, 1e-17), width=0.34, color=("#0072B2", "#D55E00")[offset], label=name)
axes.axhline(allowed, color="0.3", linestyle=":", label="allowed by rounding")
axes.set(yscale="log", ylabel="relative deviation", title="A planted mistake, seen by two checks")
axes.set_xticks(np.arange(2) + 0.18, ["reference array", "law: repeated particles"])
axes.set_ylim(1e-16, 1e1)
axes.legend(fontsize=8, loc="upper left", ncols=3)
figure.savefig("cross-check.png", dpi=150)
