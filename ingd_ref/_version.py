"""The version of the package, at the bottom of the house so that every floor may read it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
