"""``import ingd_ref`` is silent, changes nothing and loads little."""

import json
import subprocess
import sys

HEAVY = {
    "array_api_compat",
    "click",
    "cupy",
    "matplotlib",
    "numba",
    "numpy",
    "rich",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "torch",
}


def modules_after(statement):
    """Return the heavy packages that a silent statement loads in a fresh process."""
    program = f"import sys\n{statement}\nimport json\nprint(json.dumps(sorted(set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return HEAVY & set(json.loads(done.stdout))


def test_the_package_alone_loads_nothing():
    assert modules_after("import ingd_ref") == set()


def test_the_flows_load_numpy_and_the_array_standard_only():
    """Measured: ``import ingd_ref`` 0.5 ms, these 0.15 s, and NumPy itself 0.1 s."""
    used = "ir.flows.KiNG, ir.features, ir.rkhs, ir.families, ir.metrics, ir.plotting"
    assert modules_after(f"import ingd_ref as ir; {used}") == {"array_api_compat", "numpy"}


def test_the_help_of_the_command_line_needs_no_compiler_and_no_plots():
    loaded = modules_after("from ingd_ref.cli import main")
    assert loaded <= {"array_api_compat", "click", "numpy", "threadpoolctl"}


def test_random_state_and_warnings_are_left_alone():
    program = """
import numpy as np, random, warnings

def state():
    drawn = np.random.get_state()[1].tolist(), random.getstate()
    return drawn, list(warnings.filters), np.geterr(), np.get_printoptions()

before = state()
import ingd_ref
from ingd_ref import cli, experiments, families, features, flows, kernels, metrics, plotting, rkhs
assert state() == before
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
