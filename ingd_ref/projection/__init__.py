"""Projections of a moving distribution onto an exponential family, from samples: (P1) to (P7)."""

from ingd_ref.projection._m_projection import m_projection, match_moments
from ingd_ref.projection._sparse import (
    regularisation_path,
    sparse_minimum,
    sparse_window_projection,
)
from ingd_ref.projection._tangent import (
    TangentProjection,
    paired_tangent_projection,
    tangent_projection,
)
from ingd_ref.projection._time_bases import BSpline, Fourier, Polynomial, TimeBasis
from ingd_ref.projection._time_quadrature import gauss_legendre_times
from ingd_ref.projection._window import WindowProjection, window_projection, window_system
from ingd_ref.projection._window_weights import Bump, Power, Sine, UserWeight, WindowWeight

__all__ = [
    "BSpline",
    "Bump",
    "Fourier",
    "Polynomial",
    "Power",
    "Sine",
    "TangentProjection",
    "TimeBasis",
    "UserWeight",
    "WindowProjection",
    "WindowWeight",
    "gauss_legendre_times",
    "m_projection",
    "match_moments",
    "paired_tangent_projection",
    "regularisation_path",
    "sparse_minimum",
    "sparse_window_projection",
    "tangent_projection",
    "window_projection",
    "window_system",
]
