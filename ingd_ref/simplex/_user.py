"""A model given by a user's function p(ξ), with its Jacobian or without (B2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, device, is_array, item
from ingd_ref.errors import BackendError, DomainError, OptionError, ShapeError
from ingd_ref.simplex._arguments import measure, sums_to
from ingd_ref.simplex._marginalisation import Marginalisation, required_map
from ingd_ref.simplex._model import FiniteModel

__all__ = ["UserModel"]

# f(ξ + ih) = f(ξ) + ih f′(ξ) − h² f″(ξ)/2 − …: nothing is subtracted, so h can be so small that its
# square is lost in any floating type.
STEP = 1e-20


@dataclass(frozen=True)
class UserModel(FiniteModel):
    r"""Model given by a function p(ξ).

    Without a Jacobian the derivatives come from complex steps, :math:`\partial p/\partial\xi_j =
    \operatorname{Im} p(\xi + i h e_j)/h` with h = 1e-20, which subtract nothing and are as accurate
    as the function itself.

    Parameters
    ----------
    function : callable
        Maps ξ (..., d) to probabilities (..., n), for arrays with any leading axes. Without
        ``derivative`` it is also called with complex numbers, so it must be made of analytic
        operations: no absolute values, comparisons or conjugates.
    parameters : int ≥ 1
        Number d of parameters.
    marginalisation : Marginalisation
        Of the n states.
    derivative : callable, optional
        Maps ξ (..., d) to the Jacobian (..., n, d). Default: complex steps.
    sampler : callable, optional
        Takes a number of points and a generator and returns parameters (size, d) well inside the
        model, as a NumPy array. Without it :meth:`random_parameters` raises.

    Examples
    --------
    Two values; the first has probability sin²ξ:

    >>> import numpy as np
    >>> def function(xi):
    ...     return np.concatenate([np.sin(xi) ** 2, np.cos(xi) ** 2], axis=-1)
    >>> model = UserModel(function, 1, Marginalisation([0, 1]))
    >>> model.jacobian(np.array([np.pi / 4])).round(12)
    array([[ 1.],
           [-1.]])
    """

    function: Callable[[Array], Array]
    parameters: int
    marginalisation: Marginalisation
    derivative: Callable[[Array], Array] | None = None
    sampler: Callable[[int, np.random.Generator], np.ndarray] | None = None

    def __post_init__(self) -> None:
        _checks.function(self.function, "function")
        for name in ("derivative", "sampler"):
            if getattr(self, name) is not None:
                _checks.function(getattr(self, name), name)
        required_map(self.marginalisation)
        object.__setattr__(
            self, "parameters", _checks.positive_integer(self.parameters, "parameters")
        )

    def random_parameters(self, size: int, rng: RandomSource) -> np.ndarray:
        """Draw parameters with the sampler; arguments as for :class:`FiniteModel`.

        Raises
        ------
        OptionError
            If there is no sampler.
        """
        if self.sampler is None:
            raise OptionError(
                "a model given by a function has no random parameters without sampler=; "
                "pass points instead"
            )
        size, rng = _checks.positive_integer(size, "size"), _checks.generator(rng)
        return np.asarray(self.sampler(size, rng), dtype=float)

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        p = self.function(xi)
        _require_shape(p, "function", (*xi.shape[:-1], self.states))
        p = measure(p, "the result of function", xp, like=xi)
        sums_to(p, "the result of function", xp, 1.0, _checks.SUM_TOLERANCE)
        return p

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        p = self._probabilities(xp, xi)
        if self.derivative is None:
            jacobian = self._complex_steps(xp, xi)
        else:
            jacobian = self.derivative(xi)
            _require_shape(jacobian, "derivative", (*p.shape, self.parameters))
        jacobian = _checks.finite(
            _checks.real_array(jacobian, "the result of derivative", xp, xi), "the Jacobian", xp
        )
        size = 1.0 + xp.sum(xp.abs(jacobian), axis=-2)
        if item(xp.any(xp.abs(xp.sum(jacobian, axis=-2)) > _checks.SUM_TOLERANCE * size)):
            raise DomainError("columns of the Jacobian must sum to zero, as probabilities sum to 1")
        return p, jacobian

    def _complex_steps(self, xp: Namespace, xi: Array) -> Array:
        complex_type = xp.complex64 if xi.dtype == xp.float32 else xp.complex128
        point = xp.astype(xi, complex_type)
        axes = xp.eye(self.parameters, dtype=xi.dtype, device=device(xi))
        columns = []
        for j in range(self.parameters):
            result = self.function(point + 1j * xp.astype(STEP * axes[j, :], complex_type))
            _require_shape(result, "function", (*xi.shape[:-1], self.states))
            if not xp.isdtype(result.dtype, "complex floating"):
                raise BackendError(
                    "function must return complex numbers for complex parameters, "
                    "or come with its derivative"
                )
            columns.append(xp.imag(result) / STEP)
        return xp.stack(columns, axis=-1)


def _require_shape(x: Array, name: str, shape: tuple[int, ...]) -> None:
    if not is_array(x):
        raise BackendError(
            f"{name} must return an array of shape {tuple(shape)}, got {type(x).__name__}"
        )
    if tuple(x.shape) != tuple(shape):
        raise ShapeError(
            f"{name} must return an array of shape {tuple(shape)}, got {tuple(x.shape)}"
        )
