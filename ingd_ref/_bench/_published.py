"""The baseline: the KiNG velocity as in the published code [L25], with full pairwise arrays."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ingd_ref.backend._namespace import Array

__all__ = ["PUBLISHED_LIBRARY", "published_bytes", "published_velocity"]

# PyTorch, as in the published code, if it is installed, else NumPy with ``einsum(optimize=True)``.
PUBLISHED_LIBRARY = "torch" if find_spec("torch") is not None else "numpy"


def published_bytes(particles: int, dimension: int, statistics: int) -> int:
    """Return the bytes of its float32 arrays (n, n, d, d), (n, n, d, b) and (n, n, b, b)."""
    return 4 * particles**2 * (dimension**2 + dimension * statistics + statistics**2)


def published_velocity(
    x: Array, y: Array, centers: Array, bandwidth: float, ridge: float, jitter: float
) -> Array:
    """Return the KiNG velocity (n, d) with Gaussian RBF features, in float32 with ddof 0.

    Parameters
    ----------
    x, y, centers : array (n, d), (m, d), (b, d)
        Particles, target sample and centres, on the host.
    bandwidth : float
        Bandwidth σ of features and kernel.
    ridge, jitter : float
        λ and ε of (K3).

    Returns
    -------
    array (n, d)
        Of PyTorch if it is installed, else of NumPy.
    """
    xp: Any = import_module(PUBLISHED_LIBRARY)
    x, y, centers = (xp.asarray(array, dtype=xp.float32) for array in (x, y, centers))
    options = {} if PUBLISHED_LIBRARY == "torch" else {"optimize": True}
    n, dim = x.shape

    def statistics(z: Array) -> Array:
        return xp.exp(-((z[:, None, :] - centers[None, :, :]) ** 2).sum(-1) / (2.0 * bandwidth**2))

    values = statistics(x)
    jacobian = xp.einsum(
        "ns,nsa->nas", values, (centers[None, :, :] - x[:, None, :]) / bandwidth**2, **options
    )
    r = (x[:, None, :] - x[None, :, :]) / bandwidth
    scale = xp.exp(-0.5 * (r**2).sum(-1)) / bandwidth**2
    kernel = scale[:, :, None, None] * (
        xp.eye(dim, dtype=xp.float32) - r[:, :, :, None] * r[:, :, None, :]
    )

    kernel_jacobian = xp.einsum("ijac,jcs->ijas", kernel, jacobian, **options)
    products = xp.einsum("iat,ijas->ijts", jacobian, kernel_jacobian, **options)
    gram = products.mean((0, 1))
    del products
    centred = values - values.mean(0)
    system = (
        gram + ridge * centred.T @ centred / n + jitter * xp.eye(centers.shape[0], dtype=xp.float32)
    )
    coefficients = xp.linalg.solve(system, statistics(y).mean(0) - values.mean(0))
    return xp.einsum("ijas,s->ia", kernel_jacobian, coefficients, **options) / n
