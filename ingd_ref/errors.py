"""The exceptions of the package.

Each derives from :class:`IngdError` and from the built-in exception that fits, so ``except
ValueError`` works too.
"""

__all__ = [
    "BackendError",
    "CheckpointError",
    "DataFileError",
    "DomainError",
    "IngdError",
    "NonFiniteError",
    "OptionError",
    "ShapeError",
    "SingularSystemError",
]


def with_article(name: str) -> str:
    """Return a name after "a" or "an", for a message.

    Examples
    --------
    >>> with_article("exponential")
    'an exponential'
    """
    return f"{'an' if name[:1].lower() in tuple('aeiou') else 'a'} {name}"


class IngdError(Exception):
    """Base of all exceptions of the package."""


class ShapeError(IngdError, ValueError):
    """An array has the wrong number of axes, or an axis of the wrong length."""


class NonFiniteError(IngdError, ValueError):
    """An array holds NaN or infinity."""


class DomainError(IngdError, ValueError):
    """A number lies outside the domain of the mathematics."""


class OptionError(IngdError, ValueError):
    """An option has an unknown value, or one that does not fit the others."""


class BackendError(IngdError, TypeError):
    """Arguments are not arrays, mix libraries or devices, or lack an implementation."""


class SingularSystemError(IngdError, ArithmeticError):
    """A linear system has no unique solution to working precision."""


class CheckpointError(IngdError, OSError):
    """A checkpoint cannot be read, cannot be written, or belongs to another run."""


class DataFileError(IngdError, ValueError):
    """A file of particles or samples cannot be read as numbers."""
