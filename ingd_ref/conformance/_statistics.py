"""Sufficient statistics with their Jacobians, one point at a time, in extended precision."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ingd_ref.conformance._precision import REAL, Array, real

__all__ = [
    "RBF",
    "Fourier",
    "Mapped",
    "Monomials",
    "Pairwise",
    "Polynomial",
    "Statistics",
    "monomial_indices",
]


@dataclass(frozen=True, eq=False)
class RBF:
    """f_m(x) = exp(−‖x − c_m‖² / 2σ²)."""

    centers: Array
    bandwidth: float
    radial = True

    def value(self, x: Array) -> Array:
        return real(
            [
                np.exp(-np.sum((x - c) ** 2) / (2 * REAL(self.bandwidth) ** 2))
                for c in real(self.centers)
            ]
        )

    def jacobian(self, x: Array) -> Array:
        columns = [
            -(x - c) / REAL(self.bandwidth) ** 2 * f
            for c, f in zip(real(self.centers), self.value(x), strict=True)
        ]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Polynomial:
    """f_m(x) = (⟨x, c_m⟩ + offset)^degree."""

    centers: Array
    degree: int = 2
    offset: float = 1.0
    radial = True

    def value(self, x: Array) -> Array:
        return real(
            [(np.sum(x * c) + REAL(self.offset)) ** self.degree for c in real(self.centers)]
        )

    def jacobian(self, x: Array) -> Array:
        columns = [
            self.degree * (np.sum(x * c) + REAL(self.offset)) ** (self.degree - 1) * c
            for c in real(self.centers)
        ]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Monomials:
    """All products of coordinates of total degree 1 to ``degree``, in graded lexicographic order."""

    degree: int
    radial = False

    def value(self, x: Array) -> Array:
        return real([np.prod(x[list(index)]) for index in monomial_indices(len(x), self.degree)])

    def jacobian(self, x: Array) -> Array:
        columns = []
        for index in monomial_indices(len(x), self.degree):
            column = np.zeros(len(x), dtype=REAL)
            for place, coordinate in enumerate(index):
                others = list(index[:place] + index[place + 1 :])
                column[coordinate] += np.prod(x[others])
            columns.append(column)
        return np.stack(columns, axis=1)


def monomial_indices(dim: int, degree: int) -> list[tuple[int, ...]]:
    return [
        index
        for total in range(1, degree + 1)
        for index in itertools.combinations_with_replacement(range(dim), total)
    ]


@dataclass(frozen=True, eq=False)
class Fourier:
    """f_m(x) = sqrt(2/b) cos(⟨ω_m, x⟩ + φ_m)."""

    frequencies: Array
    phases: Array
    radial = False

    def value(self, x: Array) -> Array:
        scale = np.sqrt(REAL(2) / len(self.phases))
        return real(
            [
                scale * np.cos(np.sum(w * x) + p)
                for w, p in zip(real(self.frequencies), real(self.phases), strict=True)
            ]
        )

    def jacobian(self, x: Array) -> Array:
        scale = np.sqrt(REAL(2) / len(self.phases))
        columns = [
            -scale * np.sin(np.sum(w * x) + p) * w
            for w, p in zip(real(self.frequencies), real(self.phases), strict=True)
        ]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Pairwise:
    """f(x) = x_a x_b for a < b, in lexicographic order."""

    radial = False

    def value(self, x: Array) -> Array:
        return real([x[a] * x[b] for a, b in itertools.combinations(range(len(x)), 2)])

    def jacobian(self, x: Array) -> Array:
        columns = []
        for a, b in itertools.combinations(range(len(x)), 2):
            column = np.zeros(len(x), dtype=REAL)
            column[a], column[b] = x[b], x[a]
            columns.append(column)
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Mapped:
    """T f(x) + c: other statistics of the same family, or of a larger one when T is tall."""

    base: Statistics
    matrix: Array
    shift: Array
    radial = False

    def value(self, x: Array) -> Array:
        return real(self.matrix) @ self.base.value(x) + real(self.shift)

    def jacobian(self, x: Array) -> Array:
        return self.base.jacobian(x) @ real(self.matrix).T


Statistics = RBF | Polynomial | Monomials | Fourier | Pairwise | Mapped
