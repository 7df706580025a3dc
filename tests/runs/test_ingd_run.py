"""run_ingd: exact paths, draws, checkpoints, interrupts, results, libraries, bad arguments."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import digamma

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import (
    BackendError,
    CheckpointError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)
from ingd_ref.features import FamilyStatistics, GaussianRBF, Monomials, RandomCenters
from ingd_ref.generators import Affine, LocationScale, MultilayerPerceptron, QuantileGenerator
from ingd_ref.runs import load_result, run_ingd

TARGET = np.random.default_rng(2).normal(1.0, 2.0, size=(40, 2))
PERCEPTRON = MultilayerPerceptron((2, 6, 2), residual=True)
START = PERCEPTRON.initial(np.random.default_rng(3))


def run(generator=PERCEPTRON, start=START, target=TARGET, **options):
    defaults = {
        "features": RandomCenters(12),
        "latents": 15,
        "steps": 4,
        "step_size": 0.3,
        "progress": False,
    }
    return run_ingd(
        generator, start, target, **{**defaults, "rng": np.random.default_rng(0), **options}
    )


def same(one, other):
    for name in (
        "particles",
        "trajectory",
        "parameters",
        "parameter_trajectory",
        "times",
        "steps_kept",
        "history_steps",
    ):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert {name: values.tobytes() for name, values in one.history.items()} == {
        name: values.tobytes() for name, values in other.history.items()
    }
    assert (one.status, one.steps_done) == (other.status, other.steps_done)


# --- paths known exactly --------------------------------------------------------------------------

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
NODES, NODE_WEIGHTS = NODES[:, None], NODE_WEIGHTS / NODE_WEIGHTS.sum()
EXACT = {
    "ridge": 0.0,
    "jitter": 0.0,
    "latents": NODES,
    "weights": NODE_WEIGHTS,
    "target_weights": NODE_WEIGHTS,
}


def gaussian_path(times, mean, deviation):
    """Mean and standard deviation along (E10), from N(0, 1)."""
    left = np.exp(-times)
    first, second = (1 - left) * mean, (1 - left) * (mean**2 + deviation**2) + left
    return np.stack([first, np.sqrt(second - first**2)], axis=1)


def gaussian_error(integrator, steps, logarithmic=False, **options):
    generator = LocationScale(1, logarithmic=logarithmic)
    result = run(
        generator,
        generator.initial(),
        1.0 + 1.5 * NODES,
        features=FamilyStatistics(ir.families.Gaussian()),
        steps=steps,
        step_size=2.0 / steps,
        integrator=integrator,
        **EXACT,
        **options,
    )
    path = result.parameter_trajectory.copy()
    if logarithmic:
        path[:, 1] = np.exp(path[:, 1])
    return np.abs(path - gaussian_path(result.times, 1.0, 1.5)).max()


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(
    ("integrator", "order", "steps"), [("euler", 1, 128), ("heun", 2, 64), ("rk4", 4, 80)]
)
def test_location_and_scale_follow_the_exact_path_to_the_order_of_the_integrator(
    integrator, order, steps, logarithmic
):
    coarse, fine = (
        gaussian_error(integrator, number, logarithmic) for number in (steps, 2 * steps)
    )
    assert fine > 1e-12  # above rounding
    # The next term of the error expansion is smaller by the step, at most 1/32, times a constant of
    # a few units.
    assert abs(math.log2(coarse / fine) - order) < 0.2


def test_the_finest_runge_kutta_steps_are_exact_to_eight_digits():
    assert gaussian_error("rk4", 160) < 1e-8
    assert gaussian_error("rk4", 160, solver="stacked") < 1e-8


# Trapezoidal rule in s = log(u/(1 − u)): the integrands are analytic in a strip |Im s| < π, so a
# step of 1/2 errs by e^−4π² = 7e-18 times their size at its edge, and cutting the range at |s| = 27
# by 27 e^−27 = 5e-11.
LOGITS = np.arange(-54, 55) / 2
UNIFORM = 1 / (1 + np.exp(-LOGITS))
UNIFORM_WEIGHTS = UNIFORM * (1 - UNIFORM) / np.sum(UNIFORM * (1 - UNIFORM))


def gamma_path(times, start, target):
    """Shape and rate along (E10): ψ(α) − log β and α/β move straight."""
    moments = [
        np.array([digamma(shape) - np.log(rate), shape / rate]) for shape, rate in (start, target)
    ]
    path = moments[1] + np.exp(-times)[:, None] * (moments[0] - moments[1])
    gaps = np.log(path[:, 1]) - path[:, 0]  # log α − ψ(α)
    shapes = np.array(
        [
            brentq(
                lambda a, gap: np.log(a) - digamma(a) - gap,
                0.1,
                100.0,
                (gap,),
                xtol=1e-13,
                rtol=1e-14,
            )
            for gap in gaps
        ]
    )
    return np.stack([shapes, shapes / path[:, 1]], axis=1)


def gamma_error(integrator, steps):
    generator = QuantileGenerator(ir.families.Gamma())
    start, target = (4.0, 2.0), (12.0, 5.0)
    result = run(
        generator,
        np.array(start),
        generator(np.array(target), UNIFORM[:, None]),
        features=FamilyStatistics(ir.families.Gamma()),
        latents=UNIFORM[:, None],
        weights=UNIFORM_WEIGHTS,
        target_weights=UNIFORM_WEIGHTS,
        ridge=0.0,
        jitter=0.0,
        steps=steps,
        step_size=1.0 / steps,
        integrator=integrator,
    )
    return np.max(np.abs(result.parameter_trajectory / gamma_path(result.times, start, target) - 1))


def test_shape_and_rate_follow_the_exact_path_of_the_gamma_family():
    coarse, fine = gamma_error("rk4", 8), gamma_error("rk4", 16)
    # The next term of the error expansion is smaller by the step, 1/8, times a constant of order
    # one.
    assert abs(math.log2(coarse / fine) - 4) < 0.2
    assert fine < 1e-8
    assert abs(math.log2(gamma_error("heun", 8) / gamma_error("heun", 16)) - 2) < 0.2


def test_the_rate_of_an_exponential_distribution_follows_its_closed_form():
    family = ir.families.Exponential()
    generator = QuantileGenerator(family)
    options = {
        "latents": UNIFORM[:, None],
        "weights": UNIFORM_WEIGHTS,
        "target_weights": UNIFORM_WEIGHTS,
        "ridge": 0.0,
        "jitter": 0.0,
    }
    target = generator(np.array([4.0]), UNIFORM[:, None])
    result = run(
        generator,
        np.array([0.5]),
        target,
        features=FamilyStatistics(family),
        steps=16,
        step_size=1 / 16,
        integrator="rk4",
        **options,
    )
    exact = 1 / (0.25 + np.exp(-result.times) * (2.0 - 0.25))
    # On ẏ = −y, which 1/β obeys, a unit of time costs h⁴/120; in β itself a few dozen times that
    assert np.abs(result.parameter_trajectory[:, 0] / exact - 1).max() < (1 / 16) ** 4 / 120 * 50


def test_adaptive_steps_follow_the_exact_path():
    # Each sub-step errs by 1e-10 at most, there are fewer than two hundred, and the flow contracts.
    assert gaussian_error("adaptive", 4, rtol=1e-10, atol=1e-10) < 2e-8


def test_a_full_affine_generator_follows_the_moments_of_a_gaussian_on_the_plane():
    """Six parameters, five statistics: mean and second moments obey (E10) for all latent points."""
    latents = np.random.default_rng(4).normal(size=(30, 2))
    generator, family = Affine(2), ir.families.MultivariateGaussian(2)
    result = run(
        generator,
        generator.initial(),
        features=FamilyStatistics(family),
        latents=latents,
        ridge=0.0,
        jitter=0.0,
        steps=40,
        step_size=0.05,
        integrator="rk4",
        solver="eigh",  # the two off-diagonal second moments are one statistic, given twice
    )
    moments = np.stack([family.statistics(x).mean(axis=0) for x in result.trajectory])
    goal = family.statistics(TARGET).mean(axis=0)
    exact = goal + np.exp(-result.times)[:, None] * (moments[0] - goal)
    # h⁴/120 per unit of time, times what the curvature of the affine family multiplies it with, a
    # few hundred
    assert np.abs(moments - exact).max() < 0.05**4 / 120 * 1e3


# --- what is drawn --------------------------------------------------------------------------------


def test_equal_seeds_give_equal_runs_and_the_generator_advances():
    rng = np.random.default_rng(0)
    same(run(rng=rng), run())
    assert rng.bit_generator.state != np.random.default_rng(0).bit_generator.state
    assert run(rng=np.random.default_rng(1)).parameters.tobytes() != run().parameters.tobytes()


def test_given_latents_are_those_of_every_step_and_of_the_shown_sample():
    latents = np.random.default_rng(6).normal(size=(15, 2))
    result = run(latents=latents)
    assert result.trajectory[0].tobytes() == PERCEPTRON(START, latents).tobytes()
    assert result.particles.tobytes() == PERCEPTRON(result.parameters, latents).tobytes()
    again = run(latents=np.repeat(latents, 2, axis=0), features=Monomials(2))
    once = run(latents=latents, features=Monomials(2))
    # repeated points are one point with twice the weight: sums of fifteen against thirty terms,
    # four steps, condition below 1e5
    assert np.abs(again.parameters - once.parameters).max() < 1e-9


def test_fresh_latents_are_others_than_those_shown():
    drawn = []

    class Watching(MultilayerPerceptron):
        def latents(self, number, rng, like=None):
            drawn.append(super().latents(number, rng, like))
            return drawn[-1]

    generator = Watching((2, 6, 2), residual=True)
    result = run(generator, shown=7)
    assert [points.shape for points in drawn] == [(7, 2)] + 4 * [(15, 2)]
    assert result.particles.shape == (7, 2)
    assert result.trajectory.shape == (5, 7, 2)
    assert len({points.tobytes() for points in drawn}) == 5
    drawn.clear()
    run(generator, redraw=False)
    assert len(drawn) == 2  # those shown, and those of all steps
    drawn.clear()
    run(generator, latents=np.ones((3, 2)) * np.arange(3)[:, None], shown=5, features=Monomials(1))
    assert [points.shape for points in drawn] == [(5, 2)]


def test_a_minibatch_is_drawn_without_repetition_or_by_weight():
    seen = []

    class Recording(RandomCenters):
        def draw(self, x, y, rng):
            seen.append(y)
            return GaussianRBF(y, 1.0)

    run(features=Recording(3), batch=6)
    assert [len(np.unique(y, axis=0)) for y in seen] == 4 * [6]
    assert all({tuple(row) for row in y} <= {tuple(row) for row in TARGET} for y in seen)
    seen.clear()
    weights = np.zeros(40)
    weights[[3, 5]] = 0.25, 0.75
    run(features=Recording(3), batch=30, target_weights=weights)
    counts = sum(np.array([np.sum(np.all(y == TARGET[k], axis=1)) for k in (3, 5)]) for y in seen)
    assert counts.sum() == 120
    assert abs(counts[1] - 90) < 5 * math.sqrt(120 * 0.25 * 0.75)
    seen.clear()
    run(features=Recording(3), batch=6, redraw=False)
    assert len(seen) == 1


def test_a_target_may_be_a_function_of_the_generator():
    result = run(
        target=lambda rng: rng.normal(3.0, 1.0, size=(30, 2)), steps=20, step_size=0.5, latents=60
    )
    assert np.all(np.abs(result.particles.mean(axis=0) - 3.0) < 1.0)


# --- records, callbacks, results on disk ----------------------------------------------------------


def test_metrics_callbacks_and_records_see_the_generated_sample():
    seen = []

    def stop_at_three(info):
        seen.append((info.step, info.parameters.copy(), info.particles.copy(), dict(info.metrics)))
        info.parameters[:], info.particles[:] = np.nan, np.nan  # copies
        return info.step == 3

    result = run(
        metrics={"mean": lambda x: x.mean()}, callback=stop_at_three, keep_every=2, steps=5
    )
    assert (result.status, result.steps_done) == ("stopped", 3)
    assert result.steps_kept.tolist() == [0, 2]
    assert result.parameter_trajectory.shape == (2, START.size)
    assert result.parameter_trajectory[0].tobytes() == START.tobytes()
    assert [step for step, *_ in seen] == [1, 2, 3]
    assert seen[-1][1].tobytes() == result.parameters.tobytes()
    assert seen[-1][2].tobytes() == result.particles.tobytes()
    assert result.history["mean"][3] == seen[-1][3]["mean"] == result.particles.mean()


def test_results_are_kept_with_their_parameters(tmp_path):
    result = run(metrics={"mean": lambda x: x.mean()})
    result.save(tmp_path / "result.npz")
    same(load_result(tmp_path / "result.npz"), result)
    moved = load_result(tmp_path / "result.npz", like=np.zeros(1, dtype=np.float32))
    assert moved.parameters.dtype == moved.parameter_trajectory.dtype == np.float32
    plain = ir.run_flow(
        ir.flows.KiNG(RandomCenters(5)), TARGET[:6], TARGET, steps=1, progress=False
    )
    plain.save(tmp_path / "flow.npz")
    assert load_result(tmp_path / "flow.npz").parameters is None


# --- checkpoints, interrupts, errors --------------------------------------------------------------

KINDS = [
    {},
    {"integrator": "adaptive", "rtol": 1e-2},
    {"integrator": "heun", "batch": 7, "shown": 4},
    {"redraw": False, "integrator": "rk4"},
    {
        "latents": np.random.default_rng(7).normal(size=(9, 2)),
        "keep_every": 2,
        "metrics": {"mean": lambda x: x.mean()},
    },
    {"target": lambda rng: rng.normal(size=(12, 2)), "solver": "stacked"},
]


@pytest.mark.parametrize("options", KINDS)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, options):
    path = tmp_path / "run.npz"
    whole = run(steps=5, **options)
    assert run(steps=2, checkpoint=path, **options).steps_done == 2
    same(run(steps=5, checkpoint=path, **options), whole)
    same(run(steps=5, checkpoint=path, rng=None, **options), whole)  # nothing left to do


def test_ctrl_c_keeps_what_was_done(tmp_path):
    def interrupt(info):
        if info.step == 3:
            raise KeyboardInterrupt

    whole, path = run(steps=5), tmp_path / "run.npz"
    result = run(steps=5, callback=interrupt, checkpoint=path)
    assert (result.status, result.steps_done) == ("interrupted", 2)
    assert result.parameter_trajectory.tobytes() == whole.parameter_trajectory[:3].tobytes()
    same(run(steps=5, checkpoint=path), whole)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            {"generator": MultilayerPerceptron((2, 6, 2), residual=True, activation="silu")},
            "generator.activation",
        ),
        ({"start": START + 1.0}, "parameters"),
        ({"latents": 16}, "latents"),
        ({"shown": 3}, "shown"),
        ({"batch": 3}, "batch"),
        ({"jitter": 0.1}, "jitter"),
        ({"solver": "stacked"}, "solver"),
        ({"features": RandomCenters(11)}, "features.number"),
        ({"integrator": "heun"}, "integrator"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, name):
    run(steps=1, checkpoint=tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match=f"belongs to another run: {name} is"):
        run(steps=2, checkpoint=tmp_path / "run.npz", **change)


def test_a_checkpoint_of_particles_is_no_checkpoint_of_parameters(tmp_path):
    ir.run_flow(
        ir.flows.KiNG(RandomCenters(5)),
        TARGET[:6],
        TARGET,
        steps=1,
        progress=False,
        checkpoint=tmp_path / "run.npz",
    )
    with pytest.raises(CheckpointError, match="another run"):
        run(checkpoint=tmp_path / "run.npz")


def test_an_error_carries_what_was_done():
    def target(rng):
        calls.append(None)
        return TARGET if len(calls) < 3 else np.full((4, 2), np.nan)

    calls = []
    with pytest.raises(NonFiniteError, match="target") as caught:
        run(target=target)
    assert caught.value.partial.steps_done == 2
    assert caught.value.partial.parameters.shape == START.shape


def test_a_singular_step_names_its_system():
    with pytest.raises(SingularSystemError, match="raise the jitter"):
        run(
            LocationScale(1),
            np.array([0.0, 1.0]),
            TARGET[:, :1],
            features=Monomials(3),
            ridge=0.0,
            jitter=0.0,
        )


# --- other libraries, bad arguments ---------------------------------------------------------------


def test_it_stays_on_its_device(on_device):
    features = GaussianRBF(on_device(TARGET[:5]), 2.0)
    found = run(
        start=on_device(START),
        target=on_device(TARGET),
        features=features,
        shown=5,
        integrator="heun",
        batch=11,
    )
    expected = run(features=GaussianRBF(TARGET[:5], 2.0), shown=5, integrator="heun", batch=11)
    for name in ("particles", "trajectory", "parameters", "parameter_trajectory"):
        value, exact = getattr(found, name), getattr(expected, name)
        assert value.device == on_device(START).device
        assert value.dtype == on_device(START).dtype
        unit = 1.2e-7 if "32" in str(value.dtype) else 2.3e-16
        # eight velocities from systems of condition below 1e3, each from a few dozen roundings
        assert np.abs(to_host(value) - exact).max() < 1e5 * unit


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": START[:-1]}, ShapeError, "parameters"),
        ({"start": START + np.nan}, NonFiniteError, "parameters"),
        ({"start": "START"}, BackendError, "parameters"),
        ({"target": TARGET[:, :1]}, ShapeError, "target"),
        ({"target": "moon"}, OptionError, "target must be an array"),
        ({"latents": 0}, DomainError, "latents"),
        ({"latents": TARGET[:, :1]}, ShapeError, "latents"),
        ({"shown": 0}, DomainError, "shown"),
        ({"weights": np.full(15, 1 / 15)}, OptionError, "pass latents as an array"),
        ({"batch": 41}, DomainError, "at most the 40 points"),
        ({"batch": 3, "target": lambda rng: TARGET}, OptionError, "as many points as it likes"),
        ({"target": lambda rng: TARGET[:, :1]}, ShapeError, r"target\(rng\)"),
        ({"step_size": 0.0}, DomainError, "step_size"),
        ({"steps": 0}, DomainError, "steps"),
        ({"ridge": -1.0}, DomainError, "ridge"),
        ({"jitter": -1.0}, DomainError, "jitter"),
        ({"ddof": 3}, DomainError, "ddof"),
        ({"solver": "luck"}, OptionError, "'luck'"),
        ({"implementation": "luck"}, OptionError, "'luck'"),
        ({"integrator": "luck"}, OptionError, "'luck'"),
        ({"rng": np.random}, OptionError, "rng"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        run(**options)
