"""Conjugate priors: pseudo-observations of which the number and the mean statistics are given.

:func:`conjugate_prior` is the method of :class:`~ingd_ref.families.ExponentialFamily`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace, is_array, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._charts import natural_from_mean
from ingd_ref.families._edge import checked_mean, checked_points
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._potentials import kl

__all__ = ["ConjugatePrior", "conjugate_prior"]


@dataclass(frozen=True, eq=False)
class ConjugatePrior:
    r"""Conjugate prior of the natural parameters, with respect to dθ.

    .. math::
        \pi(\theta) \propto \exp\big(\nu(\langle\theta, m\rangle - A(\theta))\big), \qquad
        \log\frac{\pi(\theta)}{\pi(\hat\theta)} = -\nu\,\mathrm{KL}(\hat\theta\,\|\,\theta),
        \quad \mu(\hat\theta) = m

    It acts like ν observations whose statistics have the mean m, which is also the prior mean of μ
    (Diaconis and Ylvisaker). Observing n points adds n to ν and moves m to the mean of all.

    Parameters
    ----------
    family : ExponentialFamily
        The likelihood.
    mean : array (..., b)
        Mean m of the statistics; the mean parameters (E2) of a member.
    strength : float or array (...)
        Number ν > 0 of pseudo-observations.
    """

    family: Formulas
    mean: Array
    strength: Any

    def __post_init__(self) -> None:
        xp, mean = checked_mean(self.family, self.mean, "mean")
        if is_array(self.strength):
            array_namespace(mean=self.mean, strength=self.strength)
        strength = _checks.number_or_array(self.strength, "strength", xp, like=mean)
        strength = xp.asarray(strength, copy=True)
        if not item(xp.all(strength > 0)):
            raise DomainError(f"strength must be positive, got {item(xp.min(strength)):g}")
        object.__setattr__(self, "mean", xp.asarray(mean, copy=True))
        object.__setattr__(self, "strength", strength)

    def posterior(self, x: Array, multiplicities: Array | None = None) -> ConjugatePrior:
        """Return the posterior distribution given observations, which is conjugate too.

        Parameters
        ----------
        x : array (..., n, d)
            Points, n ≥ 1, independent given θ.
        multiplicities : array (n,), optional
            How often each was observed: non-negative, not necessarily whole. Default: once.

        Returns
        -------
        ConjugatePrior
            With mean (νm + Σ w f(x))/(ν + Σ w) and strength ν + Σ w.

        Raises
        ------
        ShapeError
            If there is no point, or not one multiplicity for each.
        DomainError
            If a point lies outside the support, or a multiplicity is negative.
        """
        given = _checks.arrays(
            ("multiplicities",), mean=self.mean, x=x, multiplicities=multiplicities
        )
        x, multiplicities = given[2:]
        if x.ndim < 2 or x.shape[-2] == 0:
            shape = f"(..., n, {self.family.dim})"
            raise ShapeError(f"x must have shape {shape} with n ≥ 1, got {tuple(x.shape)}")
        xp, x = checked_points(self.family, x)
        x = xp.astype(x, self.mean.dtype)
        counts = (
            xp.ones_like(x[(0,) * (x.ndim - 2)][:, 0]) if multiplicities is None else multiplicities
        )
        counts = _checks.vector(counts, "multiplicities", x.shape[-2], xp, like=self.mean)
        if item(xp.any(counts < 0)):
            raise DomainError(f"multiplicities must not be negative, got {item(xp.min(counts)):g}")
        strength = self.strength + xp.sum(counts)
        observed = xp.sum(counts[:, None] * self.family._statistics(xp, x), axis=-2)
        # The difference to m is what moves it: nothing is lost where the data agree with the prior.
        mean = self.mean + (observed - xp.sum(counts) * self.mean) / strength[..., None]
        return ConjugatePrior(self.family, mean, strength)

    def mode(self) -> Array:
        """Return the natural parameters (..., b) of largest density with respect to dθ."""
        return natural_from_mean(self.family, self.mean)

    def log_density_below_mode(self, theta: Array) -> Array:
        """Return log π(θ)/π(mode) = −ν KL(mode‖θ) ≤ 0, from (E5), accurate near the mode too.

        Parameters
        ----------
        theta : array (..., b)
            Natural parameters.

        Returns
        -------
        array (...)
        """
        return -self.strength * kl(self.family, self.mode(), theta)


@_checks.guarded
def conjugate_prior(family: Formulas, mean: Array, strength: Any) -> ConjugatePrior:
    """Return the conjugate prior π(θ) ∝ exp(ν(⟨θ, m⟩ − A(θ))) of the natural parameters.

    Parameters
    ----------
    mean : array (..., b)
        Mean m of the statistics; the mean parameters (E2) of a member.
    strength : float or array (...)
        Number ν > 0 of pseudo-observations.

    Returns
    -------
    ConjugatePrior
        With methods ``posterior(x, multiplicities=None)``, ``mode()`` and
        ``log_density_below_mode(theta)``.

    Raises
    ------
    DomainError
        If ν is not positive, or no member of the family has these mean parameters.

    Examples
    --------
    Three pseudo-observations with the sum 6, and two observations with the sum 6:

    >>> import numpy as np
    >>> from ingd_ref.families import Exponential
    >>> prior = Exponential().conjugate_prior(mean=np.array([2.0]), strength=3.0)
    >>> posterior = prior.posterior(np.array([[1.0], [5.0]]))
    >>> posterior.strength.item(), posterior.mean
    (5.0, array([2.4]))
    """
    return ConjugatePrior(family, mean, strength)
