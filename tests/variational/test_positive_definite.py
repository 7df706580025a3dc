"""Positive steps keep the precision positive definite for every step size and curvature."""

import mpmath
import numpy as np
import pytest

from ingd_ref.errors import DomainError
from ingd_ref.variational import (
    Expected,
    FullGaussian,
    LowRankGaussian,
    MeanFieldGaussian,
    natural_step,
)
from ingd_ref.variational._curvature import DenseCurvature, DiagonalCurvature, FactoredCurvature

NUMBER, DIM, RANK = 500, 4, 2
STEP_SIZES = [
    *np.linspace(0.05, 1.0, 16).tolist(),
    1e-6,
    1e-3,
    0.999,
    1.0,
]  # 20 groups of 500 problems: ten thousand
EPS = np.finfo(float).eps


def scales(rng, *shape):
    """Numbers over eight decades."""
    return 10.0 ** rng.uniform(-4.0, 4.0, size=shape)


def definite(rng):
    """Positive definite matrices with condition numbers up to 1e6, in units over four decades."""
    rotation = np.linalg.qr(rng.normal(size=(NUMBER, DIM, DIM)))[0]
    values = 10.0 ** rng.uniform(-3.0, 3.0, size=(NUMBER, 1, DIM)) * 10.0 ** rng.uniform(
        -2.0, 2.0, size=(NUMBER, 1, 1)
    )
    return (rotation * values) @ np.swapaxes(rotation, -1, -2)


def indefinite(rng):
    """Symmetric matrices of all signatures."""
    matrix = rng.normal(size=(NUMBER, DIM, DIM)) * scales(rng, NUMBER, 1, 1)
    return matrix + np.swapaxes(matrix, -1, -2)


def expected(rng, curvature):
    return Expected(np.zeros(NUMBER), rng.normal(size=(NUMBER, DIM)), curvature)


def start(rng):
    precision = definite(rng)
    return FullGaussian.from_precision(
        np.zeros((NUMBER, DIM)), 0.5 * (precision + np.swapaxes(precision, -1, -2))
    )


@pytest.mark.parametrize("group", range(len(STEP_SIZES)))
def test_full_precisions(group):
    """P after the step is at least half of P before it: singular values of L⁻¹L′ are ≥ √½.

    A QR decomposition is that of a matrix that is off by a few times d·eps of the whole, ‖[Lᵀ; (1 −
    ρ)Lᵀ + ρL⁻¹T]‖.
    """
    rng, rho = np.random.default_rng([1, group]), STEP_SIZES[group]
    q = start(rng)
    for _ in range(3):
        target = indefinite(rng)
        moved = natural_step(q, expected(rng, DenseCurvature(target)), rho, step="positive")
        ratio = np.linalg.svd(np.linalg.solve(q.factor, moved.factor), compute_uv=False)
        stacked = np.linalg.norm(q.factor, axis=(-2, -1)) + np.linalg.norm(
            np.linalg.solve(q.factor, target), axis=(-2, -1)
        )
        smallest = np.linalg.svd(q.factor, compute_uv=False)[:, -1]
        rounding = 20 * DIM * EPS * stacked / smallest
        assert np.all(ratio[:, -1] >= np.sqrt(0.5) - rounding)
        assert np.all(np.einsum("...ii->...i", moved.factor) > 0)
        assert np.all(np.isfinite(moved.mean))
        q = moved


def test_standard_steps_would_leave_them():
    """The problems are not tame: one standard step of size one fails for most of them."""
    rng = np.random.default_rng([1, 0])
    q, target = start(rng), indefinite(rng)
    failed = 0
    for member in range(200):
        alone = FullGaussian(q.mean[member], q.factor[member])
        try:
            natural_step(
                alone, Expected(np.zeros(()), np.zeros(DIM), DenseCurvature(target[member])), 1.0
            )
        except DomainError:
            failed += 1
    assert failed > 150


@pytest.mark.parametrize("group", range(len(STEP_SIZES)))
def test_diagonal_precisions(group):
    rng, rho = np.random.default_rng([2, group]), STEP_SIZES[group]
    q = MeanFieldGaussian(np.zeros((NUMBER, DIM)), scales(rng, NUMBER, DIM))
    for _ in range(3):
        target = rng.normal(size=(NUMBER, DIM)) * scales(rng, NUMBER, DIM)
        moved = natural_step(q, expected(rng, DiagonalCurvature(target)), rho, step="positive")
        assert np.all(moved.precisions >= 0.5 * q.precisions * (1 - 4 * EPS))
        q = moved


@pytest.mark.parametrize("kind", ["factored", "dense", "diagonal"])
@pytest.mark.parametrize("group", range(len(STEP_SIZES)))
def test_low_rank_precisions(group, kind):
    """D stays positive, and the diagonal of P is that of the step without projection."""
    rng, rho = np.random.default_rng([3, group]), STEP_SIZES[group]
    factor = rng.normal(size=(NUMBER, DIM, RANK)) * scales(rng, NUMBER, 1, 1)
    q = LowRankGaussian(np.zeros((NUMBER, DIM)), scales(rng, NUMBER, DIM), factor)
    for _ in range(3):
        curvature = {
            "factored": lambda: FactoredCurvature(
                rng.normal(size=(NUMBER, DIM)),
                rng.normal(size=(NUMBER, DIM, 3)),
                rng.normal(size=(NUMBER, 3)) * scales(rng, NUMBER, 3),
            ),
            "dense": lambda: DenseCurvature(indefinite(rng)),
            "diagonal": lambda: DiagonalCurvature(
                rng.normal(size=(NUMBER, DIM)) * scales(rng, NUMBER, DIM)
            ),
        }[kind]()
        moved = natural_step(q, expected(rng, curvature), rho, step="positive")
        assert np.all(moved.diagonal > 0)
        assert np.all(np.isfinite(moved.factor))
        allowed = rounding_of_the_diagonal(q, curvature, rho)
        for member in rng.integers(NUMBER, size=3):
            exact = exact_diagonal(q, curvature, rho, member)
            found = np.diag(moved.precision[member])
            assert np.all(np.abs(found - exact) <= allowed[member])
        q = moved


def exact_diagonal(q, curvature, rho, member):
    """Diagonal of ½(P + N P⁻¹ N) at sixty digits: the inverse alone would lose ten of sixteen."""
    context = mpmath.MPContext()
    context.dps = 60

    def exact(values):
        return context.matrix(np.asarray(values).tolist())

    factor = exact(q.factor[member])
    old = context.diag(list(map(context.mpf, q.diagonal[member]))) + factor * factor.T
    if isinstance(curvature, FactoredCurvature):
        sides, weights = (
            exact(curvature.factor[member]),
            context.diag(list(map(context.mpf, curvature.weights[member]))),
        )
        target = (
            context.diag(list(map(context.mpf, curvature.base[member]))) + sides * weights * sides.T
        )
    else:
        target = exact(curvature.matrix()[member])
    towards = (1 - context.mpf(rho)) * old + context.mpf(rho) * target
    whole = (old + towards * context.inverse(old) * towards) / 2
    return np.array([float(whole[i, i]) for i in range(DIM)])


def rounding_of_the_diagonal(q, curvature, rho):
    """How far rounding may move each diagonal entry, (NUMBER, DIM).

    The step works in units of √Ω, where N P⁻¹ N is bounded by |N| D⁻¹ |N| and each entry is off by
    a few times d·eps of the norm.
    """
    old, size, base = q.precision, np.abs(curvature.matrix()), None
    if isinstance(curvature, FactoredCurvature):
        size = np.einsum(
            "bar,br,bcr->bac", *map(np.abs, (curvature.factor, curvature.weights, curvature.factor))
        )
        size, base = size + np.abs(curvature.base)[..., None] * np.eye(DIM), curvature.base
    if isinstance(curvature, DiagonalCurvature):
        base = curvature.values
    n = q.diagonal if base is None else (1 - rho) * q.diagonal + rho * base
    unit = q.diagonal if base is None else 0.5 * (q.diagonal + n * n / q.diagonal)
    size = (1 - rho) * np.abs(old) + rho * size
    whitened = size / np.sqrt(unit[..., :, None] * q.diagonal[..., None, :])
    norm = np.sum(whitened**2, axis=(-2, -1)) + np.einsum("...ii,...i->...", old, 1 / unit)
    return 10 * DIM * EPS * unit * norm[:, None]
