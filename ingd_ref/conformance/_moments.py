"""Laws of the moments, of the metric and of optimality."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._law import Solver, compare, fresh_points, law, require
from ingd_ref.conformance._precision import Array, real
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, REGULAR, SINGLE
from ingd_ref.conformance._rounding import C, reach_of_kernel, rounding, size_of
from ingd_ref.features import Monomials

#: Regular problems of one system for all coordinates.
JOINT = (*REGULAR.needs, *SINGLE.needs)


@law(SINGLE)
def moment_identity(solve: Solver, p: Problem) -> None:
    """G c is the moment rate, and Δ − G c = (λF̂ + εI) c."""
    s, bound = solve(p), rounding(p)
    c = real(s.coefficients)
    compare(s.moment_rate, real(s.gram) @ c, bound.matrix, "moment rate against G c")
    metric = p.ridge * real(s.fisher) + p.jitter * np.eye(len(c))
    compare(
        real(s.delta) - real(s.moment_rate), metric @ c, bound.matrix, "Δ − G c against (λF̂ + εI) c"
    )


@law(ANY)
def moments_are_transported(solve: Solver, p: Problem) -> None:
    """The moment rate is Σ_i π_i ∇f(x_i)ᵀ v(x_i) for the velocities returned, (P4)."""
    s, bound = solve(p), rounding(p)
    transported = sum(
        w * df.T @ v for w, df, v in zip(p.pi, p.jacobians, real(s.velocity), strict=True)
    )
    sizes = sum(
        w * size_of(df) * size_of(v)
        for w, df, v in zip(p.pi, p.jacobians, real(s.velocity), strict=True)
    )
    # Each velocity is a sum that may cancel: its own error is eps ‖U‖ |c| and reaches the moments
    # through the Jacobians.
    unit = size_of(direct.design_at_particles(p)) * size_of(real(s.coefficients))
    jacobians = sum(w * size_of(df) for w, df in zip(p.pi, p.jacobians, strict=True))
    compare(
        s.moment_rate,
        transported,
        C * bound.eps * float(sizes + jacobians * unit) + bound.matrix,
        "moment rate against transport",
    )


@law(replace(REGULAR, needs=JOINT, ridge=(0.0,)))
def moments_reach_the_target(solve: Solver, p: Problem) -> None:
    """Without λ and ε, and with invertible G, the moments head for the target: G c = Δ, (K10)."""
    bound = rounding(p)
    compare(solve(p).moment_rate, direct.delta(p), bound.moments, "moment rate against Δ")


@law(SINGLE)
def energy_descent(solve: Solver, p: Problem) -> None:
    """½ ΔᵀM⁻¹Δ and ½ Δᵀ(G + M)⁻¹Δ, M = λF̂ + εI held fixed, do not increase at first order."""
    metric = direct.regulariser(p)
    for matrix in (metric, metric + direct.gram(p)):
        require_descent(solve, p, matrix)


@law(replace(REGULAR, needs=JOINT))
def fisher_energy_descent(solve: Solver, p: Problem) -> None:
    """½ ΔᵀF̂⁻¹Δ does not increase at first order when ε = 0."""
    require_descent(solve, p, direct.fisher(p))


def require_descent(solve: Solver, p: Problem, matrix: Array) -> None:
    """Raise if ½ Δᵀ matrix⁻¹ Δ grows by more than rounding explains."""
    bound, s, matrix = rounding(p), solve(p), np.asarray(matrix, dtype=float)
    difference, rate = (np.asarray(v, dtype=float) for v in (s.delta, s.moment_rate))
    slope = difference @ np.linalg.solve(matrix, rate)
    allowed = np.linalg.norm(difference) * bound.moments / float(np.linalg.eigvalsh(matrix)[0])
    require(
        slope >= -allowed,
        f"the moment energy increases: slope {-slope:.3g}, rounding explains {allowed:.3g}",
    )


@law(SINGLE)
def positive_semidefinite(solve: Solver, p: Problem) -> None:
    """F̂ and G are symmetric without negative eigenvalues."""
    s, bound = solve(p), rounding(p)
    for name, matrix in (("F̂", s.fisher), ("G", s.gram)):
        matrix = np.asarray(matrix, dtype=float)
        size, smallest = np.linalg.norm(matrix, 2), np.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
        # Sums of products: relative rounding eps of the largest entries, in terms that the gradient
        # kernel's own cancellation amplifies.
        allowed = C * bound.eps * size * reach_of_kernel(p)
        require(
            np.linalg.norm(matrix - matrix.T) <= allowed,
            f"{name} is not symmetric: {np.linalg.norm(matrix - matrix.T):.3g} > {allowed:.3g}",
        )
        require(
            smallest >= -allowed,
            f"{name} has the negative eigenvalue {smallest:.3g}, rounding explains {allowed:.3g}",
        )


@law(replace(SINGLE, ridge=(1e-2, 1.0), jitter=(1e-3, 1e-1)))
def stationarity(solve: Solver, p: Problem) -> None:
    """(K1) is minimised: v = Σ_i π_i K(·,x_i) ∇f(x_i) (λF̂ + εI)⁻¹ r everywhere, r = Δ − d/dt E_q f.

    Testing the optimality condition ⟨v,w⟩_H = rᵀ(λF̂ + εI)⁻¹ E_q[∇fᵀw] with w = K(·,z)e gives this
    by the reproducing property, for any z.
    """
    s, bound, at = solve(p), rounding(p), fresh_points(p)
    metric = direct.regulariser(p)
    c = direct.solve(metric, real(s.delta) - real(s.moment_rate))
    unit = direct.design(p, at)
    smallest = float(np.linalg.eigvalsh(np.asarray(metric, dtype=float))[0])
    allowed = size_of(unit) * (bound.matrix / smallest + bound.coefficients)
    compare(s.field(at), unit @ c, allowed, "field against the optimality condition")


@law(replace(REGULAR, needs=JOINT, masks=(False,)))
def monotone_in_ridge(solve: Solver, p: Problem) -> None:
    """As λ grows, with ε = 0, the norm of v falls and the F̂⁻¹ norm of Δ − d/dt E_q f rises."""
    norms, residuals = [], []
    for ridge in (1e-3, 1e-1, 1e1, 1e3):
        changed = p.change(ridge=ridge)
        bound, s = rounding(changed), solve(changed)
        c, r = real(s.coefficients), real(s.delta) - real(s.moment_rate)
        # v and r enter squared; a factor four covers the cross term at an error that is a small
        # part of the size.
        norms.append((float(c @ direct.gram(p) @ c), 4 * size_of(c) * bound.moments))
        inverse_norm = 1 / float(np.linalg.eigvalsh(np.asarray(direct.fisher(p), dtype=float))[0])
        residuals.append(
            (
                float(r @ direct.solve(direct.fisher(p), r)),
                4 * inverse_norm * size_of(r) * bound.moments,
            )
        )
    for (low, low_error), (high, high_error) in zip(norms[1:], norms[:-1], strict=True):
        require(low <= high + low_error + high_error, f"‖v‖² rises with λ: {high:.6g} to {low:.6g}")
    for (low, low_error), (high, high_error) in itertools.pairwise(residuals):
        require(
            low <= high + low_error + high_error,
            f"the residual falls with λ: {low:.6g} to {high:.6g}",
        )


@law(
    replace(REGULAR, n=(5, 8), d=(1, 2), ridge=(0.0,), needs=("radial",), layouts=("C",)),
    cost=3,
)
def straight_line_of_moments(solve: Solver, p: Problem) -> None:
    """With f(x) = x and λ = ε = 0 an Euler step h leaves 1 − h of the means' distance, (E10)."""
    p, h = p.change(features=Monomials(1), mask=None), 0.25
    allowed = 0.0
    for _ in range(4):
        allowed += 2 * rounding(p).moments
        before = direct.delta(p)
        p = p.change(x=p.x + h * np.asarray(solve(p).velocity))
        compare(direct.delta(p), (1 - h) * before, allowed, "distance of the means after a step")
