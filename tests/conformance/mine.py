"""Implementations of a user: a correct one, one with covariance divisor n − 1, one that raises."""

import numpy as np

from ingd_ref.conformance import adapter

limited = adapter(
    features=("rbf",),
    kernels=("gradient",),
    weights=False,
    target_weights=False,
    masks=False,
    ddof=(0,),
    dtypes=("float64",),
)


def velocity(x, y, centers, width, sigma, ridge, jitter, divisor=0):
    """(K2)-(K5) by whole arrays."""
    values = [np.exp(-((z[:, None] - centers) ** 2).sum(2) / (2 * width**2)) for z in (x, y)]
    gradient = values[0][:, None, :] * (centers.T - x[:, :, None]) / width**2
    r = (x[:, None] - x) / sigma
    kernel = (
        np.exp(-(r**2).sum(2) / 2)[:, :, None, None]
        * (np.eye(x.shape[1]) - r[..., :, None] * r[..., None, :])
        / sigma**2
    )
    unit = np.einsum("ijab,jbs->ias", kernel, gradient) / len(x)
    gram = np.einsum("iar,ias->rs", gradient, unit) / len(x)
    centred = values[0] - values[0].mean(0)
    metric = ridge * centred.T @ centred / max(len(x) - divisor, 1) + jitter * np.eye(len(centers))
    return unit @ np.linalg.solve(gram + metric, values[1].mean(0) - values[0].mean(0))


def of(problem, **options):
    p = problem
    return velocity(
        p.x,
        p.y,
        p.features.centers,
        p.features.bandwidth,
        p.kernel.bandwidth,
        p.ridge,
        p.jitter,
        **options,
    )


@limited
def right(problem):
    return of(problem)


@limited
def biased(problem):
    return of(problem, divisor=1)


@limited
def raising(problem):
    raise ZeroDivisionError("division by zero")


not_a_function = 3
