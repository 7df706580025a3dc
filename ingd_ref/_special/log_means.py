"""What the logarithm of a mean exceeds the mean of the logarithms by."""

from __future__ import annotations

from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["jensen_gap"]

# Below e^FAR a ratio is nothing against one, and is a number in every floating type above it.
FAR = -50.0


def jensen_gap(
    xp: Namespace, ratio: Array, excess: Array, weights: Array, logs: Array | None = None
) -> Array:
    r"""Return log E x − E log x ≥ 0 over axis −2, accurate however close together the points are.

    The points come as ``ratio`` x/c to a centre c that need only be near their mean, and ``excess``
    (x − c)/c. With R(ρ) = ρ − 1 − log ρ

    .. math:: \log E x - E \log x = E R(x/c) - R(1 + e), \qquad e = E (x - c)/c

    where log(x/c) is needed far from the centre alone, and may be given as ``logs`` where x/c
    underflows. The last term takes back what the rounding of c added; that of the ``weights``
    (n, 1) to a sum of one changes nothing but itself.

    Examples
    --------
    >>> import numpy as np
    >>> excess = np.asarray([[1e-12], [-1e-12]])
    >>> jensen_gap(np, 1.0 + excess, excess, np.full((2, 1), 0.5))  # half the variance
    array([5.e-25])
    """
    shift = xp.sum(weights * excess, axis=-2)
    remainder = log_remainder(xp, ratio, excess)
    if logs is not None:
        remainder = xp.where(logs < FAR, excess - logs, remainder)
    return xp.sum(weights * remainder, axis=-2) - log_remainder(xp, 1.0 + shift, shift)
