"""Projections of a distribution that moves onto an exponential family, from samples of it: (P1) to (P7)."""

from ingd_ref.projection._m_projection import MProjection, m_projection, match_moments
from ingd_ref.projection._sparse import (
    RegularisationPath,
    SparseMinimum,
    SparseWindowProjection,
    regularisation_path,
    sparse_minimum,
    sparse_window_projection,
)
from ingd_ref.projection._tangent import (
    TangentProjection,
    paired_tangent_projection,
    tangent_projection,
)
from ingd_ref.projection._time_bases import BSpline, Constant, Fourier, Polynomial, TimeBasis
from ingd_ref.projection._time_quadrature import (
    gauss_legendre_times,
    simpson_weights,
    trapezoid_weights,
)
from ingd_ref.projection._window import (
    WindowProjection,
    WindowSystem,
    window_projection,
    window_system,
)
from ingd_ref.projection._window_weights import (
    Bump,
    CustomWeight,
    Parabola,
    Power,
    Sine,
    WindowWeight,
)

__all__ = [
    "BSpline",
    "Bump",
    "Constant",
    "CustomWeight",
    "Fourier",
    "MProjection",
    "Parabola",
    "Polynomial",
    "Power",
    "RegularisationPath",
    "Sine",
    "SparseMinimum",
    "SparseWindowProjection",
    "TangentProjection",
    "TimeBasis",
    "WindowProjection",
    "WindowSystem",
    "WindowWeight",
    "gauss_legendre_times",
    "m_projection",
    "match_moments",
    "paired_tangent_projection",
    "regularisation_path",
    "simpson_weights",
    "sparse_minimum",
    "sparse_window_projection",
    "tangent_projection",
    "trapezoid_weights",
    "window_projection",
    "window_system",
]
