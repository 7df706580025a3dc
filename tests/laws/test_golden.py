"""The package against the outputs of the published program, with every implementation."""

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.conformance import package_velocity
from tests.laws import golden
from tests.strategies import FUSED_KERNELS

IMPLEMENTATIONS = ("readable", "fused")


@pytest.fixture(params=golden.CASES)
def case(request):
    return request.param


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request):
    return request.param


@pytest.mark.parametrize(
    ("kernel", "implementation"),
    [
        (k, i)
        for k in golden.VELOCITIES
        for i in IMPLEMENTATIONS
        if i == "readable" or k in FUSED_KERNELS
    ],
)
def test_velocity_and_moments(case, kernel, implementation):
    name, make = golden.VELOCITIES[kernel]
    solution = package_velocity(implementation)(golden.problem(case, make(case)))
    assert golden.deviation(case, name, solution.velocity) <= 1
    assert golden.deviation(case, "delta", solution.delta) <= 1
    assert golden.deviation(case, "fisher_nminus1", solution.fisher) <= 1


def test_tangent_kernel_has_no_fused_version_and_says_so():
    with pytest.raises(ir.errors.BackendError, match="fused"):
        package_velocity("fused")(golden.problem("gauss1d", golden.tangent_kernel("gauss1d")))


def test_published_preset_is_the_default_of_the_stored_outputs(case):
    name, make = golden.VELOCITIES["gradient"]
    problem = golden.problem(case, make(case))
    solution = ir.flows.king_velocity(
        problem.x,
        problem.y,
        features=problem.features,
        kernel=problem.kernel,
        ridge=ir.flows.PUBLISHED["ridge"],
        jitter=ir.flows.PUBLISHED["jitter"],
        ddof=ir.flows.PUBLISHED["ddof"],
    )
    assert golden.deviation(case, name, solution.velocity) <= 1


def test_full_tangent_kernel(case):
    kernel, x = (
        golden.tangent_kernel(case, "full"),
        golden.array(case, "particles")[:5],
    )
    assert golden.deviation(case, "ntk_full_first5", kernel(x, x)) <= 1


def test_wasserstein_gradient_flow(case, implementation):
    x, y, bandwidth = (
        golden.array(case, "particles"),
        golden.array(case, "target"),
        float(golden.array(case, "kernel_bandwidth")),
    )
    assert (
        golden.deviation(
            case, "v_wgf", ir.flows.wgf_velocity(x, y, bandwidth, implementation=implementation)
        )
        <= 1
    )


def test_distances(case, implementation):
    x, y, bandwidth = (
        golden.array(case, "particles"),
        golden.array(case, "target"),
        float(golden.array(case, "kernel_bandwidth")),
    )
    assert (
        golden.deviation(
            case, "energy_distance", ir.metrics.energy_distance(x, y, implementation=implementation)
        )
        <= 1
    )
    assert (
        golden.deviation(
            case, "mmd_rbf", ir.metrics.mmd(x, y, bandwidth, implementation=implementation)
        )
        <= 1
    )


def test_energy_velocity_is_the_stored_gradient(case, implementation):
    x, y = golden.array(case, "particles"), golden.array(case, "target")
    velocity = ir.flows.energy_velocity(x, y, implementation=implementation)
    assert golden.deviation(case, "grad_energy_distance", -velocity / len(x)) <= 1


def test_bandwidths_by_the_lower_median():
    # In one dimension the published program's self-distances are exactly zero; in the others it
    # counts some of them (see tests/data).
    x, y = golden.array("gauss1d", "particles"), golden.array("gauss1d", "target")
    # A median picks one entry, so only the rounding of a distance and a root remain.
    assert ir.metrics.median_bandwidth(x, rule="lower") == pytest.approx(
        float(golden.array("gauss1d", "kernel_bandwidth")), rel=1e-14
    )
    pooled = ir.metrics.median_bandwidth(np.concatenate([x, y]), rule="lower")
    assert pooled == pytest.approx(float(golden.array("gauss1d", "feature_bandwidth")), rel=1e-14)
