"""The sufficient statistics of an exponential family as features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.errors import ShapeError
from ingd_ref.features._base import Features

if TYPE_CHECKING:
    from ingd_ref.families import ExponentialFamily

__all__ = ["FamilyStatistics"]


@dataclass(frozen=True)
class FamilyStatistics(Features):
    """The statistics f of an exponential family: a flow then moves its mean parameters.

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

    def __post_init__(self) -> None:
        from ingd_ref.families import ExponentialFamily as Family

        _checks.instance(self.family, "family", Family, "an ExponentialFamily")

    def _values(self, x: Array, implementation: str) -> Array:
        xp, x = self._supported(x)
        return self.family._statistics(xp, x)

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        xp, x = self._supported(x)
        return self.family._statistics(xp, x), self.family._statistics_jacobian(xp, x)

    def _supported(self, x: Array) -> tuple[Namespace, Array]:
        """Return the namespace and a copy of finite points, if these lie in the support."""
        from ingd_ref.families._edge import require_support

        xp, dim = array_namespace(x=x), self.family.dim
        if x.shape[1] != dim:
            raise ShapeError(f"x must have shape (..., {dim}), got {tuple(x.shape)}")
        require_support(xp, self.family, x)
        return xp, xp.asarray(x, copy=True)
