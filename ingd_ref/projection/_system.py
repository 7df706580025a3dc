"""The symmetric positive definite systems of the projections, solved in batches."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.errors import SingularSystemError

__all__ = ["System", "positive_system"]

# Entries of a scaled covariance matrix carry rounding errors of a few eps, and its eigenvalues at
# most b times as much: an eigenvalue that is not above ten times b·eps is nothing but rounding.
ROUNDING_FACTOR = 10


@dataclass(frozen=True, eq=False)
class System:
    """A symmetric positive definite matrix with its diagonal scaled to ones.

    The scaling makes the condition number independent of the units of the statistics.

    Attributes
    ----------
    scaled : array (..., b, b)
        D^{-1/2} (C + εI) D^{-1/2}.
    scale : array (..., b)
        The diagonal of D^{1/2}: standard deviations of the statistics, if ε = 0.
    condition : array (...)
        2-norm condition number of the scaled matrix.
    """

    xp: Namespace
    scaled: Array
    scale: Array
    condition: Array

    def solve(self, rhs: Array) -> Array:
        """Return (C + εI)⁻¹ rhs for vectors (..., b)."""
        return self.solve_columns(rhs[..., None])[..., 0]

    def solve_columns(self, rhs: Array) -> Array:
        """Return (C + εI)⁻¹ rhs for matrices (..., b, q)."""
        scale = self.scale[..., :, None]
        return self.xp.linalg.solve(self.scaled, rhs / scale) / scale

    def solve_without(self, design: Array, shares: Array, rhs: Array) -> Array:
        """Return (C + εI − Σ_r α_r y_r y_rᵀ)⁻¹ rhs for each sample, shape (..., n, b).

        It is the system without the share of the sample. The rows y are ``design`` (..., n, r, b),
        the factors α are ``shares`` (..., n, r), and rhs is (..., n, b). Woodbury's formula needs
        only r×r systems. Where nothing is left without the sample, the answer is as large as the
        precision can hold.
        """
        xp = self.xp
        number, rank, width = design.shape[-3:]
        rows = xp.reshape(design, (*design.shape[:-3], number * rank, width))
        inverse = xp.reshape(
            xp.matrix_transpose(self.solve_columns(xp.matrix_transpose(rows))), design.shape
        )
        plain = xp.matrix_transpose(self.solve_columns(xp.matrix_transpose(rhs)))
        inner = shares[..., :, None] * xp.matmul(design, xp.matrix_transpose(inverse))
        slightly_more_than_one = 1.0 + 8.0 * float(xp.finfo(rhs.dtype).eps)
        eye = slightly_more_than_one * xp.eye(rank, dtype=rhs.dtype, device=device(rhs))
        pulled = shares[..., :, None] * xp.matmul(design, plain[..., :, None])
        lifted = xp.linalg.solve(eye - inner, pulled)
        return plain + xp.matmul(xp.matrix_transpose(inverse), lifted)[..., 0]


def positive_system(xp: Namespace, matrix: Array, ridge: float, subject: str) -> System:
    """Prepare C + εI (..., b, b); SingularSystemError with its rank unless positive definite."""
    number = matrix.shape[-1]
    matrix = matrix + ridge * xp.eye(number, dtype=matrix.dtype, device=device(matrix))
    diagonal = xp.linalg.diagonal(matrix)
    scale = xp.sqrt(xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal)))
    scaled = matrix / scale[..., :, None] / scale[..., None, :]
    values = xp.linalg.eigvalsh(scaled)
    largest, smallest = values[..., -1], values[..., 0]
    above = values > ROUNDING_FACTOR * number * xp.finfo(matrix.dtype).eps * largest[..., None]
    rank = int(item(xp.min(xp.sum(xp.astype(above, xp.int64), axis=-1))))
    if rank < number:
        raise SingularSystemError(
            f"{subject} has rank {rank} of {number} to working precision: statistics are constant, "
            "depend linearly on one another, or outnumber the samples; use other statistics, more "
            "samples, or a ridge above zero"
        )
    return System(xp, scaled, scale, largest / smallest)
