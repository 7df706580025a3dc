"""The von Mises family: angles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.bessel import bessel_ratio
from ingd_ref._special.double_words import two_sum
from ingd_ref._special.sphere import norm
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._common import everywhere
from ingd_ref.families._parameters import Constraint, Parameter
from ingd_ref.families._samples import reject_where
from ingd_ref.families.von_mises_fisher import VonMisesFisher, draw_versine

__all__ = ["VonMises"]

# The point (cos x, sin x) of the circle has a von Mises-Fisher distribution. All that does not
# depend on the coordinate of a point is the same.
CIRCLE = VonMisesFisher(2)
# What the rounding of a difference of angles leaves counts if they are farther apart than this.
WIDE = 8.0
CONCENTRATION = Constraint("zero or positive", lambda xp, value: value >= 0)


@dataclass(frozen=True)
class VonMises(ExponentialFamily):
    r"""von Mises distribution of an angle x in radians, read modulo 2π.

    Classical parameters are the angle ``mean_direction`` φ, returned in [−π, π], and the
    ``concentration`` κ ≥ 0; κ = 0 is the uniform law, whose direction is returned as 0. With R =
    I₁/I₀ at κ and e = (cos φ, sin φ),

    .. math::
        f(x) &= (\cos x,\, \sin x), \quad h(x) = 1/(2\pi), \quad
            \theta = \kappa\,(\cos\varphi,\, \sin\varphi) & \text{(E1)} \\
        A(\theta) &= \log I_0(\kappa), \quad \kappa = \|\theta\| & \text{(E1)} \\
        \nabla A(\theta) &= R\,e & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\kappa/R)\,\mu, \quad R(\kappa) = \|\mu\| & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= (R/\kappa)\,(I - ee^\top) + R'\,ee^\top, \quad
            R' = 1 - R^2 - R/\kappa & \text{(E3)} \\
        F^{-1} &= (\kappa/R)\,I + (1/R' - \kappa/R)\,ee^\top, \quad
            F_{\varphi,\kappa} = \mathrm{diag}(\kappa R,\, R') & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= B(\kappa, \kappa') + 2 R\,\kappa' \sin^2 ½(\varphi
            - \varphi') & \text{(E5)}

    B(κ, κ′) = log I₀(κ′) − log I₀(κ) − (κ′ − κ)R(κ) ≥ 0 is evaluated without cancellation, as is 1
    − ‖μ‖ for the inverse. The density is that of an angle on one turn: it integrates to one over
    any interval of length 2π.

    Examples
    --------
    >>> import numpy as np
    >>> family = VonMises()
    >>> theta = family.natural(mean_direction=0.0, concentration=1e8)
    >>> family.fisher(theta)  # R′ is about 1/(2κ²)
    array([[5.00000002e-17, 0.00000000e+00],
           [0.00000000e+00, 9.99999995e-09]])
    >>> near = family.natural(mean_direction=1e-12, concentration=1e8)
    >>> family.kl(theta, near).item()  # ½κR times the square of the angle
    4.9999999...e-17
    """

    name = "von Mises"
    dim = 1
    number = 2
    parameters = (Parameter("mean_direction"), Parameter("concentration", CONCENTRATION))

    _domain = everywhere
    _mean_domain = CIRCLE._mean_domain
    _log_partition = CIRCLE._log_partition
    _mean = CIRCLE._mean
    _natural_from_mean = CIRCLE._natural_from_mean
    _fisher = CIRCLE._fisher
    _inverse_fisher = CIRCLE._inverse_fisher
    _natural_gradient = CIRCLE._natural_gradient
    _third_cumulant = CIRCLE._third_cumulant
    _mixture = CIRCLE._mixture
    _kl = CIRCLE._kl
    _conjugate = CIRCLE._conjugate
    _entropy = CIRCLE._entropy

    def _natural(self, xp: Namespace, mean_direction: Array, concentration: Array) -> Array:
        return concentration[..., None] * xp.stack(
            [xp.cos(mean_direction), xp.sin(mean_direction)], axis=-1
        )

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {
            "mean_direction": xp.atan2(theta[..., 1], theta[..., 0]),
            "concentration": norm(xp, theta),
        }

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([xp.cos(x), xp.sin(x)], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([-xp.sin(x), xp.cos(x)], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.full_like(x[..., 0], -CIRCLE.log_area)

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        ratio = bessel_ratio(xp, CIRCLE.order, kappa)
        zero = xp.zeros_like(kappa)
        return matrix(xp, [[kappa * ratio.value, zero], [zero, ratio.slope]])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        direction, kappa = self._classical(xp, theta).values()
        versine = 2.0 * xp.sin(0.5 * (x[..., 0] - direction)) ** 2
        tilt = bessel_ratio(xp, CIRCLE.order, kappa).complement - versine
        return self._conjugate(xp, theta) + kappa * tilt - CIRCLE.log_area

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Fit angles from the first point, then from the mean direction, exact for close points."""
        first, weights = x[..., :1, 0], weights[:, 0]
        apart, rest = two_sum(x[..., 0], -first)
        sine, cosine = xp.sin(apart), xp.cos(apart)
        if item(xp.max(xp.abs(apart))) > WIDE:
            sine, cosine = sine + rest * cosine, cosine - rest * sine
        turn = xp.atan2(xp.sum(weights * sine, axis=-1), xp.sum(weights * cosine, axis=-1))
        half = 0.5 * ((apart - turn[..., None]) + rest)
        gap = xp.sum(weights * 2.0 * xp.sin(half) ** 2, axis=-1)  # 1 − ‖mean‖
        if not item(xp.all(gap > float(xp.finfo(x.dtype).eps))):
            same = {"all directions that have weight agree": _agree(xp, x[..., 0], apart)}
            reject_where(xp, self.name, same)
        sine, cosine = xp.sin(first[..., 0]), xp.cos(first[..., 0])
        direction = xp.stack(
            [
                cosine * xp.cos(turn) - sine * xp.sin(turn),
                sine * xp.cos(turn) + cosine * xp.sin(turn),
            ],
            axis=-1,
        )
        return CIRCLE._from_length(xp, (1.0 - gap)[..., None] * direction, gap)

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean_direction: np.ndarray,
        concentration: np.ndarray,
    ) -> np.ndarray:
        deviation = 2.0 * np.arcsin(np.sqrt(0.5 * draw_versine(rng, size, 2, concentration)))
        angle = mean_direction[..., None] + np.where(
            rng.random((*size, 1)) < 0.5, -deviation, deviation
        )
        return np.asarray(np.arctan2(np.sin(angle), np.cos(angle)))

    scipy_name = "vonmises"

    def _to_scipy(self, mean_direction: np.ndarray, concentration: np.ndarray) -> dict[str, Any]:
        return {"kappa": concentration, "loc": mean_direction}

    @classmethod
    def _from_scipy(
        cls, kappa: np.ndarray, loc: np.ndarray
    ) -> tuple[VonMises, dict[str, np.ndarray]]:
        return cls(), {"mean_direction": loc, "concentration": kappa}


def _agree(xp: Namespace, x: Array, apart: Array) -> Array:
    """Whether angles (..., n) that are ``apart`` from a first one are the same modulo 2π.

    They are exact within a turn, and rounded if they differ by whole turns.
    """
    rounding = xp.abs(x) * float(xp.finfo(x.dtype).eps)
    turned = xp.abs(xp.sin(0.5 * apart)) <= rounding
    return xp.all(xp.where(xp.abs(apart) < math.pi, apart == 0, turned), axis=-1)
