"""Which of the functions have a compiled twin, and when it is called instead of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Concatenate, ParamSpec

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["compiled_when_large"]

TWINS = "ingd_ref.kernels._gamma_fused"
# From this many numbers on the compiled function is called. Here the cheapest function takes a
# millisecond either way, so that small problems never load a compiler. It is less than a block of
# `families._blocks` holds of each quantity of a family with two parameters.
LARGE = 2**13

P = ParamSpec("P")
Function = Callable[Concatenate[Namespace, P], Array]


def compiled_when_large(readable: Function[P]) -> Function[P]:
    """Call ``kernels._gamma_fused`` for large NumPy arrays, and ``readable`` for all others.

    Examples
    --------
    >>> @compiled_when_large
    ... def digamma_increment(xp, a, b):
    ...     return "readable"
    >>> digamma_increment(np, np.ones(3), np.ones(3))
    'readable'
    >>> digamma_increment(np, np.ones(10_000), np.ones(())).shape
    (10000,)
    """

    @wraps(readable)
    def function(xp: Namespace, /, *args: P.args, **kwargs: P.kwargs) -> Array:
        if _large(args) and not kwargs:
            twin: Callable[..., Array] = getattr(import_module(TWINS), readable.__name__)
            return twin(*args)
        return readable(xp, *args, **kwargs)

    return function


def _large(arrays: tuple[Any, ...]) -> bool:
    sizes = [
        x.size for x in arrays if type(x) is np.ndarray and x.dtype in (np.float32, np.float64)
    ]
    return len(sizes) == len(arrays) > 0 and max(sizes) >= LARGE and find_spec("numba") is not None
