"""The sufficient statistics of an exponential family as features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingd_ref.backend._namespace import Array
from ingd_ref.features._base import Features

if TYPE_CHECKING:
    from ingd_ref.families import ExponentialFamily

__all__ = ["FamilyStatistics"]


@dataclass(frozen=True)
class FamilyStatistics(Features):
    """The statistics f of an exponential family (E1), so that a flow moves the mean parameters (E2) of that family.

    Parameters
    ----------
    family : ExponentialFamily
        Any family of :mod:`ingd_ref.families`.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> FamilyStatistics(ir.families.Gaussian())(np.array([[3.0]]))
    array([[3., 9.]])
    """

    family: ExponentialFamily

    def _values(self, x: Array, implementation: str) -> Array:
        return self.family.statistics(x)

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        return self.family.statistics(x), self.family.statistics_jacobian(x)
