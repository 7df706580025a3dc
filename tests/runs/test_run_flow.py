"""run_flow: closed forms, masks, minibatches, records, callbacks, errors, purity, libraries."""

import math
from dataclasses import dataclass, field

import array_api_strict
import numpy as np
import pytest

from ingd_ref.backend import array_namespace, to_host
from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.flows import Flow
from ingd_ref.runs import FlowResult, StepInfo, load_result, run_flow

PARTICLES = np.random.default_rng(1).normal(size=(6, 2))
TARGET = np.random.default_rng(2).normal(3.0, 2.0, size=(8, 2))


@dataclass(frozen=True)
class Attraction(Flow):
    """ẋ = E_p x − E_q x + wind: the flow of (E9) for a Gaussian with known covariance.

    Its mean obeys (E10).
    """

    wind: float = 0.0
    seen: list = field(default_factory=list, compare=False)

    def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
        xp = array_namespace(particles=particles, target=target)
        self.seen.append(
            {"target": target, "weights": weights, "target_weights": target_weights, "mask": mask}
        )
        gust = self.wind * rng.normal()
        goal = _mean(xp, target, target_weights) + gust
        return lambda x: xp.broadcast_to(goal - _mean(xp, x, weights), x.shape)


def _mean(xp, x, weights):
    return xp.mean(x, axis=0) if weights is None else xp.sum(weights[:, None] * x, axis=0)


@dataclass(frozen=True)
class Given(Flow):
    """The velocity that a function of (x, number of the call of prepare) gives."""

    function: object
    calls: list = field(default_factory=list, compare=False)

    def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
        self.calls.append(None)
        call = len(self.calls)
        return lambda x: self.function(x, call)


def flow(particles=PARTICLES, target=TARGET, **options):
    rule = options.pop("rule", Attraction())
    return run_flow(
        rule,
        particles,
        target,
        **{"steps": 4, "progress": False, "rng": np.random.default_rng(0), **options},
    )


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("integrator", "order", "steps"), [("euler", 1, 64), ("heun", 2, 32), ("rk4", 4, 8)]
)
@pytest.mark.parametrize("redraw", [True, False])
def test_means_move_in_a_straight_line(integrator, order, steps, redraw):
    """(E10): μ(t) = E_p f + e^{−t}(μ(0) − E_p f), to the order of the integrator."""
    goal = TARGET.mean(0)

    def error(number):
        result = flow(steps=number, step_size=1 / number, integrator=integrator, redraw=redraw)
        exact = goal + np.exp(-result.times)[:, None] * (PARTICLES.mean(0) - goal)
        return np.max(np.abs(result.trajectory.mean(axis=1) - exact))

    coarse, fine = error(steps), error(2 * steps)
    assert fine > 1e-12  # above rounding
    # The next term of the error expansion is smaller by the step, at most 1/8, times a constant of
    # order one.
    assert abs(math.log2(coarse / fine) - order) < 0.2


def test_adaptive_integrator_follows_the_straight_line():
    result = flow(steps=3, step_size=2.0, integrator="adaptive", rtol=1e-9, atol=1e-9)
    goal = TARGET.mean(0)
    exact = goal + np.exp(-result.times)[:, None] * (PARTICLES.mean(0) - goal)
    # A few dozen sub-steps, each within 1e-9 of numbers below ten, in a flow that contracts.
    assert np.max(np.abs(result.trajectory.mean(axis=1) - exact)) < 1e-7


def test_weights_reach_the_flow():
    weights, target_weights = np.arange(1.0, 7.0) / 21, np.arange(8.0) / 28
    rule = Attraction()
    result = flow(rule=rule, weights=weights, target_weights=target_weights, steps=2, step_size=0.5)
    goal = target_weights @ TARGET
    # Two Euler steps of the mean: each halves the distance. Twenty additions of numbers below ten.
    assert np.allclose(
        weights @ result.particles,
        goal + 0.25 * (weights @ PARTICLES - goal),
        rtol=0,
        atol=200 * np.finfo(float).eps,
    )
    assert all(seen["mask"] is None for seen in rule.seen)


def test_masked_coordinates_keep_their_values():
    rule = Attraction()
    for mask in ([False, True], np.array([False, True])):
        result = flow(rule=rule, mask=mask, integrator="rk4")
        assert np.array_equal(result.trajectory[:, :, 0], np.tile(PARTICLES[:, 0], (5, 1)))
        assert np.array_equal(
            result.trajectory[:, :, 1], flow(integrator="rk4").trajectory[:, :, 1]
        )
    assert all(np.array_equal(seen["mask"], [False, True]) for seen in rule.seen)


def test_a_masked_coordinate_may_have_no_velocity():
    rule = Given(lambda x, call: np.stack([np.full(len(x), np.nan), np.ones(len(x))], axis=1))
    assert np.array_equal(
        flow(rule=rule, mask=[False, True], steps=1).particles, PARTICLES + np.array([0.0, 1.0])
    )


def test_settled_once_or_before_each_step():
    often, once = Attraction(), Attraction()
    flow(rule=often, integrator="rk4")
    flow(rule=once, integrator="rk4", redraw=False)
    assert (len(often.seen), len(once.seen)) == (4, 1)


def test_minibatches_are_drawn_from_the_one_generator():
    rule = Attraction()
    flow(
        rule=rule,
        target=lambda rng: rng.normal(size=(3, 2)),
        target_weights=np.array([0.5, 0.5, 0.0]),
    )
    expected = np.random.default_rng(0)
    for seen in rule.seen:
        assert np.array_equal(seen["target"], expected.normal(size=(3, 2)))
        expected.normal()  # the flow's own draw
        assert np.array_equal(seen["target_weights"], [0.5, 0.5, 0.0])


# --- what is recorded -----------------------------------------------------------------------------


def test_records_and_thinning():
    metrics = {"mean": lambda x: x.mean(), "width": lambda x: float(x.std())}
    full = flow(steps=7, step_size=0.5, metrics=metrics)
    thin = flow(steps=7, step_size=0.5, metrics=metrics, keep_every=3, record_every=2)
    assert full.status == thin.status == "finished"
    assert full.steps_done == thin.steps_done == 7
    assert full.trajectory.shape == (8, 6, 2)
    assert np.array_equal(full.trajectory[0], PARTICLES)
    assert np.array_equal(full.trajectory[-1], full.particles)
    assert np.array_equal(thin.steps_kept, [0, 3, 6])
    assert np.array_equal(thin.times, [0.0, 1.5, 3.0])
    assert np.array_equal(thin.trajectory, full.trajectory[::3])
    assert np.array_equal(thin.particles, full.particles)
    assert np.array_equal(thin.history_steps, [0, 2, 4, 6])
    assert list(thin.history) == ["mean", "width"]
    assert np.array_equal(full.history["mean"], [frame.mean() for frame in full.trajectory])
    assert np.array_equal(thin.history["width"], full.history["width"][::2])


def test_without_metrics_the_history_is_empty():
    result = flow()
    assert result.history == {}
    assert result.history_steps.shape == (0,)


def test_results_print_briefly():
    assert repr(flow(steps=2)).startswith("FlowResult(status='finished', steps_done=2, seconds=")


def test_callback_sees_each_step_and_stops_the_run():
    told = []

    def callback(info):
        told.append(info)
        return info.step == 3

    result = flow(
        callback=callback, steps=9, step_size=0.5, metrics={"mean": np.mean}, record_every=2
    )
    assert (result.status, result.steps_done) == ("stopped", 3)
    assert [info.step for info in told] == [1, 2, 3]
    assert [info.time for info in told] == [0.5, 1.0, 1.5]
    assert {info.steps for info in told} == {9}
    assert [list(info.metrics) for info in told] == [[], ["mean"], []]
    assert all(
        np.array_equal(info.particles, frame)
        for info, frame in zip(told, result.trajectory[1:], strict=True)
    )
    assert 0 < told[0].seconds <= told[-1].seconds <= result.seconds


def test_progress_goes_where_it_is_told(capsys):
    told = []
    flow(progress=told.append, steps=3)
    assert [info.step for info in told] == [1, 2, 3]
    assert isinstance(told[0], StepInfo)
    for progress in (True, False):  # the captured stream is not a terminal
        flow(progress=progress)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_progress_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    flow(steps=7, metrics={"mmd": lambda x: 0.125}, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "7/7" in captured.err
    assert "flow  mmd 0.125" in captured.err


# --- errors ---------------------------------------------------------------------------------------


def failing(x, call):
    return np.where((np.arange(6)[:, None] == 2) & (call == 3), np.nan, 1.0) * np.ones_like(x)


@pytest.mark.parametrize("integrator", ["euler", "heun", "rk4", "adaptive"])
def test_velocity_that_is_not_finite_names_step_and_particle(tmp_path, integrator):
    rng = np.random.default_rng(0)
    with pytest.raises(
        NonFiniteError,
        match=r"velocity at step 3 is NaN or infinite for 1 particle\(s\), the first of them is 2",
    ) as caught:
        flow(
            rule=Given(failing),
            integrator=integrator,
            checkpoint=tmp_path / "run.npz",
            checkpoint_every=10,
            rng=rng,
        )
    partial = caught.value.partial
    assert isinstance(partial, FlowResult)
    assert (partial.status, partial.steps_done) == ("interrupted", 2)
    # Two steps of one, in the adaptive case of several rounded sub-steps.
    assert np.allclose(partial.particles, PARTICLES + 2, rtol=1e-13)
    # The same rule in better health continues from there: the third call of prepare, but the
    # first of a fresh rule.
    resumed = flow(
        rule=Given(failing), integrator=integrator, checkpoint=tmp_path / "run.npz", rng=rng
    )
    assert resumed.status == "finished"
    assert np.array_equal(resumed.trajectory[:3], partial.trajectory)


def test_position_that_overflows_is_named():
    rule = Given(lambda x, call: np.full_like(x, 1e308))
    with (
        np.errstate(over="ignore"),
        pytest.raises(
            NonFiniteError,
            match=r"position at step 1 is NaN or infinite for 6 particle\(s\), "
            "the first of them is 0",
        ),
    ):
        flow(rule=rule, step_size=10.0)


@pytest.mark.parametrize("place", ["flow", "metric", "callback", "progress", "target"])
def test_foreign_errors_carry_what_was_done(place):
    def breaks(argument, call=3):
        steps.append(None)
        if len(steps) == 3 + (place == "metric") and call == 3:
            raise RuntimeError(place)
        return {"flow": argument, "metric": 0.0, "target": TARGET}.get(place)

    steps = []
    options = {
        "flow": {"rule": Given(breaks)},
        "metric": {"metrics": {"bad": breaks}},
        "callback": {"callback": breaks},
        "progress": {"progress": breaks},
        "target": {"target": breaks},
    }[place]
    with pytest.raises(RuntimeError, match=place) as caught:
        flow(**options)
    done = 3 if place == "progress" else 2  # progress sees a step that is complete
    assert caught.value.partial.steps_done == done
    assert caught.value.partial.trajectory.shape == (done + 1, 6, 2)


def test_interrupt_in_mid_step_returns_the_last_completed_one():
    def velocity(x, call):
        if call == 3:
            raise KeyboardInterrupt
        return np.ones_like(x)

    rng = np.random.default_rng(0)
    result = flow(rule=Given(velocity), rng=rng)
    assert (result.status, result.steps_done) == ("interrupted", 2)
    assert np.array_equal(result.particles, PARTICLES + 1 + 1)


def test_interrupted_generator_stands_after_the_last_completed_step():
    def callback(info):
        if info.step == 3:
            raise KeyboardInterrupt

    interrupted, complete = np.random.default_rng(0), np.random.default_rng(0)
    flow(rng=interrupted, callback=callback, rule=Attraction(wind=1.0))
    flow(rng=complete, steps=2, rule=Attraction(wind=1.0))
    assert interrupted.bit_generator.state == complete.bit_generator.state


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rule": "king"}, OptionError, "flow must be a Flow, got str"),
        ({"rng": np.random}, OptionError, "rng must be None, a seed .* got module"),
        (
            {"integrator": "leapfrog"},
            OptionError,
            "integrator must be one of 'euler', 'heun', 'rk4', 'adaptive', got 'leapfrog'",
        ),
        ({"steps": 0}, DomainError, "steps must be an integer of at least 1"),
        ({"step_size": 0.0}, DomainError, "step_size must be greater than zero"),
        ({"rtol": -1.0}, DomainError, "rtol must not be negative"),
        ({"atol": 0.0}, DomainError, "atol must be greater than zero"),
        ({"record_every": 0}, DomainError, "record_every"),
        ({"keep_every": 1.5}, DomainError, "keep_every"),
        ({"checkpoint_every": True}, DomainError, "checkpoint_every"),
        ({"particles": PARTICLES[:, 0]}, ShapeError, r"particles\[:, None\]"),
        ({"particles": {1.0}}, BackendError, "particles must be an array"),
        ({"particles": np.full((2, 2), np.nan)}, NonFiniteError, "particles holds 4 value"),
        ({"target": TARGET[:, :1]}, ShapeError, r"target must have shape \(n, 2\)"),
        ({"target": {1.0}}, OptionError, "target must be an array .* got set"),
        (
            {"target": lambda rng: TARGET[:, :1]},
            ShapeError,
            r"target\(rng\) must have shape \(n, 2\)",
        ),
        (
            {"target": lambda rng: None},
            BackendError,
            r"target\(rng\) must be an array, got NoneType",
        ),
        (
            {"target": lambda rng: array_api_strict.asarray(TARGET)},
            BackendError,
            r"particles and target\(rng\) come from different",
        ),
        ({"weights": np.ones(6)}, DomainError, "weights must sum to 1"),
        ({"target_weights": np.ones(6) / 6}, ShapeError, r"target_weights must have shape \(8,\)"),
        (
            {"target": lambda rng: TARGET, "target_weights": np.ones(6) / 6},
            ShapeError,
            r"target_weights must have shape \(8,\)",
        ),
        ({"mask": [True]}, ShapeError, "mask must be 2 values of True or False"),
        ({"mask": [1, 0]}, ShapeError, "mask must be 2 values of True or False"),
        (
            {"metrics": {"both": lambda x: x.mean(axis=0)}},
            ShapeError,
            r"metric both must return one number, got an array of shape \(2,\)",
        ),
        (
            {"rule": Given(lambda x, call: x[:, :1])},
            ShapeError,
            r"velocity at step 1 has shape \(6, 1\), the particles have \(6, 2\)",
        ),
        ({"rule": Given(lambda x, call: 1.0)}, BackendError, "velocity must be an array"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        flow(**options)


# --- purity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("integrator", ["euler", "heun", "rk4", "adaptive"])
def test_inputs_stay_and_results_share_no_memory(tmp_path, integrator):
    inputs = {
        "particles": PARTICLES.copy(),
        "target": TARGET.copy(),
        "weights": np.full(6, 1 / 6),
        "target_weights": np.full(8, 1 / 8),
        "mask": np.array([True, False]),
    }
    before = {name: value.copy() for name, value in inputs.items()}
    for value in inputs.values():
        value.flags.writeable = False
    told = []
    for checkpoint in (None, tmp_path / "run.npz", tmp_path / "run.npz"):
        result = flow(
            **inputs,
            integrator=integrator,
            callback=lambda info: told.append(info.particles),
            checkpoint=checkpoint,
        )
        arrays = [result.particles, result.trajectory, *told, *inputs.values()]
        assert not any(
            np.shares_memory(one, two) for i, one in enumerate(arrays) for two in arrays[:i]
        )
        assert result.particles.flags.writeable
    assert all(np.array_equal(inputs[name], before[name]) for name in inputs)


def test_caller_may_change_the_inputs_afterwards():
    particles = PARTICLES.copy()
    with pytest.raises(NonFiniteError) as caught:
        flow(particles=particles, rule=Given(lambda x, call: np.full_like(x, np.nan)))
    result = flow(particles=particles, callback=lambda info: particles.fill(0.0))
    assert np.array_equal(caught.value.partial.particles, PARTICLES)
    assert np.array_equal(result.trajectory, flow().trajectory)


def test_callbacks_and_metrics_may_scribble():
    def scribble(x):
        x[:] = np.nan
        return 0.0

    scribbled = flow(callback=lambda info: scribble(info.particles), metrics={"zero": scribble})
    assert np.array_equal(scribbled.trajectory, flow().trajectory)


def test_global_random_state_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    flow(rule=Attraction(wind=1.0))
    flow(rule=Attraction(wind=1.0), rng=None)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_same_seed_gives_the_same_run():
    one, two = (flow(rule=Attraction(wind=1.0)) for _ in range(2))
    assert one.trajectory.tobytes() == two.trajectory.tobytes()
    assert not np.array_equal(one.particles, flow(rule=Attraction(wind=1.0), rng=None).particles)


# --- other libraries ------------------------------------------------------------------------------


def check_library(xp, device, path, rtol):
    """A resumed run in another library equals NumPy's to rounding, and itself bit for bit."""

    def array(x):
        return xp.asarray(x, device=device)

    options = {
        "particles": array(PARTICLES),
        "target": array(TARGET),
        "weights": array(np.full(6, 1 / 6)),
        "mask": array(np.array([True, False])),
        "metrics": {"mean": xp.mean},
        "rule": Attraction(wind=0.5),
    }
    for integrator in ("rk4", "adaptive"):
        checkpoint = path / f"{integrator}.npz"
        whole = flow(**options, steps=4, integrator=integrator)
        flow(**options, steps=2, integrator=integrator, checkpoint=checkpoint)
        resumed = flow(**options, steps=4, integrator=integrator, checkpoint=checkpoint)
        reference = flow(
            weights=np.full(6, 1 / 6),
            mask=[True, False],
            steps=4,
            integrator=integrator,
            rule=Attraction(wind=0.5),
        )
        for result in (whole, resumed):
            assert array_namespace(
                trajectory=result.trajectory, start=options["particles"], particles=result.particles
            )
            np.testing.assert_allclose(to_host(result.trajectory), reference.trajectory, rtol=rtol)
        assert to_host(resumed.trajectory).tobytes() == to_host(whole.trajectory).tobytes()
        assert np.array_equal(resumed.history["mean"], whole.history["mean"])
        whole.save(path / "result.npz")
        loaded = load_result(path / "result.npz", like=options["particles"])
        assert to_host(loaded.trajectory).tobytes() == to_host(whole.trajectory).tobytes()


@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
def test_strict_arrays_stay_on_their_device(tmp_path, guarded_devices, device):
    # Six numbers are added in another order at most: some units in the last place, over four steps.
    check_library(array_api_strict, array_api_strict.Device(device), tmp_path, rtol=1e-14)


def test_torch_arrays(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional dependency")
    import array_api_compat.torch as xp

    check_library(xp, torch.device("cpu"), tmp_path, rtol=1e-14)


@pytest.mark.gpu
def test_cupy_arrays(tmp_path):
    import array_api_compat.cupy as xp

    check_library(xp, xp.cuda.Device(0), tmp_path, rtol=1e-13)


def test_mixed_libraries_are_refused():
    with pytest.raises(BackendError, match="different array libraries"):
        flow(target=array_api_strict.asarray(TARGET))


@pytest.mark.parametrize("integrator", ["euler", "adaptive"])
def test_float32_stays(integrator):
    result = flow(PARTICLES.astype(np.float32), TARGET, integrator=integrator)
    assert result.particles.dtype == result.trajectory.dtype == np.float32


def test_integers_become_floats():
    assert flow(np.array([[1, 2]]), TARGET).particles.dtype == np.float64
