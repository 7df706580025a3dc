"""Figures of runs: each function returns a ``matplotlib.figure.Figure`` and leaves pyplot alone."""

from ingd_ref.plotting._curves import plot_metric_curves
from ingd_ref.plotting._edges import plot_regularisation_path
from ingd_ref.plotting._particles import plot_particles
from ingd_ref.plotting._style import save_figure

__all__ = ["plot_metric_curves", "plot_particles", "plot_regularisation_path", "save_figure"]
