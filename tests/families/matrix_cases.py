"""Families on vectors and matrices, their oracles, and random members over sixteen decades."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import mpf

from ingd_ref.families import ExponentialFamily
from ingd_ref.families.centred_gaussian import CentredGaussian
from ingd_ref.families.diagonal_gaussian import DiagonalGaussian
from ingd_ref.families.inverse_wishart import InverseWishart
from ingd_ref.families.isotropic_gaussian import IsotropicGaussian
from ingd_ref.families.known_covariance_gaussian import KnownCovarianceGaussian
from ingd_ref.families.multivariate_gaussian import MultivariateGaussian
from ingd_ref.families.wishart import Wishart
from tests.families import matrix_oracles as oracles

KINDS = ("multivariate", "diagonal", "isotropic", "known", "centred", "wishart", "inverse_wishart")
DELTAS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)


@dataclass(frozen=True)
class Case:
    """A family in d dimensions and its oracle."""

    kind: str
    d: int
    family: ExponentialFamily
    oracle: oracles.Oracle


def case(kind: str, d: int, covariance: np.ndarray | None = None) -> Case:
    if kind == "known":
        family = KnownCovarianceGaussian(np.eye(d) + 0.5 if covariance is None else covariance)
        return Case(kind, d, family, oracles.KnownCovarianceGaussian(d, family.covariance))
    families = {
        "multivariate": (MultivariateGaussian, oracles.MultivariateGaussian),
        "diagonal": (DiagonalGaussian, oracles.DiagonalGaussian),
        "isotropic": (IsotropicGaussian, oracles.IsotropicGaussian),
        "centred": (CentredGaussian, oracles.CentredGaussian),
        "wishart": (Wishart, oracles.Wishart),
        "inverse_wishart": (InverseWishart, oracles.InverseWishart),
    }
    family, oracle = families[kind]
    return Case(kind, d, family(d), oracle(d))


def exact(row) -> list[mpf]:
    return [mpf(float(value)) for value in row]


def random_matrices(
    rng: np.random.Generator, number: int, d: int, decades: float, condition_decades: float
) -> np.ndarray:
    """Positive definite matrices: standard deviations over half the decades on either side of 1, correlations of any condition number."""
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
    """Log-uniform parameters in [10^−decades, 10^decades], means of either sign, degrees of freedom that far above their bound."""
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
    """The same members with one classical parameter, drawn at random, changed by a relative amount delta."""
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


def relative_error(got, truth: list[mpf], floor: float = 0.0) -> float:
    """Largest error of an entry relative to max(floor, |entry|)."""
    errors = []
    for value, true in zip(np.ravel(got), truth, strict=True):
        size = max(abs(true), mpf(floor))
        error = abs(mpf(float(value)) - true) if np.isfinite(value) else mpf("inf")
        errors.append(float(error / size) if size else float(error > 0))
    return max(errors)


def metric_error(got: np.ndarray, truth: list[list[mpf]]) -> float:
    """Largest error of an entry of a metric relative to √(F_ii F_jj)."""
    size = [mpmath.sqrt(row[i]) for i, row in enumerate(truth)]
    pairs = [(i, j) for i in range(len(truth)) for j in range(len(truth))]
    return max(
        float(abs(mpf(float(got[i, j])) - truth[i][j]) / (size[i] * size[j])) for i, j in pairs
    )


def cumulant_error(got: np.ndarray, truth: list[list[list[mpf]]], metric: list[list[mpf]]) -> float:
    """Largest error of an entry of a third cumulant relative to √(F_ii F_jj F_kk), or to the entry where a skew member has it larger."""
    size = [mpmath.sqrt(row[i]) for i, row in enumerate(metric)]
    places = list(np.ndindex(*got.shape))
    sizes = (max(size[i] * size[j] * size[k], abs(truth[i][j][k])) for i, j, k in places)
    return max(
        float(abs(mpf(float(got[i, j, k])) - truth[i][j][k]) / s)
        for (i, j, k), s in zip(places, sizes, strict=True)
    )


def mean_error(member: Case, got, truth: list[mpf]) -> float:
    """Error of mean parameters: first moments relative to √E x_i², a mean log-determinant to max(1, |·|), other entries to themselves."""
    if member.kind in ("wishart", "inverse_wishart"):
        return max(
            relative_error(got[:1], truth[:1], floor=1.0), relative_error(got[1:], truth[1:])
        )
    if member.kind == "multivariate":
        d = member.d
        second = [oracles.unpack(truth[d:], d, doubled=False)[i][i] for i in range(d)]
        first = max(
            float(abs(mpf(float(g)) - t) / mpmath.sqrt(s))
            for g, t, s in zip(got[:d], truth[:d], second, strict=True)
        )
        scales = oracles.matrix_scales(oracles.unpack(truth[d:], d, doubled=False))
        return max(
            first,
            *(
                float(abs(mpf(float(g)) - t) / s)
                for g, t, s in zip(got[d:], truth[d:], scales, strict=True)
            ),
        )
    return relative_error(got, truth)


def shape_condition(member: Case, mu: list[mpf], shape: mpf) -> float:
    """Condition number of the shape a of a Wishart matrix as a function of its mean parameters: (|μ₁| + d)/(a |φ_d′(a)|)."""
    slope = sum(mpmath.psi(1, shape - mpf(k) / 2) for k in range(member.d)) - member.d / shape
    return float((abs(mu[0]) + member.d) / (slope * shape))
