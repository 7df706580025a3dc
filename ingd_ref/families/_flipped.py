"""Formulas of a family whose member θ has the law of 1/X for the member Tθ of another family.

T changes the sign of the first coordinate, since log(1/x) = −log x. The inverse Gamma and inverse
Wishart families name the formulas that they use, as in ``_mean = _flipped.mean``, and the other
family as ``_inverted``.
"""

from __future__ import annotations

from typing import Protocol

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._formulas import Formulas

__all__ = [
    "Flipped",
    "conjugate",
    "fisher",
    "fisher_vector_product",
    "flip",
    "inverse_fisher",
    "kl",
    "log_partition",
    "mean",
    "natural_from_mean",
    "natural_gradient",
    "third_cumulant",
]


class Flipped(Protocol):
    """What these formulas ask of a family."""

    @property
    def _inverted(self) -> Formulas: ...


def flip(xp: Namespace, vector: Array) -> Array:
    """Return Tv for vectors (..., b)."""
    return xp.concat([-vector[..., :1], vector[..., 1:]], axis=-1)


def log_partition(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """A(θ) = A′(Tθ)."""
    return family._inverted._log_partition(xp, flip(xp, theta))


def mean(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """∇A(θ) = T∇A′(Tθ)."""
    return flip(xp, family._inverted._mean(xp, flip(xp, theta)))


def natural_from_mean(family: Flipped, xp: Namespace, mu: Array) -> Array:
    """Inverse of :func:`mean`."""
    return flip(xp, family._inverted._natural_from_mean(xp, flip(xp, mu)))


def fisher(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """F(θ) = TF′(Tθ)T."""
    return _flip_both(xp, family._inverted._fisher(xp, flip(xp, theta)))


def inverse_fisher(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """F⁻¹(θ) = TF′⁻¹(Tθ)T."""
    return _flip_both(xp, family._inverted._inverse_fisher(xp, flip(xp, theta)))


def natural_gradient(family: Flipped, xp: Namespace, theta: Array, grad: Array) -> Array:
    """F⁻¹(θ)g = TF′⁻¹(Tθ)Tg."""
    return flip(xp, family._inverted._natural_gradient(xp, flip(xp, theta), flip(xp, grad)))


def fisher_vector_product(family: Flipped, xp: Namespace, theta: Array, vector: Array) -> Array:
    """F(θ)v = TF′(Tθ)Tv."""
    return flip(xp, family._inverted._fisher_vector_product(xp, flip(xp, theta), flip(xp, vector)))


def third_cumulant(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """∇³A(u, v, w) = ∇³A′(Tu, Tv, Tw)."""
    flipped = _flip_both(xp, family._inverted._third_cumulant(xp, flip(xp, theta)))
    return xp.concat([-flipped[..., :1, :, :], flipped[..., 1:, :, :]], axis=-3)


def kl(family: Flipped, xp: Namespace, theta1: Array, theta2: Array) -> Array:
    """KL(θ‖θ′) = KL′(Tθ‖Tθ′)."""
    return family._inverted._kl(xp, flip(xp, theta1), flip(xp, theta2))


def conjugate(family: Flipped, xp: Namespace, theta: Array) -> Array:
    """Conjugate function at the mean of θ: that of Tθ."""
    return family._inverted._conjugate(xp, flip(xp, theta))


def _flip_both(xp: Namespace, matrices: Array) -> Array:
    """Return TFT for matrices (..., b, b)."""
    return xp.matrix_transpose(flip(xp, xp.matrix_transpose(flip(xp, matrices))))
