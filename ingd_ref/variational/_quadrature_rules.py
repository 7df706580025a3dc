"""Nodes and weights for expectations of a standard normal variable."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ingd_ref import _checks

__all__ = ["RULES", "normal_rule"]

RULES = ("gauss-hermite", "trapezoidal")
# Φ(−9) = 1e-19: what the trapezoidal rule cuts off is below a rounding error of what it keeps.
CUT = 9.0


def normal_rule(number: int, rule: str = "gauss-hermite") -> tuple[np.ndarray, np.ndarray]:
    r"""Return nodes z and weights w with E[φ(Z)] ≈ Σ_k w_k φ(z_k) for standard normal Z.

    :class:`Quadrature` takes the expectations of (E11) with it.

    Parameters
    ----------
    number : int ≥ 1
        Number K of nodes; at least 2 for the trapezoidal rule.
    rule : {"gauss-hermite", "trapezoidal"}
        ``"gauss-hermite"`` (default) is exact for polynomials of degree below 2K. ``"trapezoidal"``
        takes equally spaced nodes on [−9, 9], and is better for functions with poles near the real
        axis: if φ(m + sz) is analytic for \|Im z\| < a, the errors are about e^{−2a√K} for K > a²
        and e^{−2πaK/18}. For a logistic likelihood a = π/s. The cut matters only if φ grows like
        e^t and s is large: E[e^{sZ}] loses the share Φ(s − 9).

    Returns
    -------
    nodes : numpy.ndarray (K,)
    weights : numpy.ndarray (K,)
        They sum to one.

    Examples
    --------
    >>> nodes, weights = normal_rule(3)
    >>> (weights @ nodes**4).round(12).item()
    3.0
    """
    return _rule(_checks.positive_integer(number, "number"), _checks.choice(rule, "rule", RULES))


@lru_cache(maxsize=32)
def _rule(number: int, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights that cannot be changed."""
    if rule == "gauss-hermite":
        from scipy.special import roots_hermitenorm

        nodes, weights = roots_hermitenorm(number)
    else:
        nodes = np.linspace(-CUT, CUT, _checks.positive_integer(number - 1, "number - 1") + 1)
        weights = np.exp(-0.5 * nodes * nodes)
    weights = weights / np.sum(weights)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
