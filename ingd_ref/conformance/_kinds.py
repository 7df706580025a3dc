"""The kernels and statistics that the laws know, by the words that these give for themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ingd_ref import features, rkhs
from ingd_ref.errors import OptionError
from ingd_ref.features import Features
from ingd_ref.rkhs import MatrixKernel

__all__ = [
    "FEATURES",
    "KERNELS",
    "Kind",
    "Mapped",
    "Multiple",
    "has_units",
    "kernel_fits",
    "kernel_type",
    "statistics_fit",
    "statistics_type",
    "word_of",
]

#: A word, or a class that describes itself, such as a user-defined one.
Kind = str | type[Any]

#: Every kernel of the package that describes itself, by its words.
KERNELS: dict[str, type[MatrixKernel]] = {
    word: found
    for found in vars(rkhs).values()
    if isinstance(found, type) and issubclass(found, MatrixKernel)
    for word in found.words
}
#: Every kind of statistics in the package that describes itself, by its word.
FEATURES: dict[str, type[Features]] = {
    found.word: found
    for found in vars(features).values()
    if isinstance(found, type) and issubclass(found, Features) and found.word
}


def kernel_type(kind: Kind) -> tuple[type[MatrixKernel], str]:
    """Return the class of a kernel and the word for it: the first one of a class."""
    if isinstance(kind, type):
        if not getattr(kind, "words", None):
            raise OptionError(f"the kernel {kind.__name__} has no words: see MatrixKernel")
        return kind, next(iter(kind.words))
    if kind not in KERNELS:
        raise OptionError(f"kernel must be one of {', '.join(KERNELS)}, got {kind!r}")
    return KERNELS[kind], kind


def statistics_type(kind: Kind) -> type[Features]:
    """Return the class of statistics."""
    if isinstance(kind, type):
        if not getattr(kind, "word", ""):
            raise OptionError(f"the features {kind.__name__} have no word: see Features")
        return kind
    if kind not in FEATURES:
        raise OptionError(f"features must be one of {', '.join(FEATURES)}, got {kind!r}")
    return FEATURES[kind]


def word_of(kind: Kind) -> str:
    """Return the word itself, or the first one of a class."""
    if isinstance(kind, str):
        return kind
    return kernel_type(kind)[1] if hasattr(kind, "words") else statistics_type(kind).word


def kernel_fits(kind: Kind, need: str) -> bool:
    """Return whether a kernel has a property; needs of the statistics do not concern it."""
    found, word = kernel_type(kind)
    joint = not found.words[word].get("coordinatewise", found.coordinatewise)
    return {
        "one system": joint,
        "radial": joint and found.radial,
        "curl-free": found.curl_free,
        "divergence-free": found.divergence_free,
        "same in subspaces": not found.divergence_free,
        "units": found.length_power is not None,
    }.get(need, True)


def statistics_fit(kind: Kind, need: str) -> bool:
    """Return whether statistics have a property; needs of the kernel do not concern them."""
    found = statistics_type(kind)
    properties = {move: move in found.moves for move in ("shift", "rotation", "scale")}
    return (properties | {"full rank": found.full_rank}).get(need, True)


def has_units(features: Kind, kernel: Kind) -> bool:
    """Return whether a problem may have any unit of length."""
    return statistics_fit(features, "scale") and kernel_fits(kernel, "units")


class Mapped(Features):
    """T f(x) + c: other statistics of the same family, or of a larger one where T is tall."""

    word: ClassVar[str] = "mapped"

    def __init__(self, base: Features, matrix: Any, shift: Any) -> None:
        self.base, self.matrix, self.shift = base, matrix, shift

    def _values(self, x: Any, implementation: str) -> Any:
        values = self.base._values(x, implementation)
        return np.asarray(values @ self.matrix.T + self.shift, dtype=x.dtype)

    def _values_and_jacobian(self, x: Any, implementation: str) -> tuple[Any, Any]:
        _, jacobian = self.base._values_and_jacobian(x, implementation)
        mapped = np.asarray(jacobian @ self.matrix.T, dtype=x.dtype)
        return self._values(x, implementation), mapped

    def definition(self, x: Any) -> tuple[Any, Any]:
        values, jacobian = self.base.definition(x)
        return self.matrix @ values + self.shift, jacobian @ self.matrix.T


class Multiple(MatrixKernel):
    """factor · K."""

    words: ClassVar = {"multiple": {}}

    def __init__(self, base: MatrixKernel, factor: float) -> None:
        self.base, self.factor = base, factor

    def _matrix(self, x: Any, y: Any) -> Any:
        return self.factor * self.base._matrix(x, y)

    def contract(
        self, points: Any, x: Any, jacobian: Any, weights: Any, implementation: str = "auto"
    ) -> Any:
        return self.factor * self.base.contract(points, x, jacobian, weights, implementation)

    def definition(self, x: Any, y: Any) -> Any:
        return (x[0] * 0 + self.factor) * self.base.definition(x, y)
