"""Laws of the velocity away from the particles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._law import Solver, compare, fresh_points, law
from ingd_ref.conformance._precision import Array, real
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, SINGLE, Domain
from ingd_ref.conformance._rounding import C, reach, rounding, size_of
from ingd_ref.features import Monomials
from ingd_ref.rkhs import ScalarGaussian


@law(ANY)
def field_at_the_particles(solve: Solver, p: Problem) -> None:
    """The field at the particles is their velocity."""
    s = solve(p)
    compare(s.field(p.x), s.velocity, rounding(p).velocity, "field at the particles")


@law(replace(SINGLE, n=(33, 37), m=(1, 3), d=(1, 2), b=(1, 3)), cost=10)
def field_in_pieces(solve: Solver, p: Problem) -> None:
    """The field at many points is the field at each, wherever tiles end."""
    s, at = solve(p), fresh_points(p, 101)
    unit = size_of(direct.design(p, at[:4])) * np.sqrt(len(at) / 4)
    pieces = np.concatenate([real(s.field(part)) for part in np.array_split(at, [1, 7, 48, 55])])
    # The same coefficients meet the same kernel, so only the summation order may differ.
    allowed = rounding(p).eps * C * (unit * size_of(real(s.coefficients)) + size_of(pieces))
    compare(s.field(at), pieces, allowed, "field in pieces")
    exact = direct.king(p)
    compare(s.velocity, exact.velocity, rounding(p).velocity, "velocity of many particles")


# Third derivatives of K, fifth ones of k, are below this over σ⁵: 15 for a Gaussian, 64 for an
# inverse multiquadric, 150 for a Matérn 5/2.
ROUGHNESS = 200.0


def slopes(solve: Solver, p: Problem) -> tuple[Array, float]:
    """Return ∂_c v_a at a point by central differences, with the error that is explained."""
    s, eps, sigma = solve(p), rounding(p).eps, p.kernel.bandwidth
    point, h = fresh_points(p, 1)[0], eps ** (1 / 3) * p.kernel.bandwidth
    steps = h * np.eye(p.dim)
    jacobian = (np.asarray(s.field(point + steps)) - np.asarray(s.field(point - steps))) / (2 * h)
    amplitude = float(
        sum(w * size_of(df @ real(s.coefficients)) for w, df in zip(p.pi, p.jacobians, strict=True))
    )
    # Truncation is h²/6 times third derivatives of K; rounding is eps of K's terms, below 3d/σ²,
    # over h.
    truncation = ROUGHNESS / 6 * h**2 / sigma**5
    return jacobian, p.dim * amplitude * (
        truncation + C * 3 * p.dim * eps * reach(p) / (sigma**2 * h)
    )


@law(Domain(needs=("curl-free",), masks=(False,), d=(2, 3)))
def curl_free(solve: Solver, p: Problem) -> None:
    """Fields of a curl-free kernel such as (K5) have a symmetric Jacobian: they are gradients."""
    jacobian, allowed = slopes(solve, p)
    compare(jacobian, jacobian.T, allowed, "Jacobian of the field against its transpose")


@law(Domain(needs=("divergence-free",), masks=(False,), d=(2, 3)))
def divergence_free(solve: Solver, p: Problem) -> None:
    """Fields of a divergence-free kernel have a Jacobian of trace zero: they keep volumes."""
    jacobian, allowed = slopes(solve, p)
    compare(np.trace(jacobian), 0.0, allowed, "divergence of the field")


@law(
    Domain(n=(1, 1), needs=("radial",), masks=(False,), weights=("uniform",), ddof=(0,)),
)
def single_particle(solve: Solver, p: Problem) -> None:
    """One particle drags space along: v(z) = K(z, x) v(x) / a, K(x, x) = a I, as for (K5), (K6)."""
    s, at, x = solve(p), fresh_points(p, 4), real(p.x[0])
    middle = p.kernel.definition(x, x)[0, 0]
    expected = [p.kernel.definition(z, x) @ real(s.velocity)[0] / middle for z in real(at)]
    # Both fields are U(z) c for the same coefficients, which may be large and cancel in the sum
    # over the statistics.
    terms = size_of(p.kernels[0, 0]) * size_of(p.jacobians[0]) * size_of(real(s.coefficients))
    largest = 1 + np.max(np.linalg.norm(at - p.x[0], axis=1)) / float(p.kernel.bandwidth)
    compare(
        s.field(at),
        expected,
        C * rounding(p).eps * largest**2 * terms * reach(p),
        "field around one particle",
    )


# One kernel alone, so four times as many problems.
@law(Domain(kernels=("scalar",), d=(1, 3), n=(2, 8)), cost=0.25)
def linear_statistics_in_a_flat_kernel(solve: Solver, p: Problem) -> None:
    """With f(x) = x and K = I each particle moves by (λΣ + (1 + ε)I)⁻¹Δ, Σ the covariance."""
    width = 1e9 * float(np.max(np.abs(p.x)) + 1)
    p = p.change(features=Monomials(1), kernel=ScalarGaussian(width))
    mean = sum(w * x for w, x in zip(p.pi, real(p.x), strict=True))
    covariance = sum(w * np.outer(x - mean, x - mean) for w, x in zip(p.pi, real(p.x), strict=True))
    covariance = covariance / (1 - p.ddof * np.sum(p.pi**2))
    difference = sum(r * y for r, y in zip(p.rho, real(p.y), strict=True)) - mean
    projection = np.eye(p.dim) if p.mask is None else np.diag(real(p.mask))
    c = direct.solve(p.ridge * covariance + p.jitter * np.eye(p.dim) + projection, difference)
    # k differs from one by r²/2σ², below 1e-17 here.
    compare(
        solve(p).velocity,
        np.tile(projection @ c, (len(p.x), 1)),
        rounding(p).velocity,
        "velocity in a flat kernel",
    )
