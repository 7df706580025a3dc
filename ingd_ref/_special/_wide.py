"""Numbers with an exponent of their own, for formulas whose products leave the range of floats.

A formula that is accurate and written for the array standard stays so for parameters of any size
when it runs on these: its products, quotients and powers neither overflow nor lose digits to
subnormal numbers, and the result is rounded to a float once. Each operation takes microseconds, so
only members and points of extreme size are evaluated this way, on the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import array_namespace

__all__ = ["NAMESPACE", "Wide", "WideNamespace", "wide"]

numpy_namespace: Any = array_namespace()
# Exponents saturate here: such a number is zero or infinite to whatever it meets.
LARGEST = 2**58
ZERO = -(2**60)
# Numbers with smaller exponents are floats, with room for one product.
ORDINARY = 500
# log 2 in two words, of which the first has trailing zeros: multiples by exponents are exact.
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LOG_2 = math.log(2.0)


class Wide:
    """The numbers ``fraction`` · 2^``exponent``, ½ ≤ |fraction| < 1, in double precision.

    Parameters
    ----------
    fraction : array (...)
        Zero, infinity and NaN are as in floats.
    exponent : integer array (...)

    Examples
    --------
    >>> square = wide(np.asarray(1e300)) * 1e300
    >>> with np.errstate(over="ignore"):  # of the float next to 10⁶⁰⁰
    ...     round(NAMESPACE.log(square).rounded().item(), 6)
    1381.551056
    >>> (square / 1e300).rounded().item()
    1e+300
    """

    __array_ufunc__ = None  # an array on the left leaves the operation to this class
    device = "cpu"
    dtype = np.dtype(np.float64)

    def __init__(self, fraction: Any, exponent: Any = 0) -> None:
        self.fraction, shift = np.frexp(fraction)
        total = np.clip(exponent + shift.astype(np.int64), -LARGEST, LARGEST)
        self.exponent = np.where(self.fraction == 0, ZERO, total)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.fraction.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of numbers."""
        return math.prod(self.shape)

    def rounded(self) -> np.ndarray:
        """Return the floats next to the numbers."""
        found: np.ndarray = np.ldexp(self.fraction, np.clip(self.exponent, -2000, 2000))
        return found

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Wide:
        """Apply a function that only moves numbers."""
        return _joined(function(self.fraction), function(self.exponent))

    def ordinary(self) -> np.ndarray:
        """Return where the numbers are floats with room for a product."""
        found: np.ndarray = np.abs(self.exponent) < ORDINARY
        return found

    def __getitem__(self, index: Any) -> Wide:
        return self.map(lambda part: part[index])

    def __neg__(self) -> Wide:
        return _joined(-self.fraction, self.exponent)

    def __abs__(self) -> Wide:
        return _joined(np.abs(self.fraction), self.exponent)

    def __add__(self, other: Any) -> Wide:
        other = wide(other)
        top = np.maximum(self.exponent, other.exponent)
        terms = (
            np.ldexp(part.fraction, np.maximum(part.exponent - top, -1000))
            for part in (self, other)
        )
        return Wide(sum(terms), top)

    def __sub__(self, other: Any) -> Wide:
        return self + -wide(other)

    def __mul__(self, other: Any) -> Wide:
        other = wide(other)
        return Wide(self.fraction * other.fraction, self.exponent + other.exponent)

    def __truediv__(self, other: Any) -> Wide:
        other = wide(other)
        return Wide(self.fraction / other.fraction, self.exponent - other.exponent)

    def __pow__(self, power: float) -> Any:
        if float(power).is_integer() and abs(power) <= 8:
            return _power(self, int(power))
        exponent = self.exponent.astype(float)
        high, low = _halves(float(power))
        whole = np.floor(exponent * high)
        rest = (exponent * high - whole) + exponent * low
        return NAMESPACE.exp2(power * np.log2(self.fraction) + rest, whole)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Wide:
        return wide(other) - self

    def __rtruediv__(self, other: Any) -> Wide:
        return wide(other) / self

    def __lt__(self, other: Any) -> Any:
        return (self - other).fraction < 0

    def __gt__(self, other: Any) -> Any:
        return (self - other).fraction > 0

    def __le__(self, other: Any) -> Any:
        return (self - other).fraction <= 0

    def __ge__(self, other: Any) -> Any:
        return (self - other).fraction >= 0

    def __eq__(self, other: Any) -> Any:
        return (self - other).fraction == 0

    def __ne__(self, other: Any) -> Any:
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]


def wide(x: Any) -> Wide:
    """Return numbers, or an array of them, as wide numbers.

    Examples
    --------
    >>> (wide(np.asarray(5e-324)) * 0.5 > 0).item()
    True
    """
    return x if isinstance(x, Wide) else Wide(np.asarray(x, dtype=np.float64))


def _joined(fraction: Any, exponent: Any) -> Wide:
    """Return the wide numbers of parts that are normalised."""
    result = Wide.__new__(Wide)
    result.fraction, result.exponent = np.asarray(fraction), np.asarray(exponent)
    return result


def _power(x: Wide, power: int) -> Wide:
    if power < 0:
        return 1.0 / _power(x, -power)
    return reduce(lambda product, _: product * x, range(power - 1), x) if power else x * 0.0 + 1.0


def _halves(x: float) -> tuple[float, float]:
    """Split x into a part of 26 digits and the rest."""
    fraction, exponent = math.frexp(x)
    high = math.ldexp(math.floor(math.ldexp(fraction, 26)), exponent - 26)
    return high, x - high


class _Linear:
    """Linear algebra with positive definite matrices, by elimination without pivots."""

    @staticmethod
    def solve(matrix: Wide, right: Wide) -> Any:
        rows = NAMESPACE.concat([matrix, right], axis=-1)
        size = matrix.shape[-1]
        for k in range(size):
            pivot = rows[..., k : k + 1, :] / rows[..., k : k + 1, k : k + 1]
            others = np.arange(size)[:, None] != k
            factor = NAMESPACE.where(others, rows[..., :, k : k + 1], 0.0)
            rows = NAMESPACE.where(others, rows - factor * pivot, pivot)
        return rows[..., size:]

    @staticmethod
    def inv(matrix: Wide) -> Any:
        identity = np.broadcast_to(np.eye(matrix.shape[-1]), matrix.shape)
        return _Linear.solve(matrix, wide(identity))

    @staticmethod
    def diagonal(matrix: Wide) -> Any:
        return matrix.map(lambda part: np.diagonal(part, axis1=-2, axis2=-1))


class WideNamespace:
    """The functions of the array standard that formulas use, for wide numbers.

    Arrays of floats, integers and truth values go to NumPy's functions.
    """

    linalg = _Linear

    def __getattr__(self, name: str) -> Any:
        function = getattr(numpy_namespace, name)
        return _floating(name, function) if name in FLOATING else function

    # Creation and choice
    # ----------------------------------------

    def asarray(self, x: Any, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return x if isinstance(x, Wide) else numpy_namespace.asarray(x, dtype=dtype)

    def astype(self, x: Any, dtype: Any) -> Any:
        return x if isinstance(x, Wide) else numpy_namespace.astype(x, dtype)

    def finfo(self, dtype: Any) -> Any:
        return np.finfo(np.float64)

    def zeros_like(self, x: Any, dtype: Any = None) -> Any:
        return self.full_like(x, 0.0, dtype)

    def ones_like(self, x: Any, dtype: Any = None) -> Any:
        return self.full_like(x, 1.0, dtype)

    def full_like(self, x: Any, value: float, dtype: Any = None) -> Any:
        if isinstance(x, Wide) and dtype in (None, Wide.dtype):
            return wide(np.full(x.shape, value))
        return np.full(x.shape, value, dtype=dtype or x.dtype)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if not (isinstance(x, Wide) or isinstance(y, Wide)):
            return np.where(condition, x, y)
        x, y = wide(x), wide(y)
        return _joined(
            np.where(condition, x.fraction, y.fraction), np.where(condition, x.exponent, y.exponent)
        )

    def maximum(self, x: Any, y: Any) -> Any:
        return self.where(wide(x) < y, y, x)

    def minimum(self, x: Any, y: Any) -> Any:
        return self.where(wide(x) > y, y, x)

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        x = x if min is None else self.maximum(x, min)
        return x if max is None else self.minimum(x, max)

    def isfinite(self, x: Any) -> Any:
        return np.isfinite(x.fraction if isinstance(x, Wide) else x)

    # Shapes
    # ----------------------------------------

    def concat(self, arrays: Any, axis: int = 0) -> Any:
        return _gathered(np.concatenate, arrays, axis)

    def stack(self, arrays: Any, axis: int = 0) -> Any:
        return _gathered(np.stack, arrays, axis)

    def broadcast_arrays(self, *arrays: Any) -> list[Any]:
        shape = np.broadcast_shapes(*(x.shape for x in arrays))
        return [self.broadcast_to(x, shape) for x in arrays]

    # Reductions and products
    # ----------------------------------------

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("sum", lambda a, b: a + b, x, axis, keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("max", self.maximum, x, axis, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("min", self.minimum, x, axis, keepdims)

    def _reduced(self, name: str, step: Any, x: Any, axis: Any, keepdims: bool) -> Any:
        if not isinstance(x, Wide):
            return getattr(numpy_namespace, name)(x, axis=axis, keepdims=keepdims)
        axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
        for place in sorted(map(int, axes), reverse=True):
            rows = x.map(partial(np.moveaxis, source=place, destination=0))
            parts = [rows[k] for k in range(rows.shape[0])]
            x = reduce(step, parts) if parts else wide(np.zeros(rows.shape[1:]))
            x = x.map(partial(np.expand_dims, axis=place)) if keepdims else x
        return x

    def argmax(self, x: Any, axis: int, keepdims: bool = False) -> Any:
        best = self.max(x, axis=axis, keepdims=True)
        return np.argmax(x == best, axis=axis, keepdims=keepdims)

    def matmul(self, x: Any, y: Any) -> Any:
        x, y = wide(x), wide(y)
        if x.ndim == 1:
            return self.matmul(x[None, :], y)[..., 0, :]
        return self.sum(x[..., :, :, None] * y[..., None, :, :], axis=-2)

    # Functions of one number
    # ----------------------------------------

    def abs(self, x: Any) -> Any:
        return abs(x)

    def sign(self, x: Any) -> Any:
        return wide(np.sign(wide(x).fraction))

    def sqrt(self, x: Any) -> Any:
        x = wide(x)
        odd = x.exponent % 2
        return Wide(np.sqrt(np.ldexp(x.fraction, odd)), (x.exponent - odd) // 2)

    def log(self, x: Any) -> Any:
        x = wide(x)
        even = x.exponent - (x.fraction < math.sqrt(0.5))
        logarithm = np.log(np.ldexp(x.fraction, x.exponent - even)) + even * LOG_2
        return _selected(x, np.log, wide(np.where(x.fraction == 0, -np.inf, logarithm)))

    def exp2(self, x: np.ndarray, exponent: Any = 0.0) -> Any:
        """Return 2^(x + exponent) for floats x."""
        whole = np.floor(np.clip(x, -LARGEST, LARGEST))
        total = np.clip(whole + exponent, -LARGEST, LARGEST)
        return Wide(np.exp2(np.where(np.isfinite(x), x - whole, x)), total.astype(np.int64))

    def exp(self, x: Any) -> Any:
        t = np.clip(wide(x).rounded(), -LARGEST / 2, LARGEST / 2)
        n = np.rint(t / LOG_2)
        n = np.where(np.abs(t) < 700.0, 0.0, n)
        n = np.where(np.isnan(n), 0.0, n)
        return Wide(np.exp((t - n * LOG_2_HIGH) - n * LOG_2_LOW), n.astype(np.int64))

    def expm1(self, x: Any) -> Any:
        x = wide(x)
        large = abs(x) > 40.0
        far = self.where(large, self.exp(x) - 1.0, x)
        return self.where(large, far, _selected(x, np.expm1, x))

    def log1p(self, x: Any) -> Any:
        x = wide(x)
        return _selected(x, np.log1p, self.where(abs(x) > 1.0, self.log(x), x))

    def sinh(self, x: Any) -> Any:
        x = wide(x)
        far = abs(x) > 40.0
        return self.where(far, self.sign(x) * 0.5 * self.exp(abs(x)), _selected(x, np.sinh, x))

    def cosh(self, x: Any) -> Any:
        x = wide(x)
        return 0.5 * (self.exp(x) + self.exp(-x))

    def tanh(self, x: Any) -> Any:
        x = wide(x)
        return _selected(x, np.tanh, self.where(abs(x) > 1.0, self.sign(x), x))

    def asinh(self, x: Any) -> Any:
        x = wide(x)
        far = self.sign(x) * self.log(2.0 * abs(x))
        return _selected(x, np.arcsinh, self.where(abs(x) > 1.0, far, x))

    def atan(self, x: Any) -> Any:
        x = wide(x)
        return _selected(x, np.arctan, self.where(abs(x) > 1.0, self.sign(x) * (0.5 * math.pi), x))

    def asin(self, x: Any) -> Any:
        x = wide(x)
        return _selected(x, np.arcsin, x)

    def sin(self, x: Any) -> Any:
        x = wide(x)
        return _selected(x, np.sin, x)

    def cos(self, x: Any) -> Any:
        return wide(np.cos(wide(x).rounded()))

    def floor(self, x: Any) -> Any:
        x = wide(x)
        return self.where(abs(x) < 2.0**53, wide(np.floor(x.rounded())), x)

    def hypot(self, x: Any, y: Any) -> Any:
        x, y = wide(x), wide(y)
        return self.sqrt(x * x + y * y)

    def atan2(self, y: Any, x: Any) -> Any:
        y, x = wide(y), wide(x)
        scale = self.maximum(abs(x), abs(y))
        scale = self.where(scale > 0, scale, 1.0)
        return wide(np.arctan2((y / scale).rounded(), (x / scale).rounded()))


# Functions that only move numbers about, in NumPy's words.
FLOATING = (
    "broadcast_to",
    "expand_dims",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "reshape",
    "take",
    "tril",
)


def _floating(name: str, function: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def moved(x: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(x, Wide):
            return function(x, *args, **options)
        fraction = function(x.fraction, *args, **options)
        exponent = function(x.exponent, *args, **options)
        return _joined(fraction, np.where(fraction == 0, ZERO, exponent))

    return moved


def _gathered(function: Callable[..., np.ndarray], arrays: Any, axis: int) -> Any:
    if not any(isinstance(x, Wide) for x in arrays):
        return function(arrays, axis=axis)
    parts = [wide(x) for x in arrays]
    return _joined(
        function([x.fraction for x in parts], axis=axis),
        function([x.exponent for x in parts], axis=axis),
    )


def _selected(x: Wide, function: Callable[[np.ndarray], np.ndarray], beyond: Wide) -> Any:
    """Return function(x) where x is an ordinary float, and ``beyond`` elsewhere."""
    ordinary = x.ordinary()
    near = wide(function(np.where(ordinary, x.rounded(), 0.5)))
    return NAMESPACE.where(ordinary, near, beyond)


NAMESPACE = WideNamespace()
