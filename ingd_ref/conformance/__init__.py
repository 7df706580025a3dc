"""Laws, adapters and reference vectors for implementations of the velocities (K1)-(K7)."""

from ingd_ref.conformance._adapter import EVERYTHING, Unsupported, adapter
from ingd_ref.conformance._build import build
from ingd_ref.conformance._check import Report, Verdict, check_velocity, parametrize_with_laws
from ingd_ref.conformance._law import Law, LawViolation
from ingd_ref.conformance._laws import LAWS
from ingd_ref.conformance._package import package_velocity
from ingd_ref.conformance._problem import Problem, Solution
from ingd_ref.conformance._problems import Domain
from ingd_ref.conformance._rounding import IllConditioned
from ingd_ref.conformance._vectors import ReferenceVector, reference_vectors

__all__ = [
    "EVERYTHING",
    "LAWS",
    "Domain",
    "IllConditioned",
    "Law",
    "LawViolation",
    "Problem",
    "ReferenceVector",
    "Report",
    "Solution",
    "Unsupported",
    "Verdict",
    "adapter",
    "build",
    "check_velocity",
    "package_velocity",
    "parametrize_with_laws",
    "reference_vectors",
]
