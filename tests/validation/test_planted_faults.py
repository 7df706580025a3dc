"""The evidence can fail: for every equation a fault is planted in the package, and the case that
speaks for it must measure it.
"""

from importlib import import_module

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from validation import registry

registry.load()
CASES = {case.name: case for case in registry.CASES}


def scaled(factor):
    """A fault: the result times a factor, here and in every field of a tuple."""

    def plant(original):
        def wrong(*args, **kwargs):
            result = original(*args, **kwargs)
            return (
                tuple(factor * part for part in result)
                if isinstance(result, tuple)
                else factor * result
            )

        return wrong

    return plant


def replaced(function):
    """A fault: another function altogether."""
    return lambda original: function


def literal_divergence(self, xp, theta1, theta2):
    """The three terms of (E5) as they stand, which cancel."""
    difference = xp.sum((theta2 - theta1) * self._mean(xp, theta1), axis=-1)
    return self._log_partition(xp, theta2) - self._log_partition(xp, theta1) - difference


def inverse_of_rounded_fisher(self, xp, theta):
    return xp.linalg.inv(self._fisher(xp, theta))


def unweighted_covariance(original):
    def wrong(xp, values, weights, ddof):
        return original(xp, values, xp.full_like(weights, 1.0 / weights.shape[0]), ddof)

    return wrong


def without_curl_free_term(original):
    def wrong(points, x, jacobian, weights, bandwidth):
        scalar = import_module("ingd_ref.kernels.readable").scalar_gaussian_contraction
        return scalar(points, x, jacobian, weights, bandwidth) / bandwidth**2

    return wrong


def counting_zero_distances(original):
    def wrong(x, rule):
        xp = import_module("array_api_compat").array_namespace(x)
        return original(xp.concat([x, x[:1, :] + 1e-9], axis=0), rule)

    return wrong


def without_offsets(original):
    """Inputs h of a layer scaled so that 1 + ⟨h, h⟩ is off.

    The parameters of the offsets get another weight.
    """

    def wrong(x, layers, activation, unit):
        return [(1.01 * h, delta) for h, delta in original(x, layers, activation, unit)]

    return wrong


def moved_target(original):
    def wrong(xp, target_values, target_weights, values, weights):
        return original(xp, target_values + 1e-9, target_weights, values, weights)

    return wrong


def swapped_weights(original):
    def wrong(x, y, *options, weights=None, target_weights=None, **more):
        return original(x, y, *options, weights=weights, **more)

    return wrong


def stepping_twice(original):
    def wrong(x, h, coefficients, slopes):
        return original(x, h * (1 + 1e-6), coefficients, slopes)

    return wrong


def forgotten_recognition(original):
    """The perfect recognition in place of a fixed one."""

    def wrong(xp, pi, p, root, target, recognition):
        return original(xp, pi, p, root, target, "held")

    return wrong


def plain_gradient(xp, network, x, direction):
    """The tangent without the bend of the activations, as if they were linear."""
    from ingd_ref.features import _score_matching as module

    straight = {name: lambda xp, a: xp.zeros_like(a) for name in module.CURVATURES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CURVATURES", straight)
        return TANGENT(xp, network, x, direction)


TANGENT = import_module("ingd_ref.features._score_matching")._tangent_of_gradient


def farther(original):
    """A step that is a little longer than requested."""

    def wrong(self, curvature, step_size, step):
        return original(self, curvature, step_size * (1 - 1e-12), step)

    return wrong


def wider(factor):
    """Predictors with a variance that is a little too large."""

    def plant(original):
        def wrong(self, design):
            return factor * original(self, design)

        return wrong

    return plant


FAULTS = [
    ("E1", "families.gaussian:Gaussian._log_prob", scaled(1 + 1e-11), "log_density"),
    ("E2", "families.gamma:Gamma._mean", scaled(1 + 1e-11), "mean_parameters"),
    ("E3", "families.gamma:Gamma._fisher", scaled(1 + 1e-11), "fisher_information"),
    ("E3", "families.gaussian:Gaussian._fisher", scaled(1 + 1e-6), "five_estimates_of_fisher"),
    ("E3", "families.gamma:Gamma._third_cumulant", scaled(1 + 1e-11), "third_cumulants"),
    (
        "E3",
        "families.multivariate_gaussian:MultivariateGaussian._third_cumulant",
        scaled(1 + 1e-12),
        "cumulants_and_metrics_of_gaussian_vectors",
    ),
    (
        "E4",
        "families.gaussian:Gaussian._classical_fisher",
        scaled(1 + 1e-6),
        "metric_of_the_classical_chart",
    ),
    (
        "E4",
        "families.centred_gaussian:CentredGaussian._classical_fisher",
        scaled(1 + 1e-12),
        "cumulants_and_metrics_of_gaussian_vectors",
    ),
    (
        "E4",
        "families.gamma:Gamma._inverse_fisher",
        replaced(inverse_of_rounded_fisher),
        "fisher_in_mean_parameters",
    ),
    ("E5", "families.gamma:Gamma._kl", replaced(literal_divergence), "divergence"),
    (
        "E5",
        "families.gaussian:Gaussian._kl",
        replaced(literal_divergence),
        "divergence_is_not_negative",
    ),
    ("E6", "families.gamma:Gamma._natural_from_mean", scaled(1 + 1e-11), "natural_from_mean"),
    ("E7", "families.gamma:Gamma._natural_gradient", scaled(1 + 1e-11), "natural_gradient"),
    (
        "E8",
        "families.gaussian:Gaussian._natural_gradient",
        scaled(1 + 1e-11),
        "natural_gradient_is_the_mean_gradient",
    ),
    (
        "E9",
        "families.gaussian:Gaussian._natural_gradient",
        scaled(1 + 1e-11),
        "gradient_of_the_divergence",
    ),
    (
        "E10",
        "families.gamma:Gamma._natural_gradient",
        scaled(1 + 1e-6),
        "exact_flow_in_natural_parameters",
    ),
    (
        "E10",
        "families.gaussian:Gaussian._mixture",
        scaled(1 + 1e-9),
        "mixture_geodesics_are_straight",
    ),
    (
        "E11",
        "variational:reverse_divergence_gradient",
        scaled(1 + 1e-13),
        "divergence_through_the_mean_chart",
    ),
    ("E11", "variational:regression_gradient", scaled(1 + 1e-11), "gradient_of_an_expectation"),
    ("E11", "variational._full:FullGaussian.with_precision_towards", farther, "gaussian_steps"),
    (
        "E11",
        "variational._low_rank:LowRankGaussian.with_precision_towards",
        farther,
        "gaussian_steps",
    ),
    (
        "E11",
        "variational._full:FullGaussian.predictor_variance",
        wider(1 + 1e-12),
        "one_step_to_a_gaussian_posterior",
    ),
    (
        "E11",
        "variational._full:FullGaussian.predictor_variance",
        wider(1 + 1e-12),
        "regression_elbo_and_gradients",
    ),
    (
        "E11",
        "variational._full:FullGaussian.predictor_variance",
        wider(1 + 1e-10),
        "optimum_of_a_regression",
    ),
    ("E11", "variational._vadam:Vadam.perturbed", scaled(1 + 1e-12), "vadam_steps"),
    ("E12", "families.gaussian:Gaussian._entropy", scaled(1 + 1e-11), "entropy"),
    (
        "E13",
        "families.gamma:trigamma_excess",
        scaled(1 + 1e-11),
        "gamma_determinant_does_not_cancel",
    ),
    ("P1", "projection._m_projection:weighted_mean", scaled(1 + 1e-9), "moment_matching"),
    ("P2", "projection._tangent:covariance", scaled(1 + 1e-11), "regression_of_time_scores"),
    ("P3", "projection._tangent:covariance", scaled(1 + 1e-11), "tangent_of_velocities"),
    ("P3", "projection._tangent:centred", scaled(1.01), "tangent_sandwich"),
    (
        "P4",
        "kernels.readable:gaussian_rbf_with_jacobian",
        scaled(1 + 1e-12),
        "moment_rate_of_a_velocity",
    ),
    (
        "P5",
        "projection._window:_balanced",
        replaced(lambda loads, masses: loads),
        "window_coefficients",
    ),
    ("P5", "projection._time_quadrature:simpson_weights", scaled(1 + 1e-12), "rules_in_time"),
    ("P6", "projection._l1_path:_refined", scaled(1 + 1e-11), "sparse_minima"),
    ("P7", "projection._tangent:covariance", scaled(1 + 1e-9), "gaussian_and_gamma_rates"),
    ("N1", "generators._base:Generator._rows", scaled(1 + 1e-12), "moments_moved_by_parameters"),
    (
        "N1",
        "generators._multilayer_perceptron:MultilayerPerceptron._jacobian",
        scaled(1 + 1e-12),
        "generator_products",
    ),
    ("N1", "generators._quantile:gamma_quantile", scaled(1 + 1e-12), "generator_products"),
    ("N3", "least_squares:_by_cholesky", scaled(1 + 1e-11), "generator_velocity"),
    ("N3′", "least_squares:_by_qr", scaled(1 + 1e-7), "stacked_systems"),
    (
        "F1",
        "features._score_matching:_tangent_of_gradient",
        replaced(plain_gradient),
        "denoising_score_matching",
    ),
    ("N2", "flows._ingd:weighted_covariance", unweighted_covariance, "parameter_velocity"),
    ("N3", "flows._ingd:mean_difference", moved_target, "parameter_velocity"),
    ("N3′", "flows._ingd:covariance_factor", scaled(1 + 1e-9), "stacked_parameter_velocity"),
    ("N4", "runs._integrators:_shifted", stepping_twice, "parameter_steps"),
    (
        "E10",
        "families.gaussian:Gaussian._statistics_jacobian",
        scaled(1 + 1e-4),
        "location_and_scale_follow_the_exact_path",
    ),
    (
        "K1",
        "flows._king:weighted_covariance",
        unweighted_covariance,
        "minimiser_in_parameter_space",
    ),
    ("K2", "flows._king:weighted_covariance", unweighted_covariance, "velocity_and_coefficients"),
    ("K3", "flows._king:mean_difference", moved_target, "ingredients"),
    (
        "K4",
        "kernels.readable:gradient_gaussian_contraction",
        without_curl_free_term,
        "contractions",
    ),
    (
        "K5",
        "kernels.readable:gradient_gaussian_contraction",
        without_curl_free_term,
        "gradient_gaussian_fields_are_gradients",
    ),
    ("K5", "kernels.readable:gradient_gaussian_matrix", scaled(0.8**2), "gradient_gaussian_matrix"),
    (
        "K6",
        "kernels.readable:scalar_gaussian_contraction",
        scaled(1 + 1e-9),
        "coordinatewise_velocity",
    ),
    ("K7", "kernels.readable:_layer_terms", without_offsets, "neural_tangent_matrix"),
    ("K8", "kernels.readable:median_squared_distance", counting_zero_distances, "median_bandwidth"),
    ("K9", "runs._integrators:_shifted", stepping_twice, "explicit_step"),
    ("K10", "flows._king:mean_difference", moved_target, "moment_rate_is_the_whole_difference"),
    ("K11", "flows._king:weighted_covariance", unweighted_covariance, "invariances"),
    ("W1", "kernels.readable:gaussian_kde_score", scaled(1 + 1e-12), "kernel_density_scores"),
    ("W2", "flows:energy_velocity", swapped_weights, "energy_distance_descent"),
    ("W3", "flows:mmd_velocity", scaled(0.5), "maximum_mean_discrepancy_descent"),
    ("W4", "flows:svgd_velocity", scaled(-1.0), "stein_variational_velocity"),
    ("Q1", "metrics:mmd", scaled(2**0.5), "mean_discrepancy"),
    ("Q2", "metrics:energy_distance", scaled(0.5), "energy_distance_on_the_line"),
    ("Q4", "metrics:moment_residual", scaled(1 + 1e-11), "moment_residual"),
    ("Q5", "metrics:sliced_wasserstein", scaled(1 + 1e-12), "sliced_wasserstein"),
    ("B1", "simplex._geometry:centred", scaled(1 + 1e-13), "geometry_of_the_simplex"),
    ("B2", "simplex._network:_other_products", scaled(1 + 1e-12), "models_and_their_jacobians"),
    ("B2", "simplex._natural:whiten", scaled(1 + 1e-11), "natural_gradient_of_a_model"),
    ("B3", "simplex._losses:relative_entropy", scaled(1 + 1e-11), "losses_and_their_gradients"),
    ("B3", "simplex._natural:conditional", scaled(1 + 1e-11), "losses_and_their_gradients"),
    (
        "B4",
        "simplex._natural:whitened_elbo",
        scaled(1 + 1e-12),
        "gap_is_vertical_on_the_full_simplex",
    ),
    ("B5", "simplex._cylindrical:conditional", scaled(1 + 1e-11), "principal_angles_of_models"),
    (
        "B5",
        "simplex._marginalisation:conditional",
        scaled(1 + 1e-12),
        "horizontal_and_vertical_parts",
    ),
    ("B6", "simplex._cosines:whitened_elbo", forgotten_recognition, "cosines_of_naive_bayes"),
    ("B6", "runs._integrators:_shifted", stepping_twice, "euler_flows"),
]


def plant(monkeypatch, place, fault):
    module, attribute = place.split(":")
    owner = import_module(f"ingd_ref.{module}")
    *classes, name = attribute.split(".")
    for part in classes:
        owner = getattr(owner, part)
    monkeypatch.setattr(owner, name, fault(getattr(owner, name)))


@pytest.mark.parametrize(
    ("label", "place", "fault", "case"), FAULTS, ids=[f"{f[0]}-{f[3]}" for f in FAULTS]
)
def test_case_measures_the_fault(monkeypatch, label, place, fault, case):
    """The strict arrays run readable kernels only, so a fault in those reaches every case.

    The first measurement beyond its tolerance is enough.
    """
    assert label in CASES[case].labels
    plant(monkeypatch, place, fault)
    arrays = registry.BACKENDS["strict"]
    with arrays.guarded():
        assert any(not measured.passed for measured in CASES[case].function(arrays))


def test_fault_in_the_fit_of_density_ratios(monkeypatch):
    """(Q3): a fit that stops far from the optimum."""
    kliep = import_module("ingd_ref.metrics._kliep")

    def uniform(xp, densities, weights, tolerance, limit):
        number = densities.shape[1]
        return xp.full_like(densities[0, :], -float(np.log(number))), 0.0, 0

    monkeypatch.setattr(kliep, "mixture_weights", uniform)
    record = registry.run(CASES["kliep_is_optimal"], "strict")
    assert not record.failure, record.trace
    assert [m.quantity for m in record.measured if not m.passed] == ["distance from the optimum"]


def test_every_label_with_evidence_has_a_planted_fault():
    covered = {label for case in registry.CASES for label in case.labels}
    assert covered == {fault[0] for fault in FAULTS} | {"Q3"}
    assert covered == set(LABELS)


def test_silent_transfer_to_the_host_fails_on_strict_arrays_alone(monkeypatch):
    moments = import_module("ingd_ref.flows._moments")
    king = import_module("ingd_ref.flows._king")

    def with_float(xp, target_values, target_weights, values, weights):
        float(values[0, 0])
        return moments.mean_difference(xp, target_values, target_weights, values, weights)

    monkeypatch.setattr(king, "mean_difference", with_float)
    assert registry.run(CASES["ingredients"], "numpy").passed
    record = registry.run(CASES["ingredients"], "strict")
    assert record.failure.startswith("HostConversionError: __float__")


def test_result_that_left_its_library_fails(monkeypatch):
    flows = import_module("ingd_ref.flows")
    monkeypatch.setattr(flows, "svgd_velocity", lambda x, *args, **kwargs: np.zeros((5, 2)))
    record = registry.run(CASES["stein_variational_velocity"], "strict")
    assert record.failure.startswith(
        "TypeError: the result left its library or device: got ndarray"
    )


def test_argument_that_is_written_to_fails_on_numpy_arrays(monkeypatch):
    flows = import_module("ingd_ref.flows")
    original = flows.energy_velocity

    def careless(x, *args, **kwargs):
        x -= 0.0
        return original(x, *args, **kwargs)

    monkeypatch.setattr(flows, "energy_velocity", careless)
    assert "read-only" in registry.run(CASES["energy_distance_descent"], "numpy").failure


def test_fault_in_a_compiled_kernel_fails_on_numpy_in_that_kernel_alone(monkeypatch):
    plant(monkeypatch, "kernels._numba_fused:scalar_gaussian_contraction", scaled(1 + 1e-12))
    record = registry.run(CASES["contractions"], "numpy")
    assert [m.quantity for m in record.measured if not m.passed] == [
        "scalar_gaussian_contraction, fused"
    ]
