"""``ingd-ref flow``: flow the particles of a file to the sample of another."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ingd_ref._io import Outputs, PointFile, packed_json, read_points
from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.cli._options import BACKEND, OUT, QUIET, bandwidth
from ingd_ref.errors import DataFileError
from ingd_ref.experiments._experiment import on_backend
from ingd_ref.experiments._versions import versions
from ingd_ref.features import RandomCenters
from ingd_ref.flows import WGF, EnergyFlow, Flow, KiNG, MMDFlow
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.rkhs import MedianBandwidth, RandomNeuralTangent
from ingd_ref.runs import FlowResult, run_flow

__all__ = ["flow"]

METHODS = ("king", "ntking", "wgf", "energy", "gaussian-mmd")
FRAMES = 50
OUTPUTS = ("flowed.npy", "flowed.png", "mmd.png", "results.json")
DOTS_PER_INCH = 200
POSITIVE = click.FloatRange(min=0.0, min_open=True)


@dataclass(frozen=True)
class Settings:
    """The options of a flow, apart from its files."""

    method: str
    steps: int
    step_size: float
    integrator: str
    features: int
    bandwidth: float | str
    ridge: float
    jitter: float
    seed: int
    backend: str

    def flow(self) -> Flow:
        """Return the flow of the method."""
        if self.method == "energy":
            return EnergyFlow()
        if self.method in ("wgf", "gaussian-mmd"):
            return (WGF if self.method == "wgf" else MMDFlow)(self.bandwidth)
        kernel = MedianBandwidth() if self.method == "king" else RandomNeuralTangent()
        features = RandomCenters(self.features, self.bandwidth)
        return KiNG(features, kernel, ridge=self.ridge, jitter=self.jitter)


@click.command()
@click.option(
    "--particles",
    type=click.Path(path_type=Path),
    required=True,
    help="Particles: .npy, .npz or .csv, one per row.",
)
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    required=True,
    help="Sample of the target, in such a file too.",
)
@click.option(
    "--particles-array",
    metavar="NAME",
    help="Array in an .npz file of particles.  [default: the only one]",
)
@click.option(
    "--target-array",
    metavar="NAME",
    help="Array in an .npz file of the target.  [default: the only one]",
)
@OUT
@click.option(
    "--method", type=click.Choice(METHODS), default="king", show_default=True, help="Flow."
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=100, show_default=True, help="Number of steps."
)
@click.option(
    "--step-size", type=POSITIVE, default=1.0, show_default=True, help="Flow time of a step."
)
@click.option(
    "--integrator",
    type=click.Choice(["euler", "heun", "rk4", "adaptive"]),
    default="euler",
    show_default=True,
    help="Integrator.",
)
@click.option(
    "--features",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Number of random RBF features (king, ntking).",
)
@click.option(
    "--bandwidth",
    type=bandwidth,
    default="median",
    show_default=True,
    metavar="NUMBER|median",
    help="Bandwidth σ of features (king, ntking) or kernel (wgf, gaussian-mmd).",
)
@click.option(
    "--ridge",
    type=click.FloatRange(min=0.0),
    default=1e-3,
    show_default=True,
    help="Ridge λ (king, ntking).",
)
@click.option(
    "--jitter",
    type=click.FloatRange(min=0.0),
    default=1e-3,
    show_default=True,
    help="Jitter ε (king, ntking).",
)
@click.option(
    "--move",
    metavar="COLUMN,...",
    help="Columns that move, by name or number from 0; the others stay.  [default: all]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of all random numbers.",
)
@BACKEND
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the run.  [default: OUT/checkpoint.npz]",
)
@QUIET
def flow(
    particles: Path,
    target: Path,
    particles_array: str | None,
    target_array: str | None,
    out: Path,
    move: str | None,
    checkpoint: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Flow the particles of one file to the sample of another.

    Writes flowed.npy, results.json and figures, and replaces no file that it did not make. The same
    command continues an interrupted flow. Files of points hold at most 1 GiB, tables 256 MiB.
    """
    settings = Settings(**options)
    start, aim = read_points(particles, particles_array), read_points(target, target_array)
    _same_columns(particles, start, target, aim)
    mask = None if move is None else _mask(move, start.columns)
    kept = checkpoint or out / "checkpoint.npz"
    with Outputs(out, _identity(settings, start, aim, move), [particles, target]) as outputs:
        outputs.require_free(*OUTPUTS)
        result = _run(settings, start, aim, mask, kept, quiet)
        if result.status == "interrupted":
            interrupt = KeyboardInterrupt()
            interrupt.add_note(f"{result.steps_done} of {settings.steps} steps are kept in {kept}.")
            interrupt.add_note("The same command continues from there.")
            raise interrupt
        files = {"particles": str(particles), "target": str(target), "move": move}
        _write(outputs, settings, start, aim, result, files)
    if not quiet:
        mmd, done = result.history["mmd"], f"{result.steps_done} steps in {result.seconds:.1f} s"
        click.echo(f"{done}: MMD to the target {mmd[0]:.4f} → {mmd[-1]:.4f}")
        click.echo(f"particles, results and figures: {out}")


def _identity(
    settings: Settings, start: PointFile, aim: PointFile, move: str | None
) -> dict[str, Any]:
    """Return what a flow is made of; it may be continued to more steps."""
    points = {"particles": start, "target": aim}
    digests = {
        name: f"array {file.points.shape} with SHA-256 "
        + hashlib.sha256(file.points.tobytes()).hexdigest()[:16]
        for name, file in points.items()
    }
    options = {name: value for name, value in vars(settings).items() if name != "steps"}
    return {"command": "flow", **options, "move": move, **digests}


def _run(
    settings: Settings,
    start: PointFile,
    aim: PointFile,
    mask: np.ndarray | None,
    kept: Path,
    quiet: bool,
) -> FlowResult:
    x = on_backend(start.points, settings.backend)
    y = on_backend(aim.points.astype(start.points.dtype), settings.backend)
    distance, sigma = MMD(y), median_bandwidth(y)

    def mmd(x: Array) -> float:
        return distance(x, sigma)

    return run_flow(
        settings.flow(),
        x,
        y,
        steps=settings.steps,
        step_size=settings.step_size,
        rng=np.random.default_rng(settings.seed),
        integrator=settings.integrator,
        mask=mask,
        metrics={"mmd": mmd},
        keep_every=max(1, settings.steps // FRAMES),
        progress=not quiet,
        checkpoint=kept,
    )


def _same_columns(particles: Path, start: PointFile, target: Path, aim: PointFile) -> None:
    """Raise DataFileError unless the files agree in the number and the names of their columns."""
    if len(start.columns) != len(aim.columns):
        raise DataFileError(
            f"{particles} has {len(start.columns)} column(s), but {target} has {len(aim.columns)}"
        )
    if start.named and aim.named and start.columns != aim.columns:
        here, there = ", ".join(start.columns), ", ".join(aim.columns)
        raise DataFileError(f"{particles} has columns {here}, but {target} has {there}")


def _mask(move: str, columns: tuple[str, ...]) -> np.ndarray:
    """Return which coordinates move."""
    mask, places = np.zeros(len(columns), dtype=bool), list(map(str, range(len(columns))))
    for name in (part.strip() for part in move.split(",")):
        if name in columns:
            mask[columns.index(name)] = True
        elif name in places:
            mask[places.index(name)] = True
        else:
            message = f"there is no column {name!r}; there are {', '.join(columns)}"
            raise click.BadParameter(message, param_hint="--move")
    return mask


def _write(
    outputs: Outputs,
    settings: Settings,
    start: PointFile,
    aim: PointFile,
    result: FlowResult,
    files: dict[str, str | None],
) -> None:
    from ingd_ref import plotting
    from ingd_ref.plotting._style import drawn_figure

    final, trajectory = to_host(result.particles), to_host(result.trajectory)
    packed = io.BytesIO()
    np.save(packed, final, allow_pickle=False)
    outputs.write("flowed.npy", packed.getvalue())
    mmd = result.history["mmd"].tolist()
    figure = plotting.plot_metric_curves({settings.method: mmd}, ylabel="MMD to the target")
    outputs.write("mmd.png", drawn_figure(figure, "png", DOTS_PER_INCH))
    if final.shape[1] > 1:
        figure = plotting.plot_particles(
            start.points, final, aim.points, trajectory, title=settings.method
        )
        outputs.write("flowed.png", drawn_figure(figure, "png", DOTS_PER_INCH))
    results = {
        "config": {**files, **vars(settings)},
        "seed": settings.seed,
        "versions": versions(),
        "columns": list(start.columns),
        "steps_done": result.steps_done,
        "status": result.status,
        "methods": {settings.method: {"mmd": [mmd], "seconds": [result.seconds]}},
    }
    outputs.write("results.json", packed_json(results))
