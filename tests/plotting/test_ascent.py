"""Figures of bounds and of their gaps to the optimum."""

import numpy as np
import pytest

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._ascent import plot_ascent, plot_gaps


def test_gaps_are_drawn_by_problem_and_method():
    panels = {
        "first": {"a": [-3.0, -2.0], "b": [-3.0, -1.5, -1.0 - 1e-12]},
        "second": {"b": [0.0, 0.5]},
    }
    figure = plot_gaps(panels, {"first": -1.0, "second": 1.0}, target=1e-6)
    first, second = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in first.lines[:1]], [[2.0, 1.0]])
    np.testing.assert_allclose(
        first.lines[1].get_ydata(), [2.0, 0.5, 1e-9]
    )  # the last gap is below the floor
    assert list(first.lines[1].get_xdata()) == [1, 2, 3]
    assert list(first.lines[2].get_ydata()) == [1e-6, 1e-6]
    assert first.lines[1].get_color() == second.lines[0].get_color()  # a method keeps its colour
    assert (first.get_xscale(), first.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    figure.canvas.draw()


def test_one_panel():
    figure = plot_gaps({"only": {"a": [0.0]}}, {"only": 1.0})
    assert len(figure.axes) == 1
    assert figure.axes[0].get_title() == "only"


def test_ascent_shows_the_optimum():
    figure = plot_ascent({"a": [-100.0, -2.0, -1.1], "b": [-100.0, -5.0]}, -1.0, title="bound")
    axes = figure.axes[0]
    assert list(axes.lines[2].get_ydata()) == [-1.0, -1.0]
    low, high = axes.get_ylim()
    assert -100.0 < low < -5.0 < -1.0 < high
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "optimum"]
    figure.canvas.draw()


def test_unusable_curves():
    with pytest.raises(ShapeError, match="at least one problem"):
        plot_gaps({}, {})
    with pytest.raises(ShapeError, match="curve 'a' must have shape"):
        plot_gaps({"p": {"a": []}}, {"p": 0.0})
    with pytest.raises(ShapeError, match="curve 'a' must have shape"):
        plot_ascent({"a": [[1.0]]}, 0.0)
