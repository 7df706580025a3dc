"""Features from a function of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.features._base import Features

__all__ = ["UserFeatures"]

# A central difference of a smooth function is off by O(h²) + O(eps/h), which h = eps^{1/3} balances
# at eps^{2/3}. At 2h the truncation is four times as large, so the two differences agree to a few
# eps^{2/3} times the size of f. A factor of 1e4 allows for functions that bend quickly and still
# detects a kink or noise, whose error is of order one, or of a larger eps/h.
SMOOTHNESS_FACTOR = 1e4


@dataclass(frozen=True, eq=False)
class UserFeatures(Features):
    """Features from your function, with its Jacobian or a checked numerical one.

    Parameters
    ----------
    function : callable
        Maps points (n, d) to statistics (n, b), each row independently.
    jacobian : callable, optional
        Maps points (n, d) to (n, d, b), the derivatives ∂f_s/∂x_a. Default: central differences at
        two steps, which must agree.

    Raises
    ------
    ShapeError, NonFiniteError
        When called, if a function does not return a finite array of this shape.
    DomainError
        When called, if the numerical Jacobians at the two steps disagree: the function has a kink
        or is noisy there.

    Notes
    -----
    The numerical Jacobian is Richardson's extrapolation of central differences at steps h and 2h,
    h = eps^{1/3} max(1, |x_a|). Its error is some eps^{2/3} (4e-11 in float64) of the size of f.
    :meth:`jacobian_error` compares your Jacobian with it.

    Examples
    --------
    >>> import numpy as np
    >>> features = UserFeatures(lambda x: x**3)
    >>> features.jacobian(np.array([[2.0]])).round(6)
    array([[[12.]]])
    """

    function: Callable[[Array], Array]
    jacobian_function: Callable[[Array], Array] | None = None

    def __init__(
        self, function: Callable[[Array], Array], jacobian: Callable[[Array], Array] | None = None
    ) -> None:
        _checks.function(function, "function")
        if jacobian is not None:
            _checks.function(jacobian, "jacobian")
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "jacobian_function", jacobian)

    def jacobian_error(self, x: Array) -> float:
        """Return the largest difference between the supplied and the numerical Jacobian at x.

        It is relative to the largest entry.
        """
        if self.jacobian_function is None:
            raise DomainError("there is no supplied Jacobian to compare with the numerical one")
        xp = array_namespace(x=x)
        numerical = self._numerical_jacobian(xp, _checks.points(x, "x", xp))
        scale = item(xp.max(xp.abs(numerical)))
        return float(
            item(xp.max(xp.abs(self.jacobian(x) - numerical))) / (scale if scale > 0 else 1.0)
        )

    def _values(self, x: Array, implementation: str) -> Array:
        xp = array_namespace(x=x)
        values = _checks.returned(self.function(x), "the result of function", x=x)
        if values.ndim != 2 or values.shape[0] != x.shape[0] or values.shape[1] == 0:
            raise ShapeError(
                f"function must map {tuple(x.shape)} points to (n, b) statistics, "
                f"it returned shape {tuple(values.shape)}"
            )
        return _checks.finite(
            _checks.real_array(values, "the result of function", xp, like=x),
            "the result of function",
            xp,
        )

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        xp = array_namespace(x=x)
        values = self._values(x, implementation)
        if self.jacobian_function is None:
            return values, self._numerical_jacobian(xp, x)
        jacobian = _checks.returned(self.jacobian_function(x), "the result of jacobian", x=x)
        if tuple(jacobian.shape) != (*x.shape, values.shape[1]):
            raise ShapeError(
                f"jacobian must return shape {(*x.shape, values.shape[1])}, "
                f"it returned {tuple(jacobian.shape)}"
            )
        return values, _checks.finite(
            _checks.real_array(jacobian, "the result of jacobian", xp, like=x),
            "the result of jacobian",
            xp,
        )

    def _numerical_jacobian(self, xp: Namespace, x: Array) -> Array:
        eps = xp.finfo(x.dtype).eps
        step = eps ** (1.0 / 3.0) * xp.maximum(xp.ones_like(x), xp.abs(x))
        fine, coarse = (
            self._central_differences(xp, x, step),
            self._central_differences(xp, x, 2.0 * step),
        )
        size = item(xp.max(xp.abs(fine))) + item(xp.max(xp.abs(self._values(x, "readable"))))
        gap = item(xp.max(xp.abs(fine - coarse)))
        if gap > SMOOTHNESS_FACTOR * eps ** (2.0 / 3.0) * size:
            raise DomainError(
                "function has no reliable numerical Jacobian: "
                f"differences at two steps disagree by {gap:.1e}; supply jacobian= instead"
            )
        return (4.0 * fine - coarse) / 3.0

    def _central_differences(self, xp: Namespace, x: Array, step: Array) -> Array:
        columns = []
        axes = xp.eye(x.shape[1], dtype=x.dtype, device=device(x))
        for coordinate in range(x.shape[1]):
            shift = step * axes[coordinate, :]
            ahead, behind = x + shift, x - shift
            span = (ahead - behind)[:, coordinate]  # the step as rounded, not as meant
            columns.append(
                (self._values(ahead, "readable") - self._values(behind, "readable")) / span[:, None]
            )
        return xp.stack(columns, axis=1)
