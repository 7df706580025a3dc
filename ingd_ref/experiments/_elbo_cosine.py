"""Directions of the natural gradients of evidence and ELBO, and networks on which they agree."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ingd_ref import _checks
from ingd_ref._io import read_points
from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError
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
from ingd_ref.experiments._networks import classify_networks
from ingd_ref.plotting._finite import plot_cosines

__all__ = ["ElboCosine"]

METHODS = ("cosines", "networks")
BIN = 0.1
EDGE = 1e-3  # smallest distance of sampled probabilities from 0 and 1, as published
POINTS_STREAM, TARGET_STREAM, NETWORK_STREAM = 0, 1, 2
# The published target on the model: RandomState(13), rounded to two decimals.
BEST = (0.78, 0.24, 0.82, 0.97, 0.97)
# Largest defect that counts as rounding; networks that are not cylindrical have 1e-2 and more.
TOLERANCE = 1e-8
OFF = 0
# Names of the targets, by the trial of their piece.
TARGETS = ("target off the model", "target on the model")


@dataclass(frozen=True)
class ElboCosine(Experiment[dict[str, np.ndarray]]):
    """How well the natural gradients of ELBO and evidence agree in direction.

    ``cosines`` measures their angles on the network X → Y, X → Z with X hidden, at many points, for
    a target off the model and one on it. ``networks`` decides which binary networks of three and
    four nodes are cylindrical, by the graphical rule and by principal angles, up to Markov
    equivalence and for every set of hidden nodes.
    """

    methods: tuple[str, ...] = option(METHODS, f"parts, from {', '.join(METHODS)}")
    points: int = option(50_000, "number of points from the Jeffreys prior of the network")
    samples: str = option("", "file of points to use instead (.npy, .npz, .csv; five columns)")
    array: str = option("", "array of an .npz file")
    nodes: tuple[int, ...] = option((3, 4), "numbers of nodes of the networks to classify")
    checked_points: int = option(3, "number of random points per network at which to take angles")

    name = "elbo-cosine"
    summary = "angles between natural gradients of evidence and ELBO"
    small: ClassVar = {"points": 300, "nodes": (3,), "checked_points": 2}

    def check(self) -> None:
        check_methods(self.methods, METHODS)
        check_fields(self, ("points", "checked_points"))
        numbers = [_checks.positive_integer(number, "nodes") for number in self.nodes]
        if not numbers or min(numbers) < 2 or max(numbers) > 4:
            reason = "five nodes have 29,281 graphs"
            raise DomainError(f"nodes must be numbers from 2 to 4, got {self.nodes}: {reason}")
        if self.array and not self.samples:
            raise DomainError("array chooses an array of the file samples, which is not given")

    def pieces(self) -> list[Piece]:
        trials = {"cosines": range(len(TARGETS)), "networks": self.nodes}
        known = [method for method in METHODS if method in self.methods]
        return [Piece(method, trial) for method in known for trial in trials[method]]

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        began = time.perf_counter()
        found = (self._cosines if piece.method == "cosines" else self._networks)(piece.trial)
        return found | {"seconds": np.array(time.perf_counter() - began)}

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        methods: dict[str, dict[str, Any]] = {method: {"seconds": []} for method in self.methods}
        for piece, result in results.items():
            methods[piece.method]["seconds"].append(float(result["seconds"]))
        findings: dict[str, Any] = {}
        figures, lines = {}, []
        if "cosines" in self.methods:
            targets = {
                name: results[Piece("cosines", number)] for number, name in enumerate(TARGETS)
            }
            findings["cosines"] = {name: _summary(result) for name, result in targets.items()}
            shown = {
                name: {
                    "ELBO, fixed recognition": found["elbo"],
                    "ELBO, perfect recognition": found["perfect"],
                }
                for name, found in targets.items()
            }
            figures["cosines"] = plot_cosines(shown, BIN)
            lines += [_cosine_line(name, entry) for name, entry in findings["cosines"].items()]
        if "networks" in self.methods:
            findings["networks"] = {
                str(number): _table(results[Piece("networks", number)]) for number in self.nodes
            }
            for number, entry in findings["networks"].items():
                lines += _network_lines(number, entry)
        arrays = {
            f"{piece.method}_{piece.trial}_{name}": value
            for piece, result in results.items()
            for name, value in result.items()
        }
        return Report(methods, findings, arrays, figures, lines)

    def _cosines(self, number: int) -> dict[str, np.ndarray]:
        from ingd_ref.simplex import direction_cosines, naive_bayes

        model = naive_bayes()
        on_model = np.round(to_host(model.probabilities(np.array(BEST))), 4)
        joint = self._off_the_model() if number == OFF else on_model
        joint = joint / np.sum(joint)
        visible, recognition = (
            on_backend(to_host(part(joint)), self.backend)
            for part in (model.marginalisation.push, model.marginalisation.conditional)
        )
        points = on_backend(self._points(), self.backend)
        cosines = direction_cosines(model, points, visible, recognition)
        found = {name: to_host(getattr(cosines, name)) for name in ("elbo", "perfect", "gap")}
        return found | {"target": joint}

    def _points(self) -> np.ndarray:
        """Read points from the file, or draw them from the Jeffreys prior √det G of the network."""
        if self.samples:
            found = read_points(Path(self.samples), array=self.array or None)
            return _table_entries(found.points, self.samples)
        rng = stream(self.seed, POINTS_STREAM)
        # The prior is Beta(3/2, 3/2) for P(X = 0), and Beta(1/2, 1/2) for the other entries.
        first, others = rng.beta(1.5, 1.5, (self.points, 1)), rng.beta(0.5, 0.5, (self.points, 4))
        return np.asarray(np.clip(np.concatenate([first, others], axis=1), EDGE, 1.0 - EDGE))

    def _off_the_model(self) -> np.ndarray:
        """Draw a distribution of X, Y, Z from the Jeffreys prior of the whole simplex."""
        drawn = stream(self.seed, TARGET_STREAM).dirichlet(np.full(8, 0.5))
        return np.asarray(np.maximum(drawn, EDGE) / np.sum(np.maximum(drawn, EDGE)))

    def _networks(self, nodes: int) -> dict[str, np.ndarray]:
        rng = stream(self.seed, NETWORK_STREAM, nodes)
        return classify_networks(nodes, self.checked_points, rng)


def _table_entries(points: np.ndarray, path: str) -> np.ndarray:
    """Return the points of a file if they are parameters of the network X → Y, X → Z."""
    if points.shape[1] != 5:
        raise DomainError(f"{path} must have five columns, got {points.shape[1]}")
    outside = np.any((points <= 0) | (points >= 1), axis=1)
    if np.any(outside):
        row = f"row {np.argmax(outside)} (counted from 0) does not"
        raise DomainError(f"{path} must hold probabilities between 0 and 1; {row}")
    return points


def _summary(found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    edges = np.linspace(-1.0, 1.0, round(2 / BIN) + 1)
    return {
        "points": int(found["elbo"].size),
        "mean": {name: float(np.nanmean(found[name])) for name in ("elbo", "perfect", "gap")},
        "negative": {name: float(np.mean(found[name] < 0)) for name in ("elbo", "perfect", "gap")},
        "counts": {
            name: np.histogram(np.clip(found[name], -1.0, 1.0), edges)[0].tolist()
            for name in ("elbo", "perfect")
        },
        "target": found["target"].tolist(),
    }


def _table(found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Count networks by their number of hidden nodes, and compare the two criteria."""
    by_angles, by_graph = found["defect"] <= TOLERANCE, found["by_graph"]
    return {
        "cases": int(by_graph.size),
        "cylindrical": int(np.sum(by_graph)),
        "disagreements": int(np.sum(by_angles != by_graph)),
        "largest_defect_of_cylindrical": float(np.max(found["defect"][by_graph], initial=0.0)),
        "smallest_defect_of_others": float(np.min(found["defect"][~by_graph], initial=1.0)),
        "hidden": {
            str(number): [
                int(np.sum(found["hidden"] == number)),
                int(np.sum(by_graph[found["hidden"] == number])),
            ]
            for number in np.unique(found["hidden"]).tolist()
        },
    }


def _cosine_line(name: str, entry: Mapping[str, Any]) -> str:
    means = ", ".join(f"{kind} {value:.4f}" for kind, value in entry["mean"].items())
    negative = f"negative with fixed recognition: {entry['negative']['elbo']:.3%}"
    return f"{name}: mean cosine over {entry['points']:,} points: {means}; {negative}"


def _network_lines(number: str, entry: Mapping[str, Any]) -> list[str]:
    defects = f"largest defect {entry['largest_defect_of_cylindrical']:.1e}"
    if entry["cylindrical"] < entry["cases"]:
        defects += f", smallest of the others {entry['smallest_defect_of_others']:.1e}"
    return [
        f"{number} nodes: {entry['cylindrical']:,} of {entry['cases']:,} networks are cylindrical",
        f"  rule and angles disagree on {entry['disagreements']}; {defects}",
    ]


EXPERIMENTS = [ElboCosine()]
