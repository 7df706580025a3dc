"""Values that fit no argument, and the outcome of a call that gets one."""

import dataclasses
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import array_api_strict
import numpy as np

from ingd_ref.errors import IngdError

LIMIT = 5  # seconds of the processor for one call
#: Optional arguments that are functions.
CALLABLE = {"callback", "contains", "derivative", "sampler", "jacobian", "jvp", "vjp", "initial"}
CALLABLE |= {"progress", "step_size", "latents", "gradient", "hessian", "log_h", "mean_log_h"}

#: Replacements for any argument.
STRANGE: tuple[Callable[[], Any], ...] = tuple(
    (lambda value=value: deepcopy(value))
    for value in (
        *(None, True, False, 0, 1, -1, 2, 3, 10**400, -(10**400), 2**63, 2**53 + 1),
        *(np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e-310, 1e-200, 1e200, -1.0, 0.0, 0.5),
        *(1j, "word", "", "7", b"bytes", (), [], {}, set(), {1.0}, {"a": 1}),
        *([1.0, "a"], [[1.0], [2.0, 3.0]], [None], [1, 2, 3], (0.5, 0.5), ["a"], [[]]),
        *(np.float32(2), np.float64(-1), np.int8(3), np.bool_(True), np.longdouble(2) / 3),
        *(Fraction(1, 3), np.array(1.0), np.array([3]), np.array(3), np.zeros(0)),
        *(np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((2, 2, 2)), np.ones(6), np.eye(2)),
        *(np.array([1.0, 2.0], dtype=object), np.array(["a", "b"]), np.array([1j, 2.0])),
        *(np.array(["2020-01-01"], dtype="datetime64[D]"), np.array([True, False])),
        *(np.array([(1, 2.0)], dtype="i4,f8"), np.array([b"ab"]), np.array([1], "m8[s]")),
        *(np.ma.masked_array([1.0, 2.0], mask=[True, False]), np.ma.masked),
    )
)
STRANGE += (
    *(object, lambda: object, lambda: int, lambda: np.random, lambda: np.random.Generator),
    lambda: lambda *args, **options: None,
    lambda: lambda *args, **options: "word",
    lambda: lambda *args, **options: np.nan,
    lambda: np.random.RandomState(0),
    lambda: iter([1.0, 2.0]),
    lambda: range(3),
    lambda: array_api_strict.asarray([[1.0, 2.0], [3.0, 4.0]]),
)


def _entry(x: np.ndarray, value: float) -> np.ndarray:
    changed = np.array(x, dtype=float)
    changed.reshape(-1)[changed.size // 2 :][:1] = value
    return changed


#: Changes of an array.
CHANGES: tuple[Callable[[np.ndarray], Any], ...] = (
    *(lambda x, v=v: _entry(x, v) for v in (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-310, 1e200)),
    *(lambda x, v=v: _entry(x, v) for v in (1e308, 5e-324, 1e-200, 1.0 + 1e-12, -1e-320)),
    *(lambda x, s=s: x * s for s in (0.0, -1.0, 1e200, 1e-200, 1e-310, 1e300, 1e150, 1e-20, 1e20)),
    *(lambda x, t=t: x.astype(t) for t in ("f4", "f2", ">f8", "g", "i8", "?", "c16", "O", "U")),
    *(lambda x, a=a: x[a] for a in (None, 0, np.s_[:0], np.s_[:1], np.s_[::-1], np.s_[..., None])),
    *(lambda x, a=a: x[a] for a in (np.s_[..., :1], np.s_[..., :0], np.s_[::2])),
    lambda x: x.T,
    lambda x: x.tolist(),
    lambda x: np.asfortranarray(x),
    lambda x: np.ma.masked_array(x, mask=np.zeros(x.shape, bool)),
    lambda x: np.ma.masked_array(x, mask=np.arange(x.size).reshape(x.shape) == 0),
    lambda x: np.concatenate([x, x]),
    lambda x: np.full_like(x, x.reshape(-1)[0]),
    lambda x: array_api_strict.asarray(x),
    lambda x: np.broadcast_to(x, (2, *x.shape)),
)


@dataclass(frozen=True)
class Outcome:
    """What a call did: "result", "rejected", "foreign", "not finite", ...: see :func:`outcome`."""

    kind: str
    detail: str = ""


class Hang(BaseException):
    """A call took longer than its limit."""


def mutated(value: Any, rng: np.random.Generator, callable_argument: bool = False) -> Any:
    """Return something in place of a valid argument; a class that can be called is no mistake."""
    if isinstance(value, np.ndarray) and value.ndim and rng.random() < 0.65:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return CHANGES[rng.integers(len(CHANGES))](value)
    found = STRANGE[rng.integers(len(STRANGE))]()
    return mutated(value, rng, True) if callable_argument and isinstance(found, type) else found


def outcome(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Outcome:
    """Call, and tell what happened."""
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = call(**arguments)
        bad = [place for place, x in numbers(result) if not np.all(np.isfinite(x))]
        if any(np.any(np.isnan(x)) for _, x in numbers(result)):
            return Outcome("not finite", " ".join(bad))
        return Outcome("infinite", " ".join(bad)) if bad else Outcome("result")
    except IngdError as error:
        return Outcome("rejected", f"{type(error).__name__}: {error}")
    except Hang:
        return Outcome("hang")
    except Warning as warning:
        return Outcome("warning", f"{type(warning).__name__}: {warning}")
    except Exception as error:
        return Outcome("foreign", f"{type(error).__name__}: {error}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def attempt(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return the result of a call, or the error of the package that it raised."""
    try:
        return call(**arguments)
    except IngdError as error:
        return error


def _stop(*_: Any) -> None:
    raise Hang


def numbers(result: Any, place: str = "result", depth: int = 3) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the floating-point numbers in a result, with the place of each."""
    if isinstance(result, float | np.floating | np.ndarray):
        if np.asarray(result).dtype.kind in "fc":
            yield place, np.asarray(result)
        return
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    elif hasattr(result, "_asdict"):
        result = result._asdict()
    elif isinstance(result, tuple | list):
        result = dict(enumerate(result))
    if isinstance(result, dict) and depth:
        for name, part in result.items():
            if name == "seconds":
                continue
            yield from numbers(part, f"{place}.{name}", depth - 1)
