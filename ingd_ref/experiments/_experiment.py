"""An experiment: a frozen set of options, independent pieces of work, and a report on them."""

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
    "check_fields",
    "check_methods",
    "check_several",
    "mean_and_error",
    "noise_floor",
    "on_backend",
    "option",
    "or_null",
    "slope",
    "stream",
    "with_error",
]

BACKENDS = ("numpy", "cupy")
# Each is a piece of work, which is listed before the first of them starts.
MOST_TRIALS = 1_000_000

# What a piece of work yields: the result of a flow, or named arrays.
ResultT = TypeVar("ResultT", FlowResult, dict[str, np.ndarray])


class Piece(NamedTuple):
    """One run of one method: the unit of work that survives an interruption."""

    method: str
    trial: int

    def __str__(self) -> str:
        return f"{self.method}-{self.trial:03d}"


@dataclass(frozen=True, eq=False)
class Report:
    """The outcome of an experiment.

    Attributes
    ----------
    methods : dict of str to dict
        Curves and seconds of each method, as lists of numbers with one entry per trial.
    findings : dict
        Other entries of ``results.json``.
    arrays : dict of str to numpy.ndarray
        Contents of ``arrays.npz``.
    figures : dict of str to Figure
        Figures by name, written to ``NAME.png``.
    lines : list of str
        A summary in a few lines of text.
    """

    methods: dict[str, dict[str, Any]]
    findings: dict[str, Any]
    arrays: dict[str, np.ndarray]
    figures: dict[str, Figure]
    lines: list[str]


def option(default: Any, description: str) -> Any:
    """Declare a field of an experiment that becomes a command-line option with this help text."""
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True)
class Experiment(ABC, Generic[ResultT]):
    """A named, seeded study whose pieces yield results of flows, or named arrays.

    A subclass is a frozen dataclass. Its fields are its options, and they alone determine the
    result: give each piece its own random generator, seeded by ``seed`` and the piece, so that
    neither the order of the pieces nor the number of processes changes a number.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Squares(Experiment):
    ...     number: int = option(3, "how many numbers to square")
    ...     name = "squares"
    ...     summary = "squares of random numbers"
    ...
    ...     def check(self): ...
    ...
    ...     def pieces(self):
    ...         return [Piece("square", trial) for trial in range(2)]
    ...
    ...     def run(self, piece, progress=False):
    ...         rng = np.random.default_rng([self.seed, piece.trial])
    ...         return {"square": rng.normal(size=self.number) ** 2}
    ...
    ...     def report(self, results):
    ...         total = float(sum(np.sum(result["square"]) for result in results.values()))
    ...         return Report({}, {"total": total}, {}, {}, [f"total {total:.2f}"])
    >>> from ingd_ref.experiments import run_experiment
    >>> run_experiment(Squares(), tempfile.mkdtemp())["lines"]
    ['total 2.08']
    """

    seed: int = option(0, "seed of all random numbers")
    backend: str = option("numpy", "array library: numpy or cupy")

    parallel: ClassVar[bool] = True
    #: Options of a run that takes a second or two, for tests.
    small: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise DomainError(f"seed must be an integer of at least 0, got {self.seed!r}")
        _checks.choice(self.backend, "backend", BACKENDS)
        self.check()

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name on the command line."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """Its question in a few words."""

    @property
    def config(self) -> dict[str, Any]:
        """The options, ready for JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @abstractmethod
    def check(self) -> None:
        """Raise DomainError or OptionError if an option is unusable."""

    def require(self) -> None:
        """Raise BackendError or OptionError if this machine lacks a library or a device."""
        on_backend(np.zeros(1), self.backend)

    @abstractmethod
    def pieces(self) -> list[Piece]:
        """List the pieces of work."""

    @abstractmethod
    def run(self, piece: Piece, progress: Any = False) -> ResultT:
        """Run one piece; pass ``progress`` on to :func:`ingd_ref.run_flow` and the like."""

    @abstractmethod
    def report(self, results: Mapping[Piece, ResultT]) -> Report:
        """Combine the results of all pieces."""


def check_methods(methods: Sequence[str], known: Sequence[str], name: str = "methods") -> None:
    """Raise :class:`OptionError` unless ``methods`` are some of ``known``, each once."""
    if not methods:
        raise OptionError(f"{name} must name at least one of {', '.join(known)}")
    for method in methods:
        _checks.choice(method, name.removesuffix("s"), known)
    if len(set(methods)) < len(methods):
        raise OptionError(f"{name} must not repeat a name, got {', '.join(methods)}")


def check_several(numbers: Sequence[int], name: str) -> None:
    """Raise an error unless ``numbers`` are two or more different positive integers."""
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        reason = "two or more different numbers, to show how the error falls"
        raise OptionError(f"{name} must be {reason}, got {', '.join(map(str, numbers))}")
    for number in numbers:
        _checks.positive_integer(number, name)


def check_fields(
    experiment: Experiment[Any],
    integers: Sequence[str],
    positive: Sequence[str] = (),
    nonnegative: Sequence[str] = (),
) -> None:
    """Raise :class:`DomainError` unless fields are such numbers; integers are positive."""
    checks = {
        _checks.positive_integer: integers,
        _checks.positive: positive,
        _checks.nonnegative: nonnegative,
    }
    for check, names in checks.items():
        for name in names:
            check(getattr(experiment, name), name)
    trials = getattr(experiment, "trials", 0)
    if trials > MOST_TRIALS:
        raise DomainError(f"trials must be at most {MOST_TRIALS:,}, got {trials}")


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return a random generator that depends on the seed and the key alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def on_backend(host: np.ndarray, backend: str) -> Array:
    """Move an array to the library that does the work; raise :class:`BackendError` if it cannot."""
    if backend == "numpy":
        return host
    try:
        import cupy

        return cupy.asarray(host)
    except ImportError as error:
        needed = "CuPy: install ingd-ref[cuda12] or ingd-ref[cuda13]"
        raise BackendError(f"backend 'cupy' needs {needed}") from error
    # CuPy reports a missing driver, device or toolkit by exceptions of several libraries.
    except Exception as error:
        needed = f"a CUDA device that CuPy can use: {str(error).splitlines()[0]}"
        raise BackendError(f"backend 'cupy' needs {needed}") from error


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard error over the first axis; a single trial has error NaN."""
    number = values.shape[0]
    spread = np.std(values, axis=0, ddof=1) if number > 1 else np.full(values.shape[1:], np.nan)
    return np.mean(values, axis=0), spread / math.sqrt(number)


def or_null(error: np.ndarray) -> Any:
    """Return a standard error, or a list of these, for JSON: null where it is undefined."""
    return np.where(np.isnan(error), np.array(None), error).tolist()


def with_error(mean: float, error: float | None) -> str:
    """Return a mean and its standard error as text, with a dash where the latter is undefined."""
    undefined = error is None or math.isnan(error)
    return f"{mean:.4f} ±{'—     ' if undefined else format(error, '.4f')}"


def noise_floor(values: Sequence[float], draws: int) -> dict[str, Any]:
    """Summarise what a metric gives for samples of the target itself, one value per trial."""
    mean, error = mean_and_error(np.array(values))
    return {"mean": float(mean), "standard_error": or_null(error), "draws": draws}


def slope(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """Slope of the least-squares line of log error against log size."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(errors, np.finfo(float).tiny)), 1)[0])
