r"""Covariances of samples, and the columns of a sample that depend on one another linearly.

Rank is decided from the sample itself. With z the centred points times the roots of their weights
and z = QR, column j is what c = R⁻¹z makes of the columns before it, up to a residual of norm
\|R_jj|. The residual counts as zero if it is at most

.. math:: k\,u\,\big(s_j + \textstyle\sum_i |c_i| s_i\big), \qquad k = 4(d + 2),

with s_i the root mean square of column i before it was centred: u s_i is what the rounding of the
column may have left, k covers that of a sum of d columns and that of the decomposition. Where the
columns hardly vary in this sense the residual must also be an EVIDENT part of the column.

A sample that passes may still have a covariance whose inverse the floating type cannot hold: the
rounding of P = Σ⁻¹ changes Σ by up to u times the condition number κ = max_i Σ_j (|C||C⁻¹|)_ij of
the correlations C, which has to be less than one half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import matmul
from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref._special.symmetric import entries
from ingd_ref.backend._namespace import Array, Namespace, device, item, to_host
from ingd_ref.errors import DomainError, with_article
from ingd_ref.families._samples import (
    at_index,
    moments,
    plain,
    reject_where,
    square_scale,
)

__all__ = ["fitted_covariance", "unscaled"]

# An eighth of a column is left by unrelated columns once in a while only if there are hardly more
# points than columns.
EVIDENT = 1.0 / 8.0
# A covariance whose pivots are all above this share of the variances is accepted as it is: then no
# residual is near the bound above, and Cholesky's factors keep three quarters of all digits.
PLAIN_POWER = 0.25
LARGEST_LOSS = 0.5
MATERIAL = 1e-3  # of a column; smaller contributions are not named


def fitted_covariance(
    xp: Namespace, name: str, x: Array, weights: Array, centred: bool
) -> tuple[Array, DoubleWord, Array]:
    """Return the mean m (..., d) of a sample, SΣS (..., d, d) and S (..., d), powers of two.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    name : str
        The family, for messages.
    x : array (..., n, d)
        Points.
    weights : array (n, 1)
        Weights that sum to one.
    centred : bool
        Whether m is known to be zero.

    Raises
    ------
    DomainError
        If columns depend on one another up to rounding, or so nearly that the precision matrix
        cannot be represented.
    """
    if not centred:
        mean = xp.sum(weights * x, axis=-2)
        apart = x - mean[..., None, :]
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = xp.matmul(xp.matrix_transpose(weights * apart), apart)
            ordinary = xp.all(plain(xp, mean, xp.linalg.diagonal(covariance)), axis=-1)
        if item(xp.all(ordinary)) and item(xp.all(_independent(xp, mean, covariance))):
            return mean, double_word(xp, covariance), xp.ones_like(mean)
    mean, apart, scale = _centred(xp, name, x, weights, centred)
    scaled = apart * scale[..., None, :]
    covariance = xp.matmul(xp.matrix_transpose(weights * scaled), scaled)
    if item(xp.all(_independent(xp, mean * scale, covariance))):
        return mean, double_word(xp, covariance), scale
    root = xp.sqrt(weights)
    unit = square_scale(xp, xp.max(xp.abs(x), axis=-2))
    size = xp.sqrt(xp.sum((root * (x * unit[..., None, :])) ** 2, axis=-2)) / unit * scale
    upper = _triangle(xp, root * scaled)
    inverse = _inverse_of_independent(xp, name, upper, size)
    _require_representable(xp, name, upper, inverse)
    triangle = double_word(xp, upper)
    return mean, matmul(triangle.transposed, triangle), scale


def _centred(
    xp: Namespace, name: str, x: Array, weights: Array, centred: bool
) -> tuple[Array, Array, Array]:
    """Return the mean, what the points have apart from it, and powers of two to scale it by."""
    if not centred:
        mean, apart, _, scale = moments(xp, name, x, weights)
        return mean, apart, scale
    zero = {
        f"coordinate {k} is 0 in every point that has weight": xp.all(x[..., k] == 0, axis=-1)
        for k in range(x.shape[-1])
    }
    reject_where(xp, name, zero)
    return xp.zeros_like(x[..., 0, :]), x, square_scale(xp, xp.max(xp.abs(x), axis=-2))


def unscaled(xp: Namespace, quadratic: Array, scale: Array) -> Array:
    """Return the coordinates of SPS (..., d(d+1)/2) from those of P, S diagonal (..., d).

    One factor at a time, since their product may overflow where the result does not.
    """
    if item(xp.all(scale == 1.0)):
        return quadratic
    factors = scale[..., :, None] + xp.zeros_like(scale)[..., None, :]
    return quadratic * entries(xp, factors) * entries(xp, xp.matrix_transpose(factors))


def _rounding(xp: Namespace, like: Array) -> float:
    return float(2.0 * (like.shape[-1] + 2) * xp.finfo(like.dtype).eps)


def _independent(xp: Namespace, mean: Array, covariance: Array) -> Array:
    """Whether no residual is near its bound, by the pivots of the correlations."""
    variance = xp.linalg.diagonal(covariance)
    good = variance > 0
    deviation = xp.sqrt(xp.where(good, variance, xp.ones_like(variance)))
    left = covariance / deviation[..., :, None] / deviation[..., None, :]
    share = xp.ones_like(left[..., 0, 0])
    for _ in range(mean.shape[-1] - 1):
        column, pivot = left[..., 1:, 0], left[..., :1, 0]
        share = xp.minimum(share, pivot[..., 0])
        column = column / xp.where(pivot > 0, pivot, xp.ones_like(pivot))
        left = left[..., 1:, 1:] - column[..., :, None] * left[..., :1, 1:]
    share = xp.minimum(share, left[..., 0, 0])
    # |c_i| sd_i ≤ sd_j/√share, so the bound is at most this multiple of sd_j √share.
    size = xp.max(1.0 + xp.abs(mean) / deviation, axis=-1)
    bound = _rounding(xp, mean) * (mean.shape[-1] + 1) * size
    least = float(xp.finfo(mean.dtype).eps) ** PLAIN_POWER
    return xp.all(good, axis=-1) & (share > least) & (share > bound)


def _triangle(xp: Namespace, z: Array) -> Array:
    """Return R (..., d, d) of z = QR, which has rows of zeros if there are fewer points."""
    missing = z.shape[-1] - z.shape[-2]
    if missing > 0:
        rows = xp.zeros((*z.shape[:-2], missing, z.shape[-1]), dtype=z.dtype, device=device(z))
        z = xp.concat([z, rows], axis=-2)
    return xp.linalg.qr(z)[1]


def _inverse_of_independent(xp: Namespace, name: str, upper: Array, size: Array) -> Array:
    """Return R⁻¹ column by column, unless a column depends on those before it."""
    number, rounding = upper.shape[-1], _rounding(xp, size)
    norm = xp.sqrt(xp.sum(upper * upper, axis=-2))
    inverse = xp.zeros_like(upper[..., :0])
    for j in range(number):
        combination = xp.matmul(inverse, upper[..., :j, j : j + 1])[..., 0]  # (..., d)
        bound = size[..., j] + xp.sum(xp.abs(combination) * size, axis=-1)
        bound = xp.minimum(rounding * bound, EVIDENT * norm[..., j])
        residual = xp.abs(upper[..., j, j])
        good = residual > bound
        if not item(xp.all(good)):
            index = _checks.first_false(xp, good)
            parts = to_host((xp.abs(combination) * norm)[index])
            columns = [*np.flatnonzero(parts > MATERIAL * np.max(parts)).tolist(), j]
            raise DomainError(
                f"x{at_index(index)} determines no {name}: {_named(columns)} linearly dependent. "
                f"What column {j} has apart from the others is {item(residual[index]):.2g}, and "
                f"up to {item(bound[index]):.2g} may be rounding"
            )
        unit = xp.astype(xp.arange(number, device=device(upper)) == j, upper.dtype)
        column = (unit - combination) / upper[..., j, j, None]
        inverse = xp.concat([inverse, column[..., None]], axis=-1)
    return inverse


def _require_representable(xp: Namespace, name: str, upper: Array, inverse: Array) -> None:
    deviation = xp.sqrt(xp.sum(upper * upper, axis=-2))
    upper, inverse = upper / deviation[..., None, :], inverse * deviation[..., :, None]
    correlation = xp.matmul(xp.matrix_transpose(upper), upper)
    precision = xp.matmul(inverse, xp.matrix_transpose(inverse))
    condition = xp.max(xp.sum(xp.matmul(xp.abs(correlation), xp.abs(precision)), axis=-1), axis=-1)
    good = condition * (0.5 * float(xp.finfo(upper.dtype).eps)) < LARGEST_LOSS
    if item(xp.all(good)):
        return
    index = _checks.first_false(xp, good)
    parts = np.abs(to_host(precision[index]))
    parts = parts[np.argmax(np.diag(parts))]
    columns = np.flatnonzero(parts > MATERIAL * np.max(parts)).tolist()
    raise DomainError(
        f"x{at_index(index)} determines {with_article(name)} "
        f"whose precision matrix {upper.dtype} cannot hold: "
        f"{_named(columns)} nearly linearly dependent, "
        f"and the condition number of the correlations is {item(condition[index]):.2g}"
    )


def _named(columns: Sequence[int]) -> str:
    if len(columns) == 1:
        return f"column {columns[0]} of x is"
    return f"columns {', '.join(map(str, columns[:-1]))} and {columns[-1]} of x are"
