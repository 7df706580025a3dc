"""Laws of arrays, memory and precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._law import Solver, compare, law, require
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY
from ingd_ref.conformance._rounding import rounding


@law(replace(ANY, layouts=("C",)))
def memory_layout(solve: Solver, p: Problem) -> None:
    """The memory layout of the caller's arrays does not matter."""
    expected = solve(p).velocity
    every_other = np.repeat(p.x, 2, axis=0)[::2]
    for x, y in (
        (np.asfortranarray(p.x), np.asfortranarray(p.y)),
        (every_other, p.y),
        (p.x[::-1].copy()[::-1], p.y),
    ):
        compare(
            solve(p.change(x=x, y=y)).velocity,
            expected,
            2 * rounding(p).velocity,
            "velocity from another memory layout",
        )


def _global_random_state() -> bytes:
    """Return the state of NumPy's global generator."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002  # the state that must not change
    return bytes(np.asarray(state["state"]["key"]).tobytes())


@law(ANY)
def purity(solve: Solver, p: Problem) -> None:
    """Arguments and global random state stay, results own their memory, a second call is equal."""
    arguments = [z for z in (p.x, p.y, p.weights, p.target_weights, p.mask) if z is not None]
    before, state = [z.tobytes() for z in arguments], _global_random_state()
    first = solve(p)
    kept = np.array(first.velocity)
    second = solve(p)
    require([z.tobytes() for z in arguments] == before, "an argument was changed")
    require(_global_random_state() == state, "the global random state moved")
    require(
        np.array_equal(second.velocity, kept) and np.array_equal(first.velocity, kept),
        "a second call gave another velocity",
    )
    for result in [first.velocity] + ([first.field(p.x)] if hasattr(first, "field") else []):
        shared = [np.shares_memory(result, z) for z in (*arguments, second.velocity)]
        require(not any(shared), "a result shares memory with an argument or with another result")


@law(replace(ANY, dtypes=("float32",), jitter=(1.0, 30.0)))
def single_precision(solve: Solver, p: Problem) -> None:
    """float32 particles get float32 velocities, right to the rounding of float32."""
    bound, s = rounding(p), solve(p)
    for name, v in [("velocity", s.velocity)] + (
        [("field", s.field(p.x))] if hasattr(s, "field") else []
    ):
        require(
            np.asarray(v).dtype == np.float32,
            f"{name} of float32 particles has dtype {np.asarray(v).dtype}",
        )
    compare(s.velocity, direct.king(p).velocity, bound.velocity, "velocity in single precision")
