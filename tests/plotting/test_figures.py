"""Figures show their numbers, belong to their caller, and are written to the same bytes."""

import subprocess
import sys

import array_api_strict as strict
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import ingd_ref as ir
from ingd_ref.plotting._images import plot_images
from ingd_ref.plotting._paths import plot_path_error

RNG = np.random.default_rng(0)


def test_curves_are_means_with_bands_of_one_standard_error():
    trials = np.exp(RNG.normal(size=(7, 5)))
    figure = ir.plotting.plot_metric_curves(
        {"a": trials, "b": trials[0]}, steps=[0, 1, 2, 5, 10], xlabel="t", ylabel="MMD", title="T"
    )
    (axes,) = figure.axes
    first, second = axes.lines
    np.testing.assert_allclose(first.get_ydata(), trials.mean(axis=0))
    np.testing.assert_array_equal(second.get_ydata(), trials[0])
    np.testing.assert_array_equal(first.get_xdata(), [0, 1, 2, 5, 10])
    (band,) = axes.collections  # one trial has no band
    top = [
        np.max(band.get_paths()[0].vertices[band.get_paths()[0].vertices[:, 0] == t, 1])
        for t in (0, 1, 2, 5, 10)
    ]
    np.testing.assert_allclose(top, trials.mean(axis=0) + trials.std(axis=0, ddof=1) / np.sqrt(7))
    assert (axes.get_yscale(), axes.get_xlabel(), axes.get_ylabel(), figure.get_suptitle()) == (
        "log",
        "t",
        "MMD",
        "T",
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert first.get_color() != second.get_color()


def test_a_logarithmic_axis_is_not_stretched_by_zeros():
    (axes,) = ir.plotting.plot_metric_curves({"a": [[1.0, 0.1, 0.0], [1.0, 0.3, 0.0]]}).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1.0, 0.2, np.nan])
    assert 0.1 < axes.get_ylim()[0] < 0.2
    (axes,) = ir.plotting.plot_metric_curves({"a": [-1.0, 0.0]}, log=False).axes
    assert axes.get_yscale() == "linear"


def test_more_methods_than_colours_change_their_line():
    (axes,) = ir.plotting.plot_metric_curves({str(k): [1.0, 2.0] for k in range(8)}).axes
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == 8


def test_particles_before_and_after_share_their_axes():
    before, after, target = (
        RNG.normal(size=(9, 3)),
        RNG.normal(size=(9, 3)) + 4.0,
        RNG.normal(size=(20, 3)) + 4.0,
    )
    trajectory = np.stack([before, (before + after) / 2, after])
    figure = ir.plotting.plot_particles(before, after, target, trajectory, coordinates=(0, 2))
    left, right = figure.axes
    for axes, points in ((left, before), (right, after)):
        grey, dots = axes.collections
        np.testing.assert_array_equal(grey.get_offsets(), target[:, [0, 2]])
        np.testing.assert_array_equal(dots.get_offsets(), points[:, [0, 2]])
    assert left.get_xlim() == right.get_xlim()
    everything = np.concatenate([before, after, target])[:, [0, 2]]
    low, high = np.array([left.get_xlim(), left.get_ylim()]).T
    assert np.all(low < everything)
    assert np.all(everything < high)
    np.testing.assert_allclose(*(high - low))  # one scale for both coordinates
    assert len(right.lines) == 9
    np.testing.assert_array_equal(right.lines[3].get_xydata(), trajectory[:, 3, [0, 2]])


def test_images_fill_their_block_row_by_row():
    images = RNG.uniform(size=(5, 6))
    figure = plot_images(
        {"before": images, "after": images.reshape(5, 2, 3) + 1.0}, shape=(2, 3), columns=3
    )
    for axes, shift in zip(figure.axes, (0.0, 1.0), strict=True):
        (shown,) = axes.images
        canvas = shown.get_array()
        assert canvas.shape == (5, 11)
        np.testing.assert_array_equal(canvas[3:5, 4:7], images[4].reshape(2, 3) + shift)
        assert canvas[3:5, 8:].mask.all()
        assert shown.get_clim() == (images.min(), images.max() + 1.0)


def test_errors_are_largest_over_components_and_zero_is_left_out():
    times, exact = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    flow = exact + np.array([[0.0, 0.0], [0.1, -0.3], [0.0, 0.01]])
    upper, lower = plot_path_error(times, exact, {"Euler": flow}).axes
    np.testing.assert_allclose(lower.lines[0].get_ydata(), [np.nan, 0.3, 0.01])
    np.testing.assert_array_equal(
        [line.get_ydata() for line in upper.lines], np.concatenate([flow.T, exact.T])
    )
    assert lower.get_yscale() == "log"


EXAMPLES = {
    "curves": lambda: ir.plotting.plot_metric_curves(
        {"a": np.ones((2, 3)), "b": [1.0, 0.5, 0.2]}, title="σ = ½"
    ),
    "particles": lambda: ir.plotting.plot_particles(
        np.eye(2), np.eye(2) + 1.0, np.zeros((1, 2)), title="T"
    ),
    "coincident": lambda: ir.plotting.plot_particles(np.zeros((3, 2)), np.zeros((3, 2))),
    "images": lambda: plot_images({"equal": np.zeros((3, 64))}),
    "path": lambda: plot_path_error([0.0, 1.0], [1.0, 2.0], {"a": [1.0, 2.0], "b": [1.5, 2.5]}),
}
BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("draw", EXAMPLES.values(), ids=EXAMPLES)
def test_every_figure_can_be_drawn_and_belongs_to_its_caller(draw, tmp_path):
    figure = draw()
    assert type(figure) is Figure
    assert draw() is not figure
    assert (
        ir.plotting.save_figure(figure, tmp_path / "figure.png", dpi=40) == tmp_path / "figure.png"
    )


@pytest.mark.parametrize("draw", EXAMPLES.values(), ids=EXAMPLES)
def test_everything_lies_on_the_page(draw, tmp_path):
    figure = draw()
    ir.plotting.save_figure(figure, tmp_path / "figure.png", dpi=100)
    # Lay out and measure at one resolution, because texts have an integer of pixels.
    outline, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert 0 <= outline.x0 < outline.x1 <= width
    assert 0 <= outline.y0 < outline.y1 <= height


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_the_same_figure_gives_the_same_bytes(suffix, tmp_path):
    first, second = (
        ir.plotting.save_figure(
            EXAMPLES["curves"](), tmp_path / f"{k}{suffix}", dpi=40
        ).read_bytes()
        for k in range(2)
    )
    assert first.startswith(BEGINNINGS[suffix])
    assert first == second


def test_unknown_format_is_named(tmp_path):
    with pytest.raises(ir.errors.OptionError, match=r"png, pdf, svg, got 'figure.bmp'"):
        ir.plotting.save_figure(EXAMPLES["curves"](), tmp_path / "figure.bmp")


def test_arrays_of_other_libraries_are_drawn():
    (axes,) = ir.plotting.plot_metric_curves({"a": strict.asarray([1.0, 2.0])}).axes
    assert axes.lines[0].get_ydata().tolist() == [1.0, 2.0]


def test_settings_of_matplotlib_stay_as_they_are(tmp_path):
    before = dict(mpl.rcParams)
    ir.plotting.save_figure(EXAMPLES["path"](), tmp_path / "figure.svg")
    assert dict(mpl.rcParams) == before


def test_neither_import_nor_drawing_loads_pyplot():
    program = (
        "import sys, ingd_ref as ir, ingd_ref.plotting\n"
        "assert 'matplotlib' not in sys.modules\n"
        "ir.plotting.plot_metric_curves({'a': [1.0, 2.0]})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: ir.plotting.plot_metric_curves({"a": np.ones((2, 2, 2))}),
            "curve 'a' must have shape",
        ),
        (lambda: ir.plotting.plot_metric_curves({"a": []}), "curve 'a' must have shape"),
        (
            lambda: ir.plotting.plot_metric_curves({"a": [1.0, 2.0]}, steps=[1.0]),
            "curve 'a' has 2 values, but steps has 1",
        ),
        (
            lambda: ir.plotting.plot_particles(np.ones((3, 1)), np.ones((3, 2))),
            r"before must have shape \(n, d\) with d > 1",
        ),
        (
            lambda: ir.plotting.plot_particles(
                np.ones((3, 2)), np.ones((3, 2)), trajectory=np.ones((3, 2))
            ),
            r"trajectory must .*\(k, n, d\)",
        ),
        (
            lambda: plot_images({"a": np.ones((3, 63))}),
            r"images 'a' must have shape \(k, 64\)",
        ),
        (lambda: plot_images({}), "at least one group"),
        (
            lambda: plot_path_error([0.0, 1.0], [1.0], {}),
            r"path 'exact' must have shape \(2, b\)",
        ),
        (
            lambda: plot_path_error([0.0], [1.0], {"a": [[1.0, 2.0]]}),
            r"path 'a' must have shape \(1, 1\)",
        ),
    ],
)
def test_bad_data_are_named(draw, message):
    with pytest.raises(ir.errors.ShapeError, match=message):
        draw()
