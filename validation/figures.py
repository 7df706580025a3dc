"""Two pictures of the evidence.

Finite differences against their error models, and flows against exact trajectories.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import ingd_ref as ir
from validation.backends import BACKENDS
from validation.flows import Frozen, Trajectory, king_flow, trajectory_error
from validation.flows import trajectories as paths
from validation.oracles.fisher import FloatFamily, Method, float_family, methods
from validation.oracles.precise import precise

__all__ = ["fisher_differences", "trajectories"]

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def fisher_differences() -> Figure:
    """Draw measured and predicted errors of the finite differences of F against the step."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (kind, first, second) in zip(
        panels, (("Gaussian", 1.5, 0.5), ("Gamma", 2.0, 3.0)), strict=True
    ):
        family = float_family(kind, first, second)
        for colour, method in zip(
            COLOURS, [m for m in methods(family) if m.truncation_power], strict=False
        ):
            _curve(axes, family, method, colour)
        names = {"Gaussian": "mean 1.5, deviation 0.5", "Gamma": "shape 2, rate 3"}
        axes.set_title(f"{kind}, {names[kind]}")
        axes.set_xlabel("step, in units of 1/√F_aa")
        axes.set_ylim(1e-15, 1e1)
    panels[0].set_ylabel("largest error of F, in units of √(F_aa F_bb)")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    figure.suptitle(
        "Dots: measured. Lines: bound by the model of truncation and rounding. "
        "Rings: the step that the validation uses.",
        fontsize=10,
    )
    return figure


def _curve(axes: Any, family: FloatFamily, method: Method, colour: str) -> None:
    exact = family.oracle.fisher(precise(family.theta)).astype(float) * np.outer(
        family.scale, family.scale
    )
    steps = np.geomspace(1e-9, 3e-1, 60)
    found = [np.max(np.abs(method.estimate(h) - exact)) for h in steps]
    axes.loglog(steps, found, ".", markersize=4, color=colour)
    axes.loglog(steps, method.error(steps), "-", linewidth=1, color=colour, label=method.name)
    best = method.best_step
    axes.loglog(best, method.error(best), "o", markersize=9, fillstyle="none", color=colour)


def trajectories() -> Figure:
    """Draw mean parameters of the kernel flow on their exact line, and its error."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplots(2, 2)
    for row, path in zip(panels, paths(), strict=True):
        _on_the_line(row[0], path)
        _orders(row[1], path)
    return figure


def _on_the_line(axes: Any, path: Trajectory) -> None:
    start = path.start[1] @ path.moments(path.start[0])
    times = np.linspace(0.0, 1.0, 50)
    exact = path.goal + np.exp(-times)[:, None] * (start - path.goal)
    axes.plot(
        exact[:, 0],
        exact[:, 1],
        "-",
        color="0.6",
        linewidth=4,
        label="exact: μ(t) = goal + e⁻ᵗ (start − goal)",
    )
    for (integrator, marker), colour in zip(
        {"euler": "s", "rk4": "o"}.items(), COLOURS, strict=False
    ):
        frames = _moments(path, integrator, 4)
        axes.plot(
            frames[:, 0],
            frames[:, 1],
            marker,
            color=colour,
            markersize=7,
            fillstyle="none",
            label=f"{integrator}, four steps",
        )
    labels = {"Gaussian": ("E x", "E x²"), "Gamma": ("E log x", "E x")}[path.family]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.set_title(f"{path.family}: mean parameters during a unit of time")
    axes.legend(frameon=False)


def _moments(path: Trajectory, integrator: str, steps: int) -> Any:
    """Mean parameters at the start and after each step."""
    arrays = BACKENDS["numpy"]
    flow = Frozen(king_flow(arrays, path))
    x = arrays(path.start[0])
    result = ir.run_flow(
        flow, x, x, steps=steps, step_size=1.0 / steps, integrator=integrator, progress=False
    )
    return np.array(
        [path.start[1] @ path.moments(frame) for frame in arrays.host(result.trajectory)]
    )


def _orders(axes: Any, path: Trajectory) -> None:
    arrays = BACKENDS["numpy"]
    velocity = king_flow(arrays, path)
    counts = np.array([4, 8, 16, 32, 64, 128])
    for (integrator, order), colour in zip(
        {"euler": 1, "heun": 2, "rk4": 4}.items(), COLOURS, strict=False
    ):
        errors = np.array(
            [trajectory_error(arrays, velocity, path, integrator, int(k)) for k in counts]
        )
        line = errors[-2] * (counts[-2] / counts) ** float(order)
        axes.loglog(1.0 / counts, errors, "o", color=colour, label=integrator)
        axes.loglog(1.0 / counts, line, "-", linewidth=1, color=colour, label=f"slope {order}")
    axes.set_xlabel("step")
    axes.set_ylabel("distance from the exact end, relative")
    axes.set_title(f"{path.family}: error at t = 1")
    axes.legend(frameon=False, ncols=3)
