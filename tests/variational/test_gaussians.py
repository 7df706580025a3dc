"""Each form of Gaussian approximation agrees with dense linear algebra on its precision."""

import numpy as np
import pytest

from ingd_ref.errors import BackendError, DomainError, NonFiniteError, ShapeError
from ingd_ref.variational import (
    FullGaussian,
    LowRankGaussian,
    MeanFieldGaussian,
)
from ingd_ref.variational._curvature import DenseCurvature, DiagonalCurvature, FactoredCurvature

RNG = np.random.default_rng(5)
MEAN = RNG.normal(size=(3, 4))
SQUARE = RNG.normal(size=(3, 4, 6))
FORMS = {
    "full": FullGaussian.from_precision(MEAN, SQUARE @ np.swapaxes(SQUARE, -1, -2)),
    "mean field": MeanFieldGaussian(MEAN, RNG.uniform(0.5, 2.0, size=(3, 4))),
    "low rank": LowRankGaussian(
        MEAN, RNG.uniform(0.5, 2.0, size=(3, 4)), RNG.normal(size=(3, 4, 2))
    ),
    "no rank yet": LowRankGaussian(MEAN, RNG.uniform(0.5, 2.0, size=(3, 4)), np.zeros((3, 4, 2))),
}
# Condition numbers below 200 and a few dozen roundings.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


@pytest.mark.parametrize("form", FORMS)
def test_linear_algebra(form):
    q = FORMS[form]
    precision = q.precision
    covariance = np.linalg.inv(precision)
    columns, design, noise = (
        RNG.normal(size=(3, 4, 2)),
        RNG.normal(size=(5, 4)),
        RNG.normal(size=(3, 7, 4)),
    )
    np.testing.assert_allclose(q.covariance, covariance, **CLOSE)
    np.testing.assert_allclose(q.variance, np.einsum("...ii->...i", covariance), **CLOSE)
    np.testing.assert_allclose(q.solve(columns), covariance @ columns, **CLOSE)
    np.testing.assert_allclose(q.product(columns), precision @ columns, **CLOSE)
    np.testing.assert_allclose(q.log_det_precision, np.linalg.slogdet(precision)[1], **CLOSE)
    np.testing.assert_allclose(
        q.entropy, 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1], **CLOSE
    )
    np.testing.assert_allclose(q.condition, np.linalg.cond(precision), rtol=1e-10)
    np.testing.assert_allclose(q.predictor_mean(design), MEAN @ design.T, **CLOSE)
    np.testing.assert_allclose(
        q.predictor_variance(design),
        np.einsum("na,bac,nc->bn", design, covariance, design),
        **CLOSE,
    )
    # the map from noise is linear: on unit vectors it gives a root of the covariance
    root = np.swapaxes(q.coloured(np.broadcast_to(np.eye(4), (3, 4, 4))), -1, -2)
    np.testing.assert_allclose(root @ np.swapaxes(root, -1, -2), covariance, **CLOSE)
    np.testing.assert_allclose(q.coloured(noise), noise @ np.swapaxes(root, -1, -2), **CLOSE)


@pytest.mark.parametrize("form", ["full", "mean field"])
def test_natural_parameters_are_those_of_the_family(form):
    q = FORMS[form]
    classical = q.family.classical(q.natural_parameters)
    np.testing.assert_allclose(classical["mean"], MEAN, **CLOSE)
    second = classical["covariance"] if form == "full" else classical["variance"]
    np.testing.assert_allclose(second, q.covariance if form == "full" else q.variance, **CLOSE)
    np.testing.assert_allclose(q.family.entropy(q.natural_parameters), q.entropy, **CLOSE)


def test_from_covariance_keeps_small_eigenvalues():
    """A condition number of 1e14: the inverse triangle keeps the digits of each eigenvalue."""
    scales = np.array([1e-7, 1.0, 1e7])
    q = FullGaussian.from_covariance(np.zeros(3), np.diag(scales))
    np.testing.assert_allclose(np.diag(q.precision), 1 / scales, rtol=1e-14)
    assert q.condition == pytest.approx(1e14, rel=1e-6)


def test_curvatures_agree_with_their_matrix():
    base, factor, weights = RNG.normal(size=4), RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
    columns = RNG.normal(size=(2, 4, 2))
    factored = FactoredCurvature(base, factor, weights)
    matrix = np.diag(base) + np.einsum("ar,br,cr->bac", factor, weights, factor)
    for curvature in (factored, DenseCurvature(matrix)):
        np.testing.assert_allclose(curvature.matrix(), matrix, **CLOSE)
        np.testing.assert_allclose(curvature.diagonal(), np.einsum("bii->bi", matrix), **CLOSE)
        np.testing.assert_allclose(curvature.product(columns), matrix @ columns, **CLOSE)
        assert curvature.dim == 4
    diagonal = DiagonalCurvature(base)
    np.testing.assert_array_equal(diagonal.matrix(), np.diag(base))
    np.testing.assert_array_equal(diagonal.product(columns), base[:, None] * columns)
    assert diagonal.dim == 4


def test_arguments_are_not_shared_and_not_changed():
    mean, precisions = np.zeros(2), np.ones(2)
    q = MeanFieldGaussian(mean, precisions)
    mean[0] = precisions[0] = 7.0
    assert q.mean[0] == 0.0
    assert q.precisions[0] == 1.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: FullGaussian.from_precision(np.zeros(2), -np.eye(2)),
            DomainError,
            "precision is not positive definite",
        ),
        (
            lambda: FullGaussian.from_covariance(np.zeros(2), np.diag([1.0, 0.0])),
            DomainError,
            "covariance is not positive definite",
        ),
        (
            lambda: FullGaussian.from_precision(np.zeros(2), np.array([[2.0, 1.0], [0.0, 2.0]])),
            DomainError,
            "symmetric",
        ),
        (
            lambda: FullGaussian.from_precision(np.zeros(2), np.eye(3)),
            ShapeError,
            r"precision must have shape \(2, 2\)",
        ),
        (
            lambda: FullGaussian.from_precision(np.array([np.nan, 0.0]), np.eye(2)),
            NonFiniteError,
            "mean holds 1",
        ),
        (
            lambda: FullGaussian.from_precision(np.zeros(()), np.eye(1)),
            ShapeError,
            "mean must have shape",
        ),
        (lambda: FullGaussian(np.zeros(2), np.ones((2, 2))), DomainError, "lower triangular"),
        (lambda: FullGaussian(np.zeros(2), np.eye(3)), ShapeError, "factor must have shape"),
        (
            lambda: FullGaussian.from_precision(0.0, np.eye(1)),
            BackendError,
            "mean must be an array",
        ),
        (
            lambda: MeanFieldGaussian(np.zeros(2), np.array([1.0, 0.0])),
            DomainError,
            "precisions must be positive",
        ),
        (
            lambda: MeanFieldGaussian(np.zeros(2), np.ones(3)),
            ShapeError,
            "precisions must have the shape",
        ),
        (
            lambda: LowRankGaussian(np.zeros(2), np.zeros(2), np.zeros((2, 1))),
            DomainError,
            "diagonal must be positive",
        ),
        (
            lambda: LowRankGaussian(np.zeros(2), np.ones(2), np.zeros((2, 3))),
            ShapeError,
            "factor must have shape",
        ),
        (
            lambda: LowRankGaussian(np.zeros(2), np.ones(1), np.zeros((2, 1))),
            ShapeError,
            "diagonal must have the shape",
        ),
        (lambda: DenseCurvature(np.ones((2, 3))), ShapeError, "curvature must have shape"),
        (lambda: DenseCurvature(np.full((2, 2), np.inf)), NonFiniteError, "curvature holds 4"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
