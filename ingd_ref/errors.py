"""The exceptions that this package raises on purpose, and nothing else.

Each derives from :class:`IngdError` and from the built-in exception that a caller would expect, so
``except ValueError`` keeps working.
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


class IngdError(Exception):
    """Base of every error that the package raises on purpose."""


class ShapeError(IngdError, ValueError):
    """An array has the wrong number of axes, or an axis of the wrong length."""


class NonFiniteError(IngdError, ValueError):
    """An array holds NaN or infinity where numbers are needed."""


class DomainError(IngdError, ValueError):
    """A number lies outside the set in which the mathematics is defined."""


class OptionError(IngdError, ValueError):
    """A named option has a value that does not exist."""


class BackendError(IngdError, TypeError):
    """Not an array, arrays of several libraries or devices, or an implementation that does not exist for them."""


class SingularSystemError(IngdError, ArithmeticError):
    """A linear system has no unique solution to working precision."""


class CheckpointError(IngdError, OSError):
    """A checkpoint cannot be read, cannot be written, or belongs to another run."""


class DataFileError(IngdError, ValueError):
    """A file of particles or samples cannot be read as numbers."""
