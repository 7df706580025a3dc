"""The von Mises-Fisher family: directions in any dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.bessel import (
    bessel_ratio,
    bessel_ratio_curvature,
    inverse_bessel_ratio,
    reduced_log_bessel,
    reduced_log_bessel_bregman,
)
from ingd_ref._special.sphere import ball_gap, norm, versine
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import everywhere
from ingd_ref.families._parameters import Constraint, Parameter, Requirements
from ingd_ref.families._samples import deviations, reject_where

__all__ = ["VonMisesFisher"]

# Unit vectors are rounded, perhaps to single precision. Vectors farther off were never normalised.
UNIT_TOLERANCE = 1e-6
# A unit vector is off by u in each coordinate, and by as much again when it is normalised here.
# Directions of two of them that are no farther apart may be the same.
DIRECTION_ROUNDINGS = 4.0

# At a concentration of CONCENTRATED d², 1 − ⟨m, x⟩ is Gamma distributed but for a share of 1e-20.
CONCENTRATED = 1e20

CONCENTRATION = Constraint("zero or positive", lambda xp, value: value >= 0)
UNIT_VECTOR = Constraint(
    "a unit vector", lambda xp, value: xp.abs(ball_gap(xp, value)) <= UNIT_TOLERANCE
)


@dataclass(frozen=True)
class VonMisesFisher(ExponentialFamily):
    r"""von Mises-Fisher distribution of unit vectors x in R^d, relative to the area of the sphere.

    Classical parameters are the ``mean_direction`` m, a unit vector (d,), and the ``concentration``
    κ ≥ 0; κ = 0 is the uniform law, whose direction is returned as e₁. With ν = d/2 − 1, S the area
    2π^{d/2}/Γ(d/2) of the sphere and R = I_{ν+1}/I_ν the Bessel ratio at κ,

    .. math::
        f(x) &= x, \quad h(x) = 1/S, \quad \theta = \kappa m & \text{(E1)} \\
        A(\theta) &= L(\kappa) = \log(\Gamma(\nu + 1) (2/\kappa)^\nu I_\nu(\kappa)) & \text{(E1)} \\
        \nabla A(\theta) &= R\,m = (R/\kappa)\,\theta & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\kappa/R)\,\mu, \quad R(\kappa) = \|\mu\| & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= (R/\kappa)(I - mm^\top) + R'\,mm^\top & \text{(E3)} \\
        F^{-1} &= (\kappa/R)\,I + (1/R' - \kappa/R)\,mm^\top, \quad
            F_{m,\kappa} = \mathrm{diag}(\kappa R\,(I - mm^\top),\, R') & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= B_L(\kappa, \kappa') + R\,\kappa'\,(1
            - \langle m, m' \rangle) & \text{(E5)} \\
        \nabla^3 A(\theta)_{ijk} &= R''\,m_i m_j m_k + (R/\kappa)' (P_{ij} m_k + P_{ik} m_j
            + P_{jk} m_i), \quad P = I - mm^\top

    B_L(κ, κ′) = L(κ′) − L(κ) − (κ′ − κ)R(κ) ≥ 0 is evaluated without cancellation, as are 1 − ⟨m,
    m′⟩ and, for the inverse, 1 − ‖μ‖. A point within 1e-6 of the sphere is read as x/‖x‖, so that
    the Jacobian of f is I − xxᵀ, the gradient along the sphere.

    Parameters
    ----------
    dimension : int ≥ 2
        Dimension d of the space; the sphere has d − 1 dimensions. Default 3.

    Examples
    --------
    >>> import numpy as np
    >>> family = VonMisesFisher(3)
    >>> theta = family.natural(mean_direction=[0.0, 0.6, 0.8], concentration=1e8)
    >>> family.mean(theta)  # R = coth κ − 1/κ
    array([0.        , 0.59999999, 0.79999999])
    >>> f"{family.kl(theta, (1.0 + 2.0**-20) * theta).item():.9e}"  # t − log(1 + t) at t = 2⁻²⁰
    '4.547470618e-13'
    """

    dimension: int = 3
    name = "von Mises-Fisher"

    def __post_init__(self) -> None:
        """Check the dimension."""
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))
        if self.dimension < 2:
            raise DomainError(f"dimension must be an integer of at least 2, got {self.dimension!r}")

    @classmethod
    def examples(cls) -> Sequence[VonMisesFisher]:
        """The circle, the sphere, and a dimension that is neither small nor even."""
        return (cls(2), cls(3), cls(7))

    @property
    def dim(self) -> int:
        """Dimension d of a point."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number d of statistics."""
        return self.dimension

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The direction and the concentration."""
        return (
            Parameter("mean_direction", UNIT_VECTOR, shape=(self.dimension,)),
            Parameter("concentration", CONCENTRATION),
        )

    @property
    def order(self) -> float:
        """Order ν = d/2 − 1 of the Bessel functions."""
        return 0.5 * self.dimension - 1.0

    @property
    def log_area(self) -> float:
        """Logarithm of the area S of the sphere."""
        return (
            math.log(2.0)
            + 0.5 * self.dimension * math.log(math.pi)
            - math.lgamma(0.5 * self.dimension)
        )

    _domain = everywhere

    def _natural(self, xp: Namespace, mean_direction: Array, concentration: Array) -> Array:
        return concentration[..., None] * (mean_direction / norm(xp, mean_direction)[..., None])

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        kappa = norm(xp, theta)
        return {"mean_direction": self._direction(xp, theta, kappa), "concentration": kappa}

    def _direction(self, xp: Namespace, theta: Array, kappa: Array) -> Array:
        """Direction m of θ; e₁ if θ = 0."""
        some = (kappa > 0)[..., None]
        first = xp.concat([xp.ones_like(theta[..., :1]), xp.zeros_like(theta[..., 1:])], axis=-1)
        return xp.where(some, theta / xp.where(some, kappa[..., None], xp.ones_like(theta)), first)

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"norm of mu < 1": ball_gap(xp, mu) > 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"norm of x = 1": xp.abs(ball_gap(xp, x)) <= UNIT_TOLERANCE}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x / norm(xp, x)[..., None]

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        length = norm(xp, x)[..., None]
        m = x / length
        return _with_diagonal(xp, _others(xp, m * m), 0.0 - _outer(m)) / length[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.full_like(x[..., 0], -self.log_area)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return reduced_log_bessel(xp, self.order, norm(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return theta * bessel_ratio(xp, self.order, norm(xp, theta)).over_argument[..., None]

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._from_length(xp, mu, ball_gap(xp, mu))

    def _from_length(self, xp: Namespace, mu: Array, gap: Array) -> Array:
        """Natural parameters whose mean has the direction of μ and the length ‖μ‖ = 1 − ``gap``."""
        length = norm(xp, mu)
        kappa = inverse_bessel_ratio(xp, self.order, length, gap)
        return mu / bessel_ratio(xp, self.order, kappa).over_argument[..., None]

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        ratio, m = bessel_ratio(xp, self.order, kappa), self._direction(xp, theta, kappa)
        diagonal = ratio.over_argument[..., None] * _others(xp, m * m) + ratio.slope[..., None] * (
            m * m
        )
        return _with_diagonal(xp, diagonal, 0.0 - ratio.anisotropy[..., None, None] * _outer(m))

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        ratio, m = bessel_ratio(xp, self.order, kappa), self._direction(xp, theta, kappa)
        across = (kappa * ratio.value)[..., None, None] * _with_diagonal(
            xp, _others(xp, m * m), 0.0 - _outer(m)
        )
        zero = xp.zeros_like(theta)
        return xp.concat(
            [
                xp.concat([across, zero[..., None]], axis=-1),
                xp.concat([zero, ratio.slope[..., None]], axis=-1)[..., None, :],
            ],
            axis=-2,
        )

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        ratio, m = bessel_ratio(xp, self.order, kappa), self._direction(xp, theta, kappa)
        along = (ratio.anisotropy / ratio.slope)[..., None, None] * _outer(m)
        return (
            _with_diagonal(xp, 1.0 + xp.linalg.diagonal(along), along)
            / ratio.over_argument[..., None, None]
        )

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        kappa = norm(xp, theta)
        ratio, m = bessel_ratio(xp, self.order, kappa), self._direction(xp, theta, kappa)
        along = (ratio.anisotropy / ratio.slope) * xp.sum(m * grad, axis=-1)
        return (grad + along[..., None] * m) / ratio.over_argument[..., None]

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        m = self._direction(xp, theta, kappa)
        along = bessel_ratio_curvature(xp, self.order, kappa)[..., None, None, None]
        safe = xp.where(kappa > 0, kappa, xp.ones_like(kappa))
        slope = bessel_ratio(xp, self.order, kappa).anisotropy / safe  # −(R/κ)′
        outer, across = _outer(m), _with_diagonal(xp, _others(xp, m * m), 0.0 - _outer(m))
        mixed = across[..., :, :, None] * m[..., None, None, :]
        mixed = mixed + across[..., :, None, :] * m[..., None, :, None]
        mixed = mixed + across[..., None, :, :] * m[..., :, None, None]
        cube = outer[..., None] * m[..., None, None, :]
        return along * cube - slope[..., None, None, None] * mixed

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """Mix 1 − R and 1 − ⟨m, m′⟩, which the length of a mean next to the sphere has lost."""
        ratio1, ratio2 = (
            bessel_ratio(xp, self.order, norm(xp, theta)) for theta in (theta1, theta2)
        )
        mean = (1.0 - t) * ratio1.over_argument[..., None] * theta1 + t * ratio2.over_argument[
            ..., None
        ] * theta2
        t = t[..., 0]
        gap = (1.0 - t) * ratio1.complement + t * ratio2.complement
        apart = 2.0 * t * (1.0 - t) * ratio1.value * ratio2.value * versine(xp, theta1, theta2)
        return self._from_length(xp, mean, (gap * (2.0 - gap) + apart) / (1.0 + norm(xp, mean)))

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        kappa1, kappa2 = norm(xp, theta1), norm(xp, theta2)
        total = kappa1 + kappa2
        middle = (theta1 + theta2) / xp.where(total > 0, total, xp.ones_like(total))[..., None]
        difference = xp.sum((theta2 - theta1) * middle, axis=-1)  # κ′ − κ, as accurate as θ′ − θ
        radial = reduced_log_bessel_bregman(xp, self.order, kappa1, kappa2, difference)
        return radial + bessel_ratio(xp, self.order, kappa1).value * (
            kappa2 * versine(xp, theta1, theta2)
        )

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        kappa = norm(xp, theta)
        return reduced_log_bessel_bregman(xp, self.order, kappa, xp.zeros_like(kappa), -kappa)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return self.log_area - self._conjugate(xp, theta)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        kappa = norm(xp, theta)
        tilt = bessel_ratio(xp, self.order, kappa).complement - versine(xp, theta, x)  # ⟨m, x⟩ − R
        return self._conjugate(xp, theta) + kappa * tilt - self.log_area

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        x = self._statistics(xp, x)
        mean = xp.sum(weights * x, axis=-2)
        spread = xp.sum(weights * (x - mean[..., None, :]) ** 2, axis=(-2, -1))  # 1 − ‖mean‖²
        eps = float(xp.finfo(x.dtype).eps)
        if not item(xp.all(spread > eps)):
            apart = xp.max(xp.max(x, axis=-2) - xp.min(x, axis=-2), axis=-1)
            bound = 0.5 * DIRECTION_ROUNDINGS * eps
            same = {f"all directions that have weight agree up to {bound:.2g}": apart <= bound}
            reject_where(xp, self.name, same)
            mean, deviation = deviations(xp, x, weights)
            spread = xp.sum(weights * deviation**2, axis=(-2, -1))
        return self._from_length(xp, mean, spread / (1.0 + norm(xp, mean)))

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean_direction: np.ndarray,
        concentration: np.ndarray,
    ) -> np.ndarray:
        versine = draw_versine(rng, size, self.dimension, concentration)
        free = rng.standard_normal((*size, self.dimension))
        free -= np.sum(free * mean_direction, axis=-1, keepdims=True) * mean_direction
        free /= np.linalg.norm(free, axis=-1, keepdims=True)
        points = (1.0 - versine) * mean_direction + np.sqrt(versine * (2.0 - versine)) * free
        return np.asarray(points / np.linalg.norm(points, axis=-1, keepdims=True))

    scipy_name = "vonmises_fisher"

    def _to_scipy(self, mean_direction: np.ndarray, concentration: np.ndarray) -> dict[str, Any]:
        return {"mu": mean_direction, "kappa": concentration}

    @classmethod
    def _from_scipy(
        cls, mu: np.ndarray, kappa: np.ndarray
    ) -> tuple[VonMisesFisher, dict[str, np.ndarray]]:
        return cls(len(mu)), {"mean_direction": mu, "concentration": kappa}


def draw_versine(
    rng: np.random.Generator, size: tuple[int, ...], dimension: int, concentration: np.ndarray
) -> np.ndarray:
    """Draw 1 − ⟨m, x⟩ (*size, 1) by Wood's rejection, which accepts two in three or more.

    Its tail and its acceptance are written in 1 − ⟨m, x⟩, which keeps its digits however small it
    is.
    """
    free = dimension - 1.0
    kappa = np.broadcast_to(concentration, size).ravel()
    flat = kappa > CONCENTRATED * dimension**2
    result, open_ = np.empty(kappa.shape), np.flatnonzero(~flat)
    # Next to the mean direction the sphere is flat to the last digit.
    result[flat] = rng.standard_gamma(0.5 * free, np.count_nonzero(flat)) / kappa[flat]
    kappa = np.where(flat, 1.0, kappa)
    b = free / (2.0 * kappa + np.hypot(2.0 * kappa, free))
    centre = 2.0 * b / (1.0 + b)
    while open_.size:
        k, scale, middle = kappa[open_], b[open_], centre[open_]
        beta = rng.beta(0.5 * free, 0.5 * free, open_.size)
        versine = 2.0 * scale * beta / ((1.0 - beta) + scale * beta)
        odds = (middle + versine * (1.0 - middle)) / (middle * (2.0 - middle))
        accepted = k * (middle - versine) + free * np.log(odds) >= -rng.standard_exponential(
            open_.size
        )
        result[open_[accepted]] = versine[accepted]
        open_ = open_[~accepted]
    return result.reshape((*size, 1))


def _outer(m: Array) -> Array:
    return m[..., :, None] * m[..., None, :]


def _others(xp: Namespace, squares: Array) -> Array:
    """Return the sums of all entries (..., d) but one: 1 − m² of a unit vector, uncancelled."""
    d = squares.shape[-1]
    mask = xp.ones((d, d), dtype=squares.dtype, device=device(squares)) - xp.eye(
        d, dtype=squares.dtype, device=device(squares)
    )
    return xp.matmul(squares[..., None, :], mask)[..., 0, :]


def _with_diagonal(xp: Namespace, diagonal: Array, matrices: Array) -> Array:
    eye = xp.eye(diagonal.shape[-1], dtype=diagonal.dtype, device=device(diagonal))
    return xp.where(eye > 0, diagonal[..., None], matrices)
