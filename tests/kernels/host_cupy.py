"""CuPy's names on the host: NumPy arrays, and kernels compiled by C++ to loops over the grid.

It stands in for CuPy where there is no GPU: the text of the kernels, the launch sizes and the order
of the arguments are all tested.
"""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

COMPILER = shutil.which("g++") or shutil.which("c++")

SHIM = """
#include <cmath>
using std::exp;
using std::sqrt;
#define __global__
#define __device__
struct Index { long long x; };
static Index blockIdx, threadIdx, blockDim;
"""
LOOP = """
extern "C" void launch_{name}(long long blocks, long long width, {parameters}) {{
    blockDim.x = width;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < width; ++threadIdx.x) {name}({names});
}}
"""
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
TYPES = {np.int64: ctypes.c_longlong, np.float32: ctypes.c_float, np.float64: ctypes.c_double}


class HostModule:
    """What ``cupy.RawModule`` does, by compiling to a shared library."""

    def __init__(self, code, folder):
        launchers = [
            LOOP.format(
                name=name,
                parameters=parameters,
                names=", ".join(part.split()[-1] for part in parameters.split(",")),
            )
            for name, parameters in KERNEL.findall(code)
        ]
        self.declared = {
            name: [part.split()[:-1] for part in parameters.split(",")]
            for name, parameters in KERNEL.findall(code)
        }
        text, library = folder / "kernels.cpp", folder / "kernels.so"
        text.write_text(SHIM + code + "".join(launchers), encoding="utf-8")
        subprocess.run(
            [
                COMPILER,
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-shared",
                "-fPIC",
                "-o",
                library,
                text,
            ],
            check=True,
        )
        self.shared_object = ctypes.CDLL(str(library))
        self.real = np.float64 if "typedef double real" in code else np.float32

    def get_function(self, name):
        def run(grid, block, arguments):
            values = [
                self._convert(declared, value)
                for declared, value in zip(self.declared[name], arguments, strict=True)
            ]
            getattr(self.shared_object, f"launch_{name}")(
                ctypes.c_longlong(grid[0]), ctypes.c_longlong(block[0]), *values
            )

        return run

    def _convert(self, declared, value):
        """Pass one argument on if it is what the text declares: a GPU would not check."""
        if declared[-1].endswith("*"):
            assert value.dtype == self.real
            assert value.flags.c_contiguous
            return ctypes.c_void_p(value.ctypes.data)
        assert type(value) is (self.real if declared == ["real"] else np.int64)
        return TYPES[type(value)](value)


class HostCupy:
    """The few functions of CuPy that the kernels call."""

    ascontiguousarray = staticmethod(np.ascontiguousarray)
    empty = staticmethod(lambda shape, dtype: np.full(shape, np.nan, dtype=dtype))
    log = staticmethod(np.log)
    zeros = staticmethod(np.zeros)

    def __init__(self, folder):
        self.folder = Path(folder)

    def RawModule(self, code):  # noqa: N802 - the name in CuPy
        folder = self.folder / str(abs(hash(code)))
        folder.mkdir()
        return HostModule(code, folder)
