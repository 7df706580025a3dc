"""Laws of every flow in the index of flows: a new one is tested from its first day."""

import inspect

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.backend import to_host

FLOWS = {
    name: found
    for name, found in vars(ir.flows).items()
    if inspect.isclass(found) and issubclass(found, ir.flows.Flow) and not inspect.isabstract(found)
}
every_flow = pytest.mark.parametrize("name", FLOWS)
EPS = np.finfo(float).eps
# A flow may solve a linear system of condition 1e4 and sum fifty terms for an entry.
ROUNDING = 1e6 * EPS


def clouds(seed=0):
    """Return particles, a target and weights of both."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 2)), rng.normal(1.0, 0.8, size=(9, 2))
    return x, y, rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(9))


def velocity(name, x, y, *weights, at=None):
    """Return the velocity at ``at`` of a flow that is prepared at x."""
    flow = FLOWS[name].example()
    return flow.prepare(x, y, np.random.default_rng(1), *weights)(x if at is None else at)


def assert_near(actual, expected, tolerance=ROUNDING):
    assert np.max(np.abs(actual - expected)) <= tolerance * (1 + np.max(np.abs(expected)))


@every_flow
def test_renumbered_particles_have_renumbered_velocities(name):
    x, y, pi, rho = clouds()
    order = np.random.default_rng(2).permutation(len(x))
    assert_near(velocity(name, x[order], y, pi[order], rho), velocity(name, x, y, pi, rho)[order])


@every_flow
def test_the_order_of_the_target_does_not_matter(name):
    x, y, pi, rho = clouds()
    order = np.random.default_rng(3).permutation(len(y))
    assert_near(velocity(name, x, y[order], pi, rho[order]), velocity(name, x, y, pi, rho))


@every_flow
def test_weights_of_equal_size_are_no_weights(name):
    x, y, pi, rho = clouds()
    equal = velocity(name, x, y, np.full_like(pi, 1 / len(pi)), np.full_like(rho, 1 / len(rho)))
    assert_near(equal, velocity(name, x, y))


@every_flow
def test_arguments_stay_and_results_own_their_memory(name):
    arguments = clouds()
    before = [z.tobytes() for z in arguments]
    first = velocity(name, *arguments)
    kept = first.copy()
    second = velocity(name, *arguments)
    assert [z.tobytes() for z in arguments] == before
    assert np.array_equal(first, kept)
    assert np.array_equal(first, second)
    assert not any(np.shares_memory(first, z) for z in (*arguments, second))


@every_flow
def test_a_prepared_velocity_is_a_fixed_vector_field(name):
    """The stages of a step evaluate one field, in whatever order."""
    x, y, pi, rho = clouds()
    field = FLOWS[name].example().prepare(x, y, np.random.default_rng(1), pi, rho)
    first = field(x + 0.1)
    field(x - 0.3)
    assert np.array_equal(field(x + 0.1), first)


@every_flow
def test_single_precision_stays_so(name):
    single = [z.astype(np.float32) for z in clouds()]
    double = [z.astype(float) for z in single]
    found = velocity(name, *single)
    assert found.dtype == np.float32
    # the jitter of a flow bounds the condition of its system by some 1e4
    assert_near(found, velocity(name, *double), 1e5 * 2.0**-23)


@every_flow
def test_arrays_stay_on_their_device(name, on_device):
    moved = [on_device(z) for z in clouds()]
    found = velocity(name, *moved)
    assert found.device == moved[0].device
    assert found.dtype == moved[0].dtype
    double = velocity(name, *(to_host(z).astype(float) for z in moved))
    eps = 2.0**-23 if to_host(found).dtype == np.float32 else EPS
    assert_near(to_host(found), double, min(1e6 * eps, 1e-2))


@every_flow
def test_a_run_comes_closer_to_the_target_and_resumes(name, tmp_path):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(20, 2)), 0.5 * rng.normal(size=(25, 2))

    def run(steps, checkpoint=None):
        flow, rng = FLOWS[name].example(), np.random.default_rng(5)
        options = {"steps": steps, "step_size": 0.2, "rng": rng, "progress": False}
        return ir.run_flow(flow, x, y, checkpoint=checkpoint, **options)

    whole = run(20)
    before, after = (ir.metrics.energy_distance(z, y) for z in (x, whole.particles))
    assert after < before
    run(8, tmp_path / "flow")
    resumed = run(20, tmp_path / "flow")
    assert np.array_equal(resumed.particles, whole.particles)
