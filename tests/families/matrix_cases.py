"""Families on vectors and matrices, random members over sixteen decades, and errors of results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingd_ref.families import ExponentialFamily
from ingd_ref.families.centred_gaussian import CentredGaussian
from ingd_ref.families.diagonal_gaussian import DiagonalGaussian
from ingd_ref.families.inverse_wishart import InverseWishart
from ingd_ref.families.isotropic_gaussian import IsotropicGaussian
from ingd_ref.families.known_covariance_gaussian import KnownCovarianceGaussian
from ingd_ref.families.multivariate_gaussian import MultivariateGaussian
from ingd_ref.families.wishart import Wishart
from tests.families import members
from tests.families.judge import oracle_of
from validation.oracles.precise import MP, precise
from validation.oracles.statement import Textbook
from validation.oracles.textbook import symmetric

KINDS = ("multivariate", "diagonal", "isotropic", "known", "centred", "wishart", "inverse_wishart")
DELTAS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)


FAMILIES = {
    "multivariate": MultivariateGaussian,
    "diagonal": DiagonalGaussian,
    "isotropic": IsotropicGaussian,
    "centred": CentredGaussian,
    "wishart": Wishart,
    "inverse_wishart": InverseWishart,
}


@dataclass(frozen=True)
class Case:
    """A family in d dimensions and its oracle."""

    kind: str
    d: int
    family: ExponentialFamily

    @property
    def oracle(self) -> Textbook:
        return oracle_of(members.Case(self.family))


def case(kind: str, d: int, covariance: np.ndarray | None = None) -> Case:
    if kind == "known":
        covariance = np.eye(d) + 0.5 if covariance is None else covariance
        return Case(kind, d, KnownCovarianceGaussian(covariance))
    return Case(kind, d, FAMILIES[kind](d))


def random_matrices(
    rng: np.random.Generator, number: int, d: int, decades: float, condition_decades: float
) -> np.ndarray:
    """Positive definite matrices: correlations of any condition number.

    Standard deviations range over half the decades on either side of 1.
    """
    directions = np.linalg.qr(rng.standard_normal((number, d, d)))[0]
    spectrum = 10 ** (
        rng.uniform(0, 1, (number, d)) * rng.uniform(0, condition_decades, (number, 1))
    )
    matrices = np.einsum("nij,nj,nkj->nik", directions, spectrum, directions)
    size = 10 ** rng.uniform(-decades / 2, decades / 2, (number, d)) / np.sqrt(
        np.einsum("nii->ni", matrices)
    )
    matrices = size[:, :, None] * matrices * size[:, None, :]
    return (matrices + np.swapaxes(matrices, 1, 2)) / 2


def random_classical(
    rng: np.random.Generator,
    kind: str,
    d: int,
    number: int,
    decades: float = 8.0,
    condition_decades: float = 12.0,
) -> dict[str, np.ndarray]:
    """Log-uniform parameters in [10^−decades, 10^decades], and means of either sign.

    Degrees of freedom are that far above their bound.
    """
    mean = rng.choice([-1.0, 1.0], (number, d)) * 10 ** rng.uniform(-decades, decades, (number, d))
    if kind == "known":
        return {"mean": mean}
    if kind == "diagonal":
        return {"mean": mean, "variance": 10 ** rng.uniform(-decades, decades, (number, d))}
    if kind == "isotropic":
        return {"mean": mean, "variance": 10 ** rng.uniform(-decades, decades, number)}
    matrices = random_matrices(rng, number, d, decades, condition_decades)
    if kind == "multivariate":
        return {"mean": mean, "covariance": matrices}
    if kind == "centred":
        return {"covariance": matrices}
    return {
        "scale": matrices,
        "degrees_of_freedom": d - 1 + 10 ** rng.uniform(-decades, decades, number),
    }


def perturbed(rng: np.random.Generator, kind: str, d: int, classical: dict, delta: float) -> dict:
    """The same members with one classical parameter, drawn at random, changed by a relative amount
    delta.
    """
    name = list(classical)[rng.integers(len(classical))]
    value = classical[name]
    if name == "degrees_of_freedom":
        changed = d - 1 + (value - (d - 1)) * (1 + delta)
    elif name in ("covariance", "scale"):
        stretch = 1 + delta * rng.uniform(0.5, 1, value.shape[:-1])
        changed = value * stretch[:, :, None] * stretch[:, None, :]
    else:
        changed = value * (1 + delta)
    return {**classical, name: changed.astype(value.dtype)}


def relative_error(got, truth, floor: float = 0.0) -> float:
    """Largest error of an entry relative to max(floor, |entry|)."""
    true = np.ravel(np.asarray(truth, dtype=object))
    return error_in_units(got, true, np.maximum(np.abs(true), floor))


def error_in_units(got, truth, size) -> float:
    """Largest error of an entry in units of its size; where that is zero, of one."""
    if not np.all(np.isfinite(got)):
        return np.inf
    true, size = (np.ravel(np.asarray(a, dtype=object)) for a in (truth, size))
    errors = np.abs(precise(np.ravel(got)) - true) / np.where(size == 0, 1, size)
    return float(np.max(errors))


def roots(matrix: np.ndarray) -> np.ndarray:
    """√M_ii."""
    return np.asarray([MP.sqrt(value) for value in np.diag(matrix)])


def metric_error(got: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of an entry of a metric relative to √(F_ii F_jj)."""
    return error_in_units(got, truth, np.outer(roots(truth), roots(truth)))


def cumulant_error(got: np.ndarray, truth: np.ndarray, metric: np.ndarray) -> float:
    """Largest error of an entry of a third cumulant relative to √(F_ii F_jj F_kk).

    A skew member may have a larger entry, which then is the unit.
    """
    size = roots(metric)
    cube = size[:, None, None] * size[:, None] * size
    return error_in_units(got, truth, np.maximum(cube, np.abs(truth)))


def natural_gradient_error(member: Case, row: np.ndarray, grad: np.ndarray, inverse) -> float:
    """Largest error of an entry of F⁻¹g relative to √(gᵀF⁻¹g F⁻¹_ii).

    That is what a vector of this length can have there.
    """
    true = inverse @ precise(grad)
    length = MP.sqrt(np.sum(true * precise(grad)))
    return error_in_units(member.family.natural_gradient(row, grad), true, length * roots(inverse))


def mean_error(member: Case, got, truth: np.ndarray) -> float:
    """Largest error of mean parameters.

    First moments are relative to √E x_i², a mean log-determinant to max(1, |·|), other entries to
    themselves.
    """
    if member.kind in ("wishart", "inverse_wishart"):
        first = relative_error(got[:1], truth[:1], floor=1.0)
        return max(first, relative_error(got[1:], truth[1:]))
    if member.kind == "multivariate":
        d = member.d
        size = roots(symmetric(truth[d:], d))
        second = np.outer(size, size)[np.triu_indices(d)]
        return error_in_units(got, truth, np.concatenate([size, second]))
    return relative_error(got, truth)


def shape_condition(member: Case, mu: np.ndarray, shape) -> float:
    """Condition number of a Wishart matrix's shape a as a function of its mean parameters.

    It is (|μ₁| + d)/(a |φ_d′(a)|).
    """
    slope = sum(MP.psi(1, shape - MP.mpf(k) / 2) for k in range(member.d)) - member.d / shape
    return float((abs(mu[0]) + member.d) / (slope * shape))
