"""``ingd-ref info``: what is installed on this machine, and which kernels run."""

from __future__ import annotations

import json
import os
import platform
from importlib.util import find_spec
from typing import Any

import click
import numpy as np

from ingd_ref.backend import explain
from ingd_ref.experiments._versions import versions

__all__ = ["info"]

SIZES = ((10, 2, 10), (100, 2, 200), (100, 20, 200), (1000, 20, 200))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(as_json: bool) -> None:
    """Show versions, devices, threads and chosen kernels."""
    found: dict[str, Any] = {
        "versions": versions() | _optional_versions(),
        "platform": platform.platform(),
        "backends": {"numpy": "CPU", "cupy": _cupy(), "torch": _torch()},
        "threads": _threads(),
        "kernels": {f"n={n} d={d} b={b}": _choices(n, d, b) for n, d, b in SIZES},
    }
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(f"versions   {_listed(found['versions'])}")
    click.echo(f"platform   {found['platform']}")
    for name, state in found["backends"].items():
        click.echo(f"backend    {name}: {state}")
    click.echo(f"threads    {_listed(found['threads'])}")
    for size, choices in found["kernels"].items():
        click.echo(f"\nkernels with implementation='auto' on NumPy arrays, {size}")
        for choice in choices:
            name, chosen = choice["operation"], choice["implementation"]
            click.echo(f"  {name:<30s} {chosen:<9s} {choice['reason']}")


def _listed(numbers: dict[str, Any]) -> str:
    return "  ".join(f"{name} {number}" for name, number in numbers.items())


def _optional_versions() -> dict[str, str]:
    """Return versions of libraries that change no number."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("array-api-compat", "matplotlib", "click", "rich", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cupy() -> str:
    """Return the CUDA device, or why there is none."""
    if find_spec("cupy") is None:
        return "not installed (extras cuda12, cuda13)"
    try:
        import cupy

        device = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.runtime.getDevice())
        return f"{device['name'].decode()}, {device['totalGlobalMem'] / 2**30:.0f} GiB"
    # CuPy reports a missing driver, device or toolkit by exceptions of several libraries.
    except Exception as error:
        return f"installed, but unusable: {str(error).splitlines()[0]}"


def _torch() -> str:
    if find_spec("torch") is None:
        return "not installed (optional)"
    return "installed: readable kernels run on its tensors"


def _threads() -> dict[str, Any]:
    import numba
    from threadpoolctl import threadpool_info

    pools = {
        f"{pool['internal_api']} {pool.get('version') or ''}".strip(): pool["num_threads"]
        for pool in threadpool_info()
    }
    return {"cores": os.cpu_count(), "numba": numba.get_num_threads(), **pools}


def _choices(n: int, d: int, b: int) -> list[dict[str, str]]:
    """Return the implementation of each kernel for n particles, d dimensions and b features."""
    x, centers, weights, jacobian = (np.zeros(shape) for shape in ((n, d), (b, d), (n,), (n, d, b)))
    arguments: dict[str, tuple[Any, ...]] = {
        "squared_distances": (x, x),
        "median_squared_distance": (x,),
        "mean_gaussian": (x, x, weights, weights),
        "distance_gradient": (x, x, weights),
        "gaussian_kde_score": (x, x, weights),
        "gaussian_rbf_with_jacobian": (x, centers),
        "gradient_gaussian_contraction": (x, x, jacobian),
        "scalar_gaussian_contraction": (x, x, jacobian),
        "neural_tangent_contraction": (x, x, jacobian),
    }
    found = [vars(explain(operation, *arrays)) for operation, arrays in arguments.items()]
    shown = ("operation", "implementation", "reason")
    return [{name: choice[name] for name in shown} for choice in found]
