"""The array libraries that evidence is collected on, and the explicit way to and from each."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any

import numpy as np

from ingd_ref.backend import explain
from ingd_ref.errors import BackendError

__all__ = ["BACKENDS", "Arrays", "HostConversionError", "present", "refusing_host_conversions"]

Host = np.ndarray[Any, Any]


class HostConversionError(AssertionError):
    """An array on a device was turned into a number or a NumPy array behind the library's back."""


class Arrays(ABC):
    """Makes arrays of one library from host arrays, and reads results back.

    A case calls it, ``arrays([[1.0]])``.
    """

    name: str

    def __call__(self, host: Any, dtype: str = "float64") -> Any:
        """Return a fresh array with the numbers of ``host``.

        Floating ones as ``dtype``, booleans as they are.
        """
        values = np.array(host)
        return self.to_device(values if values.dtype == bool else values.astype(dtype))

    def host(self, x: Any) -> Host:
        """Return the numbers of a result.

        Raise TypeError unless it is an array of this library, on the device of its inputs.
        """
        if not self.owns(x):
            raise TypeError(
                f"the result left its library or device: got {type(x).__name__} for "
                f"{self.name} arrays"
            )
        return self.to_host(x)

    def number(self, x: Any) -> float:
        """Return a scalar result: a Python number, or an array without axes."""
        return float(x) if isinstance(x, float | int) else float(self.host(x))

    def implementations(self, operation: str) -> tuple[str, ...]:
        """Names of the implementations of a kernel that exist for these arrays."""
        try:
            explain(operation, self(np.zeros((1, 1))), implementation="fused")
        except BackendError:
            return ("readable",)
        return ("readable", "fused")

    def guarded(self) -> AbstractContextManager[None]:
        """Context in which silent transfers to the host raise, if the library can detect them."""
        return nullcontext()

    @abstractmethod
    def absence(self) -> str:
        """Why this backend cannot be used here, or an empty string if it can."""

    @abstractmethod
    def to_device(self, host: Host) -> Any:
        """Copy a host array to the device."""

    @abstractmethod
    def owns(self, x: Any) -> bool:
        """Whether ``x`` is an array of this library, on the device."""

    @abstractmethod
    def to_host(self, x: Any) -> Host:
        """Copy an array of this library to the host."""


class NumPyArrays(Arrays):
    """NumPy arrays, read-only, so that a kernel that writes to its arguments fails."""

    name = "numpy"

    def absence(self) -> str:
        return ""

    def to_device(self, host: Host) -> Host:
        host.flags.writeable = False
        return host

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic)

    def to_host(self, x: Any) -> Host:
        return np.array(x)


class StrictArrays(Arrays):
    """Arrays of array-api-strict on a device that is not the host.

    Only the standard's functions work, and no silent transfer.
    """

    name = "strict"

    def absence(self) -> str:
        return "" if find_spec("array_api_strict") else "array-api-strict is not installed"

    @property
    def xp(self) -> Any:
        return importlib.import_module("array_api_strict")

    def to_device(self, host: Host) -> Any:
        return self.xp.asarray(host, device=self.xp.Device("device1"))

    def owns(self, x: Any) -> bool:
        return type(x).__module__.startswith("array_api_strict") and x.device == self.xp.Device(
            "device1"
        )

    def to_host(self, x: Any) -> Host:
        return np.array(np.from_dlpack(self.xp.asarray(x, device=self.xp.Device("CPU_DEVICE"))))

    def guarded(self) -> AbstractContextManager[None]:
        return refusing_host_conversions()


class TorchArrays(Arrays):
    """PyTorch tensors on the CPU."""

    name = "torch"

    def absence(self) -> str:
        return "" if find_spec("torch") else "PyTorch is not installed"

    def to_device(self, host: Host) -> Any:
        return importlib.import_module("torch").asarray(host, copy=True)

    def owns(self, x: Any) -> bool:
        return isinstance(x, importlib.import_module("torch").Tensor)

    def to_host(self, x: Any) -> Host:
        return np.array(x.detach().numpy())


class CuPyArrays(Arrays):
    """CuPy arrays on a CUDA device.

    CuPy can be imported without a device, so presence means that it finds one.
    """

    name = "cupy"

    def absence(self) -> str:
        if not find_spec("cupy"):
            return "CuPy is not installed"
        return "" if importlib.import_module("cupy").is_available() else "CuPy finds no CUDA device"

    def to_device(self, host: Host) -> Any:
        return importlib.import_module("cupy").asarray(host)

    def owns(self, x: Any) -> bool:
        return isinstance(x, importlib.import_module("cupy").ndarray)

    def to_host(self, x: Any) -> Host:
        return np.array(x.get())


BACKENDS: dict[str, Arrays] = {
    arrays.name: arrays for arrays in (NumPyArrays(), StrictArrays(), TorchArrays(), CuPyArrays())
}


def present() -> list[str]:
    """Names of the backends that can be used here."""
    return [name for name, arrays in BACKENDS.items() if not arrays.absence()]


@contextmanager
def refusing_host_conversions() -> Iterator[None]:
    """Make strict arrays that are not on the host raise where they would be read.

    That is ``float(x)``, ``int(x)``, ``bool(x)``, ``complex(x)`` and indexing by ``x``.

    The library itself lets them pass on its fake devices, where a GPU library would copy silently
    and stall the device.
    """
    xp = importlib.import_module("array_api_strict")
    array_class: Any = type(xp.zeros(1))
    names = ("__float__", "__int__", "__bool__", "__complex__", "__index__")
    originals = {name: getattr(array_class, name) for name in names}

    def refusing(name: str) -> Any:
        def method(self: Any) -> Any:
            if self.device != xp.Device("CPU_DEVICE"):
                raise HostConversionError(f"{name} was called on an array on {self.device}")
            return originals[name](self)

        return method

    try:
        for name in names:
            setattr(array_class, name, refusing(name))
        yield
    finally:
        for name, original in originals.items():
            setattr(array_class, name, original)
