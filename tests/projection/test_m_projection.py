"""(P1): moment matching by inverses and by Newton's method, and samples without a projection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import (
    BackendError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)

EPS = np.finfo(float).eps


def test_gaussian_has_the_mean_and_variance_of_the_weighted_sample():
    x, weights = np.array([[1.0], [2.0], [5.0]]), np.array([0.5, 0.25, 0.25])
    found = ir.projection.m_projection(ir.families.Gaussian(), x, weights)
    classical = ir.families.Gaussian().classical(found.theta)
    # E x = 2.25 and E x² = 7.75 by hand; each is a handful of roundings, the variance loses a
    # factor E x²/variance of 3 of them
    assert classical["mean"] == pytest.approx(2.25, rel=20 * EPS)
    assert classical["variance"] == pytest.approx(7.75 - 2.25**2, rel=20 * EPS)
    assert found.iterations == 0
    assert found.residual <= 50 * EPS


def test_a_batch_is_its_members():
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(3, 8, 1))
    weights = rng.dirichlet(np.ones(8), size=3)
    for options in ({}, {"method": "newton", "start": np.array([1.0, -1.0])}):
        together = ir.projection.m_projection(ir.families.Gamma(), x, weights, **options)
        apart = [
            ir.projection.m_projection(ir.families.Gamma(), x[k], weights[k], **options)
            for k in range(3)
        ]
        # vectorised sums may round differently: a few eps in the moments, times the condition of
        # the family
        np.testing.assert_allclose(together.theta, [one.theta for one in apart], rtol=1e-13)
        assert together.residual.shape == together.condition.shape == (3,)


@given(st.integers(0, 2**31), st.floats(0.1, 8.0))
def test_newton_agrees_with_the_inverse_of_the_family(seed, shape):
    x = np.random.default_rng(seed).gamma(shape, size=(12, 1)) + 1e-3
    family = ir.families.Gamma()
    start = np.array([1.0, -1.0])
    inverse = ir.projection.m_projection(family, x)
    newton = ir.projection.m_projection(family, x, method="newton", start=start)
    # Both solve ∇A(θ) = μ with residuals of a few eps standard deviations; apart they can be by the
    # condition number times that.
    scale = np.abs(inverse.theta).max()
    assert np.abs(newton.theta - inverse.theta).max() <= 100 * EPS * scale * inverse.condition
    assert newton.residual <= 1e-12
    assert 0 < newton.iterations < 100


def test_ising_spins_with_a_dozen_couplings():
    family = ir.families.Ising(spins=4)
    theta = 0.4 * np.sin(np.arange(1.0, 11.0))
    mu = family.mean(theta)
    found = ir.projection.match_moments(
        mu,
        log_partition=family.log_partition,
        gradient=family.mean,
        hessian=family.fisher,
        start=np.zeros(10),
    )
    # rounding of μ by eps, times the norm of F⁻¹
    assert np.abs(found.theta - theta).max() <= 20 * EPS * np.linalg.norm(
        family.inverse_fisher(theta), 2
    )


def test_steps_are_cut_where_the_parameter_space_ends():
    """From shape 1e-3 the first full step leaves the Gamma distributions; shorter ones arrive."""
    family = ir.families.Gamma()
    theta = family.natural(shape=50.0, rate=2.0)
    options = {
        "log_partition": family.log_partition,
        "gradient": family.mean,
        "hessian": family.fisher,
        "contains": family.contains,
    }
    found = ir.projection.match_moments(family.mean(theta), start=np.array([1e-3, -1e3]), **options)
    assert (
        np.abs(found.theta / theta - 1).max() <= 1e-10
    )  # eps times the condition of 1e3 of μ ↦ θ, and what cancels in log E x − E log x


@pytest.mark.parametrize("moment", [1.0, -1.0, 1.5])
def test_moments_on_the_boundary_or_beyond_have_no_member(moment):
    with pytest.raises(DomainError, match="no member with these moments was found"):
        ir.projection.match_moments(
            np.array([moment]),
            log_partition=lambda theta: np.logaddexp(theta[0], -theta[0]),
            gradient=np.tanh,
            hessian=lambda theta: (1.0 / np.cosh(theta) ** 2)[:, None],
            start=np.zeros(1),
        )


def test_float32_stays_float32():
    found = ir.projection.m_projection(
        ir.families.Gaussian(), np.array([[1.0], [3.0]], dtype=np.float32)
    )
    assert found.theta.dtype == np.float32


def test_results_are_on_the_device_of_the_samples(on_device):
    x = on_device(np.array([[1.0], [2.0], [5.0]]))
    for options in ({}, {"method": "newton", "start": on_device(np.array([0.0, -0.5]))}):
        found = ir.projection.m_projection(ir.families.Gaussian(), x, **options)
        assert found.theta.device == x.device
        expected = (
            np.array([1.0 / 2.0 * 2.0 / 1.0, -0.5]) * 0
            + ir.projection.m_projection(ir.families.Gaussian(), to_host(x)).theta
        )
        # float32 devices: Newton stops at the square root of its eps, squared
        np.testing.assert_allclose(
            to_host(found.theta), expected, rtol=1e3 * np.finfo(to_host(x).dtype).eps
        )


def test_what_cannot_be_projected_is_refused():
    gaussian, x = ir.families.Gaussian(), np.array([[1.0], [3.0]])
    project = ir.projection.m_projection
    with pytest.raises(DomainError, match="moments that no Gaussian has"):
        project(gaussian, np.array([[1.0], [1.0]]))
    with pytest.raises(DomainError, match="support of Gamma"):
        project(ir.families.Gamma(), np.array([[-1.0], [1.0]]))
    with pytest.raises(ShapeError, match=r"pass samples\[:, None\]"):
        project(gaussian, x[:, 0])
    with pytest.raises(ShapeError, match="at least one sample"):
        project(gaussian, np.zeros((0, 1)))
    with pytest.raises(NonFiniteError, match="samples"):
        project(gaussian, np.array([[np.nan], [1.0]]))
    with pytest.raises(OptionError, match="needs start"):
        project(gaussian, x, method="newton")
    with pytest.raises(OptionError, match="method"):
        project(gaussian, x, method="guess")
    with pytest.raises(DomainError, match="sum to 1"):
        project(gaussian, x, np.array([0.5, 0.6]))
    with pytest.raises(BackendError, match="samples"):
        project(gaussian, {1.0, 3.0})


def test_what_newton_cannot_start_from_is_refused():
    family = ir.families.Gaussian()
    good = {
        "log_partition": family.log_partition,
        "gradient": family.mean,
        "hessian": family.fisher,
    }
    with pytest.raises(DomainError, match="start is not a natural parameter"):
        ir.projection.match_moments(
            np.array([0.0, 1.0]), start=np.array([0.0, 1.0]), contains=family.contains, **good
        )
    with pytest.raises(ShapeError, match="start"):
        ir.projection.match_moments(np.array([0.0, 1.0]), start=np.zeros(3), **good)
    with pytest.raises(SingularSystemError, match=r"rank 1 of 2 .* ridge"):
        ir.projection.match_moments(
            np.zeros(2), start=np.zeros(2), **(good | {"hessian": lambda theta: np.ones((2, 2))})
        )
