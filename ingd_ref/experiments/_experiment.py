"""What an experiment is: a frozen set of options, independent pieces of work, and a report drawn from their results."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import BackendError, DomainError, OptionError
from ingd_ref.runs import FlowResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Experiment",
    "Piece",
    "Report",
    "chosen_methods",
    "mean_and_error",
    "on_backend",
    "option",
    "stream",
]

BACKENDS = ("numpy", "cupy")

#: What a piece comes to, and what is kept of it: the result of a flow, or named arrays.
ResultT = TypeVar("ResultT", FlowResult, dict[str, np.ndarray])


class Piece(NamedTuple):
    """One run of one method, the smallest thing that is kept when an experiment is interrupted."""

    method: str
    trial: int

    def __str__(self) -> str:
        return f"{self.method}-{self.trial:03d}"


@dataclass(frozen=True, eq=False)
class Report:
    """What an experiment has to say.

    Attributes
    ----------
    methods : dict of str to dict
        For each method, its curves and seconds, one entry per trial: lists of numbers.
    findings : dict
        Whatever else belongs into ``results.json``.
    arrays : dict of str to numpy.ndarray
        What goes to ``arrays.npz``.
    figures : dict of str to Figure
        What goes to ``NAME.png``.
    lines : list of str
        The result in a few lines of text.
    """

    methods: dict[str, dict[str, Any]]
    findings: dict[str, Any]
    arrays: dict[str, np.ndarray]
    figures: dict[str, Figure]
    lines: list[str]


def option(default: Any, description: str) -> Any:
    """Declare a field of an experiment that is also an option on the command line; ``description`` is its help text."""
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True)
class Experiment(ABC, Generic[ResultT]):
    """A named, seeded study, whose pieces come to results of flows or to named arrays.

    The fields of a subclass are its options; they alone decide the result. Each piece draws from
    random streams of its own, so that neither their order nor the number of processes changes a
    number.
    """

    seed: int = option(0, "seed of all random numbers")
    backend: str = option("numpy", "array library that does the work: numpy or cupy")

    parallel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise DomainError(f"seed must be a whole number of at least 0, got {self.seed!r}")
        _checks.choice(self.backend, "backend", BACKENDS)
        self.check()

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What it asks, in a few words."""

    @property
    def config(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @abstractmethod
    def check(self) -> None:
        """Raise DomainError or OptionError for options that cannot be used."""

    def require(self) -> None:
        """Raise BackendError or OptionError if something that the experiment needs is missing on this machine."""
        on_backend(np.zeros(1), self.backend)

    @abstractmethod
    def pieces(self) -> list[Piece]:
        """List everything there is to run."""

    @abstractmethod
    def run(self, piece: Piece, progress: Any = False) -> ResultT:
        """Run one piece; ``progress`` is handed to whatever takes long, such as :func:`ingd_ref.run_flow`."""

    @abstractmethod
    def report(self, results: Mapping[Piece, ResultT]) -> Report:
        """Put the results of all pieces together."""


def chosen_methods(methods: Sequence[str], known: Sequence[str]) -> None:
    """Raise :class:`OptionError` unless ``methods`` are some of ``known``, each once."""
    if not methods:
        raise OptionError(f"methods must name at least one of {', '.join(known)}")
    for method in methods:
        _checks.choice(method, "method", known)
    if len(set(methods)) < len(methods):
        raise OptionError(f"methods must name each method once, got {', '.join(methods)}")


def stream(seed: int, *key: int) -> np.random.Generator:
    """A random stream of its own for each key."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def on_backend(host: np.ndarray, backend: str) -> Array:
    """The numbers as an array of the library that is to do the work; :class:`BackendError` if it cannot."""
    if backend == "numpy":
        return host
    try:
        import cupy

        return cupy.asarray(host)
    except ImportError as error:
        raise BackendError(
            "backend 'cupy' needs CuPy: install ingd-ref[cuda12] or ingd-ref[cuda13]"
        ) from error
    except Exception as error:  # CuPy reports a missing driver, device or toolkit by exceptions of its own and of the CUDA libraries
        raise BackendError(
            f"backend 'cupy' needs a CUDA device that CuPy can use: {str(error).splitlines()[0]}"
        ) from error


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over the first axis; the error of a single trial is unknown and given as 0."""
    number = values.shape[0]
    spread = np.std(values, axis=0, ddof=1) if number > 1 else np.zeros(values.shape[1:])
    return np.mean(values, axis=0), spread / math.sqrt(number)
