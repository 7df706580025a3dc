"""Implementations that are wrong in one place each, to show that the laws notice.

Every fault replaces one piece of a working implementation, assembled here from the oracles' pieces,
by the mistake that a programmer makes. It lists the laws that must notice: for all but a few
faults, one that does not compare with the direct evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ingd_ref.conformance._kinds import Multiple
from ingd_ref.equations.kernels import sensitivities
from ingd_ref.features import GaussianRBF
from ingd_ref.rkhs import DivergenceFreeGaussian, GradientGaussian, NeuralTangent, ScalarGaussian
from tests import oracles
from tests.oracles import Problem, Solution

Array = np.ndarray[Any, Any]


def metric(p: Problem, fisher: Array, gram: Array) -> Array:
    """λF̂ + εI."""
    return oracles.REAL(p.ridge) * fisher + oracles.REAL(p.jitter) * np.eye(
        len(gram), dtype=oracles.REAL
    )


def assemble(
    p: Problem,
    *,
    delta: Callable[[Problem], Array] = oracles.delta,
    fisher: Callable[[Problem], Array] = oracles.fisher,
    gram: Callable[[Problem], Array] = oracles.gram,
    metric: Callable[[Problem, Array, Array], Array] = metric,
    design: Callable[[Problem, Array], Array] = oracles.design,
    solve: Callable[[Array, Array], Array] = oracles.solve,
) -> Solution:
    """(K2)-(K4) from its pieces, of which one may be wrong."""
    if p.kernel.coordinatewise:
        pieces = {
            "delta": delta,
            "fisher": fisher,
            "gram": gram,
            "metric": metric,
            "design": design,
            "solve": solve,
        }
        return rounded(p, oracles.king_coordinatewise(p, lambda part: assemble(part, **pieces)))
    difference, covariance, total = delta(p), fisher(p), gram(p)
    c = solve(total + metric(p, covariance, total), difference)
    return rounded(
        p,
        Solution(
            design(p, p.x) @ c,
            c,
            covariance,
            total,
            difference,
            total @ c,
            lambda points: design(p, points) @ c,
        ),
    )


def rounded(p: Problem, s: Solution) -> Solution:
    """Round a solution to the type of the particles, as an implementation would return it."""
    dtype = p.x.dtype
    arrays = {
        name: np.asarray(getattr(s, name), dtype=dtype)
        for name in ("velocity", "coefficients", "fisher", "gram", "delta", "moment_rate")
    }
    return Solution(**arrays, field=lambda points: np.asarray(s.field(points), dtype=dtype))


def correct(p: Problem) -> Solution:
    """The implementation without a fault."""
    return assemble(p)


@dataclass(frozen=True)
class Fault:
    """A wrong implementation, and the laws each of which must notice it."""

    solve: Callable[[Problem], Solution]
    caught_by: tuple[str, ...]


FAULTS: dict[str, Fault] = {}


def fault(
    *caught_by: str,
) -> Callable[[Callable[[Problem], Solution]], Callable[[Problem], Solution]]:
    def register(solve: Callable[[Problem], Solution]) -> Callable[[Problem], Solution]:
        FAULTS[solve.__name__] = Fault(solve, caught_by)
        return solve

    return register


# --------------------------------------------------------------------------------------------------


@fault("particle_repetition", "moments_are_transported", "stationarity")
def velocity_without_division_by_n(p):
    return assemble(p, design=lambda q, points: len(q.x) * oracles.design(q, points))


@fault("particle_repetition")
def velocity_and_gram_without_division_by_n(p):
    return assemble(
        p,
        design=lambda q, points: len(q.x) * oracles.design(q, points),
        gram=lambda q: len(q.x) ** 2 * oracles.gram(q),
    )


@fault("moments_are_transported", "particle_repetition", "weights_are_multiplicities")
def gram_divided_by_n_once(p):
    return assemble(p, gram=lambda q: len(q.x) * oracles.gram(q))


@fault("particle_repetition", "linear_statistics_in_a_flat_kernel")
def covariance_divided_by_n_minus_one_when_n_is_asked_for(p):
    return assemble(
        p,
        fisher=lambda q: (
            oracles.fisher(q) * (len(q.x) / max(len(q.x) - 1, 1) if q.ddof == 0 else 1)
        ),
    )


@fault("linear_statistics_in_a_flat_kernel")
def covariance_ignores_ddof(p):
    return assemble(p, fisher=lambda q: oracles.fisher(q.change(ddof=0)))


@fault("linear_statistics_in_a_flat_kernel")
def unbiased_covariance_divides_by_n_minus_one_despite_weights(p):
    return assemble(
        p,
        fisher=lambda q: (
            oracles.fisher(q.change(ddof=0)) * (len(q.x) / (len(q.x) - 1) if q.ddof else 1)
        ),
    )


@fault("orthogonal_change_of_statistics", "constant_statistic")
def second_moments_instead_of_covariance(p):
    def second_moments(q):
        return np.sum([w * np.outer(f, f) for w, f in zip(q.pi, q.values, strict=True)], axis=0)

    return assemble(p, fisher=second_moments)


@fault(
    "energy_descent",
    "fisher_energy_descent",
    "moments_reach_the_target",
    "moment_identity",
    "straight_line_of_moments",
    "linear_statistics_in_a_flat_kernel",
)
def wrong_sign(p):
    s = assemble(p)
    return replace(
        s,
        velocity=-s.velocity,
        coefficients=-s.coefficients,
        moment_rate=-s.moment_rate,
        field=lambda points: -s.field(points),
    )


@fault("direct_moments", "linear_statistics_in_a_flat_kernel")
def delta_towards_the_pooled_sample(p):
    return assemble(p, delta=lambda q: oracles.delta(q) * len(q.y) / (len(q.x) + len(q.y)))


@fault("target_permutation", "target_repetition")
def only_as_many_targets_as_particles(p):
    def paired(q):
        rho = q.rho[: len(q.x)]
        return oracles.delta(
            q.change(y=q.y[: len(q.x)], target_weights=np.asarray(rho / np.sum(rho)))
        )

    return assemble(p, delta=paired)


@fault("mixture_of_targets", "linear_in_delta")
def target_weights_squared(p):
    return assemble(p.change(target_weights=np.asarray(p.rho**2 / np.sum(p.rho**2))))


@fault("target_repetition")
def target_sum_divided_by_the_number_of_particles(p):
    return assemble(
        p, delta=lambda q: target_mean(q) * len(q.y) / len(q.x) + oracles.delta(q) - target_mean(q)
    )


def target_mean(p: Problem) -> Array:
    return oracles.mean_statistics(p.features, p.y, p.rho)


@fault("rest_at_the_target", "rest_when_moments_match", "linear_in_delta")
def delta_forgets_the_particles(p):
    return assemble(p, delta=lambda q: oracles.mean_statistics(q.features, q.y, q.rho))


# --------------------------------------------------------------------------------------------------


def with_kernel(p: Problem, wrong: Callable[[Array, Array, float], Array]) -> Solution:
    """Replace the gradient kernel, where the problem has it, by ``wrong(x, y, σ)``."""
    if not isinstance(p.kernel, GradientGaussian):
        return assemble(p)
    return assemble(p.change(kernel=WrongKernel(wrong, p.kernel.bandwidth)))


@dataclass(frozen=True, eq=False)
class WrongKernel:
    formula: Callable[[Array, Array, float], Array]
    bandwidth: float
    coordinatewise = curl_free = divergence_free = False

    def definition(self, x: Array, y: Array) -> Array:
        return self.formula(x, y, self.bandwidth)


@fault("scale")
def gradient_kernel_without_one_over_bandwidth_squared(p):
    return with_kernel(
        p,
        lambda x, y, s: (
            oracles.gaussian(x, y, s) * (np.eye(len(x)) - np.outer(x - y, x - y) / s**2)
        ),
    )


@fault("scale")
def gradient_kernel_with_mixed_powers_of_the_bandwidth(p):
    return with_kernel(
        p,
        lambda x, y, s: (
            oracles.gaussian(x, y, s) * (np.eye(len(x)) / s**2 - np.outer(x - y, x - y) / s**2)
        ),
    )


@fault("curl_free", "single_particle")
def gradient_kernel_without_the_outer_product(p):
    return with_kernel(p, lambda x, y, s: oracles.gaussian(x, y, s) * np.eye(len(x)) / s**2)


@fault("curl_free", "single_particle")
def gradient_kernel_with_the_outer_product_added(p):
    return with_kernel(
        p,
        lambda x, y, s: (
            oracles.gaussian(x, y, s) * (np.eye(len(x)) / s**2 + np.outer(x - y, x - y) / s**4)
        ),
    )


@fault("divergence_free", "direct_evaluation")
def divergence_free_kernel_of_one_dimension_more(p):
    if not isinstance(p.kernel, DivergenceFreeGaussian):
        return assemble(p)

    def wrong(x, y, s):
        extra = oracles.gaussian(x, y, s) * np.eye(len(x)) / s**2
        return DivergenceFreeGaussian(s).definition(x, y) + extra

    return assemble(p.change(kernel=WrongKernel(wrong, p.kernel.bandwidth)))


@fault("orthogonal_transformation", "curl_free")
def gradient_kernel_keeps_only_the_diagonal(p):
    return with_kernel(p, lambda x, y, s: np.diag(np.diag(GradientGaussian(s).definition(x, y))))


@fault("dead_coordinate", "single_particle")
def bandwidth_multiplied_by_root_d(p):
    if isinstance(p.kernel, NeuralTangent | Multiple):
        return assemble(p)
    return assemble(
        p.change(kernel=replace(p.kernel, bandwidth=np.sqrt(p.dim) * p.kernel.bandwidth))
    )


@fault("single_particle")
def bandwidth_off_by_root_two(p):
    if isinstance(p.kernel, NeuralTangent | Multiple):
        return assemble(p)
    return assemble(p.change(kernel=replace(p.kernel, bandwidth=np.sqrt(2) * p.kernel.bandwidth)))


@fault("direct_moments", "moments_are_transported")
def feature_bandwidth_off_by_root_two(p):
    if not isinstance(p.features, GaussianRBF):
        return assemble(p)
    return assemble(
        p.change(features=replace(p.features, bandwidth=np.sqrt(2) * p.features.bandwidth))
    )


@dataclass(frozen=True, eq=False)
class WrongJacobian:
    base: GaussianRBF
    factor: float

    def definition(self, x: Array) -> tuple[Array, Array]:
        values, jacobian = self.base.definition(x)
        return values, oracles.REAL(self.factor) * jacobian


@fault("moments_are_transported")
def feature_jacobian_with_the_wrong_sign(p):
    return (
        assemble(p.change(features=WrongJacobian(p.features, -1.0)))
        if isinstance(p.features, GaussianRBF)
        else assemble(p)
    )


@fault("moments_are_transported", "scale")
def feature_jacobian_without_one_over_bandwidth_squared(p):
    if not isinstance(p.features, GaussianRBF):
        return assemble(p)
    return assemble(p.change(features=WrongJacobian(p.features, p.features.bandwidth**2)))


class WeightsOnly(NeuralTangent):
    """The tangent kernel of the weights, without the biases: the 1 missing in 1 + ⟨h, h⟩."""

    def definition(self, x: Array, y: Array) -> Array:
        at_x, at_y = (sensitivities(z, self.layers, self.activation) for z in (x, y))
        biases = sum(a @ b.T for (a, _), (b, _) in zip(at_x, at_y, strict=True))
        identity = np.eye(len(x), dtype=int)
        kept = {"full": biases, "diagonal": biases * identity}
        return super().definition(x, y) - kept.get(self.mode, np.trace(biases) / len(x) * identity)


@fault("direct_evaluation")
def tangent_kernel_without_biases(p):
    if not isinstance(p.kernel, NeuralTangent):
        return assemble(p)
    return assemble(
        p.change(kernel=WeightsOnly(p.kernel.layers, p.kernel.activation, p.kernel.mode))
    )


@fault("translation", "direct_moments")
def points_centred_but_not_the_anchors(p):
    center = np.mean(np.concatenate([p.x, p.y]), axis=0)
    shifted = p.change(x=p.x - center, y=p.y - center)
    s = assemble(shifted)
    return replace(s, field=lambda points: s.field(points - center))


@fault("direct_evaluation")
def tangent_kernel_full_where_diagonal_is_asked_for(p):
    if not isinstance(p.kernel, NeuralTangent):
        return assemble(p)
    return assemble(p.change(kernel=replace(p.kernel, mode="full")))


@fault("direct_evaluation")
def trace_of_the_tangent_kernel_without_division_by_d(p):
    if not (isinstance(p.kernel, NeuralTangent) and p.kernel.mode == "trace"):
        return assemble(p)
    return assemble(p.change(kernel=Multiple(p.kernel, p.dim)))


@fault("kernel_multiple")
def kernel_normalised_by_its_largest_entry(p):
    largest = max(float(np.max(np.abs(k))) for k in p.kernels.values())
    return (
        assemble(p.change(kernel=Multiple(p.kernel, 1 / largest), mask=p.mask))
        if not p.kernel.coordinatewise
        else assemble(p)
    )


# --------------------------------------------------------------------------------------------------


@fault("moment_identity", "linear_statistics_in_a_flat_kernel")
def ridge_on_the_gram_matrix(p):
    return assemble(p, metric=lambda q, fisher, gram: q.ridge * gram + q.jitter * np.eye(len(gram)))


@fault("moment_identity", "stationarity", "linear_statistics_in_a_flat_kernel")
def jitter_forgotten(p):
    return assemble(
        p,
        metric=lambda q, fisher, gram: (
            q.ridge * fisher + (1e-12 if q.jitter else 0) * np.eye(len(gram))
        ),
    )


@fault("moment_identity", "stationarity")
def jitter_divided_by_n(p):
    return assemble(
        p, metric=lambda q, fisher, gram: metric(q.change(jitter=q.jitter / len(q.x)), fisher, gram)
    )


@fault("statistics_twice", "constant_statistic", "moment_identity")
def jitter_multiplied_by_b(p):
    return assemble(
        p,
        metric=lambda q, fisher, gram: metric(q.change(jitter=q.jitter * len(gram)), fisher, gram),
    )


@fault("moments_reach_the_target", "moment_identity", "affine_change_of_statistics")
def jitter_that_cannot_be_switched_off(p):
    return assemble(
        p, metric=lambda q, fisher, gram: metric(q, fisher, gram) + 1e-6 * np.eye(len(gram))
    )


@fault("monotone_in_ridge", "moment_identity")
def ridge_inverted(p):
    return assemble(
        p,
        metric=lambda q, fisher, gram: metric(
            q.change(ridge=1 / q.ridge if q.ridge else 0.0), fisher, gram
        ),
    )


@fault("moment_identity")
def ridge_scaled_by_the_trace_of_the_covariance(p):
    return assemble(
        p,
        metric=lambda q, fisher, gram: metric(
            q.change(ridge=q.ridge * (1 + np.trace(fisher))), fisher, gram
        ),
    )


@fault("moment_identity", "moments_reach_the_target")
def small_eigenvalues_cut_off(p):
    return assemble(
        p,
        solve=lambda matrix, rhs: (
            np.linalg.pinv(np.asarray(matrix, dtype=float), rcond=1e-2)
            @ np.asarray(rhs, dtype=float)
        ),
    )


@fault("direct_evaluation", "moment_identity")
def solved_in_single_precision(p):
    return assemble(
        p,
        solve=lambda matrix, rhs: np.linalg.solve(
            np.asarray(matrix, np.float32), np.asarray(rhs, np.float32)
        ),
    )


@fault("moment_identity", "linear_statistics_in_a_flat_kernel")
def ridge_forgotten(p):
    return assemble(
        p,
        metric=lambda q, fisher, gram: (
            metric(q.change(ridge=0.0), fisher, gram) + 1e-9 * np.eye(len(gram))
        ),
    )


# --------------------------------------------------------------------------------------------------


@fault("weights_are_multiplicities", "linear_in_delta")
def target_weights_ignored(p):
    return assemble(p.change(target_weights=None))


@fault("weights_are_multiplicities", "weightless_particle")
def particle_weights_ignored_everywhere(p):
    return assemble(p.change(weights=None))


@fault("weights_are_multiplicities", "rest_at_the_target")
def particle_weights_ignored_in_delta(p):
    return assemble(p, delta=lambda q: oracles.delta(q.change(weights=None)))


@fault("weights_are_multiplicities", "weightless_particle")
def particle_weights_ignored_in_the_covariance(p):
    return assemble(p, fisher=lambda q: oracles.fisher(q.change(weights=None)))


@fault("weights_are_multiplicities", "moments_are_transported")
def particle_weights_ignored_in_the_velocity(p):
    return assemble(p, design=lambda q, points: oracles.design(q.change(weights=None), points))


@fault("weights_are_multiplicities", "moments_are_transported", "positive_semidefinite")
def particle_weights_on_one_side_of_the_gram_matrix(p):
    def one_sided(q):
        unit = oracles.design(q, q.x)
        return np.mean([df.T @ u for df, u in zip(q.jacobians, unit, strict=True)], axis=0)

    return assemble(p, gram=one_sided)


@fault("moments_are_transported", "linear_statistics_in_a_flat_kernel")
def mask_applied_to_the_velocity_only(p):
    if p.mask is None:
        return assemble(p)
    s = assemble(p.change(mask=None))
    return replace(s, velocity=s.velocity * p.mask, field=lambda points: s.field(points) * p.mask)


@fault("masked_coordinates_rest", "field_at_the_particles")
def mask_forgotten_in_the_field(p):
    free = p.change(mask=None)
    s = assemble(p)
    return (
        replace(s, field=lambda points: oracles.design(free, points) @ s.coefficients)
        if not p.kernel.coordinatewise
        else s
    )


@fault("masked_coordinates_rest", "full_mask", "linear_statistics_in_a_flat_kernel")
def mask_turned_around(p):
    return assemble(p if p.mask is None or p.kernel.coordinatewise else p.change(mask=~p.mask))


@fault("direct_evaluation")
def one_system_for_all_coordinates(p):
    return assemble(
        p.change(kernel=ScalarGaussian(p.kernel.bandwidth)) if p.kernel.coordinatewise else p
    )


# --------------------------------------------------------------------------------------------------


@fault("particle_permutation", "field_at_the_particles", "moments_are_transported")
def velocities_in_sorted_order(p):
    s = assemble(p)
    return replace(s, velocity=s.velocity[np.argsort(p.x[:, 0])])


@fault("weights_are_multiplicities")
def duplicates_removed(p):
    if p.weights is not None:
        return assemble(p)
    unique, back = np.unique(p.x, axis=0, return_inverse=True)
    s = assemble(p.change(x=unique, ddof=0 if len(unique) == 1 else p.ddof))
    return replace(s, velocity=s.velocity[back.reshape(-1)])


@fault("field_in_pieces", "moments_are_transported")
def last_incomplete_tile_dropped(p):
    def tiled(q, points):
        whole = len(q.x) - len(q.x) % 4 if len(q.x) > 4 else len(q.x)
        x, weights = q.x[:whole], np.asarray(q.pi[:whole])
        return oracles.design(q.change(x=x, weights=weights), points)

    return assemble(p, design=tiled)


@fault("field_in_pieces", "field_at_the_particles")
def field_shifted_by_its_first_point(p):
    s = assemble(p)
    return replace(s, field=lambda points: s.field(points) - s.field(points[:1]))


@fault("single_precision")
def always_double_precision(p):
    s = assemble(p)
    return replace(
        s,
        velocity=np.asarray(s.velocity, dtype=float),
        field=lambda points: np.asarray(s.field(points), dtype=float),
    )


@fault("purity")
def argument_centred_in_place(p):
    if p.x.flags.writeable:
        p.x[:] -= 0.0
        p.x[:] += 1e-9
    return assemble(p)


@fault("purity")
def result_kept_and_overwritten(p):
    s = assemble(p)
    memory = KEPT.setdefault(p.x.shape, np.zeros(p.x.shape, dtype=p.x.dtype))
    memory[:] = s.velocity
    return replace(s, velocity=memory)


KEPT: dict[tuple[int, ...], Array] = {}


@fault("purity")
def global_random_state_used(p):
    np.random.random()  # noqa: NPY002  # this is the fault
    return assemble(p)


@fault("memory_layout")
def memory_read_as_if_contiguous(p):
    raw = p.x if p.x.flags.c_contiguous else np.ravel(p.x, order="K").reshape(p.x.shape)
    return assemble(p.change(x=np.array(raw)))
