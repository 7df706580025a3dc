"""The evidence for every equation of the package, on every array library that is present.

The oracles share no code with the package.

``python -m validation`` runs it and writes the report; see :mod:`validation.registry` for how a
case is added.
"""

from ingd_ref.equations import LABELS
from validation.registry import EPS, Measured, case, compared

__all__ = ["EPS", "LABELS", "Measured", "case", "compared"]
