"""Images of digits: remove noise, and fill in missing halves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    on_backend,
    option,
    stream,
)
from ingd_ref.features import RandomCenters
from ingd_ref.flows import KiNG
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.plotting._curves import add_level, plot_metric_curves
from ingd_ref.plotting._images import plot_images
from ingd_ref.rkhs import MedianBandwidth
from ingd_ref.runs import FlowResult, run_flow

__all__ = ["Digits"]

TASKS = ("denoise", "complete")
PIXELS, FIRST_MISSING = 64, 32
SPLIT_STREAM, TASK_STREAM = 0, 1
SHOWN = 16


@dataclass(frozen=True)
class Digits(Experiment[FlowResult]):
    """KiNG on the 8×8 digits of scikit-learn (1797 images, pixels scaled to [−1, 1]).

    ``denoise`` starts from images with Gaussian noise on every pixel. ``complete`` replaces the
    lower half of each image by noise and lets only that half move (K9), conditioned on the upper
    half. The target is other images; a third set measures the MMD.
    """

    methods: tuple[str, ...] = option(TASKS, f"tasks, from {', '.join(TASKS)}")
    number: int = option(64, "number of images to restore")
    training: int = option(1000, "number of target images")
    held_out: int = option(500, "number of held-out images for the MMD")
    noise: float = option(0.5, "standard deviation of the noise; pixels lie in [-1, 1]")
    steps: int = option(40, "number of steps")
    step_size: float = option(0.3, "flow time of a step")
    features: int = option(600, "number of random RBF features, redrawn at each step")
    bandwidth: float = option(1.5, "bandwidth σ of the features; images are about 6 apart")
    ridge: float = option(1e-4, "ridge λ of the natural gradient")
    jitter: float = option(1e-5, "jitter ε of the natural gradient")

    name = "digits"
    summary = "denoise and complete real images of digits"
    small: ClassVar = {"number": 5, "training": 20, "held_out": 30, "features": 12, "steps": 2}

    def check(self) -> None:
        check_methods(self.methods, TASKS)
        integers = ("number", "training", "held_out", "steps", "features")
        check_fields(self, integers, ("noise", "step_size", "bandwidth"), ("ridge", "jitter"))

    def require(self) -> None:
        super().require()
        self.problem()

    def pieces(self) -> list[Piece]:
        return [Piece(task, 0) for task in self.methods]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        data, rng = self.problem(), self._rng(piece.method)
        start = on_backend(_corrupted(data.images, piece.method, self.noise, rng), self.backend)
        distance = MMD(on_backend(data.held_out, self.backend))
        sigma = median_bandwidth(data.held_out)

        def mmd(x: Array) -> float:
            return distance(x, sigma)

        features = RandomCenters(self.features, self.bandwidth)
        return run_flow(
            KiNG(features, MedianBandwidth(), ridge=self.ridge, jitter=self.jitter),
            start,
            on_backend(data.training, self.backend),
            steps=self.steps,
            step_size=self.step_size,
            rng=rng,
            mask=_missing() if piece.method == "complete" else None,
            metrics={"mmd": mmd},
            keep_every=self.steps,
            progress=progress,
        )

    def problem(self) -> _Images:
        """Split the data set at random into images to restore, target and held-out images."""
        pixels, labels = _load_digits()
        parts = np.cumsum([self.number, self.training, self.held_out])
        if parts[-1] > len(pixels):
            asked = f"number, training and held_out ask for {parts[-1]} images"
            raise DomainError(f"{asked}; there are {len(pixels)}")
        order = stream(self.seed, SPLIT_STREAM).permutation(len(pixels))[: parts[-1]]
        restore, train, judge = np.split(order, parts[:-1])
        images = pixels[restore], pixels[train], pixels[judge]
        return _Images(*images, labels[restore], labels[train])

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        data = self.problem()
        unspoilt = {
            **_quality(data.images, data, _everywhere()),
            "mmd": MMD(data.held_out)(data.images, median_bandwidth(data.held_out)),
        }
        methods: dict[str, dict[str, Any]] = {}
        arrays, figures = {"original": data.images}, {}
        for (task, _), result in results.items():
            before, after = result.trajectory[0], result.particles
            moved = _missing() if task == "complete" else _everywhere()
            mmd = result.history["mmd"]
            methods[task] = {
                "mmd": [mmd.tolist()],
                "before": {**_quality(before, data, moved), "mmd": float(mmd[0])},
                "after": {**_quality(after, data, moved), "mmd": float(mmd[-1])},
                "seconds": [result.seconds],
            }
            arrays |= {f"{task}_before": before, f"{task}_after": after}
            groups = {"original": data.images, "before": before, "after": after}
            clipped = {name: np.clip(images[:SHOWN], -1.0, 1.0) for name, images in groups.items()}
            figures[task] = plot_images(clipped, columns=SHOWN)
        curves = {task: entry["mmd"] for task, entry in methods.items()}
        figure = plot_metric_curves(curves, ylabel="MMD to held-out images")
        figures["mmd"] = add_level(figure, unspoilt["mmd"], "original images")
        return Report(methods, {"unspoilt": unspoilt}, arrays, figures, _lines(methods, unspoilt))

    def _rng(self, task: str) -> np.random.Generator:
        return stream(self.seed, TASK_STREAM + TASKS.index(task))


class _Images(NamedTuple):
    """Flat images (k, 64) and the digits they show."""

    images: np.ndarray
    training: np.ndarray
    held_out: np.ndarray
    digits: np.ndarray
    training_digits: np.ndarray


def _load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load pixels in [−1, 1] and labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        advice = "pip install 'ingd-ref[experiments]'"
        raise OptionError(f"experiment 'digits' needs scikit-learn: {advice}") from error
    pixels, labels = load_digits(return_X_y=True)
    return pixels / 8.0 - 1.0, labels


def _missing() -> np.ndarray:
    """Mask of the lower half."""
    return np.arange(PIXELS) >= FIRST_MISSING


def _everywhere() -> np.ndarray:
    """Mask of all pixels."""
    return np.ones(PIXELS, dtype=bool)


def _corrupted(images: np.ndarray, task: str, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise to every pixel, or replace the lower half by noise."""
    drawn = noise * rng.standard_normal(images.shape)
    return images + drawn if task == "denoise" else np.where(_missing(), drawn, images)


def _quality(images: np.ndarray, data: _Images, moved: np.ndarray) -> dict[str, float]:
    """Compare images with the originals and the target images.

    The measures are the root-mean-square error of the pixels that moved, the mean distance to the
    nearest target image, and the share of images whose nearest target image shows the same digit.
    """
    squares = np.sum((images[:, None, :] - data.training[None, :, :]) ** 2, axis=2)
    found = data.training_digits[np.argmin(squares, axis=1)]
    return {
        "pixel_error": float(np.sqrt(np.mean((images - data.images)[:, moved] ** 2))),
        "nearest": float(np.mean(np.sqrt(np.min(squares, axis=1)))),
        "recognised": float(np.mean(found == data.digits)),
    }


def _lines(methods: Mapping[str, Mapping[str, Any]], unspoilt: Mapping[str, float]) -> list[str]:
    captions = {"pixel_error": "pixel error", "nearest": "nearest image"}
    captions |= {"recognised": "recognised", "mmd": "MMD"}
    lines = [f"{'':10s}" + "".join(f"{caption:>18s}" for caption in captions.values())]
    for task, entry in methods.items():
        changes = [f"{entry['before'][name]:.3f} → {entry['after'][name]:.3f}" for name in captions]
        lines.append(f"{task:10s}" + "".join(f"{change:>18s}" for change in changes))
    lines.append(f"{'original':10s}" + "".join(f"{unspoilt[name]:>18.3f}" for name in captions))
    return lines


EXPERIMENTS = [Digits()]
