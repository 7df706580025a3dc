"""Reference vectors: problems with their results, frozen in a file that any language can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._adapter import Unsupported
from ingd_ref.conformance._build import build
from ingd_ref.conformance._kinds import kernel_type, statistics_type
from ingd_ref.conformance._law import compare
from ingd_ref.conformance._precision import Array
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._rounding import rounding

__all__ = ["CASES", "ReferenceVector", "describe", "made", "reference_vectors"]

FILE = "reference_vectors.json"

#: Options of :func:`build` for each stored problem; the names say what is special about it.
CASES: dict[str, dict[str, Any]] = {
    "gradient": {"n": 8, "m": 7, "d": 2, "b": 5},
    "gradient-one-dimension": {"n": 6, "m": 5, "d": 1, "b": 3, "seed": 1},
    "gradient-one-particle": {"n": 1, "m": 4, "d": 3, "b": 2, "seed": 2},
    "gradient-more-statistics-than-motions": {"n": 2, "m": 3, "d": 1, "b": 7, "seed": 3},
    "gradient-duplicates": {"n": 6, "m": 5, "d": 2, "b": 3, "duplicates": True, "seed": 4},
    "gradient-weights": {
        "n": 6,
        "m": 5,
        "d": 2,
        "b": 4,
        "weights": "random",
        "target_weights": "random",
        "seed": 5,
    },
    "gradient-weight-of-zero": {"n": 5, "m": 5, "d": 2, "b": 3, "weights": "one zero", "seed": 6},
    "gradient-unbiased-covariance": {
        "n": 6,
        "m": 6,
        "d": 2,
        "b": 3,
        "ridge": 0.5,
        "ddof": 1,
        "seed": 7,
    },
    "gradient-mask": {"n": 6, "m": 5, "d": 3, "b": 4, "mask": True, "seed": 8},
    "gradient-far-from-the-origin": {
        "n": 6,
        "m": 6,
        "d": 2,
        "b": 3,
        "location": 2.0,
        "spread": 5.0,
        "seed": 9,
    },
    "gradient-polynomial": {"n": 6, "m": 6, "d": 2, "b": 4, "features": "polynomial", "seed": 10},
    "gradient-monomials": {"n": 6, "m": 6, "d": 2, "b": 3, "features": "monomials", "seed": 11},
    "gradient-fourier": {"n": 6, "m": 6, "d": 2, "b": 4, "features": "fourier", "seed": 12},
    "gradient-pairwise": {"n": 6, "m": 6, "d": 3, "features": "pairwise", "seed": 13},
    "scalar": {"n": 7, "m": 6, "d": 2, "b": 4, "kernel": "scalar", "seed": 14},
    "coordinatewise": {"n": 7, "m": 6, "d": 2, "b": 4, "kernel": "coordinatewise", "seed": 15},
    "tangent-diagonal": {"n": 5, "m": 5, "d": 2, "b": 3, "kernel": "tangent-diagonal", "seed": 16},
    "tangent-full": {
        "n": 5,
        "m": 5,
        "d": 2,
        "b": 3,
        "kernel": "tangent-full",
        "seed": 17,
        "activation": "silu",
    },
    "tangent-trace": {
        "n": 5,
        "m": 5,
        "d": 2,
        "b": 3,
        "kernel": "tangent-trace",
        "seed": 18,
        "activation": "relu",
    },
}
RESULTS = ("velocity", "delta", "moment_rate", "fisher", "gram")


@dataclass(frozen=True, eq=False)
class ReferenceVector:
    """A problem and its solution.

    Attributes
    ----------
    name : str
        What is special about it.
    problem : Problem
        The problem.
    points : array (k, d)
        Points other than the particles, for the field.
    expected : dict of str to array
        ``velocity`` (n, d), ``delta`` (b,), ``moment_rate`` (b,), ``fisher`` (b, b), ``gram`` (b,
        b) unless coordinate-wise, and ``field`` (k, d) at the points.
    tolerance : dict of str to float
        Euclidean distance that rounding in double precision explains.
    """

    name: str
    problem: Problem
    points: Array
    expected: dict[str, Array]
    tolerance: dict[str, float]

    def compare(self, answer: Any) -> list[str]:
        """Compare what the answer has with what is expected; return the names of it.

        Raises
        ------
        LawViolation
            If something differs by more than rounding.
        Unsupported
            If the answer has no velocity.
        """
        compared = []
        for name, expected in self.expected.items():
            try:
                found = answer.field(self.points) if name == "field" else getattr(answer, name)
            except Unsupported:
                if name == "velocity":
                    raise
                continue
            compare(found, expected, self.tolerance[name], name)
            compared.append(name)
        return compared


def reference_vectors() -> tuple[ReferenceVector, ...]:
    """Read the stored reference vectors.

    They were computed by the direct evaluation in extended precision and rounded once. The file
    ``reference_vectors.json`` in this folder holds everything in plain lists of numbers, for
    programs in other languages.

    Returns
    -------
    tuple of ReferenceVector

    Examples
    --------
    >>> from ingd_ref.conformance import reference_vectors
    >>> vector = reference_vectors()[0]
    >>> vector.name, vector.expected["velocity"].shape
    ('gradient', (8, 2))
    """
    stored = json.loads((files("ingd_ref.conformance") / FILE).read_text(encoding="utf-8"))
    return tuple(_read(name, entry) for name, entry in stored.items())


def made(name: str) -> dict[str, Any]:
    """Recompute the entry of one case, in the layout of the file."""
    problem = build(**CASES[name])
    problem = problem.change(x=np.ascontiguousarray(problem.x), y=np.ascontiguousarray(problem.y))
    points = np.asarray(problem.x[:2] + 0.25, dtype=float)
    solution, bound = direct.king(problem), rounding(problem)
    results = {result: getattr(solution, result) for result in RESULTS} | {
        "field": solution.field(points)
    }
    unit = float(np.linalg.norm(np.asarray(direct.design(problem, points), dtype=float)))
    sizes = {
        "fisher": float(np.linalg.norm(results["fisher"].astype(float))),
        "gram": float(np.linalg.norm(results["gram"].astype(float))),
    }
    scale = (
        bound.eps * 1e3
    )  # sums of a few hundred rounded terms, which the gradient kernel may cancel
    tolerance = {
        "velocity": bound.velocity,
        "delta": bound.moments,
        "moment_rate": bound.moments,
        "fisher": scale * (1 + sizes["fisher"]),
        "gram": scale * (1 + sizes["gram"]),
        "field": unit * bound.coefficients + bound.velocity,
    }
    # The coordinate-wise variant has a Gram matrix for each coordinate, which implementations
    # arrange as they like.
    kept = [name for name in results if not (name == "gram" and problem.kernel.coordinatewise)]
    return {
        "problem": describe(problem),
        "points": points.tolist(),
        "expected": {name: np.asarray(results[name], dtype=float).tolist() for name in kept},
        "tolerance": {name: tolerance[name] for name in kept},
    }


def describe(problem: Problem) -> dict[str, Any]:
    """The problem in plain lists and numbers."""
    features, kernel = (
        {"kind": thing.word, **_plain(asdict(thing))}
        for thing in (problem.features, problem.kernel)
    )
    own = {
        name: _plain(getattr(problem, name))
        for name in ("x", "y", "ridge", "jitter", "ddof", "weights", "target_weights", "mask")
    }
    return own | {"features": features, "kernel": kernel}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _read(name: str, entry: Mapping[str, Any]) -> ReferenceVector:
    given = dict(entry["problem"])
    arrays: dict[str, Any] = {
        key: None if given[key] is None else np.array(given[key])
        for key in ("x", "y", "weights", "target_weights", "mask")
    }
    problem = Problem(
        **arrays,
        features=_features(dict(given["features"])),
        kernel=_kernel(dict(given["kernel"])),
        **{key: given[key] for key in ("ridge", "jitter", "ddof")},
    )
    expected = {key: np.array(value) for key, value in entry["expected"].items()}
    return ReferenceVector(
        name, problem, np.array(entry["points"]), expected, dict(entry["tolerance"])
    )


def _features(given: dict[str, Any]) -> Any:
    kind: Any = statistics_type(given.pop("kind"))
    return kind(**{name: _array(value) for name, value in given.items()})


def _kernel(given: dict[str, Any]) -> Any:
    kind: Any = kernel_type(given.pop("kind"))[0]
    if "layers" in given:
        given["layers"] = [(np.array(weight), np.array(bias)) for weight, bias in given["layers"]]
    return kind(**given)


def _array(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
