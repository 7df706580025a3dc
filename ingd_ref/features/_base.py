"""What a vector of sufficient statistics has to offer to a flow."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.errors import OptionError

__all__ = ["Features", "require_features"]


class Features(ABC):
    """Sufficient statistics f: R^d → R^b with their Jacobian ∇f ∈ R^{d×b}, as in (E1) and (P4).

    A subclass gives :meth:`_values` and :meth:`_values_and_jacobian`; arguments have been checked
    when they are called.
    """

    def __call__(self, x: Array, implementation: str = "auto") -> Array:
        """Return the statistics f(x_i).

        Parameters
        ----------
        x : array (n, d)
            Points.
        implementation : {"auto", "readable", "fused"}
            Default ``"auto"``.

        Returns
        -------
        array (n, b)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError
            For points that are not finite numbers or do not fit the features.
        """
        return self._values(self._checked(x), implementation)

    def jacobian(self, x: Array, implementation: str = "auto") -> Array:
        """Return the Jacobian ∂f_s/∂x_a at each point, shape (n, d, b); arguments and errors as for calling the features."""
        return self.values_and_jacobian(x, implementation)[1]

    def values_and_jacobian(self, x: Array, implementation: str = "auto") -> tuple[Array, Array]:
        """Return f (n, b) and ∇f (n, d, b) together, which costs less than one after the other."""
        return self._values_and_jacobian(self._checked(x), implementation)

    def draw(self, x: Array, y: Array, rng: np.random.Generator) -> Features:
        """Return the features of one step of a flow: these. Rules such as random centres depend on the samples."""
        return self

    @abstractmethod
    def _values(self, x: Array, implementation: str) -> Array:
        """F (n, b)."""

    @abstractmethod
    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        """F (n, b) and ∇f (n, d, b)."""

    def _checked(self, x: Array) -> Array:
        return _checks.points(x, "x", array_namespace(x=x))


def require_features(features: object, method: str = "values_and_jacobian") -> None:
    """Raise :class:`OptionError` unless ``features`` has the method that is about to be called, and say how a family becomes features."""
    if not hasattr(features, method):
        hint = "put a family into ingd_ref.features.FamilyStatistics, and functions of your own into ingd_ref.features.UserFeatures"
        raise OptionError(
            f"features must be sufficient statistics with their Jacobian, got {type(features).__name__}; {hint}"
        )
