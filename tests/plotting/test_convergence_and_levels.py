"""Figures of errors against step sizes, and levels to compare curves with."""

import numpy as np
import pytest

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._convergence import plot_convergence
from ingd_ref.plotting._curves import add_level, plot_metric_curves


def test_convergence_draws_errors_and_the_slope_of_the_order():
    figure = plot_convergence([0.1, 0.2, 0.4], {"Heun": [1.1e-2, 4.1e-2, 0.16]}, {"Heun": 2})
    axes = figure.axes[0]
    promised, measured = (line.get_ydata() for line in axes.lines)
    assert np.allclose(promised, [0.01, 0.04, 0.16], rtol=1e-14)  # 0.16 (h/0.4)²: three roundings
    assert list(measured) == [1.1e-2, 4.1e-2, 0.16]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    figure.canvas.draw()


def test_convergence_without_orders_and_with_a_zero():
    figure = plot_convergence([0.1, 0.2], {"exact": [0.0, 1e-16]})
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[0])


def test_convergence_rejects_other_lengths():
    with pytest.raises(ShapeError, match="errors 'Euler' must have shape"):
        plot_convergence([0.1, 0.2], {"Euler": [1.0]})


@pytest.mark.parametrize("log", [True, False])
def test_a_level_is_drawn_named_and_visible(log):
    figure = plot_metric_curves({"a": [1.0, 0.5]}, log=log)
    assert add_level(figure, 0.01, "floor") is figure
    axes = figure.axes[0]
    assert list(axes.lines[-1].get_ydata()) == [0.01, 0.01]
    assert axes.get_ylim()[0] < 0.01
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "floor"]
