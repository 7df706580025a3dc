"""Mixtures of fixed distributions; the full simplex is the mixture of its corners (B2)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, to_host
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._arguments import constant, distribution
from ingd_ref.simplex._marginalisation import Marginalisation, required_map
from ingd_ref.simplex._model import FiniteModel

__all__ = ["MixtureModel", "full_simplex"]


@dataclass(frozen=True, eq=False)
class MixtureModel(FiniteModel):
    r"""Mixture of K fixed distributions, a flat piece of the simplex.

    .. math:: p(x; \xi) = \sum_{k<K} \xi_k P_k(x) + \Big(1 - \sum_{k<K} \xi_k\Big) P_K(x)

    Parameters
    ----------
    components : array (K, n)
        Distributions P_k: not negative, each summing to one. At least two.
    marginalisation : Marginalisation
        Of the n states.

    Raises
    ------
    DomainError
        If there are fewer than two components, or one has negative entries or a wrong sum.

    Examples
    --------
    >>> import numpy as np
    >>> components = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    >>> model = MixtureModel(components, Marginalisation([0, 0, 1]))
    >>> model.probabilities(np.array([0.25]))
    array([0.125, 0.5  , 0.375])
    """

    components: Array
    marginalisation: Marginalisation
    parameters: int = field(init=False)

    def __post_init__(self) -> None:
        required_map(self.marginalisation)
        xp, components = _checks.arrays(components=self.components)
        if components.ndim != 2:
            raise ShapeError(
                f"components must have shape (K, {self.marginalisation.states}), "
                f"got {tuple(components.shape)}"
            )
        components = distribution(
            components, "components", xp, self.marginalisation.states, closed=True
        )
        if components.shape[0] < 2:
            raise DomainError("a mixture needs at least two components, got 1")
        object.__setattr__(self, "components", np.array(to_host(components)))
        object.__setattr__(self, "parameters", int(components.shape[0]) - 1)

    def random_parameters(self, size: int, rng: RandomSource) -> np.ndarray:
        """Draw weights uniformly on their simplex, mixed with a tenth of equal weights.

        Arguments are those of :class:`FiniteModel`.
        """
        number = self.parameters + 1
        size, rng = _checks.positive_integer(size, "size"), _checks.generator(rng)
        drawn = rng.dirichlet(np.ones(number), size)
        return 0.9 * drawn[:, :-1] + 0.1 / number

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        components = constant(self.components, xi)
        rest = 1.0 - xp.sum(xi, axis=-1, keepdims=True)
        return xp.matmul(xi, components[:-1, :]) + rest * components[-1, :]

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        components = constant(self.components, xi)
        slopes = xp.matrix_transpose(components[:-1, :] - components[-1, :])
        return self._probabilities(xp, xi), slopes + xp.zeros_like(xi[..., :1, None])


def full_simplex(marginalisation: Marginalisation) -> MixtureModel:
    """Return all distributions, in the chart of all probabilities but the last.

    Parameters
    ----------
    marginalisation : Marginalisation
        Of the states.

    Returns
    -------
    MixtureModel
        The mixture of the corners of the simplex.

    Examples
    --------
    >>> import numpy as np
    >>> model = full_simplex(Marginalisation.hiding((2, 2), [0]))
    >>> model.probabilities(np.array([0.125, 0.25, 0.5]))
    array([0.125, 0.25 , 0.5  , 0.125])
    """
    return MixtureModel(np.eye(required_map(marginalisation).states), marginalisation)
