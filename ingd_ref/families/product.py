"""Products of families: independent variables, one from each family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import Parameter, Requirements

__all__ = ["Product"]


@dataclass(frozen=True)
class Product(ExponentialFamily):
    r"""Product of families: x = (x₁, x₂, …) with independent parts, each from one family.

    Classical parameters are those of the factors with the place of the factor in their name:
    ``mean_1``, ``variance_1``, ``shape_2``, …

    .. math::
        f(x) &= (f_1(x_1),\, f_2(x_2), \ldots), \quad h(x) = \textstyle\prod_i h_i(x_i), \quad
            \theta = (\theta_1,\, \theta_2, \ldots) & \text{(E1)} \\
        A(\theta) &= \textstyle\sum_i A_i(\theta_i) & \text{(E1)} \\
        \nabla A(\theta) &= (\nabla A_1(\theta_1),\, \nabla A_2(\theta_2), \ldots) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= ((\nabla A_1)^{-1}(\mu_1),\, (\nabla A_2)^{-1}(\mu_2), \ldots)
            & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \mathrm{diag}(F_1,\, F_2, \ldots) & \text{(E3)} \\
        F^{-1} &= \mathrm{diag}(F_1^{-1},\, F_2^{-1}, \ldots) & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \textstyle\sum_i \mathrm{KL}(\theta_i\,\|\,\theta_i')
            & \text{(E5)}

    Parameters
    ----------
    families : sequence of ExponentialFamily
        The factors, at least one.

    Raises
    ------
    OptionError
        If there is no factor, or one is no family.

    Examples
    --------
    >>> from ingd_ref.families import Gamma, Gaussian
    >>> family = Product((Gaussian(), Gamma()))
    >>> theta = family.natural(mean_1=3.0, variance_1=4.0, shape_2=1.0, rate_2=0.5)
    >>> family.mean(theta).round(6)
    array([ 3.      , 13.      ,  0.115932,  2.      ])
    """

    families: Sequence[ExponentialFamily]

    @classmethod
    def examples(cls) -> tuple[Product, ...]:
        """A product of equal families, and a nested one of different sizes."""
        from ingd_ref.families.exponential import Exponential
        from ingd_ref.families.gamma import Gamma
        from ingd_ref.families.gaussian import Gaussian

        return (cls((Gaussian(), Gaussian())), cls((Gamma(), cls((Exponential(), Gaussian())))))

    def __post_init__(self) -> None:
        families = _checks.sequence(self.families, "families", "families")
        if not families or not all(isinstance(family, ExponentialFamily) for family in families):
            raise OptionError(
                f"families must hold at least one family and nothing else, got {self.families!r}"
            )
        object.__setattr__(self, "families", families)

    @property
    def name(self) -> str:
        """Names of the factors."""
        return " × ".join(
            f"({family.name})" if isinstance(family, Product) else family.name
            for family in self.families
        )

    @property
    def dim(self) -> int:
        """Sum of the dimensions."""
        return sum(family.dim for family in self.families)

    @property
    def number(self) -> int:
        """Sum of the numbers of statistics."""
        return sum(family.number for family in self.families)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of all factors, in their order."""
        return tuple(
            Parameter(f"{parameter.name}_{place}", parameter.constraint, parameter.shape)
            for place, family in enumerate(self.families, 1)
            for parameter in family.parameters
        )

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """Return the examples of all factors, as many as each of them has."""
        proposed = [family.example_parameters() for family in self.families]
        number = min(len(value) for own in proposed for value in own.values())
        return {
            f"{name}_{place}": value[:number]
            for place, own in enumerate(proposed, 1)
            for name, value in own.items()
        }

    # The parts of each factor in a vector of parameters or in a point, and back.

    def _rows(self, vector: Array) -> list[Array]:
        edges = accumulate((family.number for family in self.families), initial=0)
        return [vector[..., first:last] for first, last in pairwise(edges)]

    def _parts(self, x: Array) -> list[Array]:
        edges = accumulate((family.dim for family in self.families), initial=0)
        return [x[..., first:last] for first, last in pairwise(edges)]

    def _with_parts(self, x: Array) -> Iterator[tuple[ExponentialFamily, Array]]:
        return zip(self.families, self._parts(x), strict=True)

    def _own(self, classical: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                parameter.name: classical[f"{parameter.name}_{place}"]
                for parameter in family.parameters
            }
            for place, family in enumerate(self.families, 1)
        ]

    def _joined(
        self,
        xp: Namespace,
        formula: Callable[[ExponentialFamily], Callable[..., Array]],
        *vectors: Array,
    ) -> Array:
        """Concatenate the results of the formula of each factor."""
        parts = zip(*(self._rows(vector) for vector in vectors), strict=True)
        return xp.concat(
            [formula(family)(xp, *own) for family, own in zip(self.families, parts, strict=True)],
            axis=-1,
        )

    def _summed(
        self,
        xp: Namespace,
        formula: Callable[[ExponentialFamily], Callable[..., Array]],
        *vectors: Array,
    ) -> Array:
        parts = zip(*(self._rows(vector) for vector in vectors), strict=True)
        return sum(
            formula(family)(xp, *own) for family, own in zip(self.families, parts, strict=True)
        )

    def _blocks(
        self,
        xp: Namespace,
        formula: Callable[[ExponentialFamily], Callable[..., Array]],
        theta: Array,
        axes: int = 2,
    ) -> Array:
        """Blocks along the diagonal of the last axes, zeros elsewhere."""
        blocks = [
            formula(family)(xp, own)
            for family, own in zip(self.families, self._rows(theta), strict=True)
        ]
        return _diagonal(xp, blocks, axes)

    def _named(
        self, requirements: Callable[[ExponentialFamily, Array], Requirements], parts: list[Array]
    ) -> Requirements:
        return {
            f"{description} of factor {place} ({family.name})": holds
            for place, (family, part) in enumerate(zip(self.families, parts, strict=True), 1)
            for description, holds in requirements(family, part).items()
        }

    # Formulas

    def _natural(self, xp: Namespace, **classical: Array) -> Array:
        own = zip(self.families, self._own(classical), strict=True)
        return xp.concat([family._natural(xp, **parameters) for family, parameters in own], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {
            f"{name}_{place}": value
            for place, (family, own) in enumerate(
                zip(self.families, self._rows(theta), strict=True), 1
            )
            for name, value in family._classical(xp, own).items()
        }

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return self._named(lambda family, own: family._domain(xp, own), self._rows(theta))

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return self._named(lambda family, own: family._mean_domain(xp, own), self._rows(mu))

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return self._named(lambda family, own: family._support(xp, own), self._parts(x))

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat(
            [family._statistics(xp, part) for family, part in self._with_parts(x)], axis=-1
        )

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        blocks = [family._statistics_jacobian(xp, part) for family, part in self._with_parts(x)]
        return _diagonal(xp, blocks, 2)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return sum(family._log_base_measure(xp, part) for family, part in self._with_parts(x))

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return self._summed(xp, lambda family: family._log_partition, theta)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return self._joined(xp, lambda family: family._mean, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._joined(xp, lambda family: family._natural_from_mean, mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, lambda family: family._fisher, theta)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, lambda family: family._inverse_fisher, theta)

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, lambda family: family._natural_jacobian, theta)

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, lambda family: family._classical_fisher, theta)

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, lambda family: family._third_cumulant, theta, axes=3)

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return self._joined(xp, lambda family: family._natural_gradient, theta, grad)

    def _fisher_vector_product(self, xp: Namespace, theta: Array, vector: Array) -> Array:
        return self._joined(xp, lambda family: family._fisher_vector_product, theta, vector)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return self._summed(xp, lambda family: family._kl, theta1, theta2)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return self._summed(xp, lambda family: family._conjugate, theta)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return self._summed(xp, lambda family: family._entropy, theta)

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        """Squared distances add, as the metric is the sum of those of the factors."""
        return xp.sqrt(
            self._summed(
                xp,
                lambda family: lambda *ends: family._fisher_rao_distance(*ends) ** 2,
                theta1,
                theta2,
            )
        )

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        return self._joined(
            xp,
            lambda family: lambda xp, first, second: family._mixture(xp, first, second, t),
            theta1,
            theta2,
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        own = zip(self.families, self._rows(theta), self._parts(x), strict=True)
        return sum(family._log_prob(xp, parameters, part) for family, parameters, part in own)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        fitted = []
        for place, (family, part) in enumerate(self._with_parts(x), 1):
            try:
                fitted.append(family._fit(xp, part, weights))
            except DomainError as error:
                raise DomainError(f"factor {place} ({family.name}): {error}") from None
        return xp.concat(fitted, axis=-1)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], **classical: np.ndarray
    ) -> np.ndarray:
        own = zip(self.families, self._own(classical), strict=True)
        return np.concatenate(
            [family._draw(rng, size, **parameters) for family, parameters in own], axis=-1
        )

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], **classical: np.ndarray
    ) -> np.ndarray:
        own = zip(self.families, self._own(classical), strict=True)
        return np.concatenate(
            [family._log_draw(rng, size, **parameters) for family, parameters in own], axis=-1
        )

    def _moved_inside(self, xp: Namespace, x: Array) -> Array:
        return xp.concat(
            [family._moved_inside(xp, part) for family, part in self._with_parts(x)], axis=-1
        )


def _diagonal(xp: Namespace, blocks: Sequence[Array], axes: int) -> Array:
    """Return the array with the blocks along the diagonal of its last axes.

    Each block is padded with zeros along these axes, and the results are added.
    """
    ends = [[0, *accumulate(block.shape[axis] for block in blocks)] for axis in range(-axes, 0)]

    def padded(place: int, block: Array) -> Array:
        for axis, edges in zip(range(-axes, 0), ends, strict=True):
            around = [list(block.shape), list(block.shape)]
            around[0][axis], around[1][axis] = edges[place], edges[-1] - edges[place + 1]
            before, after = (
                xp.zeros(tuple(shape), dtype=block.dtype, device=device(block)) for shape in around
            )
            block = xp.concat([before, block, after], axis=axis)
        return block

    return sum(padded(place, block) for place, block in enumerate(blocks))
