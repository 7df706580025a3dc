"""A Gaussian approximation with a precision of diagonal plus low rank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.variational._approximation import GaussianApproximation, as_vectors, require_positive
from ingd_ref.variational._curvature import (
    Curvature,
    DiagonalCurvature,
    FactoredCurvature,
    diagonal_matrix,
)
from ingd_ref.variational._linear_algebra import matvec, scaled_columns

__all__ = ["LowRankGaussian"]


class _Spectrum(NamedTuple):
    """D^{-1/2}U = V diag(σ) Wᵀ: orthonormal V (..., d, k) and σ² (..., k)."""

    vectors: Array
    squares: Array


@dataclass(frozen=True, eq=False)
class LowRankGaussian(GaussianApproximation):
    r"""q = N(m, P⁻¹) with P = diag(D) + UUᵀ, U of rank k: O(dk) numbers instead of d².

    A step of equation (E11) moves P to M as in :class:`FullGaussian`, "standard" or "positive", and
    then projects M on this form. With a positive diagonal Ω as unit of each coordinate, let λ₁ ≥ λ₂
    ≥ … and v₁, v₂, … be the eigenvalues and -vectors of Ω^{-1/2}(M − Ω)Ω^{-1/2}:

    .. math:: U = Ω^{1/2} \big[ \sqrt{(\lambda_j)_+}\, v_j \big]_{j \le k}, \qquad
              D = \operatorname{diag}(M - UU^\top)

    - The diagonal of P is exactly that of M, for any k.
    - P = M exactly, where M − Ω is positive semi-definite of rank ≤ k.
    - P is positive definite whenever M is: Ω^{-1/2}(M − UUᵀ)Ω^{-1/2} has the eigenvalues 1 and 1 +
      λ_j > 0, so its diagonal is positive.

    For the curvature T = diag(δ) + WSWᵀ of a generalised linear model Ω is the step of D towards δ:
    (1 − ρ)D + ρδ = n for the standard step, which needs it to be positive, and ½(D + n²/D) for the
    positive one. Then M − Ω has rank at most k + r, or 2(k + r), and no d×d matrix is formed. For
    any other curvature Ω is D.

    The projection loses the rest of T: a run of standard steps ends with diag P = diag T for any
    step size, but q is stationary for the ELBO only where the projection loses nothing. Positive
    steps end at diag P = diag T + O(ρ) of the loss, squared.

    Parameters
    ----------
    mean : array (..., d)
        m.
    diagonal : array (..., d)
        D > 0.
    factor : array (..., d, k)
        U, 1 ≤ k ≤ d; zeros are a good start.

    Raises
    ------
    DomainError
        If the diagonal is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> q = LowRankGaussian(np.zeros(2), np.ones(2), np.array([[1.0], [0.0]]))
    >>> q.precision
    array([[2., 0.],
           [0., 1.]])
    """

    mean: Array
    diagonal: Array
    factor: Array

    def __post_init__(self) -> None:
        xp = array_namespace(mean=self.mean, diagonal=self.diagonal, factor=self.factor)
        mean = as_vectors(xp, self.mean, "mean")
        diagonal = as_vectors(xp, self.diagonal, "diagonal", like=mean)
        factor = as_vectors(xp, self.factor, "factor", like=mean)
        if tuple(diagonal.shape) != tuple(mean.shape):
            raise ShapeError(
                f"diagonal must have the shape {tuple(mean.shape)} of the mean, "
                f"got {tuple(diagonal.shape)}"
            )
        if tuple(factor.shape[:-1]) != tuple(mean.shape) or factor.shape[-1] > mean.shape[-1]:
            raise ShapeError(
                f"factor must have shape {tuple(mean.shape)} and one more axis of at most d "
                f"columns, got {tuple(factor.shape)}"
            )
        require_positive(xp, diagonal, "diagonal")
        for name, value in (("mean", mean), ("diagonal", diagonal), ("factor", factor)):
            object.__setattr__(self, name, value)

    @property
    def rank(self) -> int:
        """Number k of columns of U."""
        return int(self.factor.shape[-1])

    @property
    def precision(self) -> Array:
        xp = array_namespace(mean=self.mean)
        return diagonal_matrix(xp, self.diagonal) + symmetrise(
            xp, xp.matmul(self.factor, xp.matrix_transpose(self.factor))
        )

    @property
    def variance(self) -> Array:
        xp = array_namespace(mean=self.mean)
        vectors, squares = self._spectrum
        # 1 − Σ σ²/(1 + σ²) v²; the sum of v² is at most one, so nothing cancels below the part
        # outside the columns of V.
        outside = xp.clip(1.0 - xp.sum(vectors * vectors, axis=-1), min=0.0)
        return (outside + matvec(xp, vectors * vectors, 1.0 / (1.0 + squares))) / self.diagonal

    @property
    def log_det_precision(self) -> Array:
        xp = array_namespace(mean=self.mean)
        return xp.sum(xp.log(self.diagonal), axis=-1) + xp.sum(
            xp.log1p(self._spectrum.squares), axis=-1
        )

    @property
    def condition(self) -> Array:
        """Condition number of P (...), from the eigenvalues of P itself, which costs d³."""
        xp = array_namespace(mean=self.mean)
        values = xp.linalg.eigvalsh(self.precision)
        return values[..., -1] / values[..., 0]

    @cached_property
    def _spectrum(self) -> _Spectrum:
        xp = array_namespace(mean=self.mean)
        vectors, singular, _ = xp.linalg.svd(
            self.factor / xp.sqrt(self.diagonal)[..., None], full_matrices=False
        )
        return _Spectrum(vectors, singular * singular)

    def _whitened(self, columns: Array) -> Array:
        """Return RX for the symmetric R = I + V(1/√(1 + σ²) − 1)Vᵀ, R² = D^{1/2} P⁻¹ D^{1/2}."""
        xp = array_namespace(mean=self.mean, columns=columns)
        vectors, squares = self._spectrum
        shrink = 1.0 / xp.sqrt(1.0 + squares) - 1.0
        inner = xp.matmul(xp.matrix_transpose(vectors), columns)
        return columns + xp.matmul(scaled_columns(vectors, shrink), inner)

    def solve(self, columns: Array) -> Array:
        root = array_namespace(mean=self.mean).sqrt(self.diagonal)[..., None]
        return self._whitened(self._whitened(columns / root)) / root

    def product(self, columns: Array) -> Array:
        xp = array_namespace(mean=self.mean, columns=columns)
        inner = xp.matmul(xp.matrix_transpose(self.factor), columns)
        return columns * self.diagonal[..., None] + xp.matmul(self.factor, inner)

    def predictor_variance(self, design: Array) -> Array:
        xp = array_namespace(mean=self.mean, design=design)
        scaled = design / xp.sqrt(self.diagonal)[..., None, :]
        whitened = self._whitened(xp.matrix_transpose(scaled))
        return xp.sum(whitened * whitened, axis=-2)

    def coloured(self, noise: Array) -> Array:
        xp = array_namespace(mean=self.mean, noise=noise)
        whitened = self._whitened(xp.matrix_transpose(noise))
        return xp.matrix_transpose(whitened / xp.sqrt(self.diagonal)[..., None])

    def curvature_gap(self, curvature: Curvature) -> Array:
        """Return half the squared relative distance (...) of the diagonals of T and P."""
        xp = array_namespace(mean=self.mean)
        diagonal = self.diagonal + xp.sum(self.factor * self.factor, axis=-1)
        gap = curvature.diagonal() / diagonal - 1.0
        return 0.5 * xp.sum(gap * gap, axis=-1)

    def with_precision_towards(self, curvature: Curvature, step_size: float, step: str) -> Self:
        xp = array_namespace(mean=self.mean)

        def towards(columns: Array) -> Array:
            target = curvature.product(columns)
            return (1.0 - step_size) * self.product(columns) + step_size * target

        def squared(columns: Array) -> Array:
            return 0.5 * (self.product(columns) + towards(self.solve(towards(columns))))

        unit, basis = self._unit_and_basis(xp, curvature, step_size, step)
        root = xp.sqrt(unit)[..., None]
        orthonormal = xp.linalg.qr(basis / root, mode="reduced")[0]
        image = (squared if step == "positive" else towards)(orthonormal / root) / root
        core = symmetrise(xp, xp.matmul(xp.matrix_transpose(orthonormal), image))
        values, inner = xp.linalg.eigh(core)  # 1 + λ
        if step == "positive":
            # It keeps at least half of D; less is rounding next to a large eigenvalue.
            floor = 0.5 * xp.min(self.diagonal / unit, axis=-1, keepdims=True)
            values = xp.maximum(values, floor)
        if not item(xp.all(values > 0)):
            raise DomainError("the precision after a standard step is not positive definite")
        return self._projected(xp, unit, xp.matmul(orthonormal, inner), values)

    def _unit_and_basis(
        self, xp: Namespace, curvature: Curvature, step_size: float, step: str
    ) -> tuple[Array, Array]:
        """Return Ω (..., d), and columns that span M − Ω."""
        if isinstance(curvature, FactoredCurvature):
            base, columns = curvature.base, curvature.factor
        elif isinstance(curvature, DiagonalCurvature):
            base, columns = curvature.values, self.factor[..., :0]
        else:
            unit_matrix = xp.eye(self.dim, dtype=self.mean.dtype, device=device(self.mean))
            return self.diagonal, xp.broadcast_to(unit_matrix, (*self.batch, self.dim, self.dim))
        moved = (1.0 - step_size) * self.diagonal + step_size * base
        columns = xp.broadcast_to(columns, (*self.batch, *columns.shape[-2:]))
        basis = xp.concat([self.factor, columns], axis=-1)
        if step == "positive":
            ratio = moved / self.diagonal
            basis = xp.concat([basis, ratio[..., None] * basis], axis=-1)
            return 0.5 * (self.diagonal + ratio * moved), basis
        if not item(xp.all(moved > 0)):
            raise DomainError(
                "the diagonal part of the precision after a standard step is not positive"
            )
        return moved, basis

    def _projected(self, xp: Namespace, unit: Array, vectors: Array, values: Array) -> Self:
        """Keep the k largest eigenvalues of Ω^{-1/2}MΩ^{-1/2} and the diagonal of the rest."""
        count, squares = values.shape[-1], vectors * vectors
        excess = xp.clip(values[..., count - self.rank :] - 1.0, min=0.0)
        kept = xp.concat([xp.zeros_like(values[..., : count - self.rank]), excess], axis=-1)
        outside = xp.clip(1.0 - xp.sum(squares, axis=-1), min=0.0)
        rest = outside + matvec(xp, squares, values - kept)
        root = xp.sqrt(unit)[..., None]
        factor = root * scaled_columns(vectors[..., count - self.rank :], xp.sqrt(excess))
        return self._changed(diagonal=unit * rest, factor=factor)
