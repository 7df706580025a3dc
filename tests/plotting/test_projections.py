"""Figures of projections: velocities, errors, ROC curves, regularisation paths and graphs."""

import numpy as np
import pytest

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._convergence import plot_sample_error
from ingd_ref.plotting._edges import plot_edges, plot_regularisation_path, plot_roc
from ingd_ref.plotting._rates import plot_rates


def test_rates_draw_truth_points_and_band_on_the_axis_of_the_points():
    t = np.linspace(0.0, 1.0, 9)
    truth = np.stack([np.sin(t), np.cos(t)], axis=1)
    half = np.full((9, 2), 0.1)
    figure = plot_rates(
        t, truth, (t[::4], truth[::4], half[::4]), (truth, np.full((9, 2), 50.0)), names=("a", "b")
    )
    assert [axes.get_ylabel() for axes in figure.axes] == ["a", "b"]
    low, high = figure.axes[0].get_ylim()
    assert -1 < low < -0.1  # the wide band does not widen the axis
    assert high < 2
    assert len(figure.axes[0].collections) == 2  # the band and the error bars
    figure.canvas.draw()
    with pytest.raises(ShapeError, match="do not fit times"):
        plot_rates(t, truth[:4], (t, truth, half))


def test_errors_have_the_guide_of_one_half():
    figure = plot_sample_error([100, 400], {"a": [1.0, 0.5], "b": [2.0, 0.25]})
    first, _, guide, through = (line.get_ydata() for line in figure.axes[0].lines)
    assert list(first) == [1.0, 0.5]
    assert np.allclose(
        guide, [1.0, 0.5], rtol=1e-14
    )  # a curve of slope −½ is its own guide, up to a logarithm and back
    assert np.allclose(through, [1.0, 0.5], rtol=1e-14)  # 2·10 and ¼·20 have the geometric mean 10
    with pytest.raises(ShapeError, match="errors 'a'"):
        plot_sample_error([100], {"a": [1.0, 2.0]})


def test_roc_curves_show_trials_and_their_mean():
    figure = plot_roc(
        {
            "a": [([0.0, 0.0, 1.0], [0.0, 1.0, 1.0]), ([0.0, 1.0], [0.0, 1.0])],
            "b": [([0.0, 1.0], [0.0, 1.0])],
        }
    )
    lines = figure.axes[0].lines
    assert len(lines) == 1 + 3 + 1  # guessing, two trials and their mean, one trial alone
    assert lines[3].get_ydata()[1] == 0.5  # at no false alarms, the mean of 1 and 0
    figure.canvas.draw()


def test_paths_draw_every_coefficient():
    figure = plot_regularisation_path(
        [1.0, 0.1], np.zeros((2, 5)), [True, False, False, False, True], chosen=0.3
    )
    assert len(figure.axes[0].lines) == 6
    with pytest.raises(ShapeError, match="coefficients"):
        plot_regularisation_path([1.0], np.zeros((2, 5)), np.ones(5))


def test_graphs_count_what_was_found_and_missed():
    figure = plot_edges(4, [[0, 1], [1, 2], [2, 3]], [1.0, -1.0, 0.0], [0.5, 0.0, 0.2])
    texts = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert texts == ["found (1)", "false alarm (1)", "missed (1)"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 3]
    figure.canvas.draw()
    with pytest.raises(ShapeError, match="do not match"):
        plot_edges(4, [[0, 1]], [1.0, 2.0], [1.0])
