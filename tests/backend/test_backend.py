"""Array libraries, devices and implementations."""

import numpy as np
import pytest

from ingd_ref.backend._dispatch import explain, kernel
from ingd_ref.backend._namespace import array_namespace, backend_name, item, to_backend, to_host
from ingd_ref.backend._operations import tile_edge, tiles
from ingd_ref.errors import BackendError, OptionError
from ingd_ref.kernels import readable

strict = pytest.importorskip("array_api_strict")
DEVICES = [strict.Device(name) for name in ("CPU_DEVICE", "device1", "device2")]


def test_the_namespace_is_that_of_the_arrays():
    x = np.ones(2)
    assert array_namespace(x=x, weights=None).__name__ == "array_api_compat.numpy"
    assert array_namespace(x=strict.asarray([1.0])) is strict
    assert backend_name(x) == "numpy"
    assert backend_name(strict.asarray([1.0])) == "array_api_strict"


@pytest.mark.parametrize("wrong", [1.0, "x", {1.0}, None.__class__, np.float64])
def test_what_is_no_array_is_named(wrong):
    with pytest.raises(
        BackendError, match=f"weights must be an array .* got {type(wrong).__name__}"
    ):
        array_namespace(x=np.ones(2), weights=wrong)


def test_libraries_and_devices_do_not_mix():
    with pytest.raises(
        BackendError,
        match=r"x and y come from different array libraries \(numpy and array_api_strict\)",
    ):
        array_namespace(x=np.ones(2), y=strict.asarray([1.0]))
    with pytest.raises(BackendError, match="x and y lie on different devices"):
        array_namespace(
            x=strict.asarray([1.0], device=DEVICES[0]), y=strict.asarray([1.0], device=DEVICES[1])
        )


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_arrays_move_to_the_host_and_back(device):
    like = strict.asarray([0.0], dtype=strict.float32, device=device)
    there = to_backend(np.arange(3.0), like)
    assert (there.dtype, there.device) == (strict.float32, device)
    assert np.array_equal(to_host(there), np.arange(3.0))
    assert item(strict.sum(there)) == 3.0
    indices = to_backend(np.arange(3), like)
    assert strict.isdtype(indices.dtype, "integral")


def test_moving_makes_a_copy():
    host = np.zeros(2)
    there = to_backend(host, np.ones(1))
    there[:] = 5.0
    assert not host.any()


def test_torch_tensors_move_too():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    there = to_backend(np.arange(3.0), torch.zeros(1))
    assert there.dtype == torch.float32
    assert np.array_equal(to_host(there.requires_grad_()), np.arange(3.0))


class TestExplain:
    x = np.zeros((4, 2))

    def test_readable_is_always_there(self):
        choice = explain("squared_distances", strict.asarray(self.x), strict.asarray(self.x))
        assert (choice.backend, choice.implementation) == ("array_api_strict", "readable")
        assert "numpy and cupy" in choice.reason
        assert (
            explain("squared_distances", self.x, self.x, implementation="readable").reason
            == "requested"
        )
        assert (
            kernel("squared_distances", self.x, self.x, implementation="readable")
            is readable.squared_distances
        )

    def test_auto_follows_the_work(self):
        small = explain("squared_distances", self.x, self.x)
        large = explain("squared_distances", np.zeros((3000, 2)), np.zeros((3000, 2)))
        assert small.implementation == "readable"
        assert large.implementation == "fused"
        assert small.reason != large.reason

    def test_fused_is_rejected_where_there_is_none(self):
        with pytest.raises(BackendError, match="no fused squared_distances for array_api_strict"):
            explain(
                "squared_distances",
                strict.asarray(self.x),
                strict.asarray(self.x),
                implementation="fused",
            )
        with pytest.raises(BackendError, match="no fused gradient_gaussian_matrix for numpy"):
            explain("gradient_gaussian_matrix", self.x, self.x, implementation="fused")

    def test_a_missing_compiler_means_readable(self, monkeypatch):
        monkeypatch.setattr("ingd_ref.backend._dispatch._installed", lambda name: False)
        assert (
            explain("squared_distances", np.zeros((3000, 2)), self.x).reason
            == "numba is not installed"
        )
        with pytest.raises(BackendError, match="numba is not installed"):
            explain("squared_distances", self.x, self.x, implementation="fused")

    def test_unknown_names_are_rejected(self):
        with pytest.raises(OptionError, match="no kernel called 'cubed_distances'"):
            explain("cubed_distances", self.x, self.x)
        with pytest.raises(OptionError, match="'fast'"):
            explain("squared_distances", self.x, self.x, implementation="fast")
        with pytest.raises(OptionError, match="no kernel called 'contract'"):
            explain("contract", self.x, self.x)
        with pytest.raises(TypeError, match="how"):
            explain("squared_distances", self.x, self.x, how="fused")


@pytest.mark.parametrize(("length", "edge"), [(1, 1), (5, 2), (4, 2), (3, 10)])
def test_tiles_cover_everything_once(length, edge):
    covered = [i for tile in tiles(length, edge) for i in range(length)[tile]]
    assert covered == list(range(length))


def test_tiles_keep_to_their_budget():
    x = np.zeros((1, 1))
    for width in (1, 7, 240, 2000):
        edge = tile_edge(x, width)
        assert edge == 16 or edge * edge * width * 8 <= 4 * 2**20
