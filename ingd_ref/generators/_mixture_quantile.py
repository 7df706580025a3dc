"""Quantile transform of a mixture of Gaussians on the line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.exponential import log_softmax
from ingd_ref._special.normal import normal_tail
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.backend._operations import softmax
from ingd_ref.generators._base import Generator, Linearisation
from ingd_ref.generators._scalar import linearisation, open_uniform, unit_interval

__all__ = ["GaussianMixtureQuantile"]

LOG_2PI = math.log(2.0 * math.pi)
# Each step at least halves the one before it or the bracket, down to a few units in the last place:
# 53 halvings, and as many before them while the brackets are wide, are more than enough. Newton's
# steps usually end it after ten.
STEPS = 150
# |Φ⁻¹(u)| is below √(−2 log u); the margin keeps the root off the ends of its bracket.
MARGIN = 0.5
# Newton's steps do not get smaller than the rounding of the tail, a few eps of it, divided by the
# density.
LAST_STEP = 8.0
# Densities below so many times the smallest normal number count as zero: the tail over them, times
# its logarithm, might overflow.
THINNEST = 1e6


@dataclass(frozen=True)
class GaussianMixtureQuantile(Generator):
    r"""The generator x = F⁻¹(u; w) of a mixture of K Gaussians on the line.

    With u uniform on (0, 1),

    .. math::
        F(x) = \sum_k \rho_k \Phi(\zeta_k), \quad \zeta_k = \frac{x - m_k}{s_k}, \quad \rho =
        \mathrm{softmax}(\ell), \quad s_k = e^{r_k}, \qquad f(x) = \sum_k \rho_k \varphi(\zeta_k) /
        s_k

    and, by differentiation of F(x; w) = u with the responsibilities R_k = ρ_k φ(ζ_k) / (s_k f(x)),

    .. math::
        \frac{\partial x}{\partial m_k} = R_k, \qquad
        \frac{\partial x}{\partial r_k} = R_k (x - m_k), \qquad
        \frac{\partial x}{\partial \ell_k} = -\frac{\rho_k}{f(x)} \bigl( \Phi(\zeta_k) - F(x) \bigr)

    Parameters
    ----------
    components : int
        Number K.

    Attributes
    ----------
    blocks : dict
        ``logits`` ℓ, ``locations`` m and ``log_scales`` r, each (K,). The logits are determined up
        to a common constant.

    Raises
    ------
    DomainError
        If ``components`` is not an integer of at least 1.

    Notes
    -----
    Latent points outside (0, 1) raise a DomainError. Where u is below one half, F(x) = u is solved
    by Newton's iteration on log F between brackets, else 1 − F(x) = 1 − u in the same way, so that
    both tails keep their digits. Between distant components the density is small, and x and its
    derivatives depend strongly on u and on the weights.

    The start has equal weights, unit scales, and locations one apart around zero: equal components
    would stay equal.

    Examples
    --------
    >>> import numpy as np
    >>> generator = GaussianMixtureQuantile(2)
    >>> w = generator.pack(logits=0.0, locations=np.array([-2.0, 2.0]), log_scales=0.0)
    >>> u = np.array([[0.25], [0.5]])
    >>> generator(w, u).round(4) + 0.0
    array([[-2.0001],
           [ 0.    ]])
    >>> generator.jacobian(w, u)[1, 0, 2:4]  # in the middle, both locations carry x along
    array([0.5, 0.5])
    """

    components: int
    dimension: int = field(init=False, default=1, repr=False)
    latent_dimension: int = field(init=False, default=1, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "components", _checks.positive_integer(self.components, "components")
        )

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """``logits``, ``locations`` and ``log_scales``."""
        return dict.fromkeys(("logits", "locations", "log_scales"), (self.components,))

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        return self._solve(xp, w, z[:, 0])[:, None]

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        x = self._solve(xp, w, z[:, 0])
        logits, locations, log_scales = self._parts(xp, w).values()
        zeta, weights = _standardised(xp, x, locations, log_scales), softmax(xp, logits)
        log_densities = log_softmax(xp, logits) - log_scales - 0.5 * (zeta * zeta + LOG_2PI)
        top = xp.max(log_densities, axis=1, keepdims=True)
        density = xp.exp(top) * xp.sum(xp.exp(log_densities - top), axis=1, keepdims=True)
        responsibilities = softmax(xp, log_densities)
        # Φ(ζ_k) − F(x), on the side of x on which both are small.
        side = xp.where(z < 0.5, -1.0, xp.ones_like(z))
        tails = normal_tail(xp, -side * zeta)
        excess = side * (xp.sum(weights * tails, axis=1, keepdims=True) - tails)
        by_logits = -weights * excess / density
        by_log_scales = responsibilities * (x[:, None] - locations)
        jacobian = xp.concat([by_logits, responsibilities, by_log_scales], axis=1)

        return linearisation(xp, x, jacobian)

    def _solve(self, xp: Namespace, w: Array, u: Array) -> Array:
        """Quantiles x (n,)."""
        logits, locations, log_scales = self._parts(xp, w).values()
        log_weights, weights = log_softmax(xp, logits), softmax(xp, logits)
        upper = u >= 0.5
        side = xp.where(upper, -1.0, xp.ones_like(u))  # the tail is F(x) for 1, 1 − F(x) for −1
        probability = xp.where(upper, 1.0 - u, u)
        goal, one = xp.log(probability), xp.ones_like(u)

        # Each component alone has its quantile within ± reach of its location; that of the mixture
        # lies between them.
        reach = (xp.sqrt(-2.0 * goal) + MARGIN)[:, None] * xp.exp(log_scales)
        left, right = xp.min(locations - reach, axis=1), xp.max(locations + reach, axis=1)
        x, step, eps = 0.5 * (left + right), right - left, xp.finfo(u.dtype).eps
        thin = THINNEST * xp.finfo(u.dtype).smallest_normal
        for _ in range(STEPS):
            zeta = _standardised(xp, x, locations, log_scales)
            tail = xp.sum(weights * normal_tail(xp, side[:, None] * zeta), axis=1)
            logs = log_weights - log_scales - 0.5 * (zeta * zeta + LOG_2PI)
            density = xp.sum(xp.exp(logs), axis=1)
            on_the_right = side * (probability - tail) > 0
            left, right = xp.where(on_the_right, x, left), xp.where(on_the_right, right, x)
            # Newton's step on the logarithm of the tail, if it stays in the bracket and is less
            # than half the step before; else bisection.
            known = (density > thin) & (tail > 0)
            stretch = xp.where(known, tail, one) / xp.where(known, density, one)
            newton = side * (goal - xp.log(xp.where(known, tail, one))) * stretch
            settled = known & (xp.abs(newton) <= LAST_STEP * eps * (stretch + xp.abs(x)))
            inside = known & (x + newton > left) & (x + newton < right)
            usable = inside & (xp.abs(newton) < 0.5 * xp.abs(step))
            step = xp.where((settled & inside) | usable, newton, 0.5 * (left + right) - x)
            # Between distant components the tail is flat: any settled x will do there, and
            # a step of pure rounding may be huge.
            step = xp.where(settled & ~inside, xp.zeros_like(step), step)
            x = x + step
            if item(xp.all(settled)):
                break
        return x

    def _domain(self, xp: Namespace, w: Array, z: Array) -> dict[str, Array]:
        return unit_interval(z)

    def _latents(self, rng: np.random.Generator, number: int) -> np.ndarray:
        return open_uniform(rng, number)

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        zeros = np.zeros(self.components)
        return {
            "logits": zeros,
            "locations": np.arange(self.components) - 0.5 * (self.components - 1),
            "log_scales": zeros,
        }


def _standardised(xp: Namespace, x: Array, locations: Array, log_scales: Array) -> Array:
    """Return the distances (x − m_k)/s_k, (n, K)."""
    return (x[:, None] - locations) / xp.exp(log_scales)
