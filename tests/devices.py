"""The simulated devices of array-api-strict, made to reject silent transfers to the host.

The strict namespace already rejects mixed devices and NumPy functions. It accepts ``float(x)``,
``bool(x)`` and the like, which on a GPU would wait for the device and copy; with the fixture
:func:`guarded_devices` they raise.
"""

import numpy as np
import pytest

DEVICES = {
    "host": ("CPU_DEVICE", np.float64),
    "accelerator": ("device1", np.float64),
    "float32 accelerator": ("device2", np.float32),
}
CONVERSIONS = ("__float__", "__int__", "__bool__", "__index__", "__complex__")


class ImplicitTransfer(AssertionError):
    """A number left a device silently."""


def _guarded(name, original, host):
    def convert(self):
        if self.device != host:
            raise ImplicitTransfer(
                f"{name} on an array of {self.device}: use ingd_ref.backend.to_host"
            )
        return original(self)

    return convert


@pytest.fixture
def guarded_devices(monkeypatch):
    """Make arrays on every device but the host raise when they become Python scalars."""
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    array_type = type(strict.asarray(0.0))
    host = strict.Device("CPU_DEVICE")
    for name in CONVERSIONS:
        monkeypatch.setattr(array_type, name, _guarded(name, getattr(array_type, name), host))


@pytest.fixture(params=list(DEVICES))
def on_device(request, guarded_devices):
    """Return a function that moves an array to a simulated device, in its default float type."""
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    name, dtype = DEVICES[request.param]

    def move(x):
        return strict.asarray(
            x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x,
            device=strict.Device(name),
        )

    return move
