"""Generators (N1): their Jacobian products, and the moments that they move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles import generators as oracle
from validation.oracles.particles import rbf
from validation.oracles.precise import MP, Array, differences, precise
from validation.registry import EPS, Measured, case

POINTS = 3
FEATURE_WIDTH = 1.3

# Sums over at most ten units, three layers and two coordinates, in terms of moderate size.
FORMULA = (60.0, "sixty rounded operations, relative to the largest entry")
# The iteration ends within some eps of the logarithm of a tail, above 1e-6 here: 14 eps, times what
# x and its derivatives make of it.
QUANTILE = (
    200.0,
    "the rounding of the logarithm of a tail, and what x and its derivatives make of it",
)


@dataclass(frozen=True)
class Setting:
    """A generator of the package and its formula."""

    generator: Any
    formula: oracle.Generator
    allowed: tuple[float, str] = FORMULA

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return repr(self.generator)


def settings() -> tuple[Setting, ...]:
    """Every generator of the package."""
    g = ir.generators
    return (
        Setting(g.LocationScale(2), oracle.location_scale(True, False)),
        Setting(g.LocationScale(2, shared=False), oracle.location_scale(False, False)),
        Setting(g.LocationScale(2, logarithmic=True), oracle.location_scale(True, True)),
        Setting(g.Affine(2), oracle.affine("full")),
        Setting(g.Affine(2, "triangular"), oracle.affine("triangular")),
        Setting(g.Affine(2, "diagonal"), oracle.affine("diagonal")),
        Setting(g.TriangularPolynomial(2, 2, 1), oracle.polynomial(2, 1)),
        Setting(g.MultilayerPerceptron((2, 2)), oracle.perceptron((2, 2), "tanh", False)),
        Setting(g.MultilayerPerceptron((1, 3, 2)), oracle.perceptron((1, 3, 2), "tanh", False)),
        Setting(
            g.MultilayerPerceptron((2, 3, 2), "silu", residual=True),
            oracle.perceptron((2, 3, 2), "silu", True),
        ),
        Setting(
            g.MultilayerPerceptron((2, 3, 3, 1), "relu"),
            oracle.perceptron((2, 3, 3, 1), "relu", False),
        ),
        Setting(g.QuantileGenerator(), oracle.gamma_quantile, QUANTILE),
        Setting(g.GaussianMixtureQuantile(2), oracle.mixture_quantile, QUANTILE),
    )


@cache
def problem(name: str) -> tuple[Setting, Array, Array]:
    """A generator by its name, with parameters and latent points."""
    number, setting = next(
        (number, setting) for number, setting in enumerate(settings()) if setting.name == name
    )
    rng = np.random.default_rng(70 + number)
    w = setting.generator.initial(rng) + 0.3 * rng.uniform(-1.0, 1.0, setting.generator.size)
    latents = setting.generator.latents(POINTS, rng)
    if setting.allowed is QUANTILE:
        latents[:2, 0] = 1e-6, 1.0 - 1e-6
    return setting, w, latents


@cache
def exact(name: str) -> tuple[Array, Array]:
    """Samples (n, d) and Jacobians (n, d, p) of the formula, computed once for all backends."""
    setting, w, z = problem(name)
    x = np.array([setting.formula(precise(w), point) for point in precise(z)])
    jacobians = [
        differences(partial(_at, setting.formula, point), precise(w)).T for point in precise(z)
    ]
    return x, np.array(jacobians)


def _at(formula: oracle.Generator, point: Array, w: Array) -> Array:
    return formula(w, point)


def off(found: Array, expected: Array) -> float:
    """Largest deviation, formed at eighty digits, in units of the largest expected entry."""
    deviation = np.abs((np.asarray(found).astype(object) - expected).astype(float))
    return float(np.max(deviation) / np.max(np.abs(expected.astype(float))))


@case("N1", oracle="formulas of the generators at eighty digits, differentiated by differences")
def generator_products(arrays: Arrays) -> Iterator[Measured]:
    """Samples, Jacobians, and products with tangents and cotangents of every generator."""
    for name in (setting.name for setting in settings()):
        setting, w, z = problem(name)
        x, jacobian = exact(name)
        rng = np.random.default_rng(71)
        u, c = rng.normal(size=(2, w.shape[0])), rng.normal(size=(2, *x.shape))
        generator, given = setting.generator, (arrays(w), arrays(z))
        factor, reason = setting.allowed
        found = {
            "x": (generator(*given), x),
            "J": (generator.jacobian(*given), jacobian),
            "J u": (
                generator.jvp(*given, arrays(u)),
                np.array([np.tensordot(jacobian, row, 1) for row in precise(u)]),
            ),
            "Jᵀ c": (
                generator.vjp(*given, arrays(c)),
                np.array([np.tensordot(row, jacobian, 2) for row in precise(c)]),
            ),
        }
        for quantity, (value, expected) in found.items():
            yield Measured(
                f"{quantity}, {name}", off(arrays.host(value), expected), factor * EPS, reason
            )


@cache
def moment_rate(name: str) -> tuple[Array, Array, Array, Array]:
    """Centres of bumps, weights, a velocity u, and the rate of the moments along w + tu."""
    setting, w, z = problem(name)
    rng = np.random.default_rng(72)
    u, pi = rng.normal(size=w.shape[0]), rng.dirichlet(np.ones(POINTS))
    centers = exact(name)[0].astype(float)[:2, :] + 0.5
    statistics, shares, points = rbf(centers, FEATURE_WIDTH), precise(pi), precise(z)

    def moments(t: Array) -> Array:
        samples = [setting.formula(precise(w) + t[0] * precise(u), point) for point in points]
        return sum(share * statistics(x) for share, x in zip(shares, samples, strict=True))

    return centers, pi, u, differences(moments, np.array([MP.mpf(0)]))[0]


@case("N1", "P4", oracle="differences, at eighty digits, of moments along w + tu")
def moments_moved_by_parameters(arrays: Arrays) -> Iterator[Measured]:
    """B u is the rate of the moments when w moves with velocity u, and Gram is B Bᵀ.

    The moments are those of Gaussian bumps, under weights.
    """
    for name in (setting.name for setting in settings()):
        setting, w, z = problem(name)
        centers, pi, u, rate = moment_rate(name)
        generator, given = setting.generator, (arrays(w), arrays(z))
        features = ir.features.GaussianRBF(arrays(centers), FEATURE_WIDTH)
        gradients = arrays.host(features.jacobian(generator(*given)))
        cotangents = arrays(np.moveaxis(pi[:, None, None] * gradients, 2, 0))
        b = arrays.host(generator.vjp(*given, cotangents))
        factor, reason = setting.allowed
        # Bu adds n d p products; rounding is relative to their magnitudes.
        magnitude = float(np.max(np.abs(b) @ np.abs(u)))
        error = (
            float(np.max(np.abs((b.astype(object) @ precise(u) - rate).astype(float)))) / magnitude
        )
        yield Measured(f"B u, {name}", error, factor * EPS, reason)
        yield Measured(
            f"B Bᵀ, {name}",
            off(arrays.host(generator.gram(*given, cotangents)), precise(b) @ precise(b).T),
            60 * EPS,
            FORMULA[1],
        )
