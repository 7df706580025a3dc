"""Checks of arguments at the public edge; errors name the argument, its value and what fits."""

from __future__ import annotations

import functools
import math
import operator
import os
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import is_dataclass
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import array_api_compat.numpy as numpy_namespace
import numpy as np

from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    device,
    is_array,
    is_array_like,
    item,
    not_an_array,
    to_backend,
    to_host,
)
from ingd_ref.errors import (
    BackendError,
    DomainError,
    IngdError,
    NonFiniteError,
    OptionError,
    ShapeError,
)

__all__ = [
    "RandomSource",
    "arrays",
    "as_array",
    "choice",
    "finite",
    "first_false",
    "flag",
    "floating",
    "function",
    "generator",
    "guarded",
    "host_numbers",
    "instance",
    "layers",
    "nonnegative",
    "nonnegative_integer",
    "number",
    "number_or_array",
    "path",
    "points",
    "positive",
    "positive_integer",
    "quiet",
    "real_array",
    "returned",
    "same_dimension",
    "sequence",
    "shown",
    "table",
    "vector",
    "weights",
]

# Normalised weights sum to one within rounding, n eps at worst and about √n eps as a rule. 1e-6
# admits that in float32 too, and still catches weights that were never normalised.
SUM_TOLERANCE = 1e-6

P = ParamSpec("P")
T = TypeVar("T")

RandomSource = np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | int | None

# Beyond it, about 10^12, no list of numbers fits into the memory of a machine.
MOST = 2**40

# Silences NumPy's warnings in a function whose results are right where intermediate ones overflow.
quiet = np.errstate(all="ignore")

# How often NumPy reported an overflow, a division by zero or an invalid operation.
_events = 0

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def as_array(x: Any, name: str) -> Array:
    """Return ``x`` as an array; NumPy's subclasses and array-likes become plain NumPy arrays."""
    if type(x) is np.ndarray:
        return x
    if isinstance(x, np.ma.MaskedArray):
        if np.ma.is_masked(x):
            count = int(np.sum(np.ma.getmaskarray(x)))
            raise DomainError(f"{name} has {count} masked entries; fill or drop them first")
        return np.asarray(x.data)
    if isinstance(x, np.ndarray | np.generic):
        return np.asarray(x)
    if is_array(x):
        return x
    if not is_array_like(x):
        raise BackendError(not_an_array(x, name))
    return _host_array(x, name)


def arrays(optional: Sequence[str] = (), **given: Any) -> tuple[Any, ...]:
    """Return the namespace that the arrays share, and the arrays; ``optional`` ones may be None."""
    xp = array_namespace(**given)
    return xp, *(
        None if x is None and name in optional else as_array(x, name) for name, x in given.items()
    )


def floating(like: Any, name: str) -> Array:
    """Return an array whose library, device and floating type results take."""
    return real_array(like, name, array_namespace(**{name: like}))


def returned(value: Any, name: str, **like: Array) -> Array:
    """Return what a function returned as an array, if it goes with the arrays ``like``."""
    array_namespace(**{**like, name: value})
    return as_array(value, name)


def _host_array(x: Any, name: str) -> np.ndarray:
    """Convert a list, a tuple or a column of a data frame."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns of a masked entry in a list
            return np.asarray(as_array(np.asanyarray(x), name))
    except (ArithmeticError, AttributeError, TypeError, ValueError, Warning) as error:
        if isinstance(error, IngdError):
            raise
        raise ShapeError(f"{name} cannot become one array of numbers: {error}") from None


def real_array(x: Array, name: str, xp: Namespace, like: Array | None = None) -> Array:
    """Return ``x`` in the floating type of ``like``; by default in float64 or its own float32.

    Types that float32 or float64 hold without loss are converted, others raise
    :class:`BackendError`. Only the type of ``like`` may round the entries.
    """
    x = as_array(x, name)
    # The types of NumPy and CuPy are single objects, and are compared in a hundredth of the time
    # of ``isdtype``.
    if (x.dtype is DOUBLE or x.dtype is SINGLE) and (like is None or like.dtype is x.dtype):
        return x
    x = _lossless(x, name, xp)
    if like is None or like.dtype == x.dtype:
        return x
    with np.errstate(over="ignore", under="ignore"):
        converted = xp.astype(x, like.dtype, copy=False)
    if item(xp.any(xp.isinf(converted) & xp.isfinite(x))):
        raise NonFiniteError(f"{name} has entries beyond the range of {like.dtype}")
    return converted


def _lossless(x: Array, name: str, xp: Namespace) -> Array:
    """Return the numbers of ``x`` in float32 or float64, or raise if there are no such numbers."""
    if isinstance(x.dtype, np.dtype) and x.dtype.kind not in "fiu":
        kind = {"O": "objects", "b": "truth values", "c": "complex numbers"}.get(x.dtype.kind)
        found = f"{kind or 'entries'} of dtype {x.dtype}"
        raise BackendError(f"{name} must hold real numbers, got {found}")
    if xp.isdtype(x.dtype, (xp.float32, xp.float64)):
        # Bytes in the order of another machine are the same numbers.
        return x if not isinstance(x.dtype, np.dtype) else x.astype(x.dtype.newbyteorder("="))
    if isinstance(x.dtype, np.dtype):
        return _converted(x, name, xp)
    if xp.isdtype(x.dtype, "integral"):
        default = xp.__array_namespace_info__().default_dtypes(device=device(x))
        return xp.astype(x, default["real floating"])
    if not xp.isdtype(x.dtype, "real floating"):
        raise BackendError(f"{name} must hold real numbers, got dtype {x.dtype}")
    return xp.astype(x, xp.float32)  # the half precisions; no library has more than float64


def _converted(x: Array, name: str, xp: Namespace) -> Array:
    """Convert the integers and the other floating types of NumPy and CuPy, if nothing is lost."""
    with np.errstate(over="ignore", under="ignore"):
        result = x.astype(SINGLE if x.dtype.kind == "f" and x.dtype.itemsize == 2 else DOUBLE)
    same = (result == x) | (x != x) if x.dtype.kind == "f" else _exact(x, xp)
    if not item(xp.all(same)):
        what = f"numbers of dtype {x.dtype} that float64 cannot hold"
        raise BackendError(f"{name} has {what}, the first at index {first_false(xp, same)}")
    return result


def _exact(x: Array, xp: Namespace) -> Array:
    """Whether integers of up to 64 bits have at most 53 that matter."""
    if x.dtype.itemsize < 8:
        return xp.ones(x.shape, dtype=xp.bool)
    # |x| is at most 2^53, or its last 11 bits vanish.
    return ((x <= 2**53) & (x >= (0 if x.dtype.kind == "u" else -(2**53)))) | (x % 2**11 == 0)


def number_or_array(value: Any, name: str, xp: Namespace, like: Array) -> Array:
    """Return a number, or an array of finite numbers, in the library and type of ``like``."""
    if is_array(value):
        return finite(real_array(value, name, xp, like), name, xp)
    if is_array_like(value):
        host = real_array(as_array(value, name), name, numpy_namespace)
    else:
        host = np.asarray(number(value, name))
    with np.errstate(over="ignore"):
        return finite(to_backend(host, like), name, xp)


def host_numbers(x: Any, name: str, axes: int | None = None) -> np.ndarray:
    """Return a number or finite numbers of any library as a float64 array of NumPy, on the host."""
    if is_array(x) and not isinstance(x, np.ndarray | np.generic):
        x = to_host(x)
    listed = isinstance(x, np.ndarray | np.generic) or is_array_like(x)
    given = as_array(x, name) if listed else np.asarray(number(x, name))
    host = real_array(given, name, numpy_namespace).astype(np.float64)
    if axes is not None and host.ndim != axes:
        shape = f"({'k,' if axes == 1 else ''})"
        raise ShapeError(f"{name} must have shape {shape}, got {host.shape}")
    return np.asarray(finite(host, name, numpy_namespace))


def finite(x: Array, name: str, xp: Namespace) -> Array:
    """Return ``x`` if all entries are finite; the error counts the others and names the first."""
    good = xp.isfinite(x)
    if item(xp.all(good)):
        return x
    count = item(xp.sum(xp.astype(~good, xp.int32)))
    where = f"the first at index {first_false(xp, good)}"
    raise NonFiniteError(f"{name} holds {count} value(s) that are NaN or infinite, {where}")


def first_false(xp: Namespace, good: Array) -> tuple[int, ...]:
    """Return the index of the first entry that is false."""
    flat = item(xp.argmin(xp.astype(xp.reshape(good, (-1,)), xp.int32)))
    return tuple(int(i) for i in np.unravel_index(flat, tuple(good.shape)))


def points(
    x: Array, name: str, xp: Namespace, dim: int | None = None, like: Array | None = None
) -> Array:
    """Return ``x`` as floating (n, d) points: n ≥ 1, d ≥ 1 (d = ``dim`` if given), all finite."""
    return finite(table(x, name, xp, dim, like), name, xp)


def table(
    x: Array, name: str, xp: Namespace, dim: int | None = None, like: Array | None = None
) -> Array:
    """Return :func:`points` that something else checks to be finite."""
    x = as_array(x, name)
    expected = f"(n, {dim if dim is not None else 'd'})"
    if x.ndim != 2:
        hint = f"; for one-dimensional points pass {name}[:, None]" if x.ndim == 1 else ""
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(x.shape)}{hint}")
    if 0 in x.shape:
        least = "at least one point with at least one coordinate"
        raise ShapeError(f"{name} must hold {least}, got shape {tuple(x.shape)}")
    if dim is not None and x.shape[1] != dim:
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(x.shape)}")
    return real_array(x, name, xp, like)


def same_dimension(x: Array, name: str, other: Array, other_name: str) -> None:
    """Raise :class:`ShapeError` unless ``x`` (n, d) and ``other`` (m, d) have the same d."""
    if x.shape[1] != other.shape[1]:
        raise ShapeError(
            f"{name} has {x.shape[1]} coordinates, but {other_name} has {other.shape[1]}"
        )


def vector(x: Array, name: str, length: int, xp: Namespace, like: Array | None = None) -> Array:
    """Return ``x`` as a floating vector of ``length`` finite numbers."""
    x = as_array(x, name)
    if x.ndim != 1 or x.shape[0] != length:
        raise ShapeError(f"{name} must have shape ({length},), got {tuple(x.shape)}")
    return finite(real_array(x, name, xp, like), name, xp)


def weights(w: Array | None, name: str, number: int, xp: Namespace, like: Array) -> Array:
    """Return non-negative weights of ``number`` points that sum to one; uniform for ``None``."""
    if w is None:
        return xp.full((number,), 1.0 / number, dtype=like.dtype, device=device(like))
    w = vector(w, name, number, xp, like)
    if item(xp.any(w < 0)):
        raise DomainError(f"{name} must be non-negative, got an entry of {item(xp.min(w)):g}")
    total = item(xp.sum(w))
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise DomainError(f"{name} must sum to 1, got {total:g}; divide by the sum first")
    return w / total


def layers(pairs: Sequence[tuple[Array, Array]], name: str) -> list[tuple[Array, Array]]:
    """Return copies of the layers (matrix (out, in), offset (out,)) of a network, if they fit."""
    given = sequence(pairs, name, "(matrix, offset) pairs") if not is_array(pairs) else ()
    if len(given) == 0:
        raise ShapeError(f"{name} must hold at least one (matrix, offset) pair, got {shown(pairs)}")
    checked: list[tuple[Array, Array]] = []
    for number, pair in enumerate(given):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ShapeError(f"{name}[{number}] must be a (matrix, offset) pair, got {shown(pair)}")
        matrix, offset = pair
        names = f"{name}[{number}] matrix", f"{name}[{number}] offset"
        xp = array_namespace(**dict(zip(names, (matrix, offset), strict=True)))
        width = checked[-1][0].shape[0] if checked else None
        matrix = points(matrix, names[0], xp, dim=width)
        offset = vector(offset, names[1], matrix.shape[0], xp, like=matrix)
        checked.append((xp.asarray(matrix, copy=True), xp.asarray(offset, copy=True)))
    return checked


def positive(value: Any, name: str) -> float:
    """Return ``value`` as a float if it is a finite number greater than zero."""
    result = number(value, name)
    if not result > 0:
        raise DomainError(f"{name} must be greater than zero, got {result:g}")
    return result


def nonnegative(value: Any, name: str) -> float:
    """Return ``value`` as a float if it is a finite number of at least zero."""
    result = number(value, name)
    if result < 0:
        raise DomainError(f"{name} must not be negative, got {result:g}")
    return result


def positive_integer(value: Any, name: str, most: int = MOST) -> int:
    """Return ``value`` as an int if it is an integer of at least one, and at most ``most``."""
    return _integer(value, name, 1, most)


def nonnegative_integer(value: Any, name: str) -> int:
    """Return ``value`` as an int if it is an integer of at least zero."""
    return _integer(value, name, 0)


def _integer(value: Any, name: str, least: int, most: int = MOST) -> int:
    try:
        # An array is not a number, though PyTorch would turn one of one entry into an index.
        number = operator.index([] if getattr(value, "ndim", 0) else value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool | np.bool_) or number < least:
        raise DomainError(f"{name} must be an integer of at least {least}, got {shown(value)}")
    if number > most:
        raise DomainError(f"{name} must be at most 2^{most.bit_length() - 1}, got {shown(value)}")
    return number


def generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return the random generator that ``rng`` gives.

    It is ``rng`` itself if that is a :class:`numpy.random.Generator`; a new one from an
    integer, a :class:`numpy.random.SeedSequence` or a :class:`numpy.random.BitGenerator`; and for
    ``None`` a new one from fresh entropy of the operating system.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or isinstance(rng, np.random.SeedSequence | np.random.BitGenerator):
        return np.random.default_rng(rng)
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    kinds = "None, a seed (an integer of at least 0, or a SeedSequence), a BitGenerator"
    raise OptionError(f"{name} must be {kinds} or a numpy.random.Generator, got {shown(rng)}")


def choice(value: Any, name: str, options: Collection[str]) -> str:
    """Return ``value`` if it is one of ``options``."""
    if isinstance(value, str) and value in options:
        return value
    known = ", ".join(map(repr, options))
    raise OptionError(f"{name} must be one of {known}, got {shown(value)}")


def flag(value: Any, name: str) -> bool:
    """Return ``value`` as a bool if it is a truth value."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise OptionError(f"{name} must be True or False, got {shown(value)}")


def function(value: Any, name: str) -> Any:
    """Return ``value`` if it can be called."""
    if callable(value):
        return value
    raise OptionError(f"{name} must be callable, got {shown(value)}")


def instance(value: Any, name: str, kind: type | tuple[type, ...], what: str) -> Any:
    """Return ``value`` if it is an instance of ``kind``; the error says ``what`` was expected."""
    if isinstance(value, kind):
        return value
    raise OptionError(f"{name} must be {what}, got {shown(value)}")


def path(value: Any, name: str) -> Path:
    """Return ``value`` as a path if it names a file."""
    if isinstance(value, str | os.PathLike) and os.fspath(value):
        found = os.fspath(value)
        if isinstance(found, str) and "\0" not in found:
            return Path(found)
    raise OptionError(f"{name} must be the path of a file, got {shown(value)}")


def sequence(values: Any, name: str, what: str) -> tuple[Any, ...]:
    """Return the entries of a list, a tuple or an array; a string does not count as one."""
    if isinstance(values, list | tuple | range) or (
        type(values) is np.ndarray and values.ndim == 1
    ):
        return tuple(values)
    raise OptionError(f"{name} must be a sequence of {what}, got {shown(values)}")


def guarded(function: Callable[P, T]) -> Callable[P, T]:
    """Reject a result that overflowed, in place of NumPy's warnings during the computation.

    Intermediate results may overflow where the result does not depend on them, so only a result
    that is not finite raises :class:`NonFiniteError`.
    """
    watched = np.errstate(all="call", under="ignore", call=_count_event)(function)

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        before = _events
        result = watched(*args, **options)
        # Events of another thread only cost a look at a result that is finite.
        if _events != before and not _all_finite(result):
            arguments = ", ".join(signature(function).parameters)
            raise NonFiniteError(
                f"the result of {function.__name__}({arguments}) is beyond the range of "
                "floating-point numbers"
            )
        return result

    return call


def _count_event(*_: Any) -> None:
    global _events
    _events += 1


def _all_finite(result: Any) -> bool:
    """Whether all arrays in a result are finite; a condition number may be infinite."""
    if is_dataclass(result):
        result = tuple(v for k, v in vars(result).items() if k != "condition")
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple | list):
        return all(_all_finite(part) for part in result)
    if isinstance(result, float):
        return math.isfinite(result)
    if isinstance(result, np.ndarray | np.generic) and result.dtype.kind == "f":
        return bool(np.all(np.isfinite(result)))
    return True


def shown(value: Any) -> str:
    """Return a short text of ``value`` for a message: numbers and words as they are, or a type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, int) and abs(value) >= 10**20:
        return f"an integer of {value.bit_length()} bits"  # Python cannot print 10^5000
    if value is None or isinstance(value, bool | int | float | complex | np.generic | str):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"{kind} of shape {tuple(shape)}" if isinstance(shape, tuple) else kind


def number(value: Any, name: str) -> float:
    """Return ``value`` as a float if it is a finite number."""
    if type(value) is float and math.isfinite(value):
        return value
    kind = type(value)
    if issubclass(kind, bool | np.bool_ | str | bytes | complex | np.complexfloating | type):
        raise DomainError(f"{name} must be a number, got {shown(value)}")
    if not hasattr(kind, "__float__") and not hasattr(kind, "__index__"):
        raise DomainError(f"{name} must be a number, got {shown(value)}")
    if getattr(value, "ndim", 0):
        raise DomainError(f"{name} must be one number, got {shown(value)}")
    return _float(value, name)


def _float(value: Any, name: str) -> float:
    if isinstance(value, np.ndarray):
        value = real_array(value, name, numpy_namespace)
    try:
        result = float(value)
    except OverflowError:
        raise NonFiniteError(f"{name} must be finite in float64, got {shown(value)}") from None
    except (TypeError, ValueError):
        raise DomainError(f"{name} must be a number, got {shown(value)}") from None
    if not math.isfinite(result):
        raise NonFiniteError(f"{name} must be finite, got {result}")
    return result
