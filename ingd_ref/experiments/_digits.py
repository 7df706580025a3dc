"""Images of digits: noise is taken out of them, and missing halves are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    chosen_methods,
    on_backend,
    option,
    stream,
)
from ingd_ref.features import RandomCenters
from ingd_ref.flows import KiNG
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.rkhs import MedianBandwidth
from ingd_ref.runs import FlowResult, run_flow

__all__ = ["Digits"]

TASKS = ("denoise", "complete")
PIXELS, FIRST_MISSING = 64, 32
SPLIT_STREAM, TASK_STREAM = 0, 1
SHOWN = 16


@dataclass(frozen=True)
class Digits(Experiment[FlowResult]):
    """KiNG on the 8×8 digits that scikit-learn ships (1797 images, pixels scaled to [−1, 1]), towards images that it has not spoilt.

    ``denoise`` starts from images with Gaussian noise on every pixel. ``complete`` replaces the
    lower half of each image by noise and lets only that half move (K9): the upper half conditions
    it. Training images are the target; images held out from both judge the result.
    """

    methods: tuple[str, ...] = option(TASKS, f"which tasks: some of {','.join(TASKS)}")
    number: int = option(64, "images to restore")
    training: int = option(1000, "images of the target")
    held_out: int = option(500, "other images, with which the MMD compares")
    noise: float = option(0.5, "standard deviation of the noise; pixels lie between -1 and 1")
    steps: int = option(40, "steps of the flow")
    step_size: float = option(0.3, "flow time of a step")
    features: int = option(600, "random centres of the statistics, drawn anew at each step")
    bandwidth: float = option(1.5, "standard deviation of the statistics; images are about 6 apart")
    ridge: float = option(1e-4, "ridge λ of the natural gradient")
    jitter: float = option(1e-5, "jitter ε of the natural gradient")

    name = "digits"
    summary = "real images of digits are denoised and completed"

    def check(self) -> None:
        chosen_methods(self.methods, TASKS)
        for label in ("number", "training", "held_out", "steps", "features"):
            _checks.positive_integer(getattr(self, label), label)
        for label in ("noise", "step_size", "bandwidth"):
            _checks.positive(getattr(self, label), label)
        for label in ("ridge", "jitter"):
            _checks.nonnegative(getattr(self, label), label)

    def require(self) -> None:
        super().require()
        self.problem()

    def pieces(self) -> list[Piece]:
        return [Piece(task, 0) for task in self.methods]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        data, rng = self.problem(), self._rng(piece.method)
        start = on_backend(_spoilt(data.images, piece.method, self.noise, rng), self.backend)
        distance = MMD(on_backend(data.held_out, self.backend))
        sigma = median_bandwidth(data.held_out)

        def mmd(x: Array) -> float:
            return distance(x, sigma)

        return run_flow(
            KiNG(
                RandomCenters(self.features, self.bandwidth),
                MedianBandwidth(),
                ridge=self.ridge,
                jitter=self.jitter,
            ),
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
        """Split the data set at random into images to restore, images of the target, and images that judge."""
        pixels, labels = _load_digits()
        parts = np.cumsum([self.number, self.training, self.held_out])
        if parts[-1] > len(pixels):
            raise DomainError(
                f"number, training and held_out ask for {parts[-1]} images; there are {len(pixels)}"
            )
        restore, train, judge = np.split(
            stream(self.seed, SPLIT_STREAM).permutation(len(pixels))[: parts[-1]], parts[:-1]
        )
        return _Images(
            pixels[restore], pixels[train], pixels[judge], labels[restore], labels[train]
        )

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
            figures[task] = plotting.plot_images(clipped, columns=SHOWN)
        curves = {task: entry["mmd"] for task, entry in methods.items()}
        figures["mmd"] = plotting.add_level(
            plotting.plot_metric_curves(curves, ylabel="MMD to held-out images"),
            unspoilt["mmd"],
            "unspoilt images",
        )
        return Report(methods, {"unspoilt": unspoilt}, arrays, figures, _lines(methods, unspoilt))

    def _rng(self, task: str) -> np.random.Generator:
        return stream(self.seed, TASK_STREAM + TASKS.index(task))


class _Images(NamedTuple):
    """Flat images (k, 64) and the digits that they show."""

    images: np.ndarray
    training: np.ndarray
    held_out: np.ndarray
    digits: np.ndarray
    training_digits: np.ndarray


def _load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels in [−1, 1] and labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise OptionError(
            "experiment 'digits' needs scikit-learn: pip install 'ingd-ref[experiments]'"
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    return pixels / 8.0 - 1.0, labels


def _missing() -> np.ndarray:
    """Mask of the lower half."""
    return np.arange(PIXELS) >= FIRST_MISSING


def _everywhere() -> np.ndarray:
    """Mask of all pixels."""
    return np.ones(PIXELS, dtype=bool)


def _spoilt(images: np.ndarray, task: str, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Images with noise on every pixel, or with nothing but noise in the lower half."""
    drawn = noise * rng.standard_normal(images.shape)
    return images + drawn if task == "denoise" else np.where(_missing(), drawn, images)


def _quality(images: np.ndarray, data: _Images, moved: np.ndarray) -> dict[str, float]:
    """Compare with the originals and the training images.

    Root-mean-square error of the pixels that may move, mean distance to the nearest training image,
    and the share of images to which that one gives the right digit.
    """
    squares = np.sum((images[:, None, :] - data.training[None, :, :]) ** 2, axis=2)
    found = data.training_digits[np.argmin(squares, axis=1)]
    return {
        "pixel_error": float(np.sqrt(np.mean((images - data.images)[:, moved] ** 2))),
        "nearest": float(np.mean(np.sqrt(np.min(squares, axis=1)))),
        "recognised": float(np.mean(found == data.digits)),
    }


def _lines(methods: Mapping[str, Mapping[str, Any]], unspoilt: Mapping[str, float]) -> list[str]:
    captions = {
        "pixel_error": "pixel error",
        "nearest": "nearest image",
        "recognised": "recognised",
        "mmd": "MMD",
    }
    lines = [f"{'':10s}" + "".join(f"{caption:>18s}" for caption in captions.values())]
    for task, entry in methods.items():
        changes = [f"{entry['before'][name]:.3f} → {entry['after'][name]:.3f}" for name in captions]
        lines.append(f"{task:10s}" + "".join(f"{change:>18s}" for change in changes))
    lines.append(f"{'unspoilt':10s}" + "".join(f"{unspoilt[name]:>18.3f}" for name in captions))
    return lines
