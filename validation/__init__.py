"""The evidence: every equation of the package against an oracle that shares no code with it, on every array library that is present.

``python -m validation`` runs it and writes the report; see :mod:`validation.registry` for how a
case is added.
"""

from ingd_ref.equations import LABELS
from validation.registry import EPS, Measured, case, compared

__all__ = ["EPS", "LABELS", "Measured", "case", "compared"]
