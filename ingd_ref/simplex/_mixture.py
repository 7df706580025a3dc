"""Mixtures of fixed distributions, and the full simplex, which is the mixture of its corners (B2)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_backend, to_host
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._arguments import distribution
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._model import FiniteModel

__all__ = ["MixtureModel", "full_simplex"]


@dataclass(frozen=True, eq=False)
class MixtureModel(FiniteModel):
    r"""Mixture of K fixed distributions, a flat piece of the simplex and a model of (B2).

    .. math:: p(x; \xi) = \sum_{k<K} \xi_k P_k(x) + \Big(1 - \sum_{k<K} \xi_k\Big) P_K(x)

    Parameters
    ----------
    components : array (K, n)
        Distributions P_k: not negative, each summing to one. At least two.
    marginalisation : Marginalisation
        Of the n states.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, BackendError
        For components that are no distributions on the states.

    Examples
    --------
    >>> import numpy as np
    >>> model = MixtureModel(np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]), Marginalisation([0, 0, 1]))
    >>> model.probabilities(np.array([0.25]))
    array([0.125, 0.5  , 0.375])
    """

    components: Array
    marginalisation: Marginalisation
    parameters: int = field(init=False)

    def __post_init__(self) -> None:
        xp = array_namespace(components=self.components)
        if self.components.ndim != 2:
            raise ShapeError(
                f"components must have shape (K, {self.marginalisation.states}), got {tuple(self.components.shape)}"
            )
        components = distribution(
            self.components, "components", xp, self.marginalisation.states, closed=True
        )
        if components.shape[0] < 2:
            raise DomainError("a mixture needs at least two components, got 1")
        object.__setattr__(self, "components", np.array(to_host(components)))
        object.__setattr__(self, "parameters", int(components.shape[0]) - 1)

    def random_parameters(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw weights at random: uniform on their simplex, mixed with one part in ten of equal weights.

        Parameters
        ----------
        size : int
            How many points.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        numpy.ndarray (size, d)
            On the host.
        """
        number = self.parameters + 1
        return (
            0.9 * rng.dirichlet(np.ones(number), _checks.positive_integer(size, "size"))[:, :-1]
            + 0.1 / number
        )

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        components = to_backend(self.components, xi)
        return (
            xp.matmul(xi, components[:-1, :])
            + (1.0 - xp.sum(xi, axis=-1, keepdims=True)) * components[-1, :]
        )

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        components = to_backend(self.components, xi)
        slopes = xp.matrix_transpose(components[:-1, :] - components[-1, :])
        return self._probabilities(xp, xi), slopes + xp.zeros_like(xi[..., :1, None])


def full_simplex(marginalisation: Marginalisation) -> MixtureModel:
    """All distributions, in the chart of all probabilities but the last.

    Parameters
    ----------
    marginalisation : Marginalisation
        Of the states.

    Returns
    -------
    MixtureModel
        The mixture of the corners of the simplex.

    Raises
    ------
    DomainError
        For a single state.

    Examples
    --------
    >>> import numpy as np
    >>> full_simplex(Marginalisation.hiding((2, 2), [0])).probabilities(np.array([0.125, 0.25, 0.5]))
    array([0.125, 0.25 , 0.5  , 0.125])
    """
    return MixtureModel(np.eye(marginalisation.states), marginalisation)
