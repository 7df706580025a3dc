"""Figures of runs: functions that take data and return a ``matplotlib.figure.Figure``, without pyplot and without global state."""

from ingd_ref.plotting._ascent import plot_ascent, plot_gaps
from ingd_ref.plotting._convergence import plot_convergence
from ingd_ref.plotting._curves import plot_metric_curves
from ingd_ref.plotting._edges import plot_edges, plot_regularisation_path, plot_roc
from ingd_ref.plotting._finite import (
    plot_cosines,
    plot_divergences,
    plot_probabilities,
    plot_visible_simplex,
)
from ingd_ref.plotting._images import plot_images
from ingd_ref.plotting._levels import add_level
from ingd_ref.plotting._particles import plot_particles
from ingd_ref.plotting._paths import plot_path_error
from ingd_ref.plotting._rates import plot_rates, plot_sample_error
from ingd_ref.plotting._style import PALETTE, save_figure

__all__ = [
    "PALETTE",
    "add_level",
    "plot_ascent",
    "plot_convergence",
    "plot_cosines",
    "plot_divergences",
    "plot_edges",
    "plot_gaps",
    "plot_images",
    "plot_metric_curves",
    "plot_particles",
    "plot_path_error",
    "plot_probabilities",
    "plot_rates",
    "plot_regularisation_path",
    "plot_roc",
    "plot_sample_error",
    "plot_visible_simplex",
    "save_figure",
]
